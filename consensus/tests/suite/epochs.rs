//! Several epochs in a row, each with another committee: members leave and join, and the last one of an epoch may hear of its
//! end only when all the others work in the next. S11: every epoch starts at the block that sealed the one before, and
//! nothing of an old epoch is ever final above its seal.

use std::collections::{BTreeMap, BTreeSet};

use plasma_consensus::{Closed, Effect, Engine, Floor, Input, Message, Start, Target, Verdict};
use plasma_core::{BlockId, Committee, Epoch, Millis, OperatorIndex, View, keccak};

use crate::{
    bench::{CONFIG, genesis},
    sim::{byzantine::domain, crypto::Mock, random::Random, world::committee_of},
};

/// Blocks of an epoch; the last one seals it.
const BLOCKS: u64 = 4;

/// Epochs that must pass.
const EPOCHS: u64 = 4;

/// Everybody who may ever sit in a committee.
const OPERATORS: u16 = 8;

/// Links lose nothing from here on.
const CALM_MS: u64 = 40_000;

/// Between two looks at what others have decided.
const SYNC_MS: u64 = 700;

/// What was built.
#[derive(Clone, Copy, Debug)]
struct Made {
    parent: BlockId,
    height: u64,
    epoch: Epoch,
}

/// One operator: an engine in its running epoch if it sits there, and what is left of those before.
#[derive(Default)]
struct Operator {
    running: Option<Engine<Mock>>,
    closed: BTreeMap<Epoch, Closed>,
    /// The epoch it believes to run, and the block that began it.
    epoch: Epoch,
    /// Final blocks by height, as it was told.
    history: Vec<BlockId>,
}

struct Federation {
    operators: Vec<Operator>,
    committees: Vec<Vec<u16>>,
    queue: BTreeMap<(u64, u64), (u16, Epoch, Input)>,
    number: u64,
    now: u64,
    random: Random,
    loss: u64,
    blocks: BTreeMap<BlockId, Made>,
    /// The one history.
    decided: BTreeMap<u64, BlockId>,
    /// By epoch, the block that every member that leaves it leaves it by.
    seals: BTreeMap<Epoch, BlockId>,
    answers: usize,
    joined: usize,
}

