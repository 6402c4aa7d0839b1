//! Looking at a log without touching it: whoever looks takes no lock, makes no folder and repairs nothing, so that the log of a
//! running operator can be looked at too, and that of an operator which refuses to start.
//!
//! The verdict is that of [`super::recovery`], by the same walk. A running operator writes while it is read: half a batch looks
//! torn, a checkpoint takes files away. So what is not whole counts only when two looks with a pause between them find the same.

use std::path::{Path, PathBuf};

use super::{
    Files, Lsn, Record, WalError,
    frame::{FOOTER_SIZE, RECORD_OVERHEAD},
    recovery::{self, Batch, Sight},
    segment::{self, Header},
};
use crate::folder::Identity;

/// What a look at a log found.
#[derive(Debug)]
pub struct Found {
    /// Whose log it is, as its newest readable segment says.
    pub identity: Option<Identity>,
    /// The segments in use, oldest first, as far as they were read.
    pub segments: Vec<SegmentFound>,
    /// Files of segments that a newer one replaced; the next start removes them.
    pub replaced: Vec<PathBuf>,
    /// How the log ends.
    pub end: LogEnd,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFound {
    /// Its file.
    pub path: PathBuf,
    /// Whether it replaces every one before it: a checkpoint.
    pub is_checkpoint: bool,
    /// The number of its first record.
    pub first_lsn: Lsn,
    /// Records in whole batches.
    pub records: u64,
    /// Whole batches.
    pub batches: u64,
    /// Bytes up to the end of the last whole batch.
    pub used_bytes: u64,
    /// Bytes of the file.
    pub size_bytes: u64,
}

/// How a log ends.
#[derive(Debug)]
pub enum LogEnd {
    /// With a whole batch; the number of the next record.
    Whole(Lsn),
    /// With a batch that was begun and not finished. Nothing of it was spoken.
    Torn {
        /// The number of the next record, when the batch is dropped.
        next: Lsn,
        /// The segment.
        path: PathBuf,
        /// Where the batch begins.
        offset: u64,
    },
    /// There is none in the folder.
    Missing,
    /// It cannot be read to its end; an operator refuses it.
    Refused(WalError),
}

/// A record where it lies.
#[derive(Debug)]
pub struct Placed<'a> {
    /// Its number.
    pub lsn: Lsn,
    /// Its segment.
    pub path: &'a Path,
    /// Where it begins there.
    pub offset: u64,
    /// The number of its batch.
    pub batch: u64,
    /// The record.
    pub record: Record,
}

/// What becomes of the records that a look comes by.
pub trait Reading {
    /// One more record, oldest first.
    fn add(&mut self, record: Placed<'_>);
}

/// Looks at a log. Each look begins with a `reading` of its own; between two `pause` is called, which takes [`PAUSE_MS`].
///
/// Holds one segment in memory, and what two readings keep.
pub fn look<F: Files, R: Reading>(
    files: &F,
    folder: &Path,
    mut reading: impl FnMut() -> R,
    mut pause: impl FnMut(),
) -> (Found, R) {
    let mut last = once(files, folder, reading());
    for _ in 1..LOOKS_MAX {
        if matches!(last.0.end, LogEnd::Whole(_)) {
            break;
        }
        pause();
        let again = once(files, folder, reading());
        let same = again.0.same_as(&last.0);
        last = again;
        if same {
            break;
        }
    }
    last
}

fn once<F: Files, R: Reading>(files: &F, folder: &Path, mut reading: R) -> (Found, R) {
    let mut found = Found {
        identity: None,
        segments: Vec::new(),
        replaced: Vec::new(),
        end: LogEnd::Missing,
    };
    let mut see = |sight: Sight<'_>| match sight {
        Sight::Replaced(paths) => found.replaced = paths.to_vec(),
        Sight::Segment(path, header) => {
            found.identity = Some(header.identity);
            found.segments.push(SegmentFound::new(path, header));
        }
        Sight::Batch(batch) => {
            if let Some(segment) = found.segments.last_mut() {
                segment.add(batch, &mut reading);
            }
        }
    };
    let walked = recovery::walk(files, folder, None, &mut see);
    found.end = match walked {
        Ok(None) => LogEnd::Missing,
        Ok(Some(log)) if log.is_torn => LogEnd::Torn {
            next: Lsn(log.place.lsn),
            path: log.newest.0,
            offset: log.offset,
        },
        Ok(Some(log)) => LogEnd::Whole(Lsn(log.place.lsn)),
        // A folder that nobody made holds no log either.
        Err(WalError::Io { source, path, .. })
            if source.kind() == std::io::ErrorKind::NotFound && path == folder =>
        {
            LogEnd::Missing
        }
        Err(error) => LogEnd::Refused(error),
    };
    (found, reading)
}

impl Found {
    /// Whether another look saw the same; a log that is written meanwhile differs.
    fn same_as(&self, other: &Self) -> bool {
        let words = |end: &LogEnd| format!("{end:?}");
        self.segments == other.segments && words(&self.end) == words(&other.end)
    }
}

impl SegmentFound {
    fn new(path: &Path, header: &Header) -> Self {
        Self {
            path: path.to_path_buf(),
            is_checkpoint: header.is_base,
            first_lsn: Lsn(header.first.lsn),
            records: 0,
            batches: 0,
            used_bytes: segment::HEADER_SIZE,
            size_bytes: header.size,
        }
    }

    fn add(&mut self, batch: Batch, reading: &mut impl Reading) {
        self.batches += 1;
        let mut offset = batch.offset;
        for (lsn, record) in batch.records {
            self.records += 1;
            let size = u64::try_from(RECORD_OVERHEAD + record.content.len()).unwrap_or(u64::MAX);
            reading.add(Placed {
                lsn,
                path: &self.path,
                offset,
                batch: batch.number,
                record,
            });
            offset = offset.saturating_add(size);
        }
        self.used_bytes = offset.saturating_add(u64::try_from(FOOTER_SIZE).unwrap_or(u64::MAX));
    }
}

/// Between two looks so many milliseconds pass: more than one batch takes to be written.
pub const PAUSE_MS: u64 = 200;

/// Most looks at a log that is never the same twice: it is written, so it is not damaged where it was.
const LOOKS_MAX: u32 = 5;
