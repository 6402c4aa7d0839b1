//! The scheduler: one heap of events, one stream of chance, members that crash between any two effects.

use std::{
    collections::{BTreeMap, BinaryHeap},
    rc::Rc,
};

use plasma_consensus::{Certified, Message, Mutation};
use plasma_core::{BlockId, Committee, Hash, View};

use super::{
    blocks::Blocks,
    byzantine::Byzantine,
    host::Host,
    marks::Marks,
    network::Network,
    oracle::{Oracle, Violation},
    random::Random,
    scenario::Scenario,
    transcript::Transcript,
};

mod bounds;
mod corruption;
mod due;
mod events;
mod halving;
mod perform;
mod rejoining;
mod restart;
mod restoring;
mod seats;

use due::Due;
pub(crate) use seats::committee;
#[cfg(test)]
pub(crate) use seats::committee_of;
use seats::real_committee;

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Deliver {
        from: u16,
        to: u16,
        message: Rc<Message>,
        body: Option<BlockId>,
    },
    Wake {
        member: u16,
        life: u32,
    },
    Build {
        member: u16,
        life: u32,
        view: View,
        parent: BlockId,
    },
    Prepare {
        member: u16,
        life: u32,
        parent: BlockId,
    },
    Judge {
        member: u16,
        life: u32,
        block: BlockId,
        parent: BlockId,
    },
    Fetched {
        member: u16,
        life: u32,
        block: BlockId,
    },
    Settle {
        member: u16,
        life: u32,
    },
    Link {
        member: u16,
        peer: u16,
        is_up: bool,
    },
    Payment {
        member: u16,
        payment: u64,
    },
    Restart {
        member: u16,
    },
    Sync {
        member: u16,
    },
    Ask {
        member: u16,
        life: u32,
    },
    Claimed {
        member: u16,
        life: u32,
        from: u16,
        claim: Option<Rc<Certified>>,
    },
    Mischief {
        member: u16,
    },
    Leave {
        member: u16,
    },
    Backup,
    Restore,
    Split,
    Stir,
    Calm,
}

/// What broken rules a run tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Breakage {
    /// A rule that all honest members break.
    pub(crate) mutation: Option<Mutation>,
    /// A restarted member has lost its log.
    pub(crate) has_amnesia: bool,
    /// Checks of single members are left out: only broken agreement counts.
    pub(crate) is_deaf_to_members: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) violation: Option<Violation>,
    pub(crate) marks: Marks,
    pub(crate) transcript: Hash,
    pub(crate) trace: Vec<String>,
    pub(crate) views: u64,
    pub(crate) blocks: usize,
    pub(crate) messages: u64,
    /// Votes and proposals, certificates, reports.
    pub(crate) sent: [Sent; 3],
    pub(crate) ended_at_ms: u64,
}

/// How closely a run is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Only what the oracle sees.
    #[default]
    Plain,
    /// A digest of everything that happens.
    Transcript,
    /// One line per event and effect.
    Trace,
    /// How long every message is.
    Sizes,
}

/// Messages of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) count: u64,
    /// Only counted under [`Watch::Sizes`].
    pub(crate) bytes: u64,
}

/// The world of one run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) now: u64,
    pub(crate) hosts: Vec<Host>,
    committee: Committee,
    pub(crate) blocks: Blocks,
    pub(crate) random: Random,
    pub(crate) network: Network,
    pub(crate) oracle: Oracle,
    pub(crate) marks: Marks,
    pub(crate) scripts: BTreeMap<u16, Byzantine>,
    /// Who lies by now, one bit each.
    pub(crate) liars: u128,
    queue: BinaryHeap<Due>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    number: u64,
    breakage: Breakage,
    watch: Watch,
    transcript: Transcript,
    trace: Vec<String>,
    messages: u64,
    sent: [Sent; 3],
    done_at: Option<u64>,
    /// Members that have not applied everything; counted again after each change.
    is_counted: bool,
    bounds: bounds::Bounds,
    backup: restoring::Backup,
    halving: halving::Halving,
}

