//! More of what liars do: timing, dosing, malformed messages, other epochs, mutations of whatever was heard.
//! Numbers are those of `simulation.md` section 2.

use std::rc::Rc;

use plasma_consensus::{Certified, Message, Proposal, Statement, Vote, scheme::Scheme as _};
use plasma_core::{Epoch, OperatorIndex, Signature, View};

use super::{Byzantine, World, domain};
use crate::sim::blocks::Blocks;

/// What else a liar does; a set of its own, because scenarios on record rest on the order of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    /// 3: the proposal comes just before, or just after, the others give up on it.
    LastMoment,
    /// 4: the proposal goes to as many as make a quorum with all liars, and to nobody else.
    FewProposals,
    /// 8, 10: old messages in bursts to everybody.
    Bursts,
    /// 11, 23: votes and certificates of the next epoch.
    OtherEpoch,
    /// 12: signers, bitmaps, signatures, leaders and proofs that do not fit.
    Malformed,
    /// 15: the body goes to f + 1 only.
    FewBodies,
    /// 20: any field of any message heard.
    Mutate,
    /// It puts nothing into its blocks.
    Censor,
}

impl Trick {
    /// Its bit in a scenario's set; scenarios on record rest on this order.
    pub(crate) fn bit(self) -> u32 {
        let place = Self::ALL.iter().position(|trick| *trick == self);
        1 << place.expect("all are listed")
    }

    const ALL: [Self; 8] = [
        Self::LastMoment,
        Self::FewProposals,
        Self::Bursts,
        Self::OtherEpoch,
        Self::Malformed,
        Self::FewBodies,
        Self::Mutate,
        Self::Censor,
    ];
}

/// Messages in a burst, to each member.
const BURST: usize = 12;

/// How near to the end of their patience the last moment is.
const NEAR_MS: u64 = 12;

impl Byzantine {
    fn sign_for(&self, epoch: Epoch, statement: Statement) -> Vote {
        Vote {
            epoch,
            signer: OperatorIndex(self.me),
            statement,
            signature: self.key.sign(&statement.digest(&domain(), epoch)),
        }
    }
}

impl World {
    pub(crate) fn tricks(&self, member: u16, trick: Trick) -> bool {
        !self.is_honest(member) && self.scenario.tricks & trick.bit() != 0
    }

    /// Sets how long what a liar sends now lingers; back to nothing afterwards.
    pub(super) fn linger(&mut self, member: u16) {
        let config = self.scenario.config;
        let lingers = self.tricks(member, Trick::LastMoment) && self.random.chance(4_000);
        let lead = config.pace_ms + 2 * config.delta_ms + config.build_ms;
        let whole = lead + config.delta_ms + config.validate_ms;
        let last = self.random.pick(&[lead, whole]);
        let shift = self.random.below(2 * NEAR_MS);
        let wait = (last + shift).saturating_sub(NEAR_MS + self.scenario.delay_ms);
        if let Some(liar) = self.scripts.get_mut(&member) {
            liar.linger_ms = if lingers { wait } else { 0 };
        }
    }

    pub(super) fn stop_lingering(&mut self, member: u16) {
        if let Some(liar) = self.scripts.get_mut(&member) {
            liar.linger_ms = 0;
        }
    }

    /// So many honest members that they and all liars are a quorum, from a random one on; and the other liars.
    pub(super) fn few(&mut self, member: u16) -> u128 {
        if !self.tricks(member, Trick::FewProposals) || !self.random.chance(5_000) {
            return u128::MAX;
        }
        let liars = u16::try_from(self.liars.count_ones()).expect("members");
        let wanted = self.scenario.n - (self.scenario.n - 1) / 3 - liars;
        self.some(wanted) | self.liars
    }

