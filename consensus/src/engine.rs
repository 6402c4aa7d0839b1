//! One operator's part in agreement: state, recovery and the step function.
//!
//! A step takes one input and then *settles*: everything that the rules allow in the new state is done, in one order,
//! derived from state alone. So a replayed log and a lost timer lead to the same place as an undisturbed run.
//! The rules are in the submodules: [`receive`] R2 and R3, [`learn`] R0, R4, R6, R7, [`act`] R1, R2, R5, and [`questions`]
//! what is judged before them, [`clock`] R8, [`gossip`] R9 and R10; [`sealing`] is what the last block of an epoch changes in
//! them, and [`ahead`] hides the building of blocks behind the votes of others.

use std::collections::BTreeSet;

use plasma_core::{
    Bitmap, BlockId, Certificate, Committee, Domain, Epoch, Hash, Millis, OperatorIndex, View,
};

use crate::{
    Certified, Config, Effect, Floor, Input, Kind, NotBuilt, Reason, Record, Schedule, Violation,
    chain::Chain, ledger::VoteLedger, opinion::Opinions, outbox::Outbox, peer::Peer, scheme::Scheme,
};

use gossip::Window;

mod act;
mod ahead;
mod clock;
mod gossip;
mod learn;
mod questions;
mod receive;
mod sealing;

/// What an engine starts from, besides its log.
#[derive(Debug)]
pub struct Start<S> {
    /// Durations.
    pub config: Config,
    /// The operators of this epoch.
    pub committee: Committee,
    /// Which deployment votes are about.
    pub domain: Domain,
    /// Which member this is.
    pub me: OperatorIndex,
    /// Signs and verifies; holds the key.
    pub scheme: S,
    /// Seed of the order of leaders: the hash of the block that sealed the previous epoch, or of the genesis block.
    pub leaders: Hash,
    /// The highest finalization that the operator has stored: view 0 with the epoch's first parent block, or later.
    pub floor: Floor,
    /// The time of the start.
    pub now: Millis,
}

/// One operator's consensus in one epoch.
#[derive(Debug)]
pub struct Engine<S> {
    config: Config,
    committee: Committee,
    me: OperatorIndex,
    schedule: Schedule,
    ledger: VoteLedger<S>,
    chain: Chain,
    opinions: Opinions,
    view: View,
    entered_at: Millis,
    /// The latest time seen; a clock that jumps back stands still here.
    now: Millis,
    /// The operator's word that something waits to be decided.
    work: bool,
    /// Since when something waits; none while idle, and then no timer runs.
    armed_at: Option<Millis>,
    finalized_at: Millis,
    /// Notarized views above the floor on which my finalize vote is still open, as far back as anybody counts it.
    awaiting: BTreeSet<View>,
    /// The parent view of the block being built for the current view.
    building: Option<View>,
    /// The last view of mine and its likely parent that the operator was told of, or asked about.
    prepared: Option<(View, BlockId)>,
    /// The last block that the operator's own ledger holds. The floor can be ahead of it: others made that block final, and
    /// our operator may yet refuse it.
    decided: BlockId,
    /// A final block known to seal the epoch; see [`sealing`].
    sealing: Option<BlockId>,
    /// Not before then is a build asked for again after an empty answer.
    rebuild_at: Millis,
    peers: Vec<Peer>,
    /// Certificates to be handed on, by due time (R9).
    forwards: BTreeSet<(Millis, View, Kind)>,
    status_at: Millis,
    status_sent_at: Option<Millis>,
    /// The report from then on asks the operator again as well.
    asks_at: Millis,
    window: Window,
    timer: Option<Millis>,
    is_broken: bool,
    out: Outbox,
}

/// How much an engine remembers. Certificates of views above the floor are never dropped, so `rounds` grows while
/// nothing becomes final; votes and opinions do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Views with any content.
    pub rounds: usize,
    /// Votes in them.
    pub votes: usize,
    /// Verdicts asked for and not yet forgotten.
    pub opinions: usize,
}

/// A step never needs more passes: each pass beyond the first enters a view or raises the floor, and with the votes at
/// hand that can happen only for the views whose votes are admitted. Whatever is left is done by the next tick.
const PASSES_MAX: usize = 8;

