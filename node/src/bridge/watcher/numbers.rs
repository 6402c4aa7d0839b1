//! Deposits are numbered without a gap: a missing number is a missing log.

use plasma_core::{DepositNumber, L1Event, L1Height};

/// The number of the next deposit, with the block that told the one before; none before the first.
#[derive(Debug, Default)]
pub(super) struct Numbers(Option<(L1Height, DepositNumber)>);

impl Numbers {
    /// Whether the deposits of the next block follow.
    ///
    /// # Errors
    /// The first one that does not, in words.
    pub(super) fn check(&self, events: &[L1Event]) -> Result<(), String> {
        let mut expected = self.0.map(|(_, number)| number);
        for number in deposits(events) {
            if expected.is_some_and(|expected| expected != number) {
                return Err(format!("deposit {number} follows, a log before it is missing"));
            }
            expected = number.next();
        }
        Ok(())
    }

    /// A block is handed on.
    pub(super) fn note(&mut self, height: L1Height, events: &[L1Event]) {
        if let Some(last) = deposits(events).last() {
            self.0 = last.next().map(|next| (height, next));
        }
    }

    /// Begins again after a block that was handed on. What was told up to there stands: otherwise a log that is missing would be
    /// none after another reading.
    pub(super) fn rewind(&mut self, after: L1Height) {
        self.0 = self.0.filter(|(height, _)| *height <= after);
    }
}

fn deposits(events: &[L1Event]) -> impl Iterator<Item = DepositNumber> + '_ {
    events.iter().filter_map(|event| match event {
        L1Event::Deposited { number, .. } => Some(*number),
        _ => None,
    })
}
