//! What an operator is made again from: floor and duties out of storage, and the records of the log by their kind.

use std::sync::Arc;

use bytes::Bytes;
use plasma_consensus::{Evidence, Vote, scheme::Verifier};
use plasma_core::{Certificate, Domain, Epoch, Millis};

use super::{
    Params,
    case::Case,
    effect::Record,
    guardian::{Duties, Guardian},
};
use crate::storage::Saved;

/// The duties as storage and Ethereum left them.
pub(super) fn guardian(params: &Params, saved: &Saved, now: Millis) -> Guardian {
    let genesis = &params.genesis;
    let duties = Duties::of(genesis, (params.silence_s, params.grace_s));
    let mut guardian = Guardian::new(duties, params.anchor, genesis.deployment.timestamp_s, now);
    let own = |newest: &&Certificate| newest.block == saved.state.id;
    if let Some(certificate) = saved.certificate.as_ref().filter(own) {
        guardian.on_certified(&saved.state.header, certificate);
    }
    if saved.state.halted.is_some() {
        guardian.on_halted();
    }
    guardian
}

/// The records of a log by their kind.
#[derive(Debug, Default)]
pub(super) struct Logged {
    pub(super) engine: Vec<plasma_consensus::Record>,
    pub(super) bodies: Vec<Bytes>,
    /// The newest.
    pub(super) case: Option<Arc<Case>>,
    pub(super) contradictions: Vec<[Vote; 2]>,
}

impl Logged {
    pub(super) fn of(log: Vec<Record>) -> Self {
        let mut found = Self::default();
        for record in log {
            match record {
                Record::Consensus(record) => found.engine.push(record),
                Record::Body(bytes) => found.bodies.push(bytes),
                Record::Case(case) => found.case = Some(case),
                Record::Contradiction(votes) => found.contradictions.push(*votes),
            }
        }
        found
    }

    /// What was found out about operators; votes that do not accuse their signer under the keys of its committee accuse nobody.
    pub(super) fn evidence<V: Verifier>(
        &self,
        verifier: impl Fn(Epoch) -> Option<V>,
        domain: &Domain,
    ) -> Vec<Evidence> {
        let votes = self.contradictions.iter().cloned();
        votes
            .filter_map(|[first, second]| {
                let verifier = verifier(first.epoch)?;
                Evidence::new(first, second, &verifier, domain)
            })
            .collect()
    }
}
