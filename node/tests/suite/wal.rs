//! The log: what it keeps, what it refuses, and what damage and death do to it.

/// Each of these on a real disk and on a simulated one.
macro_rules! on_both_disks {
    ($($name:ident),* $(,)?) => {
        mod on_disk {
            $(#[test] fn $name() { super::$name(&super::super::on_disk()); })*
        }
        mod on_virtual_disk {
            $(#[test] fn $name() { super::$name(&super::super::on_virtual_disk(1)); })*
        }
    };
}

pub(crate) mod damage;
pub(crate) mod growth;
pub(crate) mod kill;
pub(crate) mod looks;
pub(crate) mod power;
pub(crate) mod sweep;

use std::{
    fs,
    path::{Path, PathBuf},
};

use plasma_core::{Epoch, Hash};
use plasma_node::{
    folder::{FolderError, Identity},
    wal::{
        BATCH_SIZE_MAX, Disk, Entry, Files, LogFile, LogSite, Lsn, Opened, Record, VirtualDisk, Wal, WalError,
    },
};

use super::scratch::Scratch;

const SEGMENT: u64 = 2048;

fn identity() -> Identity {
    Identity {
        genesis: Hash([7; 32]),
        key: Hash([2; 32]),
    }
}

fn site(folder: &Path) -> LogSite {
    LogSite {
        segment_size: SEGMENT,
        ..LogSite::on_disk(folder, identity(), 1)
    }
}

fn open(folder: &Path) -> Result<Opened, WalError> {
    Wal::open(site(folder))
}

/// A folder for a log on a real disk or on a simulated one, and what may happen to its files from outside.
pub(crate) struct Place<F> {
    site: LogSite<F>,
    _scratch: Option<Scratch>,
}

/// In this machine's memory: for many runs of which none loses power.
pub(crate) fn on_disk() -> Place<Disk> {
    let scratch = Scratch::in_memory("wal");
    Place {
        site: site(scratch.path()),
        _scratch: Some(scratch),
    }
}

pub(crate) fn on_virtual_disk(seed: u64) -> Place<VirtualDisk> {
    Place {
        site: LogSite {
            files: VirtualDisk::new(seed),
            folder: PathBuf::from("/log"),
            identity: identity(),
            segment_size: SEGMENT,
            batch_size: BATCH_SIZE_MAX,
            seed,
        },
        _scratch: None,
    }
}

impl<F: Files> Place<F> {
    fn open(&self) -> Result<Opened<F>, WalError> {
        Wal::open(self.site.clone())
    }

    fn segments(&self) -> Vec<PathBuf> {
        logs(self.site.files.list(&self.site.folder).unwrap())
    }

    fn read(&self, path: &Path) -> Vec<u8> {
        self.site.files.read(path).unwrap()
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        let file = self.site.files.create(path).unwrap();
        file.write_all_at(bytes, 0).unwrap();
    }

    fn remove(&self, path: &Path) {
        self.site.files.remove(path).unwrap();
    }
}

fn record(number: u64, size: usize) -> Record {
    let content = number
        .to_be_bytes()
        .into_iter()
        .cycle()
        .take(size.max(8))
        .collect();
    Record {
        epoch: Epoch(number / 10),
        kind: u8::try_from(number % 255).unwrap() + 1,
        content,
    }
}

fn number(entry: &Entry) -> u64 {
    u64::from_be_bytes(*entry.record.content.first_chunk().unwrap())
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(number).collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    logs(Disk.list(folder).unwrap())
}

fn logs(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.retain(|path| path.extension().is_some_and(|suffix| suffix == "log"));
    files.sort();
    files
}

/// Sizes that the format fixes.
const HEADER: usize = 128;

fn batch_size(contents: &[usize]) -> usize {
    contents.iter().map(|content| 33 + content).sum::<usize>() + 53
}

/// A log of one segment with batches of one, two and three records; what it holds and where the last batch lies.
fn small_log<F: Files>(place: &Place<F>) -> (PathBuf, Vec<u8>, usize, usize) {
    let mut wal = place.open().unwrap().wal;
    wal.append_batch(&[record(1, 30)]).unwrap();
    wal.append_batch(&[record(2, 8), record(3, 90)]).unwrap();
    let path = place.segments().pop().unwrap();
    let before = place.read(&path);
    wal.append_batch(&[record(4, 70), record(5, 8), record(6, 50)])
        .unwrap();
    let after = place.read(&path);
    let start = HEADER + batch_size(&[30]) + batch_size(&[8, 90]);
    let end = start + batch_size(&[70, 8, 50]);
    assert!(before[start..].iter().chain(&after[end..]).all(|byte| *byte == 0));
    assert_eq!(
        before[..start],
        after[..start],
        "an append must not touch what is there"
    );
    (path, after, start, end)
}

#[test]
fn reopened_log_holds_every_batch_in_order() {
    let place = on_disk();
    let opened = place.open().unwrap();
    assert!(opened.entries.is_empty());
    drop(opened);
    small_log(&place);
    let opened = place.open().unwrap();
    assert!(!opened.dropped_torn_batch);
    let expected: Vec<Entry> = [30, 8, 90, 70, 8, 50]
        .into_iter()
        .zip(1..)
        .map(|(size, number)| Entry {
            lsn: Lsn(number),
            record: record(number, size),
        })
        .collect();
    assert_eq!(opened.entries, expected);
    assert_eq!(opened.wal.next_lsn(), Lsn(7));
}

#[test]
fn many_segments_read_as_one_log() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    for number in 1..=100 {
        assert_eq!(wal.append_batch(&[record(number, 300)]).unwrap(), Lsn(number));
    }
    assert!(wal.is_checkpoint_due());
    drop(wal);
    let files = segments(scratch.path());
    assert!(files.len() > 10, "{files:?}");
    let opened = open(scratch.path()).unwrap();
    assert_eq!(numbers(&opened.entries), (1..=100).collect::<Vec<_>>());
}

#[test]
fn batch_larger_than_a_segment_gets_one_of_its_size() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    for (number, size) in [(1, 10), (2, 50_000), (3, 10), (4, 3000)] {
        wal.append_batch(&[record(number, size)]).unwrap();
    }
    drop(wal);
    let entries = open(scratch.path()).unwrap().entries;
    assert_eq!(
        entries
            .iter()
            .map(|entry| entry.record.content.len())
            .collect::<Vec<_>>(),
        [10, 50_000, 10, 3000]
    );
}

