//! The end of an epoch. A block whose part of Ethereum holds the change of committee is the last one of its committee:
//! whatever stands on it is a re-proposal of it until one of them is final (R1), and then this engine is done.
//!
//! Only the operator can tell such a block from others, and it does so with its verdict. So the finality of the last block
//! takes no vote of its own, and two epochs never decide two blocks of one height.
//! Source: `consensus.md` section 10.

use plasma_core::{BlockId, Certificate, planted::planted};

use crate::{Closed, Engine, scheme::Scheme};

impl<S: Scheme> Engine<S> {
    /// Whether a block is known to be the last one of the epoch.
    pub(super) fn seals(&self, block: BlockId) -> bool {
        (self.sealing == Some(block) || self.opinions.seals(block))
            && !planted("consensus: goes on above the last block of an epoch")
    }

    /// Whether the last block is final: nothing is left to be decided here.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealing == Some(self.chain.floor().block)
    }

    pub(super) fn on_sealed(&mut self, block: BlockId) {
        self.sealing = Some(block);
        let parent = self.building.and_then(|parent| self.chain.parent_block(parent));
        if parent == Some(block) {
            self.building = None;
        }
    }

    /// The finalization of the epoch's last block, once it is here: the next epoch starts from it.
    #[must_use]
    pub fn sealed(&self) -> Option<&Certificate> {
        self.chain
            .floor()
            .certificate
            .as_ref()
            .filter(|_| self.is_sealed())
    }

    /// What stays of this engine when its epoch is over; none before. The engine itself can be dropped then.
    #[must_use]
    pub fn close(&self) -> Option<Closed> {
        let certificate = self.sealed()?.clone();
        Some(Closed::new(certificate, self.committee.size()))
    }
}
