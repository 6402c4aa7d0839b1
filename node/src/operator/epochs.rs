//! Which committee decides, and the engine of this operator's seat in it.
//!
//! Each epoch has an engine of its own. An epoch ends with the block that seals it: what stays of its engine then answers
//! members that lag, and the engine of the next epoch begins on that block. An operator without a seat, or one that does not
//! know the committee yet, observes: it believes certificates and votes on nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use plasma_consensus::{
    Closed, Engine, Floor, Input, Message, Record, Start, Statement, Target, scheme::OperatorKey,
};
use plasma_core::{
    BlockId, Certificate, Committee, Committees, Domain, Epoch, Hash, Height, Millis, OperatorIndex, Peer,
    PublicKey, View, planted::planted,
};

use super::{
    Operator,
    effect::{Effect, To},
    guardian::Duties,
    rejoining::{is_about_loss, lacks_votes},
};

/// Ended epochs that are answered for. Each lasts weeks; who missed more of them catches up by the certificates of the
/// running one.
const ENDED_MAX: usize = 4;

/// What a member of the next committee said before that epoch began here; the latest of each kind is kept.
type Early = BTreeMap<(Peer, u8), Message>;

/// The committees, and the engine of the running epoch.
#[derive(Debug)]
pub(super) struct Epochs<S: OperatorKey> {
    committees: Committees,
    key: PublicKey,
    scheme: S,
    config: plasma_consensus::Config,
    domain: Domain,
    running: Epoch,
    /// None while this operator observes.
    engine: Option<Engine<S>>,
    ended: VecDeque<Ended>,
    early: Early,
    /// Records of the log about epochs that have not begun here yet.
    logged: Vec<Record>,
    /// The log lacks votes of the running epoch, or did, and nothing shows yet that none of the next epoch is among them.
    is_doubted: bool,
    /// Our tip when the seat in the running epoch was looked for first. While it is not durable, a power cut may lead back
    /// into the epoch before.
    begun: Height,
}

/// An epoch that is over.
#[derive(Debug)]
struct Ended {
    epoch: Epoch,
    /// Height of the block that sealed it.
    sealed: Height,
    /// Answers its members; none when this operator had no seat or learned of the end by other means.
    closed: Option<Closed>,
}

/// What epochs are made from.
#[derive(Debug)]
pub(super) struct Seating<S> {
    pub(super) committees: Committees,
    pub(super) key: PublicKey,
    pub(super) scheme: S,
    pub(super) config: plasma_consensus::Config,
    pub(super) domain: Domain,
    pub(super) running: Epoch,
    pub(super) logged: Vec<Record>,
    pub(super) begun: Height,
}

impl<S: OperatorKey> Epochs<S> {
    pub(super) fn new(seating: Seating<S>) -> Self {
        Self {
            committees: seating.committees,
            key: seating.key,
            scheme: seating.scheme,
            config: seating.config,
            domain: seating.domain,
            running: seating.running,
            engine: None,
            ended: VecDeque::new(),
            early: Early::new(),
            logged: seating.logged,
            is_doubted: false,
            begun: seating.begun,
        }
    }

    /// The epoch that decides the next block.
    pub(super) fn running(&self) -> Epoch {
        self.running
    }

    /// The committee of the running epoch, when it is known.
    pub(super) fn committee(&self) -> Option<&Arc<Committee>> {
        self.committees.of(self.running)
    }

    /// Whether the committee of an epoch is known, and can be no other one: it decides, did, or Ethereum has activated it.
    pub(super) fn is_certain(&self, epoch: Epoch) -> bool {
        let is_certain = epoch <= self.running || self.committees.activated(epoch).is_some();
        is_certain && self.committees.of(epoch).is_some()
    }

    /// Our place in the running committee.
    pub(super) fn me(&self) -> Option<OperatorIndex> {
        self.committee()?.seat_of_key(&self.key)
    }

    /// A connection's place in the running committee.
    pub(super) fn seat_of(&self, peer: Peer) -> Option<OperatorIndex> {
        let is_first = planted("operator: peers keep the seats that they had first");
        let epoch = if is_first { Epoch(0) } else { self.running };
        self.committees.of(epoch)?.seat_of(peer)
    }

    /// Whose connection leads to a place in the running committee.
    pub(super) fn peer_of(&self, seat: OperatorIndex) -> Option<Peer> {
        self.committee()?.member(seat).map(|member| member.peer)
    }

