//! What is measured: any storage behind the trait, or an engine without our code.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use plasma_core::{Hash, State};
use plasma_node::{
    folder::Identity,
    storage::{
        Read as _, Storage,
        embedded::{EmbeddedStorage, Engine, Settings},
    },
};
use tokio::runtime::Runtime;

use super::{
    blocks::Work,
    raw::Raw,
    rows::{self, RawRow},
};

/// Something that takes blocks.
pub(crate) trait Subject {
    /// A block as this subject takes it; making it is not measured.
    type Block;

    fn prepare(work: Work) -> Self::Block;

    /// Reads what the block spends, as a validator does; how many rows that were.
    fn read(&self, block: &Self::Block) -> usize;

    fn commit(&mut self, block: Self::Block);

    /// Waits until everything committed is durable.
    fn settle(&self);
}

/// A storage and what it needs to run.
pub(crate) struct Stored<S: Storage> {
    runtime: Runtime,
    storage: S,
}

impl<E: Engine> Stored<EmbeddedStorage<E>> {
    pub(crate) fn open(folder: &Path, genesis: &State, cache_bytes: u64) -> Self {
        let settings = Settings {
            cache_bytes,
            ..Settings::default()
        };
        let storage = EmbeddedStorage::open(folder, identity(), genesis, settings);
        Self {
            runtime: runtime(),
            storage: storage.expect("the storage opens"),
        }
    }
}

impl<S: Storage> Stored<S> {
    #[cfg(feature = "fdb")]
    pub(crate) fn new(storage: S) -> Self {
        Self {
            runtime: runtime(),
            storage,
        }
    }

    /// The state that an operator would start from.
    pub(crate) fn recover(&self) -> State {
        let saved = self.runtime.block_on(self.storage.recover());
        saved.expect("the storage recovers").state
    }
}

impl<S: Storage> Subject for Stored<S> {
    type Block = Work;

    fn prepare(work: Work) -> Work {
        work
    }

    fn read(&self, block: &Work) -> usize {
        let reads = self.storage.reader().reads(&block.wanted);
        let outputs = reads.expect("the storage answers").outputs;
        assert!(
            outputs.values().all(Option::is_some),
            "every output that is spent exists"
        );
        outputs.len()
    }

    fn commit(&mut self, block: Work) {
        let done = self
            .runtime
            .block_on(self.storage.commit(&block.decided, &block.delta));
        done.expect("the block is committed");
    }

    fn settle(&self) {
        let state = self.recover();
        while self.storage.durable().expect("the disk is well") < state.header.height {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// An engine and a thread that syncs it as often as ours does.
pub(crate) struct Bare<R: Raw> {
    engine: Arc<R>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<R: Raw + 'static> Bare<R> {
    pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Self {
        let engine = Arc::new(R::open(folder, cache_bytes));
        let is_over = Arc::new(AtomicBool::new(false));
        let (synced, ended) = (Arc::clone(&engine), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(SYNC_PAUSE);
                synced.sync();
            }
        });
        Self {
            engine,
            is_over,
            thread: Some(thread),
        }
    }
}

impl<R: Raw> Drop for Bare<R> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A thread that panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl<R: Raw> Subject for Bare<R> {
    type Block = Vec<RawRow>;

    fn prepare(work: Work) -> Vec<RawRow> {
        rows::of(&work)
    }

    fn read(&self, _: &Vec<RawRow>) -> usize {
        0
    }

    fn commit(&mut self, block: Vec<RawRow>) {
        self.engine.write(block);
    }

    fn settle(&self) {
        self.engine.sync();
    }
}

fn runtime() -> Runtime {
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build();
    built.expect("a runtime starts")
}

pub(crate) fn identity() -> Identity {
    Identity {
        genesis: Hash::ZERO,
        key: Hash([1; 32]),
    }
}

/// As the syncer of an embedded storage.
const SYNC_PAUSE: Duration = Duration::from_millis(100);
