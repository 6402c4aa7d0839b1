//! What an operator keeps: outputs, blocks, proofs' leaves and certificates, behind one narrow trait.
//!
//! A commit is one atomic write of one decided block; readers see whole blocks only and are never
//! blocked. A block that is not durable yet is still in the operator's log, so a commit does not wait
//! for the disk. Every backend stores the same rows ([`schema`]); what a commit writes ([`changes`])
//! and what a question reads ([`query`]) is written once, over rows, so that backends cannot differ in
//! meaning. [`embedded`] is the engine on disk; [`memory`] is the simulated one. The tools of an operator work on rows
//! too: [`archive`] is the file that leaves or enters any backend, [`check`] finds contradictions, [`bulk`] fills a
//! storage that no operator runs on.

pub mod archive;
pub mod bulk;
pub mod check;
pub mod embedded;
pub mod foundation;
pub mod memory;

mod changes;
mod error;
mod history;
mod opening;
mod prune;
mod query;
mod rows;
mod scan;
mod schema;

pub use error::StorageError;
pub use history::{Event, ExitStep, ExitTurn, Turn};
pub use prune::Keep;
pub use rows::{Change, Moments, Row, Rows};
pub use scan::Progress;
pub use schema::Table;

use std::{collections::BTreeMap, future::Future, ops::Range};

use plasma_core::{
    Address, Amount, BlockId, Certificate, Delta, DepositFate, DepositNumber, ExitId, Hash, Header, Height,
    OpenExit, OutputRecord, Position, Reads, SignedTransaction, State, TransactionId, Wanted,
};

use crate::wal::Lsn;

/// All a backend must do.
pub trait Storage: Send {
    /// Answers questions while commits go on.
    type Reader: Read + Moments + Clone + Send + Sync + 'static;

    /// A reader of everything committed so far and from now on.
    fn reader(&self) -> Self::Reader;

    /// Every commit from now on says that the log was on disk up to this record: the fence. An operator that finds a log which
    /// ends below it finds an old copy. Say nothing that awaits its barrier.
    fn fence(&mut self, log: Lsn);

    /// Writes one decided block: all of it or nothing, visible to readers when it returns.
    ///
    /// It is durable when [`Storage::durable`] has reached its height; until then the operator's log must hold it.
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

    /// The newest height that survives a power cut, with everything below it.
    ///
    /// # Errors
    /// [`StorageError`] when the disk or the cluster refused: nobody knows then what it holds, and the operator stops.
    fn durable(&self) -> Result<Height, StorageError>;

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

    /// What happened to the outputs of an owner, the newest first, behind an event.
    fn history_of(
        &self,
        owner: &Address,
        after: Option<&Event>,
        limit: usize,
    ) -> Result<Vec<Event>, StorageError>;

    /// What one block did to the outputs of an owner.
    fn history_at(&self, owner: &Address, height: Height) -> Result<Vec<Event>, StorageError>;

    /// What blocks did to exits, the newest first, behind a height and exit.
    fn exit_turns(
        &self,
        after: Option<(Height, ExitId)>,
        limit: usize,
    ) -> Result<Vec<ExitTurn>, StorageError>;

    /// What one block did to exits.
    fn exit_turns_at(&self, height: Height) -> Result<Vec<ExitTurn>, StorageError>;

    /// The header at a height.
    fn header(&self, height: Height) -> Result<Option<Header>, StorageError>;

    /// The lowest height whose body is kept: everything below was pruned. Zero when nothing was.
    fn horizon(&self) -> Result<Height, StorageError>;

    /// The block at a height, with its certificate if it has one of its own; [`StorageError::Pruned`] below the horizon.
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

    /// What became of those deposits of a range of numbers that a block knows, in order.
    fn deposits(
        &self,
        numbers: Range<DepositNumber>,
    ) -> Result<Vec<(DepositNumber, DepositFate)>, StorageError>;

    /// The highest number of a deposit that a block knows.
    fn last_deposit(&self) -> Result<Option<DepositNumber>, StorageError>;

    /// Sum of all unspent outputs (exiting ones included) per asset; assets of sum zero are left out.
    fn totals(&self) -> Result<BTreeMap<Address, Amount>, StorageError>;
}

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
    /// The log held at least everything up to this record when the newest block was committed; none before the first block, and
    /// none in what was imported.
    pub fence: Option<Lsn>,
}

/// Asks again when a question took longer than a cluster remembers a moment. An embedded engine remembers for ever.
///
/// # Errors
/// What the question says, or [`StorageError::TooOld`] when even the last attempt took too long.
pub fn ask_anew<T>(mut ask: impl FnMut() -> Result<T, StorageError>) -> Result<T, StorageError> {
    for _ in 1..MOMENTS_MAX {
        match ask() {
            Err(StorageError::TooOld) => {}
            answer => return answer,
        }
    }
    ask()
}

/// Moments tried for one question: each is five seconds, and a cluster that needs more of them does not serve.
const MOMENTS_MAX: u32 = 5;