    pub(super) fn engine(&self) -> Option<&Engine<S>> {
        self.engine.as_ref()
    }

    pub(super) fn engine_mut(&mut self) -> Option<&mut Engine<S>> {
        self.engine.as_mut()
    }

    /// The running view; the epoch's first for an observer.
    pub(super) fn view(&self) -> View {
        self.engine.as_ref().map_or(View(1), Engine::view)
    }

    /// The view of the highest finalization that the engine knows.
    pub(super) fn floor(&self) -> View {
        self.engine.as_ref().map_or(View(0), |engine| engine.floor().view)
    }

    /// Whether a record must stay in the log. Nothing of an epoch is forgotten before storage holds its last block for good:
    /// after a power cut the epoch would run again.
    pub(super) fn needs(&self, record: &Record, durable: Height) -> bool {
        let epoch = record.epoch();
        if epoch == self.running {
            if is_mark(record) {
                return true;
            }
            if is_about_loss(record) && (self.is_doubted || self.begun > durable) {
                return true;
            }
            return self.engine.as_ref().is_none_or(|engine| engine.needs(record));
        }
        let ended = self.ended.iter().find(|ended| ended.epoch == epoch);
        // Whoever was started since does not know the end, and began above it.
        let end = ended.map_or(self.begun, |ended| ended.sealed);
        let is_needed = end > durable;
        epoch > self.running || is_needed && !planted("log: votes of an epoch are dropped with its end")
    }

    /// The first epoch that can not run again after a power cut, once there is one before it: from then on nothing of those
    /// before is kept.
    pub(super) fn mark(&self, durable: Height) -> Option<Record> {
        let over = self.ended.iter().filter(|ended| ended.sealed <= durable);
        let next = over.map(|ended| Epoch(ended.epoch.0.saturating_add(1))).max();
        let running = (self.begun <= durable).then_some(self.running);
        let epoch = running.max(next).filter(|epoch| *epoch > Epoch(0))?;
        (!planted("log: ended epochs leave no mark")).then(|| mark(epoch))
    }

    /// The key that verifies what the committee of an epoch signed.
    pub(super) fn verifier(&self, epoch: Epoch) -> Option<S> {
        let committee = self.committees.of(epoch)?;
        Some(self.scheme.in_committee(committee))
    }

    /// The duties of our place in the running committee.
    pub(super) fn duties(&self, duties: Duties) -> Duties {
        duties.of_committee(self.committee().map(|committee| committee.size()), self.me())
    }

    /// The engine's addressees as connections.
    pub(super) fn address(&self, target: Target) -> Option<To> {
        match target {
            Target::All => Some(To::All),
            Target::One(seat) => self.peer_of(seat).map(To::One),
        }
    }

    /// Whether the log says that votes of the running epoch are missing from it; known until the engine begins.
    pub(super) fn lacks_votes(&self) -> bool {
        lacks_votes(&self.logged, self.running)
    }

    /// Whether the log says of the running epoch that votes are missing, or up to where they may have gone.
    pub(super) fn is_answered_for(&self) -> bool {
        self.logged
            .iter()
            .any(|record| record.epoch() == self.running && is_about_loss(record))
    }

    /// Whether the log knows that this epoch is over, or was lost in a later one: what was said here is not in it.
    pub(super) fn is_forgotten(&self) -> bool {
        let later = self.logged.iter().filter(|record| record.epoch() > self.running);
        let mut later = later.filter(|record| is_mark(record) || is_about_loss(record));
        later.next().is_some()
    }

    /// Keeps a record that was written for an epoch whose engine has not begun.
    pub(super) fn log(&mut self, record: Record) {
        self.logged.push(record);
    }

    /// Votes of ours are missing from the log.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// Looks whether votes may be missing that reach beyond the running epoch. Where a later one is known to have begun,
    /// the records of the next say what is missing there: doubt was written down when it began.
    fn weigh(&mut self, floor: View) {
        if self.is_forgotten() {
            let next = Epoch(self.running.0.saturating_add(1));
            self.is_doubted |= lacks_votes(&self.logged, next);
            return;
        }
        let amnesia = self.logged.iter().filter(|record| record.epoch() == self.running);
        let amnesia = amnesia.filter(|record| matches!(record, Record::Amnesia { .. }));
        let is_unproven = amnesia
            .map(Record::view)
            .max()
            .is_some_and(|amnesia| amnesia > floor);
        self.is_doubted |= is_unproven || self.lacks_votes();
    }

