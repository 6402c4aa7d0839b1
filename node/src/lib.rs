//! plasma-node
pub mod bridge;
pub mod folder;
pub mod keystore;
pub mod storage;
pub mod wal;
pub mod operator;
pub mod runtime;
pub mod api;
pub mod config;
pub mod hex;
pub mod quantity;
mod base58;
pub mod cli;
pub mod proofs;
pub mod client;
