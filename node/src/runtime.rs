//! The shell of one operator: next event, read, handle, effects in order.
//!
//! One turn takes what has arrived, lets the operator decide, writes everything that must be remembered with one barrier,
//! and only then speaks and commits. A read is answered after all commits that were asked for before it, and before the
//! next event. A write that fails ends the process: nobody knows what the disk holds then.

pub mod admin;
mod batch;
mod claims;
pub mod finds;
#[cfg(feature = "forging")]
pub mod forging;
#[cfg(feature = "fdb")]
pub mod foundation;
mod giving;
pub mod handle;
pub mod l1;
pub mod log;
pub mod lookout;
mod members;
mod patience;
mod perform;
mod prosecution;
pub mod registry;
pub mod reserves;
pub mod slots;
pub mod snapshot_sync;
pub mod snapshots;
pub mod start;
pub mod sync;
mod take;
pub mod terms;
pub mod timers;
mod turn;
pub mod verify;
pub mod wire;

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use plasma_consensus::Bls;
use plasma_core::{Epoch, Millis};
use plasma_network as network;
use tokio::{
    sync::{mpsc, watch},
    task::block_in_place,
};

use crate::{
    bridge::watcher::Ask,
    directory::Directory,
    intake::{self, Bodies},
    operator::{Operator, effect::Effect, event::Event},
    storage::{Storage, StorageError},
    wal::{self, Wal, WalError},
};

use finds::{Finds, Found};
use handle::{COMMANDS_MAX, Command, Handle, Status};
use log::write_record;
use slots::Slots;
use snapshots::Snapshots;
use timers::Clock;
use turn::{Arrival, Turn};
use verify::{Pool, Rules};

/// An operator with nothing to do still looks around this often.
const TICK_MS: u64 = 250;
/// What the pool found and the loop has not taken.
const VERIFIED_MAX: usize = 1_024;
/// Requests of libp2p clients that wait for a door.
const CLIENTS_MAX: usize = 256;

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
    /// It could not learn how far it may have voted.
    #[error(
        "the rejoin failed: {0}. Nothing was voted on. See that the other operators run and are connected, and start with \
         --amnesia-rejoin again; a member that stays away is waited for, or the operator joins the next committee under a new key"
    )]
    Alone(String),
    /// It was told to stop while storage did not answer; the log has what storage lacks.
    #[error("told to stop while storage did not answer")]
    Stopped,
}

/// What the bridge to Ethereum is asked to do, and what it tells.
#[derive(Debug)]
pub struct Ethereum {
    /// Duties for the bridge: anchors and challenges.
    pub duties: mpsc::Sender<Effect>,
    /// What is asked of the watcher.
    pub asks: mpsc::Sender<Ask>,
    /// Confirmed blocks, anchors and settled exits.
    pub events: mpsc::Receiver<Event>,
}

/// The parts of the world that one operator runs in.
#[derive(Debug)]
pub struct Parts<S: Storage> {
    /// Where decided blocks go.
    pub storage: S,
    /// Where votes and bodies go before they are spoken.
    pub wal: Wal,
    /// To and from the other operators and clients.
    pub network: (network::Handle, network::Events),
    /// The numbers by which that network knows them.
    pub slots: Slots,
    /// To and from Ethereum.
    pub ethereum: Ethereum,
    /// The operator's time.
    pub clock: Clock,
    /// When and where snapshots are written.
    pub snapshots: Snapshots,
}

/// Requests of libp2p clients, on their way to a door.
pub type ClientRequests = mpsc::Receiver<(Bytes, network::Responder)>;

/// One running operator.
#[derive(Debug)]
pub struct Runtime<S: Storage> {
    operator: Operator<Bls>,
    storage: S,
    wal: Wal,
    network: network::Handle,
    network_events: network::Events,
    slots: Slots,
    directory: Directory,
    /// The epoch whose operators are connected.
    connected: Epoch,
    ethereum: Ethereum,
    pool: Pool,
    /// The bodies that it was given.
    bodies: Bodies,
    finds: Finds,
    /// The same channels' entrance, for answers that never came.
    found: Found,
    commands: mpsc::Receiver<Command>,
    status: watch::Sender<Arc<Status>>,
    clients: mpsc::Sender<(Bytes, network::Responder)>,
    clock: Clock,
    snapshots: Snapshots,
    turn: Turn,
}

impl<S: Storage> Runtime<S> {
    /// Joins a recovered operator and its world; gives also the doors' end, and the clients that ask over libp2p.
    #[must_use]
    pub fn new(operator: Operator<Bls>, parts: Parts<S>, rules: Rules) -> (Self, Handle, ClientRequests) {
        let (found, finds) = finds::finds(VERIFIED_MAX);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (commands_in, commands) = mpsc::channel(COMMANDS_MAX);
        let (status, status_out) = watch::channel(Arc::new(operator.status()));
        let (clients, clients_out) = mpsc::channel(CLIENTS_MAX);
        let (network, network_events) = parts.network;
        let runtime = Self {
            storage: parts.storage,
            wal: parts.wal,
            network,
            network_events,
            slots: parts.slots,
            directory: rules.directory.clone(),
            connected: operator.status().epoch,
            ethereum: parts.ethereum,
            pool: Pool::start(rules, workers, &found),
            bodies: Bodies::default(),
            finds,
            found,
            commands,
            status,
            clients,
            clock: parts.clock,
            operator,
            snapshots: parts.snapshots,
            turn: Turn::default(),
        };
        let handle = Handle::new(commands_in, status_out)
            .bent(runtime.clock.bend())
            .gauged(runtime.network.gauge());
        (runtime, handle, clients_out)
    }

