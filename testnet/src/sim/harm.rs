//! What becomes of disks and clocks, and what an operator's people do about it: a log that is refused is replaced by a rejoin, and
//! never voted from.

use plasma_consensus::{Kind, Violation};
use plasma_core::{Epoch, Height, View};
use plasma_node::{
    operator::{Operator, rejoining::Progress, sync::WANTED_BYTES_MAX},
    runtime::{
        start::RunError,
        sync,
        wire::{self, Ask},
    },
    storage::Storage as _,
    wal::{Refusal, WalError},
};

use super::{
    disk::{Harm, NoLog},
    host::NoStart,
    scheme::is_certified,
    site::START_S,
    world::{Happening, World},
};

/// An operator whose Ethereum does not show the origin that it needs tries again after this time.
const PATIENCE_MS: u64 = 2_000;
/// People need this long to read why an operator does not start.
const PEOPLE_MS: u64 = 3_000;
/// A process that died while it started is started again after this time.
const AGAIN_MS: u64 = 200;
/// Operations of a disk among which one goes wrong: a turn rarely has more, a shortening has about as many.
const OPERATIONS: u64 = 10;
/// How many in ten thousand starts die while they read the log, when disks make trouble.
const CUT_STARTS: u64 = 1_500;
/// An operator dies once more within this time after a start.
const RELAPSE_MS: u64 = 120;
/// Longest time in which one with an older storage is alone after its start.
const LONELY_MS_MAX: u64 = 4_000;
/// How many in ten thousand lost disks held storage too.
const WHOLE_DISKS: u64 = 3_000;
/// Wall clocks that are all set by less than this still agree on what lies in the future.
const NEAR_MS: u64 = 1_000;
/// A clock that was set wrong is set right within this time.
const WRONG_MS: u64 = 8_000;
/// What a block may be ahead of a clock, and clocks that drift of each other, at most.
const TIME_MS: u64 = 10_000;
/// What an operator may be deprived of in the epoch that runs.
const BOTH: &[&str] = &[
    "a log of the running epoch came to harm",
    "an older storage of the running epoch",
];

impl World {
    /// The disk will stop in the middle of one of its next operations, or refuse it.
    pub(super) fn trouble_disk(&mut self, index: usize) {
        if self.random.chance(self.scenario.disk_faults) {
            let refusal = self
                .random
                .pick(&[None, None, None, Some(Refusal::Failure), Some(Refusal::Full)]);
            let operation = self.random.below(OPERATIONS);
            self.hosts[index].log.cut_in(operation, refusal);
        }
    }

    /// A write did not return: the process ends.
    pub(super) fn disk_stopped(&mut self, index: usize) {
        self.marks.hit(if self.hosts[index].log.is_out() {
            "the power went during an operation of the disk"
        } else {
            "the disk refused"
        });
    }

    /// A start may die over its log.
    pub(super) fn trouble_start(&mut self, index: usize) {
        let is_calm = self.now >= self.scenario.calm_at_ms;
        if !is_calm && self.scenario.disk_faults > 0 && self.random.chance(CUT_STARTS) {
            let operation = self.random.below(OPERATIONS);
            self.hosts[index].log.cut_in(operation, None);
        }
    }

    /// A start that succeeded: the operator may die again at once.
    pub(super) fn relapse(&mut self, index: usize) {
        self.hosts[index].log.spare();
        if self.hosts[index].log.was_torn {
            self.marks.hit("a torn batch was dropped");
        }
        let is_calm = self.now >= self.scenario.calm_at_ms;
        if !is_calm && self.hosts[index].life > 1 && self.random.chance(self.scenario.relapses) {
            self.marks.hit("a relapse");
            let soon = self.random.below(RELAPSE_MS);
            self.after(soon, Happening::Crash { index });
        }
    }

