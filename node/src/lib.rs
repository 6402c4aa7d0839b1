//! plasma-node
pub mod api;
mod base58;
pub mod bridge;
pub mod cli;
pub mod client;
pub mod config;
pub mod folder;
pub mod hex;
pub mod keystore;
pub mod operator;
pub mod proofs;
pub mod quantity;
pub mod runtime;
pub mod storage;
pub mod wal;
