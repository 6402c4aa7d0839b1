//! The log on a disk that lost or changed bytes.

use plasma_core::Epoch;
use plasma_node::wal::{Files, LogSite, Lsn, Record, Wal, WalError};

use super::{HEADER, Place, batch_size, numbers, record, small_log};

on_both_disks!(
    every_cut_in_the_last_batch_drops_it_whole,
    every_subset_of_pages_of_the_last_batch_drops_it_whole,
    every_subset_of_sectors_of_a_batch_in_a_new_segment_drops_it_whole,
    every_flipped_byte_before_the_last_batch_is_refused,
    every_flipped_byte_in_the_last_batch_drops_it_whole,
    dirt_behind_the_last_batch_costs_nothing,
    shortened_file_is_refused,
    foreign_log_inside_a_torn_batch_is_not_mistaken_for_our_own,
    damage_in_an_older_segment_is_refused_wherever_it_lies,
    damaged_checkpoint_is_refused_though_it_is_the_last_batch,
    crash_around_a_checkpoint_leaves_the_old_log_or_the_new_one,
);

/// Opens a damaged log, expects all but the last batch, and that the log goes on from there.
fn expect_last_batch_dropped<F: Files>(place: &Place<F>, what: &str) {
    let mut opened = place.open().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(numbers(&opened.entries), [1, 2, 3], "{what}");
    assert_eq!(opened.wal.append_batch(&[record(9, 200)]).unwrap(), Lsn(4));
    drop(opened);
    let opened = place.open().unwrap();
    assert_eq!(
        (numbers(&opened.entries), opened.dropped_torn_batch),
        (vec![1, 2, 3, 9], false),
        "{what}"
    );
}

fn every_cut_in_the_last_batch_drops_it_whole<F: Files>(place: &Place<F>) {
    let (path, bytes, start, end) = small_log(place);
    for cut in start..end {
        let mut torn = bytes.clone();
        torn[cut..].fill(0);
        if torn == bytes {
            continue;
        }
        place.write(&path, &torn);
        if cut % 16 == 0 {
            expect_last_batch_dropped(place, &format!("cut at {cut}"));
        } else {
            assert_eq!(numbers(&place.open().unwrap().entries), [1, 2, 3], "cut at {cut}");
        }
    }
}

fn every_subset_of_pages_of_the_last_batch_drops_it_whole<F: Files>(place: &Place<F>) {
    const PAGE: usize = 32;
    let (path, bytes, start, end) = small_log(place);
    let pages: Vec<usize> = (start..end).step_by(PAGE).collect();
    for kept in 1u32..(1 << pages.len()) - 1 {
        let mut torn = bytes.clone();
        for (_, page) in pages.iter().enumerate().filter(|(bit, _)| kept >> bit & 1 == 0) {
            torn[*page..(page + PAGE).min(end)].fill(0);
        }
        if torn == bytes || kept % 7 != 1 {
            continue;
        }
        place.write(&path, &torn);
        expect_last_batch_dropped(place, &format!("pages {kept:b}"));
    }
}

fn every_subset_of_sectors_of_a_batch_in_a_new_segment_drops_it_whole<F: Files>(place: &Place<F>) {
    const SECTOR: usize = 512;
    let mut wal = place.open().unwrap().wal;
    wal.append_batch(&[record(1, 30), record(2, 8), record(3, 90)])
        .unwrap();
    wal.append_batch(&[record(4, 3000), record(5, 8), record(6, 1200)])
        .unwrap();
    drop(wal);
    let files = place.segments();
    let [_, path] = &files[..] else {
        panic!("the large batch needs a segment of its own: {files:?}")
    };
    let bytes = place.read(path);
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
        place.write(path, &torn);
        let opened = place.open().unwrap();
        let is_blank = torn[HEADER..].iter().all(|byte| *byte == 0);
        assert_eq!(
            (numbers(&opened.entries), opened.dropped_torn_batch),
            (vec![1, 2, 3], !is_blank),
            "sectors {kept:b}"
        );
    }
}

fn every_flipped_byte_before_the_last_batch_is_refused<F: Files>(place: &Place<F>) {
    let (path, bytes, start, _) = small_log(place);
    for offset in 0..start {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x40;
        place.write(&path, &damaged);
        let error = place.open().err();
        assert!(
            matches!(error, Some(WalError::Corrupt { .. })),
            "byte {offset}: {error:?}"
        );
        assert_eq!(place.read(&path), damaged, "a refused log is left as it is");
    }
}

fn every_flipped_byte_in_the_last_batch_drops_it_whole<F: Files>(place: &Place<F>) {
    let (path, bytes, start, end) = small_log(place);
    for offset in start..end {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x01;
        place.write(&path, &damaged);
        if offset % 16 == 0 {
            expect_last_batch_dropped(place, &format!("byte {offset}"));
        } else {
            let opened = place.open().unwrap();
            assert_eq!(
                (numbers(&opened.entries), opened.dropped_torn_batch),
                (vec![1, 2, 3], true)
            );
        }
    }
}

