//! What one operator's network is told at the start: who it is, who its peers are, where to listen, and how much it
//! may be made to hold.
//!
//! Every limit of this crate is a field of [`Limits`] or a named constant beside its use. The defaults follow the
//! network design: votes are small and must never wait, bodies are large and must never fill the memory.

use std::{fmt, time::Duration};

use libp2p::{Multiaddr, PeerId};

use crate::error::Error;

/// One operator: its slot, its transport identity, and where it can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The short name that the layer above gives to this peer id: everything that this crate tells of the peer says it.
    /// It is no place in a committee, which changes, and within a process it is never another peer's.
    pub slot: u16,
    /// The ed25519 identity of its transport.
    pub peer_id: PeerId,
    /// Where it listens; DNS names are allowed, a trailing `/p2p/…` is tolerated.
    pub addresses: Vec<Multiaddr>,
}

/// The start-up configuration of [`crate::start`].
#[derive(Clone)]
pub struct Config {
    /// The ed25519 seed of our transport identity; never a consensus or an Ethereum key.
    pub secret: [u8; 32],
    /// First eight hex digits of the genesis hash: part of every protocol name.
    pub genesis8: String,
    /// Where to listen; port 0 lets the system choose, [`crate::Event::Listening`] tells.
    pub listen: Vec<Multiaddr>,
    /// Those who may speak the operators' protocols, until [`crate::Handle::set_peers`] says otherwise; our own entry
    /// may be in it and is never dialled.
    pub peers: Vec<Peer>,
    /// Bounds of memory, rates and connections.
    pub limits: Limits,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("genesis8", &self.genesis8)
            .field("listen", &self.listen)
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Checks the pieces, so that a wrong file is told at the start and not as silence later.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_genesis8(&self.genesis8)?;
        self.limits.check()
    }
}

/// Eight lowercase hex digits, or protocol names of two nodes would differ by spelling alone.
pub(crate) fn check_genesis8(genesis8: &str) -> Result<(), Error> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if genesis8.len() == 8 && genesis8.bytes().all(hex) {
        Ok(())
    } else {
        Err(Error::Genesis8(genesis8.to_owned()))
    }
}

/// A rate with a burst: a token bucket's two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back each second; at least 1.
    pub per_second: u32,
    /// Tokens that may be spent at once; at least 1.
    pub burst: u32,
}

