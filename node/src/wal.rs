//! The operator's own log: votes, bodies and certificates are here before they are spoken.
//!
//! One [`Wal::append_batch`] is one barrier: when it returns, the batch survives a power cut whole;
//! when it fails, nothing of the batch may be spoken and the process must stop, because after a failed
//! fsync nobody knows what the disk holds. The log is a local file whatever the storage is, so that an
//! unreachable database never blocks a vote. It does not know what its records mean.
//!
//! Bytes: [`frame`] (records and batches) and [`segment`] (files). Recovery: [`recovery`]. The log
//! shrinks by [`Wal::checkpoint`], which replaces everything by the records that are still needed.

mod crc32c;
mod frame;
mod recovery;
mod segment;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use plasma_core::Epoch;

use self::{
    frame::Place,
    segment::{Header, Segment},
};
use crate::folder::{Claim, FolderError, Identity, sync_folder};

/// One thing to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The epoch it belongs to, so that records of older ones can be told apart.
    pub epoch: Epoch,
    /// What it is, 1..=255; the numbers are the caller's.
    pub kind: u8,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Number of a record in the log, from 1, strictly increasing; a checkpoint gives new numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub u64);

/// A record with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub lsn: Lsn,
    /// The record.
    pub record: Record,
}

/// What opening a log found.
#[derive(Debug)]
pub struct Opened {
    /// The log, ready for the next batch.
    pub wal: Wal,
    /// Every record of every acknowledged batch, oldest first.
    pub entries: Vec<Entry>,
    /// Whether a batch was dropped that a crash had torn; nothing of it was ever spoken.
    pub dropped_torn_batch: bool,
}

/// The log of one operator; holds the lock of its folder.
#[derive(Debug)]
pub struct Wal {
    folder: PathBuf,
    segment_size: u64,
    place: Place,
    segment: Segment,
    older: Vec<PathBuf>,
    kept: u64,
    appended: u64,
    is_stopped: bool,
    sync: fn(&File) -> io::Result<()>,
    _claim: Claim,
}

/// Why the log cannot be opened or written; none of it may be retried in the same process.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The folder is in use or cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The folder holds another operator's votes.
    #[error("the log segment {} is not ours: {difference}; name this operator's own folder", path.display())]
    Identity {
        /// A segment.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Something acknowledged is lost.
    #[error(
        "the log is damaged in {} at offset {offset}: {what}. It may have forgotten a vote, so this operator \
         must not vote from it, nor from an emptied folder. Restore the file, or keep the folder aside and let \
         the operator rejoin under a new key", path.display()
    )]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// It was written by another version of this program.
    #[error(
        "the log segment {} has version {found} of the format, this program reads {known}; start the program that wrote \
         it. Never start without the log: it holds this operator's votes", path.display()
    )]
    Version {
        /// A segment.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// Ours.
        known: u16,
    },
    /// There is no log where one must be.
    #[error("there is no log in {}", folder.display())]
    Missing {
        /// Where it should be.
        folder: PathBuf,
    },
    /// The system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A write failed before; the log refuses everything after it.
    #[error("the log stopped at a failed write; restart the process")]
    Stopped,
    /// A record has the kind that ends batches.
    #[error("a record's kind must be 1 to 255")]
    Kind,
    /// One batch is larger than [`BATCH_SIZE_MAX`].
    #[error("a batch of {size} bytes; at most {BATCH_SIZE_MAX} fit")]
    BatchTooLarge {
        /// Its size.
        size: usize,
    },
    /// [`SEGMENTS_MAX`] files without a checkpoint.
    #[error("the log in {} has {SEGMENTS_MAX} segments; nothing was finalized for too long", folder.display())]
    Full {
        /// The log's folder.
        folder: PathBuf,
    },
}

impl Wal {
    /// Opens the log in a folder, or starts one; drops a torn last batch.
    ///
    /// # Errors
    /// [`WalError::Corrupt`] when anything acknowledged is damaged, [`WalError::Identity`] when the log
    /// is another operator's, [`WalError::Folder`] when another process holds it.
    pub fn open(folder: &Path, identity: Identity) -> Result<Opened, WalError> {
        Self::open_sized(folder, identity, SEGMENT_SIZE)
    }

    /// Opens a log that must be there; never begins one, or the refusal would hold for a single start only. For an operator that
    /// may have voted: see [`WalError::Corrupt`].
    ///
    /// # Errors
    /// [`WalError::Missing`], and those of [`Wal::open`].
    pub fn reopen(folder: &Path, identity: Identity) -> Result<Opened, WalError> {
        let claim = Claim::take(folder)?;
        let log = recovery::read(folder, identity)?.ok_or_else(|| WalError::Missing {
            folder: folder.to_owned(),
        })?;
        Self::resume(folder, claim, SEGMENT_SIZE, log)
    }

