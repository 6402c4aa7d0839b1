//! What an operator is made again from: floor and duties out of storage, the records of the log by their kind, and which of
//! them the log must keep.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use plasma_consensus::{Certified, Record as Logs, Statement, Vote, scheme::OperatorKey};
use plasma_core::{BlockId, Certificate, Epoch, Header, Height, Millis, View, planted::planted};

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
    /// See [`plasma_consensus::Engine::standing`].
    standing: BTreeSet<BlockId>,
    /// The newest finalization of each epoch that is not over in storage.
    finals: Vec<Certificate>,
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

    /// What the log knows of the running epoch and later ones, before its bodies are filed.
    pub(super) fn tops(&self, running: Epoch) -> Tops {
        Tops {
            standing: self.standing(running),
            finals: self.finals(running),
        }
    }

    /// The blocks from the highest view of an epoch that the log knows notarized or final downwards, as far as it knows them, and
    /// the one that its operator voted to notarize last, when that was above.
    fn standing(&self, epoch: Epoch) -> BTreeSet<BlockId> {
        let own = || self.engine.iter().filter(|record| record.epoch() == epoch);
        let mut notarized = BTreeMap::new();
        let mut top: Option<(View, BlockId)> = None;
        for record in own() {
            if let Logs::Certificate(certified) | Logs::Floor(certified) = record {
                let block = certified.statement.block();
                top = top.max(block.map(|block| (record.view(), block)));
                if let Statement::Notarize(container) = certified.statement {
                    notarized.insert(container.view, container);
                }
            }
        }
        let mut standing: BTreeSet<BlockId> = top.iter().map(|(_, block)| *block).collect();
        let first = top.and_then(|(view, _)| notarized.get(&view));
        let path = std::iter::successors(first, |container| {
            notarized
                .get(&container.parent)
                .filter(|parent| parent.view < container.view)
        });
        standing.extend(path.map(|container| container.block));
        let voted = own().filter_map(|record| match record {
            Logs::Vote(vote) => match vote.statement {
                Statement::Notarize(container) => Some((container.view, container.block)),
                _ => None,
            },
            _ => None,
        });
        let voted = voted
            .max()
            .filter(|(view, _)| top.is_none_or(|(top, _)| *view > top));
        standing.extend(voted.map(|(_, block)| block));
        standing
    }

    /// The newest finalization of the running epoch and of each later one. Storage may be older, and in an epoch that is over nobody
    /// else may know of its end.
    fn finals(&self, running: Epoch) -> Vec<Certificate> {
        let mut newest: BTreeMap<Epoch, &Certified> = BTreeMap::new();
        for record in &self.engine {
            if let Logs::Floor(certified) = record
                && certified.epoch >= running
            {
                let known = newest.entry(certified.epoch).or_insert(certified);
                if certified.statement.view() > known.statement.view() {
                    *known = certified;
                }
            }
        }
        newest.into_values().filter_map(Certified::finalization).collect()
    }
}

impl<S: OperatorKey> Operator<S> {
    /// Files the bodies of the log, from above: each is borne by those on it before anything can take its place.
    pub(super) fn file_log(&mut self, bodies: &[Bytes], tops: Tops) {
        self.chain.keep(tops.standing);
        tops.finals
            .into_iter()
            .for_each(|newest| self.chain.on_final(newest));
        let height = |bytes: &Bytes| {
            let header = bytes.get(..Header::SIZE).and_then(Header::decode);
            header.map(|header| header.height)
        };
        let mut bodies: Vec<&Bytes> = bodies.iter().collect();
        bodies.sort_by_key(|bytes| std::cmp::Reverse(height(bytes)));
        bodies.into_iter().for_each(|bytes| self.file_logged(bytes));
    }

    /// Whether a record is the finalization of the block that sealed the epoch before the running one. It stays beside the mark: nobody
    /// else may have seen it, and beside an older storage this operator does not vote for it again. In the running epoch the block may
    /// be final once more, as a heartbeat; that is no such record.
    fn proves_seal(&self, record: &Logs) -> bool {
        let Logs::Floor(certified) = record else {
            return false;
        };
        certified.epoch < self.epochs.running()
            && certified.statement.block() == Some(self.chain.decided().sealed)
    }

    /// What a log must say when it is written anew: the first epoch whose beginning storage holds for good. Beside an older
    /// storage, whose epoch the log knows nothing of any more, it is what keeps this operator from voting there again.
    #[must_use]
    pub fn mark(&self, durable: Height) -> Option<Record> {
        self.epochs.mark(durable).map(Record::Consensus)
    }

    /// Whether a record must stay in the log: votes above the floor, and bodies of blocks that storage would lose in a
    /// power cut, those above its durable height. Of undecided blocks the log remembers what memory does: nobody votes for what made
    /// room there, and where view after view loses its block these would fill the log for good.
    #[must_use]
    pub fn needs(&self, record: &Record, durable: Height) -> bool {
        match record {
            Record::Consensus(record) => {
                let is_needed = self.epochs.needs(record, durable) || self.proves_seal(record);
                let is_denied = matches!(record, Logs::Forgotten { .. })
                    && planted("log: confessions are dropped when it is shortened");
                is_needed && !is_denied && !planted("log: votes are dropped when it is shortened")
            }
            Record::Body(bytes) => bytes
                .get(..Header::SIZE)
                .and_then(Header::decode)
                .is_some_and(|header| {
                    let is_held = header.height <= self.chain.decided().header.height
                        || self.chain.block(&header.id()).is_some();
                    let is_early = planted("log: bodies are dropped before storage has them");
                    header.height > durable && is_held && !is_early
                }),
            // The votes of before are forgotten only with the folder, and so is what was found wrong.
            Record::Case(case) => self.case().is_some_and(|open| open.height() == case.height()),
            Record::Contradiction(votes) => self.guardian.accusations().rests_on(votes),
        }
    }
}

#[cfg(test)]
mod tests;
