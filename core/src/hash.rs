//! Thirty-two byte hashes and twenty byte addresses, and the one hash function of the protocol.
//!
//! Every id, digest and tree node is keccak-256 over a fixed-width, domain-separated message
//! (`docs/protocol.md`), so the contracts can recompute it.

use core::fmt;

use serde::{Deserialize, Serialize};
use tiny_keccak::{Hasher, Keccak};

/// A keccak-256 output.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hash(pub [u8; 32]);

/// An Ethereum address; twenty zero bytes name ETH where an asset is meant.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address(pub [u8; 20]);

impl Hash {
    /// Thirty-two zero bytes.
    pub const ZERO: Self = Self([0; 32]);
}

impl Address {
    /// The asset ETH, and the owner that no output may have.
    pub const ZERO: Self = Self([0; 20]);

    /// Whether all twenty bytes are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

/// keccak-256 of the concatenated parts.
#[must_use]
pub fn keccak(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak::v256();
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0; 32];
    hasher.finalize(&mut out);
    Hash(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}