    /// A block is decided that this certificate finalizes, and it does not seal the epoch.
    pub(super) fn settle_doubt(&mut self, decided_at: (Epoch, View)) {
        let floor = self.engine.as_ref().map(Engine::amnesia_floor);
        if self.is_doubted
            && floor.is_some_and(|floor| floor > View(0) && decided_at >= (self.running, floor))
        {
            self.is_doubted = false;
        }
    }

    /// Whether we had no seat in an epoch before that ended here.
    fn is_new(&self) -> bool {
        self.running > Epoch(0) && self.ended.iter().all(|ended| ended.closed.is_none())
    }

    fn begins(&mut self, now: Millis, floor: Floor, seed: BlockId) -> Option<Vec<plasma_consensus::Effect>> {
        let committee = Arc::clone(self.committee()?);
        let me = self.me()?;
        let never = planted("operator: newcomers never take their seats") && self.is_new();
        if self.is_forgotten() || never {
            return None;
        }
        let start = Start {
            config: self.config,
            me,
            domain: self.domain,
            scheme: match self.committees.of(Epoch(0)) {
                Some(first) if planted("operator: keys are those of the first committee") => {
                    self.scheme.in_committee(first)
                }
                _ => self.scheme.in_committee(&committee),
            },
            committee: Arc::unwrap_or_clone(committee),
            leaders: seed.0,
            floor,
            now,
        };
        let running = self.running;
        let (of_running, later) = std::mem::take(&mut self.logged)
            .into_iter()
            .partition(|record| record.epoch() == running);
        self.logged = later;
        let of_running: Vec<Record> = of_running;
        let (engine, wishes) = Engine::recover(start, &of_running);
        self.engine = Some(engine);
        Some(wishes)
    }
}

impl<S: OperatorKey> Operator<S> {
    /// Takes our place in the running committee, if it is known and we have one: the engine begins, or goes on where its log
    /// ends.
    pub(super) fn take_seat(&mut self, now: Millis, floor: Floor, effects: &mut Vec<Effect>) {
        let seed = self.chain.decided().sealed;
        let duties = self.epochs.duties(self.guardian.duties());
        self.guardian.set_duties(duties);
        if self.epochs.engine.is_none() {
            self.epochs.weigh(floor.view);
        }
        let is_asking = self.rejoining.is_some() && self.epochs.lacks_votes();
        if self.stopped.is_some() || self.epochs.engine.is_some() || is_asking || self.retrial.is_some() {
            return;
        }
        let Some(wishes) = self.epochs.begins(now, floor, seed) else {
            return;
        };
        self.perform(now, wishes, effects);
        self.step(now, Input::Decided(self.chain.decided().id), effects);
        for seat in self.connected_seats() {
            self.step(now, Input::PeerUp(seat), effects);
        }
        if self.is_working {
            self.step(now, Input::Work(true), effects);
        }
        for ((peer, _), message) in std::mem::take(&mut self.epochs.early) {
            self.on_consensus(now, peer, message, None, effects);
        }
    }

    /// A decided block has sealed the epoch: its engine ends, and the next committee decides from here on.
    pub(super) fn change_epoch(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let (id, epoch) = (self.chain.decided().id, self.chain.decided().epoch);
        self.step(now, Input::Sealed(id), effects);
        let engine = self.epochs.engine.take();
        if self.epochs.ended.len() >= ENDED_MAX {
            self.epochs.ended.pop_front();
        }
        self.epochs.ended.push_back(Ended {
            epoch: self.epochs.running,
            sealed: self.chain.decided().header.height,
            closed: engine.and_then(|engine| engine.close()),
        });
        self.epochs.running = epoch;
        self.epochs.begun = self.chain.decided().header.height;
        if std::mem::take(&mut self.epochs.is_doubted) {
            self.doubt_next(now, effects);
        }
        self.awaited.clear();
        self.bodies.clear();
        self.payload = super::payload::Payload::default();
        effects.push(Effect::CancelBelow(epoch, View(0)));
        self.take_seat(now, self.first_floor(), effects);
    }

    /// Ethereum has activated the committee with this hash. Another one of its epoch was announced before and is none now, so
    /// its epoch waits for the right document as if none had come.
    pub(super) fn on_activated(&mut self, epoch: Epoch, hash: Hash, effects: &mut Vec<Effect>) {
        if !self.epochs.committees.activate(epoch, hash) {
            return;
        }
        self.epochs.early.clear();
        if epoch <= self.epochs.running {
            // Ethereum said otherwise when the epoch began here.
            let reason = format!(
                "epoch {} has begun here with another committee than the one that Ethereum activated, {hash}; install the \
                 document of that one, and restart the operator",
                epoch.0
            );
            self.stop(reason, effects);
        }
    }

