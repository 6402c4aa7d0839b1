//! Which bodies of proposals are looked at: told before the first signature, by what the message says and what is known here.
//!
//! An honest leader sends its block once to all, and whole to a single operator that missed it. So of a view two bodies are
//! checked at most, whatever a liar sends; it pays for each with a view that it leads. A message whose body is not looked at
//! is heard all the same, and the engine asks for the block if it matters.

use std::collections::BTreeMap;

use bytes::Bytes;
use plasma_consensus::{Message, Proposal, scheme::OperatorKey};
use plasma_core::{BlockId, Epoch, Peer, View};

use crate::{
    operator::{Operator, payload::Need},
    runtime::wire::{
        self, WireError,
        body::{Form, peek},
    },
};

/// Bodies of one view that are checked at most: the first, and a whole block where the first was its leaves.
const PER_VIEW_MAX: u8 = 2;

/// The bodies of the running epoch that were looked at; of views above the final one, so no more than the engine remembers.
#[derive(Debug, Default)]
pub struct Bodies {
    epoch: Epoch,
    views: BTreeMap<View, Looked>,
}

/// What was looked at of one view.
#[derive(Debug, Default)]
struct Looked {
    count: u8,
    /// The block whose body is being checked.
    under_way: Option<BlockId>,
}

/// What becomes of a payload frame.
#[derive(Debug)]
pub enum Admitted {
    /// The message is heard at once, without what came beside it.
    Alone {
        /// The message.
        message: Message,
        /// What its sender did that no honest operator does.
        fault: Option<&'static str>,
    },
    /// The body is checked first, and the message is heard then, whatever the body is.
    Body {
        /// The message.
        proposal: Box<Proposal>,
        /// What came beside it.
        body: Bytes,
    },
    /// The same proposal again, while its body is being checked.
    Again,
}

impl Bodies {
    /// Parts a payload frame and says what becomes of it.
    ///
    /// # Errors
    /// [`WireError`] when there is no message in it.
    pub fn admit<S: OperatorKey>(
        &mut self,
        from: Peer,
        frame: &Bytes,
        operator: &Operator<S>,
    ) -> Result<Admitted, WireError> {
        let (message, body) = wire::split_payload(frame)?;
        let proposal = match message {
            message if body.is_empty() => return Ok(Admitted::alone(message)),
            Message::Proposal(proposal) => proposal,
            other => return Ok(Admitted::faulty(other, "a body beside what is no proposal")),
        };
        let need = operator.need(from, &proposal);
        let named = peek(&body).filter(|(_, header)| header.id() == proposal.container.block);
        Ok(match (need, named) {
            (Need::Unknown, _) => Admitted::alone(Message::Proposal(proposal)),
            (Need::Foreign, _) => Admitted::faulty(
                Message::Proposal(proposal),
                "a body beside another leader's proposal",
            ),
            (_, None) => Admitted::faulty(Message::Proposal(proposal), "a body of another block"),
            (need, Some((form, _))) => {
                self.forget(operator.reached());
                self.weigh(need, form, proposal, body)
            }
        })
    }

    fn weigh(&mut self, need: Need, form: Form, proposal: Box<Proposal>, body: Bytes) -> Admitted {
        let (view, block) = (proposal.container.view, proposal.container.block);
        let known = self.views.get(&view);
        if known.is_some_and(|looked| looked.under_way == Some(block)) {
            return Admitted::Again;
        }
        let count = known.map_or(0, |looked| looked.count);
        let is_wanted = match need {
            Need::Block => count == 0,
            Need::Rest => form == Form::Whole && count < PER_VIEW_MAX,
            Need::Nothing | Need::Foreign | Need::Unknown => false,
        };
        if !is_wanted {
            return Admitted::alone(Message::Proposal(proposal));
        }
        let looked = Looked {
            count: count + 1,
            under_way: Some(block),
        };
        self.views.insert(view, looked);
        Admitted::Body { proposal, body }
    }

    /// A body was checked.
    pub fn done(&mut self, proposal: &Proposal) {
        if let Some(looked) = self.views.get_mut(&proposal.container.view) {
            looked
                .under_way
                .take_if(|block| *block == proposal.container.block);
        }
    }

    /// A body could not be checked, for want of room: it does not count.
    pub fn give_back(&mut self, proposal: &Proposal) {
        self.done(proposal);
        if let Some(looked) = self.views.get_mut(&proposal.container.view) {
            looked.count = looked.count.saturating_sub(1);
        }
    }

    /// Views that are final, and those of another epoch, matter no more.
    fn forget(&mut self, (epoch, floor): (Epoch, View)) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.views.clear();
        }
        self.views.retain(|view, _| *view > floor);
    }
}

impl Admitted {
    fn alone(message: Message) -> Self {
        Self::Alone { message, fault: None }
    }

    fn faulty(message: Message, fault: &'static str) -> Self {
        Self::Alone {
            message,
            fault: Some(fault),
        }
    }
}
