//! Which connections may be made at all: bounds on handshakes, on strangers, on addresses, and the pause of peers that
//! misbehaved.
//!
//! Before the handshake only the address is known, after it the peer. The committee's peers are never refused for
//! strangers' sake; how many connections each of them may have is [`crate::direct`]'s affair. Nothing is kept about a
//! stranger that is not connected.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    multiaddr::Protocol,
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

use crate::{config::Limits, line::Lines};

/// Why a connection was refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("too many handshakes under way")]
    Pending,
    #[error("too many handshakes under way from {0}")]
    PendingFrom(IpAddr),
    #[error("too many clients")]
    Clients,
    #[error("too many clients from {0}")]
    ClientsFrom(IpAddr),
    #[error("too many connections of one client")]
    Client,
    #[error("the peer misbehaved and must wait")]
    Punished,
}

/// The bounds and what they count.
pub(crate) struct Admission {
    lines: Arc<Lines>,
    pending_max: usize,
    pending_per_ip: usize,
    clients_max: usize,
    clients_per_ip: usize,
    pending: HashMap<ConnectionId, Option<IpAddr>>,
    clients: HashMap<ConnectionId, (PeerId, Option<IpAddr>)>,
}

impl Admission {
    pub(crate) fn new(lines: &Arc<Lines>, limits: &Limits) -> Self {
        Self {
            lines: Arc::clone(lines),
            pending_max: limits.pending_inbound,
            pending_per_ip: limits.pending_per_ip,
            clients_max: limits.max_clients,
            clients_per_ip: limits.clients_per_ip,
            pending: HashMap::new(),
            clients: HashMap::new(),
        }
    }

    fn admit(&self, peer: &PeerId, from: Option<IpAddr>) -> Result<(), Refused> {
        if let Some(line) = self.lines.of(peer) {
            return if line.is_punished(Instant::now()) {
                Err(Refused::Punished)
            } else {
                Ok(())
            };
        }
        if self.clients.len() >= self.clients_max {
            return Err(Refused::Clients);
        }
        if self.clients.values().filter(|(client, _)| client == peer).count() >= CONNECTIONS_PER_CLIENT {
            return Err(Refused::Client);
        }
        match from {
            Some(ip)
                if self.clients.values().filter(|(_, seen)| *seen == from).count() >= self.clients_per_ip =>
            {
                Err(Refused::ClientsFrom(ip))
            }
            _ => Ok(()),
        }
    }
}

impl NetworkBehaviour for Admission {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let from = ip(remote);
        if self.pending.len() >= self.pending_max {
            return Err(ConnectionDenied::new(Refused::Pending));
        }
        if let Some(ip) = from
            && self.pending.values().filter(|seen| **seen == from).count() >= self.pending_per_ip
        {
            return Err(ConnectionDenied::new(Refused::PendingFrom(ip)));
        }
        self.pending.insert(connection, from);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&connection);
        self.admit(&peer, ip(remote)).map_err(ConnectionDenied::new)?;
        if self.lines.of(&peer).is_none() {
            self.clients.insert(connection, (peer, ip(remote)));
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        // Only committee peers are ever dialled.
        self.admit(&peer, None).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ListenFailure(failure) => {
                self.pending.remove(&failure.connection_id);
                self.clients.remove(&failure.connection_id);
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.clients.remove(&closed.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

/// What counts as one host: an IPv4 address, or the first half of an IPv6 address, for whoever has one has all of it.
fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or_else(
            || IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
            IpAddr::V4,
        )),
        _ => None,
    }
}

/// A client needs one; the second covers a reconnection before the first is noticed to be dead.
const CONNECTIONS_PER_CLIENT: usize = 2;
