//! The effects of one step, with everything that must be durable in front.

use crate::{Effect, Message, Record, Target};

/// Collects effects; [`Outbox::take`] puts the records first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    records: Vec<Effect>,
    others: Vec<Effect>,
}

impl Outbox {
    pub(crate) fn persist(&mut self, record: Record) {
        self.records.push(Effect::Persist(record));
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.others.push(effect);
    }

    pub(crate) fn send(&mut self, to: Target, message: Message) {
        self.push(Effect::Send {
            to,
            message,
            body: None,
        });
    }

    pub(crate) fn take(&mut self) -> Vec<Effect> {
        let mut effects = core::mem::take(&mut self.records);
        effects.append(&mut self.others);
        effects
    }
}
