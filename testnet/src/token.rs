//! The token of a testnet: a plain ERC-20 that anybody can mint. `token/TestToken.sol` is its source and no part of the law.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use ethers_core::abi::Abi;
use ethers_core::types::Bytes;
use plasma_core::{Address, Amount};
use plasma_node::bridge::account::{Account, Call};
use plasma_node::bridge::contracts::Contracts;
use plasma_node::bridge::direct;
use plasma_node::bridge::rpc::Rpc;
use serde::Deserialize;

use crate::contract::{Contract, address, amount};

/// A token that stands on Ethereum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestToken {
    /// Where.
    pub address: Address,
}

/// What its compiler wrote.
#[derive(Debug, Deserialize)]
struct Artifact {
    abi: Abi,
    bytecode: Bytes,
}

static ARTIFACT: LazyLock<Artifact> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../token/TestToken.json")).expect("token/build.mjs writes this shape")
});

impl TestToken {
    /// Puts a new one on Ethereum.
    ///
    /// # Errors
    /// When Ethereum refuses.
    pub async fn deploy(rpc: &Rpc, deployer: &Account) -> Result<Self> {
        let call = Call {
            label: "deployment of TestToken".into(),
            to: None,
            value: Amount::ZERO,
            data: ARTIFACT.bytecode.to_vec(),
        };
        let receipt = direct::transact(rpc, deployer, &call).await?;
        let address = receipt.created.context("a deployment that created nothing")?;
        Ok(Self { address })
    }

    /// Gives tokens to an owner, out of nothing.
    ///
    /// # Errors
    /// When the artifact is another contract's.
    pub fn mint_call(&self, owner: Address, units: Amount) -> Result<Call> {
        self.contract()
            .call("mint", &[address(owner), amount(units)], Amount::ZERO)
    }

    /// Allows the vault to take tokens of the sender.
    ///
    /// # Errors
    /// See [`TestToken::mint_call`].
    pub fn approve_call(&self, contracts: &Contracts, units: Amount) -> Result<Call> {
        let vault = address(contracts.vault);
        self.contract()
            .call("approve", &[vault, amount(units)], Amount::ZERO)
    }

    /// Deposits tokens that the sender has allowed the vault to take.
    ///
    /// # Errors
    /// See [`Contract::call`].
    pub fn deposit_call(&self, contracts: &Contracts, owner: Address, units: Amount) -> Result<Call> {
        let arguments = [address(self.address), amount(units), address(owner)];
        Contract::vault(contracts).call("depositToken", &arguments, Amount::ZERO)
    }

    /// What an account or contract has of it on Ethereum.
    ///
    /// # Errors
    /// When Ethereum does not answer.
    pub async fn balance(&self, rpc: &Rpc, owner: Address) -> Result<Amount> {
        self.contract()
            .number(rpc, "balanceOf", &[address(owner)], 0)
            .await
    }

    fn contract(&self) -> Contract {
        Contract::new("TestToken", &ARTIFACT.abi, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_artifact_is_a_contract_with_the_calls_that_we_make() {
        assert!(!ARTIFACT.bytecode.is_empty());
        let token = TestToken {
            address: Address([5; 20]),
        };
        let call = token
            .mint_call(Address([6; 20]), Amount::from(7))
            .expect("it can be minted");
        assert_eq!((call.to, call.data.len()), (Some(token.address), 4 + 2 * 32));
        for function in ["approve", "balanceOf", "transfer", "transferFrom"] {
            assert!(ARTIFACT.abi.function(function).is_ok(), "{function}");
        }
    }
}
