//! The operator's own log: votes, bodies and certificates are here before they are spoken.
//!
//! One [`Wal::append_batch`] is one barrier: when it returns, the batch survives a power cut whole;
//! when it fails, nothing of the batch may be spoken and the process must stop, because after a failed
//! fsync nobody knows what the disk holds. The log is a local file whatever the storage is, so that no
//! database elsewhere can make us forget a vote. It does not know what its records mean.
//!
//! Bytes: [`frame`] (records and batches) and [`segment`] (files). Recovery: [`recovery`]. The log
//! shrinks by [`Wal::checkpoint`], which replaces everything by the records that are still needed.

mod crc32c;
mod error;
mod files;
mod frame;
pub mod inspect;
mod parts;
mod recovery;
mod segment;
#[cfg(feature = "simulation")]
mod virtual_disk;

use std::path::{Path, PathBuf};

use plasma_core::{Epoch, planted::planted};

#[cfg(feature = "simulation")]
pub use self::virtual_disk::{Refusal, VirtualDisk};
pub use self::{
    error::WalError,
    files::{Disk, Files, LogFile},
};
use self::{
    frame::Place,
    segment::{Header, Segment},
};
use crate::folder::Identity;

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
pub struct Opened<F: Files = Disk> {
    /// The log, ready for the next batch.
    pub wal: Wal<F>,
    /// Every record of every acknowledged batch, oldest first.
    pub entries: Vec<Entry>,
    /// Whether a batch was dropped that a crash had torn; nothing of it was ever spoken.
    pub dropped_torn_batch: bool,
}

/// Where a log lies, and how it is written.
#[derive(Clone, Debug)]
pub struct LogSite<F = Disk> {
    /// The disk.
    pub files: F,
    /// The folder on it.
    pub folder: PathBuf,
    /// Whose log it must be.
    pub identity: Identity,
    /// Bytes of the segments made from now on, unless one batch needs more.
    pub segment_size: u64,
    /// Largest batch, in bytes: [`BATCH_SIZE_MAX`], less in tests.
    pub batch_size: usize,
    /// The salts of new segments follow from it. Nobody else may know it: a stranger's bytes lie in block bodies.
    pub seed: u64,
}

impl LogSite {
    /// A log on this machine's disk.
    #[must_use]
    pub fn on_disk(folder: &Path, identity: Identity, seed: u64) -> Self {
        Self {
            files: Disk,
            folder: folder.to_path_buf(),
            identity,
            segment_size: SEGMENT_SIZE,
            batch_size: BATCH_SIZE_MAX,
            seed,
        }
    }
}

/// The log of one operator; holds the lock of its folder.
#[derive(Debug)]
pub struct Wal<F: Files = Disk> {
    site: LogSite<F>,
    place: Place,
    segment: Segment<F>,
    older: Vec<PathBuf>,
    kept: u64,
    appended: u64,
    is_stopped: bool,
    _claim: F::Claim,
}

impl<F: Files> Wal<F> {
    /// Opens the log in a folder, or starts one; drops a torn last batch.
    ///
    /// # Errors
    /// [`WalError::Corrupt`] when anything acknowledged is damaged, [`WalError::Identity`] when the log
    /// is another operator's, [`WalError::Folder`] when another process holds it.
    pub fn open(site: LogSite<F>) -> Result<Opened<F>, WalError> {
        let claim = site.files.claim(&site.folder)?;
        let Some(log) = recovery::read(&site.files, &site.folder, site.identity)? else {
            let first = Place { lsn: 1, batch: 1 };
            let header = Header::new(1, first, site.segment_size, site.identity, site.seed).base(0);
            let segment = Segment::create(&site.files, &site.folder, header, &[])?;
            return Ok(Opened {
                wal: Self::new(site, claim, segment),
                entries: Vec::new(),
                dropped_torn_batch: false,
            });
        };
        Self::resume(site, claim, log)
    }

