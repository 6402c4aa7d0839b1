//! Long-lived unidirectional streams between operators: one for control and one for payload, per direction and peer.
//!
//! Of several connections to one peer one is chosen to write on: the newest, or, of those made at once, the one that
//! the lower peer id dialled. Both ends read from all. The lower id closes the others after [`COEXISTENCE`], so that two simultaneous dials
//! never end with both connections closed; a third connection closes the oldest at once, so that a peer that lost its
//! power is let in while its dead connections still stand.
//!
//! Own streams instead of the stream crate of libp2p, because that one drops inbound streams when its queue is full,
//! opens streams on a connection of its own choice, and loses dials.

mod bucket;
mod budget;
mod handler;
mod outbox;
mod stream;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    swarm::{
        CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler,
        THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};
use tokio::sync::mpsc;

use self::handler::{Handler, Role};
pub(crate) use self::{
    bucket::{Bucket, Intake},
    budget::{Budget, Charge},
    outbox::{Bounds, Outbox, Queued},
};
use crate::{
    config::Limits, entries::Entries, error::Fault, events::Inboxes, frame::Class, line::Line, lines::Lines,
    topic::Names,
};

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct Wiring {
    lines: Arc<Lines>,
    control: Wire,
    payload: Wire,
}

/// One class's protocol, limit and inbox.
#[derive(Debug)]
struct Wire {
    protocol: StreamProtocol,
    limit: u32,
    inbox: mpsc::Sender<(u16, Bytes)>,
}

impl Wiring {
    const fn wire(&self, class: Class) -> &Wire {
        match class {
            Class::Control => &self.control,
            Class::Payload => &self.payload,
        }
    }

    const fn protocol(&self, class: Class) -> &StreamProtocol {
        &self.wire(class).protocol
    }

    const fn limit(&self, class: Class) -> u32 {
        self.wire(class).limit
    }

    const fn inbox(&self, class: Class) -> &mpsc::Sender<(u16, Bytes)> {
        &self.wire(class).inbox
    }
}

/// One connection to a peer.
#[derive(Clone, Copy, Debug)]
struct Connected {
    id: ConnectionId,
    /// Whether the lower peer id dialled it.
    preferred: bool,
    since: Instant,
}

/// Which connection of a peer is written on: the newest, for whoever makes a connection found the others dead or made
/// them all at once; of those made at once the one that the lower peer id dialled.
fn chosen(connections: &[Connected]) -> Option<ConnectionId> {
    let newest = connections.last()?;
    let at_once = |other: &&Connected| other.preferred && newest.since < other.since + COEXISTENCE;
    Some(connections.iter().rev().find(at_once).unwrap_or(newest).id)
}

/// The connections of one peer, oldest first, all of one membership.
#[derive(Debug)]
struct Connections {
    line: Arc<Line>,
    all: Vec<Connected>,
    writer: Option<ConnectionId>,
}

impl Connections {
    fn of(line: &Arc<Line>) -> Self {
        Self {
            line: Arc::clone(line),
            all: Vec::new(),
            writer: None,
        }
    }
}

/// An operator broke a rule on this connection.
#[derive(Debug)]
pub(crate) struct Broke {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) fault: Fault,
}

/// The behaviour. It stands behind a gate: it never meets a stranger.
pub(crate) struct Behaviour {
    own: PeerId,
    wiring: Arc<Wiring>,
    entries: Arc<Entries>,
    peers: HashMap<PeerId, Connections>,
    actions: VecDeque<ToSwarm<Broke, Role>>,
}

impl Behaviour {
    pub(crate) fn new(
        own: PeerId,
        entries: &Arc<Entries>,
        names: &Names,
        limits: &Limits,
        inboxes: &Inboxes,
    ) -> Self {
        let wiring = Wiring {
            lines: Arc::clone(entries.lines()),
            control: Wire {
                protocol: names.control.clone(),
                limit: limits.control_frame_bytes,
                inbox: inboxes.control.clone(),
            },
            payload: Wire {
                protocol: names.payload.clone(),
                limit: limits.payload_frame_bytes,
                inbox: inboxes.payload.clone(),
            },
        };
        Self {
            own,
            wiring: Arc::new(wiring),
            entries: Arc::clone(entries),
            peers: HashMap::new(),
            actions: VecDeque::new(),
        }
    }

