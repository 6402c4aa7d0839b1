//! The engine without our code: what it takes for the same rows with the same durability.

use std::path::Path;

use fjall::{Database as FjallDatabase, Keyspace, KeyspaceCreateOptions, PersistMode};

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
