//! What the rules make an operator say: proposing (R1), notarizing (R2) and finalizing (R5).

use plasma_core::planted::planted;
use plasma_core::{BlockId, Millis, View};

use super::receive::Tallied;
use crate::{
    Container, Effect, Engine, Kind, Message, Misbehaviour, NULLIFICATIONS_MAX, Proposal, Reason, Record,
    Statement, Target, Verdict, Vote,
    chain::next,
    opinion::UNANSWERED,
    scheme::Scheme,
    view::{Round, Slot},
};

/// Beyond this many blocks without finality leaders only re-propose, and nobody votes for more: the state above the floor stays
/// bounded, whoever leads.
pub(super) const UNFINAL_BLOCKS_MAX: usize = 16;

impl<S: Scheme> Engine<S> {
    /// Signs through the ledger, writes down, sends and counts.
    pub(super) fn vote(&mut self, statement: Statement) {
        if let Some(vote) = self.sign(statement) {
            self.out.send(Target::All, Message::Vote(vote.clone()));
            self.file(&vote, Tallied::Verified);
        }
    }

    fn sign(&mut self, statement: Statement) -> Option<Vote> {
        match self.ledger.sign(statement) {
            Ok(vote) => {
                if !planted("consensus: does not log its votes") {
                    self.out.persist(Record::Vote(vote.clone()));
                }
                Some(vote)
            }
            Err(refusal) => {
                self.out.push(Effect::Refused(refusal));
                None
            }
        }
    }

    fn permits(&self, statement: Statement) -> bool {
        self.ledger.permits(&statement).is_ok()
    }

    /// Gives the current view up, unless that was done or excluded before.
    pub(super) fn give_up(&mut self, reason: Reason) {
        let view = self.view;
        let statement = Statement::Nullify { view };
        if self.permits(statement) {
            self.out.push(Effect::GaveUp { view, reason });
            self.vote(statement);
        }
    }

    /// Whether our own operator decided the block or found it valid. That others made it final says nothing: whoever signs
    /// a bad block, even once more, loses its bond.
    fn is_valid(&self, block: BlockId) -> bool {
        let is_taken_on_trust =
            block == self.chain.floor().block && planted("consensus: repeats what only others judged");
        block == self.decided || self.opinions.is_valid(block) || is_taken_on_trust
    }

    /// Whether a fresh block may stand on this one: the operator judges its parent when it builds.
    fn is_ground(&self, block: BlockId) -> bool {
        block == self.chain.floor().block || self.is_valid(block)
    }

    /// The verdict on a container: a re-proposal is as good as the block it repeats.
    pub(super) fn verdict(&self, container: &Container) -> Verdict {
        match self.chain.parent_block(container.parent) {
            Some(parent) if parent == container.block => {
                if self.is_valid(container.block) {
                    Verdict::Valid { seals: false }
                } else {
                    UNANSWERED
                }
            }
            Some(parent) if self.seals(parent) => Verdict::Invalid,
            Some(parent) => self.opinions.verdict(container.block, parent),
            None => UNANSWERED,
        }
    }

    /// R2, second half.
    pub(super) fn try_notarize(&mut self) {
        let Some(container) = self.chain.round(self.view).and_then(Round::seen) else {
            return;
        };
        let is_eligible = self.ledger.rules().parent_unchecked() || self.chain.is_eligible(&container);
        if !is_eligible || !self.permits(Statement::Notarize(container)) || self.is_too_deep(&container) {
            return;
        }
        match self.verdict(&container) {
            Verdict::Valid { .. } => self.vote(Statement::Notarize(container)),
            Verdict::Pending(_) => {
                if planted("consensus: votes for what it has not judged") {
                    self.vote(Statement::Notarize(container));
                }
            }
            Verdict::Invalid if planted("consensus: votes for invalid blocks") => {
                self.vote(Statement::Notarize(container));
            }
            Verdict::Invalid => {
                self.penalize(self.leader(self.view), Misbehaviour::InvalidBlock);
                self.give_up(Reason::Invalid);
            }
        }
    }

