//! One file of the log: made at full size and on disk before its first record.
//!
//! ```text
//! header   offset  size  field
//!          0       8     "plasmwal"
//!          8       2     version, 2
//!          10      1     1 when this segment replaces every one before it, else 0
//!          11      1     0
//!          12      4     salt of the checksums in this segment, unknown to strangers
//!          16      8     number, also the file's name
//!          24      8     first lsn
//!          32      8     first batch
//!          40      8     size of the file
//!          48      8     end: bytes up to here were on disk before the file got its name
//!          56      64    identity: genesis hash 32 ‖ keccak of the BLS key 32
//!          120     4     CRC-32C of bytes 0..120
//!          124     4     0
//! batches  128     …     then zeros up to the size
//! ```
//!
//! The zeros are really written: later writes then change no metadata of the file system and the
//! barrier of a batch stays one flush of data.

use std::{
    io,
    path::{Path, PathBuf},
};

use plasma_core::{keccak, planted::planted};

use super::{
    WalError,
    crc32c::Crc32c,
    files::{Files, LogFile},
    frame::Place,
};
use crate::folder::Identity;

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) is_base: bool,
    pub(super) salt: u32,
    pub(super) first: Place,
    pub(super) size: u64,
    pub(super) sealed_end: u64,
    pub(super) identity: Identity,
}

/// A segment open for writing.
#[derive(Debug)]
pub(super) struct Segment<F: Files> {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    /// Where the next batch goes.
    pub(super) offset: u64,
    file: F::File,
}

impl<F: Files> Segment<F> {
    /// Writes a new segment that starts with `sealed` bytes of batches and gives it its name, atomically.
    pub(super) fn create(files: &F, folder: &Path, header: Header, sealed: &[u8]) -> Result<Self, WalError> {
        let draft = folder.join(DRAFT);
        let path = folder.join(file_name(header.number));
        let wrap = |source| WalError::Io {
            doing: "create a segment",
            path: path.clone(),
            source,
        };
        let file = Self::write_draft(files, &draft, &header, sealed).map_err(wrap)?;
        files
            .rename(&draft, &path)
            .and_then(|()| {
                let is_skipped = planted("wal: names get no barrier");
                if is_skipped {
                    Ok(())
                } else {
                    files.sync_folder(folder)
                }
            })
            .map_err(wrap)?;
        let offset = HEADER_SIZE + length(sealed);
        Ok(Self {
            path,
            header,
            offset,
            file,
        })
    }

    /// Opens an existing segment to write on from `offset`.
    pub(super) fn reopen(files: &F, path: PathBuf, header: Header, offset: u64) -> Result<Self, WalError> {
        let file = files.open(&path).map_err(|source| WalError::Io {
            doing: "open a segment",
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            header,
            offset,
            file,
        })
    }

    /// Bytes that still fit.
    pub(super) fn room(&self) -> u64 {
        self.header.size.saturating_sub(self.offset)
    }

    /// Writes behind the last batch and waits for the disk.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.offset)?;
        let is_skipped = planted("wal: barriers sync nothing");
        let synced = if is_skipped { Ok(()) } else { self.file.sync_data() };
        synced.or_else(|error| planted("wal: failed barriers count").then_some(()).ok_or(error))?;
        self.offset += length(bytes);
        Ok(())
    }

    /// Writes what is there already once more and waits for the disk. A barrier alone would not do: after one that failed the
    /// system may show bytes that it will never write.
    pub(super) fn rewrite(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        self.file.sync_data()
    }

    /// Makes everything behind the last batch zero again, on disk.
    pub(super) fn blank_rest(&self) -> io::Result<()> {
        let blank = vec![0; BLANK_SIZE];
        let mut at = self.offset;
        while at < self.header.size {
            let left = usize::try_from(self.header.size - at).unwrap_or(BLANK_SIZE);
            let part = blank.get(..left).unwrap_or(&blank);
            self.file.write_all_at(part, at)?;
            at += length(part);
        }
        let is_skipped = planted("wal: new segments get no barrier");
        if is_skipped { Ok(()) } else { self.file.sync_all() }
    }

    fn write_draft(files: &F, draft: &Path, header: &Header, sealed: &[u8]) -> io::Result<F::File> {
        let file = files.create(draft)?;
        let mut start = header.encode().to_vec();
        start.extend(sealed);
        file.write_all_at(&start, 0)?;
        let segment = Self {
            path: draft.to_path_buf(),
            header: header.clone(),
            offset: length(&start),
            file,
        };
        segment.blank_rest()?;
        Ok(segment.file)
    }
}

impl Header {
    /// A header of a segment that continues the log; its salt follows from the caller's `seed`.
    pub(super) fn new(number: u64, first: Place, size: u64, identity: Identity, seed: u64) -> Self {
        Self {
            number,
            is_base: false,
            salt: salt(seed, number),
            first,
            size,
            sealed_end: HEADER_SIZE,
            identity,
        }
        .fit(0)
    }

    /// The same for a segment that replaces all before it and starts with `sealed` bytes of batches;
    /// what follows them gets the room of a whole segment.
    pub(super) fn base(self, sealed: u64) -> Self {
        let (size, sealed_end) = (self.size + sealed, HEADER_SIZE + sealed);
        Self {
            is_base: true,
            size,
            sealed_end,
            ..self
        }
    }

