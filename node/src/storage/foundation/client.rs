//! FoundationDB's own client behind [`Cluster`].
//!
//! The client has one network thread per process: it starts with the first cluster that is opened and must end before the
//! process does ([`stop_network`]). Every transaction has a timeout, because a client that cannot reach its cluster, or speaks
//! another version than it, waits for ever.

use std::{
    fs::{self, OpenOptions},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use foundationdb::{
    Database, FdbError, RangeOption, Transaction as Inner, TransactionCommitError,
    api::{FdbApiBuilder, NetworkAutoStop},
    directory::{Directory, DirectoryError, DirectoryLayer},
    options::{StreamingMode, TransactionOption},
};
use futures::{TryStreamExt, executor::block_on, future::try_join_all};

use super::cluster::{Cluster, Fault, Isolation, KeyRange, Retry, Transaction};
use crate::storage::{StorageError, rows::Row};

/// A cluster named by its file.
#[derive(Clone)]
pub struct FoundationCluster {
    database: Arc<Database>,
    file: Arc<str>,
    opened: Instant,
}

impl std::fmt::Debug for FoundationCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundationCluster")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl FoundationCluster {
    /// Opens the cluster of a file and sees that it answers.
    ///
    /// # Errors
    /// [`StorageError::ClusterFile`] when the file cannot be used, [`StorageError::Unreachable`] when nobody answers in time.
    pub fn open(file: &Path) -> Result<Self, StorageError> {
        check_file(file)?;
        let name = file
            .to_str()
            .ok_or_else(|| unusable(file, "its path is no UTF-8"))?;
        start_network().map_err(|error| unreachable(name, &error.to_string()))?;
        let database = Database::from_path(name).map_err(|error| unusable(file, error.message()))?;
        let cluster = Self {
            database: Arc::new(database),
            file: name.into(),
            opened: Instant::now(),
        };
        let answer = cluster.begin(None).and_then(|transaction| transaction.version());
        answer.map_err(|fault| unreachable(name, &format!("{fault}{}", cluster.client_status())))?;
        Ok(cluster)
    }

    /// Removes a directory with everything below it; whether there was one.
    ///
    /// # Errors
    /// The cluster's; what cannot be tried again is there still.
    pub fn remove(&self, path: &[String]) -> Result<bool, Fault> {
        let FoundationTransaction(transaction) = self.begin(None)?;
        let layer = DirectoryLayer::default();
        let found = block_on(layer.remove_if_exists(&transaction, path)).map_err(directory_fault)?;
        block_on(transaction.commit()).map_err(|error| commit_fault(&error))?;
        Ok(found)
    }

    /// What the client knows of its connections; the only place that tells a wrong version from a dead cluster.
    fn client_status(&self) -> String {
        let status = block_on(self.database.get_client_status());
        let status = status
            .ok()
            .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        let connections = status
            .as_ref()
            .and_then(|status| status.get("Connections")?.as_array());
        let is_other = connections.is_some_and(|all| {
            let incompatible = |one: &serde_json::Value| one.get("Compatible") == Some(&false.into());
            all.iter().any(incompatible)
        });
        if is_other {
            "; the cluster speaks another version".to_owned()
        } else {
            String::new()
        }
    }
}

/// A transaction of the client.
#[derive(Debug)]
pub struct FoundationTransaction(Inner);

impl Cluster for FoundationCluster {
    type Transaction = FoundationTransaction;

    fn name(&self) -> &str {
        &self.file
    }

    fn begin(&self, version: Option<i64>) -> Result<FoundationTransaction, Fault> {
        let transaction = self.database.create_trx().map_err(fault)?;
        transaction
            .set_option(TransactionOption::Timeout(TIMEOUT_MS))
            .map_err(fault)?;
        if let Some(version) = version {
            transaction.set_read_version(version);
        }
        Ok(FoundationTransaction(transaction))
    }

