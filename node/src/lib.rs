//! plasma-node
pub mod bridge;
pub mod folder;
pub mod keystore;
pub mod storage;
pub mod wal;
