//! TCP, noise, yamux, names resolved by DNS; the same for operators and clients.

use std::{
    io,
    net::TcpListener,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, DialOpts, ListenerId, TransportError, TransportEvent, timeout::TransportTimeout},
        upgrade::Version,
    },
    dns,
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    swarm::{self, NetworkBehaviour, Swarm},
    tcp, yamux,
};

use crate::{error::Error, known::Known};

/// A swarm that speaks `behaviour` as the owner of `key`.
pub(crate) fn swarm<B: NetworkBehaviour>(
    key: &Keypair,
    behaviour: B,
    known: &Arc<Known>,
) -> Result<Swarm<B>, Error> {
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(IDLE)
        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS);
    Ok(Swarm::new(
        transport(key, known)?,
        behaviour,
        key.public().to_peer_id(),
        config,
    ))
}

fn transport(key: &Keypair, known: &Arc<Known>) -> Result<Boxed<(PeerId, StreamMuxerBox)>, Error> {
    let named = match dns::tokio::Transport::system(Resolved::new(key, known)?) {
        Ok(transport) => transport,
        Err(error) => {
            tracing::warn!(%error, "the system's resolver cannot be read, using the library's own");
            let (config, options) = (dns::ResolverConfig::default(), dns::ResolverOpts::default());
            dns::tokio::Transport::custom(Resolved::new(key, known)?, config, options)
        }
    };
    Ok(TransportTimeout::new(named, HANDSHAKE).boxed())
}

fn plain(key: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, Error> {
    let noise = noise::Config::new(key).map_err(|error| Error::Setup {
        part: "noise",
        why: error.to_string(),
    })?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_PER_CONNECTION);
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed())
}

/// What lies below the resolver: it sees where the name of a peer leads when the peer is dialled, and tells that.
struct Resolved {
    inner: Boxed<(PeerId, StreamMuxerBox)>,
    known: Arc<Known>,
}

impl Resolved {
    fn new(key: &Keypair, known: &Arc<Known>) -> Result<Self, Error> {
        Ok(Self {
            inner: plain(key)?,
            known: Arc::clone(known),
        })
    }
}

impl Transport for Resolved {
    type Output = <Boxed<(PeerId, StreamMuxerBox)> as Transport>::Output;
    type Error = <Boxed<(PeerId, StreamMuxerBox)> as Transport>::Error;
    type ListenerUpgrade = <Boxed<(PeerId, StreamMuxerBox)> as Transport>::ListenerUpgrade;
    type Dial = <Boxed<(PeerId, StreamMuxerBox)> as Transport>::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Self::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        if let Some(Protocol::P2p(peer)) = address.iter().last() {
            self.known.note(&peer, &address, Instant::now());
        }
        self.inner.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.inner).poll(context)
    }
}

/// Tells a taken port before libp2p, which shares ports among sockets of one user, silently listens beside its owner.
pub(crate) fn check_free(address: &Multiaddr) -> Result<(), Error> {
    let mut parts = address.iter();
    let (ip, port) = match (parts.next(), parts.next()) {
        (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => (ip.into(), port),
        (Some(Protocol::Ip6(ip)), Some(Protocol::Tcp(port))) => (std::net::IpAddr::from(ip), port),
        _ => return Ok(()),
    };
    match TcpListener::bind((ip, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Error::Listen {
            address: address.clone(),
            why: "the port is taken by another process".to_owned(),
        }),
        Err(error) => Err(Error::Listen {
            address: address.clone(),
            why: error.to_string(),
        }),
    }
}

/// Long-lived streams keep connections; this only ends those that nobody uses.
const IDLE: Duration = Duration::from_secs(3_600);
/// TCP, noise and yamux together.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Four frame streams, two of gossip, 64 requests, ping and identify, with room; each may buffer 256 kB unread.
const STREAMS_PER_CONNECTION: usize = 128;
/// Streams of one connection that are still choosing their protocol.
const NEGOTIATING_STREAMS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Limits, Peer, identity, lines::Lines};

    #[tokio::test]
    async fn where_an_operators_name_leads_is_known_once_it_is_dialled() {
        let peer = |seed: u8, address: &str| Peer {
            slot: seed.into(),
            peer_id: identity::peer_id(&[seed; 32]),
            addresses: vec![address.parse().expect("address")],
        };
        let limits = Limits::default();
        let known = Known::new(limits.handshake_rate);
        let config = Config {
            secret: [0; 32],
            genesis8: "00000000".to_owned(),
            listen: Vec::new(),
            peers: vec![peer(1, "/dns4/localhost/tcp/1")],
            limits,
        };
        let lines = Lines::new(&config).expect("consistent");
        known.follow(&lines.table(), Instant::now());
        let here = "127.0.0.1".parse().expect("address");
        assert!(!known.holds(&here), "a name says nothing");
        let named = identity::peer_id(&[1; 32]);
        let address: Multiaddr = format!("/dns4/localhost/tcp/1/p2p/{named}")
            .parse()
            .expect("address");
        let options = DialOpts {
            role: libp2p::core::Endpoint::Dialer,
            port_use: libp2p::core::transport::PortUse::New,
        };
        let mut transport = transport(&identity::keypair(&[0; 32]), &known).expect("transport");
        // Nobody listens there.
        let _ = transport.dial(address, options).expect("a dial").await;
        assert!(known.holds(&here));
    }
}
