//! An Ethereum in the process, and the signatures of quorums, for whoever simulates a federation.
//!
//! The command `law` is built on it, and so is the simulator of `testnet`; nothing that is shipped links it.

pub mod ethereum;
pub mod quorum;
