//! The transactions that operators and users send to the contracts, as bytes. Pure; a file for each contract.

pub mod batches;
mod exit_game;
mod federation;
mod in_flight;
mod vault;

use ethers_contract::EthCall;
use ethers_core::abi::AbiEncode;
use plasma_core::{Address, Amount};

use super::account::Call;

pub use exit_game::{challenge_data, start_exit_data};
pub use vault::{Payer, approve_call};

fn call<C: EthCall + AbiEncode + Clone>(contract: &str, to: Address, arguments: &C) -> Call {
    Call {
        label: format!("{contract}.{}", C::function_name()),
        to: Some(to),
        value: Amount::ZERO,
        data: arguments.clone().encode(),
    }
}

/// The same call with wei.
fn paid(value: Amount, call: Call) -> Call {
    Call { value, ..call }
}

#[cfg(test)]
mod tests;
