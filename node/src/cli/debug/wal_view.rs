//! What `plasma debug wal` prints, for people and as JSON.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::words::{Told, tell};
use crate::{
    runtime::log::RecordError,
    wal::{
        Lsn, WalError,
        inspect::{Found, LogEnd, Placed, Reading, SegmentFound},
    },
};

/// What is kept of the records of a log.
pub(super) struct Counted {
    last: usize,
    /// The newest records.
    shown: VecDeque<RecordView>,
    /// How many there are of each kind.
    kinds: BTreeMap<String, u64>,
    /// The first records that this program does not know; more would say nothing more.
    pub(super) unreadable: Vec<(Lsn, RecordError)>,
}

impl Counted {
    pub(super) fn new(last: usize) -> Self {
        Self {
            last,
            shown: VecDeque::new(),
            kinds: BTreeMap::new(),
            unreadable: Vec::new(),
        }
    }
}

impl Reading for Counted {
    fn add(&mut self, placed: Placed<'_>) {
        let told = tell(&placed.record).unwrap_or_else(|reason| {
            if self.unreadable.len() < UNREADABLE_MAX {
                self.unreadable.push((placed.lsn, reason));
            }
            Told {
                kind: "unknown",
                view: None,
                words: reason.to_string(),
            }
        });
        *self.kinds.entry(told.kind.to_owned()).or_default() += 1;
        if self.shown.len() >= self.last {
            self.shown.pop_front();
        }
        if self.last > 0 {
            self.shown.push_back(RecordView::new(&placed, told));
        }
    }
}

/// A log.
#[derive(Debug, Serialize)]
pub(super) struct LogView {
    folder: PathBuf,
    /// `whole`, `torn`, `damaged`, `missing`, or `unread` for what the system or another version of the format refuses.
    state: &'static str,
    genesis: Option<String>,
    /// Hash of the owner's BLS key.
    key: Option<String>,
    /// The owner's newest seat, where the settings tell.
    seat: Option<String>,
    /// The number of the next record.
    next_lsn: Option<u64>,
    segments: Vec<SegmentView>,
    /// Files that the next start removes: a newer segment replaced them.
    replaced: Vec<PathBuf>,
    records: BTreeMap<String, u64>,
    /// Where a batch begins that was not finished.
    torn: Option<SpotView>,
    /// Where the log is damaged.
    damage: Option<SpotView>,
    unreadable: Vec<UnreadableView>,
    /// The newest records, oldest first.
    last: Vec<RecordView>,
}

#[derive(Debug, Serialize)]
struct SegmentView {
    file: PathBuf,
    is_checkpoint: bool,
    first_lsn: u64,
    records: u64,
    batches: u64,
    used_bytes: u64,
    size_bytes: u64,
}

/// A place in a file.
#[derive(Debug, Serialize)]
struct SpotView {
    file: PathBuf,
    offset: u64,
    what: String,
}

#[derive(Debug, Serialize)]
struct UnreadableView {
    lsn: u64,
    reason: String,
}

#[derive(Debug, Serialize)]
struct RecordView {
    lsn: u64,
    file: PathBuf,
    offset: u64,
    batch: u64,
    epoch: u64,
    view: Option<u64>,
    kind: &'static str,
    words: String,
    bytes: usize,
}

