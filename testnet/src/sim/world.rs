//! The heap of everything that will happen, and who makes it happen.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use plasma_core::{Epoch, Hash, TransactionId, keccak};
use plasma_node::operator::effect::Effect;

use super::{
    byzantine::Liars,
    clients::Clients,
    epochs::{Line, Seen, Succession},
    ethereum::{Chain, Eye, Ledger, Sight, lock},
    host::{Clock, Host},
    marks::Marks,
    network::Network,
    oracle::{Oracle, Violation},
    proof::Shared,
    random::Random,
    scenario::Scenario,
    site::Site,
    transcript::Transcript,
};

/// How closely a run is watched; none of it changes what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The verdict alone.
    Plain,
    /// Also the transcript's hash.
    Transcript,
    /// Also every line of it.
    Trace,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The first invariant that broke.
    pub violation: Option<Violation>,
    /// Decided blocks.
    pub blocks: u32,
    /// Decided payments.
    pub payments: u64,
    /// When all was quiet, in simulated milliseconds.
    pub ended_at_ms: u64,
    /// When faults and payments had stopped.
    pub calm_at_ms: u64,
    /// What happened at least once.
    pub marks: Marks,
    /// Of everything that happened; zero when it was not watched.
    pub transcript: Hash,
    /// Every line, when they were asked for.
    pub trace: Vec<String>,
}

/// A message on a link.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    Control(Bytes),
    Payload(Bytes),
    Gossip(Bytes),
}

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Happening {
    Frame {
        from: usize,
        to: usize,
        frame: Frame,
    },
    Ask {
        from: usize,
        to: usize,
        number: u64,
        bytes: Bytes,
    },
    Answer {
        from: usize,
        to: usize,
        number: u64,
        bytes: Option<Bytes>,
    },
    Turn {
        index: usize,
    },
    Look {
        index: usize,
        life: u64,
    },
    Start {
        index: usize,
    },
    Crash {
        index: usize,
    },
    Revive {
        index: usize,
    },
    Connect {
        pair: (usize, usize),
        is_up: bool,
    },
    Offer {
        index: usize,
        id: TransactionId,
    },
    Retry {
        id: TransactionId,
    },
    Pay,
    Action,
    /// People look how far a change of the committee is.
    Succeed,
    Install {
        index: usize,
        /// Which change.
        number: usize,
    },
    Reorganise,
    Block,
    Stir,
    Sight {
        index: usize,
        sight: Sight,
    },
    Wall {
        index: usize,
        ahead_ms: i64,
    },
    Duty {
        index: usize,
        effect: Box<Effect>,
    },
    Check,
}

/// Everything.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) site: Arc<Site>,
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    next: u64,
    pub(super) hosts: Vec<Host>,
    pub(super) network: Network,
    pub(super) chain: Ledger,
    pub(super) proof: Shared,
    pub(super) oracle: Oracle,
    pub(super) clients: Clients,
    pub(super) liars: Liars,
    pub(super) line: Line,
    pub(super) succession: Succession,
    pub(super) seen: Seen,
    /// The last epoch whose beginning may have gone unheard.
    pub(super) hushed: Epoch,
    pub(super) random: Random,
    pub(super) marks: Marks,
    pub(super) next_ask: u64,
    watch: Watch,
    transcript: Transcript,
    trace: Vec<String>,
    pub(super) is_over: bool,
}

/// How Ethereum refuses a payment that no block can include any more.
const EXPIRED: &[u8] = b"SpendingExpired(uint32,uint32)";
/// Time between two blocks of Ethereum.
const BLOCK_MS: u64 = 1_000;
/// Time between two looks at what may go wrong.
const STIR_MS: u64 = 100;
/// Time between two looks at whether all is done.
pub(super) const CHECK_MS: u64 = 250;

/// Runs a scenario to its end.
#[must_use]
pub fn run(scenario: &Scenario, watch: Watch) -> Outcome {
    let mut world = World::new(scenario, watch);
    world.begin();
    while !world.is_over && world.oracle.violation.is_none() {
        let Some(((now, _), happening)) = world.queue.pop_first() else {
            break;
        };
        world.now = now;
        world.happen(happening);
    }
    world.end()
}

impl World {
    fn new(scenario: &Scenario, watch: Watch) -> Self {
        let site = Site::of(scenario.n);
        let succession = Succession::new(scenario, &site);
        let fresh = succession.changes().iter().map(|change| change.newcomers.len());
        let n = usize::from(scenario.n) + fresh.sum::<usize>();
        let proof = Shared::new(site.directory(), site.domain);
        let chain: Ledger = Arc::new(Mutex::new(Chain::new(&site)));
        let mut random = Random::new(scenario.seed, 2);
        let hosts = (0..n).map(|index| {
            let eye = Eye {
                ledger: Arc::clone(&chain),
                sight: Mutex::default(),
            };
            let mut host = Host::new(index, &site, scenario, eye, &proof);
            let ahead_ms = i64::try_from(random.below(scenario.offset_ms + 1)).unwrap_or_default();
            host.clock = Clock::new(ahead_ms, 1_000 + random.below(scenario.drift + 1));
            host
        });
        let hosts = hosts.collect();
        Self {
            oracle: Oracle::new(site.genesis.state().header, n),
            line: Line::new(&site, succession.changes()),
            succession,
            seen: Seen::default(),
            hushed: Epoch(0),
            proof,
            network: Network::new(n),
            clients: Clients::new(scenario, &mut random),
            liars: Liars::new(scenario),
            scenario: scenario.clone(),
            site,
            now: 0,
            queue: BTreeMap::new(),
            next: 0,
            hosts,
            chain,
            random,
            marks: Marks::default(),
            next_ask: 0,
            watch,
            transcript: Transcript::default(),
            trace: Vec::new(),
            is_over: false,
        }
    }

