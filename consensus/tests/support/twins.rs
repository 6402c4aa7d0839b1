//! Twins: one of four members runs twice with one key, and in each of the first three views a partition decides who
//! hears whom. Every choice of partitions and of the twins' turn to lead is a scenario, so all of them can be run.
//!
//! Idea: Bano et al., *Twins: BFT Systems Made Robust*. Two honest engines with one key make every equivocation that does
//! not need a forged proof, at the worst moments, and nothing that could not happen.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use plasma_consensus::{
    Config, Effect, Engine, Floor, Input, Message, Mutation, Schedule, Start, Target, Verdict,
};
use plasma_core::{Hash, Millis, OperatorIndex, View, keccak};

use super::{
    blocks::Blocks,
    byzantine::domain,
    crypto::Mock,
    marks::Marks,
    oracle::{Oracle, Violation},
    world::committee,
};

/// Members; the last one has a twin.
const MEMBERS: u16 = 4;

/// Engines: the last two are one member.
const ENGINES: usize = 5;

/// Views with a partition of their own.
const ROUNDS: usize = 3;

/// The partitions of five engines into two groups, one of which may be empty: the last engine's group is named by its
/// other members.
const PARTITIONS: u64 = 16;

/// How many scenarios there are: a partition per view, and the twins lead first, second, third or after all that.
pub(crate) const SCENARIOS: u64 = PARTITIONS * PARTITIONS * PARTITIONS * 4;

/// One scenario by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scene {
    groups: [u64; ROUNDS],
    turn: u64,
}

impl Scene {
    fn new(number: u64) -> Self {
        let digit = |place: u32| number / PARTITIONS.pow(place) % PARTITIONS;
        Self {
            groups: [digit(0), digit(1), digit(2)],
            turn: number / PARTITIONS.pow(3) % 4,
        }
    }

    /// Whether one engine hears what another says while it is in a view.
    fn hears(&self, from: usize, to: usize, view: View, now: u64) -> bool {
        let round = usize::try_from(view.0.saturating_sub(1)).expect("small");
        let Some(group) = self.groups.get(round).filter(|_| now < HEALED_MS) else {
            return true;
        };
        let side = |engine: usize| group >> engine & 1;
        side(from) == side(to)
    }

    /// The order of leaders in which the twins have their turn.
    fn leaders(&self) -> Hash {
        let mut seeds = (0..1_000u64).map(|seed| keccak(&[&seed.to_be_bytes()]));
        let fits = |seed: &Hash| {
            Schedule::new(seed, usize::from(MEMBERS))
                .leader(View(self.turn + 1))
                .0
                == MEMBERS - 1
        };
        seeds.find(fits).expect("every order is drawn")
    }
}

/// From then on everybody hears everything.
const HEALED_MS: u64 = 2_000;

/// By then something must be final that was not at the healing.
const END_MS: u64 = 6_000;

/// Delay of every message.
const DELAY_MS: u64 = 5;

#[derive(Debug)]
struct Twins {
    scene: Scene,
    engines: Vec<Engine<Mock>>,
    queue: BTreeMap<Reverse<(u64, u64)>, (usize, Input)>,
    number: u64,
    now: u64,
    timers: [Option<u64>; ENGINES],
    blocks: Blocks,
    oracle: Oracle,
    marks: Marks,
}

/// How a scenario ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) violation: Option<Violation>,
    pub(crate) marks: Marks,
}

/// Runs one scenario.
pub(crate) fn run_twins(number: u64, mutation: Option<Mutation>) -> Ending {
    let mut twins = Twins::new(Scene::new(number), mutation);
    let mut healed = None;
    while twins.oracle.violation.is_none() && twins.now < END_MS {
        twins.next();
        if twins.now >= HEALED_MS {
            let at_healing = *healed.get_or_insert_with(|| twins.oracle.newest_final());
            if twins.floors().into_iter().all(|floor| floor > at_healing) {
                break;
            }
        }
    }
    if twins.now >= END_MS {
        let floors = twins.floors();
        twins.oracle.object(
            "L1",
            format!("floors {floors:?} long after the partitions healed"),
        );
    }
    if twins.oracle.violation.is_none() && twins.engines.iter().any(|engine| engine.view() > View(3)) {
        twins.marks.hit("past the partitions");
    }
    Ending {
        violation: twins.oracle.violation,
        marks: twins.marks,
    }
}

/// Which member an engine is.
fn member(engine: usize) -> OperatorIndex {
    OperatorIndex(u16::try_from(engine).expect("small").min(MEMBERS - 1))
}

fn is_honest(engine: usize) -> bool {
    member(engine).0 < MEMBERS - 1
}

