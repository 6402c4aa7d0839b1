//! One transaction tried until it is known what became of it, within a time and a number of attempts.
//!
//! A closure may run many times, also after a commit that happened: it reads its own marker first. What it read with
//! [`Isolation::Serializable`](super::cluster::Isolation) makes an earlier attempt that commits late fail.

use std::time::Duration;

use super::cluster::{Cluster, Fault, Retry, Transaction};
use crate::storage::StorageError;

/// What an attempt decided.
pub(super) enum Outcome<T> {
    /// Commit what was written.
    Commit(T),
    /// Nothing is to be written.
    Done(T),
}

/// Why an attempt ended.
pub(super) enum Failed {
    /// The cluster said so.
    Fault(Fault),
    /// It must not be tried again.
    Final(StorageError),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StorageError> for Failed {
    fn from(error: StorageError) -> Self {
        Self::Final(error)
    }
}

/// Runs one transaction to its end.
pub(super) fn transact<C: Cluster, T>(
    cluster: &C,
    doing: &'static str,
    mut attempt: impl FnMut(&C::Transaction) -> Result<Outcome<T>, Failed>,
) -> Result<T, StorageError> {
    repeat(cluster, doing, || {
        let transaction = cluster.begin(None)?;
        match attempt(&transaction)? {
            Outcome::Done(found) => Ok(found),
            Outcome::Commit(found) => {
                transaction.commit()?;
                Ok(found)
            }
        }
    })
}

/// Repeats something after faults that pass, with growing pauses.
pub(super) fn repeat<C: Cluster, T>(
    cluster: &C,
    doing: &'static str,
    mut attempt: impl FnMut() -> Result<T, Failed>,
) -> Result<T, StorageError> {
    let begun = cluster.now();
    let mut pause = PAUSE_MIN;
    for number in 1.. {
        let fault = match attempt() {
            Ok(found) => return Ok(found),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::Fault(fault)) => fault,
        };
        if fault.retry == Retry::Never {
            return Err(StorageError::Refused {
                cluster: cluster.name().to_owned(),
                doing,
                fault: fault.to_string(),
            });
        }
        if number >= ATTEMPTS_MAX || cluster.now().saturating_sub(begun) >= PATIENCE {
            return Err(unavailable(cluster, doing, &fault, number));
        }
        tracing::debug!(cluster = cluster.name(), doing, %fault, number, "trying again");
        cluster.pause(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
    Err(StorageError::ShuttingDown)
}

pub(super) fn unavailable(
    cluster: &impl Cluster,
    doing: &'static str,
    fault: &Fault,
    attempts: u32,
) -> StorageError {
    StorageError::Unavailable {
        cluster: cluster.name().to_owned(),
        doing,
        fault: fault.to_string(),
        attempts,
    }
}

/// Attempts of one transaction: conflicts and restarts of the cluster take a few; more means that it does not serve.
const ATTEMPTS_MAX: u32 = 50;

/// Time after which a transaction is not tried again: a recovery of the cluster takes a few seconds. A running operator asks the same
/// again later, and hears of a stop in between.
const PATIENCE: Duration = Duration::from_secs(30);

/// First pause after a fault, doubled with each.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);
