//! A storage that no operator runs on is filled wholly, or an operator refuses it.

use std::fs;

use plasma_core::Hash;
use plasma_node::storage::{
    Change, Moments, Row, Storage, StorageError, Table,
    archive::{self, ArchiveError, Scope},
    bulk::{self, BulkError, Stopped},
    check::{Certificates, CheckError, Expected, What, verify},
    embedded::{EmbeddedStorage, Engine, Fjall, Folder, Settings},
    foundation::{FoundationStorage, StoppedFoundation},
    memory::MemoryStorage,
};

use super::{
    super::storage::foundation::Clusters, Chain, Moving, Scratch, archived, expected, quiet, rows_of, story,
};

fn open<E: Engine>(scratch: &Scratch, chain: &Chain) -> Result<EmbeddedStorage<E>, StorageError> {
    let identity = expected(chain).identity();
    EmbeddedStorage::open(
        scratch.path(),
        identity,
        &chain.genesis.state(),
        Settings::default(),
    )
}

fn folder<E: Engine>(scratch: &Scratch) -> Folder<E> {
    Folder::make(scratch.path(), Settings::default()).unwrap()
}

/// Everything but the meta row that only a pruned storage has.
fn without_bodies(rows: Vec<(Table, Row)>) -> Vec<(Table, Row)> {
    let stays = |(table, (key, _)): &(Table, Row)| {
        !matches!(table, Table::Bodies | Table::Transactions) && key.as_slice() != b"horizon"
    };
    rows.into_iter().filter(stays).collect()
}