    fn begin(&mut self) {
        for index in 0..usize::from(self.scenario.n) {
            self.at(0, Happening::Start { index });
        }
        self.at(BLOCK_MS, Happening::Block);
        self.at(STIR_MS, Happening::Stir);
        self.at(CHECK_MS, Happening::Check);
        self.deposit_first();
        self.at(1, Happening::Pay);
        self.at(1, Happening::Action);
        self.at(1, Happening::Succeed);
    }

    /// Something will happen then.
    pub(super) fn at(&mut self, when: u64, happening: Happening) {
        self.next += 1;
        self.queue.insert((when.max(self.now), self.next), happening);
    }

    /// Something will happen so much later.
    pub(super) fn after(&mut self, delay: u64, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    /// A line of the transcript.
    pub(super) fn note(&mut self, parts: &[&[u8]], line: impl FnOnce() -> String) {
        if self.watch != Watch::Plain {
            self.transcript.add(self.now, parts);
        }
        if self.watch == Watch::Trace {
            self.trace.push(format!("{:>7} {}", self.now, line()));
        }
    }

    /// Whether runs are compared to the byte.
    pub(super) fn is_watched(&self) -> bool {
        self.watch != Watch::Plain
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Frame { from, to, frame } => self.hear(from, to, &frame),
            Happening::Ask {
                from,
                to,
                number,
                bytes,
            } => self.serve(from, to, number, &bytes),
            Happening::Answer {
                from,
                to,
                number,
                bytes,
            } => self.answered(from, to, number, bytes),
            Happening::Turn { index } => {
                if self.hosts[index].turn_at == Some(self.now) {
                    self.hosts[index].turn_at = None;
                    self.turn(index);
                }
            }
            Happening::Look { index, life } => self.look(index, life),
            Happening::Start { index } => self.start(index),
            Happening::Crash { index } => self.crash(index),
            Happening::Revive { index } => self.revive_liar(index),
            Happening::Connect { pair, is_up } => self.connect(pair, is_up),
            Happening::Offer { index, id } => self.offer(index, id),
            Happening::Retry { id } => self.retry(id),
            Happening::Pay => self.pay(),
            Happening::Action => self.act(),
            Happening::Succeed => self.succeed(),
            Happening::Install { index, number } => self.install(index, number),
            Happening::Reorganise => self.reorganise(),
            Happening::Block => self.mine(),
            Happening::Stir => {
                self.stir();
                self.after(STIR_MS, Happening::Stir);
            }
            Happening::Sight { index, sight } => *lock(&self.hosts[index].eye.sight) = sight,
            Happening::Wall { index, ahead_ms } => self.hosts[index].clock.ahead_ms = ahead_ms,
            Happening::Duty { index, effect } => self.do_duty(index, *effect),
            Happening::Check => {
                self.check();
                self.after(CHECK_MS, Happening::Check);
            }
        }
    }

    /// Ethereum ends a block.
    fn mine(&mut self) {
        let pace_s = if self.clients.is_waiting_for_exits(self.now) || self.may_hurry() {
            3
        } else {
            1
        };
        let chain = Arc::clone(&self.chain);
        let next_s = lock(&chain).next_s();
        let leap_s = self.leap_s(next_s);
        let mut chain = lock(&chain);
        chain.mine(leap_s.unwrap_or(pace_s));
        let head = chain.head();
        let hash = head.observed.link.block.hash;
        let facts = self.oracle.mined(head);
        let refused: Vec<(String, Vec<u8>)> = head.refused.clone();
        drop(chain);
        self.note(&[b"block", &hash.0], || format!("L1 block {hash}"));
        for (label, reason) in refused {
            self.marks.hit(super::marks::refused(&label));
            let starts = ["ExitGame.startExit", "InFlightExits.startInFlightExit"];
            // An anchor that came first made a payment too old that nobody included.
            let is_late = reason.starts_with(&keccak(&[EXPIRED]).0[..4]);
            if starts.contains(&label.as_str()) && self.scenario.reorgs == 0 && !is_late {
                self.oracle.report("exits", format!("Ethereum refuses {label}"));
            }
            self.note(&[b"refused", label.as_bytes()], || {
                format!("Ethereum refused {label}: {}", plasma_node::hex::encode(&reason))
            });
        }
        self.clients.on_facts(&facts);
        self.after(BLOCK_MS, Happening::Block);
    }

    fn end(mut self) -> Outcome {
        Outcome {
            violation: self.oracle.violation.take(),
            blocks: self.oracle.height().0,
            payments: u64::try_from(self.oracle.model.decided.len()).expect("small"),
            ended_at_ms: self.now,
            calm_at_ms: self.scenario.busy_ms.max(self.scenario.calm_at_ms),
            marks: self.marks,
            transcript: if self.watch == Watch::Plain {
                Hash::default()
            } else {
                self.transcript.end()
            },
            trace: self.trace,
        }
    }

    /// The next look of an operator at Ethereum.
    fn look(&mut self, index: usize, life: u64) {
        let host = &mut self.hosts[index];
        if host.life != life || !host.is_up() {
            return;
        }
        host.look();
        if !host.inbox.is_empty() {
            self.turn_soon(index);
        }
        let pause = self.poll_ms();
        self.after(pause, Happening::Look { index, life });
    }
}
