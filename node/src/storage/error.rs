//! Why storage cannot be opened, read or written.

use std::path::PathBuf;

use plasma_core::{BlockId, Height};

use crate::folder::FolderError;

/// Why storage cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder is in use or cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The rows are another federation's or another operator's.
    #[error("the storage in {} is not ours: {difference}; name this operator's own folder", path.display())]
    Identity {
        /// The folder.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// The rows have another layout.
    #[error("the storage in {} has schema {found}, this program knows {known}; {}", path.display(), remedy(*found, *known))]
    Schema {
        /// The folder.
        path: PathBuf,
        /// The schema of the rows.
        found: u32,
        /// The schema of this program.
        known: u32,
    },
    /// An import into these rows began and did not end well.
    #[error("an import into {} did not end well; empty that place and import again", path.display())]
    Unfinished {
        /// The place.
        path: PathBuf,
    },
    /// There are no rows.
    #[error("there is no storage in {}; check storage.path and data_dir", path.display())]
    Absent {
        /// The place.
        path: PathBuf,
    },
    /// The body of an old block is not kept.
    #[error(
        "the body of height {height} was pruned, bodies are kept from height {horizon} on; ask another operator"
    )]
    Pruned {
        /// The height asked for.
        height: Height,
        /// The lowest height whose body is kept.
        horizon: Height,
    },
    /// A block above the next height.
    #[error("a block of height {found} cannot follow the tip at {tip}")]
    Gap {
        /// The newest height.
        tip: Height,
        /// The block's.
        found: Height,
    },
    /// A block of the next height on another parent.
    #[error("the block of height {height} stands on {found:?}, the tip is {tip:?}")]
    Fork {
        /// The block's height.
        height: Height,
        /// The newest block.
        tip: BlockId,
        /// The parent that the block names.
        found: BlockId,
    },
    /// Another block of a height that is committed already.
    #[error("height {height} holds block {stored:?}, refused {found:?}")]
    Conflict {
        /// The height.
        height: Height,
        /// The committed block.
        stored: BlockId,
        /// The other one.
        found: BlockId,
    },
    /// Block and delta do not belong together, or the delta contradicts the rows.
    #[error("the delta of height {height} cannot be written: {what}")]
    Delta {
        /// The block's height.
        height: Height,
        /// The contradiction.
        what: &'static str,
    },
    /// A row that cannot be understood.
    #[error("the row {key} of table {table} is damaged; restore a backup or let the operator sync anew")]
    Row {
        /// The table.
        table: &'static str,
        /// The key in hexadecimal.
        key: String,
    },
    /// The engine refused.
    #[error("the storage engine cannot {doing}: {source}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine could not make written blocks durable.
    #[error(
        "written blocks cannot be made durable: {reason}; mend the disk, then start again: the log holds what storage lost"
    )]
    NotDurable {
        /// What the engine said.
        reason: String,
    },
    /// A cluster does not serve.
    #[error(
        "the cluster of {cluster} cannot {doing}: {fault}, tried {attempts} times; see `fdbcli -C {cluster} --exec status`"
    )]
    Unavailable {
        /// The cluster file.
        cluster: String,
        /// What was tried.
        doing: &'static str,
        /// The last answer.
        fault: String,
        /// How often.
        attempts: u32,
    },
    /// A cluster gave an answer that no other attempt changes.
    #[error(
        "the cluster of {cluster} cannot {doing} and never will: {fault}; this is an error of this program"
    )]
    Refused {
        /// The cluster file.
        cluster: String,
        /// What was tried.
        doing: &'static str,
        /// The answer.
        fault: String,
    },
    /// Nobody answers behind a cluster file.
    #[error(
        "the cluster of {cluster} is unreachable or speaks another version than this client (7.3): {reason}; see \
         `fdbcli -C {cluster} --exec status`"
    )]
    Unreachable {
        /// The cluster file.
        cluster: String,
        /// What the client said.
        reason: String,
    },
    /// A cluster file that the client cannot use.
    #[error(
        "the cluster file {} cannot be used: {problem}; the client must be able to read it and to rewrite it when \
         coordinators change", path.display()
    )]
    ClusterFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Another process writes these rows.
    #[error(
        "the rows in the cluster of {cluster} are being written by {holder:?}; stop that process: one operator, one process"
    )]
    Fenced {
        /// The cluster file.
        cluster: String,
        /// What the other process says of itself.
        holder: String,
    },
    /// The map of shares has no sense.
    #[error(
        "storage.fdb.shares: first byte {byte} of an owner's address {problem}; ranges must cover 0-255, each byte once"
    )]
    Shares {
        /// A first byte of an owner's address.
        byte: u8,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// This program cannot speak to FoundationDB.
    #[error("this program was built without FoundationDB; build it with `--features fdb`")]
    NotBuilt,
    /// A reader's moment is too long ago for a cluster.
    #[error(
        "a cluster shows a moment for five seconds only, and reading it took longer; a whole export needs a stopped \
         operator, or FoundationDB's own backup"
    )]
    TooOld,
    /// The write was given up because the runtime is shutting down.
    #[error("the runtime is shutting down")]
    ShuttingDown,
}

impl StorageError {
    /// Whether the same question may be answered a little later: the rows are well, and the way to them is not.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.is_away() || matches!(self, Self::TooOld)
    }

    /// Whether nobody answered: to wait is all that helps.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}

fn remedy(found: u32, known: u32) -> &'static str {
    if found > known {
        "run the newer program that wrote it"
    } else {
        "let the operator sync into a new folder"
    }
}
