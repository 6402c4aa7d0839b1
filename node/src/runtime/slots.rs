//! The numbers by which the network knows operators. A number is given once and stays: committees change, and whoever leaves
//! one may come back in the next.

use plasma_core::Peer;

/// Operators by their number.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    peers: Vec<Peer>,
}

impl Slots {
    /// The operator of a number.
    #[must_use]
    pub fn peer(&self, slot: u16) -> Option<Peer> {
        self.peers.get(usize::from(slot)).copied()
    }

    /// The number of an operator.
    #[must_use]
    pub fn of(&self, peer: Peer) -> Option<u16> {
        let place = self.peers.iter().position(|known| *known == peer)?;
        u16::try_from(place).ok()
    }

    /// The number of an operator, a new one when it has none; `None` when all are given away.
    pub fn give(&mut self, peer: Peer) -> Option<u16> {
        if let Some(slot) = self.of(peer) {
            return Some(slot);
        }
        let slot = u16::try_from(self.peers.len()).ok()?;
        self.peers.push(peer);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::Hash;

    use super::*;

    #[test]
    fn a_number_is_given_once_and_stays() {
        let mut slots = Slots::default();
        let (one, other) = (Peer(Hash([1; 32])), Peer(Hash([2; 32])));
        assert_eq!(
            (slots.give(one), slots.give(other), slots.give(one)),
            (Some(0), Some(1), Some(0))
        );
        assert_eq!((slots.peer(1), slots.peer(2)), (Some(other), None));
        assert_eq!((slots.of(one), slots.of(Peer(Hash([3; 32])))), (Some(0), None));
    }
}
