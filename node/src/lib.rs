//! plasma-node
pub mod folder;
pub mod storage;
pub mod wal;
