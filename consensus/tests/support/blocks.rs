//! All blocks that anybody ever made, as an all-knowing observer sees them.

use std::collections::BTreeMap;

use plasma_core::{BlockId, keccak};

/// What a header and a body would say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) parent: BlockId,
    pub(crate) height: u64,
    /// False for blocks that break a rule of the ledger.
    pub(crate) is_valid: bool,
    /// Payments in this block and all its ancestors.
    pub(crate) payments: u128,
}

/// The registry.
#[derive(Debug)]
pub(crate) struct Blocks {
    known: BTreeMap<BlockId, Block>,
}

impl Blocks {
    /// Only the first block.
    pub(crate) fn new() -> Self {
        let block = Block {
            parent: Self::nothing(),
            height: 0,
            is_valid: true,
            payments: 0,
        };
        Self {
            known: BTreeMap::from([(Self::genesis(), block)]),
        }
    }

    /// The first block's id.
    pub(crate) fn genesis() -> BlockId {
        BlockId(keccak(&[b"genesis"]))
    }

    fn nothing() -> BlockId {
        BlockId(keccak(&[b"before genesis"]))
    }

    /// A new block; ids differ even when everything else is the same.
    pub(crate) fn make(&mut self, parent: BlockId, payments: u128, is_valid: bool) -> BlockId {
        let number = u64::try_from(self.known.len()).expect("fits");
        let id = BlockId(keccak(&[&number.to_be_bytes(), &parent.0.0]));
        let before = self.block(parent);
        let block = Block {
            parent,
            height: before.height + 1,
            is_valid: is_valid && before.is_valid,
            payments: before.payments | payments,
        };
        self.known.insert(id, block);
        id
    }

    /// The parent of a block; the first one stands in for its own.
    pub(crate) fn below(&self, id: BlockId) -> BlockId {
        if id == Self::genesis() {
            id
        } else {
            self.block(id).parent
        }
    }

    /// A block that exists.
    pub(crate) fn block(&self, id: BlockId) -> Block {
        *self.known.get(&id).expect("only registered blocks are named")
    }
}
