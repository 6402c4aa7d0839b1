//! The log of one operator on a disk that tears and loses, and what the simulator knows of it: what barriers stand behind, what
//! became of the disk, how far the operator has spoken.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use plasma_consensus::{Message, Record as Logged, Vote, scheme::OperatorKey};
use plasma_core::{BlockId, Epoch, Genesis, OperatorIndex, View};
use plasma_node::{
    folder::Identity,
    operator::{
        Operator,
        effect::Record,
        rejoining::{confession, lacks_votes},
    },
    runtime::{
        log::{self, Before, Found, write_record},
        start::RunError,
    },
    storage::Saved,
    wal::{self, BATCH_SIZE_MAX, Entry, Files as _, LogSite, Lsn, Refusal, VirtualDisk, Wal, WalError},
};

use super::random::Random;

mod shortening;

pub(super) use shortening::Horizon;

/// Where the log lies on its disk.
const FOLDER: &str = "log";
/// Bytes of a batch beside its records, and of a record beside its content: `node/src/wal/frame.rs`.
const BATCH_BYTES: usize = 53;
/// See `BATCH_BYTES`.
const RECORD_BYTES: usize = 33;
/// The last bytes of a batch are a checksum, which may end in zeros.
const CHECKSUM_BYTES: usize = 4;
/// Bytes of a segment before its batches, all of them checked.
const HEADER_BYTES: usize = 128;
/// Where a segment says that it replaces those before it, and how far it was written before it was used.
const BASE_AT: usize = 10;
/// See `BASE_AT`.
const SEALED_AT: usize = 48;

/// What became of a log while its operator was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// It is gone.
    Lost,
    /// An old copy was put back.
    Old,
    /// A byte of what it holds changed.
    Rotten,
}

/// Why a start has no log.
#[derive(Debug)]
pub(super) enum NoLog {
    /// The power went, the process died, or the disk refused.
    Died,
    /// The operator refuses what it finds.
    Refused(Box<RunError>),
    /// It read back something else than was written.
    Wrong(String),
}

/// The log of one operator.
#[derive(Debug)]
pub(super) struct Log {
    site: LogSite<VirtualDisk>,
    wal: Option<Wal<VirtualDisk>>,
    /// What barriers stand behind.
    spoken: Vec<wal::Record>,
    /// What stood in the log at the last start: said in an earlier life.
    found: Vec<wal::Record>,
    /// A batch that was not acknowledged: it may be there or not.
    tried: Vec<wal::Record>,
    /// What a shortening would leave that was not acknowledged.
    shorter: Option<Vec<wal::Record>>,
    /// Bytes of the last batch; unknown after a start.
    last_batch: Option<usize>,
    /// An operation was cut off or refused since the log was opened.
    was_cut: bool,
    /// The last start dropped a torn batch.
    pub(super) was_torn: bool,
    /// The mark beside the key.
    has_voted: bool,
    /// The numbers that storage knows, and those that it knows for good.
    fence: (Lsn, Lsn),
    /// A copy that somebody made, and the last record in it.
    copy: Option<(VirtualDisk, Lsn)>,
    /// What its people do not know yet.
    pub(super) harm: Option<Harm>,
    /// They start it with the flag until it has rejoined.
    pub(super) rejoins: bool,
    /// It has rejoined and votes in no view up to this one.
    pub(super) floor: Option<(Epoch, View)>,
    /// The latest view that the operator voted in.
    said: Option<(Epoch, View)>,
    /// The same, when it lost its log.
    forgot: Option<(Epoch, View)>,
    /// All views that it voted in, and those of them of which the log held no vote any more when this life began.
    voted: BTreeSet<(Epoch, View)>,
    /// See `voted`.
    unknown: BTreeSet<(Epoch, View)>,
    /// Disks so far, each with a chance of its own.
    disks: u64,
    seed: u64,
}

impl Log {
    pub(super) fn new(identity: Identity, segment_size: u64, seed: u64) -> Self {
        Self {
            site: LogSite {
                files: VirtualDisk::new(seed),
                folder: PathBuf::from(FOLDER),
                identity,
                segment_size,
                batch_size: BATCH_SIZE_MAX,
                seed,
            },
            wal: None,
            spoken: Vec::new(),
            found: Vec::new(),
            tried: Vec::new(),
            shorter: None,
            last_batch: None,
            was_cut: false,
            was_torn: false,
            has_voted: false,
            fence: (Lsn(0), Lsn(0)),
            copy: None,
            harm: None,
            rejoins: false,
            floor: None,
            said: None,
            forgot: None,
            voted: BTreeSet::new(),
            unknown: BTreeSet::new(),
            disks: 0,
            seed,
        }
    }

