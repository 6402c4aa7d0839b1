//! The thread that makes written blocks durable, many with one barrier.
//!
//! Invariants: the durable height never runs ahead of a barrier that returned; after a failed barrier or
//! write nothing succeeds any more; no more than [`UNSYNCED_MAX`] blocks are ever written and not durable, and no block is
//! written while the bodies of those hold [`UNSYNCED_BYTES_MAX`].

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use plasma_core::Height;

use super::{Engine, StorageError};

/// Most blocks written and not durable: a restart reads as many again from the log, and the operator keeps room for
/// them (256 undecided blocks).
pub(super) const UNSYNCED_MAX: u32 = 64;

/// Bytes of bodies that are written and not durable, less the last one's. A restart reads them from the log, and the operator keeps
/// room for them ([`crate::operator::chain::Room`]). The log is shortened only while one batch holds what it must keep
/// ([`crate::wal::BATCH_SIZE_MAX`]): a disk that stays behind must not fill it.
pub const UNSYNCED_BYTES_MAX: u64 = 32 << 20;

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
    /// The bytes of each body that is written and not durable, the lowest first.
    bodies: VecDeque<(Height, u64)>,
    /// What the barrier or the write that failed said.
    failed: Option<String>,
    is_ending: bool,
}

impl Syncer {
    pub(super) fn start(engine: impl Engine, height: Height) -> Self {
        let heights = Heights {
            written: height,
            durable: height,
            bodies: VecDeque::new(),
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
        while heights.failed.is_none() && !heights.has_room(height) {
            heights = self.wait(heights);
        }
        heights.check().map(|_| ())
    }

    /// A block is written, whose body has so many bytes.
    pub(super) fn wrote(&self, height: Height, body_bytes: u64) {
        let mut heights = self.lock();
        heights.written = heights.written.max(height);
        heights.bodies.push_back((height, body_bytes));
        drop(heights);
        self.0.1.notify_all();
    }

    /// A write failed: nobody knows what the engine holds of it, so nothing may follow it.
    pub(super) fn fail(&self, error: &StorageError) {
        self.lock().failed.get_or_insert_with(|| error.to_string());
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
                if heights.failed.is_some() || (heights.is_ending && heights.written == heights.durable) {
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
                Ok(()) => heights.synced(target),
                Err(error) => heights.failed = Some(error.to_string()),
            }
            drop(heights);
            self.0.1.notify_all();
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
    /// Everything up to a height is durable.
    fn synced(&mut self, target: Height) {
        self.durable = target;
        while self.bodies.front().is_some_and(|(height, _)| *height <= target) {
            self.bodies.pop_front();
        }
    }

    /// At most [`UNSYNCED_MAX`] and the bodies of as many blocks: a sum worth its time.
    fn body_bytes(&self) -> u64 {
        let bytes = self.bodies.iter().map(|(_, bytes)| *bytes);
        bytes.fold(0, u64::saturating_add)
    }

    fn has_room(&self, height: Height) -> bool {
        let new = height.0.saturating_sub(self.durable.0);
        new <= UNSYNCED_MAX && self.body_bytes() < UNSYNCED_BYTES_MAX
    }

    /// A barrier is worth it: something is new, and the last one is a while ago, or much is new, or it is the end.
    fn is_due(&self, synced_at: Option<Instant>) -> bool {
        let new = self.written.0 - self.durable.0;
        let is_late = synced_at.is_none_or(|at| at.elapsed() >= PAUSE);
        let is_much = new >= UNSYNCED_MAX / 2 || self.body_bytes() >= UNSYNCED_BYTES_MAX / 2;
        self.failed.is_none() && new > 0 && (is_late || is_much || self.is_ending)
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

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::mpsc::channel};

    use super::{
        super::{Engine, Settings},
        Arc, Condvar, Height, Mutex, Progress, StorageError, Syncer, UNSYNCED_BYTES_MAX, UNSYNCED_MAX,
    };
    use crate::storage::{memory::MemoryRows, rows::Change};

    /// An engine whose barriers wait for permission, and may fail.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<Permissions>, Condvar)>);

    #[derive(Default)]
    struct Permissions {
        barriers: u32,
        asked: u32,
        is_broken: bool,
    }

    impl Gate {
        fn permit(&self, barriers: u32) {
            self.0.0.lock().unwrap().barriers += barriers;
            self.0.1.notify_all();
        }

        fn wait_until_asked(&self, times: u32) {
            let asked = self.0.0.lock().unwrap();
            drop(self.0.1.wait_while(asked, |state| state.asked < times).unwrap());
        }
    }

    impl Engine for Gate {
        const NAME: &'static str = "gate";
        type Moment = MemoryRows;

        fn open(_: &Path, _: Settings) -> Result<Self, StorageError> {
            Ok(Self::default())
        }

        fn moment(&self) -> Result<MemoryRows, StorageError> {
            Ok(MemoryRows::default())
        }

        fn write(&self, _: Vec<Change>) -> Result<(), StorageError> {
            Ok(())
        }

        fn compact(&mut self) -> Result<(), StorageError> {
            Ok(())
        }

        fn sync(&self) -> Result<(), StorageError> {
            let mut state = self.0.0.lock().unwrap();
            state.asked += 1;
            self.0.1.notify_all();
            let mut state = self.0.1.wait_while(state, |state| state.barriers == 0).unwrap();
            state.barriers -= 1;
            if state.is_broken {
                return Err(StorageError::ShuttingDown);
            }
            Ok(())
        }
    }

    #[test]
    fn durable_height_waits_for_the_barrier_and_covers_only_what_was_written_before_it() {
        let gate = Gate::default();
        let syncer = Syncer::start(gate.clone(), Height(5));
        let progress = syncer.progress();
        assert_eq!(progress.durable().unwrap(), Height(5));
        progress.wrote(Height(6), 1);
        gate.wait_until_asked(1);
        progress.wrote(Height(7), 1);
        assert_eq!(
            progress.durable().unwrap(),
            Height(5),
            "the barrier has not returned"
        );
        gate.permit(1);
        gate.wait_until_asked(2);
        assert_eq!(
            progress.durable().unwrap(),
            Height(6),
            "height 7 came after the first barrier began"
        );
        gate.permit(1);
        drop(syncer);
        assert_eq!(
            progress.durable().unwrap(),
            Height(7),
            "the end waits for what was written"
        );
    }

    #[test]
    fn writes_wait_while_too_much_is_not_durable() {
        let gate = Gate::default();
        let syncer = Syncer::start(gate.clone(), Height(0));
        let progress = syncer.progress();
        for height in 1..=UNSYNCED_MAX {
            progress.wait_for_room(Height(height)).unwrap();
            progress.wrote(Height(height), 1);
        }
        waits(&gate, &progress, Height(UNSYNCED_MAX + 1));
        drop(syncer);
    }

    #[test]
    fn writes_wait_while_the_bodies_that_are_not_durable_are_large() {
        let gate = Gate::default();
        let syncer = Syncer::start(gate.clone(), Height(0));
        let progress = syncer.progress();
        // One body more than the bound may be there, however large.
        for (height, bytes) in [(1, UNSYNCED_BYTES_MAX - 1), (2, UNSYNCED_BYTES_MAX)] {
            progress.wait_for_room(Height(height)).unwrap();
            progress.wrote(Height(height), bytes);
        }
        waits(&gate, &progress, Height(3));
        drop(syncer);
    }

    /// The next block waits until a barrier has returned.
    fn waits(gate: &Gate, progress: &Progress, next: Height) {
        let (begins, begun) = channel();
        let waiter = progress.clone();
        let waiting = std::thread::spawn(move || {
            begins.send(()).unwrap();
            waiter.wait_for_room(next).unwrap();
            waiter.durable().unwrap()
        });
        begun.recv().unwrap();
        (0..1_000).for_each(|_| std::thread::yield_now());
        let has_waited = !waiting.is_finished();
        gate.permit(1000);
        assert!(has_waited, "nothing was durable");
        assert!(waiting.join().unwrap() > Height(0));
    }

    #[test]
    fn failed_barrier_fails_everything_after_it() {
        let gate = Gate::default();
        gate.0.0.lock().unwrap().is_broken = true;
        let syncer = Syncer::start(gate.clone(), Height(0));
        let progress = syncer.progress();
        progress.wrote(Height(1), 1);
        let (waiter, far) = (progress.clone(), Height(UNSYNCED_MAX + 2));
        let waiting = std::thread::spawn(move || waiter.wait_for_room(far));
        gate.permit(1);
        let error = waiting.join().unwrap().unwrap_err();
        assert!(matches!(error, StorageError::NotDurable { .. }), "{error}");
        assert!(error.to_string().contains("mend the disk"), "{error}");
        assert!(progress.durable().is_err() && progress.wait_for_room(Height(2)).is_err());
        gate.0.0.lock().unwrap().is_broken = false;
        gate.permit(1);
        drop(syncer);
        assert_eq!(
            gate.0.0.lock().unwrap().asked,
            1,
            "a failed barrier is never tried again"
        );
        assert!(progress.durable().is_err());
    }
}
