//! A transaction in three degrees of trust: [`Transaction`] (content), [`SignedTransaction`] (bytes that
//! decode) and [`AuthenticTransaction`] (well-formed, and its owner is known).
//!
//! Every field has a fixed width and every value one encoding, so the same bytes are hashed, gossiped,
//! stored, put in blocks and shown to the contract. Source: `docs/protocol.md` section 2.

mod authentic;
mod check;
mod wire;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use authentic::{AuthenticTransaction, AuthenticateError};
pub use check::TransactionError;
pub use wire::{DecodeError, EXPIRY_NEVER};

use crate::{
    Address, Amount, DepositNumber, Domain, Hash, Height, Position, keccak, legacy, signature, typed_data,
};

/// What a transaction is; the number is its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A go-plasma wallet's payment: one input, up to three outputs of ETH.
    Split = 1,
    /// A go-plasma wallet's consolidation: two inputs, one output of ETH.
    Merge = 2,
    /// A deposit, derived by every operator from L1; never accepted from a client.
    Fund = 4,
    /// What wallets make: up to four inputs and outputs of one asset.
    Transfer = 5,
}

/// An output that is spent, with the amount its owner believes it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    /// Which output.
    pub position: Position,
    /// Exactly what it holds.
    pub amount: Amount,
}

/// An output as a transaction writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    /// Who receives it.
    pub owner: Address,
    /// How much.
    pub amount: Amount,
}

/// The content of a transaction: moves one asset from inputs of one owner to outputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// What it is.
    pub kind: Kind,
    /// What it moves; zero is ETH.
    pub asset: Address,
    /// Last block height that may include it.
    pub expiry: Height,
    /// What it spends.
    pub inputs: Vec<Input>,
    /// What it creates.
    pub outputs: Vec<Payment>,
}

/// keccak of a transaction without its signature: signing again does not change it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionId(pub Hash);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A transaction with 65 bytes of signature that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignedTransaction {
    /// The content.
    pub transaction: Transaction,
    /// r 32 ‖ s 32 ‖ v 1; all zero for a fund transaction.
    pub signature: signature::SignatureBytes,
}

impl Transaction {
    /// The fund transaction of a deposit: what every operator derives from the vault's event.
    #[must_use]
    pub fn fund(number: DepositNumber, owner: Address, asset: Address, amount: Amount) -> Self {
        Self {
            kind: Kind::Fund,
            asset,
            expiry: EXPIRY_NEVER,
            inputs: vec![Input {
                position: Position::default(),
                amount: Amount::from(number.0),
            }],
            outputs: vec![Payment { owner, amount }],
        }
    }

    /// keccak of the bytes without signature.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        TransactionId(keccak(&[&self.encode()]))
    }

    /// What the owner signs: EIP-712 for a transfer, the seed's personal message for split and merge.
    #[must_use]
    pub fn signing_digest(&self, domain: &Domain) -> Hash {
        match self.kind {
            Kind::Transfer | Kind::Fund => typed_data::digest(self, domain),
            Kind::Split | Kind::Merge => legacy::personal_digest(&legacy::signing_rlp(self)),
        }
    }

    /// Signs with the key of the owner of all inputs.
    #[must_use]
    pub fn sign(self, domain: &Domain, key: &signature::SigningKey) -> SignedTransaction {
        let signature = key.sign_digest(&self.signing_digest(domain));
        SignedTransaction {
            transaction: self,
            signature,
        }
    }

    /// The fund transaction as it stands in a block: with 65 zero bytes.
    #[must_use]
    pub fn unsigned(self) -> SignedTransaction {
        SignedTransaction {
            transaction: self,
            signature: [0; 65],
        }
    }
}

impl SignedTransaction {
    /// The id of its content.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.transaction.id()
    }

    /// keccak(0x00 ‖ bytes with signature): its leaf in the block's tree.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        keccak(&[&[0x00], &self.encode()])
    }
}
