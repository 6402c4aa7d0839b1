//! An archive is whole or refused, and never replaces a file.

use std::{fs, path::Path};

use plasma_core::Height;
use plasma_node::storage::{
    Moments, Row, Storage, Table,
    archive::{self, Archive, ArchiveError, Scope},
};

use super::{Moving, archived, quiet, rows_of, story};

/// Bytes before the first row.
const HEAD: usize = 84;

/// The rows that do not say whose they are.
fn shared_rows_of(source: &impl Moments) -> Vec<(Table, Row)> {
    let mut rows = rows_of(source);
    rows.retain(|(_, (key, _))| key.as_slice() != b"identity");
    rows
}

fn read(file: &Path) -> Result<Vec<(Table, Row)>, ArchiveError> {
    let mut archive = Archive::open(file)?;
    std::iter::from_fn(|| archive.next_row().transpose()).collect()
}

#[tokio::test]
async fn full_archive_gives_back_every_row_in_order() {
    let chain = story().await;
    let (_scratch, file) = archived(&chain.storage, Scope::Full);
    assert_eq!(
        read(&file).unwrap(),
        shared_rows_of(&Storage::reader(&chain.storage))
    );
    let head = *Archive::open(&file).unwrap().head();
    assert_eq!(
        (head.height, head.block, head.scope),
        (Height(7), chain.state().id, Scope::Full)
    );
}

#[tokio::test]
async fn state_archive_leaves_out_bodies_and_index_and_says_so() {
    let chain = story().await;
    let (_scratch, file) = archived(&chain.storage, Scope::State);
    let mut expected = shared_rows_of(&Storage::reader(&chain.storage));
    expected.retain(|(table, _)| !matches!(table, Table::Bodies | Table::Transactions));
    expected.insert(
        0,
        (Table::Meta, (b"horizon".to_vec(), 8u32.to_be_bytes().to_vec())),
    );
    assert_eq!(read(&file).unwrap(), expected);
}

#[tokio::test]
async fn archive_of_a_pinned_reader_shows_its_moment() {
    let mut chain = story().await;
    let pinned = plasma_node::storage::Read::pinned(&Storage::reader(&chain.storage)).unwrap();
    let before = shared_rows_of(&pinned);
    chain.seal(&[]).await;
    let scratch = super::Scratch::new("archive");
    let file = scratch.path().join("backup.plasma");
    archive::write(&pinned, &file, Scope::Full, &mut quiet).unwrap();
    assert_eq!(read(&file).unwrap(), before);
}

#[tokio::test]
async fn storage_that_changes_meanwhile_leaves_no_archive() {
    let chain = story().await;
    let scratch = super::Scratch::new("archive");
    let file = scratch.path().join("backup.plasma");
    let moving = Moving::new(&chain.storage, 5);
    let error = archive::write(&moving, &file, Scope::Full, &mut quiet).unwrap_err();
    assert!(matches!(error, ArchiveError::Moved), "{error}");
    assert_eq!(
        fs::read_dir(scratch.path()).unwrap().count(),
        0,
        "neither the file nor its part"
    );
}