    /// Runs until told to stop, or until a write fails.
    ///
    /// # Errors
    /// [`Fatal`]; the process must end then without another word.
    pub async fn run(mut self, first: Vec<Effect>, mut stop: watch::Receiver<bool>) -> Result<(), Fatal> {
        match self.turns(first, &mut stop).await {
            Err(Fatal::Stopped) => Ok(()),
            ended => ended,
        }
    }

    async fn turns(&mut self, first: Vec<Effect>, stop: &mut watch::Receiver<bool>) -> Result<(), Fatal> {
        self.turn.effects = first;
        self.finish_turn(stop).await?;
        loop {
            let mut next = Some(self.arrival(stop).await);
            let mut taken = 0;
            while let Some(arrival) = next.take() {
                match arrival {
                    Arrival::Stop => return Ok(()),
                    Arrival::Ended(part) => return Err(Fatal::Ended(part)),
                    Arrival::Timer => break,
                    other => self.take(other),
                }
                taken += 1;
                if self.turn.goes_on(taken) {
                    next = self.arrival(stop).now_or_never();
                }
            }
            self.tick_when_due();
            self.finish_turn(stop).await?;
        }
    }

    /// The next thing that arrives, the most urgent kind first. Cancelling it loses nothing.
    async fn arrival(&mut self, stop: &mut watch::Receiver<bool>) -> Arrival {
        let until = self.clock.instant(self.next_wake());
        if self.turn.owes_urgent
            && let Some(found) = self.finds.urgent_at_once()
        {
            return Arrival::Verified(found);
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Arrival::Stop,
            event = self.network_events.recv() => event.map_or(Arrival::Ended("the network"), Arrival::Network),
            Some(found) = self.finds.urgent.recv() => Arrival::Verified(found),
            event = self.ethereum.events.recv() => {
                event.map_or(Arrival::Ended("the bridge to Ethereum"), Arrival::Ethereum)
            }
            Some(found) = self.finds.payments.recv() => Arrival::Verified(found),
            Some(command) = self.commands.recv() => Arrival::Command(command),
            () = tokio::time::sleep_until(until.into()) => Arrival::Timer,
        }
    }

    fn next_wake(&self) -> Millis {
        let tick = self.turn.last_tick.plus(TICK_MS);
        [self.turn.timer, self.turn.wake, self.turn.gossip.due()]
            .into_iter()
            .flatten()
            .fold(tick, Millis::min)
    }

    fn take(&mut self, arrival: Arrival) {
        self.turn.owes_urgent = arrival.is_patient();
        match arrival {
            Arrival::Network(event) => self.take_network(event),
            Arrival::Verified(found) => self.take_verified(found),
            Arrival::Ethereum(event) => {
                prosecution::tell_halts(&event);
                self.settle(&event);
                self.handle(event);
            }
            Arrival::Command(Command::Submit { transaction, reply }) => self.take_client(transaction, reply),
            Arrival::Command(Command::Ask(question)) => self.turn.questions.push(question),
            Arrival::Command(Command::Enter { committee, reply }) => self.enter(committee, reply),
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
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        if is_due(self.turn.timer) || is_due(self.turn.wake) || now.since(self.turn.last_tick) >= TICK_MS {
            self.turn.last_tick = now;
            self.turn.timer = self.turn.timer.filter(|at| *at > now);
            self.turn.wake = self.turn.wake.filter(|at| *at > now);
            self.handle(Event::Tick);
        }
    }

    /// Performs what the turn decided: the log first, then everything in order, then the reads one by one.
    async fn finish_turn(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), Fatal> {
        if !self.turn.offered.is_empty() {
            let offered = std::mem::take(&mut self.turn.offered);
            self.handle(Event::Transactions(offered));
        }
        loop {
            let effects = std::mem::take(&mut self.turn.effects);
            self.write_log(&effects)?;
            for effect in effects {
                self.perform(effect, stop).await?;
            }
            let Some((purpose, wanted)) = self.turn.reads.pop_front() else {
                break;
            };
            let reads = self.read(&wanted, stop).await?;
            self.handle(Event::Read { purpose, reads });
        }
        self.answer_questions();
        self.send_gossip_when_due();
        self.shorten_log()?;
        let status = self.operator.status();
        self.connect_when_changed(status.epoch);
        self.status.send_if_modified(|known| {
            let changed = **known != status;
            if changed {
                *known = Arc::new(status);
            }
            changed
        });
        Ok(())
    }

    /// All records of the turn, with one barrier unless they are too many for one. Every beginning of them is what a crash during
    /// the turn could have left.
    fn write_log(&mut self, effects: &[Effect]) -> Result<(), Fatal> {
        let records: Vec<wal::Record> = intake::records(effects).map(write_record).collect();
        if !records.is_empty() {
            block_in_place(|| self.wal.append(&records))?;
        }
        Ok(())
    }

    /// Writes the log anew when it has grown, without what storage holds durably.
    fn shorten_log(&mut self) -> Result<(), Fatal> {
        // Asked in every turn, so that an operator whose disk fails stops even when it has nothing to write.
        let durable = self.storage.durable()?;
        if self.wal.is_checkpoint_due() {
            block_in_place(|| log::shorten(&mut self.wal, &self.operator, durable))?;
        }
        Ok(())
    }
}
