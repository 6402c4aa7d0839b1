//! What the body of a proposal is worth here, told before anything of it is verified.

use plasma_consensus::{Proposal, scheme::OperatorKey};
use plasma_core::{Epoch, Peer, View};

use crate::operator::Operator;

/// A proposal's block is kept only when its view is at most this far ahead: the engine looks no further.
const PROPOSALS_AHEAD: u64 = 2;

/// What the body of a proposal is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nobody here can tell: another epoch runs, or its sender or we have no seat in it.
    Unknown,
    /// Another member leads the view. An honest one sends bodies beside its own proposals alone.
    Foreign,
    /// The block is here or invalid for ever, or its view is final or too far ahead.
    Nothing,
    /// Nothing of the block is here.
    Block,
    /// The block is being put together.
    Rest,
}

impl<S: OperatorKey> Operator<S> {
    /// What a body would be worth that came beside this proposal.
    #[must_use]
    pub fn need(&self, from: Peer, proposal: &Proposal) -> Need {
        let of_running = proposal.epoch == self.epochs.running();
        let seated = self.epochs.engine().zip(self.epochs.seat_of(from));
        let Some((engine, from)) = seated.filter(|_| of_running) else {
            return Need::Unknown;
        };
        let (view, block) = (proposal.container.view, proposal.container.block);
        if from != engine.leader(view) {
            return Need::Foreign;
        }
        let ahead = View(engine.view().0.saturating_add(PROPOSALS_AHEAD));
        let is_near = view <= ahead && view > engine.floor().view;
        if !is_near || self.payload.is_unsound(&block) {
            Need::Nothing
        } else if self.payload.awaits(&block) {
            Need::Rest
        } else if self.chain.block(&block).is_some() {
            Need::Nothing
        } else {
            Need::Block
        }
    }

    /// The running epoch, and the view of the highest finalization that is known in it.
    #[must_use]
    pub fn reached(&self) -> (Epoch, View) {
        (self.epochs.running(), self.epochs.floor())
    }
}
