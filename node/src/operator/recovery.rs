//! What an operator is made again from: floor and duties out of storage, and the records of the log by their kind.

use std::sync::Arc;

use bytes::Bytes;
use plasma_consensus::Floor;
use plasma_core::{Certificate, Genesis, Millis, View};

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
    let duties = Duties::of(genesis, params.me, (params.silence_s, params.grace_s));
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

/// The highest finalization that storage holds.
pub(super) fn floor(saved: &Saved, genesis: &Genesis) -> Floor {
    match &saved.certificate {
        None => Floor {
            view: View(0),
            block: genesis.state().id,
            certificate: None,
        },
        Some(newest) => Floor {
            view: newest.view,
            block: newest.block,
            certificate: Some(newest.clone()),
        },
    }
}

/// The engine's records, the encoded blocks and the newest case of a log.
pub(super) fn split(log: Vec<Record>) -> (Vec<plasma_consensus::Record>, Vec<Bytes>, Option<Arc<Case>>) {
    let (mut votes, mut bodies, mut newest) = (Vec::new(), Vec::new(), None);
    for record in log {
        match record {
            Record::Consensus(record) => votes.push(record),
            Record::Body(bytes) => bodies.push(bytes),
            Record::Case(case) => newest = Some(case),
        }
    }
    (votes, bodies, newest)
}