    /// [`Wal::open`] with another size for the segments made from now on.
    ///
    /// # Errors
    /// Those of [`Wal::open`].
    pub fn open_sized(folder: &Path, identity: Identity, segment_size: u64) -> Result<Opened, WalError> {
        let claim = Claim::take(folder)?;
        let Some(log) = recovery::read(folder, identity)? else {
            let header = Header::new(1, Place { lsn: 1, batch: 1 }, segment_size, identity).base(0);
            let segment = Segment::create(folder, header, &[])?;
            let wal = Self::new(folder, claim, segment_size, segment);
            return Ok(Opened {
                wal,
                entries: Vec::new(),
                dropped_torn_batch: false,
            });
        };
        Self::resume(folder, claim, segment_size, log)
    }

    fn resume(
        folder: &Path,
        claim: Claim,
        segment_size: u64,
        log: recovery::Log,
    ) -> Result<Opened, WalError> {
        let segment = Segment::reopen(log.newest.0, log.newest.1, log.offset)?;
        if log.is_torn {
            segment.blank_rest().map_err(|source| WalError::Io {
                doing: "clear a torn batch in",
                path: segment.path.clone(),
                source,
            })?;
        }
        let mut wal = Self::new(folder, claim, segment_size, segment);
        wal.place = log.place;
        wal.older = log.older;
        (wal.kept, wal.appended) = (log.kept, log.appended);
        wal.remove(&log.replaced)?;
        Ok(Opened {
            wal,
            entries: log.entries,
            dropped_torn_batch: log.is_torn,
        })
    }

    /// Appends records as one batch and returns when the disk has them; the number of the last one.
    ///
    /// # Errors
    /// Any error is fatal: nothing of the batch may be spoken and the process must stop. Every later
    /// call fails with [`WalError::Stopped`].
    pub fn append_batch(&mut self, records: &[Record]) -> Result<Lsn, WalError> {
        let (last, bytes_needed) = self.check(records)?;
        if records.is_empty() {
            return Ok(last);
        }
        // Until the write is known to be on disk; every way out by an error leaves the log stopped.
        self.is_stopped = true;
        if bytes_needed > self.segment.room() {
            self.rotate(bytes_needed)?;
        }
        let bytes =
            frame::encode_batch(self.segment.header.salt, self.place, records).ok_or(WalError::Stopped)?;
        self.segment
            .append(&bytes, self.sync)
            .map_err(|source| WalError::Io {
                doing: "append to",
                path: self.segment.path.clone(),
                source,
            })?;
        self.appended += bytes_needed;
        self.is_stopped = false;
        Ok(self.advance(records))
    }

