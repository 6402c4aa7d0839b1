//! A running operator leaves a state archive at every so many heights.

use std::fs;

use plasma_core::Height;
use plasma_node::{
    runtime::snapshots::{Snapshots, list},
    storage::{
        Storage,
        archive::{Archive, Scope},
        bulk::{self, Stopped},
        memory::MemoryStorage,
    },
};

use super::{Gated, Scratch, expected, quiet, story};

#[tokio::test]
async fn newest_snapshots_are_kept_and_each_shows_its_height() {
    let (mut chain, scratch) = (story().await, Scratch::new("snapshots"));
    let mut snapshots = Snapshots::new(scratch.path(), 4, 2);
    let folder = scratch.path().join("snapshots");
    // An operator that died left it half written.
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("3.plasma.part"), b"torn").unwrap();
    for _ in 0..10 {
        let height = chain.seal(&[]).await;
        snapshots.after_commit(height, &Storage::reader(&chain.storage));
        // The next block is decided while the snapshot may still be written.
        let later = chain.seal(&[]).await;
        snapshots.finished().await;
        snapshots.after_commit(later, &Storage::reader(&chain.storage));
        snapshots.finished().await;
    }
    let found = list(scratch.path()).unwrap();
    let heights: Vec<u32> = found.iter().map(|snapshot| snapshot.height.0).collect();
    assert_eq!(heights, [20, 24]);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        2,
        "nothing else lies there"
    );
    for snapshot in found {
        let head = *Archive::open(&snapshot.path).unwrap().head();
        let decided = &chain.blocks[usize::try_from(snapshot.height.0).unwrap() - 1].0;
        assert_eq!(
            (head.scope, head.height, head.block),
            (Scope::State, snapshot.height, decided.header.id())
        );
        let mut target = MemoryStorage::empty();
        let report = bulk::import(&snapshot.path, &mut target, &expected(&chain), &mut quiet).unwrap();
        assert_eq!(
            (report.height, report.horizon),
            (snapshot.height, snapshot.height.next().unwrap())
        );
        assert_eq!(target.size_bytes().unwrap(), None);
    }
}

#[tokio::test]
async fn no_snapshot_is_written_unless_asked_for() {
    let (mut chain, scratch) = (story().await, Scratch::new("snapshots"));
    let mut snapshots = Snapshots::new(scratch.path(), 0, 2);
    let height = chain.seal(&[]).await;
    snapshots.after_commit(height, &Storage::reader(&chain.storage));
    snapshots.finished().await;
    let mut snapshots = Snapshots::new(scratch.path(), 3, 2);
    snapshots.after_commit(Height(0), &Storage::reader(&chain.storage));
    snapshots.after_commit(height, &Storage::reader(&chain.storage));
    snapshots.finished().await;
    assert_eq!(list(scratch.path()).unwrap(), []);
}

#[tokio::test]
async fn height_decided_again_after_a_restart_keeps_its_snapshot() {
    let (mut chain, scratch) = (story().await, Scratch::new("snapshots"));
    let height = chain.seal(&[]).await;
    let mut snapshots = Snapshots::new(scratch.path(), 4, 1);
    snapshots.after_commit(height, &Storage::reader(&chain.storage));
    snapshots.finished().await;
    let first = list(scratch.path()).unwrap();
    snapshots.after_commit(height, &Storage::reader(&chain.storage));
    snapshots.finished().await;
    assert_eq!((first.len(), list(scratch.path()).unwrap()), (1, first));
}

#[tokio::test]
#[expect(
    clippy::await_holding_lock,
    reason = "the gate is held until the snapshot's thread stands before it"
)]
async fn snapshot_that_is_due_while_another_is_written_is_left_out() {
    let (mut chain, scratch) = (story().await, Scratch::new("snapshots"));
    let mut snapshots = Snapshots::new(scratch.path(), 1, 9);
    let first = chain.seal(&[]).await;
    let slow = Gated::new(&chain.storage);
    let held = slow.gate.lock().unwrap();
    snapshots.after_commit(first, &slow);
    slow.somebody_waits().await;
    let second = chain.seal(&[]).await;
    snapshots.after_commit(second, &Storage::reader(&chain.storage));
    drop(held);
    snapshots.finished().await;
    let third = chain.seal(&[]).await;
    snapshots.after_commit(third, &Storage::reader(&chain.storage));
    snapshots.finished().await;
    let heights: Vec<Height> = list(scratch.path())
        .unwrap()
        .iter()
        .map(|one| one.height)
        .collect();
    assert_eq!(heights, [first, third]);
}
