//! Blocks that come as the leaves of their transactions, put together from what is here and what others give.
//!
//! A leaf covers the signature, so it names one run of bytes and no other. Putting a block together asks nothing of the
//! mempool's rules: what it refused, forgot or dropped for another is taken from wherever it lies ([`super::pins`]), and
//! what lies nowhere is fetched, from the leader first, from those who voted for the block next, from all of them then, and
//! at last as the whole block. A block that names a leaf which no transaction can have is invalid for ever: its
//! leader signed the root over it.

mod assembly;
mod fetching;
mod need;

use std::collections::BTreeMap;

use bytes::Bytes;
use plasma_consensus::{Target, scheme::OperatorKey};
use plasma_core::{AuthenticBlock, AuthenticTransaction, BlockId, Hash, Header, Height, Millis, Peer, View};

use super::{Operator, effect::Effect};
use crate::runtime::wire::body::{LEAVES_MAX, encode_leaves, encode_whole};
use assembly::Assembly;
pub use need::Need;

/// Blocks that are put together at once. As many fresh blocks stand above the final one at most.
const ASSEMBLIES_MAX: usize = 16;

/// A block that is final is put together for so many more views: then it is one of those that whole rows bring, or no block of this
/// chain, whatever height it names.
const FINAL_VIEWS: u64 = 16;

/// Invalid blocks remembered by their leaf that is no transaction. One that is forgotten is fetched whole when it matters.
const UNSOUND_MAX: usize = 64;

/// Who holds a transaction for so long takes it to be everywhere: it waits 10 ms for its gossip message, and what is left is
/// more than the hop that the proposal itself needs too. A younger one travels with the proposal.
const SPREAD_MS: u64 = 30;

/// Whole blocks that an operator proposes after one of its blocks was lost that travelled as leaves: others lacked
/// too much of it, and will for a while.
const WHOLE_AFTER_LOSS: u32 = 4;

/// What came beside a fresh proposal.
#[derive(Clone, Debug)]
pub enum Carried {
    /// The block.
    Whole(AuthenticBlock),
    /// Its header and leaves.
    Leaves(Compact),
}

/// A block as the leaves of its transactions, which lie under the header's root.
#[derive(Clone, Debug)]
pub struct Compact {
    /// The header.
    pub header: Header,
    /// In the order of the body.
    pub leaves: Vec<Hash>,
    /// Some entries of the body.
    pub prefilled: Vec<Entry>,
}

/// What lies under a leaf.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A transaction.
    Authentic(Box<AuthenticTransaction>),
    /// Something with this leaf that is no authentic transaction.
    Unsound(Hash),
    /// Something that was not asked for.
    Stray,
}

impl Carried {
    /// The block's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        match self {
            Self::Whole(block) => &block.header,
            Self::Leaves(compact) => &compact.header,
        }
    }
}

/// The blocks that are put together, and what was learned by it.
#[derive(Debug, Default)]
pub(super) struct Payload {
    assemblies: BTreeMap<BlockId, Assembly>,
    /// Blocks that hold what no transaction is, with the view that proposed them.
    unsound: BTreeMap<BlockId, View>,
    /// The last block of ours that travelled as leaves, until it is decided.
    compact: Option<BlockId>,
    /// So many blocks of ours travel whole now.
    whole: u32,
}

impl Payload {
    /// Whether the block holds something that no transaction is.
    pub(super) fn is_unsound(&self, block: &BlockId) -> bool {
        self.unsound.contains_key(block)
    }

    /// Whether the block is being put together.
    pub(super) fn awaits(&self, block: &BlockId) -> bool {
        self.assemblies.contains_key(block)
    }

    /// Forgets what matters no more: blocks as high as the decided one, those of views long final that nobody asks about, judgements
    /// of final views.
    pub(super) fn forget_below(
        &mut self,
        decided: Height,
        floor: View,
        is_awaited: impl Fn(&BlockId) -> bool,
    ) {
        let oldest = View(floor.0.saturating_sub(FINAL_VIEWS));
        self.assemblies
            .retain(|id, known| known.height() > decided && (known.view() > oldest || is_awaited(id)));
        self.unsound.retain(|_, view| *view > floor);
    }

    /// A block is decided.
    pub(super) fn on_decided(&mut self, block: &BlockId) {
        self.compact.take_if(|compact| compact == block);
    }

    /// The block is here whole.
    pub(super) fn on_filed(&mut self, block: &BlockId) {
        self.assemblies.remove(block);
    }

    fn find(&self, leaf: &Hash) -> Option<&AuthenticTransaction> {
        self.assemblies.values().find_map(|assembly| assembly.find(leaf))
    }

    fn condemn(&mut self, block: BlockId, view: View) {
        self.assemblies.remove(&block);
        self.unsound.insert(block, view);
        if self.unsound.len() > UNSOUND_MAX {
            let lowest = self.unsound.iter().min_by_key(|(_, view)| **view);
            let lowest = lowest.map(|(block, _)| *block);
            lowest.and_then(|block| self.unsound.remove(&block));
        }
    }

    /// Begins with a block; the one of the lowest view makes room.
    fn begin(&mut self, block: BlockId, assembly: Assembly) {
        self.assemblies.insert(block, assembly);
        if self.assemblies.len() > ASSEMBLIES_MAX {
            let lowest = self.assemblies.iter().min_by_key(|(_, known)| known.view());
            let lowest = lowest.map(|(block, _)| *block);
            lowest.and_then(|block| self.assemblies.remove(&block));
        }
    }
}

