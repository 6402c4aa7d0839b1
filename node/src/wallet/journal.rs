//! The wallet's journal: one line for every step, on disk before the step is taken.
//!
//! A line is 16 hex digits, a space and a JSON document; the digits are the start of a BLAKE3 hash over the line before
//! and the document, so a line that was changed, lost or moved is found. Lines are only ever appended, each with a sync.
//! What a power cut left of a last line was never acted on and is cut off; any other damage is an error, because what was
//! paid must not be forgotten.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::hex;

/// Why the journal is of no use.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system said no.
    #[error("the wallet's journal {}: {source}; what is not written is not done", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not what was written.
    #[error(
        "the wallet's journal {}, line {line}: {reason}; restore the file from a copy. Without it nobody knows which \
         payments were signed: where there is no copy, look each of them up before you move the file away", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// More than is ever written.
    #[error("the wallet's journal {} would have more than {max} bytes; begin a new wallet folder, and keep this one", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The bound.
        max: u64,
    },
}

/// An open journal. Whoever holds it holds the wallet's folder.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    last: [u8; HASH_BYTES],
    bytes: u64,
    /// After a failed write nobody knows what the file holds.
    is_broken: bool,
}

impl Journal {
    /// Opens the journal, or begins one; also everything that it holds, in order.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open<R: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<R>), JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(io)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(io)?;
        let full = || JournalError::Full {
            path: path.to_owned(),
            max: FILE_BYTES_MAX,
        };
        if file.metadata().map_err(io)?.len() > FILE_BYTES_MAX {
            return Err(full());
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(io)?;
        let damaged = |line: usize, reason: String| JournalError::Damaged {
            path: path.to_owned(),
            line,
            reason,
        };
        let (mut records, mut last, mut whole) = (Vec::new(), [0; HASH_BYTES], 0);
        for (index, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
            // The last line of a process that died, or of a machine: nothing came of it.
            let is_torn = line.last() != Some(&b'\n') || line.contains(&0);
            if is_torn && whole + line.len() == content.len() {
                break;
            }
            let (document, hash) = split(line, &last).map_err(|reason| damaged(index + 1, reason))?;
            let record = serde_json::from_slice(document)
                .map_err(|error| damaged(index + 1, format!("it was written by another program: {error}")))?;
            records.push(record);
            last = hash;
            whole += line.len();
        }
        let bytes = u64::try_from(whole).unwrap_or(u64::MAX);
        if whole < content.len() {
            file.set_len(bytes).and_then(|()| file.sync_all()).map_err(io)?;
        }
        let journal = Self {
            path: path.to_owned(),
            file,
            last,
            bytes,
            is_broken: false,
        };
        Ok((journal, records))
    }

    /// Appends a record; when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`JournalError`]; then the step must not be taken.
    pub fn append<R: Serialize>(&mut self, record: &R) -> Result<(), JournalError> {
        let io = |source| JournalError::Io {
            path: self.path.clone(),
            source,
        };
        if self.is_broken {
            return Err(io(io::Error::other("an earlier write failed")));
        }
        let document = serde_json::to_vec(record).map_err(|error| io(io::Error::other(error)))?;
        let hash = chained(&self.last, &document);
        let mut line = hex::encode(&hash).trim_start_matches("0x").as_bytes().to_vec();
        line.push(b' ');
        line.extend(document);
        line.push(b'\n');
        let bytes = self
            .bytes
            .saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        if bytes > FILE_BYTES_MAX {
            return Err(JournalError::Full {
                path: self.path.clone(),
                max: FILE_BYTES_MAX,
            });
        }
        // One write, so that a process that dies leaves a whole line or none.
        if let Err(source) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            self.is_broken = true;
            return Err(JournalError::Io {
                path: self.path.clone(),
                source,
            });
        }
        self.last = hash;
        self.bytes = bytes;
        Ok(())
    }
}

/// The document of a line and the line's hash.
fn split<'a>(line: &'a [u8], last: &[u8; HASH_BYTES]) -> Result<(&'a [u8], [u8; HASH_BYTES]), String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (digits, rest) = line.split_at_checked(2 * HASH_BYTES).ok_or("it is too short")?;
    let document = rest.strip_prefix(b" ").ok_or("no space follows its hash")?;
    let written = std::str::from_utf8(digits).ok().and_then(hex::decode);
    let hash = chained(last, document);
    if written.as_deref() == Some(hash.as_slice()) {
        Ok((document, hash))
    } else {
        Err("its hash does not fit, so it was changed, or a line before it is missing".to_owned())
    }
}

fn chained(last: &[u8; HASH_BYTES], document: &[u8]) -> [u8; HASH_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(last);
    hasher.update(document);
    let mut hash = [0; HASH_BYTES];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// Against damage, not against a thief: who may write the file has the keys beside it.
const HASH_BYTES: usize = 8;
/// A payment takes two lines of a kilobyte: a hundred thousand of them.
const FILE_BYTES_MAX: u64 = 256 << 20;

#[cfg(test)]
mod tests;
