//! Rows in an embedded engine, one folder per operator.
//!
//! The engine (fjall) is a log-structured tree per table with one journal: a batch is atomic over all
//! tables and, committed with a barrier, on disk when it returns. Snapshots give readers their moment
//! without locks. A failed barrier poisons the engine: it refuses everything until the process restarts.

use std::{path::Path, sync::Arc};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};
use plasma_core::{Delta, State};

use super::{
    Decided, Note, Notes, Saved, Storage, StorageError, changes, query,
    rows::{Change, Moments, Row, Rows, prefix_end},
    schema::{self, Table},
};
use crate::folder::{Claim, Identity};

/// The storage of one operator on one machine; it and its readers hold the lock of its folder.
#[derive(Debug)]
pub struct EmbeddedStorage {
    shared: EmbeddedReader,
}

/// What an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Memory for blocks of rows read before, in bytes.
    pub cache_bytes: u64,
}

impl Default for Settings {
    /// 64 MiB: about half a million unspent outputs stay near, and four operators fit on a laptop.
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
        }
    }
}

/// Reader and notes of an [`EmbeddedStorage`].
#[derive(Clone)]
pub struct EmbeddedReader {
    engine: Engine,
    pinned: Option<Snapshot>,
}

impl std::fmt::Debug for EmbeddedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedReader")
            .field("is_pinned", &self.pinned.is_some())
            .finish_non_exhaustive()
    }
}

impl EmbeddedStorage {
    /// Opens the storage in a folder, or starts one that has seen genesis.
    ///
    /// # Errors
    /// [`StorageError::Folder`] when another process has it, [`StorageError::Schema`] and
    /// [`StorageError::Identity`] when its rows are not for this program or this operator.
    pub fn open(
        folder: &Path,
        identity: Identity,
        genesis: &State,
        settings: Settings,
    ) -> Result<Self, StorageError> {
        let claim = Claim::take(folder)?;
        let engine = Engine::open(&folder.join(ENGINE), claim, settings)?;
        let storage = Self {
            shared: EmbeddedReader { engine, pinned: None },
        };
        let rows = storage.shared.moment();
        let Some(found) = rows.row(Table::Meta, schema::SCHEMA)? else {
            storage
                .shared
                .engine
                .write(changes::of_genesis(&identity, genesis))?;
            return Ok(storage);
        };
        check_schema(folder, &found)?;
        let stored = query::value(&rows, Table::Meta, schema::IDENTITY, Identity::from_bytes)?;
        let stored = stored.ok_or_else(|| query::damaged(Table::Meta, schema::IDENTITY))?;
        match Identity::difference(&stored, &identity) {
            None => Ok(storage),
            Some(difference) => Err(StorageError::Identity {
                path: folder.to_path_buf(),
                difference,
            }),
        }
    }
}

fn check_schema(folder: &Path, found: &[u8]) -> Result<(), StorageError> {
    let found = found.try_into().map(u32::from_be_bytes);
    let found = found.map_err(|_| query::damaged(Table::Meta, schema::SCHEMA))?;
    if found == schema::VERSION {
        return Ok(());
    }
    Err(StorageError::Schema {
        path: folder.to_path_buf(),
        found,
        known: schema::VERSION,
    })
}

impl Storage for EmbeddedStorage {
    type Reader = EmbeddedReader;
    type Notes = EmbeddedReader;

    fn reader(&self) -> EmbeddedReader {
        self.shared.clone()
    }

    fn notes(&self) -> EmbeddedReader {
        self.shared.clone()
    }

    /// The barrier is waited for on a blocking thread, so this needs a tokio runtime.
    async fn commit(&mut self, decided: &Decided, delta: &Delta) -> Result<(), StorageError> {
        let changes = changes::of_block(&self.shared.moment(), decided, delta)?;
        let engine = self.shared.engine.clone();
        let written = tokio::task::spawn_blocking(move || engine.write(changes));
        written.await.map_err(|_| StorageError::ShuttingDown)?
    }

    async fn recover(&self) -> Result<Saved, StorageError> {
        query::saved(&self.shared.moment())
    }
}

