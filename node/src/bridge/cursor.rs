//! Which L1 blocks may be read next, and whether they continue what was read before.
//!
//! Pure: heads, blocks and parent hashes are arguments. A block is *confirmed* when at least
//! `confirmations` blocks stand above it. What was once handed on as confirmed never changes: when
//! Ethereum nevertheless shows another chain below that depth, the answer is an [`L1Fault`], and the
//! operator says what becomes of it (`docs/protocol.md` section 5).

use plasma_core::planted::planted;
use std::ops::RangeInclusive;

use plasma_core::{Hash, L1Block, L1Height};

/// A block and the hash of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The block.
    pub block: L1Block,
    /// Hash of its parent.
    pub parent: Hash,
}

/// Ethereum left the model we can work in, if a decided block rests on what was delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum L1Fault {
    /// A reorganisation deeper than the confirmations.
    #[error(
        "L1 block {height} was confirmed as {delivered} and is now {found}: a reorganisation deeper than the confirmations of the genesis"
    )]
    DeepReorganisation {
        /// Where.
        height: L1Height,
        /// What we built on.
        delivered: Hash,
        /// What the chain has now.
        found: Hash,
    },
    /// The deposits of a block do not follow those told before it: a log is missing here, or one was told that is none.
    #[error(
        "the deposits of L1 block {height} do not follow those before it; one of the two readings is false"
    )]
    Deposits {
        /// The block that does not fit; it is not handed on.
        height: L1Height,
    },
}

impl L1Fault {
    /// The lowest block that was read in two ways, or does not fit to what was read.
    #[must_use]
    pub fn height(&self) -> L1Height {
        match self {
            Self::DeepReorganisation { height, .. } | Self::Deposits { height } => *height,
        }
    }
}

/// A block does not continue the last one. Either a deep reorganisation or a confused endpoint; the
/// watcher asks again for the height that was delivered and knows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Discontinuity {
    /// Not the height that was expected.
    #[error("expected L1 block {expected}, got {found}")]
    Height {
        /// The next one.
        expected: L1Height,
        /// What came.
        found: L1Height,
    },
    /// The parent is another block than the one delivered.
    #[error("the parent of L1 block {height} is {found}, not {expected}")]
    Parent {
        /// Of the child.
        height: L1Height,
        /// Delivered before.
        expected: Hash,
        /// Named by the child.
        found: Hash,
    },
    /// Time went back, which no Ethereum block does.
    #[error("L1 block {0} is older than its parent")]
    Time(L1Height),
}

/// How far the confirmed chain was read.
#[derive(Clone, Debug)]
pub struct Cursor {
    confirmations: u64,
    last: L1Block,
    chunk: u64,
}

impl Cursor {
    /// Begins after `last`, a block whose effects the ledger already holds: the origin of the last
    /// decided block, or the deployment block of the genesis.
    #[must_use]
    pub fn new(last: L1Block, confirmations: u32) -> Self {
        Self {
            confirmations: u64::from(confirmations),
            last,
            chunk: CHUNK_MAX,
        }
    }

    /// The newest block handed on.
    #[must_use]
    pub fn last(&self) -> &L1Block {
        &self.last
    }

    /// The newest height that is confirmed when the chain's head is at `head`.
    #[must_use]
    pub fn confirmed(&self, head: L1Height) -> Option<L1Height> {
        let confirmations = if planted("bridge: believes the newest block") {
            0
        } else {
            self.confirmations
        };
        head.0.checked_sub(confirmations).map(L1Height)
    }

    /// The next heights to read, at most a chunk; `None` when nothing new is confirmed.
    #[must_use]
    pub fn next_range(&self, head: L1Height) -> Option<RangeInclusive<L1Height>> {
        let from = self.last.height.next()?;
        self.chunk_of(from..=self.confirmed(head)?)
    }

    /// As much of a range as may be read at once, from its beginning; `None` when it is empty.
    #[must_use]
    pub fn chunk_of(&self, range: RangeInclusive<L1Height>) -> Option<RangeInclusive<L1Height>> {
        let (from, end) = range.into_inner();
        let to = L1Height(from.0.saturating_add(self.chunk.saturating_sub(1))).min(end);
        (from <= to).then_some(from..=to)
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// [`Discontinuity`] when it does not continue the last one; the cursor stays where it was.
    pub fn accept(&mut self, link: &Link) -> Result<(), Discontinuity> {
        self.check(link)?;
        self.last = link.block;
        Ok(())
    }

    /// Whether a block is the next one.
    ///
    /// # Errors
    /// [`Discontinuity`] when it does not continue the last one.
    pub fn check(&self, link: &Link) -> Result<(), Discontinuity> {
        let found = link.block.height;
        let expected = self.last.height.next().unwrap_or(self.last.height);
        if found != expected {
            return Err(Discontinuity::Height { expected, found });
        }
        if link.parent != self.last.hash {
            return Err(Discontinuity::Parent {
                height: found,
                expected: self.last.hash,
                found: link.parent,
            });
        }
        if link.block.timestamp_s < self.last.timestamp_s {
            return Err(Discontinuity::Time(found));
        }
        Ok(())
    }

    /// Takes the time of the block handed on last from a second reading of the very same block, where that is the earlier one.
    /// One answer with a false time, which nothing else shows to be false, would be later than all blocks that come.
    pub fn correct_time(&mut self, again: &L1Block) {
        if again.hash == self.last.hash {
            self.last.timestamp_s = self.last.timestamp_s.min(again.timestamp_s);
        }
    }

    /// Begins again after a block that was delivered before.
    pub fn rewind(&mut self, last: L1Block) {
        self.last = last;
    }

    /// Judges the block that the chain has now at the height delivered last.
    ///
    /// # Errors
    /// [`L1Fault::DeepReorganisation`] when it is another one.
    pub fn check_delivered(&self, now: &L1Block) -> Result<(), L1Fault> {
        if now.height != self.last.height || now.hash == self.last.hash {
            return Ok(());
        }
        Err(L1Fault::DeepReorganisation {
            height: self.last.height,
            delivered: self.last.hash,
            found: now.hash,
        })
    }

    /// A chunk could not be read: the next one is half as long, down to a single block.
    pub fn shrink(&mut self) {
        self.chunk = (self.chunk / 2).max(1);
    }

    /// A chunk was read: the next one may be longer again.
    pub fn grow(&mut self) {
        self.chunk = self.chunk.saturating_mul(2).min(CHUNK_MAX);
    }
}

/// Two batches of this many small answers stay far below the bound of one answer, and hosted nodes
/// accept batches of this size.
pub const CHUNK_MAX: u64 = 128;

#[cfg(test)]
mod tests {
    use super::{CHUNK_MAX, Cursor, Discontinuity, L1Fault, Link};
    use plasma_core::{Hash, L1Block, L1Height};

