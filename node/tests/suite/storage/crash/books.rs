//! The two things that an operator keeps, used as it uses them: a block goes to the log before it is committed.

use std::path::Path;

use plasma_core::{Epoch, Height};
use plasma_node::{
    storage::{
        Read, Storage,
        embedded::{EmbeddedStorage, Engine, Settings},
    },
    wal::{LogSite, Record, Wal},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::super::{
    history::{Model, genesis},
    identity,
    rules::expect_model,
};

/// Seed of the history that every child continues.
pub(crate) const HISTORY: u64 = 0xdead;

/// Small, so that a few dozen blocks fill several.
const SEGMENT: u64 = 128 << 10;

/// Blocks between two checkpoints of the log.
const CHECKPOINT: u32 = 24;

/// Most of a body's bytes in the log: several pages.
const BODY_MAX: usize = 20_000;

/// Log and storage of one operator, and what they must hold.
pub(crate) struct Books<E: Engine> {
    pub(crate) storage: EmbeddedStorage<E>,
    pub(crate) model: Model,
    /// Where the storage stood before the log was read.
    pub(crate) found: Height,
    /// Whether the log dropped a torn batch.
    pub(crate) was_torn: bool,
    log: Wal,
}

impl<E: Engine> Books<E> {
    /// Opens both, checks the storage against the model, and brings it up to the log.
    pub(crate) async fn open(folder: &Path) -> Result<Self, String> {
        let opened = Wal::open(LogSite {
            segment_size: SEGMENT,
            ..LogSite::on_disk(&folder.join("log"), identity(), 1)
        });
        let opened = opened.map_err(|error| format!("the log: {error}"))?;
        let storage = folder.join("storage");
        let mut storage = EmbeddedStorage::<E>::open(&storage, identity(), &genesis(), Settings::default())
            .map_err(|error| format!("the storage: {error}"))?;
        let saved = storage.recover().await;
        let saved = saved.map_err(|error| format!("what is saved: {error}"))?;
        let last = opened.wal.last_lsn();
        if saved.fence.is_some_and(|fence| fence > last) {
            return Err(format!(
                "the log ends at {last:?}, the fence is {:?}",
                saved.fence
            ));
        }
        storage.fence(last);
        let reader = storage.reader();
        let (found, _) = reader.tip().map_err(|error| format!("the tip: {error}"))?;
        let mut model = Model::with_large_blocks(HISTORY);
        while model.state.header.height < found {
            model.next();
        }
        expect_model(&reader, &model);
        for entry in opened.entries {
            let (height, block) = entry.record.content.split_at(4);
            let height = Height(u32::from_be_bytes(height.try_into().unwrap()));
            let tip = model.state.header.height;
            if height <= tip {
                continue;
            }
            if height != tip.next().unwrap() {
                return Err(format!("the log goes on at {height}, the storage ends at {tip}"));
            }
            let (decided, delta) = model.next();
            assert_eq!(block[..32], delta.block.0.0, "height {height}");
            let committed = storage.commit(&decided, &delta).await;
            committed.map_err(|error| format!("height {height} again: {error}"))?;
        }
        expect_model(&reader, &model);
        Ok(Self {
            storage,
            model,
            found,
            was_torn: opened.dropped_torn_batch,
            log: opened.wal,
        })
    }

    /// One more block; `say` hears how far each is safe.
    pub(crate) async fn next(&mut self, mut say: impl FnMut(String)) -> Result<(), String> {
        let (decided, delta) = self.model.next();
        let height = delta.height;
        let mut random = StdRng::seed_from_u64(u64::from(height.0));
        let mut content = [&height.0.to_be_bytes()[..], &delta.block.0.0].concat();
        content.resize(36 + random.random_range(0..BODY_MAX), 0x5a);
        let record = Record {
            epoch: Epoch(0),
            kind: 1,
            content,
        };
        self.log
            .append_batch(&[record])
            .map_err(|error| format!("the log: {error}"))?;
        say(format!("acknowledged {height}"));
        self.storage.fence(self.log.last_lsn());
        let committed = self.storage.commit(&decided, &delta).await;
        committed.map_err(|error| format!("the storage: {error}"))?;
        let durable = self.storage.durable().map_err(|error| error.to_string())?;
        say(format!("durable {durable}"));
        if height.0.is_multiple_of(CHECKPOINT) {
            let durable = durable.0.to_be_bytes();
            self.log
                .retain(|entry| entry.record.content[..4] > durable[..])
                .map_err(|error| format!("the log: {error}"))?;
        }
        Ok(())
    }
}