    /// A start that was none: it is tried again, or people must look.
    pub(super) fn not_started(&mut self, index: usize, why: NoStart) {
        let error = match why {
            NoStart::Blind => return self.after(PATIENCE_MS, Happening::Start { index }),
            NoStart::Log(NoLog::Died) => {
                self.marks.hit("a start was cut short");
                let has_power = !self.random.chance(self.scenario.power_cuts);
                self.hosts[index].crash(has_power);
                return self.after(AGAIN_MS, Happening::Start { index });
            }
            NoStart::Log(NoLog::Wrong(what)) => {
                return self.oracle.report("log", format!("operator {index}: {what}"));
            }
            NoStart::Log(NoLog::Refused(error)) => error,
        };
        self.note(&[b"no start"], || {
            format!("operator {index} does not start: {error}")
        });
        let log = &mut self.hosts[index].log;
        let expected = match (&*error, log.harm) {
            (RunError::LostLog { .. }, Some(Harm::Lost)) => "a lost log was refused",
            (RunError::OldLog { .. }, Some(Harm::Old)) => "an old log was refused",
            (RunError::Log(WalError::Corrupt { .. }), Some(Harm::Rotten)) => {
                // The manual: move the folder aside.
                log.replace();
                "a rotten log was refused"
            }
            (RunError::GoodLog { .. }, None) if log.rejoins => {
                (log.rejoins, log.floor) = (false, log.floor.max(log.written_floor()));
                self.marks.hit("a rejoin that was over already");
                return self.after(PEOPLE_MS, Happening::Start { index });
            }
            _ => {
                let what = format!("operator {index} refuses its log: {error}");
                return self.oracle.report("log", what);
            }
        };
        log.rejoins = true;
        self.marks.hit(expected);
        self.after(PEOPLE_MS, Happening::Start { index });
    }

    /// The log of an operator that is down comes to harm, as long as the wronged and the liars are at most f together.
    pub(super) fn harm_log(&mut self, index: usize) {
        let log = &self.hosts[index].log;
        let is_sound = log.harm.is_none() && !log.rejoins && log.last_vote().is_some();
        if !self.can_spare(index) || !is_sound || !self.random.chance(self.scenario.lost_logs) {
            return;
        }
        let harm = self
            .random
            .pick(&[Harm::Lost, Harm::Old, Harm::Old, Harm::Rotten, Harm::Rotten]);
        let host = &mut self.hosts[index];
        if !host.log.harm(harm, &mut self.random) {
            return;
        }
        if harm == Harm::Lost && self.random.chance(WHOLE_DISKS) {
            self.hosts[index].lose_storage(index, &self.site);
            self.marks.hit("a whole disk was lost");
        }
        let epoch = self.hosts[index].log.last_vote().map(|(epoch, _)| epoch);
        self.wronged(epoch, "a log of the running epoch came to harm");
        self.note(&[b"harm"], || format!("the log of operator {index} is {harm:?}"));
    }

    /// An older storage is put beside the log of an operator that is down, as long as the wronged and the liars are at most f
    /// together.
    pub(super) fn harm_storage(&mut self, index: usize) {
        let often = self.scenario.old_storages;
        if often == 0 || !self.random.chance(often) {
            return;
        }
        let log = &self.hosts[index].log;
        let is_sound = log.harm.is_none() && !log.rejoins;
        if !is_sound || !self.can_spare(index) {
            return;
        }
        let mark = match self.hosts[index].backup.take() {
            Some(backup) => {
                self.hosts[index].put_back(backup);
                "a backup was put back"
            }
            None => {
                self.hosts[index].lose_storage(index, &self.site);
                "a storage was lost"
            }
        };
        self.marks.hit(mark);
        let epoch = self.hosts[index].saved().state.epoch;
        self.wronged(Some(epoch), "an older storage of the running epoch");
        // Nobody tells it that an epoch is over, and whatever waits on Ethereum makes it vote in the one it finds itself in.
        if self.random.chance(self.scenario.lonely) {
            let until = self.now + self.scenario.downtime_ms + self.random.between(500, LONELY_MS_MAX);
            self.network.leave_alone(index, until);
            self.marks.hit("alone with an older storage");
        }
        self.note(&[b"storage"], || format!("{mark}: operator {index}"));
    }

