//! Rows in fjall: a log-structured tree per table with one journal for all.
//!
//! A batch is atomic over all tables and stands in the system's memory when it returns, so that it outlives the process;
//! a barrier on the journal makes it and all before it durable. Snapshots give readers their moment without locks.

mod buffers;
mod parts;

use std::{path::Path, sync::Arc};

use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, Snapshot,
    compaction::Leveled, config::FilterPolicy,
};

use super::{Engine, Settings, engine_error};
use crate::storage::{
    StorageError,
    query::damaged,
    rows::{Change, Row, Rows},
    schema::Table,
};

/// The engine and a handle per table.
#[derive(Clone)]
pub struct Fjall {
    database: Database,
    tables: Arc<Tables>,
}

struct Tables {
    /// In the order of `Table::ALL`.
    rows: Vec<Keyspace>,
    /// Long values but for their first bytes, see [`parts`].
    parts: Keyspace,
}

impl std::fmt::Debug for Fjall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fjall").finish_non_exhaustive()
    }
}

impl Engine for Fjall {
    type Moment = FjallRows;

    const NAME: &'static str = "engine";

    fn open(path: &Path, settings: Settings) -> Result<Self, StorageError> {
        let database = Database::builder(path)
            .cache_size(settings.cache_bytes)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNAL_SIZE_MAX)
            .journal_compression(fjall::CompressionType::None)
            .open()
            .map_err(engine_error("open its files"))?;
        let rows = Table::ALL
            .into_iter()
            .map(|table| database.keyspace(table.name(), || options(table)))
            .collect::<Result<_, _>>()
            .map_err(engine_error("open a table"))?;
        // Parts are walked behind a row that was found, as bodies are.
        let parts = database
            .keyspace(parts::NAME, || options(Table::Bodies))
            .map_err(engine_error("open a table"))?;
        Ok(Self {
            database,
            tables: Arc::new(Tables { rows, parts }),
        })
    }

    fn moment(&self) -> Result<FjallRows, StorageError> {
        Ok(FjallRows {
            tables: Arc::clone(&self.tables),
            snapshot: self.database.snapshot(),
        })
    }

    fn write(&self, mut changes: Vec<Change>) -> Result<(), StorageError> {
        // Neighbours in a table take the same path through its memory: in order they find it in the processor's cache.
        changes.sort_by(|one, other| (one.table, &one.key).cmp(&(other.table, &other.key)));
        let batch = OwnedWriteBatch::with_capacity(self.database.clone(), changes.len());
        let mut batch = batch.durability(Some(PersistMode::Buffer));
        for Change { table, key, value } in changes {
            if parts::are_long(table) {
                self.write_long(&mut batch, table, key, value.as_deref())?;
                continue;
            }
            let table = self.tables.of(table);
            match value {
                Some(value) => batch.insert(table, key, value),
                None => batch.remove(table, key),
            }
        }
        batch.commit().map_err(engine_error("write a batch"))?;
        self.relieve()
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.database
            .persist(PersistMode::SyncData)
            .map_err(engine_error("make its journal durable"))
    }

    fn compact(&mut self) -> Result<(), StorageError> {
        for table in self.tables.all() {
            // What still stands in memory would keep the files' old rows alive.
            table
                .rotate_memtable_and_wait()
                .map_err(engine_error("flush a table"))?;
            table.major_compact().map_err(engine_error("compact a table"))?;
        }
        Ok(())
    }
}

/// How a table is kept; the engine remembers what it was made with.
fn options(table: Table) -> KeyspaceCreateOptions {
    let merged = Leveled::default()
        .with_l0_threshold(FLUSHES_MERGED)
        .with_table_target_size(FILE_SIZE);
    let common = KeyspaceCreateOptions::default().compaction_strategy(Arc::new(merged));
    match table {
        // Almost every question names an output that is there, so the oldest level needs no filter.
        Table::Outputs => common.expect_point_read_hits(true),
        // Walked in order, or asked for after the header was found: a filter would never say no.
        Table::Owners | Table::Bodies | Table::History => common.filter_policy(FilterPolicy::disabled()),
        _ => common,
    }
}

