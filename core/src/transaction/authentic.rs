//! A transaction whose form and signature hold: the only kind that may enter the mempool or a block.

use super::{Kind, SignedTransaction, Transaction, TransactionError, TransactionId};
use crate::{
    Address, Domain, Hash, keccak,
    signature::{self, SignatureError},
};

/// A well-formed transaction with its owner, id and leaf, each computed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticTransaction {
    signed: SignedTransaction,
    id: TransactionId,
    leaf: Hash,
    owner: Address,
}

/// Why a transaction is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// It breaks a rule of form.
    #[error(transparent)]
    Form(#[from] TransactionError),
    /// Its signature is refused.
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
    /// A fund transaction carries 65 zero bytes and nothing else.
    #[error("a fund transaction is not signed")]
    FundSigned,
}

impl SignedTransaction {
    /// Checks form, then recovers the owner; a fund transaction has none.
    ///
    /// # Errors
    /// [`AuthenticateError`], the first rule that is broken.
    pub fn authenticate(self, domain: &Domain) -> Result<AuthenticTransaction, AuthenticateError> {
        self.transaction.check()?;
        let owner = match self.transaction.kind {
            Kind::Fund if self.signature == [0; 65] => Address::ZERO,
            Kind::Fund => return Err(AuthenticateError::FundSigned),
            _ => signature::recover(&self.transaction.signing_digest(domain), &self.signature)?,
        };
        Ok(AuthenticTransaction::new(self, owner))
    }
}

impl AuthenticTransaction {
    fn new(signed: SignedTransaction, owner: Address) -> Self {
        let bytes = signed.encode();
        let content = bytes
            .split_last_chunk::<65>()
            .map_or(&[][..], |(content, _)| content);
        let id = TransactionId(keccak(&[content]));
        let leaf = keccak(&[&[0x00], &bytes]);
        Self {
            signed,
            id,
            leaf,
            owner,
        }
    }

    /// The fund transaction of a deposit; what the vault says needs no further check.
    pub(crate) fn fund(transaction: Transaction) -> Self {
        Self::new(transaction.unsigned(), Address::ZERO)
    }

    /// The content.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.signed.transaction
    }

    /// Content and signature.
    #[must_use]
    pub fn signed(&self) -> &SignedTransaction {
        &self.signed
    }

    /// keccak of the bytes without signature.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.id
    }

    /// Its leaf in the block's tree; differs when the same content is signed again.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// Who signed, the owner of all inputs; zero for a fund transaction.
    #[must_use]
    pub fn owner(&self) -> Address {
        self.owner
    }
}
