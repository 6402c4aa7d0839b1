//! What an operator keeps: outputs, blocks, proofs' leaves and certificates, behind one narrow trait.
//!
//! A commit is one atomic, durable write of one decided block; readers see whole blocks only and are
//! never blocked. Every backend stores the same rows ([`schema`]); what a commit writes ([`changes`])
//! and what a question reads ([`query`]) is written once, over rows, so that backends cannot differ in
//! meaning. [`embedded`] is the engine on disk; [`memory`] is the simulated one.

pub mod embedded;
pub mod memory;

mod changes;
mod query;
mod rows;
mod schema;

use std::{collections::BTreeMap, future::Future, ops::Range, path::PathBuf};

use plasma_core::{
    Address, Amount, BlockId, Certificate, Delta, DepositFate, DepositNumber, ExitId, Hash, Header, Height,
    OpenExit, OutputRecord, Position, Reads, SignedTransaction, State, TransactionId, Wanted,
};

use crate::folder::FolderError;

/// All a backend must do.
pub trait Storage: Send {
    /// Answers questions while commits go on.
    type Reader: Read + Clone + Send + Sync + 'static;

    /// Keeps small durable facts beside the ledger.
    type Notes: Notes + Clone + Send + Sync + 'static;

    /// A reader of everything committed so far and from now on.
    fn reader(&self) -> Self::Reader;

    /// The notes, readable and writable while commits go on.
    fn notes(&self) -> Self::Notes;

    /// Writes one decided block: all of it or nothing, on disk when it returns.
    ///
    /// Committing a block again changes nothing, except that its certificate is kept if it had none.
    ///
    /// # Errors
    /// [`StorageError::Gap`], [`StorageError::Fork`] and [`StorageError::Conflict`] when the block does
    /// not stand on the tip; these and every other error stop the operator.
    fn commit(
        &mut self,
        decided: &Decided,
        delta: &Delta,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// What an operator starts from.
    ///
    /// # Errors
    /// [`StorageError`] when the rows cannot be read.
    fn recover(&self) -> impl Future<Output = Result<Saved, StorageError>> + Send;
}

/// The questions that the runtime, the API, sync and proofs ask.
///
/// Each answer is from one moment: it shows a committed block wholly or not at all. Answers to two
/// questions may lie a block apart; [`Read::pinned`] gives a reader for which time stands still.
#[expect(
    clippy::missing_errors_doc,
    reason = "all fail alike: the engine's error, or a damaged row"
)]
pub trait Read: Sized {
    /// A reader that goes on seeing what is committed now. Hold it for one answer, not for long: the
    /// engine keeps what it may still see.
    fn pinned(&self) -> Result<Self, StorageError>;

    /// Height and id of the newest block.
    fn tip(&self) -> Result<(Height, BlockId), StorageError>;

    /// The ledger's state after the newest block.
    fn state(&self) -> Result<State, StorageError>;

    /// Everything that a block or a transaction needs, for `ledger`: with an exit also the outputs it
    /// names, with a funded deposit its output.
    fn reads(&self, wanted: &Wanted) -> Result<Reads, StorageError>;

    /// An output, existing or not any more.
    fn output(&self, position: Position) -> Result<Option<OutputRecord>, StorageError>;

    /// Unspent outputs of an owner (exiting ones included) behind a position, in order of position.
    fn outputs_of(
        &self,
        owner: &Address,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, OutputRecord)>, StorageError>;

    /// The header at a height.
    fn header(&self, height: Height) -> Result<Option<Header>, StorageError>;

    /// The block at a height, with its certificate if it has one of its own.
    fn block(&self, height: Height) -> Result<Option<Decided>, StorageError>;

    /// The height of a block.
    fn height_of(&self, block: &BlockId) -> Result<Option<Height>, StorageError>;

    /// Where a transaction is: height and index in the block.
    fn transaction(&self, id: &TransactionId) -> Result<Option<(Height, u32)>, StorageError>;

    /// The leaves of the history tree for those heights that exist, in order.
    fn leaves(&self, heights: Range<Height>) -> Result<Vec<Hash>, StorageError>;

    /// The certificate of the lowest block at or above a height that has one: it finalizes that height.
    fn certificate_covering(&self, height: Height) -> Result<Option<(Height, Certificate)>, StorageError>;

    /// An exit, while it is open.
    fn exit(&self, id: &ExitId) -> Result<Option<OpenExit>, StorageError>;

    /// All open exits.
    fn exits(&self) -> Result<BTreeMap<ExitId, OpenExit>, StorageError>;