    /// Opens it as a start does; what was acknowledged must be there.
    pub(super) fn open(&mut self, saved: &Saved, genesis: &Genesis) -> Result<Vec<Record>, NoLog> {
        self.site.seed = self.site.seed.wrapping_add(1);
        let found = match log::open_on(self.site.clone(), genesis, self.before(saved)) {
            Ok(found) => found,
            Err(RunError::Log(WalError::Io { .. } | WalError::Folder(_))) => {
                self.was_cut = true;
                return Err(NoLog::Died);
            }
            Err(other) => return Err(NoLog::Refused(Box::new(other))),
        };
        let entries: Vec<wal::Record> = found.records.iter().map(write_record).collect();
        if let Some(harm) = self.harm.filter(|_| !self.rejoins) {
            return Err(NoLog::Wrong(format!("it votes from a log that is {harm:?}")));
        }
        if !self.rejoins {
            self.check(&entries, found.is_torn).map_err(NoLog::Wrong)?;
        }
        self.harm = None;
        self.found.clone_from(&entries);
        self.unknown = self.views_without_vote();
        self.spoken = entries;
        self.tried.clear();
        (self.shorter, self.last_batch, self.was_cut) = (None, None, false);
        self.has_voted = true;
        self.was_torn = found.is_torn;
        self.wal = Some(found.wal);
        Ok(found.records)
    }

    /// The same start once more, on a disk of its own.
    pub(super) fn rehearse(&self, saved: &Saved, genesis: &Genesis) -> Option<Vec<Record>> {
        let site = LogSite {
            files: self.site.files.fork(self.seed),
            ..self.site.clone()
        };
        let found: Found<VirtualDisk> = log::open_on(site, genesis, self.before(saved)).ok()?;
        Some(found.records)
    }

