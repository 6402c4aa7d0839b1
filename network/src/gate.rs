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

#[cfg(test)]
mod tests {
    use libp2p::core::{ConnectedPoint, transport::PortUse};

    use super::*;
    use crate::{Config, Limits, Peer, identity::peer_id, lines::Lines};

    /// Notes the other connections of which it is told at each beginning and end.
    #[derive(Default)]
    struct Noting {
        begun: Vec<usize>,
        ended: Vec<usize>,
    }

    impl NetworkBehaviour for Noting {
        type ConnectionHandler = dummy::ConnectionHandler;
        type ToSwarm = std::convert::Infallible;

        fn handle_established_inbound_connection(
            &mut self,
            _: ConnectionId,
            _: PeerId,
            _: &Multiaddr,
            _: &Multiaddr,
        ) -> Result<THandler<Self>, ConnectionDenied> {
            Ok(dummy::ConnectionHandler)
        }

        fn handle_established_outbound_connection(
            &mut self,
            _: ConnectionId,
            _: PeerId,
            _: &Multiaddr,
            _: Endpoint,
            _: PortUse,
        ) -> Result<THandler<Self>, ConnectionDenied> {
            Ok(dummy::ConnectionHandler)
        }

        fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
            match event {
                FromSwarm::ConnectionEstablished(event) => self.begun.push(event.other_established),
                FromSwarm::ConnectionClosed(event) => self.ended.push(event.remaining_established),
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

    #[test]
    fn what_is_inside_hears_of_its_own_connections_alone_and_of_their_ends_when_the_peer_left() {
        let peer = Peer {
            slot: 1,
            peer_id: peer_id(&[1; 32]),
            addresses: Vec::new(),
        };
        let peer_id = peer.peer_id;
        let config = Config {
            secret: [0; 32],
            genesis8: "00000000".to_owned(),
            listen: Vec::new(),
            peers: vec![peer],
            limits: Limits::default(),
        };
        let lines = Lines::new(&config).expect("consistent");
        let entries = Entries::new(&lines);
        let mut gate = Gate::operators(&entries, Noting::default());
        let (stranger, first, second) = (1, 2, 3);
        let id = ConnectionId::new_unchecked;
        let address = Multiaddr::empty();
        let endpoint = ConnectedPoint::Listener {
            local_addr: address.clone(),
            send_back_addr: address.clone(),
        };
        // The swarm counts all of the peer's connections.
        for (connection, line, other_established) in [
            (stranger, None, 0),
            (first, lines.of(&peer_id), 1),
            (second, lines.of(&peer_id), 2),
        ] {
            let admitted = line.is_some();
            entries.enter(id(connection), peer_id, line);
            let handler =
                gate.handle_established_inbound_connection(id(connection), peer_id, &address, &address);
            assert_eq!(handler.expect("a handler").is_left(), admitted);
            gate.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id: id(connection),
                endpoint: &endpoint,
                failed_addresses: &[],
                other_established,
            }));
        }
        assert_eq!(gate.inner.begun, [0, 1], "the stranger's is not counted");
        lines.replace(Vec::new()).expect("nobody");
        for (connection, remaining_established) in [(first, 2), (second, 1), (stranger, 0)] {
            gate.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id,
                connection_id: id(connection),
                endpoint: &endpoint,
                cause: None,
                remaining_established,
            }));
            entries.leave(id(connection));
        }
        assert_eq!(gate.inner.ended, [1, 0]);
    }
}
