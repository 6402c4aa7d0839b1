//! What the write-ahead log holds of an operator: the engine's records, encoded blocks, and what it found out about others.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use plasma_consensus::{DecodeError, Evidence, Record as Logged, scheme::OperatorKey};
use plasma_core::{Block, Epoch, Genesis, Header, Height, View, planted::planted};
use tracing::warn;

use crate::{
    config::Config,
    folder::{Identity, sync_folder},
    operator::{
        Operator,
        case::Case,
        effect::{Effect, Record},
        rejoining::{confession, doubt_at, lacks_votes},
    },
    storage::Saved,
    wal::{self, Entry, Files, LogSite, Lsn, Opened, Wal, WalError},
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

/// Whether nothing here knows of a former life: no log, no mark beside the key, no block in storage.
pub(super) fn is_first(config: &Config, genesis: &Genesis, saved: &Saved) -> bool {
    let log = std::fs::read_dir(log_folder(config));
    let has_log = log.is_ok_and(|mut entries| entries.next().is_some());
    !has_log && !has_voted(config, genesis) && saved.state.id == genesis.state().id
}

/// Where the log lies.
pub(super) fn log_folder(config: &Config) -> PathBuf {
    config.data_dir.join("log")
}

/// Beside the key, so that it outlives an emptied data folder.
fn marker(config: &Config) -> PathBuf {
    config.keys.bls.with_extension("voted")
}

fn has_voted(config: &Config, genesis: &Genesis) -> bool {
    let word = genesis.hash().to_string();
    std::fs::read_to_string(marker(config)).is_ok_and(|found| found.trim() == word)
}

/// Opens the log beside the mark that outlives an emptied data folder; see [`open_on`].
pub(super) fn open(
    config: &Config,
    genesis: &Genesis,
    identity: Identity,
    saved: &Saved,
    rejoins: bool,
) -> Result<(Wal, Vec<Record>), RunError> {
    let has_voted = has_voted(config, genesis);
    let site = LogSite::on_disk(&log_folder(config), identity, rand::random());
    let before = Before {
        saved,
        has_voted,
        rejoins,
    };
    let found = open_on(site, genesis, before)?;
    if found.is_torn {
        warn!("a torn last batch was dropped from the log; nothing of it had been spoken");
    }
    if !has_voted {
        let path = marker(config);
        mark(&path, &genesis.hash().to_string()).map_err(|source| RunError::Mark { path, source })?;
    }
    Ok((found.wal, found.records))
}

/// What a start knows before it looks into the log.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// What storage holds.
    pub saved: &'a Saved,
    /// The key was used on this chain, so there must be a log.
    pub has_voted: bool,
    /// The operator's people say that the log forgot votes, and ask to rejoin.
    pub rejoins: bool,
}

/// A log to start from.
#[derive(Debug)]
pub struct Found<F: Files = wal::Disk> {
    /// Ready for the next batch.
    pub wal: Wal<F>,
    /// What it remembers.
    pub records: Vec<Record>,
    /// A crash had torn the last batch, and it was dropped.
    pub is_torn: bool,
}

/// Opens a log on any disk. One that ends below storage's fence is an old copy. One that is gone while storage, or the mark
/// beside the key, is not means forgotten votes, and so does a record that cannot be read. With `rejoins` such a log begins
/// anew, from a confession: until the operator has learned how far it may have voted, no start of any kind votes from it. A log
/// that lacks nothing is refused then.
///
/// # Errors
/// [`RunError`]: nobody may vote from what is there.
pub fn open_on<F: Files>(
    site: LogSite<F>,
    genesis: &Genesis,
    before: Before<'_>,
) -> Result<Found<F>, RunError> {
    let Before {
        saved,
        has_voted,
        rejoins,
    } = before;
    let path = site.folder.clone();
    let is_used = rejoins || has_voted || saved.state.id != genesis.state().id;
    let fence = saved.fence.filter(|_| !planted("log: old copies are voted from"));
    let found = if is_used && !planted("log: a lost one is begun again") {
        Wal::reopen(site.clone(), fence)
    } else {
        Wal::open(site.clone())
    };
    let (mut opened, is_anew) = match found {
        Ok(opened) => (opened, false),
        Err(WalError::Missing { .. } | WalError::Short { .. }) if rejoins => (begin_anew(site, saved)?, true),
        Err(WalError::Missing { folder }) => return Err(RunError::LostLog { path: folder }),
        Err(WalError::Short { last, least: fence }) => return Err(RunError::OldLog { path, last, fence }),
        Err(other) => return Err(other.into()),
    };
    let read = |entry: &Entry| {
        read_record(&entry.record).map_err(|reason| RunError::UnreadableLog {
            path: path.clone(),
            lsn: entry.lsn,
            reason,
        })
    };
    let mut records: Vec<Record> = opened.entries.iter().map(read).collect::<Result<_, _>>()?;
    let is_given = saved.fence.is_none() && saved.state.id != genesis.state().id;
    if let Some(doubt) = doubt_at(of_engine(&records), saved.state.epoch).filter(|_| is_given) {
        let doubt = Record::Consensus(doubt);
        opened.wal.append_batch(&[write_record(&doubt)])?;
        records.push(doubt);
    }
    if rejoins && !is_anew && !has_forgotten(&records, saved.state.epoch) {
        return Err(RunError::GoodLog { path });
    }
    Ok(Found {
        wal: opened.wal,
        records,
        is_torn: opened.dropped_torn_batch,
    })
}

