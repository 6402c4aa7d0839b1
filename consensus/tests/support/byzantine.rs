//! Members that lie. Each wraps an honest engine with the same key: what the engine wants to send is bent by scripts,
//! and more is sent besides. They sign whatever they like, and never anything in the name of others.

use std::rc::Rc;

use plasma_consensus::{
    Certified, Container, Message, Proposal, Statement, Status, Target, Vote, scheme::Scheme as _,
};
use plasma_core::{Address, BlockId, Domain, Epoch, OperatorIndex, View};

use super::{
    crypto::{Key, shifted},
    random::Random,
    world::{Event, World},
};

mod forgery;
mod tricks;

pub(crate) use tricks::Trick;

/// One liar.
#[derive(Debug)]
pub(crate) struct Byzantine {
    me: u16,
    key: Key,
    scripts: u32,
    heard: Vec<Rc<Message>>,
    /// How long what it sends just now is held back.
    pub(crate) linger_ms: u64,
}

/// What a liar does; each scenario draws a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    TwoBlocks,
    TwoParents,
    SkipParent,
    WithholdNotarize,
    WithholdNullify,
    WithholdFinalize,
    NotarizeAll,
    Contradict,
    Subsets,
    Replay,
    Forge,
    LieStatus,
    InvalidBlocks,
    Flood,
    NullifyOwn,
    WithholdBody,
    WithholdProposal,
    Collude,
}

impl Script {
    /// Its bit in a scenario's set.
    pub(crate) fn bit(self) -> u32 {
        let place = Self::ALL
            .iter()
            .position(|script| *script == self)
            .expect("all are listed");
        1 << place
    }

    /// The bit of a script is its place here; scenarios on record rest on this order.
    const ALL: [Self; 18] = [
        Self::TwoBlocks,
        Self::TwoParents,
        Self::SkipParent,
        Self::WithholdNotarize,
        Self::WithholdNullify,
        Self::WithholdFinalize,
        Self::NotarizeAll,
        Self::Contradict,
        Self::Subsets,
        Self::Replay,
        Self::Forge,
        Self::LieStatus,
        Self::InvalidBlocks,
        Self::Flood,
        Self::NullifyOwn,
        Self::WithholdBody,
        Self::WithholdProposal,
        Self::Collude,
    ];
}

/// How many messages a liar remembers for later.
const HEARD_MAX: usize = 48;

/// The deployment of every simulated committee.
pub(crate) fn domain() -> Domain {
    Domain {
        chain_id: 1,
        contract: Address([7; 20]),
    }
}

impl Byzantine {
    pub(crate) fn new(me: u16, scripts: u32, key: Key) -> Self {
        Self {
            me,
            key,
            scripts,
            heard: Vec::new(),
            linger_ms: 0,
        }
    }

    /// What it remembers of what was said.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Message> {
        self.heard.iter().map(Rc::as_ref)
    }

    pub(crate) fn follows(&self, script: Script) -> bool {
        self.scripts & script.bit() != 0
    }

    fn remember(&mut self, message: &Rc<Message>, random: &mut Random) {
        if self.heard.len() < HEARD_MAX {
            self.heard.push(Rc::clone(message));
        } else {
            let place = random.index(HEARD_MAX);
            self.heard[place] = Rc::clone(message);
        }
    }

    fn sign(&self, statement: Statement) -> Vote {
        let signer = OperatorIndex(self.me);
        let signature = self.key.sign(&statement.digest(&domain(), Epoch(0)));
        Vote {
            epoch: Epoch(0),
            signer,
            statement,
            signature,
        }
    }

    /// A proposal of another container in the same view, with the same justification.
    fn other(&self, proposal: &Proposal, container: Container) -> Proposal {
        let signature = self.sign(Statement::Notarize(container)).signature;
        Proposal {
            container,
            signature,
            ..proposal.clone()
        }
    }

    /// An older notarized container, for proposals that skip what they must not.
    fn older(&self, before: View) -> Option<(Container, Certified)> {
        self.heard.iter().rev().find_map(|message| match &**message {
            Message::Certified(certified) => match certified.statement {
                Statement::Notarize(container) if container.view < before => {
                    Some((container, certified.clone()))
                }
                _ => None,
            },
            Message::Proposal(proposal) => match proposal.parent.as_ref()?.statement {
                Statement::Notarize(container) if container.view < before => {
                    Some((container, proposal.parent.clone()?))
                }
                _ => None,
            },
            _ => None,
        })
    }
}

