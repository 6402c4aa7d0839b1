//! Rows in memory: for simulated operators and tests. Nothing survives the last clone of the value.
//!
//! A clone is the same storage, so a simulated operator can crash and open it again. A lazy one loses in a crash what was
//! not made durable, as a disk does.

use plasma_core::planted::planted;
use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use plasma_core::{Delta, Height, State};

use super::{
    Decided, Keep, Saved, Storage, StorageError,
    bulk::Stopped,
    changes, prune, query,
    rows::{Change, Moments, Row, Rows},
    schema::Table,
};
use crate::{folder::Identity, wal::Lsn};

/// Rows that live as long as somebody holds them.
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    shared: MemoryReader,
    /// What a crash leaves.
    durable: Arc<RwLock<MemoryRows>>,
    is_lazy: bool,
    keep: Keep,
    fence: Option<Lsn>,
}

/// Reader of a [`MemoryStorage`].
#[derive(Clone, Debug)]
pub struct MemoryReader {
    rows: Arc<RwLock<MemoryRows>>,
}

/// All rows of one moment; cheap to clone, copied only when one that is still held changes.
#[derive(Clone, Debug, Default)]
pub struct MemoryRows(Arc<BTreeMap<Table, Ordered>>);

type Ordered = BTreeMap<Vec<u8>, Vec<u8>>;

impl MemoryStorage {
    /// A storage that has seen genesis, and for which every commit is durable.
    #[must_use]
    pub fn new(identity: Identity, genesis: &State) -> Self {
        let storage = Self::empty();
        storage.shared.write(changes::of_genesis(&identity, genesis));
        storage.sync();
        storage
    }

    /// A storage without any row, to import into.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            shared: MemoryReader { rows: Arc::default() },
            durable: Arc::default(),
            is_lazy: false,
            keep: Keep::All,
            fence: None,
        }
    }

    /// The same storage; commits through this value drop old bodies.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep, ..self }
    }

    /// The same storage, from now on with commits that are durable only after [`MemoryStorage::sync`].
    #[must_use]
    pub fn into_lazy(self) -> Self {
        Self {
            is_lazy: true,
            ..self
        }
    }

    /// Makes everything committed so far durable.
    pub fn sync(&self) {
        *self.durable.write().unwrap_or_else(PoisonError::into_inner) = self.shared.now();
    }

    /// A storage of its own with the rows of this moment, as a backup brings them back.
    #[must_use]
    pub fn backup(&self) -> Self {
        let rows = self.shared.now();
        let durable = Arc::new(RwLock::new(rows.clone()));
        let rows = Arc::new(RwLock::new(rows));
        let shared = MemoryReader { rows };
        Self {
            shared,
            durable,
            ..self.clone()
        }
    }

    /// Forgets what was not durable.
    pub fn crash(&self) {
        let durable = self.durable.read().unwrap_or_else(PoisonError::into_inner);
        *self.shared.rows.write().unwrap_or_else(PoisonError::into_inner) = durable.clone();
    }
}

impl MemoryReader {
    fn now(&self) -> MemoryRows {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, changes: Vec<Change>) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let rows = Arc::make_mut(&mut rows.0);
        for Change { table, key, value } in changes {
            let table = rows.entry(table).or_default();
            match value {
                Some(value) => table.insert(key, value),
                None => table.remove(&key),
            };
        }
    }
}

impl Storage for MemoryStorage {
    type Reader = MemoryReader;

    fn reader(&self) -> MemoryReader {
        self.shared.clone()
    }

    fn fence(&mut self, log: Lsn) {
        self.fence = Some(log);
    }

    async fn commit(&mut self, decided: &Decided, delta: &Delta) -> Result<(), StorageError> {
        let rows = self.shared.now();
        let mut changes = changes::of_block(&rows, decided, delta, self.fence)?;
        prune::push(&mut changes, &rows, delta.height, self.keep)?;
        // Held, they would be copied for the write.
        drop(rows);
        self.shared.write(changes);
        if !self.is_lazy {
            Self::sync(self);
        }
        Ok(())
    }

    fn durable(&self) -> Result<Height, StorageError> {
        let durable = if planted("storage: calls durable what is not") {
            self.shared.now()
        } else {
            self.durable
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        Ok(query::tip(&durable)?.0)
    }

    async fn recover(&self) -> Result<Saved, StorageError> {
        query::saved(&self.shared.now())
    }
}

impl Stopped for MemoryStorage {
    type Source = MemoryReader;

    fn place(&self) -> &Path {
        Path::new("memory")
    }

    fn source(&self) -> MemoryReader {
        self.shared.clone()
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.shared.write(changes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        Self::sync(self);
        Ok(())
    }

    fn compact(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn size_bytes(&self) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}

impl Moments for MemoryReader {
    type Rows = MemoryRows;

    fn moment(&self) -> Result<MemoryRows, StorageError> {
        Ok(self.now())
    }

    fn pin(&self) -> Result<Self, StorageError> {
        Ok(Self {
            rows: Arc::new(RwLock::new(self.now())),
        })
    }
}

impl Rows for MemoryRows {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.0.get(&table).and_then(|rows| rows.get(key)).cloned())
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let Some(rows) = self.0.get(&table) else {
            return Ok(Vec::new());
        };
        let found = rows.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        let before_end = found.take_while(|(key, _)| to.is_none_or(|to| key.as_slice() < to));
        Ok(before_end
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError> {
        let last = self.0.get(&table).and_then(BTreeMap::last_key_value);
        Ok(last.map(|(key, value)| (key.clone(), value.clone())))
    }
}