impl LogView {
    pub(super) fn new(folder: &Path, found: &Found, counted: Counted, seat: Option<String>) -> Self {
        let spot = |file: &Path, offset, what: &str| SpotView {
            file: file.to_path_buf(),
            offset,
            what: what.to_owned(),
        };
        let (state, next, torn, damage) = match &found.end {
            LogEnd::Whole(next) => ("whole", Some(next.0), None, None),
            LogEnd::Torn { next, path, offset } => {
                ("torn", Some(next.0), Some(spot(path, *offset, TORN)), None)
            }
            LogEnd::Missing => ("missing", None, None, None),
            LogEnd::Refused(WalError::Corrupt { path, offset, what }) => {
                ("damaged", None, None, Some(spot(path, *offset, what)))
            }
            LogEnd::Refused(_) => ("unread", None, None, None),
        };
        let unreadable = counted.unreadable.iter().map(|(lsn, reason)| UnreadableView {
            lsn: lsn.0,
            reason: reason.to_string(),
        });
        Self {
            folder: folder.to_path_buf(),
            state,
            genesis: found.identity.map(|owner| owner.genesis.to_string()),
            key: found.identity.map(|owner| owner.key.to_string()),
            seat,
            next_lsn: next,
            segments: found.segments.iter().map(SegmentView::new).collect(),
            replaced: found.replaced.clone(),
            unreadable: unreadable.collect(),
            records: counted.kinds,
            torn,
            damage,
            last: counted.shown.into(),
        }
    }
}

impl SegmentView {
    fn new(segment: &SegmentFound) -> Self {
        Self {
            file: segment.path.clone(),
            is_checkpoint: segment.is_checkpoint,
            first_lsn: segment.first_lsn.0,
            records: segment.records,
            batches: segment.batches,
            used_bytes: segment.used_bytes,
            size_bytes: segment.size_bytes,
        }
    }
}

impl RecordView {
    fn new(placed: &Placed<'_>, told: Told) -> Self {
        Self {
            lsn: placed.lsn.0,
            file: placed.path.to_path_buf(),
            offset: placed.offset,
            batch: placed.batch,
            epoch: placed.record.epoch.0,
            view: told.view,
            kind: told.kind,
            words: told.words,
            bytes: placed.record.content.len(),
        }
    }
}

impl fmt::Display for LogView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = || "unknown".to_owned();
        writeln!(f, "log        {}", self.folder.display())?;
        writeln!(f, "genesis    {}", self.genesis.clone().unwrap_or_else(unknown))?;
        writeln!(f, "key hash   {}", self.key.clone().unwrap_or_else(unknown))?;
        if let Some(seat) = &self.seat {
            writeln!(f, "owner      {seat}")?;
        }
        for segment in &self.segments {
            writeln!(f, "segment    {segment}")?;
        }
        for file in &self.replaced {
            writeln!(f, "replaced   {}, the next start removes it", file.display())?;
        }
        for (kind, count) in &self.records {
            writeln!(f, "records    {count} {kind}")?;
        }
        for record in &self.last {
            writeln!(f, "{record}")?;
        }
        for spot in self.torn.iter().chain(&self.damage) {
            let SpotView { file, offset, what } = spot;
            writeln!(
                f,
                "{:<10} {} at offset {offset}: {what}",
                self.state,
                file.display()
            )?;
        }
        match self.next_lsn {
            Some(next) => writeln!(f, "{:<10} the next record is {next}", self.state),
            None => writeln!(f, "{:<10} an operator does not start from it", self.state),
        }
    }
}

impl fmt::Display for SegmentView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} records in {} batches from {}, {} of {} bytes{}",
            self.file.display(),
            self.records,
            self.batches,
            self.first_lsn,
            self.used_bytes,
            self.size_bytes,
            if self.is_checkpoint {
                ", begins the log"
            } else {
                ""
            },
        )
    }
}

impl fmt::Display for RecordView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        write!(
            f,
            "{:<10} {name} at {}, epoch {}",
            self.lsn, self.offset, self.epoch
        )?;
        if let Some(view) = self.view {
            write!(f, ", view {view}")?;
        }
        write!(f, ", {}: {}", self.kind, self.words)
    }
}

/// What a torn end means, whether the operator runs or not.
const TORN: &str = "a batch that is not whole. A running operator is writing it; else a crash cut it before it was spoken, and the \
                    next start drops it, unless storage knows records of it: then the disk damaged it, and a start refuses";

/// Records that are named although this program does not know them.
const UNREADABLE_MAX: usize = 16;
