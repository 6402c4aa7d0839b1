//! One operator as a pure value: the same events in the same order give the same effects, on any machine.
//!
//! Nothing here waits, reads a clock or touches the world. What the operator lacks it asks for by an effect and receives
//! as a later event. Invariants: a block is decided only when it was applied on the decided tip; a vote or a proposal
//! leaves only behind the record that remembers it; the ledger changes only by a decided block.

pub mod accusations;
pub mod accuser;
mod ahead;
pub mod case;
pub mod chain;
mod doubts;
pub mod effect;
mod epochs;
pub mod event;
mod fetching;
pub mod guardian;
mod handing;
pub mod matters;
pub mod mempool;
mod offers;
pub mod origins;
pub mod payload;
mod pins;
mod proposer;
mod prosecution;
mod proving;
mod recovery;
pub mod rejoining;
pub mod report;
mod segments;
pub mod sync;
mod validator;
mod vigil;
mod watch;

use plasma_core::planted::planted;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plasma_consensus::{Input, Message, scheme::OperatorKey};
use plasma_core::{
    AuthenticTransaction, BlockId, Broken, Committees, Genesis, Height, L1Block, Millis, Peer, PublicKey,
    Transaction, TransactionId, View, ledger,
};

use crate::storage::Saved;

use accuser::Accuser;
use case::{Case, Rotten};
use chain::{Chain, Room};
use doubts::Doubts;
use effect::{Effect, Record};
use epochs::{Epochs, Seating, floor_of};
use event::{Event, Offered};
use guardian::Guardian;
use handing::Handing;
use mempool::{Mempool, MempoolLimits};
use origins::Origins;
use payload::{Carried, Need, Payload};
use pins::Pins;
use proving::Proving;
use recovery::{Logged, guardian};
use rejoining::Rejoining;
use report::{AnchorSeen, Status};
use sync::Sync;
pub use validator::DRIFT_MS;
use vigil::Vigil;
use watch::Judging;

/// What an operator is told once, at its start.
#[derive(Clone, Debug)]
pub struct Params {
    /// The chain's constitution.
    pub genesis: Genesis,
    /// The committees that are known: every one up to the running epoch's, and the coming one when it was announced.
    pub committees: Committees,
    /// The key that we vote with; it has a seat in some of them.
    pub key: PublicKey,
    /// Timers of the engine.
    pub consensus: plasma_consensus::Config,
    /// Limits of the mempool.
    pub mempool: MempoolLimits,
    /// How much is kept of what is not decided.
    pub room: Room,
    /// The contract's `silence` in seconds.
    pub silence_s: u64,
    /// The contract's `grace` in seconds.
    pub grace_s: u64,
    /// The newest anchor on Ethereum at the start.
    pub anchor: Option<AnchorSeen>,
    /// Ethereum's time of the last decided origin, in seconds.
    pub origin_time_s: u64,
}

/// One operator as a value.
#[derive(Debug)]
pub struct Operator<S: OperatorKey> {
    rules: ledger::Params,
    origin_lag: u64,
    l1_events_max: usize,
    epochs: Epochs<S>,
    chain: Chain,
    origins: Origins,
    doubts: Doubts,
    mempool: Mempool,
    payload: Payload,
    pins: Pins,
    /// What a message between honest operators takes at most.
    delta_ms: u64,
    sync: Sync,
    guardian: Guardian,
    accuser: Accuser,
    /// A case of an earlier life whose block is judged once more; no seat is taken meanwhile.
    retrial: Option<Arc<Case>>,
    /// A final block that holds something else than transactions, until the one below it is decided.
    rotten: Option<Box<Rotten>>,
    /// Batches of offered transactions whose reads are under way, by their number.
    offers: BTreeMap<u64, Vec<Offered>>,
    next_offer: u64,
    handing: Handing,
    /// The block that is built before it is asked for.
    ahead: Option<ahead::Ahead>,
    /// Blocks whose verdict the engine waits for.
    awaited: BTreeMap<BlockId, validator::Awaited>,
    /// Bodies that are asked for, each of an awaited block.
    fetching: BTreeMap<BlockId, fetching::Fetch>,
    /// Views above the floor whose leader has sent a body.
    bodies: BTreeSet<View>,
    /// Blocks whose read is under way.
    reading: BTreeSet<BlockId>,
    /// Blocks that break a rule of the ledger on their own parent: they can never become valid.
    invalid: BTreeMap<BlockId, Broken>,
    is_working: bool,
    /// A quorum finalized what we found invalid, and the block has not become a case yet.
    is_refuted: bool,
    judging: Judging,
    /// The last height that counts, as Ethereum shows it; the ledger knows only with a decided block.
    halted: Option<Height>,
    stopped: Option<String>,
    /// While votes of ours may be missing and the others are to be asked; see [`rejoining`].
    rejoining: Option<Rejoining>,
    proving: Proving,
    vigil: Vigil,
}

