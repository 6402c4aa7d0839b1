//! Confirmed Ethereum blocks above the decided origin, as our own view of Ethereum shows them.
//!
//! Nothing here changes the ledger. A proposer names an origin out of this file, a voter looks the same origin up in
//! its own; the events between two origins enter the ledger only with a decided block.

use plasma_core::planted::planted;
use std::collections::BTreeMap;

use plasma_core::{L1Block, L1Event, L1Height};

use super::event::ConfirmedBlock;

/// Most confirmed blocks that wait for a decided block to cover them: nine days of Ethereum. What comes beyond is passed over,
/// and read again when there is room.
pub const ORIGINS_MAX: usize = 65_536;

/// Our view of Ethereum above the last decided origin.
#[derive(Debug)]
pub struct Origins {
    /// The last decided origin; everything at or below it is forgotten.
    decided: L1Block,
    blocks: BTreeMap<L1Height, ConfirmedBlock>,
    passed_over: Option<PassedOver>,
}

/// Confirmed blocks came for which there was no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PassedOver {
    Waits,
    /// They are being read again; until they come there may be others, which were on their way.
    AskedFor,
}

/// What our own view says of an origin that a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The same block, and all events up to it are known.
    Same,
    /// Our view has not reached it yet.
    Ahead,
    /// Our view holds another block at this height, or it lies below what was decided.
    Other,
}

impl Origins {
    /// Starts from the origin of the last decided block.
    #[must_use]
    pub fn new(decided: L1Block) -> Self {
        Self {
            decided,
            blocks: BTreeMap::new(),
            passed_over: None,
        }
    }

    /// The newest block on file, once there is room again for what was passed over above it.
    pub fn resume(&mut self) -> Option<L1Block> {
        let waits = self.passed_over == Some(PassedOver::Waits) && self.blocks.len() < ORIGINS_MAX / 2;
        waits.then(|| {
            self.passed_over = Some(PassedOver::AskedFor);
            *self.newest()
        })
    }

    /// Files confirmed blocks. Those that do not continue the file without a gap are ignored and reported as `false`, and so is
    /// another block in the place of the decided origin. What there is no room for is passed over.
    pub fn extend(&mut self, confirmed: Vec<ConfirmedBlock>) -> bool {
        confirmed.into_iter().all(|block| {
            let height = block.block.height;
            if height <= self.newest().height {
                return height != self.decided.height || block.block.hash == self.decided.hash;
            }
            let continues = Some(height) == self.newest().height.next();
            if continues && self.blocks.len() >= ORIGINS_MAX {
                self.passed_over = Some(PassedOver::Waits);
            } else if continues {
                self.passed_over = None;
                self.blocks.insert(height, block);
            }
            continues || self.passed_over.is_some()
        })
    }

    /// Puts a second reading in the place of the first. One of other blocks than those filed says nothing: it is ignored and
    /// reported as `false`.
    pub fn replace(&mut self, reread: &[ConfirmedBlock]) -> bool {
        let decided = self.decided.height;
        let is_filed = |read: &ConfirmedBlock| {
            let filed = self.blocks.get(&read.block.height);
            read.block.height <= decided || filed.is_some_and(|filed| filed.block == read.block)
        };
        let are_filed = reread.iter().all(is_filed);
        if are_filed {
            let above = reread.iter().filter(|read| read.block.height > decided);
            self.blocks
                .extend(above.map(|read| (read.block.height, read.clone())));
        }
        are_filed
    }

    /// The last decided origin.
    #[must_use]
    pub fn decided(&self) -> &L1Block {
        &self.decided
    }

    /// Forgets all above the decided origin.
    pub fn forget(&mut self) {
        self.blocks.clear();
        self.passed_over = None;
    }

    /// The newest confirmed block.
    #[must_use]
    pub fn newest(&self) -> &L1Block {
        self.blocks
            .last_key_value()
            .map_or(&self.decided, |(_, confirmed)| &confirmed.block)
    }

    /// Compares a named origin with our own view.
    #[must_use]
    pub fn sight(&self, height: L1Height, hash: &plasma_core::Hash) -> Sight {
        if height > self.newest().height {
            return Sight::Ahead;
        }
        let ours = if height == self.decided.height {
            Some(&self.decided)
        } else {
            self.blocks.get(&height).map(|confirmed| &confirmed.block)
        };
        match ours {
            Some(ours) if ours.hash == *hash => Sight::Same,
            _ => Sight::Other,
        }
    }

    /// The events above one origin, up to and with another, in log order.
    #[must_use]
    pub fn events(&self, above: L1Height, upto: L1Height) -> Vec<L1Event> {
        self.between(above, upto)
            .flat_map(|confirmed| confirmed.events.iter().cloned())
            .collect()
    }

    /// Whether any event lies above an origin.
    #[must_use]
    pub fn has_events_above(&self, origin: L1Height) -> bool {
        self.between(origin, self.newest().height)
            .any(|confirmed| !confirmed.events.is_empty())
    }