    /// Whether a fresh block would stand on as many as may wait for finality. It is no fault of the leader, who may know of more that
    /// is final.
    fn is_too_deep(&self, container: &Container) -> bool {
        let is_fresh = self.chain.parent_block(container.parent) != Some(container.block);
        is_fresh && self.chain.known_depth(container.parent) >= UNFINAL_BLOCKS_MAX
    }

    /// R5: in any later view too, and whether or not I notarized it.
    pub(super) fn try_finalize(&mut self) {
        let open: Vec<View> = self.awaiting.iter().copied().collect();
        for view in open {
            let Some(container) = self.chain.round(view).and_then(Round::notarized) else {
                continue;
            };
            let is_judged =
                self.is_valid(container.block) || planted("consensus: finalizes what it has not judged");
            if view <= self.chain.floor().view || !is_judged {
                continue;
            }
            self.awaiting.remove(&view);
            let statement = Statement::Finalize {
                view,
                block: container.block,
            };
            if self.permits(statement) {
                self.vote(statement);
            }
        }
    }

    /// R1.
    pub(super) fn try_propose(&mut self) {
        let view = self.view;
        if !self.may_propose() {
            return;
        }
        if let Some(mine) = self.ledger.proposal(view) {
            // Written down before a crash and never sent: this or nothing.
            if self.chain.is_eligible(&mine) {
                self.propose(mine);
            }
            return;
        }
        if planted("consensus: never leads") {
            return;
        }
        match self.parent() {
            Some(parent) => self.propose_on(parent),
            None if !self.is_patient() => self.give_up(Reason::NoParent),
            None => {}
        }
    }

    /// Whether a certified parent may still get its verdict in time.
    fn is_patient(&self) -> bool {
        self.patience_deadline()
            .is_none_or(|deadline| self.now < deadline)
    }

    /// Whether the present view is mine to propose in, and nothing is proposed, being built, or said against it.
    pub(super) fn may_propose(&self) -> bool {
        let view = self.view;
        self.leader(view) == self.me
            && self.building.is_none()
            && view > self.ledger.amnesia()
            && !self.is_sealed()
            && self.ledger.vote(view, Kind::Nullify).is_none()
            && self.ledger.vote(view, Kind::Notarize).is_none()
    }

    /// The highest view that can be built upon. While there is patience, a certified parent without a verdict is waited
    /// for even if it could be skipped.
    pub(super) fn parent(&self) -> Option<View> {
        let is_patient = self.is_patient();
        let mut view = self.view.previous()?;
        loop {
            let block = self.chain.parent_block(view);
            if block.is_some_and(|block| self.is_ground(block)) {
                return Some(view);
            }
            if !self.chain.is_nullified(view) || (is_patient && block.is_some()) {
                return None;
            }
            view = view.previous()?;
        }
    }

    fn propose_on(&mut self, parent: View) {
        let Some(block) = self.chain.parent_block(parent) else {
            return;
        };
        let repeat = Container {
            view: self.view,
            parent,
            block,
        };
        let floor = self.chain.floor().block;
        if self.must_repeat(parent) || (!self.work && (block != floor || self.is_heartbeat_due())) {
            if !self.is_valid(block) {
                self.give_up(Reason::Unable);
            } else if self.now >= self.repeat_at(parent) {
                self.propose(repeat);
            }
        } else if self.work && self.now >= self.build_at(parent) {
            self.building = Some(parent);
            self.prepared = Some((self.view, block));
            self.out.push(Effect::Build {
                view: self.view,
                parent: block,
            });
        }
    }

    /// The pace: this long after the parent was proposed, or after the view began when that is not known.
    pub(super) fn build_at(&self, parent: View) -> Millis {
        let proposed_at = self.chain.round(parent).and_then(|round| round.proposed_at);
        proposed_at
            .unwrap_or(self.entered_at)
            .plus(self.config.pace_ms)
            .max(self.rebuild_at)
    }

    /// A re-proposal also gives the finalize votes under way the time of one hop: they may make it needless.
    pub(super) fn repeat_at(&self, parent: View) -> Millis {
        self.build_at(parent).max(self.repeats_from())
    }

    /// From when the tip may be repeated in this view, whether somebody waits for a block or not.
    fn repeats_from(&self) -> Millis {
        let floor = self.chain.floor().view;
        self.config.repeat_at(self.entered_at, self.view, floor)
    }

