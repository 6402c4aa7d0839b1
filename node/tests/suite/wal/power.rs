//! The log on a simulated disk whose power goes, whose process dies or which refuses, at every single operation.

use plasma_node::wal::{Entry, Refusal, VirtualDisk, WalError};

use super::{Place, number, numbers, on_virtual_disk, record};

/// Records that the workload writes.
const RECORDS: u64 = 200;

/// Records that its checkpoints keep.
const KEPT: u64 = 10;

/// Ways in which each cut may end.
const OUTCOMES: u64 = 12;

/// What a run of the workload knows when it ends.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// The last record whose batch was acknowledged.
    acknowledged: u64,
    /// The last record that was tried.
    tried: u64,
    /// Whether it reached its goal.
    is_done: bool,
}

/// Continues the log with batches, new segments and checkpoints until it is refused.
fn work(place: &Place<VirtualDisk>, goal: u64) -> Run {
    let mut run = Run::default();
    let Ok(mut opened) = place.open() else {
        return run;
    };
    run.acknowledged = opened.entries.last().map_or(0, number);
    run.tried = run.acknowledged;
    while run.acknowledged < goal {
        let next = run.acknowledged + 1;
        let last = next + next % 3;
        let batch: Vec<_> = (next..=last)
            .zip([8, 300, 900])
            .map(|(number, size)| record(number, size))
            .collect();
        run.tried = last;
        let mut result = opened.wal.append_batch(&batch);
        if result.is_ok() {
            run.acknowledged = last;
            if last % 4 == 0 {
                result = opened.wal.retain(|entry| number(entry) + KEPT > last);
            }
        }
        if let Err(error) = result {
            assert!(matches!(error, WalError::Io { .. }), "{error}");
            // The disk would take it now, but nobody knows what it holds of what it refused.
            assert!(matches!(opened.wal.append_batch(&batch), Err(WalError::Stopped)));
            assert!(matches!(opened.wal.checkpoint(&[]), Err(WalError::Stopped)));
            assert!(matches!(opened.wal.retain(|_| true), Err(WalError::Stopped)));
            return run;
        }
    }
    run.is_done = true;
    run
}

/// The log holds everything acknowledged, nothing that was never tried, and no hole; gives its last record.
fn check(found: &[Entry], run: Run, what: &str) -> u64 {
    let found = numbers(found);
    let (first, last) = (
        found.first().copied().unwrap_or(1),
        found.last().copied().unwrap_or(0),
    );
    assert!(last >= run.acknowledged, "{what}: {last} found after {run:?}");
    assert!(last <= run.tried, "{what}: {last} found after {run:?}");
    assert!(
        found.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{what}: a hole in {found:?}"
    );
    assert!(
        first == 1 || first + KEPT <= run.acknowledged.max(KEPT) + 1,
        "{what}: {found:?} after {run:?}"
    );
    last
}

/// Operations of an undisturbed run.
fn operations() -> u64 {
    let place = on_virtual_disk(1);
    let run = work(&place, RECORDS);
    assert!(run.is_done && run.acknowledged >= RECORDS, "{run:?}");
    place.site.files.operations()
}