    /// So many honest members, from a random one on.
    fn some(&mut self, wanted: u16) -> u128 {
        let honest: Vec<u16> = (0..self.scenario.n)
            .filter(|member| self.is_honest(*member))
            .collect();
        let first = self.random.index(honest.len());
        let chosen = honest.iter().cycle().skip(first).take(usize::from(wanted));
        chosen.fold(0, |mask, member| mask | 1 << member)
    }

    /// Whom the body goes to.
    pub(super) fn few_bodies(&mut self, member: u16) -> u128 {
        if self.tricks(member, Trick::FewBodies) {
            let faults = (self.scenario.n - 1) / 3;
            self.some(faults + 1)
        } else {
            u128::MAX
        }
    }

    /// Out of turn.
    pub(super) fn play(&mut self, member: u16, view: View) {
        let mask = self.random.mask();
        if self.tricks(member, Trick::Bursts) && self.random.chance(1_500) {
            for _ in 0..BURST {
                self.send_heard(member, u128::MAX, |message, _| message);
            }
        }
        if self.tricks(member, Trick::OtherEpoch) {
            let vote = self.liar(member).sign_for(Epoch(1), Statement::Nullify { view });
            self.spread_raw(member, mask, Message::Vote(vote));
            self.send_heard(member, mask, |message, _| of_epoch(message, Epoch(1)));
        }
        if self.tricks(member, Trick::Malformed) {
            let (case, n) = (self.random.below(6), self.scenario.n);
            self.send_heard(member, mask, |message, me| malform(message, me, case, n));
        }
        if self.tricks(member, Trick::Mutate) {
            for _ in 0..4 {
                let (case, step) = (self.random.below(7), self.random.between(1, 3));
                self.send_heard(member, mask, |message, me| mutate(message, me, case, step));
            }
        }
    }

    /// Something heard, bent; what has no bytes of its own is not sent, because no decoder would let it in.
    fn send_heard(&mut self, member: u16, mask: u128, bend: impl FnOnce(Message, &Byzantine) -> Message) {
        let heard = self.liar(member).heard.len();
        if heard == 0 {
            return;
        }
        let place = self.random.index(heard);
        let liar = self.liar(member);
        let message = bend((*liar.heard[place]).clone(), liar);
        self.spread_raw(member, mask, message);
    }

    fn spread_raw(&mut self, member: u16, mask: u128, message: Message) {
        // The decoder lets no certificate below the quorum in; the engine must not need it for that.
        let is_certificate = matches!(message, Message::Certified(_));
        if !is_certificate && Message::decode(&message.encode()).as_ref() != Ok(&message) {
            return;
        }
        self.marks.hit("bent message sent");
        let message = Rc::new(message);
        for peer in (0..self.scenario.n).filter(|peer| *peer != member && mask >> peer & 1 == 1) {
            self.transmit(member, peer, &message, None);
        }
    }
}

fn of_epoch(message: Message, epoch: Epoch) -> Message {
    match message {
        Message::Vote(vote) => Message::Vote(Vote { epoch, ..vote }),
        Message::Certified(certified) => Message::Certified(Certified { epoch, ..certified }),
        Message::Proposal(proposal) => Message::Proposal(Box::new(Proposal { epoch, ..*proposal })),
        Message::Status(mut status) => {
            status.epoch = epoch;
            Message::Status(status)
        }
    }
}

/// A signature that is no point but has the form of one: the point at infinity.
fn infinity() -> Signature {
    let mut bytes = [0; 96];
    bytes[0] = 0xc0;
    Signature(bytes)
}