impl Twins {
    fn new(scene: Scene, mutation: Option<Mutation>) -> Self {
        let mut twins = Self {
            scene,
            engines: Vec::new(),
            queue: BTreeMap::new(),
            number: 0,
            now: 0,
            timers: [None; ENGINES],
            blocks: Blocks::new(),
            oracle: Oracle::new(MEMBERS, 1 << (MEMBERS - 1)),
            marks: Marks::default(),
        };
        let config = Config {
            delta_ms: 20,
            pace_ms: 0,
            build_ms: 10,
            validate_ms: 10,
            status_ms: 200,
            ..Config::default()
        };
        for engine in 0..ENGINES {
            let start = Start {
                config,
                committee: committee(MEMBERS),
                domain: domain(),
                me: member(engine),
                scheme: Mock { me: member(engine) },
                leaders: scene.leaders(),
                floor: Floor {
                    view: View(0),
                    block: Blocks::genesis(),
                    certificate: None,
                },
                now: Millis(0),
            };
            let (mut made, effects) = Engine::recover(start, &[]);
            if let Some(mutation) = mutation.filter(|_| is_honest(engine)) {
                made.break_rule(mutation);
            }
            twins.engines.push(made);
            twins.perform(engine, effects);
            for peer in (0..MEMBERS)
                .map(OperatorIndex)
                .filter(|peer| *peer != member(engine))
            {
                twins.later(0, engine, Input::PeerUp(peer));
            }
            twins.later(0, engine, Input::Work(true));
        }
        twins
    }

    fn later(&mut self, delay: u64, engine: usize, input: Input) {
        self.number += 1;
        self.queue
            .insert(Reverse((self.now + delay, self.number)), (engine, input));
    }

    fn next(&mut self) {
        let Some((Reverse((at, _)), (engine, input))) = self.queue.pop_last() else {
            self.now = END_MS;
            return;
        };
        self.now = at;
        if input == Input::Tick && self.timers[engine] != Some(at) {
            return;
        }
        let effects = self.engines[engine].step(Millis(at), input);
        self.perform(engine, effects);
    }

    fn perform(&mut self, engine: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist(record) if is_honest(engine) => {
                    let (oracle, marks) = (&mut self.oracle, &mut self.marks);
                    oracle.on_durable(member(engine).0, &record, &self.blocks, marks);
                }
                Effect::Send { to, message, .. } => self.send(engine, to, &message),
                Effect::Build { view, parent } => {
                    let block = self.blocks.make(parent, 0, true);
                    self.later(
                        1,
                        engine,
                        Input::Built {
                            view,
                            block,
                            seals: false,
                        },
                    );
                }
                Effect::Validate { block, parent, .. } => {
                    let verdict = if self.blocks.block(block).parent == parent {
                        Verdict::Valid { seals: false }
                    } else {
                        Verdict::Invalid
                    };
                    self.later(
                        1,
                        engine,
                        Input::Verdict {
                            block,
                            parent,
                            verdict,
                        },
                    );
                }
                Effect::Finalized { certificate, .. } | Effect::Behind { certificate }
                    if is_honest(engine) =>
                {
                    self.oracle
                        .on_final(member(engine).0, &certificate, None, &self.blocks);
                }
                Effect::Timer(at) => {
                    self.timers[engine] = Some(at.0);
                    self.later(at.0 - self.now, engine, Input::Tick);
                }
                Effect::Evidence(evidence) => {
                    self.marks.hit("evidence");
                    self.oracle.on_evidence(&evidence);
                }
                Effect::Broken(violation) if is_honest(engine) => {
                    self.oracle
                        .object("Broken", format!("{engine} stops: {violation}"));
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, from: usize, to: Target, message: &Message) {
        if let Message::Vote(vote) = message
            && is_honest(from)
        {
            self.oracle.on_vote(member(from).0, vote);
        }
        // What was sent in a view goes where its partition lets it: what is about an older view may get round it later.
        let view = self.engines.get(from).map_or(View(1), Engine::view);
        for peer in (0..ENGINES).filter(|peer| member(*peer) != member(from)) {
            let is_meant = to == Target::All || to == Target::One(member(peer));
            if is_meant && self.scene.hears(from, peer, view, self.now) {
                let message = message.clone();
                self.later(
                    DELAY_MS,
                    peer,
                    Input::Message {
                        from: member(from),
                        message,
                    },
                );
            }
        }
    }

    fn floors(&self) -> BTreeSet<View> {
        let honest = self.engines.iter().take(usize::from(MEMBERS) - 1);
        honest.map(|engine| engine.floor().view).collect()
    }
}
