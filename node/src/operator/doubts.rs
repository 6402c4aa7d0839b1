//! Blocks that our reading of Ethereum refuses, until a second reading agrees.
//!
//! What an endpoint leaves out looks like a fault of the block that holds it, and a fault of a final block ends the operator
//! for good. So nothing is said of such a block on one reading: Ethereum is read once more, and only when both readings
//! are the same and refuse it, it is invalid. Nobody is blamed before.

use std::{collections::BTreeMap, ops::RangeInclusive};

use plasma_consensus::scheme::OperatorKey;
use plasma_core::{BlockId, Broken, L1Event, L1Height, Millis};

use super::{Operator, effect::Effect, event::ConfirmedBlock};

/// The blocks in doubt: some of the undecided ones.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    suspects: BTreeMap<BlockId, Suspect>,
    /// A second reading is under way.
    is_asking: bool,
}

#[derive(Debug)]
struct Suspect {
    /// Its origin.
    upto: L1Height,
    /// What was read of Ethereum for it.
    events: Vec<L1Event>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No reading that covers it is under way.
    Waits,
    Asked,
    /// It can be judged again.
    Reread,
}

impl Doubts {
    /// Whether a block waits for a second reading.
    pub(super) fn is_open(&self, block: &BlockId) -> bool {
        let suspect = self.suspects.get(block);
        suspect.is_some_and(|suspect| suspect.stage != Stage::Reread)
    }

    /// A reading refuses a block; says whether it is the second one, and the same as the first.
    pub(super) fn is_settled(&mut self, block: BlockId, upto: L1Height, events: Vec<L1Event>) -> bool {
        let first = self.suspects.remove(&block);
        if first.is_some_and(|first| first.stage == Stage::Reread && first.events == events) {
            return true;
        }
        let stage = Stage::Waits;
        self.suspects.insert(block, Suspect { upto, events, stage });
        false
    }

    /// A reading accepts a block.
    pub(super) fn forget(&mut self, block: &BlockId) {
        self.suspects.remove(block);
    }

    /// A block was decided: whatever is still undecided is judged anew.
    pub(super) fn clear(&mut self) {
        self.suspects.clear();
    }

    /// Up to where Ethereum must be read once more, if no reading is under way.
    fn ask(&mut self) -> Option<L1Height> {
        if self.is_asking {
            return None;
        }
        let waiting = self.suspects.values_mut();
        let upto = waiting
            .filter(|suspect| suspect.stage == Stage::Waits)
            .map(|suspect| {
                suspect.stage = Stage::Asked;
                suspect.upto
            });
        let upto = upto.max();
        self.is_asking = upto.is_some();
        upto
    }

    /// A second reading is here; one of other blocks does not count.
    fn on_answer(&mut self, counts: bool) {
        self.is_asking = false;
        let asked = self.suspects.values_mut();
        for suspect in asked.filter(|suspect| suspect.stage == Stage::Asked) {
            suspect.stage = if counts { Stage::Reread } else { Stage::Waits };
        }
    }
}

impl<S: OperatorKey> Operator<S> {
    /// Has Ethereum read once more for the blocks in doubt.
    pub(super) fn doubt(&mut self, effects: &mut Vec<Effect>) {
        let Some(upto) = self.doubts.ask() else {
            return;
        };
        let decided = self.origins.decided().height;
        let first = decided.next().unwrap_or(decided);
        effects.push(Effect::RereadL1(RangeInclusive::new(first, upto)));
    }

    /// Ethereum was read once more.
    pub(super) fn on_reread(&mut self, now: Millis, blocks: &[ConfirmedBlock]) {
        let counts = self.origins.replace(blocks);
        if counts {
            self.watch_confirmed(now, blocks);
            self.ahead = None;
        }
        self.doubts.on_answer(counts);
    }
}

/// Whether another reading of Ethereum could judge otherwise. The rules before the effects of L1 compare the header with
/// its parent alone.
pub(super) fn rests_on_l1(broken: &Broken) -> bool {
    !matches!(
        broken,
        Broken::HeightExhausted(_)
            | Broken::Height { .. }
            | Broken::Parent { .. }
            | Broken::Timestamp { .. }
            | Broken::OriginBackwards { .. }
            | Broken::OriginChanged { .. }
    )
}
