//! The admin socket of a running operator, `admin.sock` in its data folder: what its owner asks on the same machine.
//!
//! Whoever may open the socket (mode 0600) may ask; nothing of it can change the ledger. A connection carries one
//! request, a line of at most [`REQUEST_BYTES_MAX`] bytes:
//!
//! ```text
//! info
//! export full|state ABSOLUTE-PATH
//! committee ABSOLUTE-PATH
//! ```
//!
//! and lines back: any number of `progress TABLE ROWS`, then one of `done JSON` and `failed EXIT-CODE WORDS`. An
//! export is written from a pinned reader on a blocking thread, so commits go on; it goes on too when the asker leaves.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tracing::{info, warn};

use super::{registry::Registry, snapshots};
use crate::{
    config::committee::Successor,
    storage::{
        Moments, Progress, Read, StorageError,
        archive::{self, ArchiveError, Scope, Summary},
        bulk,
        embedded::size_of,
    },
};

/// What an operator's owner can learn of its storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each is named like the meta row or setting that it shows"
)]
pub struct StorageView {
    pub running: bool,
    pub backend: String,
    pub place: PathBuf,
    pub schema: u32,
    pub genesis: String,
    pub key: String,
    pub height: u32,
    pub block: String,
    pub horizon: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    pub snapshots: Vec<SnapshotView>,
}

/// One snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SnapshotView {
    pub height: u32,
    pub bytes: u64,
    pub file: PathBuf,
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ExportView {
    pub file: PathBuf,
    pub scope: String,
    pub height: u32,
    pub block: String,
    pub rows: u64,
    pub bytes: u64,
    pub content: String,
}

/// A committee that was entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CommitteeView {
    pub epoch: u64,
    pub sequence: u64,
    pub hash: String,
    pub members: usize,
}

impl CommitteeView {
    /// As people and programs read it.
    #[must_use]
    pub fn new(successor: &Successor) -> Self {
        let committee = &successor.roster.committee;
        Self {
            epoch: committee.epoch().0,
            sequence: successor.sequence,
            hash: committee.hash().to_string(),
            members: committee.size(),
        }
    }
}

/// Which storage an operator has, as its settings name it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The backend's name.
    pub backend: &'static str,
    /// Where its rows are.
    pub path: PathBuf,
    /// The operator's folder.
    pub data_dir: PathBuf,
}

/// The desk behind the socket.
#[derive(Clone, Debug)]
pub struct Desk<R> {
    reader: R,
    place: Place,
    /// None where no operator runs beside it.
    registry: Option<Registry>,
    exports: Arc<Semaphore>,
}

impl ExportView {
    /// As people and programs read it.
    #[must_use]
    pub fn new(file: &Path, summary: &Summary) -> Self {
        Self {
            file: file.to_path_buf(),
            scope: summary.head.scope.name().to_owned(),
            height: summary.head.height.0,
            block: summary.head.block.0.to_string(),
            rows: summary.rows,
            bytes: summary.bytes,
            content: summary.content.to_string(),
        }
    }
}

/// Everything that `info` shows of a storage that no operator runs on.
///
/// # Errors
/// [`StorageError`] when there is no whole storage of this schema.
pub fn view<M: Moments>(
    source: &M,
    place: &Place,
    size_bytes: Option<u64>,
) -> Result<StorageView, StorageError> {
    let about = bulk::about(&source.moment()?, &place.path)?;
    // A folder that cannot be listed shows no snapshots; the storage is what was asked for.
    let found = snapshots::list(&place.data_dir).unwrap_or_default();
    let snapshots = found.into_iter().map(|snapshot| SnapshotView {
        height: snapshot.height.0,
        bytes: snapshot.bytes,
        file: snapshot.path,
    });
    Ok(StorageView {
        running: false,
        backend: place.backend.to_owned(),
        place: place.path.clone(),
        schema: about.schema,
        genesis: about.identity.genesis.to_string(),
        key: about.identity.key.to_string(),
        height: about.height.0,
        block: about.block.0.to_string(),
        horizon: about.horizon.0,
        size_bytes,
        snapshots: snapshots.collect(),
    })
}

