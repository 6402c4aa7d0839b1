//! The log of a process that is killed, or refused by its disk, at any call that changes what is there.

use std::path::Path;

use plasma_node::wal::{Opened, WalError};

use super::{
    super::{
        child::{self, Ended},
        scratch::Scratch,
        skip,
        strace::{self, Fault, Thread},
    },
    number, numbers, open, record,
};

/// Records that a child writes in all.
const RECORDS: u64 = 40;

/// Records that its checkpoints keep.
const KEPT: u64 = 10;

#[test]
fn kill_anywhere_loses_nothing_acknowledged() {
    sweep(
        "suite::wal::sweep::kill_anywhere_loses_nothing_acknowledged",
        &["signal=SIGKILL"],
    );
}

#[test]
fn refusal_anywhere_stops_the_log_and_loses_nothing() {
    sweep(
        "suite::wal::sweep::refusal_anywhere_stops_the_log_and_loses_nothing",
        &["error=EIO", "error=ENOSPC"],
    );
}

fn sweep(test: &str, actions: &[&'static str]) {
    if let Some(folder) = child::folder() {
        return append_all(&folder);
    }
    if let Some(reason) = strace::absence() {
        return skip(test, &reason);
    }
    strace::sweep(test, &[Thread::Any], actions, |fault, when| {
        hurt_twice(test, fault, when)
    });
}

/// Hurts a child at work, and another one that recovers from it; whether the first was hurt.
fn hurt_twice(test: &str, fault: &Fault, when: u32) -> bool {
    let scratch = Scratch::in_memory("wal");
    let ended = strace::run(test, scratch.path(), fault);
    let was_hurt = is_hurt(fault, &ended);
    let mut acknowledged = ended.newest("acknowledged ").unwrap_or_default();
    let again = Fault {
        when: (when * 7 % 10 + 1).to_string(),
        ..fault.clone()
    };
    if was_hurt {
        let ended = strace::run(test, scratch.path(), &again);
        is_hurt(&again, &ended);
        acknowledged = acknowledged.max(ended.newest("acknowledged ").unwrap_or_default());
    }
    let opened = open(scratch.path());
    let Opened { mut wal, entries, .. } =
        opened.unwrap_or_else(|error| panic!("{fault:?}, {again:?}: {error}"));
    let found = numbers(&entries);
    let last = found.last().copied().unwrap_or_default();
    let first = found.first().copied().unwrap_or(1);
    assert!(
        last >= u64::from(acknowledged),
        "{fault:?}, {again:?}: {last} found, {acknowledged} acknowledged"
    );
    assert!(
        found.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{fault:?}: {found:?}"
    );
    assert!(first == 1 || first + KEPT <= last + 1, "{fault:?}: {found:?}");
    wal.append_batch(&[record(last + 1, 300)]).unwrap();
    drop(wal);
    assert_eq!(
        numbers(&open(scratch.path()).unwrap().entries).last(),
        Some(&(last + 1)),
        "it goes on"
    );
    was_hurt
}

fn is_hurt(fault: &Fault, ended: &Ended) -> bool {
    // The child's reports are writes too, and without them it ends at once.
    let is_mute = fault.call == "write" && ended.status.code().is_some_and(|code| code != 0);
    is_mute || ended.was_killed() || ended.has_said("refused")
}

/// The child: continues the log with batches, new segments and checkpoints until it is refused.
fn append_all(folder: &Path) {
    let Ok(Opened { mut wal, entries, .. }) = open(folder) else {
        child::say("refused");
        return child::say("done");
    };
    let mut next = entries.last().map_or(1, |entry| number(entry) + 1);
    while next <= RECORDS {
        let count = next % 3 + 1;
        let batch: Vec<_> = (next..next + count)
            .zip([8, 300, 900])
            .map(|(number, size)| record(number, size))
            .collect();
        let mut result = wal.append_batch(&batch);
        if result.is_ok() {
            next += count;
            child::say(format!("acknowledged {}", next - 1));
        }
        if result.is_ok() && next % 4 == 0 {
            result = wal.retain(|entry| number(entry) + KEPT >= next);
        }
        if let Err(error) = result {
            assert!(matches!(error, WalError::Io { .. }), "{error}");
            // The disk would take it now, but nobody knows what it holds of what it refused.
            assert!(matches!(wal.append_batch(&batch), Err(WalError::Stopped)));
            assert!(matches!(wal.retain(|_| true), Err(WalError::Stopped)));
            child::say("refused");
            break;
        }
    }
    child::say("done");
}
