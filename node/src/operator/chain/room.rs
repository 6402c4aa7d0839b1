//! How much is kept above the decided tip, and who makes room for what arrives.

use std::collections::BTreeSet;

use bytes::Bytes;
use plasma_core::{AuthenticBlock, BlockId, Genesis, Header, Height, planted::planted};

use super::{Chain, Undecided};
use crate::{runtime::wire::ANSWER_BLOCKS_MAX, storage::embedded::UNSYNCED_BYTES_MAX};

/// How much of what is not decided is kept. Whoever leads can send one block per view that nobody can judge, so a number of
/// blocks alone bounds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Undecided blocks.
    pub blocks: usize,
    /// Their bytes; decoded and applied they take about six times as much besides.
    pub bytes: usize,
}

/// What storage may lose in a power cut (64), what the engine lets stand above the decided block (twice 16), one answer of a peer (128),
/// and proposals that lose.
const BLOCKS: usize = 2 * ANSWER_BLOCKS_MAX;
/// The largest blocks for which there is room beside what storage may lose: two rows of sixteen, which the engine lets stand above the
/// decided one (that of the highest notarized view and that of the own last vote), the last one that storage takes beyond its
/// bound, and a few that lose.
const LARGEST_BLOCKS: usize = 36;
/// What a block derives from Ethereum beside its clients' transactions, and what a message puts around it.
pub const DERIVED_BYTES_MAX: u32 = Genesis::DERIVED_BYTES_MAX;

impl Room {
    /// For a federation whose blocks hold so many bytes of its clients.
    ///
    /// After a power cut everywhere the logs alone hold what no storage kept. All of it must be filed: who drops a part of it waits
    /// for others who dropped it too.
    #[must_use]
    pub fn of(max_block_bytes: u32) -> Self {
        let most = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let largest = most(max_block_bytes.saturating_add(DERIVED_BYTES_MAX).into());
        Self {
            blocks: BLOCKS,
            bytes: largest
                .saturating_mul(LARGEST_BLOCKS)
                .saturating_add(most(UNSYNCED_BYTES_MAX)),
        }
    }

    /// Blocks further above the decided one are of no use before those below them are here: one answer of a peer, half of the
    /// room, so that answers alone never fill it.
    fn near(self) -> u32 {
        u32::try_from(self.blocks / 2).unwrap_or(u32::MAX)
    }
}

impl Chain {
    /// How many undecided blocks are here.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.blocks.len()
    }

    /// These blocks make no room, and nothing below them that is here does: what a view can have made final, and what the next
    /// proposals stand on. Of those that signed it each holds it until it is decided, so there is always somebody to give it.
    /// They are as few as the engine lets stand, so there is room for them.
    pub fn keep(&mut self, blocks: BTreeSet<BlockId>) {
        self.kept = blocks;
    }

    /// Files a block above the decided tip. The least useful one makes room, or is this one itself.
    pub fn insert(&mut self, block: AuthenticBlock, encoded: Bytes, is_logged: bool) {
        let (id, height) = (block.header.id(), block.header.height);
        if height <= self.decided.header.height || self.blocks.contains_key(&id) {
            return;
        }
        while self.blocks.len() >= self.room.blocks
            || self.bytes.saturating_add(encoded.len()) > self.room.bytes
        {
            let Some(least) = self.least(&block.header) else {
                return;
            };
            self.remove(&least);
            self.dropped.push(least);
        }
        self.bytes = self.bytes.saturating_add(encoded.len());
        self.arrivals += 1;
        self.blocks.insert(
            id,
            Undecided {
                block,
                encoded,
                delta: None,
                is_logged,
                arrival: self.arrivals,
            },
        );
    }

    /// The blocks that made room, or are to be judged anew, since this was asked last.
    pub fn take_dropped(&mut self) -> Vec<BlockId> {
        std::mem::take(&mut self.dropped)
    }

    pub(super) fn remove(&mut self, id: &BlockId) -> Option<Undecided> {
        let removed = self.blocks.remove(id)?;
        self.bytes = self.bytes.saturating_sub(removed.encoded.len());
        Some(removed)
    }

    /// Who makes room for a block. Far blocks first, the highest of them, be they final: before those below them are here
    /// they are of no use, and with those they come once more. Then one on which nothing stands, neither of what is here nor
    /// the newcomer, and that is neither final nor kept. So a block that was applied lies on blocks that were, down
    /// to the decided tip, and what proposals stand on outlives them. At last the highest that is not applied, be it final, for
    /// one below it.
    fn least(&self, newcomer: &Header) -> Option<BlockId> {
        if planted("operator: nothing makes room") {
            return None;
        }
        let tip = self.decided.header.height;
        let near = self.room.near();
        let is_near = |height: Height| height.0.saturating_sub(tip.0) <= near;
        let height = |known: &Undecided| known.block.header.height;
        let unapplied = self.blocks.iter().filter(|(_, known)| known.delta.is_none());
        let highest = unapplied.map(|(id, known)| (height(known), *id)).max();
        let highest = highest.filter(|(height, _)| *height > newcomer.height);
        if let Some((_, id)) = highest.filter(|(height, _)| !is_near(*height)) {
            return Some(id);
        }
        if !is_near(newcomer.height) {
            return None;
        }
        let mut bear: BTreeSet<BlockId> = self
            .blocks
            .values()
            .map(|known| known.block.header.parent)
            .collect();
        bear.insert(newcomer.parent);
        // What nobody has judged goes first, and of those alike the oldest.
        let worth = |known: &Undecided| (known.is_logged, known.delta.is_some(), known.arrival);
        let is_free = |id: &BlockId| !bear.contains(id) && !self.kept.contains(id) && !self.is_final(id);
        let free = self.blocks.iter().filter(|(id, _)| is_free(id));
        free.map(|(id, known)| (worth(known), *id))
            .min()
            .map(|(_, id)| id)
            .or(highest.map(|(_, id)| id))
    }
}
