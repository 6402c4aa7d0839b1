//! The rules of the ledger: pure, total and deterministic.
//!
//! Bytes become transactions, transactions become blocks, and [`committee`] says how many operators must agree.
//! Nothing here reads a clock, a file or a socket, and nothing panics.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic)]

mod hash;
mod units;

pub use hash::{Address, Hash, keccak};
pub use units::{Amount, DepositNumber, Epoch, Height, L1Height, Millis, OperatorIndex, View};
