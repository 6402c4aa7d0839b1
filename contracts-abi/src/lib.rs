//! plasma-contracts-abi
