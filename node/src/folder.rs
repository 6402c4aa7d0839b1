//! A folder on disk that belongs to one process and to one voting key of one federation.
//!
//! Two processes with one voting key are the commonest way to sign twice, so whoever opens the log
//! or the storage holds the folder's lock for as long as it lives; the system frees the lock when the
//! process dies, however it dies.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use plasma_core::{Hash, PublicKey, keccak};

/// Whose records a folder holds: they may never mix with another federation's or operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Hash of the genesis document.
    pub genesis: Hash,
    /// keccak of the operator's compressed BLS key. Votes bind to it; an operator's place in the committee
    /// differs from epoch to epoch, and who joins later has none in the first.
    pub key: Hash,
}

impl Identity {
    /// Length of [`Identity::to_bytes`].
    pub const SIZE: usize = 64;

    /// Of a member by its key.
    #[must_use]
    pub fn new(genesis: Hash, key: &PublicKey) -> Self {
        let key = keccak(&[&key.0]);
        Self { genesis, key }
    }

    /// genesis 32 ‖ key 32.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (genesis, key) = bytes.split_at_mut(32);
        genesis.copy_from_slice(&self.genesis.0);
        key.copy_from_slice(&self.key.0);
        bytes
    }

    /// The one encoding back; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (genesis, key) = bytes.split_first_chunk::<32>()?;
        Some(Self {
            genesis: Hash(*genesis),
            key: Hash(key.try_into().ok()?),
        })
    }

    /// Says what differs between what a folder holds and what was configured; `None` when nothing does.
    #[must_use]
    pub fn difference(stored: &Self, configured: &Self) -> Option<String> {
        Self::other_federation(stored.genesis, configured.genesis).or_else(|| {
            (stored.key != configured.key).then(|| {
                format!(
                    "it belongs to the BLS key with hash {}, the configuration names the one with hash {}",
                    stored.key, configured.key
                )
            })
        })
    }

    /// The same where only the federation counts: what is found may be any member's.
    #[must_use]
    pub fn other_federation(stored: Hash, configured: Hash) -> Option<String> {
        (stored != configured).then(|| {
            format!(
                "it belongs to the federation with genesis {stored}, the configuration names {configured}"
            )
        })
    }
}

/// Why a folder could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process holds it.
    #[error("{} is already used by {}; stop that process or choose another folder", path.display(), holder(*pid))]
    Used {
        /// The folder.
        path: PathBuf,
        /// Process id written by the holder, when it could be read.
        pid: Option<u32>,
    },
    /// The folder or its lock file cannot be made or opened.
    #[error("cannot open the folder {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Holds a folder; another claim fails until this value is dropped.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

impl Claim {
    /// Makes the folder when it is missing and takes its lock.
    ///
    /// # Errors
    /// [`FolderError::Used`] names the process that holds it.
    pub fn take(path: &Path) -> Result<Self, FolderError> {
        let io = |source| FolderError::Io {
            path: path.to_path_buf(),
            source,
        };
        make_durable(path).map_err(io)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join(LOCK))
            .map_err(io)?;
        for _ in 0..LOCK_ATTEMPTS {
            match lock.try_lock() {
                Ok(()) => {
                    lock.set_len(0).map_err(io)?;
                    lock.write_all(std::process::id().to_string().as_bytes())
                        .map_err(io)?;
                    return Ok(Self { _lock: lock });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        let mut text = String::new();
        let read = (&lock).take(PID_DIGITS_MAX).read_to_string(&mut text);
        let pid = read.ok().and_then(|_| text.trim().parse().ok());
        Err(FolderError::Used {
            path: path.to_path_buf(),
            pid,
        })
    }
}

/// Makes a folder and those above it, so that no power cut takes the names of new ones with all that comes to lie in them.
pub(crate) fn make_durable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_durable(parent)?;
    }
    fs::create_dir_all(path)?;
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Makes names created, renamed or removed in a folder survive a power cut.
///
/// # Errors
/// Whatever the system says; the caller must treat it like any failed fsync and stop.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("pid {pid}"))
}

/// File inside the folder that carries the lock; its content is the holder's process id.
const LOCK: &str = "lock";

/// More digits than any process id has; a lock file is not read beyond them.
const PID_DIGITS_MAX: u64 = 20;

/// A holder that just died, or that started a child process, keeps the lock for a moment longer.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
