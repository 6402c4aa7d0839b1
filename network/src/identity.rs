//! Who is who: the transport identity from its seed.
//!
//! The transport key is ed25519 and bound to an operator by its committee; consensus and Ethereum keys never
//! come here.

use libp2p::{PeerId, identity::Keypair};

/// The peer id of a transport seed.
#[must_use]
pub fn peer_id(secret: &[u8; 32]) -> PeerId {
    keypair(secret).public().to_peer_id()
}

/// The transport key of a seed. Every 32 bytes are an ed25519 seed.
pub(crate) fn keypair(secret: &[u8; 32]) -> Keypair {
    let mut copy = *secret;
    Keypair::ed25519_from_bytes(&mut copy).expect("every 32 bytes are an ed25519 seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_always_one_peer_and_two_seeds_are_two() {
        assert_eq!(peer_id(&[7; 32]), peer_id(&[7; 32]));
        assert_ne!(peer_id(&[7; 32]), peer_id(&[8; 32]));
    }
}
