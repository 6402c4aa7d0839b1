//! The network's settings out of an operator's own and the federation's: who the peers are and where they listen.

use std::{collections::BTreeMap, sync::Arc};

use plasma_core::{Genesis, Hash};
use plasma_network as network;

use super::RunError;
use crate::{
    config::Config, directory::Roster, keystore::OperatorKeys, operator::chain::DERIVED_BYTES_MAX,
    runtime::slots::Slots,
};

/// The operators of these epochs as the network knows them, each once, where the newest document says that it listens.
pub(in crate::runtime) fn peers(
    rosters: &[Arc<Roster>],
    slots: &mut Slots,
) -> Result<Vec<network::Peer>, RunError> {
    let mut peers = BTreeMap::new();
    let members = rosters
        .iter()
        .flat_map(|roster| roster.committee.members().zip(&roster.members));
    for ((_, seat), member) in members {
        let refused = |reason: String| RunError::Address {
            address: format!("peer id of {}", member.operator),
            reason,
        };
        let peer_id =
            network::PeerId::from_bytes(&member.peer_id).map_err(|error| refused(error.to_string()))?;
        let index = slots
            .give(seat.peer)
            .ok_or_else(|| refused("more operators than the network has numbers for".to_owned()))?;
        let peer = network::Peer {
            slot: index,
            peer_id,
            addresses: multiaddresses(&member.addresses)?,
        };
        peers.insert(index, peer);
    }
    Ok(peers.into_values().collect())
}

/// The network of one operator.
pub(super) fn network_config(
    config: &Config,
    genesis: &Genesis,
    keys: &OperatorKeys,
    peers: Vec<network::Peer>,
) -> Result<network::Config, RunError> {
    let frame_bytes = genesis.max_block_bytes.saturating_add(DERIVED_BYTES_MAX);
    let defaults = network::Limits::default();
    Ok(network::Config {
        secret: *keys.peer.expose(),
        genesis8: genesis8(&genesis.hash()),
        listen: multiaddresses(&config.p2p.listen)?,
        peers,
        limits: network::Limits {
            payload_frame_bytes: frame_bytes,
            // Any block must fit into an answer, or who misses it never has it.
            sync_response_bytes: defaults.sync_response_bytes.max(frame_bytes),
            max_clients: usize::try_from(config.p2p.max_clients).unwrap_or(usize::MAX),
            ..defaults
        },
    })
}

fn multiaddresses(texts: &[String]) -> Result<Vec<network::Multiaddr>, RunError> {
    let parse = |text: &String| {
        text.parse().map_err(
            |error: <network::Multiaddr as std::str::FromStr>::Err| RunError::Address {
                address: text.clone(),
                reason: error.to_string(),
            },
        )
    };
    texts.iter().map(parse).collect()
}

/// The first eight hex digits of the genesis hash: part of every protocol name.
#[must_use]
pub fn genesis8(genesis: &Hash) -> String {
    genesis
        .to_string()
        .trim_start_matches("0x")
        .chars()
        .take(8)
        .collect()
}
