//! Snapshots of a running operator: a state archive at every so many heights, written beside the loop.
//!
//! The reader is pinned in the turn that committed the height, so that the file shows exactly that height; the writing
//! happens on a blocking thread while commits go on. One at a time: a snapshot that is due while another is written
//! is left out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use plasma_core::Height;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::storage::{
    Moments, Read,
    archive::{self, ArchiveError, Scope},
};

/// When snapshots are due and where they go.
#[derive(Debug, Default)]
pub struct Snapshots {
    folder: PathBuf,
    /// Zero: never.
    every: u32,
    kept: usize,
    running: Option<JoinHandle<()>>,
}

/// A snapshot that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its height.
    pub height: Height,
    /// Its size.
    pub bytes: u64,
    /// The file.
    pub path: PathBuf,
}

impl Snapshots {
    /// One at every height that `every` divides, in a folder of the data folder; the newest `kept` stay.
    #[must_use]
    pub fn new(data_dir: &Path, every: u32, kept: u32) -> Self {
        Self {
            folder: data_dir.join(FOLDER),
            every,
            kept: usize::try_from(kept).unwrap_or(usize::MAX),
            running: None,
        }
    }

    /// The folder that their folder lies in.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// Starts a snapshot when the height that was just committed asks for one.
    pub fn after_commit<R>(&mut self, height: Height, reader: &R)
    where
        R: Read + Moments + Send + 'static,
    {
        if self.every == 0 || height.0 == 0 || !height.0.is_multiple_of(self.every) {
            return;
        }
        if self
            .running
            .as_ref()
            .is_some_and(|running| !running.is_finished())
        {
            return warn!(
                height = height.0,
                "no snapshot: the one before is still being written"
            );
        }
        let pinned = match reader.pinned() {
            Ok(pinned) => pinned,
            Err(error) => return warn!(height = height.0, %error, "no snapshot"),
        };
        let (folder, kept) = (self.folder.clone(), self.kept);
        self.running = Some(tokio::task::spawn_blocking(move || {
            match write(&pinned, &folder, height, kept) {
                Ok(bytes) => info!(height = height.0, bytes, "snapshot written"),
                Err(error) => warn!(height = height.0, %error, "no snapshot"),
            }
        }));
    }

    /// Waits for the snapshot that is being written, if any.
    pub async fn finished(&mut self) {
        if let Some(running) = self.running.take() {
            // One that panicked has said so.
            let _ = running.await;
        }
    }
}

/// The snapshots of a data folder, oldest first.
///
/// # Errors
/// The system's.
pub fn list(data_dir: &Path) -> io::Result<Vec<Snapshot>> {
    list_folder(&data_dir.join(FOLDER))
}

fn list_folder(folder: &Path) -> io::Result<Vec<Snapshot>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let height = name
            .to_str()
            .and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
        if let Some(height) = height.map(Height) {
            found.push(Snapshot {
                height,
                bytes: entry.metadata()?.len(),
                path: entry.path(),
            });
        }
    }
    found.sort_by_key(|snapshot| snapshot.height);
    Ok(found)
}

fn write<R: Moments>(pinned: &R, folder: &Path, height: Height, kept: usize) -> Result<u64, ArchiveError> {
    let io = |source| ArchiveError::Io {
        doing: "keep snapshots in",
        path: folder.to_path_buf(),
        source,
    };
    fs::create_dir_all(folder).map_err(io)?;
    remove_torn(folder).map_err(io)?;
    let path = folder.join(format!("{}{SUFFIX}", height.0));
    let bytes = match archive::write(pinned, &path, Scope::State, &mut |_| {}) {
        Ok(summary) => summary.bytes,
        // A height that was decided again after a restart has the same snapshot.
        Err(ArchiveError::Exists { .. }) => path.metadata().map_err(io)?.len(),
        Err(error) => return Err(error),
    };
    let all = list_folder(folder).map_err(io)?;
    let old = all.len().saturating_sub(kept);
    for snapshot in all.iter().take(old) {
        fs::remove_file(&snapshot.path).map_err(io)?;
    }
    Ok(bytes)
}

/// What an operator that died left half written; one snapshot is written at a time, so nobody writes it now.
fn remove_torn(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "part") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Inside the data folder.
const FOLDER: &str = "snapshots";
/// Behind the height in a file's name.
const SUFFIX: &str = ".plasma";
