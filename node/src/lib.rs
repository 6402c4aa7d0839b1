//! plasma-node
pub mod folder;
pub mod wal;