fn dirt_behind_the_last_batch_costs_nothing<F: Files>(place: &Place<F>) {
    let (path, bytes, _, end) = small_log(place);
    for offset in (end..bytes.len()).step_by(11) {
        let mut dirty = bytes.clone();
        dirty[offset] = 0x19;
        place.write(&path, &dirty);
        assert_eq!(
            numbers(&place.open().unwrap().entries),
            [1, 2, 3, 4, 5, 6],
            "byte {offset}"
        );
        assert_eq!(place.read(&path), bytes, "the dirt is cleared");
    }
}

fn shortened_file_is_refused<F: Files>(place: &Place<F>) {
    let (path, bytes, start, _) = small_log(place);
    for length in [bytes.len() - 1, start, 200, 128, 50, 0] {
        place.write(&path, &bytes[..length]);
        assert!(
            matches!(place.open(), Err(WalError::Corrupt { .. })),
            "{length} bytes"
        );
    }
}

fn foreign_log_inside_a_torn_batch_is_not_mistaken_for_our_own<F: Files>(place: &Place<F>) {
    // Another operator's log of the same shape: only the salts tell them apart.
    let mut site = place.site.clone();
    (site.folder, site.seed) = (site.folder.join("theirs"), site.seed + 1);
    let theirs = Place { site, _scratch: None };
    let (_, forged, _, end) = small_log(&theirs);
    let mut wal = Wal::open(LogSite {
        segment_size: 4096,
        ..place.site.clone()
    })
    .unwrap()
    .wal;
    wal.append_batch(&[record(1, 8)]).unwrap();
    let path = place.segments().pop().unwrap();
    let body = Record {
        epoch: Epoch(0),
        kind: 1,
        content: forged[HEADER..end].to_vec(),
    };
    wal.append_batch(&[body]).unwrap();
    drop(wal);
    let mut bytes = place.read(&path);
    bytes[HEADER + batch_size(&[8])] ^= 1;
    place.write(&path, &bytes);
    let opened = place.open().unwrap();
    assert_eq!(
        (numbers(&opened.entries), opened.dropped_torn_batch),
        (vec![1], true)
    );
}

fn damage_in_an_older_segment_is_refused_wherever_it_lies<F: Files>(place: &Place<F>) {
    let mut wal = place.open().unwrap().wal;
    for number in 1..=20 {
        wal.append_batch(&[record(number, 300)]).unwrap();
    }
    drop(wal);
    let files = place.segments();
    for path in &files[..files.len() - 1] {
        let bytes = place.read(path);
        for offset in (0..bytes.len()).step_by(13) {
            let mut damaged = bytes.clone();
            damaged[offset] ^= 0x80;
            place.write(path, &damaged);
            let error = place.open().err();
            assert!(
                matches!(error, Some(WalError::Corrupt { .. })),
                "{} {offset}: {error:?}",
                path.display()
            );
        }
        place.write(path, &bytes);
    }
    for path in &files[..files.len() - 1] {
        let bytes = place.read(path);
        place.remove(path);
        assert!(
            matches!(place.open(), Err(WalError::Corrupt { .. })),
            "without {}",
            path.display()
        );
        place.write(path, &bytes);
    }
    assert_eq!(
        numbers(&place.open().unwrap().entries),
        (1..=20).collect::<Vec<_>>()
    );
}

fn damaged_checkpoint_is_refused_though_it_is_the_last_batch<F: Files>(place: &Place<F>) {
    let mut wal = place.open().unwrap().wal;
    wal.checkpoint(&[record(1, 100), record(2, 100)]).unwrap();
    drop(wal);
    let path = place.segments().pop().unwrap();
    let bytes = place.read(&path);
    for offset in HEADER..HEADER + batch_size(&[100, 100]) {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 2;
        place.write(&path, &damaged);
        assert!(
            matches!(place.open(), Err(WalError::Corrupt { .. })),
            "byte {offset}"
        );
    }
}

fn crash_around_a_checkpoint_leaves_the_old_log_or_the_new_one<F: Files>(place: &Place<F>) {
    let mut wal = place.open().unwrap().wal;
    for number in 1..=20 {
        wal.append_batch(&[record(number, 300)]).unwrap();
    }
    let old: Vec<_> = place
        .segments()
        .into_iter()
        .map(|path| (place.read(&path), path))
        .collect();
    wal.checkpoint(&[record(20, 300)]).unwrap();
    drop(wal);
    let new = place.segments().pop().unwrap();
    let (bytes, draft) = (place.read(&new), place.site.folder.join("draft"));
    // Before the rename: the new segment is only a draft, whole or not.
    place.remove(&new);
    old.iter().for_each(|(bytes, path)| place.write(path, bytes));
    place.write(&draft, &bytes[..bytes.len() / 2]);
    assert_eq!(place.open().unwrap().entries.len(), 20);
    // After the rename, with some old segments removed.
    for kept in 0..=old.len() {
        place.write(&new, &bytes);
        old[old.len() - kept..]
            .iter()
            .for_each(|(bytes, path)| place.write(path, bytes));
        assert_eq!(numbers(&place.open().unwrap().entries), [20]);
        assert_eq!(place.segments(), std::slice::from_ref(&new));
    }
}
