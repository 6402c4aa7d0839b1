//! What a log says after a crash: every acknowledged batch, or that it cannot be trusted.
//!
//! The next batch is written only after the barrier of the one before has returned. So damage is a
//! torn tail iff it lies in the last batch: no record of any later batch parses, and no later segment
//! exists. Nothing of a torn batch was ever spoken, and it is dropped whole. Any other damage means
//! that something acknowledged is lost.
//!
//! Source: `docs/storage.md`; Tendermint issue 573 (abort loudly, never continue as best we can).

use std::path::{Path, PathBuf};

use plasma_core::planted::planted;

use super::{
    Entry, Lsn, Record, WalError,
    files::Files,
    frame::{self, Place},
    segment::{self, HEADER_SIZE, Header, Unread},
};
use crate::folder::Identity;

/// Everything read from a folder of segments.
#[derive(Debug)]
pub(super) struct Log {
    /// Records of every whole batch, oldest first.
    pub(super) entries: Vec<Entry>,
    /// The newest segment, which is written on.
    pub(super) newest: (PathBuf, Header),
    /// The other segments in use, oldest first.
    pub(super) older: Vec<PathBuf>,
    /// Segments that a newer one replaced: a crash came before their removal.
    pub(super) replaced: Vec<PathBuf>,
    /// Number of the next batch.
    pub(super) place: Place,
    /// Where in the newest segment it goes.
    pub(super) offset: u64,
    /// Whether a torn batch lies there.
    pub(super) is_torn: bool,
    /// The last batch of the newest segment with its offset: nobody knows whether a barrier stands behind it.
    pub(super) last: Option<(u64, Vec<u8>)>,
    /// Bytes of the checkpoint that the log starts with.
    pub(super) kept: u64,
    /// Bytes of batches since then.
    pub(super) appended: u64,
}

/// What a walk comes by, in its order.
#[derive(Debug)]
pub(super) enum Sight<'a> {
    /// The segments that a newer one replaced.
    Replaced(&'a [PathBuf]),
    /// A segment in use; its batches follow.
    Segment(&'a Path, &'a Header),
    /// A whole batch.
    Batch(Batch),
}

/// A whole batch.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where it begins in its segment.
    pub(super) offset: u64,
    /// Its number.
    pub(super) number: u64,
    /// What it holds.
    pub(super) records: Vec<(Lsn, Record)>,
}

/// Reads a folder; `None` when it holds no log yet. Changes nothing.
pub(super) fn read(files: &impl Files, folder: &Path, identity: Identity) -> Result<Option<Log>, WalError> {
    let mut entries = Vec::new();
    let mut keep = |sight: Sight<'_>| match sight {
        Sight::Batch(batch) => {
            let records = batch.records.into_iter();
            entries.extend(records.map(|(lsn, record)| Entry { lsn, record }));
        }
        Sight::Segment(..) if planted("wal: the newest segment is read alone") => entries.clear(),
        Sight::Segment(..) | Sight::Replaced(_) => {}
    };
    let log = walk(files, folder, Some(identity), &mut keep)?;
    Ok(log.map(|log| Log { entries, ..log }))
}

