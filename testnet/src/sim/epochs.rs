//! Committees that follow each other: announced and activated by real calls, entered by each operator's people when they
//! come to it, and watched by who is told nothing by the operators.
//!
//! Ethereum's delay between announcement and activation is longer than a run. While it passes, nothing goes wrong and nobody
//! pays, and Ethereum's clock goes in leaps, each after an anchor of the last one.

mod entering;
mod plan;
mod seen;

use std::sync::Arc;

use plasma_contracts_abi::federation;
use plasma_core::{Bitmap, BlockId, Certificate, Committee, Epoch, Hash, OperatorIndex, View};
use plasma_node::bridge::account::Call;

pub(super) use plan::{Change, Line, draw};
pub(super) use seen::Seen;

use crate::deploy::joining;

use super::{
    ethereum::lock,
    peers,
    random::Random,
    scenario::Scenario,
    site::Site,
    world::{Happening, World},
};

/// Time between two looks of the people who carry a change to Ethereum.
const STEP_MS: u64 = 250;
/// A call that Ethereum does not show after this time is sent again.
const RESEND_MS: u64 = 4_000;
/// How far Ethereum's clock leaps: an anchor must follow within `silence` and twice `grace`.
const LEAP_S: u64 = 55;
/// Blocks behind the newest that no reorganisation reaches.
const SETTLED: usize = 4;
/// Time for payments after a wait, at least.
const BUSY_MS: u64 = 5_000;
/// A wait does not end by this clock.
const NEVER_MS: u64 = 1 << 40;

/// How far the change under way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not before this moment.
    Rests(u64),
    /// Sent at that moment.
    Announces(u64),
    /// Announced; can be activated from this second on.
    Waits(u64),
    /// To be activated at this moment, or again.
    Activates(u64),
}

/// A time in which nothing goes wrong.
#[derive(Clone, Copy, Debug)]
struct Pause {
    since: u64,
    busy_ms: u64,
    calm_at_ms: u64,
    /// Ethereum's time of the last leap.
    leapt_s: u64,
}

/// All changes of a run.
#[derive(Debug)]
pub(super) struct Succession {
    changes: Vec<Change>,
    /// How many of them Ethereum has for good.
    done: usize,
    stage: Stage,
    pause: Option<Pause>,
    random: Random,
}

impl Succession {
    pub(super) fn new(scenario: &Scenario, site: &Site) -> Self {
        let mut random = Random::new(scenario.seed, 5);
        Self {
            changes: draw(scenario, site, &mut random),
            done: 0,
            stage: Stage::Rests(random.between(1_000, 3_000)),
            pause: None,
            random,
        }
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether any committee changes in this run.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn current(&self) -> Option<&Change> {
        self.changes.get(self.done)
    }
}

/// What the contracts say.
struct Says {
    active: Epoch,
    /// Whose certificate the newest anchor has.
    anchored: Epoch,
    announced: Option<(Hash, u64)>,
    now_s: u64,
}

impl World {
    /// The people of the committees look whether something is to be done.
    pub(super) fn succeed(&mut self) {
        let Some(change) = self.succession.current() else {
            return;
        };
        let committee = Arc::clone(&change.successor.roster.committee);
        self.after(STEP_MS, Happening::Succeed);
        let epoch = committee.epoch();
        let Some(says) = self.says(0) else {
            return;
        };
        let is_announced = says.announced.filter(|(digest, _)| *digest == committee.hash());
        match self.succession.stage {
            Stage::Rests(until) => {
                let may = says.active == says.anchored && says.active.0 + 1 == epoch.0;
                if self.now >= until && may {
                    self.announce();
                }
            }
            Stage::Announces(sent) => match is_announced {
                Some((_, active_from_s)) => {
                    self.succession.stage = Stage::Waits(active_from_s);
                    self.hand_out();
                    self.pause();
                }
                None if self.now >= sent + RESEND_MS => self.announce(),
                None => {}
            },
            Stage::Waits(_) if is_announced.is_none() => self.announce(),
            Stage::Waits(_) => {
                // A reorganisation may have mined it anew.
                let from_s = is_announced.map_or(u64::MAX, |(_, from_s)| from_s);
                self.succession.stage = Stage::Waits(from_s);
                let pause = self.succession.pause;
                let is_fresh = pause.is_none_or(|pause| self.anchored_s() >= pause.leapt_s);
                if says.now_s >= from_s && is_fresh {
                    self.go_on();
                }
            }
            Stage::Activates(_) if self.says(SETTLED).is_some_and(|says| says.active == epoch) => {
                self.succession.done += 1;
                self.succession.stage = Stage::Rests(self.now);
                self.marks.hit("a committee was changed");
            }
            Stage::Activates(at) if self.now >= at && says.active != epoch => {
                self.succession.stage = Stage::Activates(self.now + RESEND_MS);
                self.activate(&committee);
            }
            Stage::Activates(_) => {}
        }
    }

