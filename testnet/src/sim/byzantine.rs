//! Operators that lie with a real key: each is an honest operator whose words are bent on their way out, and whose answers are.
//!
//! A liar that its own engine stops, because others tell it of votes that it does not remember, begins again without its log.

mod ahead;
mod crowd;
mod greedy;
mod split;

use bytes::Bytes;
use plasma_consensus::{Container, Message, Proposal, Statement, Vote};
use plasma_core::{Block, Certificate, Hash, Header, SignedTransaction, merkle};
use plasma_node::runtime::wire::{self, body::encode_whole};

use plasma_node::operator::effect::To;

use super::{
    peers,
    random::Random,
    scenario::Scenario,
    scheme,
    world::{Frame, Happening, World},
};

/// What a liar does; each scenario draws a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Proposes nothing.
    WithholdProposal,
    /// Proposes without a body.
    WithholdBody,
    /// Gives the body to f + 1 only.
    FewBodies,
    /// Keeps one kind of vote to itself.
    WithholdNotarize,
    /// See `WithholdNotarize`.
    WithholdNullify,
    /// See `WithholdNotarize`.
    WithholdFinalize,
    /// Says to half of the others what contradicts its vote.
    Contradict,
    /// Proposes two valid blocks, each to one half.
    TwoBlocks,
    /// Proposes blocks that break a rule.
    InvalidBlocks,
    /// Bytes that are no frame.
    Malformed,
    /// Answers to requests for blocks with nonsense, or not.
    LieInAnswers,
    /// Says again what it said long ago.
    Replay,
    /// Votes to some only.
    Subsets,
    /// Falls silent for a while, when it would vote.
    Mute,
    /// Gossip of nobody's transactions.
    Flood,
    /// Everything comes late.
    Late,
    /// Pays with what the events of its block set free.
    Greedy,
    /// Fills the rooms of others with what they cannot judge. Only families draw it.
    Crowd,
    /// Proposes blocks whose time lies ahead. Only families draw it.
    Ahead,
    /// Shows some a block as leaves, and the block to the others when it is proposed again. Only families draw it.
    Split,
}

impl Script {
    const ALL: [Self; 20] = [
        Self::WithholdProposal,
        Self::WithholdBody,
        Self::FewBodies,
        Self::WithholdNotarize,
        Self::WithholdNullify,
        Self::WithholdFinalize,
        Self::Contradict,
        Self::TwoBlocks,
        Self::InvalidBlocks,
        Self::Malformed,
        Self::LieInAnswers,
        Self::Replay,
        Self::Subsets,
        Self::Mute,
        Self::Flood,
        Self::Late,
        Self::Greedy,
        Self::Crowd,
        Self::Ahead,
        Self::Split,
    ];

    /// Its bit in a scenario's set; scenarios on record rest on this order.
    pub(super) fn bit(self) -> u32 {
        let place = Self::ALL.iter().position(|script| *script == self);
        1 << place.expect("all are listed")
    }
}

/// How often a liar lies when it could, per ten thousand.
const LIES: u64 = 4_000;
/// Frames that it remembers.
const HEARD_MAX: usize = 64;
/// How late a late frame is.
const LATE_MS: u64 = 1_500;
/// How long it is mute.
const MUTE_MS: u64 = 3_000;

/// What liars remember.
#[derive(Debug)]
pub(super) struct Liars {
    scripts: u32,
    said: Vec<Frame>,
    /// Blocks that nobody can judge.
    made: Vec<Block>,
    /// The last one that lies ahead.
    early: Option<Block>,
    /// The last one that some have seen as leaves.
    named: Option<Block>,
    mute_until: u64,
    random: Random,
}

impl Liars {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            scripts: scenario.scripts,
            said: Vec::new(),
            made: Vec::new(),
            early: None,
            named: None,
            mute_until: 0,
            random: Random::new(scenario.seed, 4),
        }
    }

    /// Whether it does this now.
    fn does(&mut self, script: Script) -> bool {
        self.scripts & script.bit() != 0 && self.random.chance(LIES)
    }
}

