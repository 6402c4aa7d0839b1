//! Why a log cannot be opened or written, in words for the operator's people.

use std::{io, path::PathBuf};

use super::{BATCH_SIZE_MAX, Lsn, SEGMENTS_MAX};
use crate::folder::FolderError;

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
         must not vote from it, nor from an emptied folder. Restore the file, or move the folder aside and start once \
         with --amnesia-rejoin", path.display()
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
    /// It does not reach the record that it must hold.
    #[error("the log ends at record {}, below record {}", last.0, least.0)]
    Short {
        /// The last record that it holds.
        last: Lsn,
        /// The last record that it must hold.
        least: Lsn,
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
