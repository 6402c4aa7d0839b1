//! plasma-consensus
