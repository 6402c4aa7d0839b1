//! The shell of an operator, turn by turn, as `node/src/runtime.rs` runs it: take what arrived, let the operator decide, write
//! all records of the turn with one barrier, then everything in order, then the reads one by one. The power may fail
//! between any two of these.

use bytes::Bytes;
use futures::FutureExt as _;
use plasma_consensus::{Message, Vote};
use plasma_core::{Height, Millis};
use plasma_node::{
    bridge::watcher,
    intake::{self, Admitted},
    operator::{
        effect::{Effect, Purpose, Record, To},
        event::Event,
    },
    runtime::wire::{self, Ask, Carrier},
    storage::{Read as _, Storage as _},
};

use super::{
    host::Arrival,
    peers,
    world::{Frame, Happening, World},
};

/// An operator with nothing to do looks around this often.
const TICK_MS: u64 = 250;
/// Arrivals taken in one turn.
const TURN_MAX: usize = 256;
/// A client's transaction waits this long for others to share its gossip message.
const GOSSIP_MS: u64 = 10;
/// Longest time that a disk holds a barrier up when it is busy with something else.
const STALL_MS: u64 = 2_500;
/// Longest way of a duty to Ethereum's pool.
const DUTY_MS: u64 = 300;

/// The power fails after so many steps of a turn; never without a number.
struct Fuse(Option<u64>);

