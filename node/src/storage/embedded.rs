//! Rows in an engine inside the process, one folder per operator.
//!
//! A commit is written to the engine and visible at once; a thread of its own makes it durable a moment later, many
//! blocks with one barrier. What is not durable yet is in the operator's log, which is kept until [`Storage::durable`]
//! has passed it. A failed write or barrier is never tried again: every later call fails and the operator stops.

mod fjall;
mod folder;
mod syncer;

use std::{fs, path::Path, sync::Arc};

use plasma_core::{Delta, Height, State};

use self::syncer::Syncer;
pub use self::{fjall::Fjall, folder::Folder, syncer::UNSYNCED_BYTES_MAX};
pub(crate) use folder::size_of;

use super::{
    Decided, Keep, Saved, Storage, StorageError, changes, opening, prune, query,
    rows::{Change, Moments, Rows},
    schema::Table,
};
use crate::{
    folder::{Claim, FolderError, Identity, sync_folder},
    wal::Lsn,
};

/// What an embedded engine must do.
pub trait Engine: Clone + Send + Sync + Sized + 'static {
    /// The rows of one moment; cheap to clone.
    type Moment: Rows + Clone + Send + Sync + 'static;

    /// Name of the file or the folder that it keeps its rows in.
    const NAME: &'static str;

    /// Opens the engine's file or folder, or makes it.
    ///
    /// # Errors
    /// The engine's.
    fn open(path: &Path, settings: Settings) -> Result<Self, StorageError>;

    /// The rows as they are now.
    ///
    /// # Errors
    /// The engine's.
    fn moment(&self) -> Result<Self::Moment, StorageError>;

    /// All changes or none, visible when it returns. After a crash a prefix of all writes is found.
    ///
    /// # Errors
    /// The engine's.
    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError>;

    /// Every write that returned before survives a power cut.
    ///
    /// # Errors
    /// The engine's; nobody knows then what the disk holds.
    fn sync(&self) -> Result<(), StorageError>;

    /// Gives back the room of rows that are gone; for a storage that no operator runs on.
    ///
    /// # Errors
    /// The engine's.
    fn compact(&mut self) -> Result<(), StorageError>;
}

/// The storage of one operator on one machine; it and its readers hold the lock of its folder.
#[derive(Debug)]
pub struct EmbeddedStorage<E: Engine = Fjall> {
    shared: EmbeddedReader<E>,
    syncer: Syncer,
    keep: Keep,
    fence: Option<Lsn>,
}

/// What an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Memory for blocks of rows read before, in bytes.
    pub cache_bytes: u64,
    /// Which bodies are kept.
    pub keep: Keep,
}

impl Default for Settings {
    /// 64 MiB: about half a million unspent outputs stay near, and four operators fit on a laptop.
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            keep: Keep::All,
        }
    }
}

/// Reader of an [`EmbeddedStorage`].
#[derive(Clone)]
pub struct EmbeddedReader<E: Engine = Fjall> {
    engine: E,
    pinned: Option<E::Moment>,
    /// Kept by every reader, because a reader keeps the engine's files open.
    claim: Arc<Claim>,
}

impl<E: Engine> std::fmt::Debug for EmbeddedReader<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedReader")
            .field("is_pinned", &self.pinned.is_some())
            .finish_non_exhaustive()
    }
}

impl<E: Engine> EmbeddedStorage<E> {
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
        let claim = Arc::new(Claim::take(folder)?);
        let engine = open::<E>(folder, settings, || changes::of_genesis(&identity, genesis))?;
        if let Some(changes) = opening::check(folder, &engine.moment()?, &identity, genesis)? {
            engine.write(changes)?;
        }
        // What a crash left written but not durable must not be taken for durable.
        engine.sync()?;
        let (height, _) = query::tip(&engine.moment()?)?;
        let syncer = Syncer::start(engine.clone(), height);
        let shared = EmbeddedReader {
            engine,
            pinned: None,
            claim,
        };
        let keep = settings.keep;
        Ok(Self {
            shared,
            syncer,
            keep,
            fence: None,
        })
    }
}

