//! Who may meet a behaviour: the operators, or everybody else.
//!
//! The others get a handler that offers no protocol, so their streams fail at negotiation before a byte of them is
//! parsed, and the behaviour inside never learns that they exist. It may also not dial: only [`crate::dial`] does.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use either::Either;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::ConnectionEstablished, dummy,
    },
};

use crate::entries::Entries;

/// Whom the gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admit {
    Operators,
    Strangers,
}

/// A behaviour behind a gate.
pub(crate) struct Gate<B> {
    admit: Admit,
    entries: Arc<Entries>,
    inner: B,
}

impl<B> Gate<B> {
    /// Only operators meet `inner`.
    pub(crate) fn operators(entries: &Arc<Entries>, inner: B) -> Self {
        Self {
            admit: Admit::Operators,
            entries: Arc::clone(entries),
            inner,
        }
    }

    /// Only strangers meet `inner`.
    pub(crate) fn strangers(entries: &Arc<Entries>, inner: B) -> Self {
        Self {
            admit: Admit::Strangers,
            entries: Arc::clone(entries),
            inner,
        }
    }

    /// The behaviour inside.
    pub(crate) const fn inner(&mut self) -> &mut B {
        &mut self.inner
    }

    /// Whether the connection was let through when it came in, whatever the table says since: what is inside must hear
    /// of the end of each connection that it heard of, and of no other.
    fn admitted(&self, connection: ConnectionId) -> bool {
        self.entries.is_operator(connection) == Some(self.admit == Admit::Operators)
    }

    /// Whether a connection of the peer would be let through now.
    fn would_admit(&self, peer: &PeerId) -> bool {
        self.entries.lines().of(peer).is_some() == (self.admit == Admit::Operators)
    }

    /// Whether the event is about somebody who would not be let through.
    fn is_foreign(&self, peer: Option<PeerId>) -> bool {
        peer.is_some_and(|peer| !self.would_admit(&peer))
    }

    /// The peer's other connections, as many as were let through.
    fn others(&self, peer: &PeerId, connection: ConnectionId) -> usize {
        let operators = self.admit == Admit::Operators;
        self.entries.others(peer, connection, operators)
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Gate<B> {
    type ConnectionHandler = Either<THandler<B>, dummy::ConnectionHandler>;
    type ToSwarm = B::ToSwarm;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.admitted(connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        if self.admit == Admit::Strangers {
            self.inner
                .handle_pending_inbound_connection(connection, local, remote)?;
        }
        self.inner
            .handle_established_inbound_connection(connection, peer, local, remote)
            .map(Either::Left)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.admitted(connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner
            .handle_established_outbound_connection(connection, peer, address, role, port)
            .map(Either::Left)
    }

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match self.admit {
            Admit::Operators => self
                .inner
                .handle_pending_inbound_connection(connection, local, remote),
            // It may be an operator: asked again when the peer is known.
            Admit::Strangers => Ok(()),
        }
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if peer.is_some_and(|peer| !self.would_admit(&peer)) {
            return Ok(Vec::new());
        }
        self.inner
            .handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let event = match event {
            FromSwarm::ConnectionEstablished(event) if self.admitted(event.connection_id) => {
                let other_established = self.others(&event.peer_id, event.connection_id);
                FromSwarm::ConnectionEstablished(ConnectionEstablished {
                    other_established,
                    ..event
                })
            }
            FromSwarm::ConnectionClosed(event) if self.admitted(event.connection_id) => {
                let remaining_established = self.others(&event.peer_id, event.connection_id);
                FromSwarm::ConnectionClosed(ConnectionClosed {
                    remaining_established,
                    ..event
                })
            }
            FromSwarm::ConnectionEstablished(_) | FromSwarm::ConnectionClosed(_) => return,
            FromSwarm::AddressChange(event) if !self.admitted(event.connection_id) => return,
            FromSwarm::DialFailure(failure) if self.is_foreign(failure.peer_id) => return,
            FromSwarm::ListenFailure(failure)
                if !self.admitted(failure.connection_id) && self.is_foreign(failure.peer_id) =>
            {
                return;
            }
            FromSwarm::NewExternalAddrOfPeer(event) if self.is_foreign(Some(event.peer_id)) => return,
            event => event,
        };
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {
            Either::Left(event) => self.inner.on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.inner.poll(context) {
                Poll::Ready(ToSwarm::Dial { .. }) => tracing::debug!("a behaviour asked to dial, refused"),
                Poll::Ready(event) => return Poll::Ready(event.map_in(Either::Left)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