/// The same disk with another fate.
fn fork(place: &Place<VirtualDisk>, seed: u64) -> Place<VirtualDisk> {
    let mut site = place.site.clone();
    site.files = site.files.fork(seed);
    Place { site, _scratch: None }
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged_and_leaves_no_hole() {
    let operations = operations();
    assert!(
        operations > 400,
        "{operations} operations: segments and checkpoints come too"
    );
    let (mut torn, mut more) = (0, 0);
    for cut in 1..=operations {
        let place = on_virtual_disk(1);
        place.site.files.cut_at(cut);
        let run = work(&place, RECORDS);
        assert!(place.site.files.is_out(), "operation {cut} was reached");
        for seed in 0..OUTCOMES {
            let what = format!("cut at {cut}, outcome {seed}");
            let place = fork(&place, cut * OUTCOMES + seed);
            place.site.files.crash();
            // Recovery is cut too, at one of its first operations, by loss of power or of the process.
            place
                .site
                .files
                .cut_at(place.site.files.operations() + 1 + seed % 4);
            let again = work(&place, run.acknowledged + 8);
            match seed % 2 {
                0 => place.site.files.crash(),
                _ => place.site.files.kill(),
            }
            let run = Run {
                acknowledged: run.acknowledged.max(again.acknowledged),
                tried: run.tried.max(again.tried),
                is_done: false,
            };
            let opened = place.open().unwrap_or_else(|error| panic!("{what}: {error}"));
            torn += u32::from(opened.dropped_torn_batch);
            let last = check(&opened.entries, run, &what);
            more += u32::from(last > run.acknowledged);
            drop(opened);
            let goal = last + 3;
            assert!(work(&place, goal).is_done, "{what}: it goes on");
        }
    }
    assert!(torn > 50 && more > 50, "{torn} torn, {more} whole and unspoken");
}

#[test]
fn what_a_killed_process_left_is_spoken_only_behind_a_barrier() {
    for kill in 1..=operations() {
        for goes_on in [false, true] {
            kill_then_cut(kill, goes_on);
        }
    }
}

/// The next process takes all that it sees for spoken, says it again, and may go on; then the power goes.
fn kill_then_cut(kill: u64, goes_on: bool) {
    let place = on_virtual_disk(1);
    place.site.files.cut_at(kill);
    let run = work(&place, RECORDS);
    place.site.files.kill();
    let mut opened = place.open().unwrap_or_else(|error| panic!("{kill}: {error}"));
    let mut spoken = check(&opened.entries, run, &format!("killed at {kill}"));
    if goes_on {
        spoken += 1;
        opened.wal.append_batch(&[record(spoken, 300)]).unwrap();
    }
    let spoken = Run {
        acknowledged: spoken,
        tried: spoken,
        is_done: false,
    };
    for seed in 0..OUTCOMES {
        let what = format!("killed at {kill}, goes on: {goes_on}, then outcome {seed} of a power cut");
        let place = fork(&place, kill * OUTCOMES + seed);
        place.site.files.crash();
        let opened = place.open().unwrap_or_else(|error| panic!("{what}: {error}"));
        check(&opened.entries, spoken, &what);
    }
}

#[test]
fn a_refusal_at_any_operation_stops_the_log_and_loses_nothing() {
    for at in 1..=operations() {
        for refusal in [Refusal::Failure, Refusal::Full] {
            let place = on_virtual_disk(at);
            place.site.files.refuse_at(at, refusal);
            let run = work(&place, RECORDS);
            assert!(!run.is_done, "operation {at} was refused");
            for seed in 0..4 {
                let what = format!("{refusal:?} at {at}, outcome {seed}");
                let place = fork(&place, at * 4 + seed);
                // The process ends; what it saw may still be lost behind it, even though barriers seem to succeed again.
                place.site.files.kill();
                let opened = place.open().unwrap_or_else(|error| panic!("{what}: {error}"));
                let spoken = check(&opened.entries, run, &what);
                drop(opened);
                place.site.files.crash();
                let opened = place.open().unwrap_or_else(|error| panic!("{what}: {error}"));
                let spoken = Run {
                    acknowledged: spoken,
                    tried: spoken,
                    is_done: false,
                };
                check(&opened.entries, spoken, &what);
            }
        }
    }
}

#[test]
fn a_handle_of_before_a_crash_writes_nothing_and_frees_nothing() {
    let place = on_virtual_disk(1);
    let mut old = place.open().unwrap();
    old.wal.append_batch(&[record(1, 8)]).unwrap();
    assert!(place.open().is_err(), "it is held");
    place.site.files.crash();
    let mut new = place.open().unwrap();
    assert!(old.wal.append_batch(&[record(9, 8)]).is_err());
    drop(old);
    assert!(place.open().is_err(), "it is held by the new one");
    new.wal.append_batch(&[record(2, 8)]).unwrap();
    drop(new);
    assert_eq!(numbers(&place.open().unwrap().entries), [1, 2]);
}