impl World {
    /// What a liar makes of a message.
    pub(super) fn lie(&mut self, index: usize, target: To, message: Message, block: Option<Bytes>) {
        let everybody = peers::targets(target, index, self.hosts.len());
        if self.now < self.liars.mute_until {
            return;
        }
        match message {
            Message::Proposal(proposal) => self.lie_in_proposal(index, &everybody, &proposal, block),
            Message::Vote(vote) => self.lie_in_vote(index, everybody, &vote),
            other => {
                let frame = self.frame(&other, block.as_ref());
                self.tell(index, &everybody, &frame);
            }
        }
    }

    fn lie_in_proposal(&mut self, index: usize, to: &[usize], proposal: &Proposal, block: Option<Bytes>) {
        if self.liars.does(Script::WithholdProposal) {
            return self.marks.hit("a proposal was withheld");
        }
        let message = Message::Proposal(Box::new(proposal.clone()));
        let honest = self.frame(&message, block.as_ref());
        let operator = self.hosts[index].operator.as_ref();
        let whole = operator.and_then(|operator| operator.encoded_block(&proposal.container.block));
        let (Some(bytes), Some(_)) = (whole, block) else {
            return self.tell(index, to, &honest);
        };
        if self.liars.does(Script::WithholdBody) {
            let bare = self.frame(&message, None);
            self.marks.hit("a body was withheld");
            return self.tell(index, to, &bare);
        }
        if self.liars.does(Script::FewBodies) {
            let few = usize::from((self.scenario.n - 1) / 3) + 1;
            let (some, others) = to.split_at(few.min(to.len()));
            let bare = self.frame(&message, None);
            self.marks.hit("a body went to few");
            self.tell(index, some, &honest);
            return self.tell(index, others, &bare);
        }
        if let Some(crowding) = self.crowding(index, proposal, &bytes) {
            return self.tell(index, to, &crowding);
        }
        if let Some(frames) = self.ahead(index, proposal, &bytes) {
            return frames.iter().for_each(|frame| self.tell(index, to, frame));
        }
        if self.split(index, to, proposal, &bytes) {
            return;
        }
        if self.liars.does(Script::TwoBlocks) {
            let half = to.len() / 2;
            self.marks.hit("two blocks were proposed");
            self.tell(index, to.get(..half).unwrap_or_default(), &honest);
            let other = self.other_block(index, proposal, &bytes, |header, _, _| header.timestamp_ms.0 += 1);
            return self.tell(
                index,
                to.get(half..).unwrap_or_default(),
                &other.unwrap_or(honest),
            );
        }
        if self.liars.scripts & Script::Greedy.bit() != 0
            && let Some(greedy) = self.greedy(index, proposal, &bytes)
        {
            self.marks.hit("a block paid with what it set free");
            let other = self.other_block(index, proposal, &bytes, |header, block, _| {
                *header = greedy.header;
                *block = greedy;
            });
            return self.tell(index, to, &other.unwrap_or(honest));
        }
        if self.liars.does(Script::InvalidBlocks) {
            self.marks.hit("an invalid block was proposed");
            let other = self.other_block(index, proposal, &bytes, spoil);
            return self.tell(index, to, &other.unwrap_or(honest));
        }
        self.tell(index, to, &honest);
    }

    /// Another block of the same view, signed.
    fn other_block(
        &mut self,
        index: usize,
        proposal: &Proposal,
        bytes: &Bytes,
        change: impl FnOnce(&mut Header, &mut Block, &mut Random),
    ) -> Option<Frame> {
        let mut block = Block::decode(bytes, bytes.len()).ok()?;
        let mut header = block.header;
        change(&mut header, &mut block, &mut self.liars.random);
        block.header = header;
        Some(self.proposed(index, proposal, &header, &encode_whole(&block.encode())))
    }

    /// The same proposal for another block, signed, with what is to be shown of it.
    fn proposed(&self, index: usize, proposal: &Proposal, header: &Header, body: &Bytes) -> Frame {
        let container = Container {
            block: header.id(),
            ..proposal.container
        };
        let digest = Statement::Notarize(container).digest(&self.site.domain, proposal.epoch);
        let lying = Proposal {
            container,
            signature: scheme::sign(index, &digest),
            ..proposal.clone()
        };
        self.frame(&Message::Proposal(Box::new(lying)), Some(body))
    }

