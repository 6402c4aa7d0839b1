//! The log on a disk that lost or changed bytes.

use std::{fs, path::Path};

use plasma_core::Epoch;
use plasma_node::wal::{Lsn, Record, Wal, WalError};

use super::{
    super::scratch::Scratch, HEADER, batch_size, identity, numbers, open, record, segments, small_log,
};

/// Opens a damaged log, expects all but the last batch, and that the log goes on from there.
fn expect_last_batch_dropped(folder: &Path, what: &str) {
    let mut opened = open(folder).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(numbers(&opened.entries), [1, 2, 3], "{what}");
    assert_eq!(opened.wal.append_batch(&[record(9, 200)]).unwrap(), Lsn(4));
    drop(opened);
    let opened = open(folder).unwrap();
    assert_eq!(
        (numbers(&opened.entries), opened.dropped_torn_batch),
        (vec![1, 2, 3, 9], false),
        "{what}"
    );
}

#[test]
fn every_cut_in_the_last_batch_drops_it_whole() {
    let scratch = Scratch::new("wal");
    let (path, bytes, start, end) = small_log(scratch.path());
    for cut in start..end {
        let mut torn = bytes.clone();
        torn[cut..].fill(0);
        if torn == bytes {
            continue;
        }
        fs::write(&path, &torn).unwrap();
        if cut % 16 == 0 {
            expect_last_batch_dropped(scratch.path(), &format!("cut at {cut}"));
        } else {
            assert_eq!(
                numbers(&open(scratch.path()).unwrap().entries),
                [1, 2, 3],
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn every_subset_of_pages_of_the_last_batch_drops_it_whole() {
    const PAGE: usize = 32;
    let scratch = Scratch::new("wal");
    let (path, bytes, start, end) = small_log(scratch.path());
    let pages: Vec<usize> = (start..end).step_by(PAGE).collect();
    for kept in 1u32..(1 << pages.len()) - 1 {
        let mut torn = bytes.clone();
        for (_, page) in pages.iter().enumerate().filter(|(bit, _)| kept >> bit & 1 == 0) {
            torn[*page..(page + PAGE).min(end)].fill(0);
        }
        if torn == bytes || kept % 7 != 1 {
            continue;
        }
        fs::write(&path, &torn).unwrap();
        expect_last_batch_dropped(scratch.path(), &format!("pages {kept:b}"));
    }
}

#[test]
fn every_subset_of_sectors_of_a_batch_in_a_new_segment_drops_it_whole() {
    const SECTOR: usize = 512;
    let scratch = Scratch::in_memory("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    wal.append_batch(&[record(1, 30), record(2, 8), record(3, 90)])
        .unwrap();
    wal.append_batch(&[record(4, 3000), record(5, 8), record(6, 1200)])
        .unwrap();
    drop(wal);
    let files = segments(scratch.path());
    let [_, path] = &files[..] else {
        panic!("the large batch needs a segment of its own: {files:?}")
    };
    let bytes = fs::read(path).unwrap();
    let sectors = bytes.len().div_ceil(SECTOR);
    for kept in 0u32..(1 << sectors) - 1 {
        let mut torn = bytes.clone();
        for sector in (0..sectors).filter(|bit| kept >> bit & 1 == 0) {
            let start = (sector * SECTOR).max(HEADER);
            let end = ((sector + 1) * SECTOR).min(bytes.len());
            torn[start..end].fill(0);
        }
        if torn == bytes {
            continue;
        }
        fs::write(path, &torn).unwrap();
        let opened = open(scratch.path()).unwrap();
        let is_blank = torn[HEADER..].iter().all(|byte| *byte == 0);
        assert_eq!(
            (numbers(&opened.entries), opened.dropped_torn_batch),
            (vec![1, 2, 3], !is_blank),
            "sectors {kept:b}"
        );
    }
}

#[test]
fn every_flipped_byte_before_the_last_batch_is_refused() {
    let scratch = Scratch::new("wal");
    let (path, bytes, start, _) = small_log(scratch.path());
    for offset in 0..start {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let error = open(scratch.path()).err();
        assert!(
            matches!(error, Some(WalError::Corrupt { .. })),
            "byte {offset}: {error:?}"
        );
        assert_eq!(
            fs::read(&path).unwrap(),
            damaged,
            "a refused log is left as it is"
        );
    }
}

#[test]
fn every_flipped_byte_in_the_last_batch_drops_it_whole() {
    let scratch = Scratch::new("wal");
    let (path, bytes, start, end) = small_log(scratch.path());
    for offset in start..end {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x01;
        fs::write(&path, &damaged).unwrap();
        if offset % 16 == 0 {
            expect_last_batch_dropped(scratch.path(), &format!("byte {offset}"));
        } else {
            let opened = open(scratch.path()).unwrap();
            assert_eq!(
                (numbers(&opened.entries), opened.dropped_torn_batch),
                (vec![1, 2, 3], true)
            );
        }
    }
}

#[test]
fn dirt_behind_the_last_batch_costs_nothing() {
    let scratch = Scratch::new("wal");
    let (path, bytes, _, end) = small_log(scratch.path());
    for offset in (end..bytes.len()).step_by(11) {
        let mut dirty = bytes.clone();
        dirty[offset] = 0x19;
        fs::write(&path, &dirty).unwrap();
        assert_eq!(
            numbers(&open(scratch.path()).unwrap().entries),
            [1, 2, 3, 4, 5, 6],
            "byte {offset}"
        );
        assert_eq!(fs::read(&path).unwrap(), bytes, "the dirt is cleared");
    }
}

#[test]
fn shortened_file_is_refused() {
    let scratch = Scratch::new("wal");
    let (path, bytes, start, _) = small_log(scratch.path());
    for length in [bytes.len() - 1, start, 200, 128, 50, 0] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(
            matches!(open(scratch.path()), Err(WalError::Corrupt { .. })),
            "{length} bytes"
        );
    }
}

#[test]
fn foreign_log_inside_a_torn_batch_is_not_mistaken_for_our_own() {
    let theirs = Scratch::new("wal");
    let (_, forged, _, end) = small_log(theirs.path());
    let ours = Scratch::new("wal");
    let mut wal = Wal::open_sized(ours.path(), identity(), 4096).unwrap().wal;
    wal.append_batch(&[record(1, 8)]).unwrap();
    let path = segments(ours.path()).pop().unwrap();
    let body = Record {
        epoch: Epoch(0),
        kind: 1,
        content: forged[HEADER..end].to_vec(),
    };
    wal.append_batch(&[body]).unwrap();
    drop(wal);
    let mut bytes = fs::read(&path).unwrap();
    bytes[HEADER + batch_size(&[8])] ^= 1;
    fs::write(&path, bytes).unwrap();
    let opened = open(ours.path()).unwrap();
    assert_eq!(
        (numbers(&opened.entries), opened.dropped_torn_batch),
        (vec![1], true)
    );
}

#[test]
fn damage_in_an_older_segment_is_refused_wherever_it_lies() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    for number in 1..=20 {
        wal.append_batch(&[record(number, 300)]).unwrap();
    }
    drop(wal);
    let files = segments(scratch.path());
    for path in &files[..files.len() - 1] {
        let bytes = fs::read(path).unwrap();
        for offset in (0..bytes.len()).step_by(13) {
            let mut damaged = bytes.clone();
            damaged[offset] ^= 0x80;
            fs::write(path, &damaged).unwrap();
            let error = open(scratch.path()).err();
            assert!(
                matches!(error, Some(WalError::Corrupt { .. })),
                "{} {offset}: {error:?}",
                path.display()
            );
        }
        fs::write(path, bytes).unwrap();
    }
    for path in &files[..files.len() - 1] {
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        assert!(
            matches!(open(scratch.path()), Err(WalError::Corrupt { .. })),
            "without {}",
            path.display()
        );
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(
        numbers(&open(scratch.path()).unwrap().entries),
        (1..=20).collect::<Vec<_>>()
    );
}

#[test]
fn damaged_checkpoint_is_refused_though_it_is_the_last_batch() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    wal.checkpoint(&[record(1, 100), record(2, 100)]).unwrap();
    drop(wal);
    let path = segments(scratch.path()).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    for offset in HEADER..HEADER + batch_size(&[100, 100]) {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 2;
        fs::write(&path, damaged).unwrap();
        assert!(
            matches!(open(scratch.path()), Err(WalError::Corrupt { .. })),
            "byte {offset}"
        );
    }
}

#[test]
fn crash_around_a_checkpoint_leaves_the_old_log_or_the_new_one() {
    let scratch = Scratch::new("wal");
    let mut wal = open(scratch.path()).unwrap().wal;
    for number in 1..=20 {
        wal.append_batch(&[record(number, 300)]).unwrap();
    }
    let old: Vec<_> = segments(scratch.path())
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    wal.checkpoint(&[record(20, 300)]).unwrap();
    drop(wal);
    let new = segments(scratch.path()).pop().unwrap();
    let (bytes, draft) = (fs::read(&new).unwrap(), scratch.path().join("draft"));
    // Before the rename: the new segment is only a draft, whole or not.
    fs::remove_file(&new).unwrap();
    old.iter()
        .for_each(|(bytes, path)| fs::write(path, bytes).unwrap());
    fs::write(&draft, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(open(scratch.path()).unwrap().entries.len(), 20);
    // After the rename, with some old segments removed.
    for kept in 0..=old.len() {
        fs::write(&new, &bytes).unwrap();
        old[old.len() - kept..]
            .iter()
            .for_each(|(bytes, path)| fs::write(path, bytes).unwrap());
        assert_eq!(numbers(&open(scratch.path()).unwrap().entries), [20]);
        assert_eq!(segments(scratch.path()), std::slice::from_ref(&new));
    }
}