    /// The largest origin above `parent` whose events stay within the limit; one Ethereum block always fits.
    #[must_use]
    pub fn choose(&self, parent: L1Height, events_max: usize) -> Option<L1Block> {
        let mut events = 0;
        let mut chosen = None;
        for confirmed in self.between(parent, self.newest().height) {
            events += confirmed.events.len();
            if chosen.is_some() && events > events_max {
                break;
            }
            chosen = Some(confirmed.block);
        }
        chosen
    }

    /// Whether the Ethereum block after `origin` would exceed the limit: the block "carries the maximum". One that stays at its
    /// parent's origin carries nothing, and one Ethereum block always fits.
    #[must_use]
    pub fn is_full(&self, parent: L1Height, origin: L1Height, events_max: usize) -> bool {
        if origin <= parent {
            return false;
        }
        let Some(next) = origin.next() else { return true };
        let events: usize = self
            .between(parent, next)
            .map(|confirmed| confirmed.events.len())
            .sum();
        events > events_max
    }

    /// Forgets what a decided origin covers; says whether our own view showed no other block there.
    #[must_use]
    pub fn on_decided(&mut self, height: L1Height, hash: plasma_core::Hash) -> bool {
        if height <= self.decided.height {
            return height < self.decided.height || hash == self.decided.hash;
        }
        let is_ours = self.sight(height, &hash) != Sight::Other;
        let timestamp_s = self
            .blocks
            .get(&height)
            .map_or(self.decided.timestamp_s, |seen| seen.block.timestamp_s);
        self.blocks.retain(|seen, _| *seen > height);
        self.decided = L1Block {
            height,
            hash,
            timestamp_s,
        };
        is_ours
    }

    fn between(&self, above: L1Height, upto: L1Height) -> impl Iterator<Item = &ConfirmedBlock> {
        let skipped = u64::from(planted("operator: skips an Ethereum block"));
        let first = L1Height(above.next().unwrap_or(above).0 + skipped);
        let empty = first > upto;
        self.blocks
            .range(first..)
            .take_while(move |(height, _)| !empty && **height <= upto)
            .map(|(_, seen)| seen)
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::{Hash, Height};

    use super::*;

    fn block(height: u64) -> ConfirmedBlock {
        let mut hash = Hash::ZERO;
        hash.0[..8].copy_from_slice(&height.to_be_bytes());
        ConfirmedBlock {
            block: L1Block {
                height: L1Height(height),
                hash,
                timestamp_s: height,
            },
            events: Vec::new(),
        }
    }

    #[test]
    fn what_there_was_no_room_for_is_read_again_and_nothing_is_missing() {
        let most = u64::try_from(ORIGINS_MAX).unwrap();
        let mut origins = Origins::new(block(0).block);
        assert!(origins.extend((1..=most + 500).map(block).collect()));
        assert_eq!(origins.newest().height, L1Height(most));
        assert_eq!(origins.resume(), None, "there is no room yet");
        let decided = block(most - 10).block;
        assert!(origins.on_decided(decided.height, decided.hash));
        assert_eq!(origins.resume(), Some(block(most).block));
        assert_eq!(origins.resume(), None, "once");
        // This one was on its way.
        assert!(origins.extend(vec![block(most + 501)]));
        assert_eq!(origins.newest().height, L1Height(most));
        assert!(origins.extend((most + 1..=most + 501).map(block).collect()));
        assert_eq!(origins.newest().height, L1Height(most + 501));
        assert_eq!(
            origins.sight(L1Height(most + 300), &block(most + 300).block.hash),
            Sight::Same
        );
        assert!(!origins.extend(vec![block(most + 503)]), "a gap is one again");
    }

    #[test]
    fn a_decided_origin_that_is_another_block_here_is_told() {
        let other = Hash([0xf0; 32]);
        let mut origins = Origins::new(block(0).block);
        assert!(origins.extend((1..=3).map(block).collect()));
        assert!(origins.on_decided(L1Height(1), block(1).block.hash));
        assert!(!origins.on_decided(L1Height(2), other));
        assert!(origins.on_decided(L1Height(9), other), "not seen yet");
        assert!(!origins.on_decided(L1Height(9), block(9).block.hash));
    }

    #[test]
    fn an_origin_that_stays_carries_no_maximum() {
        let mut origins = Origins::new(block(0).block);
        let crowded = |height, events| ConfirmedBlock {
            events: vec![
                L1Event::Halted {
                    last_valid: Height(9)
                };
                events
            ],
            ..block(height)
        };
        assert!(origins.extend(vec![crowded(1, 7), crowded(2, 2), crowded(3, 2)]));
        let is_full = |parent, origin| origins.is_full(L1Height(parent), L1Height(origin), 3);
        // One that holds more than the limit is taken all the same, so it excuses nobody.
        assert_eq!(origins.choose(L1Height(0), 3), Some(block(1).block));
        assert!(!is_full(0, 0), "it could have moved");
        assert!(is_full(0, 1) && is_full(1, 2), "the next does not fit");
        assert!(!is_full(2, 2) && !is_full(2, 3));
    }
}
