//! Operators of a test committee, and a hostile swarm that writes any bytes on any protocol.

pub(crate) mod exchange;

use std::{
    collections::BTreeMap,
    io,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{
    StreamProtocol, Swarm, SwarmBuilder, gossipsub,
    identity::Keypair,
    multiaddr::Protocol,
    noise, ping,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use plasma_network::{Config, Event, Events, Handle, Limits, Multiaddr, Peer, PeerId, peer_id, start};
use tokio::time::timeout;

/// The chain of all tests.
pub(crate) const CHAIN: &str = "00c0ffee";

/// How long anything that must happen may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How long nothing is expected to happen.
pub(crate) const WHILE: Duration = Duration::from_millis(700);

/// One operator under test.
pub(crate) struct Operator {
    pub(crate) index: u16,
    pub(crate) handle: Handle,
    pub(crate) events: Events,
    pub(crate) address: Multiaddr,
}

/// A committee's seeds; every test takes its own, so that no two tests know each other's peers.
#[derive(Clone, Debug)]
pub(crate) struct Committee {
    seeds: Vec<[u8; 32]>,
    addresses: BTreeMap<u16, Multiaddr>,
}

impl Committee {
    /// `n` operators; the lower the index, the lower the peer id, so that index 0 dials first.
    pub(crate) fn of(n: u8) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let tag = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut seeds: Vec<_> = (0..n)
            .map(|i| [[tag; 16], [i; 16]].concat().try_into().expect("32"))
            .collect();
        seeds.sort_by_key(peer_id);
        Self {
            seeds,
            addresses: BTreeMap::new(),
        }
    }

    pub(crate) fn seed(&self, index: u16) -> [u8; 32] {
        self.seeds[usize::from(index)]
    }

    pub(crate) fn id(&self, index: u16) -> PeerId {
        peer_id(&self.seed(index))
    }

    pub(crate) fn config(&self, index: u16, limits: Limits) -> Config {
        let peer = |(index, seed): (usize, &[u8; 32])| {
            let index = u16::try_from(index).expect("small");
            let addresses = self.addresses.get(&index).cloned().into_iter().collect();
            Peer {
                slot: index,
                peer_id: peer_id(seed),
                addresses,
            }
        };
        Config {
            secret: self.seed(index),
            genesis8: CHAIN.to_owned(),
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("address")],
            peers: self.seeds.iter().enumerate().map(peer).collect(),
            limits,
        }
    }

    /// Starts an operator that knows the addresses of those started before it.
    pub(crate) async fn start(&mut self, index: u16) -> Operator {
        self.start_with(index, Limits::default()).await
    }

    pub(crate) async fn start_with(&mut self, index: u16, limits: Limits) -> Operator {
        let operator = run(self.config(index, limits)).await;
        self.reached_at(index, operator.address.clone());
        operator
    }

    /// Those that are started from now on, and those that are told of it, can dial the operator there.
    pub(crate) fn reached_at(&mut self, index: u16, address: Multiaddr) {
        self.addresses.insert(index, address);
    }

    /// All operators, everybody connected to everybody.
    pub(crate) async fn start_all(&mut self, limits: Limits) -> Vec<Operator> {
        let mut operators = Vec::new();
        for index in 0..u16::try_from(self.seeds.len()).expect("small") {
            operators.push(self.start_with(index, limits.clone()).await);
        }
        let n = operators.len();
        for operator in &mut operators {
            for _ in 1..n {
                operator.up().await;
            }
        }
        operators
    }
}

/// Starts a network and waits for its address.
pub(crate) async fn run(config: Config) -> Operator {
    let id = peer_id(&config.secret);
    let own = config.peers.iter().find(|peer| peer.peer_id == id);
    let index = own.map_or(u16::MAX, |peer| peer.slot);
    let (handle, mut events) = start(config).expect("started");
    let address = loop {
        if let Event::Listening(address) = within(events.recv()).await.expect("running") {
            break address.with(Protocol::P2p(id));
        }
    };
    Operator {
        index,
        handle,
        events,
        address,
    }
}

/// Waits for what must happen.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("it did not happen in time")
}

impl Operator {
    /// The next event.
    pub(crate) async fn next(&mut self) -> Event {
        within(self.events.recv()).await.expect("running")
    }

