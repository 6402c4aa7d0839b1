//! A wallet: keys of its own, a journal of what it began, and all that it takes to leave without anybody's help.
//!
//! It is a client: it asks operators ([`crate::client`]) and Ethereum ([`crate::bridge`]), and believes neither without a
//! proof where there can be one. Whatever takes several steps is written to the [`journal`] before each of them, so that a
//! wallet that dies at any moment goes on with the same command, does nothing twice and loses nothing. For every output
//! that it owns it keeps the [`receipts`] with which an exit is started when no operator answers any more.
//!
//! [`crate::choice`], [`payouts`] and [`book`] decide and are pure; [`purse`] is what they are driven by.

pub mod accounts;
pub mod amount;
pub mod anchored;
pub mod book;
pub mod deposit;
mod elsewhere;
pub mod ending;
pub mod error;
pub mod exit;
mod expired;
pub mod flight;
mod gather;
pub mod inclusion;
pub mod journal;
pub mod ledger;
pub mod papers;
pub mod pay;
pub mod payouts;
mod places;
pub mod purse;
pub mod receipts;
pub mod reclaim;
mod settle;
mod standing;
mod steps;
mod together;
mod told;
pub mod watch;
pub mod whole;
pub mod words;

pub use error::WalletError;
pub use purse::Purse;