/// [`read`] that shows what it comes by, also before it finds damage, and keeps no record. Without an identity the log may be
/// anybody's, if its segments agree.
pub(super) fn walk(
    files: &impl Files,
    folder: &Path,
    identity: Option<Identity>,
    see: &mut dyn FnMut(Sight<'_>),
) -> Result<Option<Log>, WalError> {
    let found = segment::list(files, folder).map_err(|source| WalError::Io {
        doing: "list the log",
        path: folder.to_path_buf(),
        source,
    })?;
    let Some(chain) = chain(files, found, identity)? else {
        return Ok(None);
    };
    see(Sight::Replaced(&chain.replaced));
    let mut reader = Reader {
        files,
        see,
        place: chain.first,
    };
    let kept = chain.older.first().unwrap_or(&chain.newest).1.sealed();
    let mut bytes = 0;
    let mut older = Vec::new();
    for (path, header) in chain.older {
        let end = reader.read_segment(&path, &header)?;
        if end.damage.is_some() {
            return Err(WalError::corrupt(
                &path,
                end.offset,
                "a damaged batch, and a later segment exists",
            ));
        }
        bytes += end.offset - HEADER_SIZE;
        older.push(path);
    }
    let (path, header) = &chain.newest;
    let end = reader.read_segment(path, header)?;
    if let Some(Damage {
        later_batch: Some(later),
    }) = end.damage
    {
        let what = format!("a damaged batch, and a later one lies at offset {later}");
        return Err(WalError::corrupt(path, end.offset, &what));
    }
    Ok(Some(Log {
        entries: Vec::new(),
        newest: chain.newest,
        older,
        replaced: chain.replaced,
        place: reader.place,
        offset: end.offset,
        is_torn: end.damage.is_some(),
        last: end.last,
        kept,
        appended: bytes + end.offset - HEADER_SIZE - kept,
    }))
}

/// The segments in use and those that a crash left behind.
struct Chain {
    first: Place,
    older: Vec<(PathBuf, Header)>,
    newest: (PathBuf, Header),
    replaced: Vec<PathBuf>,
}

/// The newest segment that replaces all before it, and everything after it without a gap.
fn chain(
    files: &impl Files,
    mut found: Vec<(u64, PathBuf)>,
    mut identity: Option<Identity>,
) -> Result<Option<Chain>, WalError> {
    let mut segments: Vec<(PathBuf, Header)> = Vec::new();
    while let Some((number, path)) = found.pop() {
        let header = Header::decode(&load(files, &path)?).map_err(|unread| match unread {
            Unread::Damaged(what) => WalError::corrupt(&path, 0, what),
            Unread::Version(found) => WalError::Version {
                path: path.clone(),
                found,
                known: segment::VERSION,
            },
        })?;
        let identity = identity.get_or_insert(header.identity);
        if let Some(difference) = Identity::difference(&header.identity, identity) {
            return Err(WalError::Identity { path, difference });
        }
        let expected = segments
            .last()
            .map_or(Some(number), |(_, newer)| newer.number.checked_sub(1));
        if header.number != number || expected != Some(number) {
            return Err(WalError::corrupt(
                &path,
                0,
                "the segment after it is missing or misnamed",
            ));
        }
        let (first, is_base) = (header.first, header.is_base);
        segments.push((path, header));
        if is_base {
            segments.reverse();
            let replaced = found.into_iter().map(|(_, path)| path).collect();
            return Ok(segments.pop().map(|newest| Chain {
                first,
                older: segments,
                newest,
                replaced,
            }));
        }
    }
    match segments.last() {
        None => Ok(None),
        Some((path, _)) => Err(WalError::corrupt(path, 0, "the segment before it is missing")),
    }
}

/// Walks segments in order and shows the whole batches.
struct Reader<'a, F> {
    files: &'a F,
    see: &'a mut dyn FnMut(Sight<'_>),
    place: Place,
}

/// Where the whole batches of a segment end, and whether anything lies behind them.
struct End {
    offset: u64,
    last: Option<(u64, Vec<u8>)>,
    damage: Option<Damage>,
}

struct Damage {
    /// Offset of a record of a later batch, when one parses.
    later_batch: Option<u64>,
}

impl<F: Files> Reader<'_, F> {
    fn read_segment(&mut self, path: &Path, header: &Header) -> Result<End, WalError> {
        (self.see)(Sight::Segment(path, header));
        let file = load(self.files, path)?;
        let size = segment::length(&file);
        if header.first != self.place {
            return Err(WalError::corrupt(
                path,
                0,
                "it does not continue the segment before it",
            ));
        }
        if size != header.size {
            return Err(WalError::corrupt(
                path,
                size,
                "the file is not as long as it was made",
            ));
        }
        let mut rest = segment::batches(&file);
        let mut last = None;
        while let Some((records, taken)) = frame::decode_batch(rest, header.salt, self.place) {
            let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
            (self.see)(Sight::Batch(Batch {
                offset: size - segment::length(rest),
                number: self.place.batch,
                records,
            }));
            self.place = Place {
                lsn: self.place.lsn + count,
                batch: self.place.batch + 1,
            };
            let (batch, behind) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            last = Some((size - segment::length(rest), batch));
            rest = behind;
        }
        let last = last.map(|(offset, batch)| (offset, batch.to_vec()));
        let offset = size - segment::length(rest);
        if offset < header.sealed_end {
            let what = "a damaged batch that was on disk before the segment was used";
            return Err(WalError::corrupt(path, offset, what));
        }
        let damage = (!frame::is_blank(rest)).then(|| {
            let later = frame::find_later_batch(rest, header.salt, self.place);
            Damage {
                later_batch: later.map(|at| offset + u64::try_from(at).unwrap_or(u64::MAX)),
            }
        });
        Ok(End { offset, last, damage })
    }
}

fn load(files: &impl Files, path: &Path) -> Result<Vec<u8>, WalError> {
    files.read(path).map_err(|source| WalError::Io {
        doing: "read",
        path: path.to_path_buf(),
        source,
    })
}