    /// Something of this epoch is gone; a run may see both kinds, of one operator or of several, together or one after the other.
    fn wronged(&mut self, epoch: Option<Epoch>, mark: &'static str) {
        let tip = self.oracle.height();
        if epoch != Some(self.oracle.epoch_of(Height(tip.0 + 1))) {
            return;
        }
        self.marks.hit(mark);
        if self.marks.missing(BOTH).next().is_none() {
            self.marks.hit("an older storage and a lost log in one run");
        }
    }

    /// Whether this one may be wronged too: those who are and the liars are at most f of every committee.
    fn can_spare(&self, index: usize) -> bool {
        let is_wronged = |other: &usize| {
            let host = &self.hosts[*other];
            let is_silent = host.log.harm.is_some() || host.log.rejoins || host.log.floor.is_some();
            *other != index && (is_silent || host.had.is_some() || self.is_out_of_time(*other))
        };
        let wronged = (0..self.hosts.len()).filter(is_wronged).count();
        self.scenario.is_honest(index) && wronged < self.line.spare_faults(&self.scenario)
    }

    /// An honest operator stops signing. One that died while it asked once more, in the epoch after the one that it rejoined in,
    /// says so by its confession, and its people start it with the flag again; nothing else is a reason.
    pub(super) fn on_stop(&mut self, index: usize, reason: &str) {
        let host = &mut self.hosts[index];
        let epoch = host.operator.as_ref().map(|operator| operator.status().epoch);
        let confesses = |epoch| host.log.was_asking(epoch) && host.log.only_confesses(epoch);
        if epoch.is_some_and(confesses) && is_confession(reason) && !host.log.rejoins {
            host.log.rejoins = true;
            self.marks.hit("a rejoin was begun again");
            return self.after(PEOPLE_MS, Happening::Crash { index });
        }
        self.oracle
            .report("stops", format!("operator {index} stops: {reason}"));
    }

    /// How a rejoin goes on.
    pub(super) fn on_rejoin(&mut self, index: usize, progress: &Progress) {
        self.note(&[b"rejoin"], || format!("operator {index}: {progress:?}"));
        match progress {
            Progress::Heard { .. } => {}
            Progress::Done { epoch, floor } => {
                self.marks.hit("an operator rejoined");
                let log = &mut self.hosts[index].log;
                if let Some(forgotten) = log.forgotten().filter(|said| *said > (*epoch, *floor)) {
                    let what = format!("operator {index} rejoins above {floor:?} and spoke in {forgotten:?}");
                    return self.oracle.report("rejoin", what);
                }
                (log.rejoins, log.floor) = (false, Some((*epoch, *floor)));
            }
            Progress::Failed(reason) => {
                self.oracle
                    .report("rejoin", format!("operator {index}: {reason}"));
            }
        }
    }

    /// Copies of folders, backups, and clocks that are set; who has come above its floor votes as before, and who holds again
    /// what it held has lost nothing.
    pub(super) fn stir_machines(&mut self) {
        for (index, host) in self.hosts.iter_mut().enumerate() {
            let Some(status) = host.operator.as_ref().map(Operator::status) else {
                continue;
            };
            // An epoch that ends below the floor leaves doubt of the next one.
            let speaks = status.operator.is_some() && status.silence.is_none();
            let is_over = |(epoch, view)| speaks && (epoch, view) <= (status.epoch, status.final_view);
            // Whoever has no seat any more owes no vote.
            let stays = self.line.has_seat_from(status.epoch, index);
            host.log.floor = host.log.floor.filter(|floor| stays && !is_over(*floor));
            host.had = host.had.filter(|had| status.height < *had);
        }
        let index = self.random.index(self.hosts.len());
        if self.scenario.lost_logs > 0 && self.random.chance(self.scenario.copies) {
            self.hosts[index].log.copy();
        }
        if self.scenario.old_storages > 0 && self.random.chance(self.scenario.copies) {
            let host = &mut self.hosts[index];
            host.backup = Some(host.storage.backup());
        }
        if self.random.chance(self.scenario.jumps) {
            self.set_clock(index);
        }
    }

