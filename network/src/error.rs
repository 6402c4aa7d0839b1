//! What can go wrong, in three places: at the start, when a request is made, and what a peer did to lose its
//! connection.

use std::{io, time::Duration};

use libp2p::{Multiaddr, PeerId};

/// Why the network could not start, or its peers not be replaced. Each is ours to repair: a configuration or a busy port.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain's tag is not eight lowercase hex digits.
    #[error("genesis8 is {0:?}, expected the first eight lowercase hex digits of the genesis hash")]
    Genesis8(String),
    /// Two peers have one slot.
    #[error("two peers have the slot {0}")]
    DuplicateSlot(u16),
    /// Two slots have one peer id.
    #[error("the peer id {0} has two slots")]
    DuplicatePeer(PeerId),
    /// The slot was another peer's before.
    #[error("{peer_id} cannot have the slot {slot}: it is {owner}'s for as long as this process runs")]
    SlotOfAnother {
        /// The slot.
        slot: u16,
        /// Who was to have it.
        peer_id: PeerId,
        /// The peer id whose it is.
        owner: String,
    },
    /// The peer had another slot before.
    #[error("{peer_id} cannot have the slot {slot}: its slot is {given} for as long as this process runs")]
    OtherSlot {
        /// Whom it is about.
        peer_id: PeerId,
        /// The slot that it was to have.
        slot: u16,
        /// Its slot.
        given: u16,
    },
    /// More peers than the network is made for.
    #[error("{peers} peers, the limit is {limit}")]
    TooManyPeers {
        /// How many were asked for.
        peers: usize,
        /// The limit.
        limit: usize,
    },
    /// A limit is so small that nothing could pass.
    #[error("limit {name}: {why}")]
    Limit {
        /// The field of `Limits`.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address could not be listened on: not supported, not ours, or taken.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// The address asked for.
        address: Multiaddr,
        /// What the system said.
        why: String,
    },
    /// A libp2p component refused its settings.
    #[error("cannot set up {part}: {why}")]
    Setup {
        /// Which component.
        part: &'static str,
        /// What it said.
        why: String,
    },
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nobody has this slot, or we do ourselves.
    #[error("no peer has the slot {0}")]
    UnknownPeer(u16),
    /// There is no connection now; the network keeps dialling.
    #[error("not connected")]
    NotConnected,
    /// The request is longer than the protocol allows; nothing was sent.
    #[error("the request has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: u32,
    },
    /// The other side's answer, or its length prefix, is longer than the protocol allows or cut short.
    #[error("malformed response: {0}")]
    Malformed(String),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The other side closed the request without an answer: over its limits, or it had nothing to say.
    #[error("the peer refused to answer")]
    Refused,
    /// The other side does not speak this protocol.
    #[error("the peer does not speak {protocol}: it runs another chain, or does not know us as an operator")]
    OtherChain {
        /// The protocol that was offered.
        protocol: String,
    },
    /// The connection closed while the answer was awaited.
    #[error("the connection closed before the answer: {0}")]
    Disconnected(String),
    /// The network is stopping.
    #[error("the network has stopped")]
    Stopped,
}

/// Why a client could not connect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The chain's tag is not eight lowercase hex digits.
    #[error("genesis8 is {0:?}, expected the first eight lowercase hex digits of the genesis hash")]
    Genesis8(String),
    /// The address does not end in `/p2p/<peer id>`, so nobody could be authenticated.
    #[error("{0} names no peer: it must end in /p2p/<peer id>")]
    NoPeerId(Multiaddr),
    /// The dial failed.
    #[error("cannot connect to {address}: {why}")]
    Dial {
        /// The address.
        address: Multiaddr,
        /// What happened.
        why: String,
    },
    /// Another peer answers there.
    #[error("cannot connect to {address}: somebody else answers there: {found}")]
    OtherPeer {
        /// The address.
        address: Multiaddr,
        /// Who it is.
        found: PeerId,
    },
    /// The transport could not be set up.
    #[error("cannot set up the transport: {0}")]
    Setup(String),
}

/// Why a gossip message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GossipError {
    /// Longer than the topic allows.
    #[error("the message has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Too much is waiting to be published.
    #[error("the gossip queue is full")]
    Busy,
    /// The network is stopping.
    #[error("the network has stopped")]
    Stopped,
}

/// What a peer did that cost it the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A length prefix over the limit. Nothing was allocated for it.
    #[error("announced a {stream} frame of {bytes} bytes, the limit is {limit}")]
    Oversize {
        /// Which stream.
        stream: &'static str,
        /// What it announced.
        bytes: u32,
        /// The limit.
        limit: u32,
    },
    /// A frame of no bytes means nothing.
    #[error("sent an empty {0} frame")]
    Empty(&'static str),
    /// More streams at once than an honest peer ever has.
    #[error("opened too many {0} streams")]
    Streams(&'static str),
    /// It kept its control stream over the rate for too long.
    #[error("flooded its {0} stream")]
    Flood(&'static str),
    /// It does not speak our protocol.
    #[error("does not speak {0}: it runs another chain, or does not know us as an operator")]
    OtherChain(String),
    /// The layer above judged what it sent.
    #[error("was penalized by the layer above")]
    Penalized,
}

impl Fault {
    /// Whether an honest peer can never do this. Another chain can be an honest mistake and is only redialled slowly.
    pub(crate) const fn is_malice(&self) -> bool {
        !matches!(self, Self::OtherChain(_))
    }
}

/// Reads an IO error of a codec back into the error that caused it.
pub(crate) fn response_failure(error: &io::Error) -> RequestError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof if error.get_ref().is_none() => RequestError::Refused,
        io::ErrorKind::InvalidData => RequestError::Malformed(error.to_string()),
        _ => RequestError::Disconnected(error.to_string()),
    }
}
