//! What stays of an engine whose epoch is over: an answer for members that have not heard of it.
//!
//! Any finalization of the epoch's last block ends the epoch for whoever learns it, so one message is enough; it is
//! sent to a member that shows by its own messages that it lacks it, at most once in a while, whatever that member sends.

use plasma_core::{Certificate, Epoch, Millis, OperatorIndex};

use crate::{Certified, Message, Record, Statement, peer::is_over};

/// The responder of a closed epoch.
#[derive(Clone, Debug)]
pub struct Closed {
    certificate: Certificate,
    /// When each member was answered last; nobody else is answered.
    answered: Vec<Option<Millis>>,
}

/// Between two answers to one member. It reports once a second; half of that loses no time and doubles no load.
const ANSWER_GAP_MS: u64 = 500;

impl Closed {
    /// From the finalization of the epoch's last block and the size of its committee; after a restart too. The operator
    /// has verified the certificate.
    #[must_use]
    pub fn new(certificate: Certificate, members: usize) -> Self {
        Self {
            certificate,
            answered: vec![None; members],
        }
    }

    /// The epoch that is over.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.certificate.epoch
    }

    /// The finalization of its last block.
    #[must_use]
    pub fn finalization(&self) -> &Certificate {
        &self.certificate
    }

    /// The answer to a message of the closed epoch, for its sender alone.
    pub fn answer(&mut self, now: Millis, from: OperatorIndex, message: &Message) -> Option<Message> {
        if message.epoch() != self.epoch() || self.is_known_by(message) {
            return None;
        }
        let answered = self.answered.get_mut(usize::from(from.0))?;
        if !is_over(*answered, now, ANSWER_GAP_MS) {
            return None;
        }
        *answered = Some(now);
        Some(Message::Certified(Certified::from(self.certificate.clone())))
    }

    /// Whether who sends this has a finalization of the last block, this one or another.
    fn is_known_by(&self, message: &Message) -> bool {
        let last = self.certificate.block;
        let finalizes = |certified: &Certified| matches!(certified.statement, Statement::Finalize { block, .. } if block == last);
        match message {
            Message::Vote(_) => false,
            Message::Certified(certified) => finalizes(certified),
            Message::Proposal(proposal) => proposal.parent.as_ref().is_some_and(finalizes),
            Message::Status(status) => status.block == last,
        }
    }

    /// Whether a record of the closed epoch must stay in the log until storage holds its last block for good.
    #[must_use]
    pub fn needs(&self, record: &Record) -> bool {
        match record {
            Record::Floor(certified) => *certified == Certified::from(self.certificate.clone()),
            _ => false,
        }
    }
}