    fn before<'a>(&self, saved: &'a Saved) -> Before<'a> {
        Before {
            saved,
            has_voted: self.has_voted,
            rejoins: self.rejoins,
        }
    }

    /// What was read is what was acknowledged, perhaps with what was under way.
    fn check(&self, found: &[wal::Record], is_torn: bool) -> Result<(), String> {
        let with_tried = [&self.spoken[..], &self.tried[..]].concat();
        let is_shorter = self.shorter.as_ref().is_some_and(|shorter| shorter == found);
        if found != self.spoken && found != with_tried && !is_shorter {
            let (read, spoken, tried) = (found.len(), self.spoken.len(), self.tried.len());
            return Err(format!(
                "{read} records are read, {spoken} have their barrier, {tried} were under way"
            ));
        }
        if is_torn && !self.was_cut {
            return Err("a batch is torn that nobody was writing".to_owned());
        }
        Ok(())
    }

    /// Writes records with one barrier; `false` when that failed, and the process ends.
    pub(super) fn append(&mut self, records: &[&Record]) -> bool {
        let records: Vec<wal::Record> = records.iter().map(|record| write_record(record)).collect();
        let Some(wal) = &mut self.wal else {
            return false;
        };
        if wal.append_batch(&records).is_err() {
            self.tried = records;
            self.was_cut = true;
            return false;
        }
        let contents = records.iter().map(|record| record.content.len() + RECORD_BYTES);
        self.last_batch = Some(contents.sum::<usize>() + BATCH_BYTES);
        self.spoken.extend(records);
        true
    }

    /// Writes it anew when that is due; `None` when that failed, and else whether it did.
    pub(super) fn shorten<S: OperatorKey>(
        &mut self,
        operator: &Operator<S>,
        horizon: &Horizon<impl Fn(&Vote) -> bool, impl Fn(&BlockId) -> bool>,
    ) -> Result<Option<bool>, String> {
        let Some(wal) = self.wal.as_mut().filter(|wal| wal.is_checkpoint_due()) else {
            return Ok(Some(false));
        };
        let durable = horizon.durable;
        let kept = log::kept(self.spoken.iter().cloned(), operator, durable);
        if log::shorten(wal, operator, durable).is_err() {
            self.shorter = Some(kept);
            self.was_cut = true;
            return Ok(None);
        }
        let found = wal.entries().map(plain).unwrap_or_default();
        if found != kept {
            let (read, said) = (found.len(), kept.len());
            return Err(format!(
                "a shortening leaves {read} records, other than the {said} it keeps"
            ));
        }
        if let Some(lost) = horizon.lost(&self.spoken, &found) {
            return Err(format!("a shortening has lost {lost:?}"));
        }
        self.spoken = found;
        self.last_batch = None;
        Ok(Some(true))
    }

    /// Whether the last start found that votes of an epoch were still to be asked for: it has rejoined in one before, and died while
    /// it asked once more.
    pub(super) fn was_asking(&self, epoch: Epoch) -> bool {
        let found: Vec<Logged> = self.found.iter().filter_map(of_engine).collect();
        let has_rejoined = self.floor.is_some_and(|(rejoined, _)| rejoined < epoch);
        has_rejoined && found.contains(&confession(epoch)) && lacks_votes(&found, epoch)
    }

    /// Whether no other vote of an epoch is known to be missing than those that a confession means: no certificate has shown one.
    pub(super) fn only_confesses(&self, epoch: Epoch) -> bool {
        let logged = self.spoken.iter().filter_map(of_engine);
        let mut missing =
            logged.filter(|one| one.epoch() == epoch && matches!(one, Logged::Forgotten { .. }));
        missing.all(|one| one == confession(epoch))
    }

    /// The highest floor that a rejoin wrote, whether the process lived to say so or not.
    pub(super) fn written_floor(&self) -> Option<(Epoch, View)> {
        let logged = self.spoken.iter().chain(&self.tried).filter_map(of_engine);
        let floors = logged.filter_map(|one| match one {
            Logged::Amnesia { epoch, floor } if floor > View(0) => Some((epoch, floor)),
            _ => None,
        });
        floors.max()
    }

    /// What barriers stand behind.
    pub(super) fn records(&self) -> &[wal::Record] {
        &self.spoken
    }

    /// Whether a vote is one of an earlier life.
    pub(super) fn was_cast(&self, vote: &Vote) -> bool {
        let record = write_record(&Record::Consensus(plasma_consensus::Record::Vote(vote.clone())));
        self.found.contains(&record)
    }

    /// Where it voted last, in all its lives.
    pub(super) fn last_vote(&self) -> Option<(Epoch, View)> {
        self.said
    }

    /// Where it voted last before it lost its log.
    pub(super) fn forgotten(&self) -> Option<(Epoch, View)> {
        self.forgot
    }

    /// The number of the last record.
    pub(super) fn last_lsn(&self) -> Lsn {
        self.wal.as_ref().map_or(Lsn(0), Wal::last_lsn)
    }

    /// Storage knows a number of the log, perhaps for good.
    pub(super) fn fenced(&mut self, is_durable: bool) {
        self.fence.0 = self.last_lsn();
        if is_durable {
            self.fence.1 = self.fence.0;
        }
    }

    /// The disk stops in the middle of one of its next operations, or refuses it.
    pub(super) fn cut_in(&self, operations: u64, refusal: Option<Refusal>) {
        let at = self.site.files.operations() + 1 + operations;
        match refusal {
            Some(refusal) => self.site.files.refuse_at(at, refusal),
            None => self.site.files.cut_at(at),
        }
    }

    /// Whether the disk stopped in the middle of an operation.
    pub(super) fn is_out(&self) -> bool {
        self.site.files.is_out()
    }

    /// Takes the cut back.
    pub(super) fn spare(&self) {
        self.site.files.cut_at(0);
    }

    /// The process is over, perhaps with the power.
    pub(super) fn crash(&mut self, has_power: bool) {
        self.wal = None;
        if has_power {
            self.site.files.kill();
        } else {
            self.site.files.crash();
            self.fence.0 = self.fence.1;
        }
    }

    /// Somebody copies the folder.
    pub(super) fn copy(&mut self) {
        if self.wal.is_some() && self.harm.is_none() {
            self.disks += 1;
            let copy = self.site.files.fork(self.seed.wrapping_add(self.disks));
            copy.kill();
            self.copy = Some((copy, self.last_lsn()));
        }
    }

    /// Does a harm, if the operator can be expected to notice it: a copy that is as new as what storage knows for good cannot be
    /// told from the log, nor a last batch that went bad from one that a crash tore.
    pub(super) fn harm(&mut self, harm: Harm, random: &mut Random) -> bool {
        let is_done = match harm {
            Harm::Lost => {
                self.replace();
                true
            }
            Harm::Old => match self.copy.take().filter(|(_, last)| *last < self.fence.1) {
                Some((copy, _)) => {
                    self.site.files = copy;
                    true
                }
                None => false,
            },
            Harm::Rotten => self.spoil(random).is_some(),
        };
        if is_done {
            self.harm = Some(harm);
            self.forgot = self.said;
        }
        is_done
    }

    /// Storage is another one, and knows less.
    pub(super) fn forget_fence(&mut self) {
        self.fence = (Lsn(0), Lsn(0));
        self.copy = None;
    }

    /// An empty disk.
    pub(super) fn replace(&mut self) {
        self.disks += 1;
        self.site.files = VirtualDisk::new(self.seed.wrapping_add(self.disks));
        self.wal = None;
        self.copy = None;
        self.tried.clear();
        self.shorter = None;
    }

    /// A liar's new log, as new as its storage knows.
    pub(super) fn begin_anew(&mut self, above: Lsn) {
        self.replace();
        let nothing = plasma_consensus::Record::Amnesia {
            epoch: Epoch(0),
            floor: View(0),
        };
        let records = [write_record(&Record::Consensus(nothing))];
        let opened = Wal::begin_anew(self.site.clone(), above, |_| true, &records);
        self.spoken = opened.map_or(Vec::new(), |opened| plain(opened.entries));
    }

    /// Changes a bit of what lies below the last batch.
    fn spoil(&mut self, random: &mut Random) -> Option<()> {
        let disk = &self.site.files;
        let mut paths = disk.list(Path::new(FOLDER)).ok()?;
        paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "log"));
        paths.sort();
        let mut places = Vec::new();
        for path in paths.iter().rev() {
            let bytes = disk.read(path).ok()?;
            let written = bytes.iter().rposition(|byte| *byte != 0)? + 1;
            let is_newest = places.is_empty();
            // Behind what was under way nobody can tell what was acknowledged.
            let behind = match self.last_batch.filter(|_| !self.was_cut) {
                _ if !is_newest => Some(written),
                Some(last) => written.checked_sub(last + CHECKSUM_BYTES),
                None => {
                    let sealed = bytes.get(SEALED_AT..)?.first_chunk::<8>()?;
                    usize::try_from(u64::from_be_bytes(*sealed)).ok()
                }
            };
            places.push((path, behind?.max(HEADER_BYTES)));
            if bytes.get(BASE_AT) == Some(&1) {
                break;
            }
        }
        let (path, end) = *places.get(random.index(places.len().max(1)))?;
        let bit = u8::try_from(random.below(8)).ok()?;
        disk.spoil(path, random.index(end), 1 << bit).ok()
    }

    /// Hears what the operator says; a life without the log of the one before must say nothing where that one did.
    pub(super) fn remember(&mut self, me: Option<OperatorIndex>, message: &Message) -> Result<(), String> {
        let view = match message {
            Message::Vote(vote) if Some(vote.signer) == me => vote.statement.view(),
            Message::Proposal(proposal) => proposal.container.view,
            _ => return Ok(()),
        };
        let at = (message.epoch(), view);
        let is_vote = matches!(message, Message::Vote(_));
        if is_vote && self.unknown.contains(&at) {
            return Err(format!(
                "it votes in {at:?}, where it voted before, and its log holds nothing of that"
            ));
        }
        if self.rejoins {
            return Err(format!("it speaks of {at:?} and has not rejoined"));
        }
        if self.forgot.is_some_and(|forgot| at <= forgot) {
            return Err(format!(
                "it speaks of {at:?} and has forgotten what it said up to {:?}",
                self.forgot
            ));
        }
        self.said = self.said.max(Some(at));
        if is_vote {
            self.voted.insert(at);
        }
        Ok(())
    }

    /// Where it has voted, and the log that this life found does not say how.
    fn views_without_vote(&self) -> BTreeSet<(Epoch, View)> {
        let logged = self.found.iter().filter_map(of_engine);
        let votes = logged.filter(|record| matches!(record, Logged::Vote(_)));
        let held: BTreeSet<(Epoch, View)> = votes.map(|vote| (vote.epoch(), vote.view())).collect();
        self.voted.difference(&held).copied().collect()
    }
}

fn of_engine(record: &wal::Record) -> Option<Logged> {
    match log::read_record(record) {
        Ok(Record::Consensus(record)) => Some(record),
        _ => None,
    }
}

fn plain(entries: Vec<Entry>) -> Vec<wal::Record> {
    entries.into_iter().map(|entry| entry.record).collect()
}

#[cfg(test)]
mod tests;
