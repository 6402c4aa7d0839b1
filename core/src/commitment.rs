//! A homomorphic hash of a set: adding or removing an element costs the same whatever the set holds.
//!
//! LtHash with 1024 lanes of u16, each element expanded by plain BLAKE3 to 2048 bytes read as
//! little-endian lanes; lanes add and subtract modulo 2^16. The order of operations does not matter.
//!
//! Source: Bellare and Micciancio, "A New Paradigm for Collision-free Hashing", section on LtHash;
//! parameters as in Facebook's "Securing Update Propagation with Homomorphic Hashing".

use core::fmt;

use crate::{Hash, keccak};

const LANES: usize = 1024;

/// The sum of a set of byte strings; 2048 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash {
    lanes: Box<[u16; LANES]>,
}

impl Default for LtHash {
    fn default() -> Self {
        Self {
            lanes: Box::new([0; LANES]),
        }
    }
}

impl LtHash {
    /// Bytes of the fixed encoding: the lanes, little-endian.
    pub const SIZE: usize = 2048;

    /// Puts an element into the set.
    pub fn add(&mut self, element: &[u8]) {
        for (lane, pair) in self.lanes.iter_mut().zip(expand(element).as_chunks::<2>().0) {
            *lane = lane.wrapping_add(u16::from_le_bytes(*pair));
        }
    }

    /// Takes an element out of the set; the caller knows that it is in it.
    pub fn remove(&mut self, element: &[u8]) {
        for (lane, pair) in self.lanes.iter_mut().zip(expand(element).as_chunks::<2>().0) {
            *lane = lane.wrapping_sub(u16::from_le_bytes(*pair));
        }
    }

    /// keccak of the encoding: what a header carries.
    #[must_use]
    pub fn digest(&self) -> Hash {
        keccak(&[&self.to_bytes()])
    }

    /// The lanes, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        for (to, lane) in out.as_chunks_mut::<2>().0.iter_mut().zip(self.lanes.iter()) {
            *to = lane.to_le_bytes();
        }
        out
    }

    /// Every 2048 bytes are a sum.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let mut sum = Self::default();
        for (lane, pair) in sum.lanes.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *lane = u16::from_le_bytes(*pair);
        }
        sum
    }
}

impl fmt::Debug for LtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LtHash({})", self.digest())
    }
}

fn expand(element: &[u8]) -> [u8; LtHash::SIZE] {
    let mut out = [0; LtHash::SIZE];
    blake3::Hasher::new()
        .update(element)
        .finalize_xof()
        .fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let mut forwards = LtHash::default();
        forwards.add(b"one");
        forwards.add(b"two");
        let mut backwards = LtHash::default();
        backwards.add(b"two");
        backwards.add(b"three");
        backwards.add(b"one");
        assert_ne!(forwards, backwards);
        backwards.remove(b"three");
        assert_eq!(forwards, backwards);
        assert_eq!(LtHash::from_bytes(&forwards.to_bytes()), forwards);
        forwards.remove(b"one");
        forwards.remove(b"two");
        assert_eq!(forwards, LtHash::default());
    }

    #[test]
    fn a_set_may_hold_an_element_twice() {
        let mut once = LtHash::default();
        once.add(b"x");
        let mut twice = once.clone();
        twice.add(b"x");
        assert_ne!(once.digest(), twice.digest());
    }
}
