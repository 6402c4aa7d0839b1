//! The shell of one operator: next event, read, handle, effects in order.
//!
//! One turn takes what has arrived, lets the operator decide, writes everything that must be remembered with one barrier,
//! and only then speaks and commits. A read is answered after all commits that were asked for before it, and before the
//! next event. A write that fails ends the process: nobody knows what the disk holds then.

pub mod handle;
pub mod l1;
pub mod start;
pub mod sync;
pub mod timers;
pub mod verify;
pub mod wire;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use plasma_consensus::{Bls, Message, Target};
use plasma_core::{Epoch, OperatorIndex, TransactionId, View};
use plasma_network as network;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::block_in_place,
};
use tracing::{debug, error, info, warn};

use crate::{
    operator::{
        Operator,
        effect::{Effect, Purpose, Record},
        event::{Event, Offered, Segment, Source},
    },
    storage::{Read, Storage, StorageError},
    wal::{self, Wal, WalError},
};

use handle::{Command, Rejected, Status};
use timers::Clock;
use verify::{Job, Pool, Verified};
use wire::Ask;

/// Arrivals taken in one turn at most: enough to share one barrier, few enough that a vote does not wait for them.
const TURN_MAX: usize = 256;
/// A client's transaction waits this long at most for others to share its gossip message.
const GOSSIP_DELAY_MS: u64 = 10;
/// An operator with nothing to do still looks around this often.
const TICK_MS: u64 = 250;
/// Time a peer has for the answer to a sync request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Clients' transactions whose verdict is under way: as many as can wait in the queue of commands.
const REPLIES_MAX: usize = handle::COMMANDS_MAX;
/// Kind of a log record that the engine wrote.
pub const LOG_CONSENSUS: u8 = 1;
/// Kind of a log record that holds an encoded block.
pub const LOG_BODY: u8 = 2;

