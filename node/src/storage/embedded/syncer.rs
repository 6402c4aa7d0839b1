//! The thread that makes written blocks durable, many with one barrier.
//!
//! Invariants: the durable height never runs ahead of a barrier that returned; after a failed barrier nothing
//! succeeds any more; no more than [`UNSYNCED_MAX`] blocks are ever written and not durable.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use plasma_core::Height;

use super::{Engine, StorageError};

/// Most blocks written and not durable: a restart reads as many again from the log, and the operator keeps room for
/// them (256 undecided blocks).
pub(super) const UNSYNCED_MAX: u32 = 64;

/// Between two barriers while blocks come one by one: at most ten a second, so that they leave the disk to the log's.
const PAUSE: Duration = Duration::from_millis(100);

/// Owns the thread; dropping it makes everything durable and waits for that.
#[derive(Debug)]
pub(super) struct Syncer {
    progress: Progress,
    thread: Option<JoinHandle<()>>,
}

/// How far writes and barriers have come.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<(Mutex<Heights>, Condvar)>);

#[derive(Debug)]
struct Heights {
    written: Height,
    durable: Height,
    /// What the barrier that failed said.
    failed: Option<String>,
    is_ending: bool,
}

impl Syncer {
    pub(super) fn start(engine: impl Engine, height: Height) -> Self {
        let heights = Heights {
            written: height,
            durable: height,
            failed: None,
            is_ending: false,
        };
        let progress = Progress(Arc::new((Mutex::new(heights), Condvar::new())));
        let shared = progress.clone();
        let thread = std::thread::Builder::new()
            .name("storage-sync".to_owned())
            .spawn(move || shared.run(&engine))
            .expect("a process that starts can start one more thread");
        Self {
            progress,
            thread: Some(thread),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.progress.lock().is_ending = true;
        self.progress.0.1.notify_all();
        // A thread that panicked has said so; there is nothing to add here.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Progress {
    /// Waits until one more block may be written.
    pub(super) fn wait_for_room(&self, height: Height) -> Result<(), StorageError> {
        let mut heights = self.lock();
        while heights.failed.is_none() && height.0.saturating_sub(heights.durable.0) > UNSYNCED_MAX {
            heights = self.wait(heights);
        }
        heights.check().map(|_| ())
    }

    /// A block is written.
    pub(super) fn wrote(&self, height: Height) {
        let mut heights = self.lock();
        heights.written = heights.written.max(height);
        drop(heights);
        self.0.1.notify_all();
    }

    /// The newest durable height.
    pub(super) fn durable(&self) -> Result<Height, StorageError> {
        self.lock().check()
    }

    fn run(&self, engine: &impl Engine) {
        let mut synced_at: Option<Instant> = None;
        loop {
            let mut heights = self.lock();
            while !heights.is_due(synced_at) {
                if heights.is_ending && heights.written == heights.durable {
                    return;
                }
                heights = self.wait_briefly(heights);
            }
            let target = heights.written;
            drop(heights);
            let result = engine.sync();
            synced_at = Some(Instant::now());
            let mut heights = self.lock();
            match result {
                Ok(()) => heights.durable = target,
                Err(error) => heights.failed = Some(error.to_string()),
            }
            let is_over = heights.failed.is_some();
            drop(heights);
            self.0.1.notify_all();
            if is_over {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heights> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, heights: MutexGuard<'a, Heights>) -> MutexGuard<'a, Heights> {
        self.0.1.wait(heights).unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_briefly<'a>(&self, heights: MutexGuard<'a, Heights>) -> MutexGuard<'a, Heights> {
        let waited = self.0.1.wait_timeout(heights, PAUSE);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Heights {
    /// A barrier is worth it: something is new, and the last one is a while ago, or much is new, or it is the end.
    fn is_due(&self, synced_at: Option<Instant>) -> bool {
        let new = self.written.0 - self.durable.0;
        let is_late = synced_at.is_none_or(|at| at.elapsed() >= PAUSE);
        new > 0 && (is_late || new >= UNSYNCED_MAX / 2 || self.is_ending)
    }

    fn check(&self) -> Result<Height, StorageError> {
        match &self.failed {
            None => Ok(self.durable),
            Some(reason) => Err(StorageError::NotDurable {
                reason: reason.clone(),
            }),
        }
    }
}