fn malform(message: Message, liar: &Byzantine, case: u64, n: u16) -> Message {
    match message {
        Message::Certified(mut certified) => {
            let signers: Vec<OperatorIndex> = certified.signers.iter().collect();
            match case {
                // Fewer than signed, a good sum of one, everybody, no sum, an empty sum.
                0 => certified.signers = signers.iter().copied().skip(1).collect(),
                1 => {
                    certified.signers = std::iter::once(OperatorIndex(liar.me)).collect();
                    // About the next view: what is known already is not looked at.
                    certified.statement = later(certified.statement, 1);
                    certified.signature = liar.sign(certified.statement).signature;
                }
                2 => certified.signers = (0..n).map(OperatorIndex).collect(),
                3 => certified.signature = Signature([0; 96]),
                4 => certified.signature = infinity(),
                _ => certified.statement = later(certified.statement, 1_000),
            }
            Message::Certified(certified)
        }
        Message::Vote(mut vote) => {
            match case {
                0 | 1 => vote.signer = OperatorIndex((liar.me + 1) % n),
                2 => vote.signature = Signature([0; 96]),
                3 => vote.signature = infinity(),
                // Its own, with the signature of the one who said it.
                _ => vote.signer = OperatorIndex(liar.me),
            }
            Message::Vote(vote)
        }
        Message::Proposal(mut proposal) => {
            match case {
                // In a view that another leads, if it is not its own.
                0 | 1 => proposal.signature = liar.sign(Statement::Notarize(proposal.container)).signature,
                2 => proposal.parent = None,
                3 => proposal.nullifications.clear(),
                4 => proposal.signature = infinity(),
                _ => proposal.parent = proposal.nullifications.first().cloned(),
            }
            Message::Proposal(proposal)
        }
        Message::Status(mut status) => {
            status.view = View(status.view.0 + 1_000 * case);
            Message::Status(status)
        }
    }
}

/// The same about a later view.
fn later(statement: Statement, views: u64) -> Statement {
    let moved = |view: View| View(view.0 + views);
    match statement {
        Statement::Notarize(mut container) => {
            container.view = moved(container.view);
            Statement::Notarize(container)
        }
        Statement::Nullify { view } => Statement::Nullify { view: moved(view) },
        Statement::Finalize { view, block } => Statement::Finalize {
            view: moved(view),
            block,
        },
    }
}

/// One field another; a vote is signed anew, so that it is a good lie.
fn mutate(message: Message, liar: &Byzantine, case: u64, step: u64) -> Message {
    match message {
        Message::Vote(vote) => Message::Vote(match case {
            0 => liar.sign(later(vote.statement, step)),
            1 => liar.sign(vote.statement),
            2 => liar.sign(turned(vote.statement)),
            _ => liar.sign(Statement::Nullify {
                view: vote.statement.view(),
            }),
        }),
        Message::Certified(mut certified) => {
            match case {
                0 | 1 => certified.statement = later(certified.statement, step),
                2 | 3 => certified.statement = turned(certified.statement),
                _ => certified.signature.0[95] ^= 1,
            }
            Message::Certified(certified)
        }
        Message::Proposal(mut proposal) => {
            match case {
                0 | 1 => proposal.container.view = View(proposal.container.view.0 + step),
                2 | 3 => {
                    proposal.container.parent = View(proposal.container.parent.0.saturating_sub(step));
                }
                _ => proposal.nullifications.reverse(),
            }
            proposal.signature = liar.sign(Statement::Notarize(proposal.container)).signature;
            Message::Proposal(proposal)
        }
        Message::Status(mut status) => {
            match case {
                0 | 1 => status.floor = View(status.floor.0.saturating_sub(step)),
                2 | 3 => status.from = View(status.from.0 + step),
                4 => status.notarized = !status.notarized,
                5 => status.nullified = !status.nullified,
                _ => status.held.clear(),
            }
            Message::Status(status)
        }
    }
}

/// Another kind of statement about the same view.
fn turned(statement: Statement) -> Statement {
    let view = statement.view();
    match statement {
        Statement::Notarize(container) => Statement::Finalize {
            view,
            block: container.block,
        },
        Statement::Nullify { .. } => Statement::Finalize {
            view,
            block: Blocks::genesis(),
        },
        Statement::Finalize { .. } => Statement::Nullify { view },
    }
}
