//! The decided tip and the undecided blocks above it, each with the changes it would make.
//!
//! A block's changes are known once it was applied on its parent's; they lie over what storage holds until the block is
//! decided. Which blocks become decided is derived, never remembered: walk down from a finalized block to the tip.

mod room;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use plasma_core::{
    AuthenticBlock, AuthenticTransaction, BlockId, Certificate, Delta, Epoch, Header, Height, L1Height,
    Reads, State, TransactionId, View, planted::planted,
};

pub use room::{DERIVED_BYTES_MAX, Room};

/// Most finalize certificates kept of blocks that are not decided here. The newest says that something is missing, and the
/// oldest are of the blocks that are decided next; those between go first.
pub const FINALS_MAX: usize = 256;

/// A block above the decided tip.
#[derive(Debug)]
pub struct Undecided {
    /// The block.
    pub block: AuthenticBlock,
    /// Its bytes, as they travel and as they are logged.
    pub encoded: Bytes,
    /// What it changes, once applied.
    pub delta: Option<Delta>,
    /// Whether its bytes are in the log.
    pub is_logged: bool,
    /// Order of arrival, to drop the oldest.
    arrival: u64,
}

/// The decided tip and what stands above it.
#[derive(Debug)]
pub struct Chain {
    decided: State,
    /// Epoch and view of the newest certificate whose block is decided.
    decided_at: (Epoch, View),
    blocks: BTreeMap<BlockId, Undecided>,
    /// Finalize certificates of blocks that are not decided here yet.
    finals: BTreeMap<BlockId, Certificate>,
    /// A block that is final because a certified one stands on it which cannot be filed here.
    ancestor: Option<BlockId>,
    /// What makes no room, whether it is here or not.
    kept: BTreeSet<BlockId>,
    /// Blocks that made room, or are to be judged anew, for the engine to hear of.
    dropped: Vec<BlockId>,
    arrivals: u64,
    /// Bytes of the undecided blocks.
    bytes: usize,
    room: Room,
}

impl Chain {
    /// Starts at a decided tip, with so much room above it.
    #[must_use]
    pub fn new(decided: State, decided_at: (Epoch, View), room: Room) -> Self {
        Self {
            decided,
            decided_at,
            blocks: BTreeMap::new(),
            finals: BTreeMap::new(),
            ancestor: None,
            kept: BTreeSet::new(),
            dropped: Vec::new(),
            arrivals: 0,
            bytes: 0,
            room,
        }
    }

    /// The state after the last decided block.
    #[must_use]
    pub fn decided(&self) -> &State {
        &self.decided
    }

    /// Epoch and view of the newest certificate whose block is decided.
    #[must_use]
    pub fn decided_at(&self) -> (Epoch, View) {
        self.decided_at
    }

    /// The state after a block, decided or applied.
    #[must_use]
    pub fn state(&self, id: &BlockId) -> Option<&State> {
        if *id == self.decided.id {
            return Some(&self.decided);
        }
        self.blocks.get(id)?.delta.as_ref().map(|delta| &delta.state)
    }

    /// An undecided block.
    #[must_use]
    pub fn block(&self, id: &BlockId) -> Option<&Undecided> {
        self.blocks.get(id)
    }

    /// Marks a block's bytes as logged; says whether they were not before.
    pub fn log(&mut self, id: &BlockId) -> Option<Bytes> {
        let known = self.blocks.get_mut(id).filter(|known| !known.is_logged)?;
        known.is_logged = true;
        Some(known.encoded.clone())
    }

    /// Remembers what a block changes.
    pub fn applied(&mut self, id: &BlockId, delta: Delta) {
        if let Some(known) = self.blocks.get_mut(id) {
            known.delta = Some(delta);
        }
    }

    /// Forgets what blocks change whose origin lies above this one: Ethereum does not show it any more. No vote goes to them before
    /// they were applied again, so to the engine they are gone.
    pub fn unapply_above(&mut self, origin: L1Height) {
        for (id, known) in &mut self.blocks {
            if known.block.header.l1_height > origin && known.delta.take().is_some() {
                self.dropped.push(*id);
            }
        }
    }

    /// Lays the changes of a block and its undecided ancestors over what storage held.
    pub fn overlay(&self, reads: &mut Reads, tip: &BlockId) {
        let deltas: Vec<&Delta> = self
            .ancestry(tip)
            .filter_map(|known| known.delta.as_ref())
            .collect();
        if planted("operator: forgets undecided ancestors") {
            return;
        }
        for delta in deltas.into_iter().rev() {
            reads.overlay(delta);
        }
    }

    /// Ids of the transactions in a block and its undecided ancestors.
    #[must_use]
    pub fn included(&self, tip: &BlockId) -> BTreeSet<TransactionId> {
        self.ancestry(tip)
            .flat_map(|known| known.block.transactions.iter().map(AuthenticTransaction::id))
            .collect()
    }

    /// A finalize certificate; it stays until its block is decided here. The decided block may be finalized once more, in a
    /// later view that had nothing else to propose.
    pub fn on_final(&mut self, certificate: Certificate) {
        if !self.is_news(&certificate) || planted("operator: takes no finality") {
            return;
        }
        if certificate.block == self.decided.id && !planted("operator: waits for what it has decided") {
            self.decide_at(&certificate);
            return;
        }
        // The committee that decided a block has the first word on it: the next one may have said it final once more, as a heartbeat.
        let known = self.finals.get(&certificate.block);
        if known.is_some_and(|known| known.epoch < certificate.epoch) {
            return;
        }
        self.finals.insert(certificate.block, certificate);
        if self.finals.len() > FINALS_MAX {
            let mut newest: Vec<_> = self.finals.iter().map(|(id, known)| (known.at(), *id)).collect();
            newest.sort_unstable();
            let spare = newest.iter().rev().nth(1);
            spare.and_then(|(_, id)| self.finals.remove(id));
        }
    }

