//! Thirty-two bytes that stand for everything that happened in a run.

use plasma_core::{Hash, keccak};

/// A hash over all lines so far, taken in big pieces.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    hash: Hash,
    piece: Vec<u8>,
}

/// A piece is hashed when it is this long: a run has megabytes of lines.
const PIECE_BYTES: usize = 1 << 16;

impl Transcript {
    pub(crate) fn add(&mut self, now: u64, line: &str) {
        self.piece.extend(now.to_be_bytes());
        self.piece.extend(line.as_bytes());
        self.piece.push(b'\n');
        if self.piece.len() >= PIECE_BYTES {
            self.fold();
        }
    }

    fn fold(&mut self) {
        self.hash = keccak(&[&self.hash.0, &self.piece]);
        self.piece.clear();
    }

    /// The whole; zero if nothing was written down.
    pub(crate) fn end(mut self) -> Hash {
        if !self.piece.is_empty() {
            self.fold();
        }
        self.hash
    }
}
