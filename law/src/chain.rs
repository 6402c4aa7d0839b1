//! The chain as a watcher keeps it: the bodies and headers that operators decided, byte for byte, and the anchors that
//! Ethereum recorded. Every proof is made from it alone.
//!
//! A body is bytes and not transactions, because a lying quorum may certify anything.

use plasma_core::{Certificate, Hash, Header, Height, history, keccak, merkle};
use plasma_node::bridge::decode::Anchored;

/// A block as it was certified.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// Its header.
    pub(crate) header: Header,
    /// Its body: each transaction with its signature, or whatever lies in its place.
    pub(crate) body: Vec<Vec<u8>>,
    /// The leaves of its tree of transactions.
    leaves: Vec<Hash>,
    /// What the history says of it.
    leaf: Hash,
}

impl Decided {
    /// A header and what lies under it.
    pub(crate) fn new(header: Header, body: Vec<Vec<u8>>) -> Self {
        let leaves = leaves(&body);
        let (count, root) = (header.transaction_count, header.transactions_root);
        let leaf = history::leaf(header.height, count, root, header.l1_height);
        Self {
            header,
            body,
            leaves,
            leaf,
        }
    }
}

/// An anchor with the certificate that made it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// What Ethereum recorded.
    pub(crate) anchored: Anchored,
    /// The anchored header.
    pub(crate) header: Header,
    /// Who answers for it.
    pub(crate) certificate: Certificate,
}

/// Blocks by height and anchors by number.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// Block 0 is the genesis block.
    pub(crate) blocks: Vec<Decided>,
    /// In order; the first has number 1.
    pub(crate) anchors: Vec<Made>,
}

impl Chain {
    /// A chain of its genesis block.
    pub(crate) fn new(genesis: Header) -> Self {
        let blocks = vec![Decided::new(genesis, Vec::new())];
        Self {
            blocks,
            anchors: Vec::new(),
        }
    }

    /// The newest block's height.
    pub(crate) fn top(&self) -> u32 {
        self.blocks.last().map_or(0, |block| block.header.height.0)
    }

    /// The highest anchored height.
    pub(crate) fn anchored_to(&self) -> u32 {
        self.anchors.last().map_or(0, |made| made.anchored.height.0)
    }

    /// The block of a height.
    pub(crate) fn block(&self, height: u32) -> Option<&Decided> {
        self.blocks.get(index(height))
    }

    /// The first anchor at or above a height.
    pub(crate) fn covering(&self, height: u32) -> Option<&Made> {
        self.anchors.iter().find(|made| made.anchored.height.0 >= height)
    }

    /// History leaves of heights up to one.
    pub(crate) fn history_to(&self, height: u32) -> Vec<Hash> {
        self.blocks
            .iter()
            .take(index(height) + 1)
            .map(|block| block.leaf)
            .collect()
    }

    /// The root over all blocks and one more leaf: what the next header says.
    pub(crate) fn root_with(&self, leaf: Hash) -> Hash {
        let mut leaves = self.history_to(self.top());
        leaves.push(leaf);
        merkle::root(&leaves)
    }

    /// The siblings of a transaction in its block.
    pub(crate) fn transaction_path(&self, height: u32, place: u32) -> Vec<Hash> {
        self.block(height)
            .map_or_else(Vec::new, |block| merkle::proof(&block.leaves, index(place)))
    }

    /// The siblings of a block in the history up to an anchored height.
    pub(crate) fn history_path(&self, height: u32, top: Height) -> Vec<Hash> {
        history::proof(&self.history_to(top.0), index(height))
    }
}

/// The leaves of bytes that lie in a block.
pub(crate) fn leaves(body: &[Vec<u8>]) -> Vec<Hash> {
    body.iter().map(|bytes| keccak(&[&[0x00], bytes])).collect()
}

/// A height or a place as an index; addresses have 64 bits wherever this runs.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("64 bits")
}