    /// When this leader will next try to propose, if it is only waiting for the time.
    pub(super) fn propose_at(&self) -> Option<Millis> {
        let parent = self.may_propose().then(|| self.parent()).flatten()?;
        let at = if self.work {
            self.build_at(parent)
        } else {
            self.repeat_at(parent)
        };
        let repeat = self.must_repeat(parent).then(|| self.repeat_at(parent));
        Some(at.max(repeat.unwrap_or_default()))
    }

    /// Whether nothing fresh may stand on this parent: it seals the epoch, or too many blocks wait for finality.
    pub(super) fn must_repeat(&self, parent: View) -> bool {
        let seals = self
            .chain
            .parent_block(parent)
            .is_some_and(|block| self.seals(block));
        seals || self.chain.depth(parent) >= UNFINAL_BLOCKS_MAX
    }

    pub(super) fn propose_fresh(&mut self, parent: View, block: BlockId, seals: bool) {
        let Some(parent_block) = self.chain.parent_block(parent) else {
            return;
        };
        let container = Container {
            view: self.view,
            parent,
            block,
        };
        if !self.chain.is_eligible(&container) || !self.permits(Statement::Notarize(container)) {
            return;
        }
        self.opinions.ask(self.view, block, parent_block);
        self.opinions
            .answer(block, parent_block, Verdict::Valid { seals });
        self.propose(container);
    }

    /// The operator had nothing to put into a block: what waits is in the tip already. That is repeated no earlier than without
    /// work, and until then the question for a block is asked again, more seldom the longer nothing is final.
    pub(super) fn on_empty(&mut self) {
        let floor = self.chain.floor().view;
        let (now, repeats_from) = (self.now, self.repeats_from());
        self.rebuild_at = self.config.rebuild_at(now, self.view, floor);
        if now < repeats_from {
            self.rebuild_at = self.rebuild_at.min(repeats_from);
            return;
        }
        let Some(parent) = self.parent() else { return };
        let Some(block) = self.chain.parent_block(parent) else {
            return;
        };
        let repeat = Container {
            view: self.view,
            parent,
            block,
        };
        if block != self.chain.floor().block && self.permits(Statement::Notarize(repeat)) {
            self.propose(repeat);
        }
    }

    /// Writes down, signs and sends my proposal.
    fn propose(&mut self, container: Container) {
        let now = self.now;
        if let Err(refusal) = self.ledger.propose(container) {
            return self.out.push(Effect::Refused(refusal));
        }
        self.out.persist(Record::MyProposal {
            epoch: self.epoch(),
            container,
        });
        let Some(vote) = self.sign(Statement::Notarize(container)) else {
            return;
        };
        let round = self.chain.open(container.view);
        round.slot = Slot::Seen(container);
        round.proposed_at = Some(now);
        self.send_proposal(Target::All, container, &vote);
        self.file(&vote, Tallied::Verified);
    }

    /// Sends a proposal of mine with the proof of its ancestry, and its body if it is fresh.
    pub(super) fn send_proposal(&mut self, to: Target, container: Container, vote: &Vote) {
        let skipped = self
            .chain
            .nullifications(container.parent, container.view)
            .unwrap_or_default();
        let excess = skipped.len().saturating_sub(NULLIFICATIONS_MAX);
        let proposal = Proposal {
            epoch: vote.epoch,
            container,
            signature: vote.signature,
            parent: self.chain.parent_proof(container.parent),
            nullifications: skipped.into_iter().skip(excess).cloned().collect(),
        };
        let message = Message::Proposal(Box::new(proposal));
        let is_fresh = self.chain.parent_block(container.parent) != Some(container.block);
        self.out.push(Effect::Send {
            to,
            message,
            body: is_fresh.then_some(container.block),
        });
    }

    /// The highest notarized block above the floor, if it is not the final one.
    pub(super) fn is_tip_unfinal(&self) -> bool {
        let tip = self.chain.tip();
        tip >= next(self.chain.floor().view) && self.chain.parent_block(tip) != Some(self.chain.floor().block)
    }
}
