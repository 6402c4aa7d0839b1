//! Calls of `Vault`: deposits, their way back, and credits, which the games keep too.

use ethers_core::{
    abi::AbiEncode,
    types::{H160, U256},
};
use plasma_contracts_abi::vault as abi;
use plasma_core::{Address, Amount, Certificate, DepositNumber, keccak};

use super::{call, paid};
use crate::bridge::{
    account::Call,
    contracts::Contracts,
    convert::{self, Inclusion},
    error::L1Error,
};

/// Who keeps what a receiver refused: payouts lie with the vault, bonds with the game that held them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payer {
    /// Payouts of exits, deposits that went back and their bonds.
    Vault,
    /// Bonds of standard exits and of provisional challenges.
    ExitGame,
    /// Bonds of in-flight exits.
    InFlightExits,
}

impl Contracts {
    /// Deposits ETH for the sender.
    #[must_use]
    pub fn deposit_call(&self, amount: Amount) -> Call {
        paid(amount, call(NAME, self.vault, &abi::DepositCall))
    }

    /// Deposits ETH for another owner.
    #[must_use]
    pub fn deposit_for_call(&self, owner: Address, amount: Amount) -> Call {
        let arguments = abi::DepositForCall { owner: H160(owner.0) };
        paid(amount, call(NAME, self.vault, &arguments))
    }

    /// Deposits tokens that the sender allowed to the vault ([`approve_call`]).
    #[must_use]
    pub fn deposit_token_call(&self, token: Address, amount: Amount, owner: Address) -> Call {
        let arguments = abi::DepositTokenCall {
            token: H160(token.0),
            amount: convert::to_u256(amount),
            owner: H160(owner.0),
        };
        call(NAME, self.vault, &arguments)
    }

    /// Lists a token, with a certificate of the active committee over its address.
    ///
    /// # Errors
    /// [`L1Error::Key`] when the certificate's signature is no point of the curve.
    pub fn admit_token_call(&self, token: Address, certificate: &Certificate) -> Result<Call, L1Error> {
        let arguments = abi::AdmitTokenCall {
            token: H160(token.0),
            by: convert::certificate(certificate)?,
        };
        Ok(call(NAME, self.vault, &arguments))
    }

    /// Asks for a deposit back that was never funded; the sender is its owner and pays the exit bond.
    #[must_use]
    pub fn start_reclaim_call(&self, number: DepositNumber, bond: Amount) -> Call {
        let arguments = abi::StartReclaimCall { number: number.0 };
        paid(bond, call(NAME, self.vault, &arguments))
    }

    /// Shows that a deposit was funded: `fund` is where its fund transaction lies.
    #[must_use]
    pub fn challenge_reclaim_call(&self, number: DepositNumber, fund: &Inclusion) -> Call {
        let arguments = abi::ChallengeReclaimCall {
            number: number.0,
            proof: convert::proof(fund),
        };
        call(NAME, self.vault, &arguments)
    }

    /// Pays a deposit back whose reclaim nobody challenged in time.
    #[must_use]
    pub fn finalize_reclaim_call(&self, number: DepositNumber) -> Call {
        let arguments = abi::FinalizeReclaimCall { number: number.0 };
        call(NAME, self.vault, &arguments)
    }

    /// Takes what a refused payment left, whole.
    #[must_use]
    pub fn withdraw_credit_call(&self, payer: Payer, asset: Address, receiver: Address) -> Call {
        let (name, to) = self.payer(payer);
        let arguments = abi::WithdrawCreditCall {
            asset: H160(asset.0),
            receiver: H160(receiver.0),
        };
        call(name, to, &arguments)
    }

    /// Takes a part of what a refused payment left.
    #[must_use]
    pub fn withdraw_credit_part_call(
        &self,
        payer: Payer,
        asset: Address,
        receiver: Address,
        amount: Amount,
    ) -> Call {
        let (name, to) = self.payer(payer);
        let arguments = abi::WithdrawCreditPartCall {
            asset: H160(asset.0),
            receiver: H160(receiver.0),
            amount: convert::to_u256(amount),
        };
        call(name, to, &arguments)
    }

    fn payer(&self, payer: Payer) -> (&'static str, Address) {
        match payer {
            Payer::Vault => (NAME, self.vault),
            Payer::ExitGame => ("ExitGame", self.exit_game),
            Payer::InFlightExits => ("InFlightExits", self.in_flight),
        }
    }
}

/// Allows `spender` to take tokens of the sender: what the vault needs before a deposit of them. ERC-20 has no
/// contract of ours, so its one call is written here.
#[must_use]
pub fn approve_call(token: Address, spender: Address, amount: Amount) -> Call {
    let signature = keccak(&[b"approve(address,uint256)"]);
    let arguments: (H160, U256) = (H160(spender.0), convert::to_u256(amount));
    Call {
        label: "ERC20.approve".to_owned(),
        to: Some(token),
        value: Amount::ZERO,
        data: [&signature.0[..SELECTOR], &arguments.encode()].concat(),
    }
}

const NAME: &str = "Vault";
/// A call begins with so many bytes of the hash of its signature.
const SELECTOR: usize = 4;