    /// What the contracts say of committees, so many blocks ago.
    fn says(&self, lag: usize) -> Option<Says> {
        let place = self.site.contracts.federation;
        let mut chain = lock(&self.chain);
        let state = chain.state_behind(lag)?;
        let active: u64 = state.ask(place, federation::ActiveEpochCall);
        let waits: federation::Announcement = state.ask(place, federation::AnnouncementCall);
        let latest: federation::Latest = state.ask(place, federation::LatestCall);
        Some(Says {
            active: Epoch(active),
            anchored: Epoch(latest.epoch),
            announced: (waits.size > 0).then_some((Hash(waits.digest), waits.active_from)),
            now_s: state.newest().timestamp_s,
        })
    }

    /// A quorum of the running committee names the next one.
    fn announce(&mut self) {
        self.succession.stage = Stage::Announces(self.now);
        let Some(change) = self.succession.current() else {
            return;
        };
        let successor = change.successor.clone();
        let committee = &successor.roster.committee;
        let before = Epoch(committee.epoch().0 - 1);
        let Some(signing) = self.line.of(before).cloned() else {
            return;
        };
        let all: Vec<OperatorIndex> = signing.members().map(|(seat, _)| seat).collect();
        let signers = self.quorum_of(&signing, all);
        let digest = successor.change_digest(&self.site.domain);
        let certificate = Certificate {
            epoch: before,
            view: View(successor.sequence),
            block: BlockId(committee.hash()),
            signature: self.site.sign(&signing, &signers, &digest),
            signers,
        };
        let members: Vec<_> = successor.roster.members.iter().map(joining).collect();
        let contracts = &self.site.contracts;
        let call = contracts.announce_committee_call(&members, &certificate);
        self.carry(call.expect("keys are points of the curve"));
    }

    /// A quorum of the coming committee, of those that have entered it, says that it is ready.
    fn activate(&mut self, committee: &Arc<Committee>) {
        let epoch = committee.epoch();
        let Some(change) = self.succession.current() else {
            return;
        };
        let digest = change.successor.readiness_digest(&self.site.domain);
        let knows = |index: usize| self.hosts[index].directory.roster(epoch).is_some();
        let ready: Vec<OperatorIndex> = committee
            .members()
            .filter(|(_, member)| knows(peers::operator(member)))
            .map(|(seat, _)| seat)
            .collect();
        if ready.len() < committee.quorum() {
            return;
        }
        let signers = self.quorum_of(committee, ready);
        let signature = self.site.sign(committee, &signers, &digest);
        let call = self.site.contracts.activate_committee_call(&signers, &signature);
        self.carry(call.expect("a point of the curve"));
        if self.scenario.reorgs > 0 && self.now < self.scenario.calm_at_ms {
            let delay = self.succession.random.between(1_000, 4_000);
            self.after(delay, Happening::Reorganise);
        }
    }

    /// Some of these seats, a quorum at least.
    fn quorum_of(&mut self, committee: &Committee, mut seats: Vec<OperatorIndex>) -> Bitmap {
        let random = &mut self.succession.random;
        random.shuffle(&mut seats);
        let spare = seats.len() - committee.quorum();
        seats.truncate(committee.quorum() + random.index(spare + 1));
        seats.into_iter().collect()
    }