    /// Opens a log that must be there, and reach this record; never begins one, or the refusal would hold for a single start
    /// only. What it refuses stays byte for byte: a last batch that seems torn may have been damaged after it was acknowledged.
    /// For an operator that may have voted: see [`WalError::Corrupt`].
    ///
    /// # Errors
    /// [`WalError::Missing`], [`WalError::Short`], and those of [`Wal::open`].
    pub fn reopen(site: LogSite<F>, least: Option<Lsn>) -> Result<Opened<F>, WalError> {
        let claim = site.files.claim(&site.folder)?;
        let found = recovery::read(&site.files, &site.folder, site.identity)?;
        let Some(log) = found else {
            return Err(WalError::Missing { folder: site.folder });
        };
        let last = Lsn(log.place.lsn - 1);
        match least.filter(|least| last < *least) {
            Some(least) => Err(WalError::Short { last, least }),
            None => Self::resume(site, claim, log),
        }
    }

    /// Ends the life of a log that forgot: of what is left that stays for which `stays` says yes, these records follow, and
    /// numbers go on above `above`, so that the log is newer than whatever knew the one that was lost. Atomic: after a crash there
    /// is what was before, or all of this.
    ///
    /// # Errors
    /// Those of [`Wal::open`].
    pub fn begin_anew(
        site: LogSite<F>,
        above: Lsn,
        stays: impl Fn(&Record) -> bool,
        records: &[Record],
    ) -> Result<Opened<F>, WalError> {
        let claim = site.files.claim(&site.folder)?;
        let above = if planted("wal: a new log counts from one") {
            Lsn(0)
        } else {
            above
        };
        let lsn = above.0.saturating_add(1);
        if let Some(log) = recovery::read(&site.files, &site.folder, site.identity)? {
            let mut opened = Self::resume(site, claim, log)?;
            let left = std::mem::take(&mut opened.entries);
            let left = left.into_iter().map(|entry| entry.record).filter(stays);
            let records: Vec<Record> = left.chain(records.iter().cloned()).collect();
            let first = &mut opened.wal.place.lsn;
            *first = lsn.max(*first);
            let lsn = *first;
            opened.wal.checkpoint(&records)?;
            opened.entries = numbered(lsn, &records);
            return Ok(opened);
        }
        let first = Place { lsn, batch: 1 };
        let size = u64::try_from(frame::batch_size(records)).unwrap_or(u64::MAX);
        let header = Header::new(1, first, site.segment_size, site.identity, site.seed).base(size);
        let bytes = frame::encode_batch(header.salt, first, records).ok_or(WalError::Stopped)?;
        let segment = Segment::create(&site.files, &site.folder, header, &bytes)?;
        let mut wal = Self::new(site, claim, segment);
        wal.kept = wal.segment.header.sealed();
        wal.advance(records);
        Ok(Opened {
            wal,
            entries: numbered(lsn, records),
            dropped_torn_batch: false,
        })
    }