    /// The vote of a liar against its own view.
    fn nullify(&self, index: usize, proposal: &Proposal) -> Option<Frame> {
        let view = proposal.container.view;
        let statement = Statement::Nullify { view };
        let digest = statement.digest(&self.site.domain, proposal.epoch);
        let vote = Vote {
            epoch: proposal.epoch,
            signer: self.line.seat(proposal.epoch, index)?,
            statement,
            signature: scheme::sign(index, &digest),
        };
        Some(self.frame(&Message::Vote(vote), None))
    }

    fn lie_in_vote(&mut self, index: usize, mut to: Vec<usize>, vote: &Vote) {
        let withheld = match vote.statement {
            Statement::Notarize(_) => Script::WithholdNotarize,
            Statement::Nullify { .. } => Script::WithholdNullify,
            Statement::Finalize { .. } => Script::WithholdFinalize,
        };
        if self.liars.does(withheld) || self.splits_over(&vote.statement) {
            return;
        }
        if self.liars.does(Script::Mute) {
            self.liars.mute_until = self.now + self.liars.random.below(MUTE_MS);
            return self.marks.hit("a liar fell silent");
        }
        if self.liars.does(Script::Subsets) {
            let random = &mut self.liars.random;
            to.retain(|_| random.chance(5_000));
        }
        if self.line.operator(vote.epoch, vote.signer) == Some(index) && self.liars.does(Script::Contradict) {
            let statement = match vote.statement {
                Statement::Notarize(container) => Statement::Finalize {
                    view: container.view,
                    block: container.block,
                },
                Statement::Nullify { view } => Statement::Finalize {
                    view,
                    block: self.oracle.headers.last().map(Header::id).unwrap_or_default(),
                },
                Statement::Finalize { view, .. } => Statement::Nullify { view },
            };
            let digest = statement.digest(&self.site.domain, vote.epoch);
            let other = Vote {
                statement,
                signature: scheme::sign(index, &digest),
                ..vote.clone()
            };
            self.marks.hit("a contradiction was said");
            let frame = self.frame(&Message::Vote(other), None);
            let half: Vec<usize> = to.iter().copied().filter(|peer| peer % 2 == 0).collect();
            self.tell(index, &half, &frame);
        }
        let frame = self.frame(&Message::Vote(vote.clone()), None);
        self.tell(index, &to, &frame);
    }

    /// A frame goes out, perhaps late, with others that nobody asked for.
    fn tell(&mut self, index: usize, to: &[usize], frame: &Frame) {
        for peer in to.iter().copied() {
            if self.liars.does(Script::Late) {
                let delay = self.liars.random.below(LATE_MS);
                let frame = frame.clone();
                self.after(
                    delay,
                    Happening::Frame {
                        from: index,
                        to: peer,
                        frame,
                    },
                );
            } else {
                self.put(index, peer, frame);
            }
            if self.liars.does(Script::Replay) && !self.liars.said.is_empty() {
                let place = self.liars.random.index(self.liars.said.len());
                let old = self.liars.said[place].clone();
                self.put(index, peer, &old);
            }
            if self.liars.does(Script::Malformed) {
                let broken = self.broken(frame);
                self.put(index, peer, &broken);
            }
            if self.liars.does(Script::Flood) {
                let noise: Vec<u8> = (0..200).map(|_| self.liars.random.byte()).collect();
                self.put(index, peer, &Frame::Gossip(noise.into()));
            }
        }
        if self.liars.said.len() < HEARD_MAX {
            self.liars.said.push(frame.clone());
        } else {
            let place = self.liars.random.index(HEARD_MAX);
            self.liars.said[place] = frame.clone();
        }
    }