/// The engine and a handle per table.
#[derive(Clone)]
struct Engine {
    database: Database,
    tables: Arc<Vec<Keyspace>>,
    /// Kept by every reader, because a reader keeps the engine's files open.
    _claim: Arc<Claim>,
}

impl Engine {
    fn open(path: &Path, claim: Claim, settings: Settings) -> Result<Self, StorageError> {
        let database = Database::builder(path)
            .cache_size(settings.cache_bytes)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNAL_SIZE_MAX)
            .journal_compression(fjall::CompressionType::None)
            .open()
            .map_err(engine_error("open its files"))?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(TABLE_BUFFER_SIZE);
        let tables = Table::ALL
            .into_iter()
            .map(|table| database.keyspace(table.name(), options))
            .collect::<Result<_, _>>()
            .map_err(engine_error("open a table"))?;
        Ok(Self {
            database,
            tables: Arc::new(tables),
            _claim: Arc::new(claim),
        })
    }

    /// All changes or none, on disk when it returns.
    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for Change { table, key, value } in changes {
            match value {
                Some(value) => batch.insert(self.table(table), key, value),
                None => batch.remove(self.table(table), key),
            }
        }
        batch.commit().map_err(engine_error("write a batch"))
    }

    fn table(&self, table: Table) -> &Keyspace {
        let index = Table::ALL.iter().position(|other| *other == table);
        index
            .and_then(|index| self.tables.get(index))
            .expect("Engine::open made a table for every name")
    }
}

/// The rows of one moment.
pub struct EmbeddedRows {
    engine: Engine,
    snapshot: Snapshot,
}

impl std::fmt::Debug for EmbeddedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedRows").finish_non_exhaustive()
    }
}

impl Moments for EmbeddedReader {
    type Rows = EmbeddedRows;

    fn moment(&self) -> EmbeddedRows {
        let snapshot = self
            .pinned
            .clone()
            .unwrap_or_else(|| self.engine.database.snapshot());
        EmbeddedRows {
            engine: self.engine.clone(),
            snapshot,
        }
    }

    fn pin(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            pinned: Some(self.moment().snapshot),
        }
    }
}

impl Rows for EmbeddedRows {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let value = self
            .snapshot
            .get(self.engine.table(table), key)
            .map_err(engine_error("read a row"))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        if to.is_some_and(|to| to <= from) {
            return Ok(Vec::new());
        }
        let table = self.engine.table(table);
        let found = match to {
            Some(to) => self.snapshot.range(table, from..to),
            None => self.snapshot.range(table, from..),
        };
        found.take(limit).map(owned).collect()
    }

    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError> {
        self.snapshot
            .last_key_value(self.engine.table(table))
            .map(owned)
            .transpose()
    }
}

impl Notes for EmbeddedReader {
    fn put_note(&self, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        self.engine.write(vec![changes::of_note(key, Some(value))?])
    }

    fn remove_note(&self, key: &[u8]) -> Result<(), StorageError> {
        self.engine.write(vec![changes::of_note(key, None)?])
    }

    fn note(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.moment().row(Table::Notes, key)
    }

    fn notes_with(&self, prefix: &[u8]) -> Result<Vec<Note>, StorageError> {
        self.moment()
            .rows(Table::Notes, prefix, prefix_end(prefix).as_deref(), usize::MAX)
    }
}

fn owned(guard: fjall::Guard) -> Result<Row, StorageError> {
    let (key, value) = guard.into_inner().map_err(engine_error("read rows"))?;
    Ok((key.to_vec(), value.to_vec()))
}

fn engine_error(doing: &'static str) -> impl Fn(fjall::Error) -> StorageError {
    move |source| StorageError::Engine {
        doing,
        source: Box::new(source),
    }
}

/// The engine's files inside the storage's folder.
const ENGINE: &str = "engine";

/// Threads that flush and compact: one flushes while the other compacts, and a node has few cores to give.
const WORKERS: usize = 2;

/// Journals kept for tables that were not flushed yet: what a restart has to read again at most.
const JOURNAL_SIZE_MAX: u64 = 64 << 20;

/// Memory of one table before it is flushed. There are thirteen, so this bounds memory as much as the cache does.
const TABLE_BUFFER_SIZE: u64 = 16 << 20;
