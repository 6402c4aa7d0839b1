//! The task that drives libp2p: it starts everything, dials, and carries requests and gossip between the wire and the
//! node. Frames do not pass here; they go straight between their streams and the node's channels.
//!
//! It never waits for the node. What the node does not take is held by the peers that sent it, or dropped where loss is
//! allowed.

mod gossip;
mod inbound;
mod outbound;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    PeerId,
    gossipsub::IdentTopic,
    ping,
    swarm::{
        ConnectionId, Swarm, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::sync::{mpsc, watch};

pub(crate) use self::outbound::failure;
use self::{gossip::Rejects, inbound::Askers, outbound::Waiting};
use crate::{
    admission::Admission,
    behaviour::{Plan, Protocols, ProtocolsEvent},
    config::{Config, Limits},
    dial::Dialer,
    direct::{self, Broke},
    entries::Entries,
    error::{Error, Fault},
    events::{Events, Inboxes, inboxes},
    handle::{COMMAND_QUEUE, Command, Handle, Shared},
    identity,
    known::Known,
    line::Line,
    lines::Lines,
    meter::Meter,
    table::Table,
    topic::{Backlog, Names},
    transport,
};

/// Starts the network on the current tokio runtime.
///
/// It stops when the last [`Handle`] is dropped or [`Handle::stop`] is called.
///
/// # Errors
/// [`Error`] when the configuration contradicts itself or an address cannot be listened on.
pub fn start(config: Config) -> Result<(Handle, Events), Error> {
    config.check()?;
    let key = identity::keypair(&config.secret);
    let own = key.public().to_peer_id();
    let names = Names::new(&config.genesis8);
    let lines = Lines::new(&config)?;
    let entries = Entries::new(&lines);
    let (inboxes, events, alive) = inboxes(&lines);
    let meter = Arc::default();
    let known = Known::new(config.limits.handshake_rate);
    let plan = Plan {
        key: &key,
        names: &names,
        entries: &entries,
        limits: &config.limits,
        admission: Admission::new(&entries, &known, &config.limits),
        direct: direct::Behaviour::new(own, &entries, &names, &config.limits, &inboxes),
        meter: &meter,
    };
    let mut swarm = transport::swarm(&key, plan.build()?, &known)?;
    for address in &config.listen {
        transport::check_free(address)?;
        let failed = |why: String| Error::Listen {
            address: address.clone(),
            why,
        };
        swarm
            .listen_on(address.clone())
            .map_err(|error| failed(error.to_string()))?;
    }
    let (commands, orders) = mpsc::channel(COMMAND_QUEUE);
    let limits = config.limits;
    let (request_bytes, gossip_bytes) = (limits.sync_request_bytes, limits.gossip_bytes);
    let driver = Driver::new(
        swarm,
        entries,
        limits,
        (inboxes, orders),
        (names, Arc::clone(&meter)),
    );
    let task = tokio::spawn(driver.run(alive));
    let shared = Shared {
        lines,
        commands,
        task: Mutex::new(Some(task)),
        request_bytes,
        gossip_bytes,
        meter,
    };
    Ok((
        Handle {
            shared: Arc::new(shared),
        },
        events,
    ))
}

/// The state of the task.
struct Driver {
    swarm: Swarm<Protocols>,
    lines: Arc<Lines>,
    replaced: watch::Receiver<Arc<Table>>,
    entries: Arc<Entries>,
    limits: Limits,
    inboxes: Inboxes,
    orders: mpsc::Receiver<Command>,
    names: Names,
    topic: IdentTopic,
    /// Each line's generation when its last connection closed.
    seen: BTreeMap<u16, u64>,
    dialer: Dialer,
    backlog: Backlog,
    meter: Arc<Meter>,
    rejects: Rejects,
    /// Connections to operators of another chain, and when they close.
    leaving: Vec<(Instant, ConnectionId)>,
    waiting: Waiting,
    askers: Askers,
}

impl Driver {
    fn new(
        swarm: Swarm<Protocols>,
        entries: Arc<Entries>,
        limits: Limits,
        (inboxes, orders): (Inboxes, mpsc::Receiver<Command>),
        (names, meter): (Names, Arc<Meter>),
    ) -> Self {
        let lines = Arc::clone(entries.lines());
        let mut replaced = lines.replaced();
        // The first table is a replacement too.
        replaced.mark_changed();
        Self {
            dialer: Dialer::new(*swarm.local_peer_id()),
            swarm,
            lines,
            replaced,
            entries,
            backlog: Backlog::new(limits.gossip_backlog, Arc::clone(&meter)),
            meter,
            inboxes,
            orders,
            topic: names.topic(),
            names,
            seen: BTreeMap::new(),
            rejects: Rejects::new(Instant::now()),
            leaving: Vec::new(),
            waiting: Waiting::default(),
            askers: Askers::new(&limits),
            limits,
        }
    }

    /// Runs until the handles are gone. `_alive` tells the events' reader that it is over.
    async fn run(mut self, _alive: watch::Sender<()>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = self.orders.recv() => match command {
                    None | Some(Command::Stop) => break,
                    Some(command) => self.on_command(command),
                },
                event = self.swarm.select_next_some() => self.on_swarm(event),
                Some(answered) = self.askers.next() => self.on_answered(answered),
                Ok(()) = self.replaced.changed() => self.on_replaced(Instant::now()),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        }
        self.close_all().await;
    }

    /// Says goodbye to every peer, so that nobody has to wait for a timeout to notice.
    async fn close_all(mut self) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // It was connected a line above.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let closed = async {
            while self.swarm.network_info().num_peers() > 0 {
                let event = self.swarm.select_next_some().await;
                // A protocol behind a gate counts a peer's other connections by these entries.
                if let SwarmEvent::ConnectionClosed { connection_id, .. } = event {
                    self.entries.leave(connection_id);
                }
            }
        };
        let _ = tokio::time::timeout(GOODBYE, closed).await;
    }

    /// Follows the table: what belongs to peers that left goes, and connections that came in as something else than
    /// their peers are now are closed; the peers make new ones.
    fn on_replaced(&mut self, now: Instant) {
        let table = Arc::clone(&self.replaced.borrow_and_update());
        self.dialer.follow(table.dialable(), now);
        self.swarm.behaviour_mut().admission.follow(&table, now);
        self.seen.retain(|slot, _| table.get(*slot).is_some());
        self.askers.follow(&table);
        self.rejects.follow(&table);
        self.fail_asked_of_retired();
        for connection in self.entries.outdated() {
            self.swarm.close_connection(connection);
        }
    }

    fn on_tick(&mut self, now: Instant) {
        for (peer, addresses) in self.dialer.due(now) {
            if self.lines.of(&peer).is_some_and(|line| line.is_punished(now)) {
                self.dialer.on_failed(&peer, now);
                continue;
            }
            // A new port each time: from the listening port two simultaneous dials would be one broken connection.
            let dial = DialOpts::peer_id(peer)
                .addresses(addresses)
                // A connection from the time when the peer was a stranger may still be closing.
                .condition(PeerCondition::NotDialing)
                .allocate_new_port()
                .build();
            if let Err(error) = self.swarm.dial(dial) {
                tracing::debug!(%peer, %error, "dial refused");
                self.dialer.on_failed(&peer, now);
            }
        }
        let protocols = self.swarm.behaviour_mut();
        protocols.direct.inner().tick(now);
        self.backlog.retry(protocols.gossip.inner(), &self.topic);
        self.decay_rejects(now);
        let due: Vec<_> = self.leaving.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, connection) in due {
            self.swarm.close_connection(connection);
        }
        for connection in self.askers.idle(now, self.limits.client_idle) {
            self.swarm.close_connection(connection);
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<ProtocolsEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                if self.inboxes.listening.try_send(address).is_err() {
                    tracing::warn!("too many listen addresses, one is not reported");
                }
            }
            SwarmEvent::ListenerClosed {
                reason: Err(error), ..
            } => tracing::error!(%error, "a listener closed"),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                ..
            } => {
                if self.entries.line(connection_id).is_some() {
                    self.dialer.on_connected(&peer_id);
                } else {
                    self.askers
                        .on_client(peer_id, connection_id, now, self.limits.client_rate);
                }
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                ..
            } => {
                self.askers.on_closed(&peer_id, connection_id);
                if self.entries.leave(connection_id).is_some()
                    && let Some(line) = self.lines.of(&peer_id)
                    && !self.entries.holds(&line)
                {
                    self.on_lost(&line, now);
                }
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                connection_id,
                error,
            } => {
                tracing::debug!(%peer, %error, "dial failed");
                self.entries.leave(connection_id);
                if !self.lines.of(&peer).is_some_and(|line| self.entries.holds(&line)) {
                    self.dialer.on_failed(&peer, now);
                }
            }
            SwarmEvent::IncomingConnectionError {
                connection_id,
                error,
                send_back_addr,
                ..
            } => {
                self.entries.leave(connection_id);
                tracing::debug!(%error, %send_back_addr, "handshake failed");
            }
            SwarmEvent::Behaviour(happened) => self.on_happened(happened),
            _ => {}
        }
    }

    fn on_lost(&mut self, line: &Line, now: Instant) {
        let peer = &line.peer_id;
        // The generation was turned by the direct behaviour, which hears of the close first.
        let generation = line.generation();
        if self.seen.insert(line.slot, generation).unwrap_or_default() != generation {
            self.dialer.on_lost(peer, now);
        } else {
            self.dialer.on_failed(peer, now);
        }
    }

    fn on_happened(&mut self, happened: ProtocolsEvent) {
        match happened {
            ProtocolsEvent::Ping(event) => self.on_ping(&event),
            ProtocolsEvent::Identify(event) => tracing::trace!(?event, "identify"),
            ProtocolsEvent::Direct(broke) => self.on_broke(&broke),
            ProtocolsEvent::Gossip(event) => self.on_gossip(event),
            ProtocolsEvent::Sync(event) => self.on_sync(event),
            ProtocolsEvent::Client(event) => self.on_client_event(event),
            ProtocolsEvent::Admission(never) | ProtocolsEvent::Memory(never) => match never {},
        }
    }

    fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(time) => {
                if let Some(line) = self.lines.of(&event.peer) {
                    line.record_round_trip(*time);
                }
            }
            Err(error) => {
                tracing::debug!(peer = %event.peer, %error, "no answer to ping, closing");
                self.swarm.close_connection(event.connection);
            }
        }
    }

    fn on_broke(&mut self, broke: &Broke) {
        let Some(line) = self.lines.of(&broke.peer) else {
            return;
        };
        if broke.fault.is_malice() {
            self.punish(&line, broke.fault.clone());
        } else {
            tracing::warn!(slot = line.slot, fault = %broke.fault, "operator disconnected");
            line.record_fault(broke.fault.clone());
            self.leaving
                .push((Instant::now() + LEAVE_AFTER, broke.connection));
        }
    }

    /// Disconnects a peer and refuses it for a while.
    fn punish(&mut self, line: &Line, fault: Fault) {
        line.refuse(fault);
        self.disconnect(line);
    }

    fn disconnect(&mut self, line: &Line) {
        // It may have gone by itself.
        let _ = self.swarm.disconnect_peer_id(line.peer_id);
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Gossip(bytes) => {
                let gossip = self.swarm.behaviour_mut().gossip.inner();
                self.backlog.publish(gossip, &self.topic, bytes);
            }
            Command::Report(id, verdict) => self.on_report(&id, verdict),
            Command::Request(ask) => self.on_ask(ask),
            Command::Disconnect(line) => self.disconnect(&line),
            Command::Stop => {}
        }
    }
}

/// An operator of another chain is left only after it could notice the same.
const LEAVE_AFTER: Duration = Duration::from_secs(1);
/// How often dials, retries and idle connections are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long the end may take.
const GOODBYE: Duration = Duration::from_millis(500);
