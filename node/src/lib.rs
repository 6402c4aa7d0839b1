//! plasma-node
