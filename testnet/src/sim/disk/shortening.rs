//! What a shortening may take from a log, told from outside: by the records, by what is final, and by where a power cut would
//! lead.

use plasma_consensus::{Evidence, Record as Logged, Vote};
use plasma_core::{BlockId, Epoch, Header, Height, View};
use plasma_node::{
    runtime::log::{LOG_BODY, LOG_CONTRADICTION},
    wal,
};

use super::of_engine;

/// Where an operator stands while its log is written anew.
#[derive(Debug)]
pub(in crate::sim) struct Horizon<F, H> {
    /// What storage would hold after a power cut.
    pub(in crate::sim) durable: Height,
    /// The height that is decided.
    pub(in crate::sim) decided: Height,
    /// The epoch that would run then.
    pub(in crate::sim) first: Epoch,
    /// The epoch that runs.
    pub(in crate::sim) running: Epoch,
    /// The highest final view in it.
    pub(in crate::sim) final_view: View,
    /// Whether Ethereum may know of a contradiction already.
    pub(in crate::sim) is_settled: F,
    /// Whether the operator holds an undecided block.
    pub(in crate::sim) is_held: H,
}

impl<F: Fn(&Vote) -> bool, H: Fn(&BlockId) -> bool> Horizon<F, H> {
    /// The first record that stood in the log, stands there no more, and should.
    pub(super) fn lost<'a>(
        &self,
        before: &'a [wal::Record],
        after: &[wal::Record],
    ) -> Option<&'a wal::Record> {
        let must_stay = |record: &&wal::Record| self.must_stay(record, before);
        before
            .iter()
            .filter(must_stay)
            .find(|record| !after.contains(record))
    }

    fn must_stay(&self, record: &wal::Record, log: &[wal::Record]) -> bool {
        if record.kind == LOG_BODY {
            let header = record.content.get(..Header::SIZE).and_then(Header::decode);
            return header.is_none_or(|header| {
                let is_decided = header.height <= self.decided;
                header.height > self.durable && (is_decided || (self.is_held)(&header.id()))
            });
        }
        if record.kind == LOG_CONTRADICTION {
            let votes = Evidence::decode(&record.content);
            return votes.map_or(true, |[vote, _]| !(self.is_settled)(&vote));
        }
        // Never do so many lie that a case begins, and what cannot be read is nobody's to throw away.
        of_engine(record).is_none_or(|logged| self.is_needed(&logged, log))
    }

    /// Everything of an epoch that is over and can run again, and of one that has not begun here; of the running one what no
    /// final view makes needless.
    fn is_needed(&self, record: &Logged, log: &[wal::Record]) -> bool {
        let epoch = record.epoch();
        if epoch != self.running {
            return epoch >= self.first;
        }
        let begins_again = self.first < self.running;
        match record {
            Logged::Vote(_) | Logged::MyProposal { .. } | Logged::Certificate(_) => {
                record.view() > self.final_view
            }
            Logged::Floor(_) => record.view() >= self.final_view,
            // Below every view it says that nothing of the epochs before is signed again.
            Logged::Amnesia { floor, .. } => begins_again || *floor == View(0) || *floor > self.final_view,
            Logged::Forgotten { view, .. } => begins_again || !is_covered(log, epoch, *view),
        }
    }
}

/// Whether a floor lies at or above a view in which a vote is missing.
fn is_covered(log: &[wal::Record], epoch: Epoch, view: View) -> bool {
    log.iter()
        .filter_map(of_engine)
        .any(|record| matches!(record, Logged::Amnesia { epoch: of, floor } if of == epoch && floor >= view))
}
