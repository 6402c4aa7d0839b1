//! A committee comes to the end of its epoch with work waiting, over links that lose messages, and one member hears
//! nothing of it until all the others are closed.

use std::collections::{BTreeMap, BTreeSet};

use plasma_consensus::{Closed, Effect, Engine, Input, Message, Start, Target, Verdict};
use plasma_core::{BlockId, Certificate, Millis, OperatorIndex, View, keccak};

use crate::{
    bench::{CONFIG, genesis},
    sim::{byzantine::domain, crypto::Mock, random::Random, world::committee},
};

/// The height of the block that seals the epoch.
const LAST: u64 = 5;

/// Losses end, and the member that was cut off is back.
const CALM_MS: u64 = 30_000;

/// An engine is kept for so long after its epoch ended.
const CLOSING_MS: u64 = 2_000;

#[derive(Debug)]
struct Member {
    engine: Engine<Mock>,
    closed: Option<Closed>,
    sealed_at: Option<u64>,
    /// Blocks that it was told to be the last.
    told: BTreeSet<BlockId>,
}

struct Cluster {
    members: Vec<Member>,
    /// What arrives, by time and order.
    queue: BTreeMap<(u64, u64), (u16, Input)>,
    number: u64,
    now: u64,
    random: Random,
    loss: u64,
    cut: u16,
    /// Every block that was built, with its parent and height.
    blocks: BTreeMap<BlockId, (BlockId, u64)>,
    answers: usize,
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 7);
        let n = random.pick(&[4u16, 4, 7]);
        let genesis_id = genesis().block;
        let members = (0..n).map(|me| {
            let me = OperatorIndex(me);
            let start = Start {
                config: CONFIG,
                committee: committee(n),
                domain: domain(),
                me,
                scheme: Mock { me },
                leaders: keccak(&[&seed.to_be_bytes()]),
                floor: genesis(),
                now: Millis(0),
            };
            Member {
                engine: Engine::recover(start, &[]).0,
                closed: None,
                sealed_at: None,
                told: BTreeSet::new(),
            }
        });
        let members = members.collect();
        let (loss, cut) = (random.pick(&[0, 1_000, 3_000]), random.below(u64::from(n)));
        let mut cluster = Self {
            members,
            queue: BTreeMap::new(),
            number: 0,
            now: 0,
            random,
            loss,
            cut: u16::try_from(cut).expect("below n"),
            blocks: BTreeMap::from([(genesis_id, (genesis_id, 0))]),
            answers: 0,
        };
        for member in 0..n {
            for peer in (0..n).filter(|peer| *peer != member) {
                cluster.push(0, member, Input::PeerUp(OperatorIndex(peer)));
            }
            // There is always something that the next committee could do.
            cluster.push(0, member, Input::Work(true));
        }
        cluster
    }

    fn push(&mut self, delay: u64, member: u16, input: Input) {
        self.number += 1;
        self.queue
            .insert((self.now + delay, self.number), (member, input));
    }

    fn run(&mut self, until: u64) {
        while self.now < until {
            for member in 0..self.size() {
                self.push(0, member, Input::Tick);
            }
            while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (member, input) = entry.remove();
                self.input(member, input);
            }
            self.now += 20;
        }
    }

    fn size(&self) -> u16 {
        u16::try_from(self.members.len()).expect("small")
    }

    fn member(&mut self, member: u16) -> &mut Member {
        &mut self.members[usize::from(member)]
    }

    fn input(&mut self, member: u16, input: Input) {
        let now = self.now;
        let at = Millis(now);
        let this = self.member(member);
        if let Some(closed) = &mut this.closed {
            if let Input::Message { from, message } = input
                && let Some(answer) = closed.answer(at, from, &message)
            {
                self.answers += 1;
                self.send(member, from.0, answer);
            }
            return;
        }
        let effects = this.engine.step(at, input);
        if this.engine.sealed().is_some() && this.sealed_at.is_none() {
            this.sealed_at = Some(now);
        }
        if this
            .sealed_at
            .is_some_and(|sealed_at| now >= sealed_at + CLOSING_MS)
        {
            this.closed = this.engine.close();
        }
        for effect in effects {
            self.perform(member, effect);
        }
    }

    fn perform(&mut self, member: u16, effect: Effect) {
        match effect {
            Effect::Send { to, message, .. } => {
                let peers = (0..self.size()).filter(|peer| match to {
                    Target::All => *peer != member,
                    Target::One(one) => *peer == one.0,
                });
                for peer in peers.collect::<Vec<u16>>() {
                    self.send(member, peer, message.clone());
                }
            }
            Effect::Build { view, parent } => self.build(member, view, parent),
            Effect::Validate { block, parent, .. } => {
                let verdict = self.verdict(member, block, parent);
                let input = Input::Verdict {
                    block,
                    parent,
                    verdict,
                };
                self.push(5, member, input);
            }
            Effect::Finalized { certificate, .. } | Effect::Behind { certificate } => {
                self.decide(member, &certificate);
            }
            Effect::Persist(_) | Effect::Prepare { .. } | Effect::Timer(_) | Effect::GaveUp { .. } => {}
            other => panic!("{member} at {}: {other:?}", self.now),
        }
    }

    fn send(&mut self, from: u16, to: u16, message: Message) {
        let is_cut = self.cut == from || self.cut == to;
        let is_lost = is_cut || self.random.chance(self.loss);
        let delay = self.random.between(1, 60);
        if self.now >= CALM_MS || !is_lost {
            let from = OperatorIndex(from);
            self.push(delay, to, Input::Message { from, message });
        }
    }

    fn build(&mut self, member: u16, view: View, parent: BlockId) {
        let height = self.blocks[&parent].1 + 1;
        if height > LAST {
            assert!(
                !self.member(member).told.contains(&parent),
                "{member} was told that nothing stands on it"
            );
            self.member(member).told.insert(parent);
            return self.push(0, member, Input::Sealed(parent));
        }
        let block = BlockId(keccak(&[&view.0.to_be_bytes(), &parent.0.0]));
        self.blocks.insert(block, (parent, height));
        let seals = height == LAST;
        if seals {
            self.member(member).told.insert(block);
        }
        self.push(5, member, Input::Built { view, block, seals });
    }

    fn verdict(&mut self, member: u16, block: BlockId, parent: BlockId) -> Verdict {
        let (below, height) = self.blocks[&block];
        if below != parent {
            return Verdict::Invalid;
        }
        let seals = height == LAST;
        if seals {
            self.member(member).told.insert(block);
        }
        Verdict::Valid { seals }
    }

    /// The operator decides a final block, whether its engine knew the way to it or not.
    fn decide(&mut self, member: u16, certificate: &Certificate) {
        let block = certificate.block;
        if self.blocks[&block].1 == LAST && self.member(member).told.insert(block) {
            self.push(0, member, Input::Sealed(block));
        }
    }

    /// The block by which each member left the epoch.
    fn ends(&self) -> Vec<Option<BlockId>> {
        let ends = self.members.iter().map(|member| match &member.closed {
            Some(closed) => Some(closed.finalization().block),
            None => member.engine.sealed().map(|sealed| sealed.block),
        });
        ends.collect()
    }
}

#[test]
fn all_members_leave_an_epoch_by_the_same_last_block() {
    let mut answers = 0;
    for seed in 0..40 {
        let mut cluster = Cluster::new(seed);
        cluster.run(CALM_MS);
        let ends = cluster.ends();
        let others = (0u16..).zip(&ends).filter(|(member, _)| *member != cluster.cut);
        assert!(
            others.clone().any(|(_, end)| end.is_some()),
            "seed {seed}: nobody came to the end: {ends:?}"
        );
        assert_eq!(
            ends[usize::from(cluster.cut)],
            None,
            "seed {seed}: it heard nothing"
        );
        cluster.run(CALM_MS + 30_000);
        let ends: BTreeSet<Option<BlockId>> = cluster.ends().into_iter().collect();
        assert_eq!(ends.len(), 1, "seed {seed}: {ends:?}");
        let last = ends.first().copied().flatten().expect("everybody left");
        assert_eq!(cluster.blocks[&last].1, LAST, "seed {seed}");
        answers += cluster.answers;
    }
    assert!(answers >= 40, "closed epochs answered {answers} times");
}
