//! Transactions that proposals may name and the mempool need not hold.
//!
//! What lies in an undecided block is pinned there: the block's place is known by leaf, whatever the mempool evicts,
//! refuses or lets expire. Besides, the latest that the mempool refused are kept, because another operator's mempool may
//! have taken them: of two payments that spend one output each keeps the one that came first.

use std::collections::{BTreeMap, VecDeque};

use plasma_core::{AuthenticTransaction, BlockId, Hash};

use super::chain::Chain;

/// Blocks whose transactions are found by leaf: all that can stand above the final one, and as many that lost.
const BLOCKS_MAX: usize = 32;

/// Refused transactions that are kept: at most 2 MB.
const REFUSED_MAX: usize = 4_096;

/// Where transactions lie.
#[derive(Debug, Default)]
pub(super) struct Pins {
    /// Of each leaf the block and the place in it.
    places: BTreeMap<Hash, (BlockId, usize)>,
    /// The pinned blocks, the oldest first.
    blocks: VecDeque<(BlockId, Vec<Hash>)>,
    refused: BTreeMap<Hash, AuthenticTransaction>,
    /// Their order.
    arrivals: VecDeque<Hash>,
}

impl Pins {
    /// A transaction of an undecided block, or one that was refused.
    pub(super) fn find<'a>(&'a self, leaf: &Hash, chain: &'a Chain) -> Option<&'a AuthenticTransaction> {
        let pinned = self.places.get(leaf).and_then(|(block, place)| {
            let known = chain.block(block)?;
            known.block.transactions.get(*place)
        });
        pinned.or_else(|| self.refused.get(leaf))
    }

    /// The transactions of a block that is filed as undecided. The oldest makes room.
    pub(super) fn pin(&mut self, block: BlockId, leaves: Vec<Hash>) {
        if self.blocks.iter().any(|(known, _)| *known == block) {
            return;
        }
        for (place, leaf) in leaves.iter().enumerate() {
            self.places.insert(*leaf, (block, place));
        }
        self.blocks.push_back((block, leaves));
        if self.blocks.len() > BLOCKS_MAX
            && let Some(oldest) = self.blocks.pop_front()
        {
            self.unpin(&oldest);
        }
    }

    /// Forgets the blocks that are undecided no more.
    pub(super) fn forget_gone(&mut self, chain: &Chain) {
        let all: VecDeque<(BlockId, Vec<Hash>)> = std::mem::take(&mut self.blocks);
        let (stay, gone): (VecDeque<_>, VecDeque<_>) = all
            .into_iter()
            .partition(|(block, _)| chain.block(block).is_some());
        self.blocks = stay;
        gone.iter().for_each(|block| self.unpin(block));
    }

    /// Keeps a transaction that the mempool refused; the oldest makes room.
    pub(super) fn keep(&mut self, transaction: AuthenticTransaction) {
        let leaf = transaction.leaf();
        if self.refused.insert(leaf, transaction).is_some() {
            return;
        }
        self.arrivals.push_back(leaf);
        if self.arrivals.len() > REFUSED_MAX
            && let Some(oldest) = self.arrivals.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }

    fn unpin(&mut self, (block, leaves): &(BlockId, Vec<Hash>)) {
        for leaf in leaves {
            if self.places.get(leaf).is_some_and(|(known, _)| known == block) {
                self.places.remove(leaf);
            }
        }
    }
}

#[cfg(test)]
mod tests;
