//! What is asked of a cluster: transactions that read a moment and commit or conflict, and the words for what goes wrong.
//!
//! Calls wait for the network, each with a deadline of its own; nothing here is called from the operator's loop without
//! leaving it first. Time goes through the cluster too, so that a simulated one keeps its own.

use std::time::Duration;

use crate::storage::rows::Row;

/// One database.
pub trait Cluster: Clone + Send + Sync + 'static {
    /// A transaction of it.
    type Transaction: Transaction;

    /// Its name for people: the cluster file.
    fn name(&self) -> &str;

    /// Begins a transaction, at a version that was read before or at the newest.
    ///
    /// # Errors
    /// [`Fault`] of the client.
    fn begin(&self, version: Option<i64>) -> Result<Self::Transaction, Fault>;

    /// The short prefix that the directory layer gives to a path; made when it is missing.
    ///
    /// # Errors
    /// [`Fault`] of the cluster.
    fn directory(&self, path: &[String]) -> Result<Vec<u8>, Fault>;

    /// Time since some fixed moment.
    fn now(&self) -> Duration;

    /// Waits.
    fn pause(&self, time: Duration);
}

/// Reads and writes of one moment.
pub trait Transaction: Send + Sync + 'static {
    /// The moment that it reads.
    ///
    /// # Errors
    /// [`Fault`] of the cluster.
    fn version(&self) -> Result<i64, Fault>;

    /// Values in the order asked, at most [`READS_MAX`] under way at once.
    ///
    /// # Errors
    /// [`Fault`] of the cluster.
    fn values(&self, keys: &[Vec<u8>], isolation: Isolation) -> Result<Vec<Option<Vec<u8>>>, Fault>;

    /// Up to `limit` rows of a range, its end excluded.
    ///
    /// # Errors
    /// [`Fault`] of the cluster.
    fn range(&self, range: KeyRange<'_>, isolation: Isolation) -> Result<Vec<Row>, Fault>;

    /// Will set a value.
    fn set(&self, key: &[u8], value: &[u8]);

    /// Will remove all keys from one (included) to another (excluded).
    fn clear(&self, from: &[u8], to: &[u8]);

    /// All that was set and cleared, or nothing; refused when something read with [`Isolation::Serializable`] has changed.
    ///
    /// # Errors
    /// [`Fault`]; after some the commit may have happened, or may still happen.
    fn commit(self) -> Result<(), Fault>;
}

/// Whether a change of what was read makes the commit fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// It does.
    Serializable,
    /// It does not.
    Snapshot,
}

/// Keys in order.
#[derive(Clone, Copy, Debug)]
pub struct KeyRange<'a> {
    /// First key, included.
    pub from: &'a [u8],
    /// End, excluded.
    pub to: &'a [u8],
    /// Most rows.
    pub limit: usize,
    /// From the greatest key down.
    pub is_reverse: bool,
}

/// What a cluster or its client answered instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Fault {
    /// FoundationDB's number.
    pub code: i32,
    /// What it says of it.
    pub message: String,
    /// What may be done.
    pub retry: Retry,
}

/// What may be done after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: the request itself is wrong.
    Never,
    /// Try again; nothing was committed.
    Again,
    /// Try again behind a marker: the commit may have happened, or may still happen.
    MaybeCommitted,
}

/// `transaction_too_old`: the moment that a transaction reads lies more than five seconds back.
pub const TOO_OLD: i32 = 1007;

/// Reads of one transaction under way at once: a block's inputs in a few journeys, without a queue in the client that grows
/// with the block.
pub const READS_MAX: usize = 1_000;
