//! One block that is put together: what is here of it, and whom it was asked of.

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{AuthenticBlock, AuthenticTransaction, Hash, Header, Height, Millis, Peer, View};

/// A block of which something may be missing. It holds what it has found itself, so nothing that the mempool does
/// can take it away.
#[derive(Debug)]
pub(super) struct Assembly {
    view: View,
    leader: Peer,
    header: Header,
    leaves: Vec<Hash>,
    found: BTreeMap<Hash, AuthenticTransaction>,
    missing: BTreeSet<Hash>,
    pub(super) search: Search,
}

/// How far the search for what is missing has come.
#[derive(Debug)]
pub(super) struct Search {
    /// When the block was first heard of.
    pub(super) since: Millis,
    /// The step that comes next: the leader, two that voted, all that voted, and all again and again.
    pub(super) step: u32,
    /// When it comes.
    pub(super) next_at: Millis,
    /// Who was asked and has not answered yet, and when.
    pub(super) asked: BTreeMap<Peer, Millis>,
    /// They sent what is not in the block.
    pub(super) liars: BTreeSet<Peer>,
}

impl Assembly {
    pub(super) fn new(now: Millis, view: View, leader: Peer, header: Header, leaves: Vec<Hash>) -> Self {
        Self {
            view,
            leader,
            header,
            missing: leaves.iter().copied().collect(),
            leaves,
            found: BTreeMap::new(),
            search: Search {
                since: now,
                step: 0,
                next_at: now,
                asked: BTreeMap::new(),
                liars: BTreeSet::new(),
            },
        }
    }

    pub(super) fn view(&self) -> View {
        self.view
    }

    pub(super) fn leader(&self) -> Peer {
        self.leader
    }

    pub(super) fn height(&self) -> Height {
        self.header.height
    }

    /// The leaves of what is not here.
    pub(super) fn missing(&self) -> Vec<Hash> {
        self.missing.iter().copied().collect()
    }

    /// The places of what is not here, and how many places there are.
    pub(super) fn gaps(&self) -> (impl Iterator<Item = usize>, usize) {
        let leaves = self.leaves.iter().enumerate();
        let gaps = leaves.filter(|(_, leaf)| self.missing.contains(leaf));
        (gaps.map(|(place, _)| place), self.leaves.len())
    }

    /// The leaves at the places that a map names.
    pub(super) fn leaves_at(&self, map: &[u8]) -> Vec<Hash> {
        let bits = map
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte & (1 << bit) != 0));
        let named = self.leaves.iter().zip(bits).filter(|(_, is_named)| *is_named);
        named.map(|(leaf, _)| *leaf).collect()
    }

    pub(super) fn lacks(&self, leaf: &Hash) -> bool {
        self.missing.contains(leaf)
    }

    /// Whether the block has this leaf, here or missing.
    pub(super) fn names(&self, leaf: &Hash) -> bool {
        self.missing.contains(leaf) || self.found.contains_key(leaf)
    }

    pub(super) fn find(&self, leaf: &Hash) -> Option<&AuthenticTransaction> {
        self.found.get(leaf)
    }

    /// Takes a transaction; says whether it was missing.
    pub(super) fn take(&mut self, transaction: AuthenticTransaction) -> bool {
        let was_missing = self.missing.remove(&transaction.leaf());
        if was_missing {
            self.found.insert(transaction.leaf(), transaction);
        }
        was_missing
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The block, when nothing is missing.
    pub(super) fn into_block(self) -> AuthenticBlock {
        let found = |leaf| self.found.get(leaf).cloned();
        AuthenticBlock {
            transactions: self.leaves.iter().filter_map(found).collect(),
            header: self.header,
        }
    }
}