impl<S: Scheme> Engine<S> {
    /// An engine as its log left it. The log's records come in the order they were written.
    ///
    /// Returns what is to be done first: blocks finalized beyond `start.floor` are reported again. The engine then
    /// believes that there is no work and that all peers are down until it is told otherwise.
    pub fn recover(start: Start<S>, records: &[Record]) -> (Self, Vec<Effect>) {
        let mut engine = Self::new(start);
        engine.restore(records);
        if !engine.is_broken {
            engine.settle();
        }
        let effects = engine.out.take();
        (engine, effects)
    }

    fn new(start: Start<S>) -> Self {
        let Start {
            config,
            committee,
            domain,
            me,
            scheme,
            leaders,
            floor,
            now,
        } = start;
        let n = committee.size();
        let mut ledger = VoteLedger::new(me, committee.epoch(), domain, scheme);
        ledger.raise_floor(floor.view);
        Self {
            config,
            me,
            schedule: Schedule::new(&leaders, n),
            ledger,
            view: crate::chain::next(floor.view),
            decided: floor.block,
            chain: Chain::new(floor),
            opinions: Opinions::default(),
            entered_at: now,
            now,
            work: false,
            armed_at: None,
            finalized_at: now,
            awaiting: BTreeSet::new(),
            building: None,
            prepared: None,
            sealing: None,
            rebuild_at: now,
            peers: (0..n).map(|_| Peer::new(now)).collect(),
            committee,
            forwards: BTreeSet::new(),
            status_at: now,
            status_sent_at: None,
            asks_at: now,
            window: Window::default(),
            timer: None,
            is_broken: false,
            out: Outbox::default(),
        }
    }