/// Writes the log anew without what the operator needs no more, storage being durable up to a height.
///
/// # Errors
/// Fatal like those of [`Wal::append_batch`].
pub fn shorten<F: Files, S: OperatorKey>(
    wal: &mut Wal<F>,
    operator: &Operator<S>,
    durable: Height,
) -> Result<Lsn, WalError> {
    wal.rewrite(|entries| {
        let mut kept = kept(entries.into_iter().map(|entry| entry.record), operator, durable);
        if planted("log: one that is no vote is dropped when it is shortened") {
            let is_vote =
                |record: &wal::Record| matches!(read_record(record), Ok(Record::Consensus(Logged::Vote(_))));
            if let Some(last) = kept.iter().rposition(|record| !is_vote(record)) {
                kept.remove(last);
            }
        }
        kept
    })
}

/// Makes an operator from what its log remembers, and gives the log the mark that it lacks: what the version before shortened has
/// none.
///
/// # Errors
/// Fatal like those of [`Wal::append_batch`].
pub fn replay<F: Files, S: OperatorKey>(
    wal: &mut Wal<F>,
    records: Vec<Record>,
    durable: Height,
    make: impl FnOnce(Vec<Record>) -> (Operator<S>, Vec<Effect>),
) -> Result<(Operator<S>, Vec<Effect>), WalError> {
    let is_mark =
        |record: &&Record| matches!(record, Record::Consensus(Logged::Amnesia { floor: View(0), .. }));
    let known: Vec<Record> = records.iter().filter(is_mark).cloned().collect();
    let (operator, first) = make(records);
    if let Some(mark) = operator.mark(durable).filter(|mark| !known.contains(mark)) {
        wal.append_batch(&[write_record(&mark)])?;
    }
    Ok((operator, first))
}

/// What stays of a log: what the operator needs, each body once, and the mark of how far epochs have ended. All go to the disk at
/// once, so nothing of an epoch is ever forgotten without it.
pub fn kept<S: OperatorKey>(
    records: impl IntoIterator<Item = wal::Record>,
    operator: &Operator<S>,
    durable: Height,
) -> Vec<wal::Record> {
    let mut bodies: BTreeSet<Vec<u8>> = BTreeSet::new();
    // A block that made room and came again is logged again, and its first copy stands before every vote for it.
    let mut is_first = |record: &wal::Record| {
        record.kind != LOG_BODY || bodies.insert(record.content.iter().copied().take(Header::SIZE).collect())
    };
    let records = records.into_iter();
    let mut kept: Vec<wal::Record> = records
        .filter(|record| is_needed(record, operator, durable) && is_first(record))
        .collect();
    let mark = operator.mark(durable).map(|mark| write_record(&mark));
    if let Some(mark) = mark.filter(|mark| !kept.contains(mark)) {
        kept.push(mark);
    }
    kept
}

/// Whether a record stays in the log. The start refuses what cannot be read, and nothing is dropped unread here either.
#[must_use]
pub fn is_needed<S: OperatorKey>(record: &wal::Record, operator: &Operator<S>, durable: Height) -> bool {
    read_record(record).map_or(true, |record| operator.needs(&record, durable))
}

/// A log that says first of all that it lacks votes. A floor that an old copy holds was found before the votes that are missing
/// now: it goes, or it would cover the confession.
fn begin_anew<F: Files>(site: LogSite<F>, saved: &Saved) -> Result<Opened<F>, WalError> {
    let running = saved.state.epoch;
    let is_floor = |record: &wal::Record| {
        let record = read_record(record);
        matches!(record, Ok(Record::Consensus(Logged::Amnesia { epoch, floor })) if epoch >= running && floor > View(0))
    };
    let stays = |record: &wal::Record| planted("log: an old floor covers a new loss") || !is_floor(record);
    let confession = write_record(&Record::Consensus(confession(running)));
    let fence = saved.fence.map_or(0, |fence| fence.0);
    Wal::begin_anew(site, Lsn(fence.saturating_add(LEAP)), stays, &[confession])
}

/// Whether votes of the running epoch or of a later one are missing.
fn has_forgotten(log: &[Record], running: Epoch) -> bool {
    of_engine(log).any(|record| record.epoch() >= running && lacks_votes(of_engine(log), record.epoch()))
}

fn of_engine(log: &[Record]) -> impl Iterator<Item = &plasma_consensus::Record> {
    log.iter().filter_map(|record| match record {
        Record::Consensus(record) => Some(record),
        _ => None,
    })
}

/// A log that begins anew leaves so many numbers out. The one that was lost may have ended above storage's fence, and a storage
/// that was imported has none; it must end below the fence of the next commit all the same, or it could be put back unseen. No
/// operator writes so many records between two commits, nor in years.
const LEAP: u64 = 1 << 32;
