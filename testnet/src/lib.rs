//! plasma-testnet