/// After the calm everything must be final within this time: the longest run of bad leaders at the longest timeouts
/// of any scenario, several times over.
const PATIENCE_MS: u64 = 240_000;

/// Between two changes of the weather.
const STIR_MS: u64 = 100;

/// Runs a scenario to its end.
pub(crate) fn run(scenario: &Scenario, breakage: Breakage, watch: Watch) -> Outcome {
    let mut world = World::new(scenario.clone(), breakage, watch);
    world.begin();
    while world.oracle.violation.is_none()
        && let Some(event) = world.next_event()
    {
        world.note(|| format!("{event:?}"));
        world.on_event(event);
        world.check_bounds();
        if world.is_over() {
            break;
        }
    }
    world.finish()
}

impl World {
    fn new(scenario: Scenario, breakage: Breakage, watch: Watch) -> Self {
        let mut random = Random::new(scenario.seed, 2);
        let members = 0..scenario.n;
        let liars = members.filter(|member| !scenario.is_honest(*member));
        let liars = liars.fold(0, |mask, member| mask | 1 << member);
        let mut oracle = Oracle::new(scenario.n, liars);
        oracle.is_deaf_to_members = breakage.is_deaf_to_members;
        let hosts = (0..scenario.n).map(|_| {
            let mut host = Host::new();
            host.drift = random.below(scenario.drift + 1);
            host.is_fast = random.chance(5_000);
            host.clock_offset = random.below(100_000);
            host
        });
        let hosts = hosts.collect();
        let committee = if scenario.has_real_keys {
            real_committee(scenario.n)
        } else {
            committee(scenario.n)
        };
        let mut world = Self {
            scenario,
            now: 0,
            hosts,
            committee,
            blocks: Blocks::new(),
            random,
            network: Network::default(),
            oracle,
            marks: Marks::default(),
            scripts: BTreeMap::new(),
            liars,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            free: Vec::new(),
            number: 0,
            breakage,
            watch,
            transcript: Transcript::default(),
            trace: Vec::new(),
            messages: 0,
            sent: Default::default(),
            done_at: None,
            is_counted: false,
            bounds: bounds::Bounds::default(),
            backup: restoring::Backup::default(),
            halving: halving::Halving::default(),
        };
        for member in (0..world.scenario.n).filter(|member| liars >> member & 1 == 1) {
            world.teach(member);
        }
        world
    }

    fn begin(&mut self) {
        let members = 0..self.scenario.n;
        for member in members.clone() {
            let at = self.random.below(50);
            self.schedule(at, Event::Restart { member });
            if self.scenario.syncs {
                let at = self.random.below(2_000);
                self.schedule(at, Event::Sync { member });
            }
            if !self.is_honest(member) {
                self.schedule(50, Event::Mischief { member });
            }
        }
        let away = self.scenario.away;
        for member in members.clone().filter(|member| away >> member & 1 == 1) {
            self.schedule(self.scenario.away_at_ms, Event::Leave { member });
            if self.scenario.back_at_ms > 0 {
                self.schedule(self.scenario.back_at_ms, Event::Restart { member });
            }
        }
        if self.scenario.restored_at_ms > 0 {
            self.schedule(self.scenario.restored_at_ms / 2, Event::Backup);
            self.schedule(self.scenario.restored_at_ms, Event::Restore);
        }
        if self.scenario.split > 0 {
            self.schedule(self.scenario.split_at_ms, Event::Split);
        }
        let last = self.scenario.calm_at_ms + 1_500;
        for payment in 0..self.scenario.payments {
            // The last one comes after the calm, so that something new must be decided then.
            let at = if payment == 0 {
                last
            } else {
                self.random.below(last)
            };
            for member in members.clone() {
                let late = self.random.mostly(100, 3_000);
                self.schedule(at + late, Event::Payment { member, payment });
            }
        }
        self.schedule(STIR_MS, Event::Stir);
        self.schedule(self.scenario.calm_at_ms, Event::Calm);
    }