    /// Whether its clock may be far off.
    fn is_out_of_time(&self, index: usize) -> bool {
        let is_far = self.scenario.jumps > 0 && self.scenario.jump_ms > NEAR_MS;
        is_far && index < self.scenario.spare_faults()
    }

    /// The latest time that a clock may show, and what a block may be ahead of it, with some to spare.
    pub(super) fn latest_ms(&self) -> u64 {
        START_S * 1_000 + self.now + self.scenario.jump_ms + self.scenario.offset_ms + TIME_MS
    }

    fn set_clock(&mut self, index: usize) {
        let far = if self.is_out_of_time(index) {
            self.scenario.jump_ms
        } else {
            self.scenario.jump_ms.min(NEAR_MS / 2)
        };
        let way = i64::try_from(self.random.below(far + 1)).unwrap_or_default();
        let way = if self.random.chance(5_000) { -way } else { way };
        let right = self.hosts[index].clock.right_ms;
        self.marks.hit(if way < 0 {
            "a clock was set back"
        } else {
            "a clock was set forward"
        });
        if way.unsigned_abs() > NEAR_MS {
            self.marks.hit("a clock was set far away");
        }
        self.note(&[b"clock", &way.to_be_bytes()], || {
            format!("the wall clock of operator {index} is set {way} ms away")
        });
        self.hosts[index].clock.ahead_ms = right + way;
        let soon = self.random.below(WRONG_MS);
        self.after(
            soon,
            Happening::Wall {
                index,
                ahead_ms: right,
            },
        );
    }

    /// Whoever begins with nothing can follow each honest operator from its storage alone: answers come one after the other,
    /// each ends in a block that a quorum finalized, and none is missing.
    pub(super) fn check_service(&mut self) {
        let tip = self.oracle.height();
        let running = self.oracle.epoch_of(Height(tip.0 + 1));
        let is_judged =
            |index: &usize| self.scenario.is_honest(*index) && self.line.is_inside(running, *index);
        for index in (0..self.hosts.len()).filter(is_judged) {
            if let Err(what) = self.brings_to(index, tip) {
                let what = format!("operator {index} cannot be followed: {what}");
                return self.oracle.report("service", what);
            }
        }
    }

    fn brings_to(&self, index: usize, tip: Height) -> Result<(), String> {
        let reader = self.hosts[index].storage.reader();
        let mut height = Height(0);
        while height < tip {
            let bytes = WANTED_BYTES_MAX;
            let answer = sync::serve(&Ask::After { height, bytes }, &reader, None);
            let (blocks, certificate) =
                wire::decode_answer(&answer, usize::MAX).map_err(|error| error.to_string())?;
            for block in &blocks {
                let place = usize::try_from(block.header.height.0).unwrap_or(usize::MAX);
                let known = self.oracle.headers.get(place).map(plasma_core::Header::id);
                if height.next() != Some(block.header.height) || known != Some(block.header.id()) {
                    return Err(format!("after {height} comes {}", block.header.height));
                }
                height = block.header.height;
            }
            let last = blocks.last().map(|block| block.header.id());
            let proven = certificate.filter(|certificate| {
                let committee = self.line.of(certificate.epoch);
                committee.is_some_and(|one| is_certified(one, &self.site.domain, certificate))
            });
            if last.is_none() || proven.map(|certificate| certificate.block) != last {
                return Err(format!("nothing proves what comes up to {height}"));
            }
        }
        Ok(())
    }
}

/// Whether somebody stops because the log says from the first view on that votes are missing, and not because a certificate
/// showed one.
fn is_confession(reason: &str) -> bool {
    let (view, kind) = (View(1), Kind::Nullify);
    reason.starts_with(&Violation::Forgotten { view, kind }.to_string())
}