impl Federation {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 11);
        let committees = (0..=EPOCHS).map(|_| {
            let size = random.pick(&[4u16, 4, 5, 7]);
            let first = random.below(u64::from(OPERATORS));
            let seats = (0..u64::from(size)).map(|step| (first + step) % u64::from(OPERATORS));
            seats
                .map(|operator| u16::try_from(operator).expect("below"))
                .collect()
        });
        let committees: Vec<Vec<u16>> = committees.collect();
        let loss = random.pick(&[0, 1_000, 3_000]);
        let first = genesis().block;
        let made = Made {
            parent: first,
            height: 0,
            epoch: Epoch(0),
        };
        let mut federation = Self {
            operators: (0..OPERATORS).map(|_| Operator::default()).collect(),
            committees,
            queue: BTreeMap::new(),
            number: 0,
            now: 0,
            random,
            loss,
            blocks: BTreeMap::from([(first, made)]),
            decided: BTreeMap::from([(0, first)]),
            seals: BTreeMap::new(),
            answers: 0,
            joined: 0,
        };
        for operator in 0..OPERATORS {
            federation.operators[usize::from(operator)].history = vec![first];
            federation.open(operator, Epoch(0), first);
        }
        federation
    }

    fn seats(&self, epoch: Epoch) -> &[u16] {
        let place = usize::try_from(epoch.0).expect("small");
        self.committees.get(place).map_or(&[], Vec::as_slice)
    }

    fn seat(&self, epoch: Epoch, operator: u16) -> Option<OperatorIndex> {
        let place = self.seats(epoch).iter().position(|seat| *seat == operator)?;
        Some(OperatorIndex(u16::try_from(place).expect("small")))
    }

    fn committee(&self, epoch: Epoch) -> Committee {
        committee_of(epoch, self.seats(epoch))
    }

    /// An operator enters an epoch that begins at a block.
    fn open(&mut self, operator: u16, epoch: Epoch, block: BlockId) {
        self.operators[usize::from(operator)].epoch = epoch;
        self.operators[usize::from(operator)].running = None;
        let Some(me) = self.seat(epoch, operator) else {
            return;
        };
        let start = Start {
            config: CONFIG,
            committee: self.committee(epoch),
            domain: domain(),
            me,
            scheme: Mock { me },
            leaders: block.0,
            floor: Floor {
                view: View(0),
                block,
                certificate: None,
            },
            now: Millis(self.now),
        };
        self.operators[usize::from(operator)].running = Some(Engine::recover(start, &[]).0);
        let before = epoch.0.checked_sub(1).map(Epoch);
        if before.is_some_and(|before| self.seat(before, operator).is_none()) {
            self.joined += 1;
        }
        for seat in 0..self.seats(epoch).len() {
            let seat = OperatorIndex(u16::try_from(seat).expect("small"));
            if seat != me {
                self.push(0, operator, epoch, Input::PeerUp(seat));
            }
        }
        self.push(0, operator, epoch, Input::Work(true));
    }

    fn push(&mut self, delay: u64, operator: u16, epoch: Epoch, input: Input) {
        self.number += 1;
        let at = (self.now + delay, self.number);
        self.queue.insert(at, (operator, epoch, input));
    }

    fn run(&mut self, until: u64) {
        while self.now < until {
            for operator in 0..OPERATORS {
                let epoch = self.operators[usize::from(operator)].epoch;
                self.push(0, operator, epoch, Input::Tick);
                if self.random.chance(20 * 10_000 / SYNC_MS) {
                    self.sync(operator);
                }
            }
            while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (operator, epoch, input) = entry.remove();
                self.input(operator, epoch, input);
            }
            self.now += 20;
        }
    }

    fn input(&mut self, operator: u16, epoch: Epoch, input: Input) {
        let now = Millis(self.now);
        let this = &mut self.operators[usize::from(operator)];
        if let Some(closed) = this.closed.get_mut(&epoch) {
            if let Input::Message { from, message } = input
                && let Some(answer) = closed.answer(now, from, &message)
            {
                self.answers += 1;
                self.send(operator, epoch, from, answer);
            }
            return;
        }
        let Some(engine) = this.running.as_mut().filter(|engine| engine.epoch() == epoch) else {
            return;
        };
        let effects = engine.step(now, input);
        let closed = engine.close();
        for effect in effects {
            self.perform(operator, epoch, effect);
        }
        if let Some(closed) = closed {
            self.leave(operator, epoch, closed);
        }
    }

    /// The engine of an epoch is done: the next begins where it ended.
    fn leave(&mut self, operator: u16, epoch: Epoch, closed: Closed) {
        let seal = closed.finalization().block;
        let first = *self.seals.entry(epoch).or_insert(seal);
        assert_eq!(
            first, seal,
            "S11: {operator} leaves epoch {epoch} by another block"
        );
        assert_eq!(self.blocks[&seal].height, height_of_seal(epoch), "S11");
        self.operators[usize::from(operator)].closed.insert(epoch, closed);
        self.open(operator, Epoch(epoch.0 + 1), seal);
    }

    fn perform(&mut self, operator: u16, epoch: Epoch, effect: Effect) {
        match effect {
            Effect::Send { to, message, .. } => {
                let seats = u16::try_from(self.seats(epoch).len()).expect("small");
                let me = self.seat(epoch, operator).expect("it sits there");
                for seat in (0..seats).map(OperatorIndex).filter(|seat| *seat != me) {
                    if matches!(to, Target::All) || to == Target::One(seat) {
                        self.send(operator, epoch, seat, message.clone());
                    }
                }
            }
            Effect::Build { view, parent } => self.build(operator, epoch, view, parent),
            Effect::Validate { block, parent, .. } => {
                let made = self.blocks[&block];
                let verdict = if made.parent == parent && made.epoch == epoch {
                    let seals = made.height == height_of_seal(epoch);
                    Verdict::Valid { seals }
                } else {
                    Verdict::Invalid
                };
                let answer = Input::Verdict {
                    block,
                    parent,
                    verdict,
                };
                self.push(5, operator, epoch, answer);
            }
            Effect::Finalized { certificate, .. } | Effect::Behind { certificate } => {
                self.decide(operator, epoch, certificate.block);
            }
            Effect::Persist(_) | Effect::Prepare { .. } | Effect::Timer(_) | Effect::GaveUp { .. } => {}
            other => panic!("{operator} in epoch {epoch}: {other:?}"),
        }
    }

    fn send(&mut self, from: u16, epoch: Epoch, to: OperatorIndex, message: Message) {
        let receiver = self.seats(epoch)[usize::from(to.0)];
        let seat = self.seat(epoch, from).expect("it sits there");
        let is_lost = self.now < CALM_MS && self.random.chance(self.loss);
        if !is_lost {
            let delay = self.random.between(1, 60);
            self.push(delay, receiver, epoch, Input::Message { from: seat, message });
        }
    }

    fn build(&mut self, operator: u16, epoch: Epoch, view: View, parent: BlockId) {
        let height = self.blocks[&parent].height + 1;
        assert!(
            height <= height_of_seal(epoch),
            "S11: {operator} is asked for a block above the seal of epoch {epoch}"
        );
        let block = BlockId(keccak(&[
            &epoch.0.to_be_bytes(),
            &view.0.to_be_bytes(),
            &parent.0.0,
        ]));
        let made = Made {
            parent,
            height,
            epoch,
        };
        self.blocks.insert(block, made);
        let seals = height == height_of_seal(epoch);
        self.push(5, operator, epoch, Input::Built { view, block, seals });
    }

    /// S1 and S11: one history over all epochs, each block final in the epoch that made it.
    fn decide(&mut self, operator: u16, epoch: Epoch, block: BlockId) {
        let mut at = block;
        loop {
            let made = self.blocks[&at];
            let known = *self.decided.entry(made.height).or_insert(at);
            assert_eq!(
                known, at,
                "S1: {operator} decides another block of {}",
                made.height
            );
            assert!(
                made.height <= height_of_seal(epoch),
                "S11: epoch {epoch} decides above its seal"
            );
            if made.height == 0 || made.epoch < epoch {
                break;
            }
            at = made.parent;
        }
        let is_last = self.blocks[&block].height == height_of_seal(epoch);
        if is_last {
            self.push(0, operator, epoch, Input::Sealed(block));
        }
    }

    /// Operators outside the committee, and those that hear nothing, take what others have decided.
    fn sync(&mut self, operator: u16) {
        let peer = usize::try_from(self.random.below(u64::from(OPERATORS))).expect("small");
        let epoch = self.operators[usize::from(operator)].epoch;
        let is_member = self.operators[usize::from(operator)].running.is_some();
        let Some(closed) = self.operators[peer].closed.get(&epoch) else {
            return;
        };
        // A member learns it from the old epoch's responders; only those outside have nobody to hear.
        if !is_member {
            let closed = Closed::new(closed.finalization().clone(), self.seats(epoch).len());
            self.leave(operator, epoch, closed);
        }
    }
}

/// The height of an epoch's last block.
fn height_of_seal(epoch: Epoch) -> u64 {
    (epoch.0 + 1) * BLOCKS
}

#[test]
fn epochs_follow_each_other_at_their_seals_while_members_leave_and_join() {
    let (mut answers, mut joined) = (0, 0);
    for seed in 0..15 {
        let mut federation = Federation::new(seed);
        federation.run(CALM_MS + 60_000);
        let epochs: BTreeSet<Epoch> = federation.operators.iter().map(|it| it.epoch).collect();
        assert_eq!(
            epochs,
            BTreeSet::from([Epoch(EPOCHS + 1)]),
            "seed {seed}: not everybody came through {EPOCHS} epochs"
        );
        let seals = federation.seals.len();
        assert_eq!(u64::try_from(seals).expect("small"), EPOCHS + 1, "seed {seed}");
        answers += federation.answers;
        joined += federation.joined;
    }
    assert!(answers > 0, "no closed epoch was asked");
    assert!(joined > 15, "{joined} joined");
}
