//! Rows in redb: a copy-on-write B-tree per table in one file.
//!
//! A commit without durability is visible at once and lost with the process; the next durable one keeps it too. The
//! durable one has two phases and saves its free list (quick repair), so that a double crash cannot bring an older state back
//! and a restart does not walk the file.

use std::{path::Path, sync::Arc};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Engine, Settings, engine_error};
use crate::storage::{
    StorageError,
    rows::{Change, Row, Rows},
    schema::Table,
};

/// The engine.
#[derive(Clone)]
pub struct Redb(Arc<Database>);

impl std::fmt::Debug for Redb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redb").finish_non_exhaustive()
    }
}

impl Engine for Redb {
    type Moment = RedbRows;

    const NAME: &'static str = "engine.redb";

    fn open(path: &Path, settings: Settings) -> Result<Self, StorageError> {
        let cache = usize::try_from(settings.cache_bytes).unwrap_or(usize::MAX);
        let database = redb::Builder::new()
            .set_cache_size(cache)
            .create(path)
            .map_err(engine_error("open its file"))?;
        let engine = Self(Arc::new(database));
        engine.commit(Vec::new(), Durability::Immediate, &Table::ALL)?;
        Ok(engine)
    }

    fn moment(&self) -> Result<RedbRows, StorageError> {
        let transaction = self.0.begin_read().map_err(engine_error("begin to read"))?;
        Ok(RedbRows(Arc::new(transaction)))
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.commit(changes, Durability::None, &[])
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.commit(Vec::new(), Durability::Immediate, &[])
    }

    fn compact(&mut self) -> Result<(), StorageError> {
        // A reader that is still held needs the file as it is.
        let database = Arc::get_mut(&mut self.0).ok_or_else(|| StorageError::Engine {
            doing: "compact its file",
            source: "it is being read".into(),
        })?;
        database
            .compact()
            .map(|_| ())
            .map_err(engine_error("compact its file"))
    }
}

impl Redb {
    fn commit(
        &self,
        mut changes: Vec<Change>,
        durability: Durability,
        made: &[Table],
    ) -> Result<(), StorageError> {
        let mut transaction = self.0.begin_write().map_err(engine_error("begin to write"))?;
        transaction
            .set_durability(durability)
            .map_err(engine_error("choose durability"))?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(matches!(durability, Durability::Immediate));
        for table in made {
            transaction
                .open_table(definition(*table))
                .map_err(engine_error("open a table"))?;
        }
        changes.sort_by(|one, other| (one.table, &one.key).cmp(&(other.table, &other.key)));
        for run in changes.chunk_by(|one, other| one.table == other.table) {
            let Some(first) = run.first() else { continue };
            let mut table = transaction
                .open_table(definition(first.table))
                .map_err(engine_error("open a table"))?;
            for Change { key, value, .. } in run {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()),
                    None => table.remove(key.as_slice()),
                }
                .map_err(engine_error("change a row"))?;
            }
        }
        transaction.commit().map_err(engine_error("write a batch"))
    }
}

/// The rows of one moment.
#[derive(Clone)]
pub struct RedbRows(Arc<ReadTransaction>);

impl std::fmt::Debug for RedbRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbRows").finish_non_exhaustive()
    }
}

impl RedbRows {
    fn table(&self, table: Table) -> Result<redb::ReadOnlyTable<&'static [u8], &'static [u8]>, StorageError> {
        self.0
            .open_table(definition(table))
            .map_err(engine_error("open a table"))
    }
}

impl Rows for RedbRows {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let value = self.table(table)?.get(key).map_err(engine_error("read a row"))?;
        Ok(value.map(|value| value.value().to_vec()))
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
        let table = self.table(table)?;
        let found = match to {
            Some(to) => table.range(from..to),
            None => table.range(from..),
        };
        let found = found.map_err(engine_error("read rows"))?.take(limit);
        found
            .map(|row| {
                let (key, value) = row.map_err(engine_error("read rows"))?;
                Ok((key.value().to_vec(), value.value().to_vec()))
            })
            .collect()
    }

    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError> {
        let table = self.table(table)?;
        let last = table.last().map_err(engine_error("read a row"))?;
        Ok(last.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
    }
}

fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}
