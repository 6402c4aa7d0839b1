//! A disk in memory for simulators and tests: it keeps what a barrier stands behind, and anything else as its seed decides.
//!
//! After a crash a write that no barrier covers may be there, missing, or torn at any boundary of 512 bytes, whatever became of
//! the writes before and after it; a file may have grown without the bytes; each name given, changed or taken since the last
//! barrier of its folder may be there or not. A clone is the same disk. Handles and claims of before a crash are dead.

mod state;

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::state::{Begun, Contents, Naming, State, Write};
use super::files::{Files, LogFile};
use crate::folder::FolderError;

/// A disk that tears and loses.
#[derive(Clone, Debug)]
pub struct VirtualDisk(Arc<Mutex<State>>);

/// What the disk answers instead of doing what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// EIO. Bytes whose barrier is refused are never kept by a later one.
    Failure,
    /// ENOSPC.
    Full,
}

/// An open file of a [`VirtualDisk`].
#[derive(Debug)]
pub struct VirtualFile {
    disk: VirtualDisk,
    file: u64,
    life: u64,
}

/// Holds a folder of a [`VirtualDisk`].
#[derive(Debug)]
pub struct VirtualClaim {
    disk: VirtualDisk,
    folder: PathBuf,
    life: u64,
}

impl VirtualDisk {
    /// An empty disk; everything that chance decides follows from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: seed,
            ..State::default()
        })))
    }

    /// Another disk in the same state, held by nobody, with a chance of its own: a backup, or one more way for the same
    /// moment to go on.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let state = self.state().clone();
        Self(Arc::new(Mutex::new(State {
            random: seed,
            held: BTreeSet::new(),
            ..state
        })))
    }

    /// How many operations have changed the disk or awaited it: created, written, synced, renamed, removed.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Refuses one operation, counted from 1; of a refused write a part may be written.
    pub fn refuse_at(&self, operation: u64, refusal: Refusal) {
        self.state().refusals.insert(operation, refusal);
    }

    /// Cuts the power, or ends the process, while the operation of this number, counted from 1, is under way: it and everything after it fails
    /// until [`VirtualDisk::crash`] or [`VirtualDisk::kill`].
    pub fn cut_at(&self, operation: u64) {
        self.state().cut_at = Some(operation);
    }

    /// Whether the power is out.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.state().is_out
    }

    /// The power went, and is back: what no barrier stands behind is there or not, nobody holds a folder, and nothing more
    /// is refused or cut.
    pub fn crash(&self) {
        self.state().crash();
    }

    /// The process ended and the power stayed: everything written is still seen, and as little of it is kept; nobody holds a
    /// folder, and nothing more is refused or cut.
    pub fn kill(&self) {
        self.state().end_life();
    }

    /// Changes these bits of one byte where it lies, behind all barriers: the disk went bad.
    ///
    /// # Errors
    /// When there is no such file, or it ends before.
    pub fn spoil(&self, path: &Path, offset: usize, bits: u8) -> io::Result<()> {
        let mut state = self.state();
        let file = state.find(path)?;
        let contents = state.files.get_mut(&file).ok_or(ErrorKind::NotFound)?;
        for bytes in [&mut contents.seen, &mut contents.kept] {
            *bytes.get_mut(offset).ok_or(ErrorKind::UnexpectedEof)? ^= bits;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for VirtualDisk {
    type File = VirtualFile;
    type Claim = VirtualClaim;

    fn claim(&self, folder: &Path) -> Result<VirtualClaim, FolderError> {
        let mut state = self.state();
        let path = folder.to_path_buf();
        if let Err(source) = state.powered() {
            return Err(FolderError::Io { path, source });
        }
        if !state.held.insert(path.clone()) {
            return Err(FolderError::Used { path, pid: None });
        }
        Ok(VirtualClaim {
            disk: self.clone(),
            folder: path,
            life: state.life,
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state();
        state.powered()?;
        let inside = |path: &&PathBuf| path.parent() == Some(folder);
        Ok(state.seen.keys().filter(inside).cloned().collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        state.powered()?;
        let file = state.find(path)?;
        Ok(state.files.get(&file).ok_or(ErrorKind::NotFound)?.seen.clone())
    }

    fn create(&self, path: &Path) -> io::Result<VirtualFile> {
        let mut state = self.state();
        let is_cut = state.begin()?;
        let file = state.next_file;
        state.next_file += 1;
        state.files.insert(file, Contents::default());
        state.name(Naming {
            gone: None,
            given: Some((path.to_path_buf(), file)),
        });
        is_cut.end()?;
        Ok(self.handle(file, state.life))
    }

    fn open(&self, path: &Path) -> io::Result<VirtualFile> {
        let state = self.state();
        state.powered()?;
        Ok(self.handle(state.find(path)?, state.life))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let is_cut = state.begin()?;
        let file = state.find(from)?;
        state.name(Naming {
            gone: Some(from.to_path_buf()),
            given: Some((to.to_path_buf(), file)),
        });
        is_cut.end()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let is_cut = state.begin()?;
        state.find(path)?;
        state.name(Naming {
            gone: Some(path.to_path_buf()),
            given: None,
        });
        is_cut.end()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin()?.end()?;
        let (kept, others): (Vec<Naming>, Vec<Naming>) = std::mem::take(&mut state.namings)
            .into_iter()
            .partition(|naming| naming.is_in(folder));
        state.namings = others;
        kept.into_iter().for_each(|naming| naming.apply(&mut state.kept));
        state.forget_nameless();
        Ok(())
    }
}

impl VirtualDisk {
    fn handle(&self, file: u64, life: u64) -> VirtualFile {
        VirtualFile {
            disk: self.clone(),
            file,
            life,
        }
    }
}

impl LogFile for VirtualFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let begun = state.begin();
        // Of what is refused a part may be written all the same.
        let length = match &begun {
            Ok(_) => bytes.len(),
            Err(_) if state.is_out => return begun.map(|_| ()),
            Err(_) => state.below(bytes.len()),
        };
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::InvalidInput)?;
        let written = Write {
            offset,
            bytes: bytes.get(..length).unwrap_or_default().to_vec(),
        };
        let contents = state.files.get_mut(&self.file).ok_or(ErrorKind::NotFound)?;
        written.apply(&mut contents.seen);
        contents.pending.push(written);
        begun?.end()
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let begun = state.begin();
        let is_out = state.is_out;
        let contents = state.files.get_mut(&self.file).ok_or(ErrorKind::NotFound)?;
        match begun.and_then(Begun::end) {
            Ok(()) => {
                for written in std::mem::take(&mut contents.pending) {
                    written.apply(&mut contents.kept);
                    contents.doomed.retain(|doomed| !doomed.overlaps(&written));
                }
                Ok(())
            }
            Err(error) => {
                if !is_out {
                    contents.doomed.append(&mut contents.pending);
                }
                Err(error)
            }
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl VirtualFile {
    /// The disk, if it did not crash since the file was opened.
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.life == self.life {
            Ok(state)
        } else {
            Err(io::Error::other("the file was opened before a crash"))
        }
    }
}

impl Drop for VirtualClaim {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.held.remove(&self.folder);
        }
    }
}
