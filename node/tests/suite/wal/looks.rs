//! Looking at a log: the verdict is that of a start, nothing is touched, and what is only being written is not damaged.

use std::{cell::Cell, path::PathBuf};

use plasma_node::wal::{
    Files, Lsn, WalError,
    inspect::{Found, LogEnd, Placed, Reading, look},
};

use super::{HEADER, Place, batch_size, record, small_log};

on_both_disks!(
    a_look_says_what_a_start_says_wherever_a_byte_is_flipped,
    a_look_names_where_a_torn_end_begins_and_every_record_before_it,
    damage_in_an_older_segment_is_named_and_what_is_before_it_is_shown,
    a_log_that_is_written_between_two_looks_is_not_damaged,
    a_look_at_nothing_makes_nothing,
);

/// Records as they lie: number, offset, batch, bytes.
#[derive(Default)]
struct Seen(Vec<(u64, u64, u64, usize)>);

impl Reading for Seen {
    fn add(&mut self, record: Placed<'_>) {
        let bytes = record.record.content.len();
        self.0.push((record.lsn.0, record.offset, record.batch, bytes));
    }
}

fn at<F: Files>(place: &Place<F>, pause: impl FnMut()) -> (Found, Seen) {
    look(&place.site.files, &place.site.folder, Seen::default, pause)
}

/// Everything in the folder with its bytes.
fn everything<F: Files>(place: &Place<F>) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = place.site.files.list(&place.site.folder).unwrap();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = place.read(&path);
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn a_look_says_what_a_start_says_wherever_a_byte_is_flipped<F: Files>(place: &Place<F>) {
    let (path, bytes, _, end) = small_log(place);
    for offset in 0..end + 40 {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x40;
        place.write(&path, &damaged);
        let before = everything(place);
        let (found, _) = at(place, || {});
        assert_eq!(everything(place), before, "a look changes nothing");
        match (found.end, place.open()) {
            (LogEnd::Whole(next), Ok(opened)) => {
                assert!(!opened.dropped_torn_batch, "byte {offset}");
                assert_eq!(next, opened.wal.next_lsn());
            }
            (LogEnd::Torn { next, path: torn, .. }, Ok(opened)) => {
                assert!(opened.dropped_torn_batch, "byte {offset}");
                assert_eq!((next, &torn), (opened.wal.next_lsn(), &path));
            }
            (LogEnd::Refused(look), Err(start)) => {
                assert!(matches!(look, WalError::Corrupt { .. }), "byte {offset}: {look}");
                // A byte of the identity is also another owner, who is none to whoever only looks.
                assert_eq!(look.to_string(), start.to_string(), "byte {offset}");
            }
            (look, start) => panic!("byte {offset}: {look:?}, but a start says {start:?}"),
        }
    }
}

fn a_look_names_where_a_torn_end_begins_and_every_record_before_it<F: Files>(place: &Place<F>) {
    let (path, mut bytes, start, end) = small_log(place);
    bytes[end - 5..].fill(0);
    place.write(&path, &bytes);
    let before = everything(place);
    let (found, seen) = at(place, || {});
    assert_eq!(everything(place), before);
    let LogEnd::Torn {
        next,
        path: torn,
        offset,
    } = found.end
    else {
        panic!("{:?}", found.end)
    };
    assert_eq!(
        (next, torn, offset),
        (Lsn(4), path, u64::try_from(start).unwrap())
    );
    let first = u64::try_from(HEADER).unwrap();
    let second = first + u64::try_from(batch_size(&[30])).unwrap();
    assert_eq!(
        seen.0,
        [(1, first, 1, 30), (2, second, 2, 8), (3, second + 41, 2, 90)]
    );
    let [segment] = &found.segments[..] else {
        panic!("{:?}", found.segments)
    };
    assert_eq!(
        (segment.records, segment.batches, segment.used_bytes),
        (3, 2, offset)
    );
    assert_eq!(segment.size_bytes, u64::try_from(bytes.len()).unwrap());
    assert_eq!(found.identity, Some(place.site.identity));
}

fn damage_in_an_older_segment_is_named_and_what_is_before_it_is_shown<F: Files>(place: &Place<F>) {
    let mut wal = place.open().unwrap().wal;
    for number in 1..=20 {
        wal.append_batch(&[record(number, 300)]).unwrap();
    }
    drop(wal);
    let files = place.segments();
    assert!(files.len() > 3, "{files:?}");
    let mut bytes = place.read(&files[1]);
    bytes[HEADER + batch_size(&[300]) + 60] ^= 1;
    place.write(&files[1], &bytes);
    let (found, seen) = at(place, || {});
    let LogEnd::Refused(WalError::Corrupt { path, offset, .. }) = &found.end else {
        panic!("{:?}", found.end)
    };
    assert_eq!(path, &files[1]);
    assert_eq!(*offset, u64::try_from(HEADER + batch_size(&[300])).unwrap());
    let shown: Vec<u64> = seen.0.iter().map(|record| record.0).collect();
    let last = found.segments[0].records + 1;
    assert_eq!(shown, (1..=last).collect::<Vec<_>>(), "all before the damage");
}

fn a_log_that_is_written_between_two_looks_is_not_damaged<F: Files>(place: &Place<F>) {
    let (path, bytes, start, end) = small_log(place);
    // Half a batch, and then all of it.
    let mut half = bytes.clone();
    half[(start + end) / 2..].fill(0);
    place.write(&path, &half);
    let pauses = Cell::new(0);
    let written = || {
        pauses.set(pauses.get() + 1);
        place.write(&path, &bytes);
    };
    let (found, seen) = at(place, written);
    assert!(matches!(found.end, LogEnd::Whole(Lsn(7))), "{:?}", found.end);
    assert_eq!(
        (seen.0.len(), pauses.get()),
        (6, 1),
        "each look counts for itself"
    );

    // The first half of a batch came to the reader before it was written, the second after.
    let mut hole = bytes.clone();
    hole[HEADER..HEADER + 40].fill(0);
    place.write(&path, &hole);
    let (found, _) = at(place, || place.write(&path, &bytes));
    assert!(matches!(found.end, LogEnd::Whole(Lsn(7))), "{:?}", found.end);
    place.write(&path, &hole);
    let (found, _) = at(place, || {});
    let is_damaged = matches!(found.end, LogEnd::Refused(WalError::Corrupt { .. }));
    assert!(is_damaged, "what stays is damage: {:?}", found.end);
}

fn a_look_at_nothing_makes_nothing<F: Files>(place: &Place<F>) {
    let missing = place.site.folder.join("nothing");
    let (found, seen) = look(&place.site.files, &missing, Seen::default, || {});
    assert!(matches!(found.end, LogEnd::Missing), "{:?}", found.end);
    assert!(seen.0.is_empty() && found.segments.is_empty());
    assert!(
        place
            .site
            .files
            .list(&missing)
            .map_or(true, |found| found.is_empty())
    );
}
