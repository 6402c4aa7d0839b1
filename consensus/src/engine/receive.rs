//! What arrives from peers: votes (R3), certificates and proposals (R2). Nothing is allocated for a view outside the
//! window, and nothing is verified that changes nothing.

use plasma_core::planted::planted;
use plasma_core::{Bitmap, Millis, OperatorIndex, View};

use crate::{
    Certified, Effect, Engine, Evidence, Kind, Message, Misbehaviour, Proposal, Statement, Vote,
    chain::{RETAINED_VIEWS, next},
    scheme::{Scheme, Verifier as _},
    tally::{Cast, Tally},
    view::Slot,
};

/// Proposals are taken for this many views beyond the current one.
const LOOKAHEAD_VIEWS: u64 = 2;

/// Votes are kept for this many views behind the current one: a hundred members make 15 MB of them at most.
pub(super) const VOTE_VIEWS: u64 = 256;

impl<S: Scheme> Engine<S> {
    pub(super) fn on_message(&mut self, from: OperatorIndex, message: Message) {
        if from == self.me || message.epoch() != self.epoch() {
            return;
        }
        let now = self.now;
        let Some(peer) = self.peers.get_mut(usize::from(from.0)) else {
            return;
        };
        peer.heard_at = now;
        match message {
            Message::Vote(vote) => self.on_vote(from, &vote),
            Message::Certified(certified) => {
                self.on_certified(from, &certified);
            }
            Message::Proposal(proposal) => self.on_proposal(from, *proposal),
            Message::Status(status) => self.on_status(from, &status),
        }
    }

    fn on_vote(&mut self, from: OperatorIndex, vote: &Vote) {
        if vote.signer != from {
            return self.penalize(from, Misbehaviour::ForeignVote);
        }
        let view = vote.statement.view();
        self.hear_of(from, view);
        if vote.statement.kind() == Kind::Finalize
            && let Some(round) = self.chain.round_mut(view)
        {
            // It could only finalize what it saw notarized.
            round.know(Kind::Notarize, from);
        }
        if self.admits(view) {
            self.file(vote, Tallied::Unverified);
        }
    }

    /// The window of views whose votes are kept: a few behind the floor for evidence, one ahead.
    fn admits(&self, view: View) -> bool {
        let floor = View(self.chain.floor().view.0.saturating_sub(RETAINED_VIEWS));
        view >= floor.max(self.oldest_votes()).max(View(1)) && view <= next(self.view)
    }

    /// The lowest view whose votes matter yet.
    pub(super) fn oldest_votes(&self) -> View {
        View(self.view.0.saturating_sub(VOTE_VIEWS))
    }

    /// Counts a vote, and makes the certificate when a quorum agrees.
    pub(super) fn file(&mut self, vote: &Vote, tallied: Tallied) {
        let (view, kind) = (vote.statement.view(), vote.statement.kind());
        let round = self.chain.open(view);
        let tally = round.tally(kind);
        let cast = match tallied {
            Tallied::Unverified => tally.cast(vote),
            Tallied::Verified => tally.cast_verified(vote),
        };
        match cast {
            Cast::Ignored => {}
            Cast::Conflict(earlier) => self.accuse(earlier, vote.clone()),
            Cast::New => {
                if let Some(earlier) = round.contradiction(vote).cloned() {
                    self.accuse(earlier, vote.clone());
                }
                self.try_certify(vote);
            }
        }
    }

    fn try_certify(&mut self, vote: &Vote) {
        let (view, kind) = (vote.statement.view(), vote.statement.kind());
        let less = usize::from(planted("consensus: certifies with one vote less"));
        let quorum = self.committee.quorum().saturating_sub(less);
        let epoch = self.epoch();
        let doubted = self.doubted();
        let above_floor = view > self.chain.floor().view;
        let round = self.chain.open(view);
        if !above_floor || round.certificate(kind).is_some() || round.tally(kind).len() < quorum {
            return;
        }
        let domain = (epoch, self.ledger.domain());
        let verifier = self.ledger.verifier();
        let count = round
            .tally(kind)
            .certify(&vote.statement, quorum, domain, &doubted, verifier);
        for signer in count.bad {
            self.blame(signer, Misbehaviour::BadVote);
        }
        if let Some(certified) = count.certified {
            self.learn(certified);
        }
    }