    /// The next event that `pick` takes; others are passed over.
    pub(crate) async fn find<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        within(async {
            loop {
                if let Some(found) = pick(self.events.recv().await.expect("running")) {
                    return found;
                }
            }
        })
        .await
    }

    pub(crate) async fn up(&mut self) -> u16 {
        self.find(|event| {
            if let Event::PeerUp(index) = event {
                Some(index)
            } else {
                None
            }
        })
        .await
    }

    pub(crate) async fn down(&mut self) -> u16 {
        self.find(|event| {
            if let Event::PeerDown(index) = event {
                Some(index)
            } else {
                None
            }
        })
        .await
    }

    pub(crate) async fn control(&mut self) -> (u16, Bytes) {
        self.find(|event| {
            if let Event::Control { from, bytes } = event {
                Some((from, bytes))
            } else {
                None
            }
        })
        .await
    }

    pub(crate) async fn payload(&mut self) -> (u16, Bytes) {
        self.find(|event| {
            if let Event::Payload { from, bytes } = event {
                Some((from, bytes))
            } else {
                None
            }
        })
        .await
    }

    /// Nothing but ups, downs and addresses happens for a while.
    pub(crate) async fn hears_nothing(&mut self) {
        let unexpected = async {
            loop {
                match self.events.recv().await.expect("running") {
                    Event::PeerUp(_) | Event::PeerDown(_) | Event::Listening(_) => {}
                    event => return event,
                }
            }
        };
        if let Ok(event) = timeout(WHILE, unexpected).await {
            panic!("unexpected: {event:?}");
        }
    }
}

/// Writes given bytes on a stream and reads until the other side ends it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw;

impl request_response::Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Script;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Script> {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(Script {
            bytes,
            then: Then::Close,
        })
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        script: Script,
    ) -> io::Result<()> {
        io.write_all(&script.bytes).await?;
        io.flush().await?;
        match script.then {
            Then::Close => Ok(()),
            Then::Hold => std::future::pending().await,
            Then::Repeat => loop {
                io.write_all(&script.bytes).await?;
            },
        }
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }
}

/// What a hostile stream does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

/// What it does after its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Closes its half.
    Close,
    /// Keeps the stream open and says nothing more.
    Hold,
    /// Writes the bytes again, as fast as they are taken.
    Repeat,
}

/// The protocols of a hostile peer.
#[derive(NetworkBehaviour)]
pub(crate) struct Hostile {
    pub(crate) ping: ping::Behaviour,
    pub(crate) gossip: gossipsub::Behaviour,
    pub(crate) raw: request_response::Behaviour<Raw>,
}

/// A swarm with any identity that opens one stream protocol of its choice and gossips.
pub(crate) fn hostile(seed: [u8; 32], protocol: &str) -> Swarm<Hostile> {
    let mut seed = seed;
    let key = Keypair::ed25519_from_bytes(&mut seed).expect("seed");
    hostile_as(key, protocol)
}

pub(crate) fn hostile_as(key: Keypair, protocol: &str) -> Swarm<Hostile> {
    let name = |name: String| StreamProtocol::try_from_owned(name).expect("protocol");
    // It takes the operator's own streams, or it would be told to speak another chain's language and left.
    let protocols = [
        (name(protocol.to_owned()), ProtocolSupport::Outbound),
        (name(self::protocol("consensus")), ProtocolSupport::Inbound),
        (name(self::protocol("payload")), ProtocolSupport::Inbound),
    ];
    SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            noise::Config::new,
            yamux::Config::default,
        )
        .expect("transport")
        .with_behaviour(|key| {
            let settings = gossipsub::ConfigBuilder::default()
                .heartbeat_interval(Duration::from_millis(100))
                .heartbeat_initial_delay(Duration::from_millis(10))
                .max_transmit_size(1024 * 1024)
                .build()
                .expect("settings");
            let authenticity = gossipsub::MessageAuthenticity::Signed(key.clone());
            let timeout = request_response::Config::default().with_request_timeout(Duration::from_secs(120));
            Hostile {
                ping: ping::Behaviour::new(ping::Config::default()),
                gossip: gossipsub::Behaviour::new(authenticity, settings).expect("gossip"),
                raw: request_response::Behaviour::with_codec(Raw, protocols, timeout),
            }
        })
        .expect("behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build()
}

/// Dials and waits until the connection stands.
pub(crate) async fn join(swarm: &mut Swarm<Hostile>, address: &Multiaddr) {
    swarm.dial(address.clone()).expect("dial");
    within(async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => return,
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    })
    .await;
}

/// Drives a swarm until its connection is closed.
pub(crate) async fn until_closed(swarm: &mut Swarm<Hostile>) {
    within(async {
        loop {
            if let SwarmEvent::ConnectionClosed {
                num_established: 0, ..
            } = swarm.select_next_some().await
            {
                return;
            }
        }
    })
    .await;
}

/// Drives a swarm until its raw stream came to an end, and says how.
pub(crate) async fn until_answered(
    swarm: &mut Swarm<Hostile>,
) -> Result<Vec<u8>, request_response::OutboundFailure> {
    within(async {
        loop {
            if let SwarmEvent::Behaviour(HostileEvent::Raw(event)) = swarm.select_next_some().await {
                match event {
                    request_response::Event::Message {
                        message: request_response::Message::Response { response, .. },
                        ..
                    } => return Ok(response),
                    request_response::Event::OutboundFailure { error, .. } => return Err(error),
                    _ => {}
                }
            }
        }
    })
    .await
}

/// A protocol name of the tests' chain.
pub(crate) fn protocol(name: &str) -> String {
    format!("/plasma/{CHAIN}/{name}/1")
}

/// A frame as it goes over the wire.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
    [&length, bytes].concat()
}
