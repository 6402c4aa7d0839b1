//! One simulated operator around an engine: its disk, its payments, its blocks.

use std::collections::{BTreeMap, BTreeSet};

use plasma_consensus::{Engine, Floor, Record, Rejoin};
use plasma_core::{BlockId, Certificate, View};

use super::{blocks::Blocks, crypto::Key};

/// What survives a crash.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    /// Synced records of the log.
    pub(crate) log: Vec<Record>,
    /// Bodies that are here.
    pub(crate) bodies: BTreeSet<BlockId>,
    /// The last block whose effects are committed.
    pub(crate) applied: BlockId,
    /// The finalization that covers `applied`.
    pub(crate) floor: Floor,
}

impl Disk {
    /// With nothing but the first block.
    pub(crate) fn new() -> Self {
        let genesis = Blocks::genesis();
        Self {
            log: Vec::new(),
            bodies: BTreeSet::from([genesis]),
            applied: genesis,
            floor: Floor {
                view: View(0),
                block: genesis,
                certificate: None,
            },
        }
    }
}

/// An operator; without an engine it is down.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) disk: Disk,
    pub(crate) engine: Option<Engine<Key>>,
    /// Its disk is new: how far an earlier life may have voted, as far as others have shown it.
    pub(crate) rejoin: Option<Rejoin>,
    /// Counts lives: events of an earlier one are void.
    pub(crate) life: u32,
    /// Written and not yet synced.
    pub(crate) unsynced: Vec<Record>,
    /// Finality reported by the engine and not yet applied.
    pub(crate) target: Option<Certificate>,
    /// The engine's last final block as this operator followed it; none after a gap.
    pub(crate) followed: Option<BlockId>,
    /// Payments that reached this operator.
    pub(crate) payments: u128,
    pub(crate) told_work: bool,
    /// The parent of the block built ahead, and the payment in it.
    pub(crate) ahead: Option<(BlockId, u128)>,
    /// Blocks found valid in this life, with all their ancestors.
    pub(crate) validated: BTreeSet<BlockId>,
    /// The same in any life: a leader sends again what it wrote down before a crash.
    pub(crate) judged: BTreeSet<BlockId>,
    /// Questions of the engine that wait for a body.
    pub(crate) asked: BTreeSet<(BlockId, BlockId)>,
    /// Bodies on their way.
    pub(crate) fetching: BTreeSet<BlockId>,
    /// Blocks whose verdict stays pending until then.
    pub(crate) pending: BTreeMap<BlockId, u64>,
    pub(crate) wake_at: Option<u64>,
    pub(crate) paused_until: u64,
    /// Clock error per thousand, positive or negative by the flag.
    pub(crate) drift: u64,
    pub(crate) is_fast: bool,
    pub(crate) clock_offset: u64,
    /// Views with a proposal of mine in the log at the last restart.
    pub(crate) proposals_before: BTreeSet<View>,
}

/// An operator's answer to a question of its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Valid,
    Invalid,
    /// This body must come first.
    Needs(BlockId),
}

impl Host {
    pub(crate) fn new() -> Self {
        let genesis = Blocks::genesis();
        Self {
            disk: Disk::new(),
            engine: None,
            rejoin: None,
            life: 0,
            unsynced: Vec::new(),
            target: None,
            followed: Some(genesis),
            payments: 0,
            told_work: false,
            ahead: None,
            validated: BTreeSet::new(),
            judged: BTreeSet::new(),
            asked: BTreeSet::new(),
            fetching: BTreeSet::new(),
            pending: BTreeMap::new(),
            wake_at: None,
            paused_until: 0,
            drift: 0,
            is_fast: false,
            clock_offset: 0,
            proposals_before: BTreeSet::new(),
        }
    }

    /// This operator's clock at a time of the world.
    pub(crate) fn local(&self, now: u64) -> u64 {
        let error = now * self.drift / 1_000;
        self.clock_offset + if self.is_fast { now + error } else { now - error }
    }

    /// The first time of the world at which its clock shows `local` or more.
    pub(crate) fn world(&self, local: u64) -> u64 {
        let target = local.saturating_sub(self.clock_offset);
        let rate = if self.is_fast {
            1_000 + self.drift
        } else {
            1_000 - self.drift
        };
        let mut now = target * 1_000 / rate;
        while self.local(now) < local {
            now += 1;
        }
        now
    }

    /// Everything in memory is gone.
    pub(crate) fn forget(&mut self) {
        self.engine = None;
        self.life += 1;
        self.unsynced.clear();
        self.target = None;
        self.validated.clear();
        self.asked.clear();
        self.fetching.clear();
        self.pending.clear();
        self.told_work = false;
        self.ahead = None;
        self.wake_at = None;
    }

    /// Judges a block on a parent with what is here.
    pub(crate) fn judge(&mut self, block: BlockId, parent: BlockId, blocks: &Blocks) -> Judged {
        let content = blocks.block(block);
        if content.parent != parent {
            return if self.disk.bodies.contains(&block) {
                Judged::Invalid
            } else {
                Judged::Needs(block)
            };
        }
        let mut path = Vec::new();
        let mut at = block;
        while !self.has_state(at, blocks) {
            if !self.disk.bodies.contains(&at) {
                return Judged::Needs(at);
            }
            path.push(at);
            at = blocks.block(at).parent;
        }
        if !content.is_valid {
            return Judged::Invalid;
        }
        self.judged.extend(path.iter().copied());
        self.validated.extend(path);
        Judged::Valid
    }

    /// Whether the state after a block is here: it was applied, or found valid.
    pub(crate) fn has_state(&self, block: BlockId, blocks: &Blocks) -> bool {
        self.validated.contains(&block) || self.is_applied(block, blocks)
    }

    /// Whether a block lies on the applied history.
    pub(crate) fn is_applied(&self, block: BlockId, blocks: &Blocks) -> bool {
        let height = blocks.block(block).height;
        let mut at = self.disk.applied;
        while blocks.block(at).height > height {
            at = blocks.block(at).parent;
        }
        at == block
    }

    /// Applies what is final; answers with a body that is missing on the way.
    pub(crate) fn apply(&mut self, blocks: &Blocks) -> Option<BlockId> {
        let target = self.target.clone()?;
        let mut at = target.block;
        let applied = blocks.block(self.disk.applied).height;
        while blocks.block(at).height > applied {
            if !self.disk.bodies.contains(&at) {
                return Some(at);
            }
            at = blocks.block(at).parent;
        }
        if target.view > self.disk.floor.view {
            self.disk.applied = target.block;
            self.disk.floor = Floor {
                view: target.view,
                block: target.block,
                certificate: Some(target),
            };
        }
        self.target = None;
        None
    }

    /// What the next block on a parent would hold. One payment in each block keeps a run long: the lowest that waits.
    pub(crate) fn next_payment(&self, parent: BlockId, blocks: &Blocks) -> u128 {
        let payments = self.payments & !blocks.block(parent).payments;
        payments & payments.wrapping_neg()
    }

    /// Payments that wait for a block.
    pub(crate) fn waiting(&self, blocks: &Blocks) -> u128 {
        self.payments & !blocks.block(self.disk.applied).payments
    }
}