async fn import_and_run<E: Engine>() {
    let mut chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    for scope in [Scope::Full, Scope::State] {
        let (scratch, (_file_scratch, file)) = (Scratch::new("import"), archived(&chain.storage, scope));
        let mut target = folder::<E>(&scratch);
        let report = bulk::import(&file, &mut target, &expected(&chain), &mut quiet).unwrap();
        assert_eq!((report.height, report.unspent), (chain.state().header.height, 3));
        let found = rows_of(&target.source());
        drop(target);
        match scope {
            Scope::Full => assert_eq!(found, rows),
            Scope::State => assert_eq!(without_bodies(found), without_bodies(rows.clone())),
        }
        // It is what an operator starts from, and it goes on.
        let storage = open::<E>(&scratch, &chain).unwrap();
        let (saved, original) = (
            storage.recover().await.unwrap(),
            chain.storage.recover().await.unwrap(),
        );
        assert_eq!(saved, original);
    }
    let (scratch, (_file_scratch, file)) = (Scratch::new("import"), archived(&chain.storage, Scope::State));
    bulk::import(&file, &mut folder::<E>(&scratch), &expected(&chain), &mut quiet).unwrap();
    let mut storage = open::<E>(&scratch, &chain).unwrap();
    for _ in 0..3 {
        chain.seal(&[]).await;
        let (decided, delta) = chain.blocks.last().unwrap();
        storage.commit(decided, delta).await.unwrap();
    }
    let reader = storage.reader();
    verify(&reader, &expected(&chain), Certificates::All, &mut quiet).unwrap();
    assert_eq!(
        without_bodies(rows_of(&reader)),
        without_bodies(rows_of(&Storage::reader(&chain.storage)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_archive_is_what_an_operator_runs_on_in_fjall() {
    import_and_run::<Fjall>().await;
}

#[tokio::test]
async fn interrupted_import_is_refused_until_the_place_is_emptied() {
    let chain = story().await;
    let (_file_scratch, file) = archived(&chain.storage, Scope::Full);
    let whole = fs::read(&file).unwrap();
    for bytes in [100, whole.len() / 2, whole.len() - 1] {
        let scratch = Scratch::new("import");
        fs::write(&file, &whole[..bytes]).unwrap();
        let error = bulk::import(
            &file,
            &mut folder::<Fjall>(&scratch),
            &expected(&chain),
            &mut quiet,
        );
        assert!(
            matches!(&error, Err(BulkError::Archive { path, error: ArchiveError::Cut { .. } }) if *path == file),
            "{error:?}"
        );
        let refused = open::<Fjall>(&scratch, &chain).unwrap_err();
        assert!(matches!(refused, StorageError::Unfinished { .. }), "{refused}");
        assert!(refused.to_string().contains("empty that place"), "{refused}");
        fs::write(&file, &whole).unwrap();
        let again = bulk::import(
            &file,
            &mut folder::<Fjall>(&scratch),
            &expected(&chain),
            &mut quiet,
        );
        assert!(matches!(again, Err(BulkError::NotEmpty { .. })), "{again:?}");
        fs::remove_dir_all(scratch.path()).unwrap();
        bulk::import(
            &file,
            &mut folder::<Fjall>(&scratch),
            &expected(&chain),
            &mut quiet,
        )
        .unwrap();
        open::<Fjall>(&scratch, &chain).unwrap();
    }
}

/// Dies after so many writes, as a process does.
struct Dying(MemoryStorage, usize);

impl Stopped for Dying {
    type Source = <MemoryStorage as Stopped>::Source;

    fn place(&self) -> &std::path::Path {
        self.0.place()
    }

    fn source(&self) -> Self::Source {
        self.0.source()
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.1 = self.1.checked_sub(1).ok_or(StorageError::ShuttingDown)?;
        self.0.write(changes)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        Stopped::sync(&mut self.0)
    }

    fn compact(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn size_bytes(&self) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}

#[tokio::test]
async fn import_that_dies_at_any_write_leaves_the_mark() {
    let chain = story().await;
    let (_file_scratch, file) = archived(&chain.storage, Scope::Full);
    // Mark, rows, meta rows, end of the mark.
    for writes in 1..4 {
        let mut target = Dying(MemoryStorage::empty(), writes);
        let error = bulk::import(&file, &mut target, &expected(&chain), &mut quiet);
        assert!(
            matches!(error, Err(BulkError::Storage(StorageError::ShuttingDown))),
            "{error:?}"
        );
        let refused = bulk::refuse_unfinished(&target.source().moment().unwrap(), target.place());
        assert!(
            matches!(refused, Err(StorageError::Unfinished { .. })),
            "after {writes} writes"
        );
        let meta: Vec<_> = rows_of(&target.source())
            .into_iter()
            .filter(|(table, _)| *table == Table::Meta)
            .map(|(_, (key, _))| String::from_utf8(key).unwrap())
            .collect();
        let complete = ["identity", "schema", "state", "tip", "unfinished"];
        let expected = if writes < 3 { &complete[4..] } else { &complete };
        assert_eq!(
            meta, expected,
            "after {writes} writes: what vouches for the rows comes last"
        );
    }
    let mut target = Dying(MemoryStorage::empty(), 4);
    bulk::import(&file, &mut target, &expected(&chain), &mut quiet).unwrap();
}

#[tokio::test]
async fn archive_of_another_federation_is_refused_before_anything_is_written() {
    let chain = story().await;
    let (_file_scratch, file) = archived(&chain.storage, Scope::Full);
    let mut other = (*chain.genesis).clone();
    other.name = "another".into();
    let strange = Expected {
        genesis: &other,
        ..expected(&chain)
    };
    let mut target = MemoryStorage::empty();
    let error = bulk::import(&file, &mut target, &strange, &mut quiet).unwrap_err();
    assert!(matches!(error, BulkError::Identity { .. }), "{error}");
    assert!(error.to_string().contains("federation"), "{error}");
    assert_eq!(rows_of(&target.source()), vec![]);
}

#[tokio::test]
async fn archive_of_another_member_becomes_the_importers_own() {
    let chain = story().await;
    let (_file_scratch, file) = archived(&chain.storage, Scope::State);
    let importer = Expected {
        key: Hash([1; 32]),
        ..expected(&chain)
    };
    let mut target = MemoryStorage::empty();
    bulk::import(&file, &mut target, &importer, &mut quiet).unwrap();
    let own = bulk::about(&target.source().moment().unwrap(), target.place()).unwrap();
    assert_eq!(own.identity, importer.identity());
    verify(&target.source(), &importer, Certificates::All, &mut quiet).unwrap();
}

#[tokio::test]
async fn archive_of_a_storage_that_contradicts_itself_stays_marked() {
    let chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let (table, (key, _)) = rows
        .into_iter()
        .find(|(table, _)| *table == Table::Exits)
        .unwrap();
    chain
        .storage
        .clone()
        .write(vec![Change {
            table,
            key,
            value: None,
        }])
        .unwrap();
    let (_file_scratch, file) = archived(&chain.storage, Scope::State);
    let mut target = MemoryStorage::empty();
    let error = bulk::import(&file, &mut target, &expected(&chain), &mut quiet).unwrap_err();
    let BulkError::Check(CheckError::Contradiction { what, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(*what, What::Commitment);
    let rows = target.source().moment().unwrap();
    assert!(matches!(
        bulk::refuse_unfinished(&rows, target.place()),
        Err(StorageError::Unfinished { .. })
    ));
    let error = archive::write(
        &target.source(),
        &file.with_extension("second"),
        Scope::Full,
        &mut quiet,
    );
    assert!(
        matches!(error, Err(ArchiveError::Storage(StorageError::Unfinished { .. }))),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn migration_moves_every_row() {
    let chain = story().await;
    let rows = rows_of(&Storage::reader(&chain.storage));
    let (first, second) = (Scratch::new("migrate"), Scratch::new("migrate"));
    let source = Storage::reader(&chain.storage);
    bulk::migrate(
        &source,
        &mut folder::<Fjall>(&first),
        &expected(&chain),
        &mut quiet,
    )
    .unwrap();
    let source = folder::<Fjall>(&first);
    let mut target = folder::<Fjall>(&second);
    bulk::migrate(&source.source(), &mut target, &expected(&chain), &mut quiet).unwrap();
    assert_eq!(rows_of(&target.source()), rows);
    let again = bulk::migrate(&source.source(), &mut target, &expected(&chain), &mut quiet);
    assert!(matches!(again, Err(BulkError::NotEmpty { .. })), "{again:?}");
    let strange = Expected {
        key: Hash([3; 32]),
        ..expected(&chain)
    };
    let mut empty = MemoryStorage::empty();
    let error = bulk::migrate(&source.source(), &mut empty, &strange, &mut quiet);
    assert!(matches!(error, Err(BulkError::Identity { .. })), "{error:?}");
    assert_eq!(rows_of(&empty.source()), vec![]);
}

#[tokio::test]
async fn source_that_changes_meanwhile_is_not_migrated() {
    let chain = story().await;
    let still = Moving::new(&chain.storage, u32::MAX);
    bulk::migrate(&still, &mut MemoryStorage::empty(), &expected(&chain), &mut quiet).unwrap();
    // The last look is at the tip.
    let moving = Moving::new(&chain.storage, still.moments.get());
    let error = bulk::migrate(
        &moving,
        &mut MemoryStorage::empty(),
        &expected(&chain),
        &mut quiet,
    );
    assert!(matches!(error, Err(BulkError::Moved)), "{error:?}");
}

#[tokio::test]
async fn rows_of_another_schema_are_refused_by_every_tool() {
    let chain = story().await;
    let (table, key) = (Table::Meta, b"schema".to_vec());
    let value = Some(4u32.to_be_bytes().to_vec());
    chain
        .storage
        .clone()
        .write(vec![Change { table, key, value }])
        .unwrap();
    let source = Storage::reader(&chain.storage);
    let is_refused = |error: &StorageError| {
        matches!(
            error,
            StorageError::Schema {
                found: 4,
                known: 3,
                ..
            }
        )
    };
    let error = bulk::about(&source.moment().unwrap(), chain.storage.place()).unwrap_err();
    assert!(is_refused(&error), "{error}");
    let error = bulk::migrate(
        &source,
        &mut MemoryStorage::empty(),
        &expected(&chain),
        &mut quiet,
    );
    assert!(
        matches!(&error, Err(BulkError::Storage(error)) if is_refused(error)),
        "{error:?}"
    );
}

async fn compact_keeps<E: Engine>() {
    let chain = story().await;
    let scratch = Scratch::new("compact");
    let mut target = folder::<E>(&scratch);
    bulk::migrate(
        &Storage::reader(&chain.storage),
        &mut target,
        &expected(&chain),
        &mut quiet,
    )
    .unwrap();
    let before = rows_of(&target.source());
    target.compact().unwrap();
    assert_eq!(rows_of(&target.source()), before);
    assert!(target.size_bytes().unwrap().unwrap() > 0);
    drop(target);
    verify(
        &open::<E>(&scratch, &chain).unwrap().reader(),
        &expected(&chain),
        Certificates::All,
        &mut quiet,
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_changes_no_row() {
    compact_keeps::<Fjall>().await;
}

#[test]
fn absent_storage_is_not_made_by_a_tool() {
    let scratch = Scratch::new("absent");
    let path = scratch.path().join("db");
    let error = Folder::<Fjall>::open(&path, Settings::default()).unwrap_err();
    assert!(matches!(error, StorageError::Absent { .. }), "{error}");
    assert!(!path.exists());
}

/// Embedded to clusters (one, one in small transactions, three) and back: the same rows, and each time an operator goes on.
#[tokio::test(flavor = "multi_thread")]
async fn storage_moves_to_clusters_and_back() {
    for make in [Clusters::one, Clusters::small, Clusters::shared] {
        let (mut chain, mut clusters) = (story().await, make());
        let identity = expected(&chain).identity();
        let mut target = StoppedFoundation::open(clusters.site(), &identity).unwrap();
        let source = Storage::reader(&chain.storage);
        let report = bulk::migrate(&source, &mut target, &expected(&chain), &mut quiet).unwrap();
        assert_eq!((report.height, report.unspent), (chain.state().header.height, 3));
        assert_eq!(rows_of(&target.source()), rows_of(&source));
        drop(target);
        let mut storage = FoundationStorage::open(clusters.site(), identity, &chain.genesis.state()).unwrap();
        chain.seal(&[]).await;
        let (decided, delta) = chain.blocks.last().unwrap();
        storage.commit(decided, delta).await.unwrap();
        drop(storage);
        let source = StoppedFoundation::open(clusters.site(), &identity).unwrap();
        let scratch = Scratch::new("migrate");
        let mut target = folder::<Fjall>(&scratch);
        bulk::migrate(&source.source(), &mut target, &expected(&chain), &mut quiet).unwrap();
        assert_eq!(
            rows_of(&target.source()),
            rows_of(&Storage::reader(&chain.storage))
        );
        drop(target);
        let storage = open::<Fjall>(&scratch, &chain).unwrap();
        let saved = (
            storage.recover().await.unwrap(),
            chain.storage.recover().await.unwrap(),
        );
        assert_eq!(saved.0, saved.1);
    }
}