/// Opens the engine in a folder. A new one is made under another name first: a crash leaves either none or a whole one,
/// because no engine opens what is left of one half made.
fn open<E: Engine>(
    folder: &Path,
    settings: Settings,
    first: impl FnOnce() -> Vec<Change>,
) -> Result<E, StorageError> {
    let io = |source| FolderError::Io {
        path: folder.to_path_buf(),
        source,
    };
    let path = folder.join(E::NAME);
    if !path.try_exists().map_err(io)? {
        let draft = folder.join(DRAFT);
        if draft.is_dir() {
            fs::remove_dir_all(&draft).map_err(io)?;
        }
        if draft.exists() {
            fs::remove_file(&draft).map_err(io)?;
        }
        let engine = E::open(&draft, settings)?;
        engine.write(first())?;
        engine.sync()?;
        drop(engine);
        fs::rename(&draft, &path).map_err(io)?;
        sync_folder(folder).map_err(io)?;
    }
    E::open(&path, settings)
}

/// How long the body is that these changes write.
fn body_bytes(changes: &[Change]) -> u64 {
    let bodies = changes.iter().filter(|change| change.table == Table::Bodies);
    let lengths = bodies.filter_map(|change| change.value.as_ref()).map(Vec::len);
    u64::try_from(lengths.sum::<usize>()).unwrap_or(u64::MAX)
}

impl<E: Engine> Storage for EmbeddedStorage<E> {
    type Reader = EmbeddedReader<E>;

    fn reader(&self) -> EmbeddedReader<E> {
        self.shared.clone()
    }

    fn fence(&mut self, log: Lsn) {
        self.fence = Some(log);
    }

    /// Writes on a blocking thread, so this needs a tokio runtime. Waits while too much is not durable yet.
    async fn commit(&mut self, decided: &Decided, delta: &Delta) -> Result<(), StorageError> {
        let engine = self.shared.engine.clone();
        let progress = self.syncer.progress();
        progress.durable()?;
        let rows = engine.moment()?;
        let mut changes = changes::of_block(&rows, decided, delta, self.fence)?;
        prune::push(&mut changes, &rows, delta.height, self.keep)?;
        let height = delta.height;
        let body_bytes = body_bytes(&changes);
        let written = tokio::task::spawn_blocking(move || {
            progress.wait_for_room(height)?;
            let result = engine.write(changes);
            match &result {
                Ok(()) => progress.wrote(height, body_bytes),
                Err(error) => progress.fail(error),
            }
            result
        });
        written.await.map_err(|_| StorageError::ShuttingDown)?
    }

    fn durable(&self) -> Result<Height, StorageError> {
        self.syncer.progress().durable()
    }

    async fn recover(&self) -> Result<Saved, StorageError> {
        query::saved(&self.shared.engine.moment()?)
    }
}

impl<E: Engine> Moments for EmbeddedReader<E> {
    type Rows = E::Moment;

    fn moment(&self) -> Result<E::Moment, StorageError> {
        match &self.pinned {
            Some(moment) => Ok(moment.clone()),
            None => self.engine.moment(),
        }
    }

    fn pin(&self) -> Result<Self, StorageError> {
        Ok(Self {
            engine: self.engine.clone(),
            pinned: Some(self.moment()?),
            claim: Arc::clone(&self.claim),
        })
    }
}

fn engine_error<S>(doing: &'static str) -> impl Fn(S) -> StorageError
where
    S: std::error::Error + Send + Sync + 'static,
{
    move |source| StorageError::Engine {
        doing,
        source: Box::new(source),
    }
}

/// Name of an engine that is still being made; a crash leaves it behind and the next start removes it.
const DRAFT: &str = "draft";
