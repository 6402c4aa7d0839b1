//! Where a storage that comes from others is filled, and how it takes the place of the one before.
//!
//! ```text
//! db.fetched     the archive on its way
//! db.importing   the storage that is being filled
//! db.checked     the same, whole and checked; whoever finds it finishes the change
//! db             what the operator opens
//! db.before-N    what it opened before block N came from others; nothing of it is needed any more
//! ```
//!
//! A process that dies leaves the first two, which the next start removes, or the third, which it puts in place. A storage is
//! never opened under a name under which it may be unfinished.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use plasma_core::Height;

use crate::{
    folder::{Claim, FolderError, sync_folder},
    storage::{
        Moments as _, StorageError,
        bulk::{self, Stopped as _},
        embedded::{Fjall, Folder, Settings},
    },
};

/// The names beside a storage.
#[derive(Clone, Debug)]
pub struct Place {
    storage: PathBuf,
    settings: Settings,
}

impl Place {
    /// Of the storage in this folder.
    #[must_use]
    pub fn of(storage: &Path, settings: Settings) -> Self {
        Self {
            storage: storage.to_path_buf(),
            settings,
        }
    }

    /// The archive on its way.
    #[must_use]
    pub fn archive(&self) -> PathBuf {
        self.named("fetched")
    }

    /// The storage that is being filled.
    #[must_use]
    pub fn importing(&self) -> PathBuf {
        self.named("importing")
    }

    /// How its engine is opened.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Finishes or removes what a process that died has left. Before a storage is opened.
    ///
    /// # Errors
    /// The system's, or the engine's.
    pub fn tidy(&self) -> Result<(), StorageError> {
        self.empty()?;
        if self.checked().is_dir() {
            self.change()?;
        }
        Ok(())
    }

    /// Removes what was begun.
    ///
    /// # Errors
    /// The system's.
    pub fn empty(&self) -> Result<(), StorageError> {
        remove(&self.importing()).map_err(|source| self.failed(source))?;
        remove(&self.archive()).map_err(|source| self.failed(source))
    }

    /// What was filled is whole and checked: from now on it is the storage.
    ///
    /// # Errors
    /// The system's, or the engine's.
    pub fn adopt(&self) -> Result<(), StorageError> {
        self.rename(&self.importing(), &self.checked())?;
        self.change()?;
        self.empty()
    }

    fn change(&self) -> Result<(), StorageError> {
        let checked = self.checked();
        let height = self.height(&checked)?;
        if self.storage.is_dir() {
            // Whoever still works on it keeps it.
            let claim = Claim::take(&self.storage)?;
            drop(claim);
            let before = self.before(height);
            if self.height(&self.storage).is_ok_and(|height| height == Height(0)) {
                // Nothing but the genesis block is in it.
                remove(&self.storage).map_err(|source| self.failed(source))?;
            } else {
                self.rename(&self.storage, &before)?;
            }
        }
        self.rename(&checked, &self.storage)
    }

    fn height(&self, path: &Path) -> Result<Height, StorageError> {
        let folder = Folder::<Fjall>::open(path, self.settings)?;
        Ok(bulk::about(&folder.source().moment()?, path)?.height)
    }

    /// A free name for the storage of before; whoever put back an old one may have come this way already.
    fn before(&self, height: Height) -> PathBuf {
        let word = format!("before-{}", height.0);
        let mut number = 1u32;
        let mut free = self.named(&word);
        while free.symlink_metadata().is_ok() {
            number = number.saturating_add(1);
            free = self.named(&format!("{word}-{number}"));
        }
        free
    }

    fn checked(&self) -> PathBuf {
        self.named("checked")
    }

    fn named(&self, word: &str) -> PathBuf {
        let mut name = self
            .storage
            .file_name()
            .map_or_else(OsString::new, OsString::from);
        name.push(".");
        name.push(word);
        self.storage.with_file_name(name)
    }

    /// Renames so that a power cut does not undo it.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        let renamed = fs::rename(from, to);
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        renamed
            .and_then(|()| sync_folder(parent.unwrap_or(Path::new("."))))
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StorageError {
        let path = self.storage.clone();
        FolderError::Io { path, source }.into()
    }
}

/// Removes a file or a folder that may be missing.
fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