/// Why the shell cannot go on; the process ends with it.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The log could not be written.
    #[error(transparent)]
    Log(#[from] WalError),
    /// Storage could not be written or read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A part that the operator cannot live without ended.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

/// What the bridge to Ethereum is asked to do, and what it tells.
#[derive(Debug)]
pub struct Ethereum {
    /// Duties for the bridge: anchors and challenges.
    pub duties: mpsc::Sender<Effect>,
    /// Confirmed blocks, anchors and settled exits.
    pub events: mpsc::Receiver<Event>,
}

/// One running operator.
#[derive(Debug)]
pub struct Runtime<S: Storage> {
    /// The pure half.
    pub operator: Operator<Bls>,
    /// Where decided blocks go.
    pub storage: S,
    /// Where votes and bodies go before they are spoken.
    pub wal: Wal,
    /// To the other operators.
    pub network: network::Handle,
    /// From the other operators and from clients.
    pub network_events: network::Events,
    /// To Ethereum.
    pub ethereum: Ethereum,
    /// Checks signatures.
    pub pool: Pool,
    /// What the pool found.
    pub verified: mpsc::Receiver<Verified>,
    /// The same channel's entrance, for answers that never came.
    pub verified_in: mpsc::Sender<Verified>,
    /// From the doors.
    pub commands: mpsc::Receiver<Command>,
    /// To the doors.
    pub status: watch::Sender<Arc<Status>>,
    /// Answers requests of libp2p clients.
    pub clients: mpsc::Sender<(Bytes, network::Responder)>,
    /// The operator's time.
    pub clock: Clock,
    /// What the turn has gathered and not yet done.
    pub turn: Turn,
}

/// What arrives.
enum Arrival {
    Network(network::Event),
    Verified(Verified),
    Ethereum(Event),
    Command(Command),
    Timer,
    Stop,
    Ended(&'static str),
}

/// The memory of the loop between turns.
#[derive(Debug, Default)]
pub struct Turn {
    effects: Vec<Effect>,
    offered: Vec<Offered>,
    reads: VecDeque<(Purpose, plasma_core::Wanted)>,
    wake: Option<plasma_core::Millis>,
    gossip: Vec<u8>,
    gossip_since: Option<plasma_core::Millis>,
    reports: BTreeMap<u64, network::GossipId>,
    replies: BTreeMap<u64, oneshot::Sender<Result<handle::Accepted, Rejected>>>,
    next_ticket: u64,
    last_tick: plasma_core::Millis,
}

impl<S: Storage> Runtime<S> {
    /// Runs until told to stop, or until a write fails.
    ///
    /// # Errors
    /// [`Fatal`]; the process must end then without another word.
    pub async fn run(mut self, first: Vec<Effect>, mut stop: watch::Receiver<bool>) -> Result<(), Fatal> {
        self.turn.effects = first;
        self.finish_turn().await?;
        loop {
            let mut next = Some(self.arrival(&mut stop).await);
            let mut taken = 0;
            while let Some(arrival) = next.take() {
                match arrival {
                    Arrival::Stop => return Ok(()),
                    Arrival::Ended(part) => return Err(Fatal::Ended(part)),
                    Arrival::Timer => break,
                    other => self.take(other),
                }
                taken += 1;
                if taken < TURN_MAX {
                    next = self.arrival(&mut stop).now_or_never();
                }
            }
            self.tick_when_due();
            self.finish_turn().await?;
        }
    }

    /// The next thing that arrives, the most urgent kind first. Cancelling it loses nothing.
    async fn arrival(&mut self, stop: &mut watch::Receiver<bool>) -> Arrival {
        let until = self.clock.instant(self.next_wake());
        let takes_l1 = self.operator.has_room_for_l1();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Arrival::Stop,
            event = self.network_events.recv() => event.map_or(Arrival::Ended("the network"), Arrival::Network),
            Some(found) = self.verified.recv() => Arrival::Verified(found),
            event = self.ethereum.events.recv(), if takes_l1 => {
                event.map_or(Arrival::Ended("the bridge to Ethereum"), Arrival::Ethereum)
            }
            Some(command) = self.commands.recv() => Arrival::Command(command),
            () = tokio::time::sleep_until(until.into()) => Arrival::Timer,
        }
    }

    fn next_wake(&self) -> plasma_core::Millis {
        let tick = self.turn.last_tick.plus(TICK_MS);
        let flush = self.turn.gossip_since.map(|since| since.plus(GOSSIP_DELAY_MS));
        [self.turn.wake, flush].into_iter().flatten().fold(tick, plasma_core::Millis::min)
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Network(event) => self.take_network(event),
            Arrival::Verified(found) => self.take_verified(found),
            Arrival::Ethereum(event) => self.handle(event),
            Arrival::Command(Command::Submit { transaction, reply }) => self.take_client(transaction, reply),
            Arrival::Command(Command::Pending { id, reply }) => self.answer_pending(&id, reply),
            Arrival::Timer | Arrival::Stop | Arrival::Ended(_) => {}
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        let effects = self.operator.handle(now, event);
        self.turn.effects.extend(effects);
    }

    fn tick_when_due(&mut self) {
        let now = self.clock.now();
        let woken = self.turn.wake.is_some_and(|at| at <= now);
        if woken || now.since(self.turn.last_tick) >= TICK_MS {
            self.turn.last_tick = now;
            if woken {
                self.turn.wake = None;
            }
            self.handle(Event::Tick);
        }
    }

    fn take_network(&mut self, event: network::Event) {
        match event {
            network::Event::Listening(address) => info!(%address, "listening for operators and clients"),
            network::Event::PeerUp(peer) => self.handle(Event::PeerUp(OperatorIndex(peer))),
            network::Event::PeerDown(peer) => self.handle(Event::PeerDown(OperatorIndex(peer))),
            network::Event::Control { from, bytes } => self.take_control(from, &bytes),
            network::Event::Payload { from, bytes } => {
                if self.pool.submit(Job::Payload { from, bytes }).is_err() {
                    warn!(from, "payload dropped, verification is overloaded");
                }
            }
            network::Event::Gossip { id, bytes, .. } => self.take_gossip(id, bytes),
            network::Event::Request { bytes, reply, .. } => self.answer_request(&bytes, reply),
            network::Event::ClientRequest { bytes, reply, .. } => {
                // A refused client sees its request refused: dropping the responder says so.
                let _ = self.clients.try_send((bytes, reply));
            }
        }
    }

    fn take_control(&mut self, from: u16, bytes: &[u8]) {
        match Message::decode(bytes, self.operator.operators()) {
            Ok(message) => self.handle(Event::Consensus { from: OperatorIndex(from), message: Box::new(message), block: None }),
            Err(error) => {
                warn!(from, %error, "malformed consensus message");
                self.network.penalize(from);
            }
        }
    }

    fn take_gossip(&mut self, id: network::GossipId, bytes: Bytes) {
        let ticket = self.ticket();
        match self.pool.submit(Job::Gossip { ticket, bytes }) {
            Ok(()) => {
                self.turn.reports.insert(ticket, id);
            }
            Err(_) => self.network.report(id, network::Verdict::Ignore),
        }
    }

    fn take_client(
        &mut self,
        transaction: Box<plasma_core::SignedTransaction>,
        reply: oneshot::Sender<Result<handle::Accepted, Rejected>>,
    ) {
        let ticket = self.ticket();
        let has_room = self.turn.replies.len() < REPLIES_MAX;
        if has_room && self.pool.submit(Job::Client { ticket, transaction }).is_ok() {
            self.turn.replies.insert(ticket, reply);
        } else {
            // A client that went away does not need the answer.
            let _ = reply.send(Err(Rejected::Overloaded));
        }
    }

    fn answer_pending(&self, id: &TransactionId, reply: oneshot::Sender<Option<plasma_core::AuthenticTransaction>>) {
        let _ = reply.send(self.operator.pending(id).cloned());
    }

    fn take_verified(&mut self, found: Verified) {
        match found {
            Verified::Gossip { ticket, transactions } => {
                let verdict = if transactions.is_some() { network::Verdict::Accept } else { network::Verdict::Reject };
                if let Some(id) = self.turn.reports.remove(&ticket) {
                    self.network.report(id, verdict);
                }
                let offered = transactions.into_iter().flatten();
                self.turn
                    .offered
                    .extend(offered.map(|transaction| Offered { transaction, source: Source::Gossip }));
            }
            Verified::Client { ticket, result: Ok(transaction) } => {
                self.turn.offered.push(Offered { transaction: *transaction, source: Source::Client(ticket) });
            }
            Verified::Client { ticket, result: Err(error) } => {
                self.reply(ticket, Err(Rejected::Signature(error.to_string())));
            }
            Verified::Payload { from, content: Some(content) } => {
                let (message, block) = *content;
                let from = OperatorIndex(from);
                self.handle(Event::Consensus { from, message: Box::new(message), block: block.map(Box::new) });
            }
            Verified::Payload { from, content: None } => {
                warn!(from, "malformed payload");
                self.network.penalize(from);
            }
            Verified::Answer { from, content } => {
                let segment = content.map(|content| {
                    let (blocks, certificate) = *content;
                    Box::new(Segment { blocks, certificate })
                });
                self.handle(Event::Blocks { from: OperatorIndex(from), segment });
            }
        }
    }

    /// Performs what the turn decided: the log first, then everything in order, then the reads one by one.
    async fn finish_turn(&mut self) -> Result<(), Fatal> {
        if !self.turn.offered.is_empty() {
            let offered = std::mem::take(&mut self.turn.offered);
            self.handle(Event::Transactions(offered));
        }
        loop {
            let effects = std::mem::take(&mut self.turn.effects);
            self.write_log(&effects)?;
            for effect in effects {
                self.perform(effect).await?;
            }
            let Some((purpose, wanted)) = self.turn.reads.pop_front() else { break };
            let reads = block_in_place(|| self.storage.reader().reads(&wanted))?;
            self.handle(Event::Read { purpose, reads });
        }
        self.flush_gossip_when_due();
        self.shorten_log()?;
        let status = self.operator.status();
        self.status.send_if_modified(|known| {
            let changed = **known != status;
            if changed {
                *known = Arc::new(status);
            }
            changed
        });
        Ok(())
    }

    /// All records of the turn in one batch, with one barrier.
    fn write_log(&mut self, effects: &[Effect]) -> Result<(), Fatal> {
        let operators = self.operator.operators();
        let records: Vec<wal::Record> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Persist(record) => Some(write_record(record, operators)),
                _ => None,
            })
            .collect();
        if !records.is_empty() {
            block_in_place(|| self.wal.append_batch(&records))?;
        }
        Ok(())
    }

    async fn perform(&mut self, effect: Effect) -> Result<(), Fatal> {
        match effect {
            Effect::Persist(_) => {}
            Effect::Commit(commit) => {
                let (height, count) = (commit.delta.height, commit.delta.transactions.len());
                self.storage.commit(&commit.decided, &commit.delta).await?;
                info!(height = height.0, transactions = count, block = %commit.delta.block.0, "block committed");
            }
            Effect::Read { purpose, wanted } => self.turn.reads.push_back((purpose, wanted)),
            Effect::Send { target, message, block } => self.send(target, &message, block),
            Effect::Gossip(bytes) => self.gossip(&bytes),
            Effect::Reply { ticket, result } => self.reply(ticket, result),
            Effect::RequestBlocks { from, after } => self.request(from, Ask::After(after)),
            Effect::RequestBlock { from, block } => self.request(from, Ask::Block(block)),
            duty @ (Effect::Anchor { .. } | Effect::Challenge { .. }) => {
                // A full queue loses nothing: the guardian asks again until Ethereum shows the duty done.
                let _ = self.ethereum.duties.try_send(duty);
            }
            Effect::Wake(at) => self.turn.wake = Some(self.turn.wake.map_or(at, |known| known.min(at))),
            Effect::Penalize { peer, reason } => {
                warn!(peer = peer.0, reason, "peer broke the protocol");
                self.network.penalize(peer.0);
            }
            Effect::CancelBelow(view) => self.network.cancel_below(view.0),
            Effect::Accuse(evidence) => error!(?evidence, "an operator contradicted itself"),
            Effect::Refused(refusal) => error!(?refusal, "the vote ledger refused a signature"),
            Effect::Invalid { block, broken } => warn!(block = %block.0, %broken, "invalid block proposed"),
            Effect::Stop(reason) => error!(reason, "stopped signing; proofs are still served"),
        }
        Ok(())
    }

    fn send(&self, target: Target, message: &Message, block: Option<Bytes>) {
        let to = match target {
            Target::All => network::To::All,
            Target::One(peer) => network::To::One(peer.0),
        };
        let view = view_of(message).0;
        let encoded = message.encode(self.operator.operators());
        let mut frame = match block {
            Some(block) => network::Frame::payload(view, wire::encode_payload(&encoded, &block)),
            None => network::Frame::control(view, encoded),
        };
        if let Message::Status(_) = message {
            frame.replaces = Some(STATUS_KEY);
        }
        self.network.send(to, frame);
    }

    fn gossip(&mut self, bytes: &[u8]) {
        if self.turn.gossip.len() + bytes.len() > wire::GOSSIP_BATCH_BYTES {
            self.flush_gossip();
        }
        self.turn.gossip.extend(bytes);
        if self.turn.gossip_since.is_none() {
            self.turn.gossip_since = Some(self.clock.now());
        }
    }

    fn flush_gossip_when_due(&mut self) {
        let now = self.clock.now();
        if self.turn.gossip_since.is_some_and(|since| now.since(since) >= GOSSIP_DELAY_MS) {
            self.flush_gossip();
        }
    }

    fn flush_gossip(&mut self) {
        self.turn.gossip_since = None;
        let batch = std::mem::take(&mut self.turn.gossip);
        if let Err(error) = self.network.gossip(batch) {
            debug!(%error, "gossip not sent");
        }
    }

    fn reply(&mut self, ticket: u64, result: Result<handle::Accepted, Rejected>) {
        if let Some(reply) = self.turn.replies.remove(&ticket) {
            let _ = reply.send(result);
        }
    }

    /// Asks a peer; whatever comes of it, the operator hears of it.
    fn request(&self, from: OperatorIndex, ask: Ask) {
        let (network, pool, verified) = (self.network.clone(), self.pool.clone(), self.verified_in.clone());
        tokio::spawn(async move {
            let answer = network.request(from.0, ask.encode(), ANSWER_TIMEOUT).await;
            let queued = match answer {
                Ok(bytes) => pool.submit(Job::Answer { from: from.0, bytes }).is_ok(),
                Err(error) => {
                    debug!(peer = from.0, %error, "sync request failed");
                    false
                }
            };
            if !queued {
                let _ = verified.send(Verified::Answer { from: from.0, content: None }).await;
            }
        });
    }

    /// Answers a peer that lacks blocks, from storage or from what is undecided here.
    fn answer_request(&self, bytes: &[u8], reply: network::Responder) {
        match Ask::decode(bytes) {
            Ok(Ask::Block(id)) => {
                let known = self.operator.encoded_block(&id);
                let reader = self.storage.reader();
                tokio::task::spawn_blocking(move || {
                    let block = known.or_else(|| sync::decided_block(&reader, &id));
                    reply.send(wire::encode_answer(block.as_slice(), &[]))
                });
            }
            Ok(Ask::After(height)) => {
                let (reader, operators) = (self.storage.reader(), self.operator.operators());
                tokio::task::spawn_blocking(move || reply.send(sync::answer(&reader, height, operators)));
            }
            Err(error) => debug!(%error, "malformed sync request"),
        }
    }

    /// Writes the log anew when it has grown: what is decided is in storage, durably.
    fn shorten_log(&mut self) -> Result<(), Fatal> {
        if self.wal.is_checkpoint_due() {
            let (operator, operators) = (&self.operator, self.operator.operators());
            let wal = &mut self.wal;
            block_in_place(|| {
                wal.retain(|entry| read_record(&entry.record, operators).is_some_and(|record| operator.needs(&record)))
            })?;
        }
        Ok(())
    }

    fn ticket(&mut self) -> u64 {
        self.turn.next_ticket += 1;
        self.turn.next_ticket
    }
}

/// A newer status replaces an older one that still waits to be sent.
const STATUS_KEY: u64 = 1;

/// The view that a message serves.
fn view_of(message: &Message) -> View {
    match message {
        Message::Vote(vote) => vote.statement.view(),
        Message::Certified(certified) => certified.statement.view(),
        Message::Proposal(proposal) => proposal.container.view,
        Message::Status(status) => status.view,
    }
}

/// The log's form of a record.
fn write_record(record: &Record, operators: usize) -> wal::Record {
    match record {
        Record::Consensus(record) => {
            wal::Record { epoch: record.epoch(), kind: LOG_CONSENSUS, content: record.encode(operators) }
        }
        Record::Body(bytes) => wal::Record { epoch: Epoch(0), kind: LOG_BODY, content: bytes.to_vec() },
    }
}

/// A record back from the log; `None` when this program does not know it.
#[must_use]
pub fn read_record(record: &wal::Record, operators: usize) -> Option<Record> {
    match record.kind {
        LOG_CONSENSUS => plasma_consensus::Record::decode(&record.content, operators).ok().map(Record::Consensus),
        LOG_BODY => Some(Record::Body(record.content.clone().into())),
        _ => None,
    }
}