    fn resume(site: LogSite<F>, claim: F::Claim, log: recovery::Log) -> Result<Opened<F>, WalError> {
        let segment = Segment::reopen(&site.files, log.newest.0, log.newest.1, log.offset)?;
        // A process that was killed leaves names and bytes that are seen and that no power cut has to leave; whoever resumes
        // speaks by them, so they get their barriers first.
        site.files
            .sync_folder(&site.folder)
            .map_err(|source| WalError::Io {
                doing: "make durable",
                path: site.folder.clone(),
                source,
            })?;
        let last = log.last.as_ref();
        if let Some((offset, batch)) = last.filter(|_| !planted("wal: what a killed process left is kept")) {
            segment.rewrite(*offset, batch).map_err(|source| WalError::Io {
                doing: "make durable the last batch in",
                path: segment.path.clone(),
                source,
            })?;
        }
        if log.is_torn && !planted("wal: torn tails stay") {
            segment.blank_rest().map_err(|source| WalError::Io {
                doing: "clear a torn batch in",
                path: segment.path.clone(),
                source,
            })?;
        }
        let mut wal = Self::new(site, claim, segment);
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
        self.segment.append(&bytes).map_err(|source| WalError::Io {
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
        if planted("wal: segments go before their successor comes") {
            let early = std::mem::take(&mut self.older);
            self.remove(&early)?;
        }
        let segment = Segment::create(&self.site.files, &self.site.folder, header, &bytes)?;
        let replaced = std::mem::replace(&mut self.segment, segment);
        let mut paths = std::mem::take(&mut self.older);
        paths.push(replaced.path);
        self.remove(&paths)?;
        (self.kept, self.appended) = (self.segment.header.sealed(), 0);
        self.is_stopped = false;
        Ok(self.advance(needed))
    }

    /// [`Wal::rewrite`] with every record for which `keep` says yes.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) -> Result<Lsn, WalError> {
        self.rewrite(|entries| {
            entries
                .into_iter()
                .filter(keep)
                .map(|entry| entry.record)
                .collect()
        })
    }

    /// [`Wal::checkpoint`] with what is made of all records, read back from the disk. While more than one batch
    /// holds must be kept the log stays as it is, and the next checkpoint is due when it has grown by as much as one holds:
    /// views without finality leave a block each, and an operator that stopped here would stop again at each start.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn rewrite(&mut self, make: impl FnOnce(Vec<Entry>) -> Vec<Record>) -> Result<Lsn, WalError> {
        let needed = make(self.entries()?);
        if frame::batch_size(&needed) > self.site.batch_size {
            (self.kept, self.appended) = (u64::try_from(self.site.batch_size).unwrap_or(u64::MAX), 0);
            return Ok(self.last_lsn());
        }
        self.checkpoint(&needed)
    }

    /// Every record that the log holds, oldest first, read back from the disk.
    ///
    /// # Errors
    /// Fatal like those of [`Wal::append_batch`].
    pub fn entries(&self) -> Result<Vec<Entry>, WalError> {
        if self.is_stopped {
            return Err(WalError::Stopped);
        }
        let log = recovery::read(&self.site.files, &self.site.folder, self.site.identity)?;
        Ok(log.map(|log| log.entries).unwrap_or_default())
    }

    /// The number of the last record that is on disk, kept or not by now.
    #[must_use]
    pub fn last_lsn(&self) -> Lsn {
        Lsn(self.place.lsn - 1)
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
        self.appended > self.kept.max(self.site.segment_size / 2)
    }

    fn new(site: LogSite<F>, claim: F::Claim, segment: Segment<F>) -> Self {
        Self {
            site,
            place: segment.header.first,
            segment,
            older: Vec::new(),
            kept: 0,
            appended: 0,
            is_stopped: false,
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
        if size > self.site.batch_size {
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
        Header::new(
            self.segment.header.number + 1,
            self.place,
            self.site.segment_size,
            self.site.identity,
            self.site.seed,
        )
    }

    fn rotate(&mut self, bytes_needed: u64) -> Result<(), WalError> {
        if self.older.len() + 1 >= SEGMENTS_MAX {
            return Err(WalError::Full {
                folder: self.site.folder.clone(),
            });
        }
        let segment = Segment::create(
            &self.site.files,
            &self.site.folder,
            self.next_header().fit(bytes_needed),
            &[],
        )?;
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
            self.site.files.remove(path).map_err(wrap(path))?;
        }
        self.site
            .files
            .sync_folder(&self.site.folder)
            .map_err(wrap(&self.site.folder))
    }
}

/// Records with the numbers that they got.
fn numbered(first: u64, records: &[Record]) -> Vec<Entry> {
    let numbers = (first..).map(Lsn);
    let entry = |(lsn, record): (Lsn, &Record)| Entry {
        lsn,
        record: record.clone(),
    };
    numbers.zip(records).map(entry).collect()
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
