//! One operator of the federation, with its doors and tools; the binary `plasma`.
//!
//! [`operator`] decides and is pure. [`runtime`] is its shell: it takes what arrives, lets the operator decide, writes the
//! log ([`wal`]) before it speaks, and performs the effects. [`storage`] keeps decided blocks, [`bridge`] is the only place
//! that talks to Ethereum, [`api`] answers clients, [`client`] is the other end of that door, and [`wallet`] is a client with
//! keys and a memory of its own. [`cli`] and [`config`] bring one process up. Arrows point down: `docs/architecture.md`.

pub mod answers;
pub mod api;
mod base58;
pub mod bridge;
pub mod change;
pub mod checkup;
pub mod choice;
pub mod cli;
pub mod client;
pub mod config;
pub mod directory;
pub mod folder;
pub mod fraud;
pub mod hex;
pub mod intake;
pub mod keystore;
pub mod operator;
pub mod plain;
pub mod pledge;
pub mod proofs;
pub mod quantity;
pub mod runtime;
pub mod storage;
pub mod typed_data;
pub mod wal;
pub mod wallet;
