//! Test users: anvil's public accounts, with one key for Ethereum and for Plasma.
//!
//! Everybody knows these keys. They are worth nothing on any real network and must never be used there.

use anyhow::{Context, Result, anyhow};
use ethers_signers::{MnemonicBuilder, coins_bip39::English};
use plasma_core::{
    Address, Amount, Domain, Height, Input, Kind, Payment, SignedTransaction, SigningKey, Transaction,
};
use plasma_node::api::view::OutputView;
use plasma_node::bridge::account::Account;
use plasma_node::keystore::Secret;

use crate::anvil::CHAIN_ID;

/// One test user.
#[derive(Debug)]
pub struct User {
    key: SigningKey,
    ethereum: Account,
    secret: [u8; 32],
}

impl User {
    /// The account at this place of anvil's well-known mnemonic.
    ///
    /// # Errors
    /// When the key cannot be derived, which the fixed mnemonic excludes.
    pub fn at(place: u32) -> Result<Self> {
        let wallet = MnemonicBuilder::<English>::default()
            .phrase(MNEMONIC)
            .index(place)?
            .build()
            .context("a test key")?;
        let secret: [u8; 32] = wallet.signer().to_bytes().into();
        let key = SigningKey::from_bytes(&secret).ok_or_else(|| anyhow!("a test key out of range"))?;
        let ethereum = Account::new(&Secret::new(secret), CHAIN_ID)?;
        Ok(Self {
            key,
            ethereum,
            secret,
        })
    }

    /// Its address on both chains.
    #[must_use]
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Its Plasma key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Its Ethereum account.
    #[must_use]
    pub fn ethereum(&self) -> &Account {
        &self.ethereum
    }

    /// The public test key.
    #[must_use]
    pub fn test_secret(&self) -> Secret {
        Secret::new(self.secret)
    }

    /// The public test key as anvil prints it.
    #[must_use]
    pub fn test_key(&self) -> String {
        plasma_node::hex::encode(&self.secret)
    }

    /// Pays `amount` from one output to another owner; what is left returns.
    ///
    /// # Errors
    /// When the output holds less.
    pub fn pay(&self, output: &OutputView, to: Address, amount: Amount) -> Result<Transaction> {
        let rest = output
            .amount
            .0
            .checked_sub(amount)
            .ok_or_else(|| anyhow!("{} holds less", output.output))?;
        let outputs = [
            Payment { owner: to, amount },
            Payment {
                owner: self.address(),
                amount: rest,
            },
        ];
        Ok(Transaction {
            kind: Kind::Transfer,
            asset: output.asset.0,
            expiry: EXPIRY,
            inputs: vec![Input {
                position: output.output.0,
                amount: output.amount.0,
            }],
            outputs: outputs
                .into_iter()
                .filter(|payment| !payment.amount.is_zero())
                .collect(),
        })
    }

    /// Signs a payment.
    #[must_use]
    pub fn sign(&self, transaction: Transaction, domain: &Domain) -> SignedTransaction {
        transaction.sign(domain, &self.key)
    }
}

/// The phrase that anvil and its relatives use unless told otherwise.
const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Payments of tests do not expire: a test lives for minutes.
const EXPIRY: Height = Height(u32::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_test_user_is_the_one_that_anvil_prints() {
        let user = User::at(0).expect("the fixed mnemonic");
        assert_eq!(
            user.address().to_string().to_lowercase(),
            "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        );
        assert_eq!(
            user.test_key(),
            "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
        );
    }
}
