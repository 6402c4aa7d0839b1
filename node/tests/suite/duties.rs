//! Duties against the real contracts: each dishonest call on Ethereum falls to what the ledger in storage shows.

pub(crate) mod court;
mod exits;
mod federation;
mod in_flight;
mod provisional;
mod reclaims;