impl<S: OperatorKey> Operator<S> {
    /// The operator as it was before it stopped: what storage holds, and the log above it.
    pub fn recover(
        now: Millis,
        params: Params,
        scheme: S,
        saved: Saved,
        log: Vec<Record>,
    ) -> (Self, Vec<Effect>) {
        Self::restore(now, (params, scheme), (saved, log), None)
    }

    /// As [`Operator::recover`], for a log that [`rejoining::lacks_votes`]: the operator asks the others how far it may have
    /// voted before it takes its seat. Its former life must certainly be over.
    pub fn rejoin_anew(
        now: Millis,
        params: Params,
        scheme: S,
        saved: Saved,
        log: Vec<Record>,
    ) -> (Self, Vec<Effect>) {
        Self::restore(now, (params, scheme), (saved, log), Some(Rejoining::new(now)))
    }

    fn restore(
        now: Millis,
        (params, scheme): (Params, S),
        (saved, log): (Saved, Vec<Record>),
        rejoining: Option<Rejoining>,
    ) -> (Self, Vec<Effect>) {
        let genesis = &params.genesis;
        let mut guardian = guardian(&params, &saved, now);
        let mut logged = Logged::of(log);
        let running = saved.state.epoch;
        let tops = logged.tops(running);
        let floor = floor_of(saved.certificate.as_ref(), running, saved.state.sealed);
        let epochs = Epochs::new(Seating {
            committees: params.committees,
            key: params.key,
            scheme,
            config: params.consensus,
            domain: genesis.domain(),
            running,
            logged: std::mem::take(&mut logged.engine),
            begun: saved.state.header.height,
        });
        for votes in std::mem::take(&mut logged.contradictions) {
            let accusations = guardian.accusations_mut();
            accusations.recall(now, votes, |epoch| epochs.verifier(epoch), &genesis.domain());
        }
        let origin = L1Block {
            height: saved.state.header.l1_height,
            hash: saved.state.header.l1_hash,
            timestamp_s: params.origin_time_s,
        };
        let mut operator = Self {
            rules: genesis.params(),
            origin_lag: u64::from(genesis.origin_lag),
            l1_events_max: usize::try_from(genesis.max_l1_events).unwrap_or(usize::MAX),
            epochs,
            chain: Chain::new(saved.state, (running, floor.view), params.room),
            origins: Origins::new(origin),
            doubts: Doubts::default(),
            mempool: Mempool::new(params.mempool),
            payload: Payload::default(),
            pins: Pins::default(),
            delta_ms: params.consensus.delta_ms,
            sync: Sync::default(),
            guardian,
            accuser: Accuser::default(),
            retrial: None,
            rotten: None,
            offers: BTreeMap::new(),
            next_offer: 0,
            handing: Handing::default(),
            ahead: None,
            awaited: BTreeMap::new(),
            fetching: BTreeMap::new(),
            bodies: BTreeSet::new(),
            reading: BTreeSet::new(),
            invalid: BTreeMap::new(),
            is_working: false,
            is_refuted: false,
            judging: Judging::default(),
            halted: None,
            stopped: None,
            rejoining,
            proving: Proving::default(),
            vigil: Vigil::new(&params.consensus),
        };
        operator.file_log(&logged.bodies, tops);
        let judged = saved.exits.keys().map(|exit| watch::ask_to_judge(*exit));
        let mut effects: Vec<Effect> = judged.collect();
        match logged.case {
            None => operator.take_seat(now, floor, &mut effects),
            Some(case) => operator.resume(now, case, floor, &mut effects),
        }
        operator.settle(now, &mut effects);
        (operator, effects)
    }

