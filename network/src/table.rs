//! The peers of one moment, and to whom each slot was ever given.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use crate::{config::Peer, error::Error, line::Line};

/// All peers but ourselves; it never changes, another takes its place.
#[derive(Debug, Default)]
pub(crate) struct Table {
    members: BTreeMap<u16, Member>,
    slots: HashMap<PeerId, u16>,
}

/// One of them. The line is the same as long as the peer stays, wherever it listens.
#[derive(Debug)]
struct Member {
    line: Arc<Line>,
    addresses: Vec<Multiaddr>,
}

impl Table {
    pub(crate) fn insert(&mut self, line: Arc<Line>, addresses: &[Multiaddr]) {
        let addresses = addresses.iter().map(bare).collect();
        self.slots.insert(line.peer_id, line.slot);
        self.members.insert(line.slot, Member { line, addresses });
    }

    pub(crate) fn get(&self, slot: u16) -> Option<&Arc<Line>> {
        self.members.get(&slot).map(|member| &member.line)
    }

    pub(crate) fn of(&self, peer: &PeerId) -> Option<&Arc<Line>> {
        self.get(*self.slots.get(peer)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.members.values().map(|member| &member.line)
    }

    /// Where each peer can be dialled, without the peer's name, which the dial adds itself.
    pub(crate) fn dialable(&self) -> impl Iterator<Item = (PeerId, &[Multiaddr])> {
        self.members
            .values()
            .map(|member| (member.line.peer_id, member.addresses.as_slice()))
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}

fn bare(address: &Multiaddr) -> Multiaddr {
    let parts = address.iter();
    parts.filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}

/// Whose each slot is for the life of the process. A frame on its way to the layer above says only its sender's slot,
/// so a slot that became another peer's would put one peer's words into the other's mouth. It holds as many as there
/// are slots and never more.
#[derive(Debug, Default)]
pub(crate) struct Given {
    owners: BTreeMap<u16, Owner>,
    slots: HashMap<PeerId, u16>,
}

/// Who has the slot, and where its generations go on when it comes back: the reader of events must see that it left.
#[derive(Debug)]
struct Owner {
    peer_id: PeerId,
    generation: u64,
}

impl Given {
    /// Whether these may be the peers.
    pub(crate) fn check(&self, peers: &[Peer]) -> Result<(), Error> {
        if peers.len() > PEERS_MAX {
            return Err(Error::TooManyPeers {
                peers: peers.len(),
                limit: PEERS_MAX,
            });
        }
        let (mut slots, mut ids) = (HashSet::new(), HashSet::new());
        for peer in peers {
            let (slot, peer_id) = (peer.slot, peer.peer_id);
            if !slots.insert(slot) {
                return Err(Error::DuplicateSlot(slot));
            }
            if !ids.insert(peer_id) {
                return Err(Error::DuplicatePeer(peer_id));
            }
            if let Some(Owner { peer_id: owner, .. }) = self.owners.get(&slot)
                && *owner != peer_id
            {
                let owner = owner.to_string();
                return Err(Error::SlotOfAnother { slot, peer_id, owner });
            }
            if let Some(given) = self.slots.get(&peer_id)
                && *given != slot
            {
                let given = *given;
                return Err(Error::OtherSlot { peer_id, slot, given });
            }
        }
        Ok(())
    }

    /// Gives a checked peer its slot, and says with which generation its line begins.
    pub(crate) fn give(&mut self, peer: &Peer) -> u64 {
        self.slots.insert(peer.peer_id, peer.slot);
        let owner = self.owners.entry(peer.slot).or_insert(Owner {
            peer_id: peer.peer_id,
            generation: 0,
        });
        owner.generation
    }

    /// The owner of the slot left with this generation.
    pub(crate) fn end(&mut self, slot: u16, generation: u64) {
        if let Some(owner) = self.owners.get_mut(&slot) {
            owner.generation = generation;
        }
    }
}

/// Peers at once, ourselves included: three committees of a hundred, the running one, the one before, and the one to come.
pub const PEERS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity;

    fn peer(slot: u16, seed: u8) -> Peer {
        Peer {
            slot,
            peer_id: identity::peer_id(&[seed; 32]),
            addresses: Vec::new(),
        }
    }

    #[test]
    fn a_slot_is_one_peers_for_ever_and_a_peer_has_one_slot() {
        let mut given = Given::default();
        for peer in [peer(0, 10), peer(1, 11)] {
            given.give(&peer);
        }
        given.end(1, 4);
        given.check(&[peer(0, 10)]).expect("the other may leave");
        given.check(&[peer(1, 11)]).expect("and come back");
        assert_eq!(given.give(&peer(1, 11)), 4, "its ups and downs go on");
        let error = given.check(&[peer(1, 12)]).expect_err("it is another's");
        assert!(matches!(error, Error::SlotOfAnother { slot: 1, .. }), "{error}");
        let error = given.check(&[peer(2, 11)]).expect_err("it has a slot");
        assert!(
            matches!(
                error,
                Error::OtherSlot {
                    slot: 2,
                    given: 1,
                    ..
                }
            ),
            "{error}"
        );
        given.check(&[peer(2, 12)]).expect("a new slot for a new peer");
    }

    #[test]
    fn there_are_never_more_peers_than_the_limit() {
        let stranger = |slot| Peer {
            peer_id: PeerId::random(),
            ..peer(slot, 0)
        };
        let mut peers: Vec<_> = (0..300).map(stranger).collect();
        Given::default().check(&peers).expect("as many as may be");
        peers.push(stranger(300));
        let error = Given::default().check(&peers).expect_err("one too many");
        assert!(
            matches!(
                error,
                Error::TooManyPeers {
                    peers: 301,
                    limit: 300
                }
            ),
            "{error}"
        );
    }
}
