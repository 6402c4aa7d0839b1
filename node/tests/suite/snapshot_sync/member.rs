//! A member with a snapshot, over real sockets, and what it may do to whoever asks for it.

use std::path::Path;

use bytes::Bytes;
use plasma_core::Hash;
use plasma_network as network;
use plasma_node::{
    runtime::{
        snapshot_sync::offer::{self, CHUNK_BYTES, Offers},
        wire::Ask,
    },
    storage::memory::MemoryReader,
};

use super::{super::child, SEEKER};

/// How a member answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// As it should.
    Truth,
    /// A byte of the archive is another.
    Flipped,
    /// The archive ends early.
    Cut,
    /// It says no chunk.
    Nothing,
    /// A header that no quorum signed.
    Header,
    /// A certificate of another block.
    Certificate,
    /// It keeps all bodies.
    Bodies,
}

/// A member that answers others until the test ends.
pub(super) struct Member {
    pub(super) slot: u16,
    pub(super) address: network::Multiaddr,
}

fn secret(slot: u16) -> [u8; 32] {
    let mut secret = [77; 32];
    secret[..2].copy_from_slice(&slot.to_be_bytes());
    secret
}

pub(super) fn join(slot: u16, peers: Vec<network::Peer>) -> (network::Handle, network::Events) {
    network::start(network::Config {
        secret: secret(slot),
        genesis8: "00000000".to_owned(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        peers,
        limits: network::Limits::default(),
    })
    .unwrap()
}

pub(super) fn peer(slot: u16, addresses: Vec<network::Multiaddr>) -> network::Peer {
    network::Peer {
        slot,
        peer_id: network::peer_id(&secret(slot)),
        addresses,
    }
}

impl Member {
    pub(super) async fn start(slot: u16, gives: Gives, reader: MemoryReader, data_dir: &Path) -> Self {
        let (handle, mut events) = join(slot, vec![peer(slot, Vec::new()), peer(SEEKER, Vec::new())]);
        let address = loop {
            if let Some(network::Event::Listening(address)) = events.recv().await {
                break address;
            }
        };
        let data_dir = data_dir.to_path_buf();
        tokio::spawn(async move {
            let _alive = handle;
            let mut kept = Vec::new();
            while let Some(event) = events.recv().await {
                let network::Event::Request { bytes, reply, .. } = event else {
                    continue;
                };
                let ask = Ask::decode(&bytes).unwrap();
                let answer = offer::serve(&ask, &reader, &data_dir).unwrap();
                match falsify(gives, &ask, &answer) {
                    Some(answer) => reply.send(answer).unwrap(),
                    None => kept.push(reply),
                }
                if child::folder().is_some() {
                    child::say(format!("{ask:?}"));
                }
            }
        });
        Self { slot, address }
    }
}

fn falsify(gives: Gives, ask: &Ask, answer: &Bytes) -> Option<Bytes> {
    let mut bytes = answer.to_vec();
    match (gives, ask) {
        (Gives::Nothing, Ask::Chunk { .. }) => return None,
        (Gives::Flipped, Ask::Chunk { offset: 0, .. }) => bytes[CHUNK_BYTES / 2] ^= 1,
        (Gives::Cut, Ask::Chunk { offset, .. }) if *offset > 0 => bytes.truncate(bytes.len() - 1),
        (Gives::Header, Ask::Snapshots(_)) => {
            let mut offers = Offers::decode(&bytes).unwrap();
            let offer = offers.newest.as_mut().unwrap();
            offer.headers[0].output_commitment = Hash([6; 32]);
            bytes = offers.encode().to_vec();
        }
        (Gives::Certificate, Ask::Snapshots(_)) => {
            let mut offers = Offers::decode(&bytes).unwrap();
            let offer = offers.newest.as_mut().unwrap();
            // What is certified becomes the header that is false.
            let last = offer.headers.last_mut().unwrap();
            last.output_commitment = Hash([6; 32]);
            offer.certificate.block = last.id();
            bytes = offers.encode().to_vec();
        }
        (Gives::Bodies, Ask::Snapshots(_)) => bytes[..4].fill(0),
        _ => {}
    }
    Some(bytes.into())
}