    /// Replaces the whole log by one batch of the records that are still needed, atomically: after a
    /// crash the log holds either all that it held before, or exactly these.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn checkpoint(&mut self, needed: &[Record]) -> Result<Lsn, WalError> {
        self.check(needed)?;
        self.is_stopped = true;
        let size = if needed.is_empty() {
            0
        } else {
            frame::batch_size(needed)
        };
        let header = self.next_header().base(u64::try_from(size).unwrap_or(u64::MAX));
        let bytes = match needed {
            [] => Vec::new(),
            _ => frame::encode_batch(header.salt, self.place, needed).ok_or(WalError::Stopped)?,
        };
        let segment = Segment::create(&self.folder, header, &bytes)?;
        let replaced = std::mem::replace(&mut self.segment, segment);
        let mut paths = std::mem::take(&mut self.older);
        paths.push(replaced.path);
        self.remove(&paths)?;
        (self.kept, self.appended) = (self.segment.header.sealed(), 0);
        self.is_stopped = false;
        Ok(self.advance(needed))
    }

    /// [`Wal::checkpoint`] with every record for which `keep` says yes, read back from the disk.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) -> Result<Lsn, WalError> {
        let log = recovery::read(&self.folder, self.segment.header.identity)?;
        let entries = log.map(|log| log.entries).unwrap_or_default();
        let needed: Vec<Record> = entries
            .into_iter()
            .filter(keep)
            .map(|entry| entry.record)
            .collect();
        self.checkpoint(&needed)
    }

    /// The number that the next record will get.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        Lsn(self.place.lsn)
    }

    /// Whether a checkpoint is worth its writing: since the last one the log grew by half a segment, and
    /// by more than that one had to keep.
    #[must_use]
    pub fn is_checkpoint_due(&self) -> bool {
        self.appended > self.kept.max(self.segment_size / 2)
    }

    fn new(folder: &Path, claim: Claim, segment_size: u64, segment: Segment) -> Self {
        Self {
            folder: folder.to_path_buf(),
            segment_size,
            place: segment.header.first,
            segment,
            older: Vec::new(),
            kept: 0,
            appended: 0,
            is_stopped: false,
            sync: File::sync_data,
            _claim: claim,
        }
    }

    /// Refuses what must not be written; the number of the last record there is, and the bytes needed.
    fn check(&self, records: &[Record]) -> Result<(Lsn, u64), WalError> {
        if self.is_stopped {
            return Err(WalError::Stopped);
        }
        if records.iter().any(|record| record.kind == frame::FOOTER_KIND) {
            return Err(WalError::Kind);
        }
        let size = frame::batch_size(records);
        if size > BATCH_SIZE_MAX {
            return Err(WalError::BatchTooLarge { size });
        }
        Ok((Lsn(self.place.lsn - 1), u64::try_from(size).unwrap_or(u64::MAX)))
    }

    fn advance(&mut self, records: &[Record]) -> Lsn {
        if !records.is_empty() {
            self.place.lsn += u64::try_from(records.len()).unwrap_or(0);
            self.place.batch += 1;
        }
        Lsn(self.place.lsn - 1)
    }

    fn next_header(&self) -> Header {
        let current = &self.segment.header;
        Header::new(
            current.number + 1,
            self.place,
            self.segment_size,
            current.identity,
        )
    }

    fn rotate(&mut self, bytes_needed: u64) -> Result<(), WalError> {
        if self.older.len() + 1 >= SEGMENTS_MAX {
            return Err(WalError::Full {
                folder: self.folder.clone(),
            });
        }
        let segment = Segment::create(&self.folder, self.next_header().fit(bytes_needed), &[])?;
        let full = std::mem::replace(&mut self.segment, segment);
        self.older.push(full.path);
        Ok(())
    }

    fn remove(&self, replaced: &[PathBuf]) -> Result<(), WalError> {
        let wrap = |path: &Path| {
            let path = path.to_path_buf();
            move |source| WalError::Io {
                doing: "remove",
                path,
                source,
            }
        };
        if replaced.is_empty() {
            return Ok(());
        }
        // Oldest first, so that what a crash leaves of them stays a chain without gaps.
        for path in replaced {
            fs::remove_file(path).map_err(wrap(path))?;
        }
        sync_folder(&self.folder).map_err(wrap(&self.folder))
    }
}

impl WalError {
    fn corrupt(path: &Path, offset: u64, what: &str) -> Self {
        Self::Corrupt {
            path: path.to_path_buf(),
            offset,
            what: what.to_owned(),
        }
    }
}

/// Largest batch, in bytes: several blocks of the largest size a genesis may allow.
pub const BATCH_SIZE_MAX: usize = 256 << 20;

/// Size of a segment unless one batch needs more: about a minute of log at a thousand payments per second,
/// and short enough to write in one go when a new one is due.
pub const SEGMENT_SIZE: u64 = 16 << 20;

/// Most segments between two checkpoints: 4 GiB, which recovery must be able to read.
pub const SEGMENTS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use plasma_core::Hash;

    use super::{Epoch, Identity, Record, Wal, WalError, io};

    #[test]
    fn failed_barrier_stops_the_log_for_good() {
        let folder = std::env::temp_dir().join(format!("plasma-wal-barrier-{}", std::process::id()));
        let identity = Identity {
            genesis: Hash([1; 32]),
            key: Hash([2; 32]),
        };
        let record = |byte| Record {
            epoch: Epoch(0),
            kind: 1,
            content: vec![byte; 10],
        };
        let mut wal = Wal::open_sized(&folder, identity, 4096).unwrap().wal;
        wal.append_batch(&[record(1)]).unwrap();
        wal.sync = |_| Err(io::Error::from_raw_os_error(5));
        assert!(matches!(
            wal.append_batch(&[record(2)]),
            Err(WalError::Io {
                doing: "append to",
                ..
            })
        ));
        wal.sync = std::fs::File::sync_data;
        assert!(matches!(wal.append_batch(&[record(3)]), Err(WalError::Stopped)));
        assert!(matches!(wal.checkpoint(&[]), Err(WalError::Stopped)));
        assert!(matches!(wal.retain(|_| true), Err(WalError::Stopped)));
        drop(wal);
        let entries = Wal::open_sized(&folder, identity, 4096).unwrap().entries;
        assert_eq!(entries.first().map(|entry| &entry.record), Some(&record(1)));
        assert!(entries.iter().all(|entry| entry.record != record(3)));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