impl Fjall {
    /// Puts a value that may be long into a batch, and takes the parts out that only the one before it had.
    fn write_long(
        &self,
        batch: &mut OwnedWriteBatch,
        table: Table,
        key: Vec<u8>,
        value: Option<&[u8]>,
    ) -> Result<(), StorageError> {
        let (rows, rest) = (self.tables.of(table), &self.tables.parts);
        let before = rows.get(&key).map_err(engine_error("read a row"))?;
        let before = before.as_deref().and_then(parts::head);
        let had = before.map_or(0, |(length, _)| parts::count(length));
        let has = value.map_or(0, |value| parts::count(value.len()));
        for number in has..had {
            batch.remove(rest, parts::part_key(table, &key, number));
        }
        let Some(value) = value else {
            batch.remove(rows, key);
            return Ok(());
        };
        let (head, split) = parts::split(table, &key, value);
        for (key, part) in split {
            batch.insert(rest, key, part);
        }
        batch.insert(rows, key, head);
        Ok(())
    }
}

impl Tables {
    fn all(&self) -> impl Iterator<Item = &Keyspace> {
        self.rows.iter().chain([&self.parts])
    }

    fn of(&self, table: Table) -> &Keyspace {
        let index = Table::ALL.iter().position(|other| *other == table);
        index
            .and_then(|index| self.rows.get(index))
            .expect("Fjall::open made a keyspace for every table")
    }
}

/// The rows of one moment.
#[derive(Clone)]
pub struct FjallRows {
    tables: Arc<Tables>,
    snapshot: Snapshot,
}

impl std::fmt::Debug for FjallRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallRows").finish_non_exhaustive()
    }
}

impl FjallRows {
    /// A value as it was written.
    fn whole(&self, table: Table, key: &[u8], value: &[u8]) -> Result<Vec<u8>, StorageError> {
        if !parts::are_long(table) {
            return Ok(value.to_vec());
        }
        let (length, first) = parts::head(value).ok_or_else(|| damaged(table, key))?;
        let mut whole = Vec::with_capacity(length);
        whole.extend(first);
        let keys = parts::keys(table, key, 0..parts::count(length));
        for part in self.snapshot.range(&self.tables.parts, keys) {
            whole.extend(owned(part)?.1);
        }
        if whole.len() == length {
            Ok(whole)
        } else {
            Err(damaged(table, key))
        }
    }

    fn row_of(&self, table: Table, found: fjall::Guard) -> Result<Row, StorageError> {
        let (key, value) = owned(found)?;
        let value = if parts::are_long(table) {
            self.whole(table, &key, &value)?
        } else {
            value
        };
        Ok((key, value))
    }
}

impl Rows for FjallRows {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let value = self
            .snapshot
            .get(self.tables.of(table), key)
            .map_err(engine_error("read a row"))?;
        value.map(|value| self.whole(table, key, &value)).transpose()
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
        let rows = self.tables.of(table);
        let found = match to {
            Some(to) => self.snapshot.range(rows, from..to),
            None => self.snapshot.range(rows, from..),
        };
        found.take(limit).map(|found| self.row_of(table, found)).collect()
    }

    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError> {
        let last = self.snapshot.last_key_value(self.tables.of(table));
        last.map(|found| self.row_of(table, found)).transpose()
    }
}

fn owned(guard: fjall::Guard) -> Result<Row, StorageError> {
    let (key, value) = guard.into_inner().map_err(engine_error("read rows"))?;
    Ok((key.to_vec(), value.to_vec()))
}

/// Threads that flush and compact. Of several the first leaves compactions to the others, and while one of those runs it
/// spins on the queue: a core for nothing.
const WORKERS: usize = 1;

/// Flushed buffers of a table that are merged into its sorted levels at once. Four times the engine's own number: fewer
/// merges save a payment more than reads lose to a few more young files, and writes are slowed only from 20 on.
const FLUSHES_MERGED: u8 = 16;

/// Bytes of a file of sorted rows, and sixteen of them are the first sorted level of a table. With the engine's own 64 MiB that level
/// holds ten million outputs, and every merge into it rewrites all of them.
const FILE_SIZE: u64 = 16 << 20;

/// Journals kept for tables that were not flushed yet: what a restart has to read again at most.
const JOURNAL_SIZE_MAX: u64 = 64 << 20;