    fn directory(&self, path: &[String]) -> Result<Vec<u8>, Fault> {
        let FoundationTransaction(transaction) = self.begin(None)?;
        let layer = DirectoryLayer::default();
        let directory =
            block_on(layer.create_or_open(&transaction, path, None, None)).map_err(directory_fault)?;
        let prefix = directory.bytes().map_err(directory_fault)?.to_vec();
        block_on(transaction.commit()).map_err(|error| commit_fault(&error))?;
        Ok(prefix)
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

impl Transaction for FoundationTransaction {
    fn version(&self) -> Result<i64, Fault> {
        block_on(self.0.get_read_version()).map_err(fault)
    }

    fn values(&self, keys: &[Vec<u8>], isolation: Isolation) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        let reads = keys.iter().map(|key| self.0.get(key, is_snapshot(isolation)));
        let values = block_on(try_join_all(reads)).map_err(fault)?;
        Ok(values
            .into_iter()
            .map(|value| value.map(|value| value.to_vec()))
            .collect())
    }

    fn range(&self, range: KeyRange<'_>, isolation: Isolation) -> Result<Vec<Row>, Fault> {
        let options = RangeOption {
            // None is the client's word for no limit, and so is any beyond what it can count.
            limit: i32::try_from(range.limit).is_ok().then_some(range.limit),
            mode: StreamingMode::WantAll,
            reverse: range.is_reverse,
            ..RangeOption::from((range.from, range.to))
        };
        let found = self.0.get_ranges_keyvalues(options, is_snapshot(isolation));
        let rows = found.map_ok(|row| (row.key().to_vec(), row.value().to_vec()));
        block_on(rows.try_collect()).map_err(fault)
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.set(key, value);
    }

    fn clear(&self, from: &[u8], to: &[u8]) {
        self.0.clear_range(from, to);
    }

    fn commit(self) -> Result<(), Fault> {
        block_on(self.0.commit())
            .map(|_| ())
            .map_err(|error| commit_fault(&error))
    }
}

static NETWORK: Mutex<Option<NetworkAutoStop>> = Mutex::new(None);

/// Ends the client's thread. The last call of a process that has opened a cluster; none can be opened afterwards.
pub fn stop_network() {
    drop(NETWORK.lock().unwrap_or_else(PoisonError::into_inner).take());
}

fn start_network() -> Result<(), FdbError> {
    let mut network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    if network.is_none() {
        let builder = FdbApiBuilder::default().build()?;
        #[expect(
            unsafe_code,
            reason = "the client asks that its thread ends before the process; stop_network is called by every command"
        )]
        // SAFETY: the value that stops the thread lives in NETWORK until stop_network drops it.
        let started = unsafe { builder.boot() }?;
        *network = Some(started);
    }
    Ok(())
}

/// The client rewrites the file when coordinators change, so it must be able to.
fn check_file(file: &Path) -> Result<(), StorageError> {
    let text = fs::read_to_string(file).map_err(|error| unusable(file, &error.to_string()))?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let is_connection = |line: &str| {
        line.split_once('@')
            .is_some_and(|(name, coordinators)| name.contains(':') && coordinators.contains(':'))
    };
    if !lines.next().is_some_and(is_connection) {
        return Err(unusable(file, "it holds no line such as name:id@10.0.0.1:4500"));
    }
    OpenOptions::new()
        .append(true)
        .open(file)
        .map_err(|error| unusable(file, &format!("it cannot be written: {error}")))?;
    Ok(())
}

fn unusable(file: &Path, problem: &str) -> StorageError {
    StorageError::ClusterFile {
        path: file.to_path_buf(),
        problem: problem.to_owned(),
    }
}

fn unreachable(cluster: &str, reason: &str) -> StorageError {
    StorageError::Unreachable {
        cluster: cluster.to_owned(),
        reason: reason.to_owned(),
    }
}

fn is_snapshot(isolation: Isolation) -> bool {
    isolation == Isolation::Snapshot
}

fn commit_fault(error: &TransactionCommitError) -> Fault {
    fault(**error)
}

fn directory_fault(error: DirectoryError) -> Fault {
    match error {
        DirectoryError::FdbError(error) => fault(error),
        other => Fault {
            code: 0,
            message: format!("the directory layer says {other:?}"),
            retry: Retry::Never,
        },
    }
}

fn fault(error: FdbError) -> Fault {
    let retry = if error.is_maybe_committed() || MAY_STILL_COMMIT.contains(&error.code()) {
        Retry::MaybeCommitted
    } else if error.is_retryable() {
        Retry::Again
    } else {
        Retry::Never
    };
    Fault {
        code: error.code(),
        message: error.message().to_owned(),
        retry,
    }
}

/// `transaction_timed_out` is our own deadline: what was sent may commit after it. `cluster_version_changed` and
/// `transaction_cancelled` leave the same doubt.
const MAY_STILL_COMMIT: [i32; 3] = [1031, 1039, 1025];

/// One transaction: below the five seconds for which a cluster keeps the moment that it reads.
const TIMEOUT_MS: i32 = 4_000;