    /// Takes one event; gives what must be done about it, in order, reads last.
    pub fn handle(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Tick => self.step(now, Input::Tick, &mut effects),
            Event::PeerUp(peer) => {
                self.sync.on_peer_up(peer);
                if let Some(seat) = self.epochs.seat_of(peer) {
                    self.step(now, Input::PeerUp(seat), &mut effects);
                }
            }
            Event::PeerDown(peer) => {
                self.sync.on_peer_down(peer);
                self.proving.on_peer_down(peer);
                if let Some(seat) = self.epochs.seat_of(peer) {
                    self.step(now, Input::PeerDown(seat), &mut effects);
                }
            }
            Event::Consensus { from, message, block } => {
                self.on_consensus(now, from, *message, block, &mut effects)
            }
            Event::Transactions(offered) => {
                self.count_heard(&offered);
                self.on_offered(offered, &mut effects);
            }
            Event::Read { purpose, reads } => self.on_read(now, purpose, reads, &mut effects),
            Event::Activated { epoch, hash } => self.on_activated(epoch, hash, &mut effects),
            Event::L1Confirmed(blocks) => self.on_confirmed(now, blocks, &mut effects),
            Event::L1Reread(blocks) => self.on_reread(now, &blocks),
            Event::Noticed(notice) => self.on_notice(now, &notice, &mut effects),
            Event::Anchored(anchor) => {
                self.guardian.on_anchored(now, anchor);
                self.accuser.on_anchored(anchor);
            }
            Event::AnchorLost { lost, newest } => {
                self.guardian.on_anchor_lost(lost, newest);
                self.accuser.on_anchor_lost(lost, newest);
            }
            Event::ExitSettled(exit) => self.guardian.on_exit_settled(now, &exit),
            Event::Blocks { from, segment } => self.on_blocks(now, from, segment),
            Event::Fetched { from, block, entries } => {
                self.on_fetched(now, from, block, entries, &mut effects)
            }
            Event::Claim { from, epoch, claim } => {
                let claim = claim.map(|claim| claim.map(|certified| *certified));
                self.on_claim(now, from, (epoch, claim), &mut effects);
            }
            Event::Proven(proven) => self.on_proven(proven, &mut effects),
            Event::Committee(committee) => self.on_committee(now, committee, &mut effects),
            Event::L1Contradiction { height, reason } => {
                self.on_contradiction(height, reason, &mut effects);
            }
        }
        self.settle(now, &mut effects);
        effects
    }

    /// A transaction that waits.
    #[must_use]
    pub fn pending(&self, id: &TransactionId) -> Option<&AuthenticTransaction> {
        self.mempool.find(id)
    }

    /// The first input of a transaction that a waiting one spends, and which one that is.
    #[must_use]
    pub fn rival(&self, transaction: &Transaction) -> Option<(usize, TransactionId)> {
        self.mempool.rival(transaction)
    }

    /// How the operator sees itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let decided = self.chain.decided();
        Status {
            operator: self.epochs.me(),
            committee: self.epochs.committee().cloned(),
            height: decided.header.height,
            block: decided.id,
            output_commitment: decided.header.output_commitment,
            timestamp: decided.header.timestamp_ms,
            epoch: decided.epoch,
            view: self.epochs.view(),
            leader: self.epochs.engine().map(|engine| engine.leader(engine.view())),
            final_view: self.epochs.floor(),
            working: self.is_working,
            behind: self.chain.is_behind(),
            starved: self.chain.is_behind() && self.sync.is_starved(),
            silence: self.silence(),
            peers: self.connected_seats().into_iter().collect(),
            mempool: self.mempool.len(),
            l1_origin: decided.header.l1_height,
            l1_confirmed: self.origins.newest().height,
            anchor: self.guardian.anchor(),
            halted: self.halted(),
            stopped: self.stopped.clone(),
            stalled_since: self.vigil.stalled_since(),
            given_up: self.vigil.given_up(),
            gossiped: self.handing.gossiped,
            concerns: self.concerns(),
        }
    }

    fn on_consensus(
        &mut self,
        now: Millis,
        peer: Peer,
        message: Message,
        block: Option<Box<Carried>>,
        effects: &mut Vec<Effect>,
    ) {
        let of_running = message.epoch() == self.epochs.running();
        let seated = self.epochs.engine().zip(self.epochs.seat_of(peer));
        let Some((_, from)) = seated.filter(|_| of_running) else {
            return self.on_foreign(now, peer, &message, effects);
        };
        if let (Message::Proposal(proposal), Some(block)) = (&message, block) {
            let view = proposal.container.view;
            // One body per view: a leader that sends two is heard by the engine, not by our memory.
            let is_missed = match self.need(peer, proposal) {
                Need::Rest => true,
                Need::Block => !self.bodies.contains(&view),
                Need::Nothing | Need::Foreign | Need::Unknown => false,
            };
            if is_missed && block.header().id() == proposal.container.block {
                self.bodies.insert(view);
                self.on_carried(now, peer, view, *block, effects);
            }
        }
        self.step(now, Input::Message { from, message }, effects);
    }

    /// What follows from any event: verdicts, decisions, requests, duties, and whether there is work.
    fn settle(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.mempool.forget_old(now);
        self.tell_dropped(now, effects);
        self.prove(effects);
        self.decide(now, effects);
        self.answer_engine(now, effects);
        self.doubt(effects);
        if self.stopped.is_none() {
            self.rejoin(now, effects);
            self.fetch_due(now, effects);
            self.catch_up(now, effects);
            self.fetch_missing(now, effects);
            effects.extend(self.guardian.due(now));
            self.hand_on(now, effects);
            self.report_work(now, effects);
        } else {
            self.accuse(now, effects);
        }
        let is_waiting = self.is_working && self.stopped.is_none();
        let reached = (self.chain.decided().header.height, self.epochs.floor());
        self.vigil.look(now, is_waiting, reached);
        effects.sort_by_key(|effect| matches!(effect, Effect::Read { .. }));
    }

    fn catch_up(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.epochs.engine().is_none() && !planted("operator: asks nobody without a seat") {
            // Nobody reports to who has no seat.
            self.sync.poll(now);
        }
        let is_behind = self.chain.is_behind() && !planted("operator: never catches up");
        if is_behind || self.sync.is_polling() {
            let height = self.chain.decided().header.height;
            effects.extend(self.sync.ask(now, height, self.chain.missing()));
        }
    }

    fn report_work(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let decided = self.chain.decided();
        let has_work = !self.mempool.is_empty()
            || self.origins.has_events_above(decided.header.l1_height)
            || self.needs_block();
        if has_work != self.is_working {
            self.is_working = has_work;
            self.step(now, Input::Work(has_work), effects);
        }
    }

    /// Whether Ethereum wants to hear of us even though nothing happened.
    fn needs_block(&self) -> bool {
        self.guardian.needs_block(
            self.chain.decided().header.height,
            self.origins.newest().timestamp_s,
        )
    }

    /// Drives the engine, which hears first of what is here no more.
    fn step(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) {
        self.tell_dropped(now, effects);
        self.tell(now, input, effects);
    }

    /// Tells the engine one thing, and translates what it wants.
    fn tell(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) {
        if self.stopped.is_some() {
            return;
        }
        let Some(engine) = self.epochs.engine_mut() else {
            return;
        };
        let wishes = engine.step(now, input);
        self.perform(now, wishes, effects);
    }

    fn stop(&mut self, reason: String, effects: &mut Vec<Effect>) {
        if self.stopped.is_none() {
            self.stopped = Some(reason.clone());
            effects.push(Effect::Stop(reason));
        }
    }
}