#[test]
fn checkpoint_keeps_exactly_what_is_needed() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    for number in 1..=30 {
        wal.append_batch(&[record(number, 300)]).unwrap();
    }
    wal.retain(|entry| number(entry).is_multiple_of(7)).unwrap();
    assert_eq!(segments(scratch.path()).len(), 1);
    wal.append_batch(&[record(31, 20)]).unwrap();
    drop(wal);
    let mut opened = open(scratch.path()).unwrap();
    assert_eq!(numbers(&opened.entries), [7, 14, 21, 28, 31]);
    let lsns: Vec<_> = opened.entries.iter().map(|entry| entry.lsn).collect();
    assert_eq!(
        lsns,
        [Lsn(31), Lsn(32), Lsn(33), Lsn(34), Lsn(35)],
        "numbers never go back"
    );
    opened.wal.checkpoint(&[]).unwrap();
    drop(opened);
    let mut opened = open(scratch.path()).unwrap();
    assert!(opened.entries.is_empty());
    assert_eq!(opened.wal.append_batch(&[record(1, 8)]).unwrap(), Lsn(36));
}

#[test]
fn log_of_the_first_version_is_refused_by_name_and_stays_as_it_is() {
    let place = on_disk();
    let (path, mut bytes, ..) = small_log(&place);
    // Its header had an identity of 34 bytes, and zeros behind the checksum.
    bytes[8..10].copy_from_slice(&1u16.to_be_bytes());
    let checksum = crc32c(&bytes[..90]).to_be_bytes();
    bytes[90..94].copy_from_slice(&checksum);
    bytes[94..128].fill(0);
    fs::write(&path, &bytes).unwrap();
    let error = place.open().unwrap_err();
    assert!(
        matches!(
            error,
            WalError::Version {
                found: 1,
                known: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("start the program that wrote it"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
    // A version that no checksum vouches for is damage.
    bytes[90] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(place.open(), Err(WalError::Corrupt { .. })));
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 * (crc & 1))
        })
    })
}