    fn block(height: u64, fork: u8) -> L1Block {
        let mut hash = [fork; 32];
        hash[..8].copy_from_slice(&height.to_be_bytes());
        L1Block {
            height: L1Height(height),
            hash: Hash(hash),
            timestamp_s: height.saturating_mul(12),
        }
    }

    fn link(height: u64, fork: u8) -> Link {
        Link {
            block: block(height, fork),
            parent: block(height - 1, fork).hash,
        }
    }

    #[test]
    fn only_blocks_below_the_confirmations_are_read() {
        let range = |last: u64, confirmations: u32, head: u64| {
            Cursor::new(block(last, 0), confirmations)
                .next_range(L1Height(head))
                .map(|range| (range.start().0, range.end().0))
        };
        for (last, confirmations, head, expected) in [
            (10, 1, 10, None),
            (10, 1, 11, None),
            (10, 1, 12, Some((11, 11))),
            (10, 0, 11, Some((11, 11))),
            (10, 5, 20, Some((11, 15))),
            (10, 5, 3, None),
            (10, 1, 9, None),
            (0, 0, 100_000, Some((1, CHUNK_MAX))),
            (u64::MAX, 0, u64::MAX, None),
        ] {
            assert_eq!(
                range(last, confirmations, head),
                expected,
                "last {last} confirmations {confirmations} head {head}"
            );
        }
    }

    #[test]
    fn chunks_halve_on_failure_and_recover() {
        let mut cursor = Cursor::new(block(0, 0), 0);
        let length = |cursor: &Cursor| cursor.next_range(L1Height(1_000_000)).map(|range| range.end().0);
        cursor.shrink();
        assert_eq!(length(&cursor), Some(CHUNK_MAX / 2));
        (0..20).for_each(|_| cursor.shrink());
        assert_eq!(length(&cursor), Some(1));
        (0..20).for_each(|_| cursor.grow());
        assert_eq!(length(&cursor), Some(CHUNK_MAX));
    }

    #[test]
    fn blocks_that_continue_the_chain_move_the_cursor() {
        let mut cursor = Cursor::new(block(10, 0), 1);
        assert_eq!(cursor.accept(&link(11, 0)), Ok(()));
        assert_eq!(cursor.accept(&link(12, 0)), Ok(()));
        assert_eq!(cursor.last(), &block(12, 0));
    }

    #[test]
    fn blocks_that_do_not_continue_the_chain_leave_the_cursor() {
        let mut cursor = Cursor::new(block(10, 0), 1);
        assert!(matches!(
            cursor.accept(&link(12, 0)),
            Err(Discontinuity::Height { .. })
        ));
        assert!(matches!(
            cursor.accept(&link(10, 0)),
            Err(Discontinuity::Height { .. })
        ));
        assert!(matches!(
            cursor.accept(&link(11, 9)),
            Err(Discontinuity::Parent { .. })
        ));
        let mut old = link(11, 0);
        old.block.timestamp_s = 1;
        assert_eq!(cursor.accept(&old), Err(Discontinuity::Time(L1Height(11))));
        assert_eq!(cursor.last(), &block(10, 0));
    }

    #[test]
    fn only_the_same_block_corrects_a_time_and_only_to_an_earlier_one() {
        let mut late = block(10, 0);
        late.timestamp_s = 1_000;
        let mut cursor = Cursor::new(late, 1);
        assert_eq!(
            cursor.accept(&link(11, 0)),
            Err(Discontinuity::Time(L1Height(11)))
        );
        cursor.correct_time(&block(10, 9));
        assert_eq!(cursor.last(), &late);
        cursor.correct_time(&block(10, 0));
        assert_eq!(cursor.last(), &block(10, 0));
        cursor.correct_time(&late);
        assert_eq!(cursor.accept(&link(11, 0)), Ok(()));
    }

    #[test]
    fn another_block_at_the_delivered_height_is_a_fault() {
        let cursor = Cursor::new(block(10, 0), 1);
        assert_eq!(cursor.check_delivered(&block(10, 0)), Ok(()));
        assert_eq!(cursor.check_delivered(&block(11, 9)), Ok(()));
        assert!(matches!(
            cursor.check_delivered(&block(10, 9)),
            Err(L1Fault::DeepReorganisation { .. })
        ));
    }
}