    /// A committee is known: announced on Ethereum and checked against it.
    pub(super) fn on_committee(&mut self, now: Millis, committee: Arc<Committee>, effects: &mut Vec<Effect>) {
        let is_coming = committee.epoch() > self.epochs.running || self.epochs.committee().is_none();
        if !is_coming {
            return;
        }
        if let Err(error) = self.epochs.committees.replace(committee) {
            return effects.push(Effect::Odd(format!("a committee was not taken: {error}")));
        }
        let (epochs, accusations) = (&self.epochs, self.guardian.accusations_mut());
        accusations.recall_all(now, |epoch| epochs.verifier(epoch), &epochs.domain);
        if self.epochs.engine.is_none() {
            self.take_seat(now, self.first_floor(), effects);
        }
    }

    /// Where the running epoch begins, or how far it is known to have come.
    pub(super) fn first_floor(&self) -> Floor {
        let decided = self.chain.decided();
        floor_of(self.guardian.newest(), decided.epoch, decided.sealed)
    }

    /// A message of another epoch than the running one, or any while we have no engine.
    pub(super) fn on_foreign(
        &mut self,
        now: Millis,
        from: Peer,
        message: &Message,
        effects: &mut Vec<Effect>,
    ) {
        let epoch = message.epoch();
        if epoch < self.epochs.running {
            return self.answer_laggard(now, from, message, effects);
        }
        self.hear(from, message);
        let is_next = epoch.0 == self.epochs.running.0.saturating_add(1);
        let committee = self.epochs.committees.of(epoch);
        let is_members = committee.is_some_and(|committee| committee.seat_of(from).is_some());
        if is_members && epoch > self.epochs.running {
            // They are ahead, whatever they say.
            self.sync.poll(now);
        }
        if is_members && is_next {
            self.epochs.early.insert((from, kind(message)), message.clone());
        }
    }

    fn answer_laggard(&mut self, now: Millis, from: Peer, message: &Message, effects: &mut Vec<Effect>) {
        let epoch = message.epoch();
        if planted("operator: an ended epoch answers nobody") {
            return;
        }
        let seat = self
            .epochs
            .committees
            .of(epoch)
            .and_then(|then| then.seat_of(from));
        let ended = self.epochs.ended.iter_mut().find(|ended| ended.epoch == epoch);
        let closed = ended.and_then(|ended| ended.closed.as_mut());
        let answer = closed
            .zip(seat)
            .and_then(|(closed, seat)| closed.answer(now, seat, message));
        effects.extend(answer.map(|message| Effect::Send {
            to: To::One(from),
            message,
            block: None,
        }));
    }

    /// The places of the connected members of the running committee.
    pub(super) fn connected_seats(&self) -> BTreeSet<OperatorIndex> {
        let connected = self.sync.connected().iter();
        connected.filter_map(|peer| self.epochs.seat_of(*peer)).collect()
    }
}

/// The record that no epoch before this one is signed in again: a floor below every view.
fn mark(epoch: Epoch) -> Record {
    Record::Amnesia {
        epoch,
        floor: View(0),
    }
}

fn is_mark(record: &Record) -> bool {
    *record == mark(record.epoch())
}

/// One early message of each kind is kept.
fn kind(message: &Message) -> u8 {
    let statement = |statement: &Statement| match statement {
        Statement::Notarize(_) => 0,
        Statement::Nullify { .. } => 1,
        Statement::Finalize { .. } => 2,
    };
    match message {
        Message::Vote(vote) => statement(&vote.statement),
        Message::Certified(certified) => 3 + statement(&certified.statement),
        Message::Proposal(_) => 6,
        Message::Status(_) => 7,
    }
}

/// The certificate that an operator starts from, as the engine of the running epoch knows it.
pub(super) fn floor_of(certificate: Option<&Certificate>, running: Epoch, sealed: BlockId) -> Floor {
    match certificate.filter(|newest| newest.epoch == running) {
        Some(newest) => Floor {
            view: newest.view,
            block: newest.block,
            certificate: Some(newest.clone()),
        },
        None => Floor {
            view: View(0),
            block: sealed,
            certificate: None,
        },
    }
}
