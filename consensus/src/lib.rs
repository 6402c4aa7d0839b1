//! Agreement on block ids: Simplex BFT as a pure state machine.
//!
//! [`Engine::step`] takes an [`Input`] and the time and returns [`Effect`]s; it reads no clock, no file and no socket,
//! and it never sees a block's body. In a view its leader proposes, the others *notarize*; a notarized view is
//! *finalized* by a second vote; a view that comes to nothing is *nullified*. A vote is in the write-ahead log before it
//! is sent, and only the vote ledger can sign.
//!
//! The rules have numbers, R0 to R10, from `consensus.md`; `docs/protocol.md` section 13 has the bytes.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic)]

mod chain;
mod closed;
mod codec;
mod effect;
mod engine;
mod evidence;
mod input;
mod leader;
mod ledger;
mod message;
mod mutation;
mod opinion;
mod outbox;
mod peer;
mod rejoin;
pub mod scheme;
mod tally;
mod timeout;
mod view;
mod wal;

pub use chain::Floor;
pub use closed::Closed;
pub use codec::DecodeError;
pub use effect::{Effect, Misbehaviour, Reason, Target};
pub use engine::{Engine, Load, Start};
pub use evidence::{Evidence, Violation};
pub use input::{Input, NotBuilt, Verdict, Waits};
pub use leader::Schedule;
pub use ledger::Refusal;
pub use message::{
    Certified, Container, HELD_MAX, Held, Kind, MESSAGE_BYTES_MAX, Message, NULLIFICATIONS_MAX, Proposal,
    STATUS_VIEWS, Statement, Status, Vote,
};
#[cfg(feature = "mutants")]
pub use mutation::Mutation;
pub use rejoin::Rejoin;
pub use scheme::{Bls, Scheme};
pub use timeout::Config;
pub use wal::{RECORD_BYTES_MAX, Record};