    /// Closes connections that are no longer needed.
    pub(crate) fn tick(&mut self, now: Instant) {
        let own = self.own;
        for (peer, connections) in self.peers.iter().filter(|(peer, _)| own < **peer) {
            let youngest = connections.all.last().map(|connection| connection.since);
            if connections.all.len() < 2 || youngest.is_none_or(|since| now < since + COEXISTENCE) {
                continue;
            }
            for connection in connections
                .all
                .iter()
                .filter(|connection| Some(connection.id) != connections.writer)
            {
                self.actions.push_back(close(*peer, connection.id));
            }
        }
    }

    fn handler(&self, connection: ConnectionId) -> Result<Handler, ConnectionDenied> {
        let line = self.entries.line(connection);
        let line = line.ok_or_else(|| ConnectionDenied::new(NoLine))?;
        Ok(Handler::new(&self.wiring, &line))
    }

    fn on_established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let preferred = endpoint.is_dialer() == (self.own < peer);
        let Some(line) = self.entries.line(id) else { return };
        let connections = self.peers.entry(peer).or_insert_with(|| Connections::of(&line));
        connections.all.push(Connected {
            id,
            preferred,
            since: Instant::now(),
        });
        if connections.all.len() > CONNECTIONS_PER_PEER
            && let Some(oldest) = connections.all.first()
        {
            self.actions.push_back(close(peer, oldest.id));
        }
        self.choose(peer);
    }

    fn on_closed(&mut self, peer: PeerId, id: ConnectionId) {
        if let Some(connections) = self.peers.get_mut(&peer) {
            connections.all.retain(|connection| connection.id != id);
            if connections.all.is_empty() {
                self.wiring.lines.closed(&connections.line);
                self.peers.remove(&peer);
            } else {
                self.choose(peer);
            }
        }
    }

    /// Moves the writer to the connection that now has the best claim.
    fn choose(&mut self, peer: PeerId) {
        let Some(connections) = self.peers.get_mut(&peer) else {
            return;
        };
        let best = chosen(&connections.all);
        if best == connections.writer {
            return;
        }
        let before = connections
            .writer
            .filter(|id| connections.all.iter().any(|other| other.id == *id));
        connections.writer = best;
        for (connection, event) in [(before, Role::Reader), (best, Role::Writer)] {
            if let Some(connection) = connection {
                let handler = NotifyHandler::One(connection);
                self.actions.push_back(ToSwarm::NotifyHandler {
                    peer_id: peer,
                    handler,
                    event,
                });
            }
        }
    }
}

fn close<Out, In>(peer_id: PeerId, connection: ConnectionId) -> ToSwarm<Out, In> {
    ToSwarm::CloseConnection {
        peer_id,
        connection: CloseConnection::One(connection),
    }
}

/// The gate let a connection through that has no line; both ask the same entry.
#[derive(Debug, thiserror::Error)]
#[error("the connection is no operator's")]
struct NoLine;

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Broke;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(connection)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(connection)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.on_established(event.peer_id, event.connection_id, event.endpoint);
            }
            FromSwarm::ConnectionClosed(event) => self.on_closed(event.peer_id, event.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        fault: THandlerOutEvent<Self>,
    ) {
        self.actions.push_back(ToSwarm::GenerateEvent(Broke {
            peer,
            connection,
            fault,
        }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Broke, THandlerInEvent<Self>>> {
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Two simultaneous dials give two connections; more are dead ones or an attempt.
const CONNECTIONS_PER_PEER: usize = 2;
/// How long two connections stand side by side: longer than any frame needs to arrive.
const COEXISTENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_simultaneous_dials_the_lower_ids_is_chosen_and_later_the_newest() {
        let now = Instant::now();
        let connection = |id, preferred, seconds| Connected {
            id: ConnectionId::new_unchecked(id),
            preferred,
            since: now + Duration::from_secs(seconds),
        };
        let chosen = |connections: &[Connected]| chosen(connections);
        let id = |id| Some(ConnectionId::new_unchecked(id));
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&[connection(1, false, 0)]), id(1));
        assert_eq!(chosen(&[connection(1, true, 0), connection(2, false, 1)]), id(1));
        assert_eq!(chosen(&[connection(1, false, 0), connection(2, true, 1)]), id(2));
        assert_eq!(chosen(&[connection(1, true, 0), connection(2, true, 1)]), id(2));
        // Whoever dials a minute later has lost the first connection, whatever we believe.
        assert_eq!(chosen(&[connection(1, true, 0), connection(2, false, 60)]), id(2));
    }
}
