//! Authenticated, bounded bytes between the operators of a federation and their clients.
//!
//! This crate does not know what the bytes mean. It knows who sent them, how many of them it is willing to hold, and
//! which of them to drop first.
//!
//! | traffic | how | who |
//! |---|---|---|
//! | votes, certificates, status | [`Class::Control`] frames on a long-lived stream per direction | operators |
//! | bodies | [`Class::Payload`] frames on a second stream | operators |
//! | transactions | gossip, content-addressed, validated before it is passed on | operators |
//! | missing blocks | [`Handle::request`] | operators |
//! | submissions and queries | [`Client`] | anybody |
//!
//! Transport is TCP with noise and yamux; every protocol name carries the chain's tag, so that a stranger to the chain
//! fails at negotiation. Operator protocols are offered to the peers alone, whom [`Handle::set_peers`] replaces while the
//! network runs: a federation changes its committee.

#![forbid(unsafe_code)]

mod admission;
mod behaviour;
mod client;
mod config;
mod dial;
mod direct;
mod entries;
mod error;
mod event;
mod events;
mod frame;
mod gate;
mod handle;
mod identity;
mod known;
mod line;
mod lines;
mod meter;
mod request;
mod swarm;
mod table;
mod topic;
mod transport;

pub use libp2p::{Multiaddr, PeerId};

pub use crate::{
    client::Client,
    config::{Config, Limits, Peer, Rate},
    error::{ConnectError, Error, Fault, GossipError, RequestError},
    event::{Event, GossipId, Responder, Verdict},
    events::Events,
    frame::{Class, Frame, To},
    handle::Handle,
    identity::peer_id,
    line::PeerStatus,
    meter::{Gauge, Traffic},
    swarm::start,
    table::PEERS_MAX,
};
