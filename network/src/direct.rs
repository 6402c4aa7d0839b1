//! Long-lived unidirectional streams between operators: one for control and one for payload, per direction and peer.

mod bucket;
mod budget;
mod outbox;

pub(crate) use self::{
    budget::Budget,
    outbox::{Bounds, Outbox, Queued},
};