    /// Somebody brings a call to Ethereum.
    fn carry(&mut self, call: Call) {
        let label = call.label.clone();
        self.note(&[b"people", label.as_bytes()], || format!("people send {label}"));
        lock(&self.chain).send(self.site.users[0].address(), call);
    }

    /// The document goes to everybody's people, and whoever is new starts.
    fn hand_out(&mut self) {
        let Some(change) = self.succession.current() else {
            return;
        };
        let (newcomers, late) = (change.newcomers.clone(), change.late.clone());
        let number = self.succession.done;
        for index in (0..self.hosts.len()).filter(|index| !late.contains(index)) {
            let delay = self.succession.random.between(1, 3_000);
            self.after(delay, Happening::Install { index, number });
        }
        for index in newcomers.into_iter().filter(|index| !late.contains(index)) {
            let delay = self.succession.random.between(1, 6_000);
            self.after(delay, Happening::Start { index });
        }
    }

    /// Nothing goes wrong until Ethereum's delay has passed.
    fn pause(&mut self) {
        if self.succession.pause.is_some() {
            return;
        }
        self.succession.pause = Some(Pause {
            since: self.now,
            busy_ms: self.scenario.busy_ms,
            calm_at_ms: self.scenario.calm_at_ms,
            leapt_s: 0,
        });
        self.scenario.busy_ms = NEVER_MS;
        self.scenario.calm_at_ms = self.now;
        self.clients.pay_until(0);
        self.note(&[b"pause"], || "nothing goes wrong for a while".to_owned());
    }

    /// The delay has passed: everything goes on as it was, and soon the next committee is activated.
    fn go_on(&mut self) {
        if let Some(pause) = self.succession.pause.take() {
            let waited = self.now - pause.since;
            self.scenario.busy_ms = (pause.busy_ms + waited).max(self.now + BUSY_MS);
            self.scenario.calm_at_ms = (pause.calm_at_ms + waited).max(self.scenario.busy_ms);
            self.clients.pay_until(self.scenario.busy_ms);
            self.after(0, Happening::Pay);
            self.after(0, Happening::Action);
        }
        self.note(&[b"go on"], || "everything goes on".to_owned());
        let at = self.succession.random.between(1, BUSY_MS);
        self.succession.stage = Stage::Activates(self.now + at);
        let Some(change) = self.succession.current() else {
            return;
        };
        let (newcomers, late) = (change.newcomers.clone(), change.late.clone());
        let number = self.succession.done;
        for index in late {
            if newcomers.contains(&index) {
                let delay = self.succession.random.below(at + 3_000);
                self.after(delay, Happening::Start { index });
            }
            self.after(at, Happening::Install { index, number });
        }
    }

    /// Ethereum's time of the newest anchor.
    fn anchored_s(&self) -> u64 {
        let chain = lock(&self.chain);
        let anchors = chain
            .blocks
            .iter()
            .rev()
            .flat_map(|mined| &mined.observed.anchors);
        anchors.map(|anchor| anchor.time_s).next().unwrap_or_default()
    }

    /// How far Ethereum's clock leaps with the block under way, if it does.
    pub(super) fn leap_s(&mut self, next_s: u64) -> Option<u64> {
        let Stage::Waits(from_s) = self.succession.stage else {
            return None;
        };
        let anchored_s = self.anchored_s();
        let pause = self.succession.pause.as_mut()?;
        if next_s >= from_s || anchored_s < pause.leapt_s {
            return None;
        }
        let leap = LEAP_S.min(from_s - next_s).max(1);
        pause.leapt_s = next_s + leap;
        Some(leap)
    }

    /// A change that is not done.
    pub(super) fn unsucceeded(&self) -> Option<String> {
        let change = self.succession.current()?;
        let epoch = change.successor.roster.committee.epoch().0;
        Some(format!(
            "the committee of epoch {epoch} is {:?}",
            self.succession.stage
        ))
    }
}
