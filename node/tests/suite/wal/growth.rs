//! A log of which more is needed than one batch holds: nothing becomes final for long, and every view leaves a block.

use plasma_node::wal::{Entry, LogSite, Lsn, Wal, WalError};

use super::{super::scratch::Scratch, identity, record};

const SEGMENT: u64 = 2048;
/// What one batch holds.
const BATCH: usize = 16 * 1024;
/// More records than that.
const RECORDS: u64 = 200;

#[test]
fn a_log_that_fits_into_no_checkpoint_goes_on_and_shrinks_when_less_is_needed() {
    let scratch = Scratch::new("growth");
    let site = || LogSite {
        segment_size: SEGMENT,
        batch_size: BATCH,
        ..LogSite::on_disk(scratch.path(), identity(), 1)
    };
    let all = |_: &Entry| true;
    let mut wal = Wal::open(site()).unwrap().wal;
    for number in 1..=RECORDS {
        wal.append_batch(&[record(number, 200)]).unwrap();
    }
    assert!(wal.is_checkpoint_due());
    assert_eq!(
        wal.retain(all).unwrap(),
        Lsn(RECORDS),
        "nothing is lost and nothing stops"
    );
    assert!(!wal.is_checkpoint_due(), "it is not tried again in every turn");
    drop(wal);

    let opened = Wal::reopen(site(), None).unwrap();
    assert_eq!(opened.entries.len(), usize::try_from(RECORDS).unwrap());
    let mut wal = opened.wal;
    wal.retain(all).unwrap();
    wal.append_batch(&[record(RECORDS + 1, 200)]).unwrap();
    // Finality is back: storage has the blocks.
    wal.retain(|entry| entry.lsn > Lsn(RECORDS)).unwrap();
    assert_eq!(wal.entries().unwrap().len(), 1);
    let files = std::fs::read_dir(scratch.path()).unwrap();
    let segments = files.filter(|file| {
        file.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|suffix| suffix == "log")
    });
    assert_eq!(segments.count(), 1);
}

/// Many large blocks may become valid at once: when a clock has come to their time, or Ethereum to their origin.
#[test]
fn records_that_no_batch_holds_are_written_in_several() {
    let scratch = Scratch::new("growth-turn");
    let site = || LogSite {
        segment_size: SEGMENT,
        batch_size: BATCH,
        ..LogSite::on_disk(scratch.path(), identity(), 1)
    };
    let mut wal = Wal::open(site()).unwrap().wal;
    let turn: Vec<_> = (1..=RECORDS).map(|number| record(number, 200)).collect();
    assert!(content_bytes(&turn) > 2 * BATCH);
    assert_eq!(wal.append(&turn).unwrap(), Lsn(RECORDS));
    assert_eq!(wal.append(&turn[..3]).unwrap(), Lsn(RECORDS + 3));
    assert_eq!(wal.append(&[]).unwrap(), Lsn(RECORDS + 3));
    drop(wal);
    let opened = Wal::reopen(site(), None).unwrap();
    let found: Vec<_> = opened.entries.into_iter().map(|entry| entry.record).collect();
    assert_eq!(found[..turn.len()], turn, "all of them, in their order");
    let mut wal = opened.wal;
    let larger = wal.append(&[record(1, 10), record(2, BATCH)]);
    assert!(
        matches!(larger, Err(WalError::BatchTooLarge { .. })),
        "one record is never parted"
    );
}

fn content_bytes(records: &[plasma_node::wal::Record]) -> usize {
    records.iter().map(|record| record.content.len()).sum()
}
