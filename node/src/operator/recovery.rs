//! What an operator is made again from: floor and duties out of storage, the records of the log by their kind, and which of
//! them the log must keep.

use std::sync::Arc;

use bytes::Bytes;
use plasma_consensus::{
    Certified, Evidence, Record as Logs, Vote,
    scheme::{OperatorKey, Verifier},
};
use plasma_core::{BlockId, Certificate, Domain, Epoch, Header, Height, Millis, planted::planted};

use super::{
    Operator, Params,
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

/// Which blocks of a log matter most.
#[derive(Debug)]
pub(super) struct Tops {
    notarized: Option<BlockId>,
    newest_final: Option<Certificate>,
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

    /// What the log knows of the running epoch, before its bodies are filed.
    pub(super) fn tops(&self, running: Epoch) -> Tops {
        Tops {
            notarized: self.tip(running),
            newest_final: self.newest_final(running),
        }
    }

    /// The block of the highest view of an epoch that the log knows notarized or final.
    fn tip(&self, epoch: Epoch) -> Option<BlockId> {
        let own = self.engine.iter().filter(|record| record.epoch() == epoch);
        let certified = own.filter_map(|record| match record {
            Logs::Certificate(certified) | Logs::Floor(certified) => {
                Some((record.view(), certified.statement.block()?))
            }
            _ => None,
        });
        certified.max().map(|(_, block)| block)
    }

    /// The newest finalization of the running epoch or a later one. Storage may be older, and in an epoch that is over nobody
    /// else may know of its end.
    fn newest_final(&self, running: Epoch) -> Option<Certificate> {
        let finals = self.engine.iter().filter_map(|record| match record {
            Logs::Floor(certified) if certified.epoch >= running => Some(certified),
            _ => None,
        });
        let newest = finals.max_by_key(|certified| (certified.epoch, certified.statement.view()));
        newest.and_then(Certified::finalization)
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

impl<S: OperatorKey> Operator<S> {
    /// Files the bodies of the log; what is notarized last makes no room for the others.
    pub(super) fn file_log(&mut self, bodies: &[Bytes], tops: Tops) {
        tops.notarized
            .into_iter()
            .for_each(|tip| self.chain.keep_notarized(tip));
        bodies.iter().for_each(|bytes| self.file_logged(bytes));
        tops.newest_final
            .into_iter()
            .for_each(|newest| self.chain.on_final(newest));
    }

    /// Whether a record is the finalization of the block that sealed the epoch before the running one. It stays beside the mark: nobody
    /// else may have seen it, and beside an older storage this operator does not vote for it again.
    fn proves_seal(&self, record: &Logs) -> bool {
        let Logs::Floor(certified) = record else {
            return false;
        };
        certified.statement.block() == Some(self.chain.decided().sealed)
    }

    /// What a log must say when it is written anew: the first epoch whose beginning storage holds for good. Beside an older
    /// storage, whose epoch the log knows nothing of any more, it is what keeps this operator from voting there again.
    #[must_use]
    pub fn mark(&self, durable: Height) -> Option<Record> {
        self.epochs.mark(durable).map(Record::Consensus)
    }

    /// Whether a record must stay in the log: votes above the floor, and bodies of blocks that storage would lose in a
    /// power cut, those above its durable height.
    #[must_use]
    pub fn needs(&self, record: &Record, durable: Height) -> bool {
        match record {
            Record::Consensus(record) => {
                let is_needed = self.epochs.needs(record, durable) || self.proves_seal(record);
                is_needed && !planted("log: votes are dropped when it is shortened")
            }
            Record::Body(bytes) => bytes
                .get(..Header::SIZE)
                .and_then(Header::decode)
                .is_some_and(|header| {
                    header.height > durable && !planted("log: bodies are dropped before storage has them")
                }),
            // The votes of before are forgotten only with the folder, and so is what was found wrong.
            Record::Case(case) => self.case().is_some_and(|open| open.height() == case.height()),
            Record::Contradiction(votes) => self.guardian.accusations().rests_on(votes),
        }
    }
}
