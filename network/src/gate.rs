//! Who may meet a behaviour: the committee, or everybody but the committee.
//!
//! The others get a handler that offers no protocol, so their streams fail at negotiation before a byte of them is
//! parsed, and the behaviour inside never learns that they exist. It may also not dial: only [`crate::dial`] does.

use std::task::{Context, Poll};

use either::Either;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

use crate::identity::Members;

/// Whom the gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admit {
    Members,
    Strangers,
}

/// A behaviour behind a gate.
pub(crate) struct Gate<B> {
    admit: Admit,
    members: Members,
    inner: B,
}

impl<B> Gate<B> {
    /// Only the committee meets `inner`.
    pub(crate) fn members(members: &Members, inner: B) -> Self {
        Self {
            admit: Admit::Members,
            members: Members::clone(members),
            inner,
        }
    }

    /// Only strangers meet `inner`.
    pub(crate) fn strangers(members: &Members, inner: B) -> Self {
        Self {
            admit: Admit::Strangers,
            members: Members::clone(members),
            inner,
        }
    }

    /// The behaviour inside.
    pub(crate) const fn inner(&mut self) -> &mut B {
        &mut self.inner
    }

    fn admits(&self, peer: &PeerId) -> bool {
        self.members.contains(peer) == (self.admit == Admit::Members)
    }

    /// The peer that an event is about, when it is about one.
    fn concerns(event: &FromSwarm<'_>) -> Option<PeerId> {
        match event {
            FromSwarm::ConnectionEstablished(event) => Some(event.peer_id),
            FromSwarm::ConnectionClosed(event) => Some(event.peer_id),
            FromSwarm::AddressChange(event) => Some(event.peer_id),
            FromSwarm::DialFailure(event) => event.peer_id,
            FromSwarm::ListenFailure(event) => event.peer_id,
            FromSwarm::NewExternalAddrOfPeer(event) => Some(event.peer_id),
            _ => None,
        }
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
        if !self.admits(&peer) {
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
        if !self.admits(&peer) {
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
            Admit::Members => self
                .inner
                .handle_pending_inbound_connection(connection, local, remote),
            // It may be a member: asked again when the peer is known.
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
        if peer.is_some_and(|peer| !self.admits(&peer)) {
            return Ok(Vec::new());
        }
        self.inner
            .handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if Self::concerns(&event).is_none_or(|peer| self.admits(&peer)) {
            self.inner.on_swarm_event(event);
        }
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