impl Fuse {
    /// Burns one step; whether it blew.
    fn burns(&mut self) -> bool {
        match &mut self.0 {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

/// Why a turn broke off.
struct Crashed;

impl World {
    /// Something waits: the next turn is as soon as the last write of the log is done.
    pub(super) fn turn_soon(&mut self, index: usize) {
        let at = self.now.max(self.hosts[index].busy_until);
        self.turn_at(index, at);
    }

    fn turn_at(&mut self, index: usize, at: u64) {
        let host = &mut self.hosts[index];
        if host.turn_at.is_none_or(|known| known > at) {
            host.turn_at = Some(at);
            self.at(at, Happening::Turn { index });
        }
    }

    pub(super) fn turn(&mut self, index: usize) {
        if !self.hosts[index].is_up() {
            return;
        }
        let is_calm = self.now >= self.scenario.calm_at_ms;
        let crashes = !is_calm && self.scenario.may_crash(index) && self.random.chance(self.scenario.crashes);
        let fuse = Fuse(crashes.then(|| self.random.below(14)));
        if is_calm {
            self.hosts[index].log.spare();
        } else {
            self.trouble_disk(index);
        }
        if self.take_turn(index, fuse).is_err() {
            self.crash(index);
        }
    }

    fn take_turn(&mut self, index: usize, mut fuse: Fuse) -> Result<(), Crashed> {
        let now = self.hosts[index].clock.read(self.now);
        let (mut effects, mut offered) = (Vec::new(), Vec::new());
        for _ in 0..TURN_MAX {
            match self.hosts[index].inbox.pop_front() {
                None => break,
                Some(Arrival::Event(event)) => effects.extend(self.handle(index, now, event)),
                Some(Arrival::Offered(one)) => offered.push(one),
            }
        }
        let host = &mut self.hosts[index];
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        if is_due(host.timer) || is_due(host.wake) || now.since(host.last_tick) >= TICK_MS {
            host.last_tick = now;
            host.timer = host.timer.filter(|at| *at > now);
            host.wake = host.wake.filter(|at| *at > now);
            effects.extend(self.handle(index, now, Event::Tick));
        }
        if !offered.is_empty() {
            effects.extend(self.handle(index, now, Event::Transactions(offered)));
        }
        self.finish_turn(index, effects, &mut fuse)
    }

    fn handle(&mut self, index: usize, now: Millis, event: Event) -> Vec<Effect> {
        let host = &mut self.hosts[index];
        if now < std::mem::replace(&mut host.latest, now) {
            self.oracle
                .report("clock", format!("that of operator {index} steps back"));
        }
        let operator = host.operator.as_mut().expect("it takes a turn");
        operator.handle(now, event)
    }

    /// The first turn after a start.
    pub(super) fn first_turn(&mut self, index: usize, effects: Vec<Effect>) {
        let fuse = Fuse(None);
        if self.finish_turn(index, effects, &mut { fuse }).is_err() {
            self.crash(index);
        }
    }

    fn finish_turn(
        &mut self,
        index: usize,
        mut effects: Vec<Effect>,
        fuse: &mut Fuse,
    ) -> Result<(), Crashed> {
        let now = self.hosts[index].clock.read(self.now);
        let mut reads: std::collections::VecDeque<(Purpose, plasma_core::Wanted)> = Default::default();
        loop {
            self.write_log(index, &effects, fuse)?;
            for effect in effects {
                if fuse.burns() {
                    return Err(Crashed);
                }
                if let Effect::Read { purpose, wanted } = effect {
                    reads.push_back((purpose, wanted));
                } else {
                    self.perform(index, effect);
                }
            }
            let Some((purpose, wanted)) = reads.pop_front() else {
                break;
            };
            let read = self.hosts[index].storage.reader().reads(&wanted);
            let reads = read.unwrap_or_else(|error| {
                let what = format!("operator {index} cannot read: {error}");
                self.oracle.report("storage", what);
                plasma_core::Reads::default()
            });
            effects = self.handle(index, now, Event::Read { purpose, reads });
        }
        self.send_gossip_when_due(index);
        self.shorten_log(index)?;
        self.follow(index);
        self.see_room(index);
        self.wait(index);
        Ok(())
    }

    /// Rooms are full now and then.
    fn see_room(&mut self, index: usize) {
        let operator = self.hosts[index].operator.as_ref();
        let is_full = operator.is_some_and(|operator| operator.undecided() >= self.scenario.room);
        if is_full && self.scenario.is_honest(index) {
            self.marks.hit("a room was full");
        }
    }

    fn shorten_log(&mut self, index: usize) -> Result<(), Crashed> {
        let (oracle, line) = (&self.oracle, &self.line);
        // What was decided in this very turn the oracle does not know yet.
        let is_known = |height: &Height| *height <= oracle.height();
        let running_at = |height: Height| {
            let known = Some(height).filter(is_known);
            known.map(|height| oracle.epoch_of(Height(height.0 + 1)))
        };
        let offender = |vote: &Vote| line.operator(vote.epoch, vote.signer);
        let is_settled = |vote: &Vote| offender(vote).is_none_or(|it| oracle.convicted.contains(&it));
        match self.hosts[index].shorten_log(running_at, is_settled) {
            Ok(None) => {
                self.disk_stopped(index);
                return Err(Crashed);
            }
            Ok(Some(false)) => {}
            Ok(Some(true)) => self.marks.hit("a log was shortened"),
            Err(what) => self.oracle.report("log", format!("operator {index}: {what}")),
        }
        Ok(())
    }

    fn write_log(&mut self, index: usize, effects: &[Effect], fuse: &mut Fuse) -> Result<(), Crashed> {
        let records: Vec<&Record> = intake::records(effects).collect();
        if records.is_empty() {
            return Ok(());
        }
        if fuse.burns() {
            return Err(Crashed);
        }
        let mut fsync = self.random.below(self.scenario.fsync_ms + 1);
        if self.now < self.scenario.calm_at_ms && self.random.chance(self.scenario.stalls) {
            self.marks.hit("a barrier that took very long");
            fsync += self.random.below(STALL_MS);
        }
        let host = &mut self.hosts[index];
        host.busy_until = host.busy_until.max(self.now) + fsync;
        if host.log.append(&records) {
            return if fuse.burns() { Err(Crashed) } else { Ok(()) };
        }
        self.disk_stopped(index);
        Err(Crashed)
    }

    /// Sets the next turn: what is asked for, a tick, or gossip that is due.
    fn wait(&mut self, index: usize) {
        let host = &self.hosts[index];
        if !host.is_up() {
            return;
        }
        let tick = Some(host.last_tick.plus(TICK_MS));
        let asked = [host.timer, host.wake, tick].into_iter().flatten().min();
        let asked = asked.map(|at| host.clock.when(at, self.now).max(self.now + 1));
        let gossip = host.gossip_since.map(|since| since + GOSSIP_MS);
        if let Some(at) = asked.into_iter().chain(gossip).min() {
            self.turn_at(index, at);
        }
        if !self.hosts[index].inbox.is_empty() {
            self.turn_soon(index);
        }
    }

    fn perform(&mut self, index: usize, effect: Effect) {
        match effect {
            Effect::Persist(_) | Effect::Read { .. } | Effect::CancelBelow(..) => {}
            Effect::Commit(commit) => {
                let host = &mut self.hosts[index];
                // A turn's records have their barrier before anything that the turn decided is performed.
                host.storage.fence(host.log.last_lsn());
                let done = host.storage.commit(&commit.decided, &commit.delta).now_or_never();
                if let Err(error) = done.expect("memory does not wait") {
                    let what = format!("operator {index} cannot commit: {error}");
                    return self.oracle.report("storage", what);
                }
                host.unsynced += 1;
                let is_durable = host.unsynced >= self.scenario.sync_every;
                if is_durable {
                    host.unsynced = 0;
                    host.storage.sync();
                }
                host.log.fenced(is_durable);
                self.on_commit(index, &commit);
            }
            Effect::Send { to, message, block } => self.send(index, to, message, block),
            Effect::Gossip(bytes) => self.gossip(index, &bytes),
            Effect::Reply { ticket, result } => self.reply(index, ticket, &result),
            Effect::RequestBlocks { from, after, bytes } => {
                let height = after;
                self.request(index, peers::index(from), Ask::After { height, bytes })
            }
            Effect::RequestBlock { from, block } => {
                self.request(index, peers::index(from), Ask::Block(block))
            }
            Effect::RequestTransactions { from, block, map } => {
                self.request(index, peers::index(from), Ask::Transactions { block, map })
            }
            Effect::Prove { from, certificate } => {
                let host = &mut self.hosts[index];
                let proven = intake::finalization(from, certificate, &host.proof);
                host.inbox.push_back(Arrival::Event(Event::Proven(proven)));
                self.turn_soon(index);
            }
            Effect::AskClaim { from, epoch } => {
                self.request(index, peers::index(from), Ask::Claim(epoch));
            }
            Effect::Rejoin(progress) => self.on_rejoin(index, &progress),
            duty @ (Effect::Anchor { .. }
            | Effect::Challenge { .. }
            | Effect::Answer(_)
            | Effect::Convict(_)
            | Effect::ProveFraud(_)) => {
                let delay = self.random.below(DUTY_MS);
                self.after(
                    delay,
                    Happening::Duty {
                        index,
                        effect: Box::new(duty),
                    },
                );
            }
            Effect::RereadL1(range) => self.hosts[index].ask(watcher::Ask::Read(range)),
            Effect::FollowL1(after) => self.hosts[index].ask(watcher::Ask::Follow(after)),
            Effect::Timer(at) => self.hosts[index].timer = Some(at),
            Effect::Wake(at) => {
                let host = &mut self.hosts[index];
                host.wake = Some(host.wake.map_or(at, |known| known.min(at)));
            }
            other => self.on_word(index, &other),
        }
    }

    fn send(&mut self, index: usize, target: To, message: Message, block: Option<Bytes>) {
        if self.scenario.is_honest(index) {
            self.hear_votes(index, &message);
            for to in peers::targets(target, index, self.hosts.len()) {
                let frame = self.frame(&message, block.as_ref());
                self.put(index, to, &frame);
            }
        } else {
            self.lie(index, target, message, block);
        }
    }

    /// The bytes of a message.
    pub(super) fn frame(&self, message: &Message, block: Option<&Bytes>) -> Frame {
        match wire::encode_message(message, block.map(|body| &body[..])) {
            Carrier::Control(bytes) => Frame::Control(bytes),
            Carrier::Payload(bytes) => Frame::Payload(bytes),
        }
    }

    /// A message goes on its way, behind the barrier of its turn.
    pub(super) fn put(&mut self, from: usize, to: usize, frame: &Frame) {
        let leaves_at = self.now.max(self.hosts[from].busy_until);
        let when = self
            .network
            .arrivals(leaves_at, (from, to), &self.scenario, &mut self.random);
        for at in when {
            let frame = frame.clone();
            self.at(at, Happening::Frame { from, to, frame });
        }
    }

    fn gossip(&mut self, index: usize, transaction: &[u8]) {
        let now = self.now;
        let host = &mut self.hosts[index];
        if host.gossip.len() + transaction.len() > wire::GOSSIP_BATCH_BYTES {
            self.send_gossip(index);
        }
        let host = &mut self.hosts[index];
        if host.gossip.is_empty() {
            host.gossip.extend(now.to_be_bytes());
            host.gossip_since = Some(now);
        }
        host.gossip.extend(transaction);
    }

    fn send_gossip_when_due(&mut self, index: usize) {
        let due = self.hosts[index].gossip_since.map(|since| since + GOSSIP_MS);
        if due.is_some_and(|due| due <= self.now) {
            self.send_gossip(index);
        }
    }

    fn send_gossip(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.gossip_since = None;
        let bytes = Bytes::from(std::mem::take(&mut host.gossip));
        for to in (0..self.hosts.len()).filter(|to| *to != index) {
            self.put(index, to, &Frame::Gossip(bytes.clone()));
        }
    }

    /// A frame arrived: what a worker would have found in it waits for the next turn.
    pub(super) fn hear(&mut self, from: usize, to: usize, frame: &Frame) {
        if !self.hosts[to].is_up() || !self.network.is_up[from][to] {
            return;
        }
        let (kind, bytes) = match frame {
            Frame::Control(bytes) => (b"control", bytes),
            Frame::Payload(bytes) => (b"payload", bytes),
            Frame::Gossip(bytes) => (b"gossip ", bytes),
        };
        self.note(
            &[
                &kind[..],
                &peers::seat(from).0.to_be_bytes(),
                &peers::seat(to).0.to_be_bytes(),
                bytes,
            ],
            || super::check::tell_frame((from, to), frame),
        );
        let heard = match frame {
            Frame::Control(bytes) => match wire::payload_in_control(bytes) {
                Some(inside) => self.hear_payload(from, to, &inside),
                None => Message::decode(bytes).ok().map(|message| {
                    let heard = peers::consensus(from, message, None);
                    vec![Arrival::Event(heard)]
                }),
            },
            Frame::Payload(bytes) => self.hear_payload(from, to, bytes),
            Frame::Gossip(bytes) => {
                intake::gossip(bytes, &self.hosts[to].proof).map(super::clients::gossiped)
            }
        };
        match heard {
            Some(arrivals) => {
                self.hosts[to].inbox.extend(arrivals);
                self.turn_soon(to);
            }
            None => self.blame(to, from, "a malformed frame"),
        }
    }

    /// A proposal with its body, as the runtime and its workers take it; nothing waits between them here.
    fn hear_payload(&mut self, from: usize, to: usize, frame: &Bytes) -> Option<Vec<Arrival>> {
        let host = &mut self.hosts[to];
        let operator = host.operator.as_ref()?;
        let (message, carried, fault) = match host.bodies.admit(peers::name(from), frame, operator).ok()? {
            Admitted::Alone { message, fault } => (message, None, fault),
            Admitted::Body { proposal, body } => {
                host.bodies.done(&proposal);
                let carried = intake::payload(&body, &host.proof);
                let fault = carried.is_none().then_some("a malformed body");
                (Message::Proposal(proposal), carried, fault)
            }
            Admitted::Again => return Some(Vec::new()),
        };
        if let Some(fault) = fault {
            self.blame(to, from, fault);
        }
        let heard = peers::consensus(from, message, carried);
        Some(vec![Arrival::Event(heard)])
    }
}
