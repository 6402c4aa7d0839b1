//! Why an archive cannot be written or read; damage is named with the byte where it shows.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{super::StorageError, KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Why an archive cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be made, written or read.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An archive never replaces a file.
    #[error("{} exists already; choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The rows cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A block was committed between two pages.
    #[error(
        "the storage changed while it was read; stop the operator or ask the running one for the archive"
    )]
    Moved,
    /// The rows need a longer field than the format has.
    #[error("a row of table {table} has {bytes} bytes, more than an archive takes")]
    TooLong {
        /// The table.
        table: &'static str,
        /// Its bytes.
        bytes: usize,
    },
    /// Not a file of ours.
    #[error("it does not begin like an archive")]
    Magic,
    /// Another format.
    #[error(
        "it has version {found} of the format, this program knows {known}; run the program that wrote it"
    )]
    Version {
        /// The file's.
        found: u16,
        /// Ours.
        known: u16,
    },
    /// Rows of another layout.
    #[error("its rows have schema {found}, this program knows {known}; run the program that wrote it")]
    Schema {
        /// The file's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The file ends early.
    #[error("it ends at byte {place}, in the middle; copy it again")]
    Cut {
        /// Where.
        place: u64,
    },
    /// A byte has a value that no field takes.
    #[error("byte {place} is {found}, which is no {what}; copy the file again")]
    Field {
        /// Where.
        place: u64,
        /// What was expected there.
        what: &'static str,
        /// What stands there.
        found: u8,
    },
    /// A length above its limit.
    #[error(
        "at byte {place} a {what} of {found} bytes is announced (keys have at most {KEY_BYTES_MAX}, values {VALUE_BYTES_MAX}); copy the file again"
    )]
    Length {
        /// Where.
        place: u64,
        /// Key or value.
        what: &'static str,
        /// The announced length.
        found: u32,
    },
    /// A row that does not come after the one before.
    #[error("the row at byte {place} is out of order; copy the file again")]
    Order {
        /// Where.
        place: u64,
    },
    /// A row that the scope leaves out.
    #[error("the row at byte {place} is of table {table}, which a state archive does not have")]
    Scope {
        /// Where.
        place: u64,
        /// The table.
        table: &'static str,
    },
    /// Another number of rows than the end says.
    #[error("{found} rows came before byte {place}, its end says {said}; copy the file again")]
    Count {
        /// Where the end stands.
        place: u64,
        /// What it says.
        said: u64,
        /// What was read.
        found: u64,
    },
    /// The bytes are not those that were written.
    #[error("the hash at byte {place} is not that of the bytes before it; copy the file again")]
    Hash {
        /// Where the hash stands.
        place: u64,
    },
    /// Something follows the end.
    #[error("more bytes follow its end at byte {place}; copy the file again")]
    Trailing {
        /// Where it should have ended.
        place: u64,
    },
    /// A meta row that is its owner's alone.
    #[error("the row at byte {place} says whose rows these are, which no archive does")]
    Own {
        /// Where.
        place: u64,
    },
    /// The meta rows are not those of the head.
    #[error("its row meta {key} is not what its head says")]
    Meta {
        /// The key.
        key: &'static str,
    },
}

impl ArchiveError {
    /// What is wrong with the archive at `file`, which only some of the errors name by themselves.
    #[must_use]
    pub fn about(&self, file: &Path) -> String {
        match self {
            Self::Io { .. } | Self::Exists { .. } => self.to_string(),
            _ => format!("{}: {self}", file.display()),
        }
    }
}
