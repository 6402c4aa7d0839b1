//! Which connections may be made at all: bounds on handshakes, on strangers, on addresses, and the pause of peers that
//! misbehaved.
//!
//! Before the handshake only the address is known, after it the peer. Addresses of operators ([`Known`]) have bounds of
//! their own, so that handshakes from elsewhere cannot keep the committee apart. The committee's peers are never refused for
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
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

use crate::{
    config::Limits,
    direct::Bucket,
    entries::Entries,
    known::{Known, ip},
    line::Line,
    table::Table,
};

/// Why a connection was refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("too many handshakes under way")]
    Pending,
    #[error("too many handshakes under way from {0}")]
    PendingFrom(IpAddr),
    #[error("too many handshakes begun in a short time")]
    Rate,
    #[error("too many clients")]
    Clients,
    #[error("too many clients from {0}")]
    ClientsFrom(IpAddr),
    #[error("too many connections of one client")]
    Client,
    #[error("the peer misbehaved and must wait")]
    Punished,
    #[error("a connection of the peer's former membership is still closing")]
    Leaving,
    #[error("the peer left while it was dialled")]
    Stranger,
}

/// The bounds and what they count.
pub(crate) struct Admission {
    entries: Arc<Entries>,
    pending_max: usize,
    pending_per_ip: usize,
    clients_max: usize,
    clients_per_ip: usize,
    /// Rates of handshakes: one for each operator's address, one for all others.
    known: Arc<Known>,
    others: Bucket,
    pending: HashMap<ConnectionId, Option<IpAddr>>,
    clients: HashMap<ConnectionId, (PeerId, Option<IpAddr>)>,
}

impl Admission {
    pub(crate) fn new(entries: &Arc<Entries>, known: &Arc<Known>, limits: &Limits) -> Self {
        let now = Instant::now();
        let admission = Self {
            known: Arc::clone(known),
            others: Bucket::full(limits.handshake_rate, now),
            entries: Arc::clone(entries),
            pending_max: limits.pending_inbound,
            pending_per_ip: limits.pending_per_ip,
            clients_max: limits.max_clients,
            clients_per_ip: limits.clients_per_ip,
            pending: HashMap::new(),
            clients: HashMap::new(),
        };
        admission.follow(&entries.lines().table(), now);
        admission
    }

    /// The table was replaced: handshakes from its addresses are the operators' from now on.
    pub(crate) fn follow(&self, table: &Table, now: Instant) {
        self.known.follow(table, now);
    }

    /// Whether a handshake may begin.
    fn begin(&mut self, from: Option<IpAddr>) -> Result<(), Refused> {
        if !from.is_some_and(|ip| self.known.holds(&ip)) {
            let strangers = self
                .pending
                .values()
                .filter(|seen| seen.is_none_or(|ip| !self.known.holds(&ip)));
            if strangers.count() >= self.pending_max {
                return Err(Refused::Pending);
            }
        }
        if let Some(ip) = from
            && self.pending.values().filter(|seen| **seen == from).count() >= self.pending_per_ip
        {
            return Err(Refused::PendingFrom(ip));
        }
        let now = Instant::now();
        let of_operators = from.and_then(|ip| self.known.try_take(&ip, now));
        if of_operators.unwrap_or_else(|| self.others.try_take(now)) {
            Ok(())
        } else {
            Err(Refused::Rate)
        }
    }

    /// Lets an operator in.
    fn admit_operator(&self, line: &Line) -> Result<(), Refused> {
        if line.is_punished(Instant::now()) {
            return Err(Refused::Punished);
        }
        // The protocols count a peer's connections: those of its time before and of its time now must not mix.
        if self.entries.is_leaving(&line.peer_id) {
            return Err(Refused::Leaving);
        }
        Ok(())
    }

    /// Lets a stranger in.
    fn admit_stranger(&self, peer: &PeerId, from: Option<IpAddr>) -> Result<(), Refused> {
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
        self.begin(from).map_err(ConnectionDenied::new)?;
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
        let line = self.entries.lines().of(&peer);
        match &line {
            Some(line) => self.admit_operator(line),
            None => self.admit_stranger(&peer, ip(remote)),
        }
        .map_err(ConnectionDenied::new)?;
        if line.is_some() {
            self.known.note(&peer, remote, Instant::now());
        } else {
            self.clients.insert(connection, (peer, ip(remote)));
        }
        self.entries.enter(connection, peer, line);
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        // Only operators are ever dialled, but the table may be another since.
        let line = self.entries.lines().of(&peer);
        line.as_ref()
            .map_or(Err(Refused::Stranger), |line| self.admit_operator(line))
            .map_err(ConnectionDenied::new)?;
        self.entries.enter(connection, peer, line);
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

/// A client needs one; the second covers a reconnection before the first is noticed to be dead.
const CONNECTIONS_PER_CLIENT: usize = 2;

#[cfg(test)]
mod tests;
