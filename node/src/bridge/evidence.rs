//! What callers show to the contracts, in our own types; [`super::convert`] writes it as the contracts read it.

use plasma_core::{
    Address, Bitmap, BlockId, Certificate, Epoch, Hash, Header, Height, L1Height, Receipt, SignedTransaction,
    TransactionId, View, bls::Signature, keccak,
};

use super::{convert::Inclusion, decode::Anchored};

/// A transaction as the games use it, with what it takes to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It can still be included: its expiry is not below the last anchored height.
    Bare(SignedTransaction),
    /// It lies under the first anchor that covered its block.
    Anchored(Box<Inclusion>),
    /// It lies under a header that is certified and perhaps not anchored: a provisional claim, which costs a bond.
    Certified(Box<Receipt>),
}

impl Evidence {
    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &SignedTransaction {
        match self {
            Self::Bare(transaction) => transaction,
            Self::Anchored(inclusion) => &inclusion.receipt.transaction,
            Self::Certified(receipt) => &receipt.transaction,
        }
    }

    /// Whether it rests on a header that need not be anchored.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        matches!(self, Self::Certified(_))
    }
}

/// The payment of an in-flight exit as every call brings it back: the contract keeps its hash alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The payment.
    pub transaction: SignedTransaction,
    /// Who owns its inputs and signed it.
    pub owner: Address,
    /// [`output_key`] of the outputs that it spends, in order.
    pub inputs: Vec<Hash>,
}

/// keccak(transaction id ‖ output index): the key of an output in the registry of what was paid.
#[must_use]
pub fn output_key(transaction: TransactionId, output: u8) -> Hash {
    keccak(&[&transaction.0.0, &[output]])
}

/// What operators said in one view: a certificate, or the votes of any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What.
    pub words: Words,
    /// Who, at least one.
    pub signers: Bitmap,
    /// The sum of their signatures.
    pub signature: Signature,
}

/// The three things that can be said of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// This block may stand on that parent.
    Notarize {
        /// View of the parent.
        parent: View,
        /// The block.
        block: BlockId,
    },
    /// The view ends without a block.
    Nullify,
    /// This block is final.
    Finalize {
        /// The block.
        block: BlockId,
    },
}

/// Two statements of one view that no honest operator makes both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The epoch of both.
    pub epoch: Epoch,
    /// The view of both.
    pub view: View,
    /// The one.
    pub one: Statement,
    /// The other.
    pub other: Statement,
}

/// What one header tells about the block of some height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The header as it was anchored; `None` for one that never was, which needs `signed`.
    pub anchor: Option<Anchored>,
    /// The header and its certificate: without, nobody is accused.
    pub signed: Option<(Header, Certificate)>,
    /// History leaf of the block.
    pub leaf: Hash,
    /// From that leaf to the header's history root.
    pub path: Vec<Hash>,
}

/// A block's place in anchored history: what a provisional claim about its height is compared with, and where a transaction
/// lies that a fraud proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchoredBlock {
    /// Its height.
    pub height: Height,
    /// How many transactions it has.
    pub transaction_count: u32,
    /// The root over their leaves.
    pub transactions_root: Hash,
    /// Its L1 origin.
    pub l1_height: L1Height,
    /// From its history leaf to the anchor's history root.
    pub history_path: Vec<Hash>,
    /// The anchor that first covered it.
    pub anchor: Anchored,
}