    /// The frame with a byte changed, cut, or under another heading.
    fn broken(&mut self, frame: &Frame) -> Frame {
        let (Frame::Control(bytes) | Frame::Payload(bytes) | Frame::Gossip(bytes)) = frame;
        let mut changed = bytes.to_vec();
        let random = &mut self.liars.random;
        if random.chance(5_000) {
            changed.truncate(random.index(bytes.len() + 1));
        } else if !changed.is_empty() {
            let place = random.index(changed.len());
            changed[place] = random.byte();
        }
        match frame {
            Frame::Control(_) if random.chance(1_000) => Frame::Payload(changed.into()),
            Frame::Control(_) => Frame::Control(changed.into()),
            Frame::Payload(_) => Frame::Payload(changed.into()),
            Frame::Gossip(_) => Frame::Gossip(changed.into()),
        }
    }

    /// What a liar makes of an answer; none when it does not answer.
    pub(super) fn doctored(&mut self, index: usize, answer: Bytes) -> Option<Bytes> {
        if self.scenario.is_honest(index) || !self.liars.does(Script::LieInAnswers) {
            return Some(answer);
        }
        self.marks.hit("an answer was a lie");
        let mut changed = answer.to_vec();
        let random = &mut self.liars.random;
        match random.below(6) {
            0 => return None,
            4 | 5 => return Some(self.forked(&answer).unwrap_or(answer)),
            1 => changed.truncate(random.index(answer.len() + 1)),
            2 => return Some(wire::encode_answer(&[], &[])),
            _ => {
                for _ in 0..=random.below(3) {
                    // An answer without content has nothing to change.
                    if !changed.is_empty() {
                        let place = random.index(changed.len());
                        changed[place] = random.byte();
                    }
                }
            }
        }
        Some(changed.into())
    }

    /// What a liar makes of its claim: that it knows of no view, or bytes that prove nothing.
    pub(super) fn doctored_claim(&mut self, index: usize, claim: Bytes) -> Option<Bytes> {
        let is_lie = !self.scenario.is_honest(index) && self.liars.does(Script::LieInAnswers);
        if is_lie && self.liars.random.chance(5_000) {
            self.marks.hit("a claim was too low");
            return Some(Bytes::new());
        }
        self.doctored(index, claim)
    }

    /// The answer with another last block, which nobody certified.
    fn forked(&self, answer: &[u8]) -> Option<Bytes> {
        let (mut blocks, certificate) = wire::decode_answer(answer, answer.len()).ok()?;
        let certificate = certificate?;
        blocks.last_mut()?.header.timestamp_ms.0 += 1;
        let forged = Certificate {
            block: blocks.last()?.header.id(),
            ..certificate
        };
        let blocks: Vec<Bytes> = blocks.iter().map(|block| block.encode().into()).collect();
        Some(wire::encode_answer(&blocks, &forged.to_bytes()))
    }

    /// A liar's engine does not go on: it begins again and remembers nothing that it said.
    pub(super) fn revive_liar(&mut self, index: usize) {
        self.crash(index);
        self.hosts[index].forget();
    }
}

/// Breaks one rule of a block.
fn spoil(header: &mut Header, block: &mut Block, random: &mut Random) {
    match random.below(7) {
        0 => header.output_commitment = Hash([random.byte(); 32]),
        1 => header.l1_hash = Hash([random.byte(); 32]),
        2 => header.history_root = Hash([random.byte(); 32]),
        3 => header.timestamp_ms.0 = 1,
        4 => {
            // One transaction less: a deposit that is not funded, or a root that fits no more.
            block.transactions.pop();
        }
        5 => {
            let again = block.transactions.first().cloned();
            block.transactions.extend(again);
        }
        _ => {
            // A payment that pays more than it brings.
            if let Some(payment) = block
                .transactions
                .last_mut()
                .and_then(|signed| signed.transaction.outputs.first_mut())
            {
                payment.amount += plasma_core::Amount::from(1u8);
            }
        }
    }
    root(header, &block.transactions);
}

/// Makes a header that of a body.
fn root(header: &mut Header, body: &[SignedTransaction]) {
    let leaves: Vec<Hash> = body.iter().map(SignedTransaction::leaf).collect();
    header.transaction_count = u32::try_from(leaves.len()).expect("few");
    header.transactions_root = merkle::root(&leaves);
}
