//! Things that must happen in some runs, or the simulation says nothing about them.

use std::collections::BTreeMap;

/// How often each mark was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(pub(crate) BTreeMap<&'static str, u64>);

impl Marks {
    pub(crate) fn hit(&mut self, mark: &'static str) {
        *self.0.entry(mark).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (mark, count) in &other.0 {
            *self.0.entry(mark).or_default() += count;
        }
    }

    /// The marks of a list that were never hit.
    pub(crate) fn missing(&self, wanted: &[&'static str]) -> Vec<&'static str> {
        wanted
            .iter()
            .copied()
            .filter(|mark| !self.0.contains_key(mark))
            .collect()
    }
}

/// What a batch of a few hundred seeds must show.
pub(crate) const SOMETIMES: &[&str] = &[
    "view both notarized and nullified",
    "indirect finalization",
    "finalize vote three views late",
    "justification with three nullifications",
    "restarted leader sends its proposal again",
    "finality without a known path",
    "re-proposal finalized",
    "evidence",
    "bad vote penalized",
    "bad certificate penalized",
    "invalid block penalized",
    "unsynced records lost",
    "crash between record and message",
    "synced by certificate",
    "verdict pending",
    "leader without a block gave up",
    "idle with everything final",
    "log pruned",
    "partition",
    "power fails everywhere",
    "crash while sending",
    "clock jumped",
    "bent message sent",
    "block built ahead",
    "disk lost",
    "rejoined after a lost disk",
    "leader corrupted",
    "body came late",
    "wrong body came",
    "block built ahead in vain",
];
