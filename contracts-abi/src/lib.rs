//! Rust face of the contracts: calls, events and bytecode, generated from the committed `abi/*.json`.
//!
//! Nothing is written by hand here. `tests/suite/fresh.rs` proves that the committed files are what the
//! compiler writes from `contracts/*.sol`; `docs/contracts.md` says what the calls mean. One invocation for all, so
//! that a struct which several contracts take is one type here.
#![expect(missing_docs, reason = "generated")]

ethers_contract::abigen!(
    Federation, "abi/Federation.json";
    ExitGame, "abi/ExitGame.json";
    Vault, "abi/Vault.json";
    InFlightExits, "abi/InFlightExits.json";
    FraudProofs, "abi/FraudProofs.json"
);

// What makes cargo compile again when a file changed: of several contracts the macro does not tell it.
const _: [&[u8]; 5] = [
    include_bytes!("../abi/Federation.json"),
    include_bytes!("../abi/ExitGame.json"),
    include_bytes!("../abi/Vault.json"),
    include_bytes!("../abi/InFlightExits.json"),
    include_bytes!("../abi/FraudProofs.json"),
];
