//! The wallet's journal: one line for every step, on disk before the step is taken.
//!
//! A line is 16 hex digits, a space and a JSON document; the digits are the start of a BLAKE3 hash over the line before
//! and the document, so a line that was changed, lost or moved is found. Lines are only ever appended, each with a sync.
//! What a power cut left of a last line was never acted on and is cut off; any other damage is an error, because what was
//! paid must not be forgotten.
//!
//! Lines that are lost at the end leave no trace in those before them. So how many there are, and the hash of the last,
//! stand in a second file, the head, which follows each line onto the disk before the step is taken: a journal that has
//! fewer lines than its head says has lost some.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{WalletError, accounts::replace};
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
    #[error("the wallet's journal {}, line {line}: {reason}; {}", path.display(), advice(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Lines are gone, or all of it.
    #[error("the wallet's journal {}: {reason}; {}", path.display(), advice(path))]
    Lost {
        /// The file.
        path: PathBuf,
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
    lines: usize,
    bytes: u64,
    /// After a failed write nobody knows what the file holds.
    is_broken: bool,
}

impl Journal {
    /// Opens the journal, or begins one; also everything that it holds, in order.
    ///
    /// # Errors
    /// [`JournalError`]; then the file is as it was.
    pub fn open<R: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<R>), JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let head = Head::read(path)?;
        if head.is_some() && !path.exists() {
            return Err(lost(path, "it is missing".to_owned()));
        }
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
        let (records, heads, whole) = lines::<R>(path, &content)?;
        // More lines than the head says lose nothing: the wallet died before it wrote the head, or is of an older kind.
        if let Some(head) = head.as_ref().filter(|head| !heads.contains(head)) {
            let (has, had) = (records.len(), head.lines);
            let reason =
                format!("it has {has} lines, and is not the one that had {had} when it was used last");
            return Err(lost(path, reason));
        }
        let own = heads.last().cloned().unwrap_or_default();
        let bytes = u64::try_from(whole).unwrap_or(u64::MAX);
        if whole < content.len() {
            file.set_len(bytes).map_err(io)?;
        }
        // What a process wrote that died is read here, and may not be on the disk; from now on it is counted on.
        file.sync_all().map_err(io)?;
        let journal = Self {
            path: path.to_owned(),
            file,
            last: own.last,
            lines: own.lines,
            bytes,
            is_broken: false,
        };
        if head.as_ref() != Some(&own) {
            own.write(path)?;
        }
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
        self.lines += 1;
        let written = self.head().write(&self.path);
        self.is_broken = written.is_err();
        written
    }

    fn head(&self) -> Head {
        Head {
            lines: self.lines,
            last: self.last,
        }
    }
}

/// How long a journal is, and the hash of its last line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Head {
    lines: usize,
    last: [u8; HASH_BYTES],
}

impl Head {
    /// The head of a journal, if it has one.
    fn read(journal: &Path) -> Result<Option<Self>, JournalError> {
        let path = head_of(journal);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|source| JournalError::Io {
                path: path.clone(),
                source,
            })?,
        };
        let parsed = || {
            let (lines, last) = text.trim_end().split_once(' ')?;
            Some(Self {
                lines: lines.parse().ok()?,
                last: hex::decode_array(last)?,
            })
        };
        let damaged = || {
            lost(
                journal,
                "its head is no head, so nobody knows how long it was".to_owned(),
            )
        };
        parsed().map(Some).ok_or_else(damaged)
    }

    /// Writes it down; when this returns, it is on the disk.
    fn write(&self, journal: &Path) -> Result<(), JournalError> {
        let path = head_of(journal);
        let text = format!("{} {}\n", self.lines, hex::encode(&self.last));
        replace(&path, text.as_bytes()).map_err(|error| JournalError::Io {
            source: match error {
                WalletError::Store { source, .. } => source,
                other => io::Error::other(other.to_string()),
            },
            path,
        })
    }
}

/// Where the head of a journal stands.
fn head_of(journal: &Path) -> PathBuf {
    journal.with_extension("head")
}

/// The error of a journal of which lines are gone.
pub(super) fn lost(journal: &Path, reason: String) -> JournalError {
    JournalError::Lost {
        path: journal.to_owned(),
        reason,
    }
}

/// The way out for whoever has not all lines.
fn advice(journal: &Path) -> String {
    let folder = journal.parent().unwrap_or(Path::new("."));
    format!(
        "restore the wallet's folder from its newest copy. Where there is none, nobody knows which payments were signed: look \
         up what was paid, in another --wallet-dir with plasma wallet history --address ADDRESS; then move {} away as a \
         whole, and keep it. The next command begins a new one and asks operators for the outputs; what had a name (--id) or \
         a file is not known there, and what was signed and is not decided may still be",
        folder.display()
    )
}

/// What the lines of a journal say, the head after each of them, that of none first, and how many bytes they take.
fn lines<R: DeserializeOwned>(
    path: &Path,
    content: &[u8],
) -> Result<(Vec<R>, Vec<Head>, usize), JournalError> {
    let damaged = |line: usize, reason: String| JournalError::Damaged {
        path: path.to_owned(),
        line,
        reason,
    };
    let (mut records, mut heads, mut whole) = (Vec::new(), vec![Head::default()], 0);
    let mut last = [0; HASH_BYTES];
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
        heads.push(Head {
            lines: records.len(),
            last,
        });
    }
    Ok((records, heads, whole))
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
