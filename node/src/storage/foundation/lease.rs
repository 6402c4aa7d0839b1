//! Who may write: a token in each cluster that every write reads, and a counter that its holder keeps moving.
//!
//! The token makes two writers impossible, whatever their clocks say: a writer that lost it fails at its next commit, even at
//! one that was sent before. The counter only makes for a clear error: a second process sees the first one alive and leaves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    attempts::{Failed, Outcome, repeat, transact, unavailable},
    cluster::{Cluster, Fault, Isolation, Transaction},
    keys::{BEAT, FENCE, Keys, Write},
};
use crate::storage::StorageError;

/// A token nobody else has.
pub(super) type Token = [u8; 16];

/// Our right to write to one cluster; given back when dropped.
#[derive(Debug)]
pub(super) struct Lease<C: Cluster> {
    cluster: C,
    keys: Keys,
    token: Token,
    holder: String,
    count: AtomicU64,
}

impl<C: Cluster> Lease<C> {
    /// Takes the right to write, unless its holder is alive.
    pub(super) fn take(cluster: &C, keys: &Keys, token: Token, holder: &str) -> Result<Self, StorageError> {
        let mut seen = look(cluster, keys)?;
        if seen.token.is_some() {
            seen = wait_for_silence(cluster, keys, seen)?;
        }
        let lease = Self {
            cluster: cluster.clone(),
            keys: keys.clone(),
            token,
            holder: holder.to_owned(),
            count: AtomicU64::new(0),
        };
        transact(cluster, "take the right to write", |transaction| {
            let found = token_of(transaction, keys)?;
            if found.as_deref() == Some(&token[..]) {
                return Ok(Outcome::Done(()));
            }
            if found != seen.token {
                return Err(Failed::Final(fenced(cluster, seen.beat.as_deref())));
            }
            transaction.set(&keys.own(FENCE), &token);
            transaction.set(&keys.own(BEAT), &lease.next_beat());
            Ok(Outcome::Commit(()))
        })?;
        Ok(lease)
    }

    /// Shows that we live.
    pub(super) fn beat(&self) -> Result<(), StorageError> {
        let written = self.write(Some(&self.next_beat()));
        written.map_err(|fault| unavailable(&self.cluster, "keep the right to write", &fault, 1))
    }

    /// Fails in a transaction of somebody who lost the right to write, now or before it commits.
    pub(super) fn check(&self, transaction: &C::Transaction) -> Result<(), Failed> {
        if token_of(transaction, &self.keys)?.as_deref() == Some(&self.token[..]) {
            return Ok(());
        }
        let beat = transaction.values(&[self.keys.own(BEAT)], Isolation::Snapshot)?;
        let beat = beat.into_iter().flatten().next();
        Err(Failed::Final(fenced(&self.cluster, beat.as_deref())))
    }

    /// Moves the counter, or gives everything back; only while the token is ours. Tried once: a cluster that is away hears
    /// the next beat, and must not keep a process from ending.
    fn write(&self, beat: Option<&[u8]>) -> Result<(), Fault> {
        let transaction = self.cluster.begin(None)?;
        if token_of(&transaction, &self.keys)?.as_deref() != Some(&self.token[..]) {
            return Ok(());
        }
        match beat {
            Some(beat) => transaction.set(&self.keys.own(BEAT), beat),
            None => {
                for name in [FENCE, BEAT] {
                    Write::clear(self.keys.own(name)).perform(&transaction);
                }
            }
        }
        transaction.commit()
    }

    fn next_beat(&self) -> Vec<u8> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        [&count.to_be_bytes()[..], self.holder.as_bytes()].concat()
    }
}

impl<C: Cluster> Drop for Lease<C> {
    fn drop(&mut self) {
        // A cluster that is away keeps the token; the next process waits until the counter has rested long enough.
        let _ = self.write(None);
    }
}

/// The thread that keeps leases alive; ends when dropped.
#[derive(Debug)]
pub(super) struct Heart {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    pub(super) fn start<C: Cluster>(leases: Vec<Arc<Lease<C>>>) -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("storage-lease".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(BEAT_PAUSE) == Err(RecvTimeoutError::Timeout) {
                    // A cluster that is away hears the next beat; a lost token shows at the next commit.
                    for lease in &leases {
                        let _ = lease.beat();
                    }
                }
            })
            .expect("a process that starts can start one more thread");
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What stands in the cluster about its writer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    token: Option<Vec<u8>>,
    beat: Option<Vec<u8>>,
}

fn look<C: Cluster>(cluster: &C, keys: &Keys) -> Result<Seen, StorageError> {
    repeat(cluster, "read who may write", || {
        let transaction = cluster.begin(None)?;
        let found = transaction.values(&[keys.own(FENCE), keys.own(BEAT)], Isolation::Snapshot)?;
        let mut found = found.into_iter().map(Option::unwrap_or_default);
        let mut next = || found.next().filter(|value| !value.is_empty());
        Ok(Seen {
            token: next(),
            beat: next(),
        })
    })
}

fn wait_for_silence<C: Cluster>(cluster: &C, keys: &Keys, before: Seen) -> Result<Seen, StorageError> {
    let begun = cluster.now();
    while cluster.now().saturating_sub(begun) < SILENCE {
        cluster.pause(BEAT_PAUSE / 2);
        let now = look(cluster, keys)?;
        if now.token.is_none() {
            return Ok(now);
        }
        if now != before {
            return Err(fenced(cluster, now.beat.as_deref()));
        }
    }
    tracing::warn!(
        cluster = cluster.name(),
        "the last writer left without a word; taking its place"
    );
    Ok(before)
}

fn token_of<T: Transaction>(transaction: &T, keys: &Keys) -> Result<Option<Vec<u8>>, Fault> {
    let found = transaction.values(&[keys.own(FENCE)], Isolation::Serializable)?;
    Ok(found.into_iter().flatten().next())
}

/// The error of a writer when another has the right to write.
fn fenced(cluster: &impl Cluster, beat: Option<&[u8]>) -> StorageError {
    let holder = beat.and_then(|beat| beat.get(8..)).unwrap_or_default();
    StorageError::Fenced {
        cluster: cluster.name().to_owned(),
        holder: String::from_utf8_lossy(holder).escape_debug().to_string(),
    }
}

/// Between two moves of the counter.
const BEAT_PAUSE: Duration = Duration::from_secs(1);

/// A holder whose counter rests so long is dead: several beats, with room for a slow cluster.
const SILENCE: Duration = Duration::from_secs(4);
