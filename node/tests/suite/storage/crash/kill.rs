//! Kills at every write and every barrier of a storage: while it is made, while it commits, while it recovers.

use std::{path::Path, thread, time::Duration};

use plasma_core::Height;
use plasma_node::storage::{
    Read, Storage,
    embedded::{EmbeddedStorage, Engine, Settings},
};
use tokio::runtime::{Builder, Runtime};

use super::{
    super::{
        super::{
            child,
            scratch::Scratch,
            skip,
            strace::{self, Fault, Thread},
        },
        history::{Model, genesis},
        identity,
        rules::expect_model,
    },
    books::HISTORY,
};

/// Blocks that a child commits.
const BLOCKS: u32 = 12;

/// Blocks between two waits for the disk, so that barriers stand between writes.
const BLOCKS_PER_BARRIER: u32 = 4;

/// The thread that commits.
pub(crate) const COMMITTER: &str = "committer";

/// The thread that makes it durable.
pub(crate) const SYNCER: &str = "storage-sync";

pub(crate) fn kill_anywhere_loses_nothing_durable<E: Engine>(test: &str) {
    if let Some(folder) = child::folder() {
        return commit_all::<E>(&folder);
    }
    if let Some(reason) = strace::absence() {
        return skip(test, &reason);
    }
    let runtime = Runtime::new().unwrap();
    let threads = [Thread::Any, Thread::Named(COMMITTER), Thread::Named(SYNCER)];
    strace::sweep(test, &threads, &["signal=SIGKILL"], |fault, when| {
        runtime.block_on(kill_twice::<E>(test, fault, when))
    });
}

/// Kills a child at work, and another one that recovers from it; whether the first was killed.
async fn kill_twice<E: Engine>(test: &str, fault: &Fault, when: u32) -> bool {
    let scratch = Scratch::in_memory("kill");
    let folder = scratch.path();
    let ended = strace::run(test, folder, fault);
    let what = format!("{fault:?}");
    let was_killed = ended.was_killed();
    let mut durable = ended.newest("durable ").unwrap_or_default();
    let again = Fault {
        thread: Thread::Any,
        call: if when.is_multiple_of(2) {
            fault.call
        } else {
            "fdatasync"
        },
        when: (when * 7 % 30 + 1).to_string(),
        ..fault.clone()
    };
    if was_killed {
        let ended = strace::run(test, folder, &again);
        ended.was_killed();
        durable = durable.max(ended.newest("durable ").unwrap_or_default());
    }
    let storage = EmbeddedStorage::<E>::open(folder, identity(), &genesis(), Settings::default());
    let mut storage = storage.unwrap_or_else(|error| panic!("{what}, then {again:?}: {error}"));
    let mut model = Model::new(HISTORY);
    let (tip, _) = storage.reader().tip().unwrap();
    assert!(tip >= Height(durable), "{what}: {tip} found, {durable} durable");
    while model.state.header.height < tip {
        model.next();
    }
    expect_model(&storage.reader(), &model);
    for _ in 0..3 {
        let (decided, delta) = model.next();
        storage.commit(&decided, &delta).await.unwrap();
    }
    expect_model(&storage.reader(), &model);
    was_killed
}

/// The child: continues the history to its end, in named threads only.
fn commit_all<E: Engine>(folder: &Path) {
    let runtime = with_one_committer();
    let mut storage =
        EmbeddedStorage::<E>::open(folder, identity(), &genesis(), Settings::default()).unwrap();
    runtime.block_on(async {
        strace::wait_for_parent();
        let (tip, _) = storage.reader().tip().unwrap();
        let mut model = Model::new(HISTORY);
        for height in 1..=BLOCKS {
            let (decided, delta) = model.next();
            if Height(height) <= tip {
                continue;
            }
            storage.commit(&decided, &delta).await.unwrap();
            while height.is_multiple_of(BLOCKS_PER_BARRIER) && storage.durable().unwrap() < Height(height) {
                thread::sleep(Duration::from_millis(1));
            }
            child::say(format!("durable {}", storage.durable().unwrap()));
        }
    });
    drop(storage);
    child::say(format!("durable {BLOCKS}"));
    child::say("done");
}

/// One blocking thread that never ends: all commits are calls of one thread, which strace counts together.
pub(crate) fn with_one_committer() -> Runtime {
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .thread_keep_alive(Duration::from_secs(3600))
        .thread_name(COMMITTER)
        .build()
        .unwrap();
    runtime.block_on(async { tokio::task::spawn_blocking(|| ()).await.unwrap() });
    runtime
}
