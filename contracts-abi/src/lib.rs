//! Rust face of the contracts: calls, events and bytecode, generated from the committed `abi/*.json`.
//!
//! Nothing is written by hand here. `tests/suite/fresh.rs` proves that the committed files are what the
//! compiler writes from `contracts/*.sol`; `docs/contracts.md` says what the calls mean.
#![expect(missing_docs, reason = "generated")]

ethers_contract::abigen!(Federation, "abi/Federation.json");
ethers_contract::abigen!(ExitGame, "abi/ExitGame.json");
ethers_contract::abigen!(Vault, "abi/Vault.json");
ethers_contract::abigen!(InFlightExits, "abi/InFlightExits.json");
ethers_contract::abigen!(FraudProofs, "abi/FraudProofs.json");
