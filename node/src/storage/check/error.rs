//! What a check found, and where.

use super::super::{StorageError, schema::Table};

/// The first thing that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A row cannot be read or understood.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A row contradicts others.
    #[error(
        "row {key} of table {table}: {what}; restore a backup, or set the storage's folder aside and let the operator sync anew"
    )]
    Contradiction {
        /// The table.
        table: &'static str,
        /// The key in hexadecimal.
        key: String,
        /// What it contradicts.
        what: What,
    },
    /// A certificate can be verified under no committee.
    #[error(
        "a certificate is of epoch {epoch}, whose committee is not known here; put its document into the folder of committees \
         and check again"
    )]
    Committee {
        /// The certificate's.
        epoch: u64,
    },
    /// A block was committed meanwhile.
    #[error("the storage changed while it was checked; stop the operator first")]
    Moved,
}

/// What a row contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// Others need it.
    #[error("it is missing")]
    Missing,
    /// Nothing accounts for it.
    #[error("nothing accounts for it")]
    Stray,
    /// Rows of another layout.
    #[error("the rows have another schema than this program")]
    Schema,
    /// Another federation's or operator's.
    #[error("it is not the identity that the configuration names")]
    Identity,
    /// Tip and state name different blocks.
    #[error("it is not the block of the state")]
    Tip,
    /// Above the block that comes next.
    #[error("it lies above the next height")]
    Horizon,
    /// The state is not that after the newest header.
    #[error("it is not the state after the newest header")]
    State,
    /// Block 0 is another federation's.
    #[error("it is not the genesis of the federation file")]
    Genesis,
    /// The height inside is not the key.
    #[error("the header inside has another height")]
    Height,
    /// The header names another parent.
    #[error("its header does not name the block below as parent")]
    Parent,
    /// The header's history root does not follow.
    #[error("its history root does not follow from the leaves")]
    HistoryRoot,
    /// The leaf is not that of the header.
    #[error("it is not the leaf of its header")]
    Leaf,
    /// The block id leads to another height.
    #[error("it leads to another height than its block's")]
    BlockPlace,
    /// The certificate names another block.
    #[error("the certificate is another block's")]
    CertificateBlock,
    /// Quorum or signature fail.
    #[error("the certificate does not verify under the committee")]
    Certificate,
    /// The transactions are not those of the header.
    #[error("the transactions are not those that the header commits to")]
    TransactionsRoot,
    /// The index leads elsewhere.
    #[error("it does not lead to the transaction's place")]
    TransactionPlace,
    /// The record is not what the transaction created.
    #[error("it is not what its transaction created")]
    Output,
    /// A body spends it and it does not say so.
    #[error("a transaction spends it, which its fate does not say")]
    Unspent,
    /// Fewer rows of the history than outputs that are gone.
    #[error("the end of an output that left through Ethereum is missing in it")]
    Ends,
    /// It names a spender that does not spend it.
    #[error("the input that its fate names does not spend it")]
    Spender,
    /// The row of an owner holds something.
    #[error("a row of this table is empty")]
    OwnerValue,
    /// Not the sum of the unspent outputs.
    #[error("it is not the sum of the unspent outputs")]
    Total,
    /// The deposit's output is not there, or not of that deposit.
    #[error("it does not lead to the output that its fund transaction created")]
    Deposit,
    /// Its deposit went back, and no row of a deposit says so.
    #[error("its fate says that its deposit went back, and no deposit's row says so")]
    Reclaimed,
    /// Outputs and exits do not give the commitment.
    #[error("unspent outputs and open exits do not give the commitment in it")]
    Commitment,
}

pub(super) fn contradiction(table: Table, key: &[u8], what: What) -> CheckError {
    CheckError::Contradiction {
        table: table.name(),
        key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
        what,
    }
}