    /// Bytes of batches that were on disk before the segment was used.
    pub(super) fn sealed(&self) -> u64 {
        self.sealed_end.saturating_sub(HEADER_SIZE)
    }

    /// Makes room for at least so many bytes of batches.
    pub(super) fn fit(self, bytes: u64) -> Self {
        Self {
            size: self.size.max(HEADER_SIZE + bytes),
            ..self
        }
    }

    fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut out = [0; HEADER_LENGTH];
        let mut fields = Vec::with_capacity(HEADER_LENGTH);
        fields.extend(MAGIC);
        fields.extend(VERSION.to_be_bytes());
        fields.extend([u8::from(self.is_base), 0]);
        fields.extend(self.salt.to_be_bytes());
        for number in [
            self.number,
            self.first.lsn,
            self.first.batch,
            self.size,
            self.sealed_end,
        ] {
            fields.extend(number.to_be_bytes());
        }
        fields.extend(self.identity.to_bytes());
        fields.extend(Crc32c::new(0).update(&fields).finish().to_be_bytes());
        out[..fields.len()].copy_from_slice(&fields);
        out
    }

    /// Reads a header; the error says what is wrong with it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unread> {
        if is_first_version(bytes) {
            return Err(Unread::Version(1));
        }
        let (head, rest) = bytes.split_at_checked(CHECKED).ok_or("the header is cut off")?;
        let stored = rest.first_chunk::<4>().ok_or("the header is cut off")?;
        if !head.starts_with(MAGIC) {
            return Err("it is not a segment of this log".into());
        }
        if Crc32c::new(0).update(head).finish() != u32::from_be_bytes(*stored) {
            return Err("the header's checksum differs".into());
        }
        if bytes
            .get(CHECKED + 4..HEADER_LENGTH)
            .is_none_or(|unused| unused.iter().any(|byte| *byte != 0))
        {
            return Err("the unused end of the header is not zero".into());
        }
        let version = u16::from_be_bytes(array(head, 8)?);
        if version != VERSION {
            return Err(Unread::Version(version));
        }
        Ok(Self {
            is_base: head.get(10) == Some(&1),
            salt: u32::from_be_bytes(array(head, 12)?),
            number: u64::from_be_bytes(array(head, 16)?),
            first: Place {
                lsn: u64::from_be_bytes(array(head, 24)?),
                batch: u64::from_be_bytes(array(head, 32)?),
            },
            size: u64::from_be_bytes(array(head, 40)?),
            sealed_end: u64::from_be_bytes(array(head, 48)?),
            identity: Identity::from_bytes(&array::<{ Identity::SIZE }>(head, 56)?)
                .ok_or("the identity is cut off")?,
        })
    }
}

/// Numbers and paths of all segments in a folder, oldest first.
pub(super) fn list(files: &impl Files, folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for path in files.list(folder)? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name.strip_suffix(SUFFIX).and_then(|digits| digits.parse().ok());
        if let Some(number) = number.filter(|number| file_name(*number) == name) {
            segments.push((number, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// The bytes of batches at the start of a segment's file: everything behind its header.
pub(super) fn batches(file: &[u8]) -> &[u8] {
    file.get(HEADER_LENGTH..).unwrap_or_default()
}

/// The salt of a segment: whoever does not know the seed cannot guess it.
fn salt(seed: u64, number: u64) -> u32 {
    let [a, b, c, d, ..] = keccak(&[&seed.to_be_bytes(), &number.to_be_bytes()]).0;
    u32::from_be_bytes([a, b, c, d])
}

fn file_name(number: u64) -> String {
    format!("{number:020}{SUFFIX}")
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Unread> {
    let part = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    part.copied().ok_or(Unread::Damaged("the header is cut off"))
}

/// Version 1 had a shorter identity, so its checksum lay elsewhere.
fn is_first_version(bytes: &[u8]) -> bool {
    let (Some((head, rest)), Ok(version)) = (bytes.split_at_checked(CHECKED_FIRST), array(bytes, 8)) else {
        return false;
    };
    let checksum = Crc32c::new(0).update(head).finish().to_be_bytes();
    head.starts_with(MAGIC) && u16::from_be_bytes(version) == 1 && rest.starts_with(&checksum)
}

/// Why a header is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is not as it was written.
    Damaged(&'static str),
    /// It is whole, and another program's.
    Version(u16),
}

impl From<&'static str> for Unread {
    fn from(what: &'static str) -> Self {
        Self::Damaged(what)
    }
}

/// A length of bytes in memory as the file's arithmetic wants it.
pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Where batches start; a round number beyond the header's fields.
pub(super) const HEADER_SIZE: u64 = 128;
const HEADER_LENGTH: usize = 128;

/// Bytes of version 1's header under its checksum.
const CHECKED_FIRST: usize = 90;

/// Bytes of the header under its checksum.
const CHECKED: usize = 120;

const MAGIC: &[u8; 8] = b"plasmwal";
pub(super) const VERSION: u16 = 2;
const SUFFIX: &str = ".log";

/// Name of a segment that is still being made; a crash leaves it behind and nobody reads it.
const DRAFT: &str = "draft";

/// Zeros are written in parts of this size.
const BLANK_SIZE: usize = 1 << 20;