    /// What became of a deposit.
    fn deposit(&self, number: DepositNumber) -> Result<Option<DepositFate>, StorageError>;

    /// Sum of all unspent outputs (exiting ones included) per asset; assets of sum zero are left out.
    fn totals(&self) -> Result<BTreeMap<Address, Amount>, StorageError>;
}

/// Small durable facts of other parts of the operator: the bridge's sent transactions and open duties.
///
/// Keys and values are the caller's bytes; a caller begins its keys with a word of its own, such as
/// `sent/`. Calls wait for the disk: from async code they belong on a blocking thread.
#[expect(
    clippy::missing_errors_doc,
    reason = "all fail alike: the engine's error, or a size beyond its limit"
)]
pub trait Notes {
    /// Keeps a note, replacing one of the same key; on disk when it returns.
    fn put_note(&self, key: &[u8], value: &[u8]) -> Result<(), StorageError>;

    /// Forgets a note, on disk when it returns.
    fn remove_note(&self, key: &[u8]) -> Result<(), StorageError>;

    /// One note.
    fn note(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// All notes whose key begins so, in order of key.
    fn notes_with(&self, prefix: &[u8]) -> Result<Vec<Note>, StorageError>;
}

/// Key and value of a note.
pub type Note = (Vec<u8>, Vec<u8>);

/// A block that the federation has finalized, directly or through a descendant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The header.
    pub header: Header,
    /// The body, in order.
    pub body: Vec<SignedTransaction>,
    /// The finalize certificate, when this very block has one.
    pub certificate: Option<Certificate>,
}

/// What survives a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The ledger's state after the newest committed block.
    pub state: State,
    /// The newest finalize certificate; none before the first.
    pub certificate: Option<Certificate>,
    /// Exits that Ethereum has started and not ended.
    pub exits: BTreeMap<ExitId, OpenExit>,
}

/// Why storage cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder is in use or cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The rows are another federation's or another operator's.
    #[error("the storage in {} is not ours: {difference}; name this operator's own folder", path.display())]
    Identity {
        /// The folder.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// The rows have another layout.
    #[error("the storage in {} has schema {found}, this program knows {known}; {}", path.display(), remedy(*found, *known))]
    Schema {
        /// The folder.
        path: PathBuf,
        /// The schema of the rows.
        found: u32,
        /// The schema of this program.
        known: u32,
    },
    /// A block above the next height.
    #[error("a block of height {found} cannot follow the tip at {tip}")]
    Gap {
        /// The newest height.
        tip: Height,
        /// The block's.
        found: Height,
    },
    /// A block of the next height on another parent.
    #[error("the block of height {height} stands on {found:?}, the tip is {tip:?}")]
    Fork {
        /// The block's height.
        height: Height,
        /// The newest block.
        tip: BlockId,
        /// The parent that the block names.
        found: BlockId,
    },
    /// Another block of a height that is committed already.
    #[error("height {height} holds block {stored:?}, refused {found:?}")]
    Conflict {
        /// The height.
        height: Height,
        /// The committed block.
        stored: BlockId,
        /// The other one.
        found: BlockId,
    },
    /// Block and delta do not belong together, or the delta contradicts the rows.
    #[error("the delta of height {height} cannot be written: {what}")]
    Delta {
        /// The block's height.
        height: Height,
        /// The contradiction.
        what: &'static str,
    },
    /// A row that cannot be understood.
    #[error("the row {key} of table {table} is damaged; restore a backup or let the operator sync anew")]
    Row {
        /// The table.
        table: &'static str,
        /// The key in hexadecimal.
        key: String,
    },
    /// A note beyond its limits.
    #[error(
        "a note of {key} bytes of key and {value} of value; at most {} and {} fit",
        NOTE_KEY_MAX,
        NOTE_VALUE_MAX
    )]
    Note {
        /// Size of the key.
        key: usize,
        /// Size of the value.
        value: usize,
    },
    /// The engine refused.
    #[error("the storage engine cannot {doing}: {source}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: Box<fjall::Error>,
    },
    /// The write was given up because the runtime is shutting down.
    #[error("the runtime is shutting down")]
    ShuttingDown,
}

fn remedy(found: u32, known: u32) -> &'static str {
    if found > known {
        "run the newer program that wrote it"
    } else {
        "let the operator sync into a new folder"
    }
}

/// Longest key of a note.
pub const NOTE_KEY_MAX: usize = 256;

/// Longest value of a note: an Ethereum transaction with an anchor's or a challenge's calldata fits.
pub const NOTE_VALUE_MAX: usize = 1 << 20;
