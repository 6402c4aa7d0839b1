//! What the write-ahead log holds of an operator: the engine's records, encoded blocks, and what it found out about others.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use plasma_consensus::{DecodeError, Evidence};
use plasma_core::{Block, Epoch, Genesis};
use tracing::warn;

use crate::{
    config::Config,
    folder::{Identity, sync_folder},
    operator::{case::Case, effect::Record},
    storage::Saved,
    wal::{self, Entry, LogSite, Wal, WalError},
};

use super::start::RunError;

/// Kind of a log record that the engine wrote.
pub const LOG_CONSENSUS: u8 = 1;
/// Kind of a log record that holds an encoded block.
pub const LOG_BODY: u8 = 2;
/// Kind of a log record that holds an invalid block that a quorum finalized.
pub const LOG_CASE: u8 = 3;
/// Kind of a log record that holds two votes in which an operator contradicted itself.
pub const LOG_CONTRADICTION: u8 = 4;

/// The log's form of a record.
#[must_use]
pub fn write_record(record: &Record) -> wal::Record {
    match record {
        Record::Consensus(record) => wal::Record {
            epoch: record.epoch(),
            kind: LOG_CONSENSUS,
            content: record.encode(),
        },
        // A block does not say its epoch, and is kept until storage holds it, whichever epoch it is of.
        Record::Body(bytes) => wal::Record {
            epoch: Epoch(0),
            kind: LOG_BODY,
            content: bytes.to_vec(),
        },
        Record::Case(case) => wal::Record {
            epoch: case.certificate.epoch,
            kind: LOG_CASE,
            content: case.encode(),
        },
        Record::Contradiction(votes) => wal::Record {
            epoch: votes[0].epoch,
            kind: LOG_CONTRADICTION,
            content: Evidence::encode(votes),
        },
    }
}

/// Why a record cannot be read. It is whole, as its checksum says, so this program is not the one that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Nothing of this kind is known here.
    #[error("its kind {0} is unknown here")]
    Kind(u8),
    /// A record of the engine.
    #[error("it is none of an engine's: {0}")]
    Consensus(#[from] DecodeError),
    /// A block behind a vote.
    #[error("it holds no block")]
    Body,
    /// An invalid block that a quorum finalized.
    #[error("it holds no case")]
    Case,
    /// Two statements of one operator that contradict each other.
    #[error("it holds no contradiction")]
    Contradiction,
}

/// A record back from the log.
///
/// # Errors
/// [`RecordError`] when this program does not know it: it may be a vote, so nobody may go on without it.
pub fn read_record(record: &wal::Record) -> Result<Record, RecordError> {
    match record.kind {
        LOG_CONSENSUS => Ok(Record::Consensus(plasma_consensus::Record::decode(
            &record.content,
        )?)),
        LOG_BODY => match Block::decode(&record.content, record.content.len()) {
            Ok(_) => Ok(Record::Body(record.content.clone().into())),
            Err(_) => Err(RecordError::Body),
        },
        LOG_CASE => Case::decode(&record.content)
            .map(|case| Record::Case(case.into()))
            .ok_or(RecordError::Case),
        LOG_CONTRADICTION => match Evidence::decode(&record.content) {
            Ok(votes) => Ok(Record::Contradiction(votes.into())),
            Err(_) => Err(RecordError::Contradiction),
        },
        kind => Err(RecordError::Kind(kind)),
    }
}

/// Makes the mark beside the key durable, which outlives an emptied data folder.
fn mark(path: &Path, word: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(word.as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

/// Opens the log. A log that ends below storage's fence is an old copy. A log that is gone while storage, or the mark beside the key, is not means forgotten votes, and so does a
/// record that cannot be read.
pub(super) fn open(
    config: &Config,
    genesis: &Genesis,
    identity: Identity,
    saved: &Saved,
) -> Result<(Wal, Vec<Record>), RunError> {
    let path = config.data_dir.join("log");
    let marker = config.keys.bls.with_extension("voted");
    let word = genesis.hash().to_string();
    let has_voted = std::fs::read_to_string(&marker).is_ok_and(|found| found.trim() == word);
    let site = LogSite::on_disk(&path, identity, rand::random());
    let opened = if has_voted || saved.state.id != genesis.state().id {
        Wal::reopen(site)
    } else {
        Wal::open(site)
    };
    let opened = opened.map_err(|error| match error {
        WalError::Missing { folder } => RunError::LostLog { path: folder },
        other => other.into(),
    })?;
    let last = opened.wal.last_lsn();
    if let Some(fence) = saved.fence.filter(|fence| last < *fence) {
        return Err(RunError::OldLog { path, last, fence });
    }
    if !has_voted {
        mark(&marker, &word).map_err(|source| RunError::Mark { path: marker, source })?;
    }
    if opened.dropped_torn_batch {
        warn!("a torn last batch was dropped from the log; nothing of it had been spoken");
    }
    let read = |entry: &Entry| {
        read_record(&entry.record).map_err(|reason| RunError::UnreadableLog {
            path: path.clone(),
            lsn: entry.lsn,
            reason,
        })
    };
    let log = opened.entries.iter().map(read).collect::<Result<_, _>>()?;
    Ok((opened.wal, log))
}