impl World {
    fn script(&self, member: u16, script: Script) -> bool {
        self.scripts.get(&member).is_some_and(|liar| liar.follows(script))
    }

    fn liar(&self, member: u16) -> &Byzantine {
        self.scripts.get(&member).expect("only liars are asked")
    }

    /// A liar hears a message before its engine does.
    pub(crate) fn overhear(&mut self, member: u16, message: &Rc<Message>) {
        let Some(liar) = self.scripts.get_mut(&member) else {
            return;
        };
        liar.remember(message, &mut self.random);
        if let Message::Proposal(proposal) = &**message
            && self.script(member, Script::NotarizeAll)
        {
            let container = proposal.container;
            self.say(member, Statement::Notarize(container));
            self.say(
                member,
                Statement::Finalize {
                    view: container.view,
                    block: container.block,
                },
            );
        }
    }

    /// Signs anything and sends it to some.
    fn say(&mut self, member: u16, statement: Statement) {
        let vote = Message::Vote(self.liar(member).sign(statement));
        let mask = if self.script(member, Script::Subsets) {
            self.random.mask()
        } else {
            u128::MAX
        };
        self.spread(member, mask, vote, None);
    }

    /// Sends to the members of a mask.
    fn spread(&mut self, member: u16, mask: u128, message: Message, body: Option<BlockId>) {
        let message = Rc::new(message);
        if let Some(liar) = self.scripts.get_mut(&member) {
            liar.remember(&message, &mut self.random);
        }
        for peer in (0..self.scenario.n).filter(|peer| *peer != member && mask >> peer & 1 == 1) {
            self.transmit(member, peer, &message, body);
        }
    }

    /// What becomes of a message that a liar's engine wants to send.
    pub(crate) fn send_distorted(
        &mut self,
        member: u16,
        to: Target,
        message: Message,
        body: Option<BlockId>,
    ) {
        let mask = match to {
            Target::All => u128::MAX,
            Target::One(peer) => 1 << peer.0,
        };
        match message {
            Message::Proposal(proposal) => self.send_proposals(member, mask, &proposal, body),
            Message::Vote(vote) => self.send_votes(member, mask, vote),
            Message::Status(status) if self.script(member, Script::LieStatus) => {
                let status = self.lie(status);
                self.spread(member, mask, Message::Status(status), None);
            }
            other => self.spread(member, mask, other, body),
        }
    }

    fn send_votes(&mut self, member: u16, mask: u128, mut vote: Vote) {
        let view = vote.statement.view();
        let withheld = match vote.statement {
            Statement::Notarize(_) => Script::WithholdNotarize,
            Statement::Nullify { .. } => Script::WithholdNullify,
            Statement::Finalize { .. } => Script::WithholdFinalize,
        };
        if self.script(member, Script::Contradict) {
            self.say(member, Statement::Nullify { view });
            if let Some(block) = vote.statement.block() {
                self.say(member, Statement::Finalize { view, block });
                let other = self.blocks.below(block);
                self.say(member, Statement::Finalize { view, block: other });
            }
        }
        if self.script(member, withheld) && self.random.chance(7_000) {
            return;
        }
        if self.script(member, Script::Collude) {
            // Two neighbours shift their signatures in opposite directions: only the sum verifies.
            let difference = if member.is_multiple_of(2) {
                5
            } else {
                5u64.wrapping_neg()
            };
            vote.signature = shifted(&vote.signature, difference);
        }
        let subset = if self.script(member, Script::Subsets) {
            self.random.mask()
        } else {
            u128::MAX
        };
        self.spread(member, mask & subset, Message::Vote(vote), None);
    }