    /// Takes one event and answers with everything to be done about it, in order.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        if self.is_broken {
            return Vec::new();
        }
        self.now = self.now.max(now);
        match input {
            // Whoever woke us holds no timer any more, even when it came too early.
            Input::Tick => self.timer = None,
            Input::Message { from, message } => self.on_message(from, message),
            Input::Built { view, block, seals } => self.on_built(view, block, seals),
            Input::NotBuilt { view, reason } => self.on_not_built(view, reason),
            Input::Verdict {
                block,
                parent,
                verdict,
            } => self.opinions.answer(block, parent, verdict),
            Input::Dropped(block) => self.opinions.reopen(block),
            Input::Work(work) => self.work = work,
            Input::PeerUp(peer) => self.on_peer_up(peer),
            Input::PeerDown(peer) => self.on_peer_down(peer),
            Input::Synced(certificate) => self.on_synced(certificate),
            Input::Decided(block) => self.decided = block,
            Input::Sealed(block) => self.on_sealed(block),
        }
        if !self.is_broken {
            self.settle();
        }
        self.out.take()
    }

    fn settle(&mut self) {
        self.end_doubts();
        for _ in 0..PASSES_MAX {
            let before = (self.view, self.chain.floor().view);
            self.arm();
            self.ask();
            self.try_propose();
            self.try_notarize();
            self.try_give_up();
            self.try_finalize();
            if self.is_broken || before == (self.view, self.chain.floor().view) {
                break;
            }
        }
        if !self.is_broken {
            self.prepare();
            self.forward_due();
            self.report_due();
            self.set_timer();
        }
    }

    fn on_built(&mut self, view: View, block: BlockId, seals: bool) {
        if view == self.view
            && let Some(parent) = self.building.take()
        {
            self.propose_fresh(parent, block, seals);
        }
    }

    fn on_not_built(&mut self, view: View, reason: NotBuilt) {
        if view != self.view || self.building.take().is_none() {
            return;
        }
        match reason {
            NotBuilt::Empty => self.on_empty(),
            NotBuilt::Unable => self.give_up(Reason::Unable),
        }
    }

    fn on_synced(&mut self, certificate: Certificate) {
        let certified = Certified::from(certificate);
        if self.is_news(&certified) && self.is_genuine(&certified) {
            self.learn(certified);
        }
    }

    /// Stops for ever and says why.
    fn fail(&mut self, violation: Violation) {
        self.is_broken = true;
        self.out.push(Effect::Broken(violation));
    }

    /// The view it is in.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The epoch it decides in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.committee.epoch()
    }

    /// The highest finalization it knows.
    #[must_use]
    pub fn floor(&self) -> &Floor {
        self.chain.floor()
    }

    /// The blocks from the highest notarized view down to the final one, as far as they are known, and the one that this operator
    /// voted to notarize last, unless a higher view is notarized and all below it is known. What a view made or will make final is
    /// among them or below: every view that the chain of the highest notarized one skips was nullified.
    #[must_use]
    pub fn standing(&self) -> BTreeSet<BlockId> {
        let tip = self.chain.tip();
        let path = || self.chain.down(tip);
        let is_whole = path()
            .last()
            .is_none_or(|lowest| lowest.parent == self.chain.floor().view);
        let voted = self.ledger.notarized_last();
        let voted = voted.filter(|voted| voted.view > tip || !is_whole);
        let containers = path().chain(voted).map(|container| container.block);
        containers.chain([self.chain.floor().block]).collect()
    }

    /// Whether a quorum has accepted a block, in whichever view: it is final, or notarized above what is.
    #[must_use]
    pub fn is_accepted(&self, block: BlockId) -> bool {
        self.chain.is_accepted(block)
    }

    /// The highest view in which a block above the final one was notarized.
    #[must_use]
    pub fn accepted_in(&self, block: BlockId) -> Option<View> {
        self.chain.accepted_in(block)
    }

    /// Who leads a view.
    #[must_use]
    pub fn leader(&self, view: View) -> OperatorIndex {
        self.schedule.leader(view)
    }

    /// The certificate that let it into its present view, for an operator that lost its log and asks how far it may have
    /// voted itself; none at the very start of an epoch. The present view is the one after it. Whoever voted in a view can
    /// show this for that view or a later one, so 2f + 1 answers of others cover every vote that anybody cast.
    ///
    /// After a restart a view may stand on a vote alone when the log was pruned by hand; then the highest certificate
    /// stands here, and the claim is too low rather than unproven.
    #[must_use]
    pub fn claim(&self) -> Option<Certified> {
        let above = self.chain.above_floor().rev();
        let newest = above
            .filter(|(view, _)| *view < self.view)
            .find_map(|(_, round)| round.notarization.clone().or_else(|| round.nullification.clone()));
        let floor = || self.chain.floor().certificate.clone().map(Certified::from);
        newest.or_else(floor)
    }

    /// Members known to hold the body of a block proposed in a view, because each of them voted to notarize it: whom to
    /// ask when the leader does not give it.
    #[must_use]
    pub fn holders(&self, view: View, block: BlockId) -> Bitmap {
        let Some(round) = self.chain.round(view) else {
            return Bitmap::default();
        };
        let voters = round.notarize.signers(block);
        let notarized = round.notarization.iter();
        let signers = notarized
            .filter(|certified| certified.statement.block() == Some(block))
            .flat_map(|certified| certified.signers.iter());
        voters
            .chain(signers)
            .filter(|signer| *signer != self.me)
            .collect()
    }

    /// Nothing at or below this view is voted on, because an earlier life may have voted there; view 0 when there was
    /// none.
    #[must_use]
    pub fn amnesia_floor(&self) -> View {
        self.ledger.amnesia()
    }

    /// Whether a record must stay in the log. Floors never move back, so a record denied once is denied for ever.
    #[must_use]
    pub fn needs(&self, record: &Record) -> bool {
        let floor = self.chain.floor().view;
        let stays = match record {
            Record::Floor(_) => record.view() >= floor,
            // No final view makes up for a log that is not mine.
            Record::Forgotten { view, .. } => *view > self.ledger.amnesia(),
            Record::Vote(_) | Record::MyProposal { .. } | Record::Certificate(_) | Record::Amnesia { .. } => {
                record.view() > floor
            }
        };
        record.epoch() == self.epoch() && stays
    }

    /// How much it remembers, for metrics and for the bounds of tests.
    #[must_use]
    pub fn load(&self) -> Load {
        let rounds = self.chain.kept();
        Load {
            rounds: rounds.clone().count(),
            votes: rounds.map(|(_, round)| round.vote_count()).sum(),
            opinions: self.opinions.len(),
        }
    }

    /// Breaks one rule, for tests that expect what follows.
    #[cfg(feature = "mutants")]
    pub fn break_rule(&mut self, mutation: crate::Mutation) {
        self.ledger.break_rules(crate::mutation::Rules::broken(mutation));
    }
}