impl<R: Read + Moments + Clone + Send + Sync + 'static> Desk<R> {
    /// A desk over a running operator's storage.
    #[must_use]
    pub fn new(reader: R, place: Place, registry: Option<Registry>) -> Self {
        Self {
            reader,
            place,
            registry,
            exports: Arc::new(Semaphore::new(1)),
        }
    }

    /// Answers until the task is ended; the socket's name goes with it. An operator lives without it, so a folder that
    /// can hold no socket is a warning.
    pub async fn serve(self) {
        let path = self.place.data_dir.join(SOCKET);
        let listener = match bind(&path) {
            Ok(listener) => listener,
            Err(error) => {
                return warn!(%error, path = %path.display(), "no admin socket: no export while the operator runs");
            }
        };
        let _name = Name(path);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "admin socket");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let desk = self.clone();
            tokio::spawn(async move {
                // The asker may leave at any moment; there is nobody else to tell.
                let _ = desk.converse(stream).await;
                drop(place);
            });
        }
    }

    async fn converse(self, mut stream: UnixStream) -> io::Result<()> {
        let request = match timeout(REQUEST_PATIENCE, request(&mut stream)).await {
            Ok(line) => line?,
            Err(_) => return say(&mut stream, "failed 8 no request came").await,
        };
        let words: Vec<&str> = request.splitn(3, ' ').collect();
        match words[..] {
            ["info"] => self.info(&mut stream).await,
            ["export", "full", path] => self.export(&mut stream, Scope::Full, Path::new(path)).await,
            ["export", "state", path] => self.export(&mut stream, Scope::State, Path::new(path)).await,
            ["committee", path] => self.committee(&mut stream, Path::new(path)).await,
            _ => say(&mut stream, "failed 2 no such request").await,
        }
    }

    async fn info(self, stream: &mut UnixStream) -> io::Result<()> {
        let found = tokio::task::spawn_blocking(move || {
            // The files change meanwhile; a size that cannot be told is left out.
            let size = size_of(&self.place.path).ok();
            view(&self.reader, &self.place, size)
        });
        match found.await {
            Ok(Ok(view)) => {
                done(
                    stream,
                    &StorageView {
                        running: true,
                        ..view
                    },
                )
                .await
            }
            Ok(Err(error)) => say(stream, &format!("failed 4 {error}")).await,
            Err(_) => say(stream, "failed 1 the operator is stopping").await,
        }
    }

    async fn committee(self, stream: &mut UnixStream, path: &Path) -> io::Result<()> {
        let Some(registry) = self.registry else {
            return say(stream, "failed 2 no operator that takes committees").await;
        };
        match registry.install(path).await {
            Ok(successor) => done(stream, &CommitteeView::new(&successor)).await,
            Err(error) => say(stream, &format!("failed 3 {error}")).await,
        }
    }

    async fn export(self, stream: &mut UnixStream, scope: Scope, path: &Path) -> io::Result<()> {
        if !path.is_absolute() {
            return say(stream, "failed 2 the path must be absolute").await;
        }
        let Ok(turn) = self.exports.clone().try_acquire_owned() else {
            return say(stream, "failed 9 another export is under way").await;
        };
        info!(path = %path.display(), scope = scope.name(), "export begins");
        let (news, mut progress) = mpsc::channel(PROGRESS_MAX);
        let (reader, file) = (self.reader, path.to_path_buf());
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // News that nobody takes in time are old news.
            let mut tell = |progress: Progress| {
                let _ = news.try_send(progress);
            };
            let pinned = reader.pinned().map_err(ArchiveError::from)?;
            archive::write(&pinned, &file, scope, &mut tell)
        });
        let mut is_heard = true;
        while let Some(Progress { table, rows }) = progress.recv().await {
            let line = format!("progress {} {rows}", table.name());
            is_heard = is_heard && say(stream, &line).await.is_ok();
        }
        match written.await {
            Ok(Ok(summary)) => {
                info!(path = %path.display(), height = summary.head.height.0, "export done");
                done(stream, &ExportView::new(path, &summary)).await
            }
            Ok(Err(error)) => {
                warn!(path = %path.display(), %error, "export failed");
                say(stream, &format!("failed 1 {}", error.about(path))).await
            }
            Err(_) => say(stream, "failed 1 the operator is stopping").await,
        }
    }
}

/// The socket under its name with its mode from the first moment on; one that a dead operator left is replaced. Only
/// the holder of the storage's lock comes here.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

/// Removes the socket's name.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        // A name that stays is replaced at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

async fn request(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(REQUEST_BYTES_MAX))
        .read_line(&mut line)
        .await?;
    match line.strip_suffix('\n') {
        Some(request) => Ok(request.to_owned()),
        // Cut or too long: nothing that could be answered.
        None => Ok(String::new()),
    }
}

async fn done(stream: &mut UnixStream, document: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(document).map_err(io::Error::other)?;
    say(stream, &format!("done {text}")).await
}

async fn say(stream: &mut UnixStream, line: &str) -> io::Result<()> {
    let line = format!("{}\n", line.replace('\n', " "));
    stream.write_all(line.as_bytes()).await
}

/// Inside the data folder.
pub const SOCKET: &str = "admin.sock";
/// Bytes of a request: a longest path and a few words.
pub const REQUEST_BYTES_MAX: u64 = 4_200;
/// Connections at once; people have no more hands.
const CONNECTIONS_MAX: usize = 4;
/// A program sends its request at once.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);
/// After an error of the system, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// News on their way to the asker.
const PROGRESS_MAX: usize = 16;