impl<S: OperatorKey> Operator<S> {
    /// What a leader sent beside its proposal.
    pub(super) fn on_carried(
        &mut self,
        now: Millis,
        from: Peer,
        view: View,
        carried: Carried,
        effects: &mut Vec<Effect>,
    ) {
        match carried {
            Carried::Whole(block) => self.file_proposed(block),
            Carried::Leaves(compact) => self.on_compact(now, from, view, compact, effects),
        }
    }

    fn on_compact(
        &mut self,
        now: Millis,
        from: Peer,
        view: View,
        compact: Compact,
        effects: &mut Vec<Effect>,
    ) {
        let id = compact.header.id();
        let is_known = self.chain.block(&id).is_some() || self.payload.awaits(&id);
        if is_known || self.payload.is_unsound(&id) {
            return;
        }
        let mut assembly = Assembly::new(now, view, from, compact.header, compact.leaves);
        for leaf in assembly.missing() {
            let known = self.mempool.find_leaf(&leaf);
            let known = known.or_else(|| self.pins.find(&leaf, &self.chain));
            if let Some(transaction) = known.or_else(|| self.payload.find(&leaf)) {
                assembly.take(transaction.clone());
            }
        }
        self.payload.begin(id, assembly);
        self.fill(&id, from, compact.prefilled, effects);
        self.complete(&id);
    }

    /// A transaction came, whatever becomes of it: a block may wait for it.
    pub(super) fn on_authentic(&mut self, transaction: &AuthenticTransaction) {
        let leaf = transaction.leaf();
        let waiting = self.payload.assemblies.iter_mut();
        let waiting: Vec<BlockId> = waiting
            .filter(|(_, assembly)| assembly.lacks(&leaf))
            .map(|(id, assembly)| {
                assembly.take(transaction.clone());
                *id
            })
            .collect();
        waiting.iter().for_each(|id| self.complete(id));
    }

    /// Files a block of a proposal; its transactions are found by their leaves as long as it stands.
    pub(super) fn file_proposed(&mut self, block: AuthenticBlock) {
        let id = block.header.id();
        let leaves = block.transactions.iter().map(AuthenticTransaction::leaf);
        let leaves: Vec<Hash> = leaves.collect();
        self.file(block);
        if self.chain.block(&id).is_some() {
            self.pins.pin(id, leaves);
        }
    }

    /// Files the block when nothing of it is missing any more.
    fn complete(&mut self, id: &BlockId) {
        let assemblies = &mut self.payload.assemblies;
        if assemblies.get(id).is_some_and(Assembly::is_complete)
            && let Some(assembly) = assemblies.remove(id)
        {
            self.file_proposed(assembly.into_block());
        }
    }

    /// Puts entries into a block that is put together. Gives how many were missing there; none when one of them is no
    /// entry of the block.
    fn fill(
        &mut self,
        id: &BlockId,
        from: Peer,
        entries: Vec<Entry>,
        effects: &mut Vec<Effect>,
    ) -> Option<usize> {
        let assembly = self.payload.assemblies.get_mut(id)?;
        let (view, mut taken) = (assembly.view(), 0);
        for entry in entries {
            match entry {
                Entry::Authentic(transaction) if assembly.names(&transaction.leaf()) => {
                    taken += usize::from(assembly.take(*transaction));
                }
                Entry::Unsound(leaf) if assembly.names(&leaf) => {
                    self.payload.condemn(*id, view);
                    effects.push(Effect::Odd(format!(
                        "block {id} of view {view} holds what no transaction is, under leaf {leaf}; it came from {}",
                        from.0
                    )));
                    return Some(taken);
                }
                Entry::Authentic(_) | Entry::Unsound(_) | Entry::Stray => return None,
            }
        }
        Some(taken)
    }

    /// The leaves that a request for transactions of a block names; none when the block is not being put together any more.
    #[must_use]
    pub fn asked_leaves(&self, block: &BlockId, map: &[u8]) -> Vec<Hash> {
        let assembly = self.payload.assemblies.get(block);
        assembly.map_or(Vec::new(), |assembly| assembly.leaves_at(map))
    }

    /// What travels beside a fresh proposal of ours: leaves to all when that is shorter, the whole block to a single
    /// operator, which has missed something.
    pub(super) fn carry(&mut self, now: Millis, to: Target, id: &BlockId) -> Option<Bytes> {
        let known = self.chain.block(id)?;
        let whole = || Some(encode_whole(&known.encoded));
        if to != Target::All {
            return whole();
        }
        if self
            .payload
            .compact
            .take_if(|last| !self.chain.stands_on(id, last))
            .is_some()
        {
            self.payload.whole = WHOLE_AFTER_LOSS;
        }
        let transactions = &known.block.transactions;
        if self.payload.whole > 0 || transactions.len() > LEAVES_MAX {
            self.payload.whole = self.payload.whole.saturating_sub(1);
            return whole();
        }
        let is_spread = |leaf: &Hash| self.mempool.age(now, leaf).is_some_and(|age| age >= SPREAD_MS);
        let leaves: Vec<Hash> = transactions.iter().map(AuthenticTransaction::leaf).collect();
        let lacking = transactions.iter().filter(|one| !is_spread(&one.leaf()));
        let prefilled: Vec<Vec<u8>> = lacking.map(|one| one.signed().encode()).collect();
        let compact = encode_leaves(&known.block.header, &leaves, &prefilled);
        if compact.len() > known.encoded.len() {
            return whole();
        }
        self.payload.compact = Some(*id);
        Some(compact)
    }
}

#[cfg(test)]
mod tests;