/// Bounds of memory, rates and connections. Change with `Limits { max_clients: 8, ..Limits::default() }`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest control frame in bytes; votes, certificates and proposals without bodies are far below it.
    pub control_frame_bytes: u32,
    /// Largest payload frame in bytes: two blocks of 8 MB.
    pub payload_frame_bytes: u32,
    /// Control frames queued for one peer; at 2 000 messages a second it is two seconds of a full storm.
    pub control_queue_frames: usize,
    /// Bytes of control frames queued for one peer.
    pub control_queue_bytes: usize,
    /// Bytes of payload frames queued for one peer.
    pub payload_queue_bytes: usize,
    /// Bytes of distinct payload frames queued for all peers together; one body sent to all counts once.
    pub payload_queue_bytes_total: usize,
    /// A queued frame older than this is not sent: consensus repeats what is still wanted.
    pub frame_age_max: Duration,
    /// Control frames accepted from one peer.
    pub control_frames_rate: Rate,
    /// Bytes of control frames accepted from one peer.
    pub control_bytes_rate: Rate,
    /// Bytes of payload frames accepted from one peer.
    pub payload_bytes_rate: Rate,
    /// A peer whose control stream stays throttled for so long is disconnected.
    pub flood_patience: Duration,
    /// Largest sync request in bytes.
    pub sync_request_bytes: u32,
    /// Largest sync response in bytes.
    pub sync_response_bytes: u32,
    /// Sync requests in flight with one peer, in each direction.
    pub sync_in_flight: usize,
    /// Bytes of sync answers being written to one peer; a further answer is refused.
    pub sync_answer_bytes: usize,
    /// Sync requests accepted from one peer; more wait for their turn.
    pub sync_rate: Rate,
    /// After so long an unanswered sync request is given up on both sides.
    pub sync_timeout: Duration,
    /// Largest gossip message in bytes, its envelope included.
    pub gossip_bytes: usize,
    /// Gossip messages that wait for a first subscribed peer.
    pub gossip_backlog: usize,
    /// Strangers connected at once.
    pub max_clients: usize,
    /// Connections of strangers from one IP address at once.
    pub clients_per_ip: usize,
    /// Handshakes under way at once from addresses that are not an operator's.
    pub pending_inbound: usize,
    /// Handshakes under way at once from one IP address, so that one host cannot keep the committee out.
    pub pending_per_ip: usize,
    /// Handshakes begun from one operator's address, and from all other addresses together: each costs a signature.
    pub handshake_rate: Rate,
    /// Largest client request and response in bytes.
    pub client_bytes: u32,
    /// Client requests in flight on one connection.
    pub client_in_flight: usize,
    /// Bytes of large unanswered client requests held at once, all clients together, and of large answers being
    /// written; small ones, up to 4 kB, are bounded by the numbers of clients and of their requests.
    pub client_bytes_in_flight: usize,
    /// Requests accepted from one client; more wait for their turn.
    pub client_rate: Rate,
    /// After so long an unanswered client request is given up on both sides.
    pub client_timeout: Duration,
    /// A stranger that asked nothing for so long loses its connection.
    pub client_idle: Duration,
    /// Above this resident size of the process no stranger is let in.
    pub process_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            control_frame_bytes: 64 * KIB,
            payload_frame_bytes: 16 * MIB,
            control_queue_frames: 4_096,
            control_queue_bytes: 4 * 1024 * 1024,
            payload_queue_bytes: 32 * 1024 * 1024,
            payload_queue_bytes_total: 256 * 1024 * 1024,
            frame_age_max: Duration::from_secs(10),
            control_frames_rate: Rate {
                per_second: 2_000,
                burst: 4_000,
            },
            control_bytes_rate: Rate {
                per_second: 2 * MIB,
                burst: 4 * MIB,
            },
            payload_bytes_rate: Rate {
                per_second: 64 * MIB,
                burst: 64 * MIB,
            },
            flood_patience: Duration::from_secs(10),
            sync_request_bytes: 64 * KIB,
            sync_response_bytes: 16 * MIB,
            sync_in_flight: 32,
            sync_answer_bytes: 64 * 1024 * 1024,
            sync_rate: Rate {
                per_second: 256,
                burst: 512,
            },
            sync_timeout: Duration::from_secs(30),
            gossip_bytes: 256 * 1024,
            gossip_backlog: 256,
            max_clients: 256,
            clients_per_ip: 32,
            pending_inbound: 32,
            pending_per_ip: 16,
            handshake_rate: Rate {
                per_second: 100,
                burst: 200,
            },
            client_bytes: MIB,
            client_in_flight: 32,
            client_bytes_in_flight: 64 * 1024 * 1024,
            client_rate: Rate {
                per_second: 200,
                burst: 400,
            },
            client_timeout: Duration::from_secs(10),
            client_idle: Duration::from_secs(120),
            process_bytes: 4 * 1024 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Bounds that would stop all traffic are a mistake, not a limit.
    fn check(&self) -> Result<(), Error> {
        let rates = [
            ("control_frames_rate", self.control_frames_rate),
            ("control_bytes_rate", self.control_bytes_rate),
            ("payload_bytes_rate", self.payload_bytes_rate),
            ("sync_rate", self.sync_rate),
            ("handshake_rate", self.handshake_rate),
            ("client_rate", self.client_rate),
        ];
        for (name, rate) in rates {
            if rate.per_second == 0 || rate.burst == 0 {
                return Err(Error::Limit {
                    name,
                    why: "a rate of zero lets nothing through",
                });
            }
        }
        let fits = |bytes: u32, queue: usize| usize::try_from(bytes).is_ok_and(|bytes| bytes <= queue);
        if !fits(self.control_frame_bytes, self.control_queue_bytes) {
            return Err(Error::Limit {
                name: "control_queue_bytes",
                why: "cannot hold one control frame",
            });
        }
        if !fits(
            self.payload_frame_bytes,
            self.payload_queue_bytes.min(self.payload_queue_bytes_total),
        ) {
            return Err(Error::Limit {
                name: "payload_queue_bytes",
                why: "cannot hold one payload frame",
            });
        }
        if !fits(self.sync_response_bytes, self.sync_answer_bytes) {
            return Err(Error::Limit {
                name: "sync_answer_bytes",
                why: "cannot hold one sync answer",
            });
        }
        if !fits(self.client_bytes, self.client_bytes_in_flight) {
            return Err(Error::Limit {
                name: "client_bytes_in_flight",
                why: "cannot hold one client request",
            });
        }
        Ok(())
    }
}

/// 2¹⁰ bytes.
const KIB: u32 = 1024;
/// 2²⁰ bytes.
const MIB: u32 = 1024 * 1024;