#[test]
fn log_of_another_operator_or_federation_is_refused() {
    let place = on_disk();
    small_log(&place);
    for (other, word) in [
        (
            Identity {
                key: Hash([3; 32]),
                ..identity()
            },
            "configuration names the one with hash 0x0303",
        ),
        (
            Identity {
                genesis: Hash([8; 32]),
                ..identity()
            },
            "configuration names 0x0808",
        ),
    ] {
        let error = Wal::open(LogSite {
            identity: other,
            ..place.site.clone()
        })
        .err()
        .unwrap();
        assert!(
            matches!(error, WalError::Identity { .. }) && error.to_string().contains(word),
            "{error}"
        );
    }
}

#[test]
fn log_in_use_is_refused_with_the_process_id() {
    let scratch = Scratch::new("wal");
    let first = open(scratch.path()).unwrap();
    let error = open(scratch.path()).err().unwrap();
    let pid = std::process::id();
    assert!(matches!(&error, WalError::Folder(FolderError::Used { pid: Some(used), .. }) if *used == pid));
    assert!(
        error.to_string().contains(&format!("already used by pid {pid}")),
        "{error}"
    );
    drop(first);
    open(scratch.path()).unwrap();
}

#[test]
fn unwritable_records_are_refused_and_the_log_goes_on() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    let footer = Record {
        epoch: Epoch(0),
        kind: 0,
        content: Vec::new(),
    };
    assert!(matches!(wal.append_batch(&[footer]), Err(WalError::Kind)));
    let huge = Record {
        epoch: Epoch(0),
        kind: 1,
        content: vec![0; BATCH_SIZE_MAX],
    };
    assert!(matches!(
        wal.append_batch(&[huge]),
        Err(WalError::BatchTooLarge { .. })
    ));
    assert_eq!(wal.append_batch(&[]).unwrap(), Lsn(0));
    assert_eq!(wal.append_batch(&[record(1, 8)]).unwrap(), Lsn(1));
}

#[test]
fn checkpoint_is_due_when_the_log_outgrew_what_the_last_one_kept() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    let mut next = 0;
    for (kept, due) in [(0, SEGMENT / 2), (40, 40 * 333)] {
        let needed: Vec<_> = (0..kept).map(|number| record(number, 300)).collect();
        wal.checkpoint(&needed).unwrap();
        let mut appended = 0;
        while !wal.is_checkpoint_due() {
            wal.append_batch(&[record(next, 300)]).unwrap();
            (next, appended) = (next + 1, appended + u64::try_from(batch_size(&[300])).unwrap());
            if next % 8 == 0 {
                drop(wal);
                wal = open(scratch.path()).unwrap().wal;
            }
        }
        assert!(
            appended > due && appended < due + 1000,
            "{appended} appended after {kept} kept"
        );
    }
}

#[test]
fn a_log_that_must_be_there_is_never_begun() {
    let scratch = Scratch::new("wal-missing");
    for _ in 0..2 {
        let missing = Wal::reopen(site(scratch.path()), None);
        assert!(matches!(missing, Err(WalError::Missing { .. })), "{missing:?}");
        assert!(segments(scratch.path()).is_empty());
    }
    let mut begun = open(scratch.path()).unwrap();
    begun.wal.append_batch(&[record(1, 8)]).unwrap();
    drop(begun);
    let opened = Wal::reopen(site(scratch.path()), None).unwrap();
    assert_eq!(numbers(&opened.entries), [1]);
}
