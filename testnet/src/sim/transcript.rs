//! Thirty-two bytes that stand for everything that happened in a run.

use plasma_core::{Hash, keccak};

/// A hash over all that was added so far, taken in big pieces.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    hash: Hash,
    piece: Vec<u8>,
}

/// A piece is hashed when it is this long.
const PIECE_BYTES: usize = 1 << 16;

impl Transcript {
    pub(super) fn add(&mut self, now: u64, parts: &[&[u8]]) {
        self.piece.extend(now.to_be_bytes());
        parts.iter().for_each(|part| self.piece.extend(*part));
        if self.piece.len() >= PIECE_BYTES {
            self.fold();
        }
    }

    fn fold(&mut self) {
        self.hash = keccak(&[&self.hash.0, &self.piece]);
        self.piece.clear();
    }

    /// The whole.
    pub(super) fn end(&mut self) -> Hash {
        self.fold();
        self.hash
    }
}
