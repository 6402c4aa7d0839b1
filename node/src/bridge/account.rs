//! One Ethereum account that pays for transactions: signing only, no nonce keeping.

use ethers_core::{
    types::{
        Eip1559TransactionRequest, H160, H256, NameOrAddress, U256, transaction::eip2718::TypedTransaction,
    },
    utils::keccak256,
};
use ethers_signers::{LocalWallet, Signer as _};
use plasma_core::{Address, Amount, Hash};

use super::{convert, error::L1Error};
use crate::keystore::Secret;

/// What a transaction asks Ethereum to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// For logs and errors, for example `Federation.anchor`.
    pub label: String,
    /// The contract; `None` creates one.
    pub to: Option<Address>,
    /// Wei that go with it.
    pub value: Amount,
    /// Selector and arguments, or creation code.
    pub data: Vec<u8>,
}

/// What one unit of gas may cost (EIP-1559).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fees {
    /// At most this, base fee and tip together.
    pub max_wei: u128,
    /// The tip.
    pub priority_wei: u128,
}

/// Nonce, gas and fees of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Place in the account's stream of transactions.
    pub nonce: u64,
    /// Gas limit.
    pub gas: u64,
    /// Price.
    pub fees: Fees,
}

/// A transaction ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its hash on Ethereum.
    pub hash: Hash,
    /// Its bytes.
    pub raw: Vec<u8>,
}

/// A key together with the chain it signs for.
#[derive(Clone)]
pub struct Account {
    wallet: LocalWallet,
    chain_id: u64,
}

impl Account {
    /// Makes an account of secret bytes.
    ///
    /// # Errors
    /// [`L1Error::Key`] when they are zero or not below the curve's order.
    pub fn new(secret: &Secret, chain_id: u64) -> Result<Self, L1Error> {
        let wallet = LocalWallet::from_bytes(secret.expose())
            .map_err(|_| L1Error::Key("the Ethereum key is no secp256k1 secret; make a new one"))?;
        Ok(Self {
            wallet: wallet.with_chain_id(chain_id),
            chain_id,
        })
    }

    /// Who pays.
    #[must_use]
    pub fn address(&self) -> Address {
        Address(self.wallet.address().0)
    }

    /// The chain its signatures are good for.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Signs an EIP-1559 transaction. The same arguments give the same bytes.
    ///
    /// # Errors
    /// [`L1Error::Key`] when signing fails, which a valid key never does.
    pub fn sign(&self, call: &Call, terms: &Terms) -> Result<Signed, L1Error> {
        let mut request = Eip1559TransactionRequest::new()
            .chain_id(self.chain_id)
            .nonce(terms.nonce)
            .gas(terms.gas)
            .max_fee_per_gas(U256::from(terms.fees.max_wei))
            .max_priority_fee_per_gas(U256::from(terms.fees.priority_wei))
            .value(convert::to_u256(call.value))
            .data(call.data.clone());
        request.to = call.to.map(|to| NameOrAddress::Address(H160(to.0)));
        let transaction = TypedTransaction::Eip1559(request);
        let mut signature = self
            .wallet
            .sign_hash(H256(transaction.sighash().0))
            .map_err(|_| L1Error::Key("the Ethereum key failed to sign"))?;
        // A typed transaction carries the parity alone.
        signature.v = signature.v.saturating_sub(27);
        let raw = transaction.rlp_signed(&signature).to_vec();
        Ok(Signed {
            hash: Hash(keccak256(&raw)),
            raw,
        })
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
