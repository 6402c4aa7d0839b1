//! TCP, noise, yamux, names resolved by DNS; the same for operators and clients.

use std::{io, net::TcpListener, time::Duration};

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, timeout::TransportTimeout},
        upgrade::Version,
    },
    dns,
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    swarm::{self, NetworkBehaviour, Swarm},
    tcp, yamux,
};

use crate::error::Error;

/// A swarm that speaks `behaviour` as the owner of `key`.
pub(crate) fn swarm<B: NetworkBehaviour>(key: &Keypair, behaviour: B) -> Result<Swarm<B>, Error> {
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(IDLE)
        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS);
    Ok(Swarm::new(
        transport(key)?,
        behaviour,
        key.public().to_peer_id(),
        config,
    ))
}

fn transport(key: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, Error> {
    let named = match dns::tokio::Transport::system(plain(key)?) {
        Ok(transport) => transport,
        Err(error) => {
            tracing::warn!(%error, "the system's resolver cannot be read, using the library's own");
            let (config, options) = (dns::ResolverConfig::default(), dns::ResolverOpts::default());
            dns::tokio::Transport::custom(plain(key)?, config, options)
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
