//! The engines without our code: what they take for the same rows with the same durability.

use std::path::Path;

use fjall::{Database as FjallDatabase, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{Database as RedbDatabase, Durability, TableDefinition};

use super::rows::RawRow;

/// An engine that puts rows.
pub(crate) trait Raw: Send + Sync {
    /// Opens the files that our storage made.
    fn open(folder: &Path, cache_bytes: u64) -> Self;

    /// One batch, in the system's memory when it returns.
    fn write(&self, rows: Vec<RawRow>);

    /// Everything written survives a power cut.
    fn sync(&self);
}

/// fjall's own crate.
pub(crate) struct RawFjall {
    database: FjallDatabase,
    tables: Vec<(&'static str, Keyspace)>,
}

/// redb's own crate.
pub(crate) struct RawRedb(RedbDatabase);

impl Raw for RawFjall {
    fn open(folder: &Path, cache_bytes: u64) -> Self {
        let database = FjallDatabase::builder(folder.join("engine"))
            .cache_size(cache_bytes)
            .worker_threads(2)
            .open()
            .expect("the engine opens");
        let open = |name| {
            let table = database.keyspace(name, KeyspaceCreateOptions::default);
            (name, table.expect("a table opens"))
        };
        let tables = TABLES.into_iter().map(open).collect();
        Self { database, tables }
    }

    fn write(&self, rows: Vec<RawRow>) {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        for (name, key, value) in rows {
            let found = self.tables.iter().find(|(other, _)| *other == name);
            let (_, table) = found.expect("every table is open");
            match value {
                Some(value) => batch.insert(table, key, value),
                None => batch.remove(table, key),
            }
        }
        batch.commit().expect("a batch is written");
    }

    fn sync(&self) {
        self.database
            .persist(PersistMode::SyncData)
            .expect("the journal is synced");
    }
}

impl Raw for RawRedb {
    fn open(folder: &Path, cache_bytes: u64) -> Self {
        let database = redb::Builder::new()
            .set_cache_size(usize::try_from(cache_bytes).expect("a cache fits"))
            .create(folder.join("engine.redb"));
        Self(database.expect("the engine opens"))
    }

    fn write(&self, mut rows: Vec<RawRow>) {
        rows.sort_unstable();
        self.commit(&rows, Durability::None);
    }

    fn sync(&self) {
        self.commit(&[], Durability::Immediate);
    }
}

impl RawRedb {
    fn commit(&self, rows: &[RawRow], durability: Durability) {
        let mut transaction = self.0.begin_write().expect("a transaction begins");
        transaction
            .set_durability(durability)
            .expect("durability is chosen first");
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(matches!(durability, Durability::Immediate));
        for run in rows.chunk_by(|(one, ..), (other, ..)| one == other) {
            let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(run[0].0);
            let mut table = transaction.open_table(definition).expect("a table opens");
            for (_, key, value) in run {
                let done = match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()),
                    None => table.remove(key.as_slice()),
                };
                done.expect("a row changes");
            }
        }
        transaction.commit().expect("a batch is written");
    }
}

/// Those that a block of payments writes.
const TABLES: [&str; 9] = [
    "blocks",
    "bodies",
    "headers",
    "leaves",
    "meta",
    "outputs",
    "owners",
    "totals",
    "transactions",
];
