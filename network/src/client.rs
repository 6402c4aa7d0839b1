//! The dialling side of the client protocol: anybody with an operator's address.
//!
//! A client makes up an identity, knows the operator's from the address, and speaks one protocol. It dials again by
//! itself when a request finds the connection gone.

use std::{
    collections::HashMap,
    error::Error,
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId,
    identity::Keypair,
    multiaddr::Protocol,
    ping,
    request_response::{self, Message, OutboundRequestId, ProtocolSupport},
    swarm::{DialError, NetworkBehaviour, Swarm, SwarmEvent, dial_opts::DialOpts},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{
    behaviour::ping_config,
    config::{Limits, check_genesis8},
    error::{ConnectError, RequestError},
    known::Known,
    request::{self, Codec, Received},
    swarm::failure,
    topic::Names,
    transport,
};

/// A connection to one operator. It closes when the client is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    asks: mpsc::Sender<Ask>,
    /// One for each request that the operator lets us have in flight.
    slots: Arc<Semaphore>,
    limit: u32,
}

#[derive(Debug)]
struct Ask {
    bytes: Bytes,
    asked: Asked,
}

/// Who waits for an answer; the slot is free again with the answer.
#[derive(Debug)]
struct Asked {
    reply: oneshot::Sender<Result<Bytes, RequestError>>,
    _slot: OwnedSemaphorePermit,
}

#[derive(NetworkBehaviour)]
struct Protocols {
    ping: ping::Behaviour,
    client: request_response::Behaviour<Codec>,
}

impl Client {
    /// Connects to the operator at `address`, which must end in `/p2p/<peer id>`.
    ///
    /// Whether the operator serves the chain `genesis8` shows with the first request.
    ///
    /// # Errors
    /// [`ConnectError`] when the address names no peer or cannot be reached as that peer within ten seconds.
    pub async fn connect(address: Multiaddr, genesis8: &str) -> Result<Self, ConnectError> {
        check_genesis8(genesis8).map_err(|_| ConnectError::Genesis8(genesis8.to_owned()))?;
        let (peer, base) = split(&address).ok_or_else(|| ConnectError::NoPeerId(address.clone()))?;
        let names = Names::new(genesis8);
        let limits = Limits::default();
        let protocols = Protocols {
            ping: ping::Behaviour::new(ping_config()),
            client: request::behaviour(
                Codec::new(limits.client_bytes, limits.client_bytes),
                &names.client,
                ProtocolSupport::Outbound,
                limits.client_in_flight,
                REQUEST_TIMEOUT,
            ),
        };
        // Nobody dials a client, so it need not know anybody.
        let known = Known::new(limits.handshake_rate);
        let swarm = transport::swarm(&Keypair::generate_ed25519(), protocols, &known)
            .map_err(|error| ConnectError::Setup(error.to_string()))?;
        let (asks, orders) = mpsc::channel(limits.client_in_flight);
        let mut driver = Driver {
            swarm,
            peer,
            base,
            names,
            orders,
            waiting: HashMap::new(),
        };
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, driver.connect()).await;
        let connected = connected.unwrap_or_else(|_| Err(Missed::Other("no answer".to_owned())));
        connected.map_err(|missed| match missed {
            Missed::Peer(found) => ConnectError::OtherPeer { address, found },
            Missed::Other(why) => ConnectError::Dial { address, why },
        })?;
        tokio::spawn(driver.run());
        let slots = Arc::new(Semaphore::new(limits.client_in_flight));
        Ok(Self {
            asks,
            slots,
            limit: limits.client_bytes,
        })
    }

    /// Asks the operator and waits for its answer.
    ///
    /// # Errors
    /// [`RequestError`]; the request may or may not have been handled, except when it was not sent.
    pub async fn request(&self, bytes: impl Into<Bytes>, timeout: Duration) -> Result<Bytes, RequestError> {
        let bytes = bytes.into();
        if !u32::try_from(bytes.len()).is_ok_and(|len| len <= self.limit) {
            return Err(RequestError::TooLarge {
                bytes: bytes.len(),
                limit: self.limit,
            });
        }
        let ask = async {
            let slot = Arc::clone(&self.slots)
                .acquire_owned()
                .await
                .map_err(|_| RequestError::Stopped)?;
            let (reply, answer) = oneshot::channel();
            let asked = Asked { reply, _slot: slot };
            self.asks
                .send(Ask { bytes, asked })
                .await
                .map_err(|_| RequestError::Stopped)?;
            answer.await.map_err(|_| RequestError::Stopped)?
        };
        tokio::time::timeout(timeout, ask)
            .await
            .unwrap_or(Err(RequestError::Timeout(timeout)))
    }
}

