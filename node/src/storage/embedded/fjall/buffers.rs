//! Rows that stand in the journal and in memory, but not in a table's files yet.
//!
//! The engine's one worker writes them out and merges files in between. Left to itself the engine lets a table's buffer
//! grow for as long as a merge takes and tells the worker about it with every batch: a thousand batches fill the worker's
//! queue, and a worker that finds its own queue full waits for itself for ever, while memory grows. So full buffers are
//! sealed here, each once, and a write returns when few enough wait for the worker. A restart reads no more back either.

use std::{
    thread,
    time::{Duration, Instant},
};

use fjall::{AbstractTree as _, Keyspace, PersistMode};
use tracing::warn;

use super::{Fjall, engine_error};
use crate::storage::StorageError;

impl Fjall {
    /// Hands full buffers to the worker, and waits until few enough are in its hands.
    pub(super) fn relieve(&self) -> Result<(), StorageError> {
        for table in self.tables.all() {
            if table.tree.active_memtable().size() >= BUFFER_SIZE {
                table.rotate_memtable().map_err(engine_error("seal a buffer"))?;
            }
        }
        self.wait_for_room(WORKER_PATIENCE)
    }

    fn wait_for_room(&self, patience: Duration) -> Result<(), StorageError> {
        let since = Instant::now();
        let mut is_told = false;
        while !self.has_room() {
            // Fails when the worker does, which nobody else would tell.
            self.database
                .persist(PersistMode::Buffer)
                .map_err(engine_error("write out its buffers"))?;
            let waited = since.elapsed();
            if waited >= patience {
                return Err(StorageError::Engine {
                    doing: "write out its buffers",
                    source: format!("its worker has not made room for {} s", waited.as_secs()).into(),
                });
            }
            if waited >= WORTH_TELLING && !is_told {
                warn!(
                    "the storage engine is behind with writing out its buffers: blocks wait for it; look at the disk"
                );
                is_told = true;
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        let sealed = || self.tables.all().map(Keyspace::sealed_memtable_count);
        sealed().sum::<usize>() <= SEALED_MAX && sealed().all(|count| count <= SEALED_OF_TABLE_MAX)
    }
}

/// Bytes in a table's buffer from which on it is sealed; rows take up to twice their size in memory.
const BUFFER_SIZE: u64 = 8 << 20;

/// Sealed buffers of all tables: what is written meanwhile when a merge takes long.
const SEALED_MAX: usize = 4;

/// Sealed buffers of one table; from four on the engine itself waits, and does not notice that its worker is gone.
const SEALED_OF_TABLE_MAX: usize = 3;

/// How long a full engine is left alone.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A wait that an operator should know of: a merge on a healthy disk takes a second or two.
const WORTH_TELLING: Duration = Duration::from_secs(10);

/// A worker that has not written one buffer of eight megabytes in five minutes never will; a restart reads them from the
/// journal again.
const WORKER_PATIENCE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::storage::{
        embedded::{Engine as _, Settings},
        rows::Change,
        schema::Table,
    };

    /// Bytes of a value that no table keeps in parts.
    const VALUE: usize = 4 << 10;

    /// A megabyte of them.
    const ROWS: u32 = 256;

    /// A folder that goes with the test.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// The engine goes first: its worker writes until then.
    struct Scratch {
        engine: Fjall,
        folder: Folder,
    }

    fn scratch(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("plasma-buffers-{}-{name}", std::process::id()));
        Scratch {
            engine: Fjall::open(&path, Settings::default()).unwrap(),
            folder: Folder(path),
        }
    }

    fn change(table: Table, number: u32) -> Change {
        Change {
            table,
            key: number.to_be_bytes().to_vec(),
            value: Some(vec![7; VALUE]),
        }
    }

    fn largest_buffer(engine: &Fjall) -> u64 {
        let sizes = engine
            .tables
            .all()
            .map(|table| table.tree.active_memtable().size());
        sizes.max().unwrap()
    }

    #[test]
    fn a_buffer_is_sealed_by_the_write_that_fills_it() {
        let Scratch { engine, .. } = &scratch("one");
        let mut number = 0;
        while u64::from(number) * (VALUE as u64) < 5 * BUFFER_SIZE {
            let batch = (number..number + 100).map(|number| change(Table::Outputs, number));
            engine.write(batch.collect()).unwrap();
            number += 100;
            assert!(largest_buffer(engine) < BUFFER_SIZE);
            assert!(engine.has_room());
        }
    }

    #[test]
    fn a_write_fails_when_the_worker_cannot_write_its_buffers_out() {
        let Scratch { engine, folder } = &scratch("failing");
        std::fs::remove_dir_all(folder.0.join("keyspaces")).unwrap();
        let rows = u32::try_from(BUFFER_SIZE).unwrap() / u32::try_from(VALUE).unwrap();
        let tables = Table::ALL
            .into_iter()
            .filter(|table| !super::super::parts::are_long(*table));
        let batch = tables.flat_map(|table| (0..rows).map(move |number| change(table, number)));
        let error = engine.write(batch.collect()).unwrap_err();
        assert!(matches!(error, StorageError::Engine { .. }), "{error}");
    }

    #[test]
    fn a_worker_that_makes_no_room_is_waited_for_no_longer_than_the_patience() {
        let Scratch { engine, .. } = &scratch("stuck");
        for table in engine.tables.all() {
            for number in 0..ROWS {
                table.insert(number.to_be_bytes(), [7; VALUE]).unwrap();
            }
        }
        // Sealing takes no time; the worker has a megabyte to write for each.
        for table in engine.tables.all() {
            table.rotate_memtable().unwrap();
        }
        let error = engine.wait_for_room(Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("write out its buffers"), "{error}");
        engine.wait_for_room(WORKER_PATIENCE).unwrap();
    }

    #[test]
    fn a_write_that_fills_many_buffers_waits_until_the_worker_has_written_some() {
        let Scratch { engine, .. } = &scratch("many");
        let short = || {
            Table::ALL
                .into_iter()
                .filter(|table| !super::super::parts::are_long(*table))
        };
        assert!(short().count() > SEALED_MAX);
        let rows = u32::try_from(BUFFER_SIZE).unwrap() / u32::try_from(VALUE).unwrap();
        let batch = short().flat_map(|table| (0..rows).map(move |number| change(table, number)));
        engine.write(batch.collect()).unwrap();
        assert!(largest_buffer(engine) < BUFFER_SIZE);
        assert!(engine.has_room());
        for table in short() {
            let moment = engine.moment().unwrap();
            let last = crate::storage::rows::Rows::last_row(&moment, table).unwrap();
            assert_eq!(last.unwrap().0, (rows - 1).to_be_bytes());
        }
    }
}