    /// Whether a certificate is newer than all whose blocks are decided.
    #[must_use]
    pub fn is_news(&self, certificate: &Certificate) -> bool {
        certificate.at() > self.decided_at
    }

    /// Whether a finalize certificate of a block is kept.
    #[must_use]
    pub fn is_final(&self, block: &BlockId) -> bool {
        self.finals.contains_key(block)
    }

    /// A block below one that is final, but can never be filed here: what it holds are no transactions.
    pub fn on_final_ancestor(&mut self, block: BlockId) {
        self.ancestor = Some(block);
    }

    /// The headers above a block up to the lowest that has a finalize certificate, and that certificate; none above when
    /// it is the block's own.
    #[must_use]
    pub fn certified_above(&self, block: &BlockId) -> Option<(Vec<Header>, Certificate)> {
        let above = |target: &BlockId| {
            if target == block {
                return Some(Vec::new());
            }
            let mut headers = Vec::new();
            for known in self.ancestry(target) {
                headers.push(known.block.header);
                if known.block.header.parent == *block {
                    headers.reverse();
                    return Some(headers);
                }
            }
            None
        };
        let found = self
            .finals
            .iter()
            .filter_map(|(target, certificate)| Some((above(target)?, certificate.clone())));
        found.min_by_key(|(headers, _)| headers.len())
    }

    /// The next block to decide: the lowest undecided ancestor of a finalized block, with the block's own certificate if
    /// it has one.
    #[must_use]
    pub fn next_final(&self) -> Option<(BlockId, Option<Certificate>)> {
        let next = self
            .finals
            .keys()
            .chain(&self.ancestor)
            .find_map(|target| self.child_of_decided(target))?;
        Some((next, self.finals.get(&next).cloned()))
    }

    /// Whether a finalized block is known of which an ancestor, or itself, is missing here.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.finals.values().any(|certificate| self.is_news(certificate)) && self.next_final().is_none()
    }

    /// The highest block that is missing below the newest finalized one, or that one itself.
    #[must_use]
    pub fn missing(&self) -> Option<BlockId> {
        let newest = self.finals.values().max_by_key(|known| known.at())?;
        self.missing_below(&newest.block)
    }

    /// The highest block that is missing below a block, or that one itself; none when all are here, and when it stands on
    /// another block than the decided one.
    #[must_use]
    pub fn missing_below(&self, block: &BlockId) -> Option<BlockId> {
        let Some(lowest) = self.ancestry(block).last() else {
            return (*block != self.decided.id).then_some(*block);
        };
        let lowest = lowest.block.header;
        let is_above = self
            .decided
            .header
            .height
            .next()
            .is_some_and(|next| lowest.height > next);
        is_above.then_some(lowest.parent)
    }

    /// Makes an applied child of the tip the new tip; gives what it changes and its block.
    pub fn decide(&mut self, id: &BlockId) -> Option<(AuthenticBlock, Delta)> {
        let known = self.blocks.get(id)?;
        if known.block.header.parent != self.decided.id || known.delta.is_none() {
            return None;
        }
        let Undecided { block, delta, .. } = self.remove(id)?;
        let delta = delta?;
        if let Some(certificate) = self.finals.remove(id) {
            self.decide_at(&certificate);
        }
        self.decided = delta.state.clone();
        self.forget_lost();
        Some((block, delta))
    }

    /// Forgets what stands beside the decided tip, and on such blocks: it never becomes decided, and no state may rest on a
    /// block that is gone.
    fn forget_lost(&mut self) {
        let decided = (self.decided.header.height, self.decided.id);
        let mut heights: Vec<(Height, BlockId, BlockId)> = self
            .blocks
            .iter()
            .map(|(id, known)| (known.block.header.height, *id, known.block.header.parent))
            .collect();
        heights.sort_unstable();
        let mut lost = BTreeSet::new();
        for (height, id, parent) in heights {
            let is_beside = Some(height) == decided.0.next() && parent != decided.1;
            if height <= decided.0 || is_beside || lost.contains(&parent) {
                lost.insert(id);
            }
        }
        lost.iter().for_each(|id| drop(self.remove(id)));
    }

    /// What this certificate makes final is decided here, and with it all that older ones do.
    fn decide_at(&mut self, certificate: &Certificate) {
        self.decided_at = self.decided_at.max(certificate.at());
        let decided_at = self.decided_at;
        self.finals.retain(|_, other| other.at() > decided_at);
    }

    /// Whether a block is another one or stands on it, through undecided blocks.
    #[must_use]
    pub fn stands_on(&self, id: &BlockId, other: &BlockId) -> bool {
        let is_below = |known: &Undecided| known.block.header.parent == *other;
        id == other || self.ancestry(id).any(is_below)
    }

    /// A block and its undecided ancestors, downwards.
    fn ancestry(&self, tip: &BlockId) -> impl Iterator<Item = &Undecided> {
        std::iter::successors(self.blocks.get(tip), |known| {
            self.blocks.get(&known.block.header.parent)
        })
    }

    fn child_of_decided(&self, target: &BlockId) -> Option<BlockId> {
        let lowest = self.ancestry(target).last()?;
        (lowest.block.header.parent == self.decided.id).then(|| lowest.block.header.id())
    }
}

#[cfg(test)]
pub(super) mod tests;