    /// Members whose votes wait outside.
    fn doubted(&self) -> Bitmap {
        let peers = (0u16..).zip(&self.peers);
        let doubted = peers.filter(|(_, peer)| peer.doubted_until.is_some());
        doubted.map(|(index, _)| OperatorIndex(index)).collect()
    }

    /// A member sent something that does not verify.
    fn blame(&mut self, member: OperatorIndex, reason: Misbehaviour) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(usize::from(member.0)) {
            peer.doubt(now);
        }
        self.penalize(member, reason);
    }

    fn is_doubted(&self, member: OperatorIndex) -> bool {
        let peer = self.peers.get(usize::from(member.0));
        peer.is_some_and(|peer| peer.doubted_until.is_some())
    }

    /// Ends doubts whose time is over, and counts again: the votes that waited are here and come no second time.
    pub(super) fn end_doubts(&mut self) {
        let now = self.now;
        let mut has_ended = false;
        for peer in &mut self.peers {
            if peer.doubted_until.is_some_and(|until| until <= now) {
                peer.doubted_until = None;
                has_ended = true;
            }
        }
        if !has_ended {
            return;
        }
        let rounds = self.chain.above_floor().map(|(_, round)| round);
        let tallies = rounds
            .flat_map(|round| [Kind::Notarize, Kind::Nullify, Kind::Finalize].map(|kind| round.votes(kind)));
        let votes: Vec<Vote> = tallies.flat_map(Tally::statements).cloned().collect();
        for vote in votes {
            if !self.is_broken {
                self.try_certify(&vote);
            }
        }
    }

    /// Two votes of one signer do not go together. Each signer is judged once per view.
    fn accuse(&mut self, first: Vote, second: Vote) {
        let (signer, view) = (first.signer, first.statement.view());
        let (is_leader, spoils) = (
            signer == self.leader(view),
            first.statement.kind() == second.statement.kind(),
        );
        let round = self.chain.open(view);
        if is_leader && spoils && first.statement.kind() == Kind::Notarize {
            round.slot = match second.statement {
                Statement::Notarize(other) if self.ledger.rules().notarizes_twice() => Slot::Seen(other),
                _ => Slot::Conflict,
            };
        }
        if round.accused.contains(signer) {
            return;
        }
        round.accused.insert(signer);
        match Evidence::new(first, second, self.ledger.verifier(), self.ledger.domain()) {
            Some(evidence) => self.out.push(Effect::Evidence(evidence)),
            // Both came over its own connection, so whichever is bad, it sent it.
            None => self.blame(signer, Misbehaviour::BadVote),
        }
    }

    /// Takes a certificate in; `false` when it does not verify, or is a doubted member's: each look is a pairing, there is a
    /// false certificate for every view, and a genuine one comes from the others too.
    fn on_certified(&mut self, from: OperatorIndex, certified: &Certified) -> bool {
        let view = certified.statement.view();
        if self.is_news(certified) {
            if self.is_doubted(from) {
                return false;
            }
            if !self.is_genuine(certified) {
                self.blame(from, Misbehaviour::BadCertificate);
                return false;
            }
            self.learn(certified.clone());
        }
        self.hear_of(from, next(view));
        if let Some(round) = self.chain.round_mut(view) {
            round.know(certified.statement.kind(), from);
        }
        if certified.statement.kind() == Kind::Finalize
            && let Some(peer) = self.peers.get_mut(usize::from(from.0))
        {
            peer.floor = peer.floor.max(view);
        }
        true
    }

    /// Whether a certificate would change anything here: it is new above the floor, contradicts what is known, or holds
    /// a vote of mine that I do not know.
    pub(super) fn is_news(&self, certified: &Certified) -> bool {
        let statement = &certified.statement;
        if certified.epoch != self.epoch() {
            return false;
        }
        if self.chain.contradiction(statement).is_some() || self.has_forgotten(certified) {
            return true;
        }
        let view = statement.view();
        let known = self
            .chain
            .round(view)
            .is_some_and(|round| round.certificate(statement.kind()).is_some());
        view > self.chain.floor().view && !known
    }

    /// Whether a certificate, if it is genuine, shows that my log is not the one that I spoke by.
    pub(super) fn has_forgotten(&self, certified: &Certified) -> bool {
        certified.signers.contains(self.me) && self.ledger.has_forgotten(&certified.statement)
    }

    /// A quorum of the committee signed it.
    pub(super) fn is_genuine(&self, certified: &Certified) -> bool {
        certified.is_genuine(&self.committee, self.ledger.domain(), self.ledger.verifier())
    }

    fn on_proposal(&mut self, from: OperatorIndex, proposal: Proposal) {
        let view = proposal.container.view;
        let leader = self.leader(view);
        if view < self.view || view.0 > self.view.0.saturating_add(LOOKAHEAD_VIEWS) || leader == self.me {
            return;
        }
        let vote = proposal.vote(leader);
        if from == leader {
            self.hear_of(from, view);
        } else if self
            .chain
            .round(view)
            .is_some_and(|round| round.slot != Slot::Empty)
        {
            // A relayed proposal can only help where none is; it is not worth a verification elsewhere.
            return;
        } else if self.is_doubted(from) {
            return;
        } else if !self.is_signed(&vote) {
            return self.blame(from, Misbehaviour::WrongLeader);
        }
        let floor = self.chain.floor().view;
        for certified in proposal.parent.into_iter().chain(proposal.nullifications) {
            if certified.statement.view() > floor && !self.on_certified(from, &certified) {
                return;
            }
            if self.is_broken {
                return;
            }
        }
        if view >= self.view {
            self.take_proposal(
                &vote,
                if from == leader {
                    Tallied::Unverified
                } else {
                    Tallied::Verified
                },
            );
        }
    }

    /// Fills the slot; the leader's signature is its notarize vote, and a second container spoils both.
    fn take_proposal(&mut self, vote: &Vote, tallied: Tallied) {
        let Statement::Notarize(container) = vote.statement else {
            return;
        };
        let now = self.now;
        let round = self.chain.open(container.view);
        if round.slot == Slot::Empty {
            round.slot = Slot::Seen(container);
            round.proposed_at = Some(now);
        }
        self.file(vote, tallied);
    }

    fn is_signed(&self, vote: &Vote) -> bool {
        let digest = vote.statement.digest(self.ledger.domain(), vote.epoch);
        self.ledger
            .verifier()
            .verify_one(vote.signer, &digest, &vote.signature)
    }

    /// Notes that a peer reached a view.
    pub(super) fn hear_of(&mut self, from: OperatorIndex, view: View) {
        if let Some(peer) = self.peers.get_mut(usize::from(from.0)) {
            peer.view = peer.view.max(view);
        }
    }

    pub(super) fn penalize(&mut self, peer: OperatorIndex, reason: Misbehaviour) {
        self.out.push(Effect::Penalize { peer, reason });
    }

    pub(super) fn on_peer_up(&mut self, peer: OperatorIndex) {
        let now = self.now;
        let Some(entry) = self.peers.get_mut(usize::from(peer.0)) else {
            return;
        };
        entry.down_since = None;
        // What was on its way when the connection broke is lost.
        entry.handed = None;
        entry.heard_at = now;
        self.report_to(peer);
    }

    pub(super) fn on_peer_down(&mut self, peer: OperatorIndex) {
        let now: Millis = self.now;
        if let Some(entry) = self.peers.get_mut(usize::from(peer.0))
            && entry.down_since.is_none()
        {
            entry.down_since = Some(now);
        }
    }
}

/// Whether a vote's signature was checked before it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tallied {
    /// It came over its signer's own connection; the quorum's aggregate is checked.
    Unverified,
    /// It is mine, or was checked singly.
    Verified,
}
