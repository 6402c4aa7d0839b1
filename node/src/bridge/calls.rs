//! The transactions that operators and users send to the contracts, as bytes. Pure.

use ethers_contract::EthCall;
use ethers_core::{
    abi::AbiEncode,
    types::{H160, U256},
};
use plasma_contracts_abi::{exit_game, federation, vault};
use plasma_core::{Address, Amount};

use super::{
    Anchor, SpendProof,
    account::Call,
    contracts::Contracts,
    convert::{self, Inclusion},
    error::L1Error,
};

impl Contracts {
    /// Anchors a header.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the certificate's signature is no point of the curve.
    pub fn anchor_call(&self, anchor: &Anchor) -> Result<Call, L1Error> {
        let arguments = federation::AnchorCall {
            header: anchor.header.encode().to_vec().into(),
            epoch: anchor.certificate.epoch.0,
            view_number: anchor.certificate.view.0,
            bitmap: U256::from(anchor.certificate.signers.to_u128()),
            signature: convert::signature(&anchor.certificate)?.to_vec().into(),
        };
        Ok(call("Federation", self.federation, &arguments))
    }

    /// Ends an exit of a spent output.
    #[must_use]
    pub fn challenge_call(&self, proof: &SpendProof) -> Call {
        let exit_id = U256::from_big_endian(&proof.exit.0.0);
        match &proof.inclusion {
            None => {
                let transaction = proof.spender.encode().into();
                let arguments = exit_game::ChallengeExitCall {
                    exit_id,
                    transaction,
                    input: proof.input,
                };
                call("ExitGame", self.exit_game, &arguments)
            }
            Some(inclusion) => {
                let arguments = exit_game::ChallengeExitIncludedCall {
                    exit_id,
                    proof: convert::proof(inclusion),
                    input: proof.input,
                };
                call("ExitGame", self.exit_game, &arguments)
            }
        }
    }

    /// Deposits ETH for the sender.
    #[must_use]
    pub fn deposit_call(&self, amount: Amount) -> Call {
        Call {
            value: amount,
            ..call("Vault", self.vault, &vault::DepositCall)
        }
    }

    /// Deposits ETH for another owner.
    #[must_use]
    pub fn deposit_for_call(&self, owner: Address, amount: Amount) -> Call {
        Call {
            value: amount,
            ..call(
                "Vault",
                self.vault,
                &vault::DepositForCall { owner: H160(owner.0) },
            )
        }
    }

    /// Opens an exit of one output of an included transaction; the sender must be its owner. `bond` is the
    /// exit bond of [`super::contracts::Parameters`].
    #[must_use]
    pub fn start_exit_call(&self, inclusion: &Inclusion, output: u8, bond: Amount) -> Call {
        Call {
            value: bond,
            ..call("ExitGame", self.exit_game, &start_exit(inclusion, output))
        }
    }

    /// Pays the exits of an asset that are due, at most `max` places of the queue.
    #[must_use]
    pub fn process_call(&self, asset: Address, max: u64) -> Call {
        call(
            "ExitGame",
            self.exit_game,
            &exit_game::ProcessCall {
                asset: H160(asset.0),
                max: U256::from(max),
            },
        )
    }

    /// Takes what a refused payment left with the vault.
    #[must_use]
    pub fn withdraw_credit_call(&self, asset: Address, receiver: Address) -> Call {
        let arguments = vault::WithdrawCreditCall {
            asset: H160(asset.0),
            receiver: H160(receiver.0),
        };
        call("Vault", self.vault, &arguments)
    }
}

/// The data of the call that opens an exit, for who sends it himself.
#[must_use]
pub fn start_exit_data(inclusion: &Inclusion, output: u8) -> Vec<u8> {
    start_exit(inclusion, output).encode()
}

fn start_exit(inclusion: &Inclusion, output: u8) -> exit_game::StartExitCall {
    exit_game::StartExitCall {
        proof: convert::proof(inclusion),
        output,
    }
}

fn call<C: EthCall + AbiEncode + Clone>(contract: &str, to: Address, arguments: &C) -> Call {
    Call {
        label: format!("{contract}.{}", C::function_name()),
        to: Some(to),
        value: Amount::ZERO,
        data: arguments.clone().encode(),
    }
}