/// The state of a client's task.
struct Driver {
    swarm: Swarm<Protocols>,
    peer: PeerId,
    base: Multiaddr,
    names: Names,
    orders: mpsc::Receiver<Ask>,
    waiting: HashMap<OutboundRequestId, Asked>,
}

impl Driver {
    /// Dials once and waits for the outcome.
    async fn connect(&mut self) -> Result<(), Missed> {
        let dial = DialOpts::peer_id(self.peer)
            .addresses(vec![self.base.clone()])
            .allocate_new_port();
        self.swarm.dial(dial.build()).map_err(|error| explain(&error))?;
        loop {
            match self.swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => return Ok(()),
                SwarmEvent::OutgoingConnectionError { error, .. } => return Err(explain(&error)),
                _ => {}
            }
        }
    }

    /// Runs until the client is dropped.
    async fn run(mut self) {
        loop {
            tokio::select! {
                ask = self.orders.recv() => match ask {
                    None => return,
                    Some(ask) => self.on_ask(ask),
                },
                event = self.swarm.select_next_some() => self.on_event(event),
            }
        }
    }

    fn on_ask(&mut self, ask: Ask) {
        let request = Received {
            bytes: ask.bytes,
            held: None,
        };
        let client = &mut self.swarm.behaviour_mut().client;
        let id = client.send_request_with_addresses(&self.peer, request, vec![self.base.clone()]);
        self.waiting.insert(id, ask.asked);
    }

    fn on_event(&mut self, event: SwarmEvent<ProtocolsEvent>) {
        match event {
            SwarmEvent::Behaviour(ProtocolsEvent::Ping(ping::Event {
                connection,
                result: Err(error),
                ..
            })) => {
                tracing::debug!(%error, "no answer to ping, closing");
                self.swarm.close_connection(connection);
            }
            SwarmEvent::Behaviour(ProtocolsEvent::Client(event)) => match event {
                request_response::Event::Message {
                    message: Message::Response { request_id, response },
                    ..
                } => self.answer(request_id, Ok(response)),
                request_response::Event::OutboundFailure {
                    request_id, error, ..
                } => {
                    let error = failure(&error, self.names.client.as_ref(), REQUEST_TIMEOUT);
                    self.answer(request_id, Err(error));
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn answer(&mut self, id: OutboundRequestId, answer: Result<Bytes, RequestError>) {
        if let Some(asked) = self.waiting.remove(&id) {
            // Whoever asked may have stopped waiting.
            let _ = asked.reply.send(answer);
        }
    }
}

/// The peer named at the end of an address, and the address without it.
fn split(address: &Multiaddr) -> Option<(PeerId, Multiaddr)> {
    let mut base = address.clone();
    match base.pop()? {
        Protocol::P2p(peer) => Some((peer, base)),
        _ => None,
    }
}

/// Why a dial led nowhere.
enum Missed {
    /// Somebody else answers there.
    Peer(PeerId),
    /// Anything else, in one line.
    Other(String),
}

fn explain(error: &DialError) -> Missed {
    match error {
        DialError::WrongPeerId { obtained, .. } => Missed::Peer(*obtained),
        DialError::Transport(tried) => {
            let mut tried: Vec<String> = tried.iter().map(|(_, error)| in_words(error)).collect();
            tried.dedup();
            Missed::Other(tried.join("; "))
        }
        error => Missed::Other(one_line(&error.to_string())),
    }
}

/// What happened, for people: what the transport wraps says it, and the wrapping's own words say nothing more.
fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = wrapped(innermost) {
        innermost = cause;
    }
    let words = innermost.to_string();
    // The transport hides the error's type behind its own, and leaves the number of the system's in the words.
    let kind = match innermost.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => Some(error.kind()),
        other => number_in(&words).or(other.map(io::Error::kind)),
    };
    let words = match kind {
        Some(ErrorKind::ConnectionRefused) => "nobody listens there",
        Some(ErrorKind::TimedOut) => "no answer",
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => "no way leads there",
        Some(
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof,
        ) => "it hung up before it said who it is",
        _ => return one_line(&words),
    };
    words.to_owned()
}

/// What kind of error the system's number at the end of these words is of.
fn number_in(words: &str) -> Option<ErrorKind> {
    let (_, number) = words.rsplit_once("(os error ")?;
    let number = number.split(')').next()?.parse().ok()?;
    Some(io::Error::from_raw_os_error(number).kind())
}

/// What an error is about. An error of the system that wraps another one calls that one's cause its own, and passes over it.
fn wrapped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How long a connection may take, names and handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The protocol's own patience with one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