#[tokio::test]
async fn existing_file_is_never_replaced() {
    let chain = story().await;
    let (scratch, file) = archived(&chain.storage, Scope::Full);
    let before = fs::read(&file).unwrap();
    let reader = Storage::reader(&chain.storage);
    let error = archive::write(&reader, &file, Scope::State, &mut quiet).unwrap_err();
    assert!(matches!(error, ArchiveError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);
    // What a crash left under the other name is nobody's archive and in nobody's way.
    let other = scratch.path().join("other.plasma");
    fs::write(scratch.path().join("other.plasma.part"), b"torn").unwrap();
    archive::write(&reader, &other, Scope::Full, &mut quiet).unwrap();
    assert_eq!(fs::read(&other).unwrap(), before);
    assert!(!scratch.path().join("other.plasma.part").exists());
}

/// Kind of damage, what it does to the bytes, what must be said.
type Damage = (&'static str, fn(&mut Vec<u8>), fn(&ArchiveError) -> bool);

#[expect(clippy::too_many_lines, reason = "one row per case")]
#[tokio::test]
async fn every_kind_of_damage_is_named_with_its_place() {
    let chain = story().await;
    let (_scratch, file) = archived(&chain.storage, Scope::State);
    let whole = fs::read(&file).unwrap();
    let damages: [Damage; 17] = [
        (
            "magic",
            |file| file[0] ^= 1,
            |error| matches!(error, ArchiveError::Magic),
        ),
        ("empty file", Vec::clear, |error| {
            matches!(error, ArchiveError::Magic)
        }),
        (
            "version",
            |file| file[9] = 1,
            |error| matches!(error, ArchiveError::Version { found: 1, .. }),
        ),
        (
            "scope",
            |file| file[10] = 3,
            |error| {
                matches!(
                    error,
                    ArchiveError::Field {
                        place: 10,
                        what: "scope",
                        found: 3
                    }
                )
            },
        ),
        (
            "reserved byte",
            |file| file[11] = 1,
            |error| matches!(error, ArchiveError::Field { place: 11, .. }),
        ),
        (
            "schema",
            |file| file[15] = 9,
            |error| matches!(error, ArchiveError::Schema { found: 9, .. }),
        ),
        (
            "owner's row",
            |file| {
                file[HEAD + 1] = 8;
                file[HEAD + 6..HEAD + 14].copy_from_slice(b"identity");
            },
            |error| matches!(error, ArchiveError::Own { place: 84 }),
        ),
        (
            "tip",
            |file| file[60] ^= 1,
            |error| matches!(error, ArchiveError::Meta { key: "tip" }),
        ),
        (
            "table",
            |file| file[HEAD] = 15,
            |error| {
                matches!(
                    error,
                    ArchiveError::Field {
                        place: 84,
                        what: "table",
                        found: 15
                    }
                )
            },
        ),
        (
            "key length",
            |file| file[HEAD + 1] = 65,
            |error| {
                matches!(
                    error,
                    ArchiveError::Length {
                        place: 84,
                        what: "key",
                        found: 65
                    }
                )
            },
        ),
        (
            "value length",
            |file| file[HEAD + 2] = 0xff,
            |error| {
                matches!(
                    error,
                    ArchiveError::Length {
                        place: 84,
                        what: "value",
                        ..
                    }
                )
            },
        ),
        // The first row is `horizon`; its key becomes `zorizon`, behind which `schema` is out of order.
        (
            "order",
            |file| file[HEAD + 6] = b'z',
            |error| matches!(error, ArchiveError::Order { place: 101 }),
        ),
        (
            "scope's table",
            |file| file[HEAD] = 6,
            |error| {
                matches!(
                    error,
                    ArchiveError::Scope {
                        place: 84,
                        table: "bodies"
                    }
                )
            },
        ),
        (
            "cut head",
            |file| file.truncate(40),
            |error| matches!(error, ArchiveError::Cut { place: 16 }),
        ),
        (
            "cut tail",
            |file| file.truncate(file.len() - 1),
            |error| matches!(error, ArchiveError::Cut { .. }),
        ),
        (
            "hash",
            |file| *file.last_mut().unwrap() ^= 1,
            |error| matches!(error, ArchiveError::Hash { .. }),
        ),
        (
            "more bytes",
            |file| file.push(0),
            |error| matches!(error, ArchiveError::Trailing { .. }),
        ),
    ];
    for (kind, damage, is_named) in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&file, &bytes).unwrap();
        let error = read(&file).expect_err(kind);
        assert!(is_named(&error), "{kind}: {error:?}");
    }
    let count = whole.len() - 72;
    let mut bytes = whole.clone();
    bytes[count + 7] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert!(matches!(read(&file).unwrap_err(), ArchiveError::Count { .. }));
}

#[tokio::test]
async fn no_single_flipped_byte_goes_unnoticed() {
    let chain = story().await;
    let (_scratch, file) = archived(&chain.storage, Scope::State);
    let whole = fs::read(&file).unwrap();
    for place in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(&file, &bytes).unwrap();
        assert!(read(&file).is_err(), "byte {place}");
    }
}

#[tokio::test]
async fn announced_length_allocates_nothing_that_is_not_there() {
    let chain = story().await;
    let (_scratch, file) = archived(&chain.storage, Scope::State);
    let mut bytes = fs::read(&file).unwrap();
    bytes[HEAD + 2..HEAD + 6].copy_from_slice(&(64u32 << 20).to_be_bytes());
    fs::write(&file, &bytes).unwrap();
    let error = read(&file).unwrap_err();
    // Behind the head of the row and its key: the value that is announced is not there.
    assert!(matches!(error, ArchiveError::Cut { place: 97 }), "{error}");
}