    /// Puts an event into the future.
    pub(crate) fn schedule(&mut self, delay: u64, event: Event) {
        let number = self.number;
        self.number += 1;
        let place = self.free.pop().unwrap_or(self.events.len());
        match self.events.get_mut(place) {
            Some(slot) => *slot = Some(event),
            None => self.events.push(Some(event)),
        }
        self.queue.push(Due {
            at: self.now + delay,
            number,
            place,
        });
    }

    /// Moves the time to the next event.
    fn next_event(&mut self) -> Option<Event> {
        let due = self.queue.pop()?;
        self.now = due.at;
        self.free.push(due.place);
        self.events.get_mut(due.place)?.take()
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.now >= self.scenario.calm_at_ms
    }

    pub(crate) fn host(&self, member: u16) -> &Host {
        &self.hosts[usize::from(member)]
    }

    pub(crate) fn host_mut(&mut self, member: u16) -> &mut Host {
        &mut self.hosts[usize::from(member)]
    }

    pub(crate) fn is_honest(&self, member: u16) -> bool {
        self.liars >> member & 1 == 0
    }

    /// Whether a member is honest and there in the end.
    pub(crate) fn stays(&self, member: u16) -> bool {
        self.is_honest(member) && self.scenario.stays(member)
    }

    /// Notes a line of the trace, or its digest.
    fn note(&mut self, line: impl FnOnce() -> String) {
        match self.watch {
            Watch::Plain | Watch::Sizes => {}
            Watch::Transcript => {
                let now = self.now;
                self.transcript.add(now, &line());
            }
            Watch::Trace => {
                let text = line();
                self.trace.push(format!("{:>7} {text}", self.now));
            }
        }
    }

    fn all_payments(&self) -> u128 {
        (1 << self.scenario.payments) - 1
    }

    /// Everything that was to be decided is applied by every honest member; or it takes too long.
    fn is_over(&mut self) -> bool {
        if let Some(done_at) = self.done_at {
            return self.now >= done_at + self.epilogue_ms();
        }
        if self.now > self.scenario.calm_at_ms + PATIENCE_MS {
            let lacking = self.lacking();
            self.oracle.object(
                "L1",
                format!("{lacking} members lack final payments {PATIENCE_MS} ms after the calm"),
            );
            return true;
        }
        if self.is_calm() && !self.is_counted {
            self.is_counted = true;
            if self.lacking() == 0 {
                self.done_at = Some(self.now);
            }
        }
        false
    }

    fn lacking(&self) -> usize {
        let all = self.all_payments();
        let staying = (0..self.scenario.n).filter(|member| self.stays(*member));
        staying
            .map(|member| self.host(member))
            .filter(|host| self.blocks.block(host.disk.applied).payments != all)
            .count()
    }

    /// Committees that can rest are watched a while longer.
    fn epilogue_ms(&self) -> u64 {
        if self.can_rest() { 4_000 } else { 0 }
    }

    fn can_rest(&self) -> bool {
        self.scenario.config.heartbeat_ms == 0 && self.liars == 0
    }

    fn finish(mut self) -> Outcome {
        self.check_rest();
        self.check_restored();
        self.check_messages();
        let views = self
            .hosts
            .iter()
            .filter_map(|host| Some(host.engine.as_ref()?.view().0))
            .max();
        Outcome {
            violation: self.oracle.violation.take(),
            blocks: self.oracle.final_height(),
            marks: self.marks,
            transcript: self.transcript.end(),
            trace: self.trace,
            views: views.unwrap_or_default(),
            messages: self.messages,
            sent: self.sent,
            ended_at_ms: self.now,
        }
    }

    /// Once all is final and there is no heartbeat, honest members stay in one view.
    fn check_rest(&mut self) {
        let quiet = self.done_at.is_some_and(|done_at| self.now >= done_at + 4_000);
        if quiet && self.can_rest() {
            let views = self
                .hosts
                .iter()
                .filter_map(|host| host.engine.as_ref().map(|engine| engine.view()));
            if views.collect::<std::collections::BTreeSet<View>>().len() == 1 {
                self.marks.hit("idle with everything final");
            }
        }
    }
}
