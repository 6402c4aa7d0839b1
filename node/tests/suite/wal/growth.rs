//! A log of which more is needed than one batch holds: nothing becomes final for long, and every view leaves a block.

use plasma_node::wal::{Entry, LogSite, Lsn, Wal};

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

    let opened = Wal::reopen(site()).unwrap();
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
