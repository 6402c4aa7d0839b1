//! What happened at least once in a run: a batch of seeds that never shows the rarer turns is tame.

use std::collections::BTreeMap;

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(pub BTreeMap<&'static str, u64>);

impl Marks {
    pub(super) fn hit(&mut self, mark: &'static str) {
        *self.0.entry(mark).or_default() += 1;
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (mark, count) in &other.0 {
            *self.0.entry(mark).or_default() += count;
        }
    }

    /// Those of a list that never happened.
    pub fn missing<'a>(&'a self, list: &'a [&'static str]) -> impl Iterator<Item = &'static str> + 'a {
        list.iter().copied().filter(|mark| !self.0.contains_key(mark))
    }
}

/// The mark of a refused call.
pub(super) fn refused(label: &str) -> &'static str {
    match label {
        "Federation.anchor" => "Ethereum refused an anchor",
        "ExitGame.startExit" => "Ethereum refused an exit",
        "ExitGame.challengeExit" => "Ethereum refused a challenge",
        "InFlightExits.startInFlightExit" => "Ethereum refused an exit in flight",
        _ => "Ethereum refused another call",
    }
}

/// What a large batch of seeds must show.
pub const SOMETIMES: &[&str] = &[
    "a power cut",
    "a crash",
    "a partition",
    "a payment was decided",
    "an anchor",
    "an exit began",
    "a reorganisation",
    "a committee was changed",
    "a committee was entered late",
    "an operator joined",
    "an operator left",
    "an exit in flight began",
    "a theft in flight was tried",
    "a funded deposit was asked back",
    "a log was shortened",
    "a torn batch was dropped",
    "the disk refused",
    "the power went during an operation of the disk",
    "a start was cut short",
    "a barrier that took very long",
    "a lost log was refused",
    "an old log was refused",
    "a rotten log was refused",
    "an operator rejoined",
    "a storage was lost",
    "a backup was put back",
    "a clock was set forward",
    "a clock was set back",
    "a clock was set far away",
];
