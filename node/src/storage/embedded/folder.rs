//! The folder of an embedded storage while no operator runs on it: what the tools open.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{EmbeddedReader, Engine, Fjall, Settings};
use crate::{
    folder::{Claim, FolderError},
    storage::{StorageError, bulk::Stopped, rows::Change},
};

/// An embedded storage without an operator; it holds the folder's lock as an operator does.
#[derive(Debug)]
pub struct Folder<E: Engine = Fjall> {
    path: PathBuf,
    shared: EmbeddedReader<E>,
}

impl<E: Engine> Folder<E> {
    /// Opens what is there; nothing is made and nothing is checked.
    ///
    /// # Errors
    /// [`StorageError::Absent`] when there is no such folder, [`StorageError::Folder`] when a process has it.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, StorageError> {
        if !path.is_dir() {
            return Err(StorageError::Absent {
                path: path.to_path_buf(),
            });
        }
        Self::make(path, settings)
    }

    /// As [`Folder::open`]; an absent folder is made, and its storage has no rows at all.
    ///
    /// # Errors
    /// [`StorageError::Folder`] when a process has it or it cannot be made.
    pub fn make(path: &Path, settings: Settings) -> Result<Self, StorageError> {
        let claim = Arc::new(Claim::take(path)?);
        let engine = super::open::<E>(path, settings, Vec::new)?;
        let shared = EmbeddedReader {
            engine,
            pinned: None,
            claim,
        };
        Ok(Self {
            path: path.to_path_buf(),
            shared,
        })
    }
}

impl<E: Engine> Stopped for Folder<E> {
    type Source = EmbeddedReader<E>;

    fn place(&self) -> &Path {
        &self.path
    }

    fn source(&self) -> EmbeddedReader<E> {
        self.shared.clone()
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.shared.engine.write(changes)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.shared.engine.sync()
    }

    fn compact(&mut self) -> Result<(), StorageError> {
        self.shared.engine.compact()
    }

    fn size_bytes(&self) -> Result<Option<u64>, StorageError> {
        let size = size_of(&self.path).map_err(|source| FolderError::Io {
            path: self.path.clone(),
            source,
        })?;
        Ok(Some(size))
    }
}

/// Bytes that the files below a folder take on the disk; one that vanishes meanwhile takes none.
pub(crate) fn size_of(path: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        sum += match entry.metadata() {
            Ok(found) if found.is_dir() => size_of(&entry.path())?,
            Ok(found) => found.blocks().saturating_mul(BLOCK_BYTES),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(sum)
}

/// The unit in which the system counts what a file takes; an engine's files are longer than they are full.
const BLOCK_BYTES: u64 = 512;