    fn send_proposals(&mut self, member: u16, mask: u128, proposal: &Proposal, body: Option<BlockId>) {
        let view = proposal.container.view;
        let body = body.filter(|_| !self.script(member, Script::WithholdBody) || self.random.chance(3_000));
        if self.script(member, Script::NullifyOwn) && self.random.chance(3_000) {
            self.say(member, Statement::Nullify { view });
        }
        let mut left = mask & self.few(member);
        self.linger(member);
        let with_body = self.few_bodies(member);
        if self.script(member, Script::WithholdProposal) {
            left &= self.random.mask();
        }
        for other in self.other_proposals(member, proposal) {
            let share = self.random.mask();
            let block = other.container.block;
            self.spread(
                member,
                left & share,
                Message::Proposal(Box::new(other)),
                Some(block),
            );
            if !self.random.chance(2_000) {
                // Mostly disjoint; sometimes somebody gets both.
                left &= !share;
            }
        }
        let message = Message::Proposal(Box::new(proposal.clone()));
        self.spread(member, left & with_body, message.clone(), body);
        self.spread(member, left & !with_body, message, None);
        self.stop_lingering(member);
    }

    fn other_proposals(&mut self, member: u16, proposal: &Proposal) -> Vec<Proposal> {
        let Container { view, parent, block } = proposal.container;
        let mut others = Vec::new();
        let below = self.blocks.below(block);
        if self.script(member, Script::TwoBlocks) {
            let twin = self.blocks.make(below, 0, true);
            others.push(self.liar(member).other(
                proposal,
                Container {
                    view,
                    parent,
                    block: twin,
                },
            ));
        }
        if self.script(member, Script::InvalidBlocks) && self.random.chance(3_000) {
            let bad = self.blocks.make(below, 0, false);
            others.push(self.liar(member).other(
                proposal,
                Container {
                    view,
                    parent,
                    block: bad,
                },
            ));
        }
        if self.script(member, Script::TwoParents) && parent.0 > 0 {
            let parent = View(self.random.below(view.0));
            let twin = self
                .liar(member)
                .other(proposal, Container { view, parent, block });
            others.push(Proposal {
                parent: None,
                nullifications: Vec::new(),
                ..twin
            });
        }
        if self.script(member, Script::SkipParent)
            && let Some((older, proof)) = self.liar(member).older(parent)
        {
            let fork = self.blocks.make(older.block, 0, true);
            let container = Container {
                view,
                parent: older.view,
                block: fork,
            };
            let fork = self.liar(member).other(proposal, container);
            others.push(Proposal {
                parent: Some(proof),
                nullifications: Vec::new(),
                ..fork
            });
        }
        others
    }

    fn lie(&mut self, status: Status) -> Status {
        let floor = View(self.random.below(status.view.0 + 5));
        Status {
            floor,
            view: View(floor.0 + 1 + self.random.below(100)),
            from: View(floor.0 + 1),
            notarized: u64::try_from(self.random.mask() >> 64).expect("shifted"),
            nullified: u64::try_from(self.random.mask() >> 64).expect("shifted"),
            ..status
        }
    }

    /// What a liar does out of turn.
    pub(crate) fn on_mischief(&mut self, member: u16) {
        let again = if self.is_calm() {
            self.random.between(200, 1_000)
        } else {
            self.random.between(50, 400)
        };
        self.schedule(again, Event::Mischief { member });
        let view = self
            .host(member)
            .engine
            .as_ref()
            .map_or(View(1), |engine| engine.view());
        self.play(member, view);
        if self.script(member, Script::Replay) {
            for _ in 0..self.random.below(6) {
                self.replay(member);
            }
        }
        if self.script(member, Script::Forge) {
            self.forge(member);
        }
        if self.script(member, Script::Flood) {
            for _ in 0..self.random.below(4) {
                let ahead = View(view.0 + self.random.below(1_000));
                self.say(member, Statement::Nullify { view: ahead });
                let block = BlockId(plasma_core::keccak(&[&ahead.0.to_be_bytes()]));
                self.say(
                    member,
                    Statement::Notarize(Container {
                        view: View(ahead.0 + 1),
                        parent: ahead,
                        block,
                    }),
                );
            }
        }
    }
}
