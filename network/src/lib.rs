//! plasma-network
