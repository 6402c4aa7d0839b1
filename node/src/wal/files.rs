//! What the log asks of a disk. [`Disk`] is the real one; a simulated one can tear, lose and refuse, so that every crash can be
//! tried.
//!
//! A promise counts only behind its barrier: bytes are kept when [`LogFile::sync_data`] or [`LogFile::sync_all`] returned, names
//! when [`Files::sync_folder`] did. What a crash makes of anything else is unknown.

use std::{
    fmt, fs, io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::folder::{self, FolderError};

/// A disk with folders of files.
pub trait Files: Clone + fmt::Debug + Send + Sync + 'static {
    /// An open file.
    type File: LogFile;
    /// Holds a folder; another claim fails while this value lives, in any process.
    type Claim: fmt::Debug + Send + Sync;

    /// Makes the folder when it is missing and takes it for this process.
    ///
    /// # Errors
    /// [`FolderError::Used`] when another holds it.
    fn claim(&self, folder: &Path) -> Result<Self::Claim, FolderError>;

    /// Paths of what lies in a folder, in any order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// All bytes of a file.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Opens an empty file, whatever was there.
    ///
    /// # Errors
    /// What the system says.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file that is there, to write into it.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file's name away.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes what was named, renamed and removed in a folder survive a power cut.
    ///
    /// # Errors
    /// What the system says; as after any failed barrier nobody knows then what the disk holds.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file of a [`Files`].
pub trait LogFile: fmt::Debug + Send + Sync {
    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// What the system says; a part may be written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the bytes survive a power cut, in a file that did not grow.
    ///
    /// # Errors
    /// What the system says; nobody knows then what the disk holds.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes bytes and length survive a power cut.
    ///
    /// # Errors
    /// As [`LogFile::sync_data`].
    fn sync_all(&self) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk;

impl Files for Disk {
    type File = fs::File;
    type Claim = folder::Claim;

    fn claim(&self, folder: &Path) -> Result<folder::Claim, FolderError> {
        folder::Claim::take(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn create(&self, path: &Path) -> io::Result<fs::File> {
        fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(path)
    }

    fn open(&self, path: &Path) -> io::Result<fs::File> {
        fs::OpenOptions::new().read(true).write(true).open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        folder::sync_folder(folder)
    }
}

impl LogFile for fs::File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }
}
