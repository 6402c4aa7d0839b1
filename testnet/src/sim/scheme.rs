//! Signatures without curves: a signature is a number that depends on signer and digest, an aggregate is a sum.
//!
//! Nobody in a simulation forges one by computing it, but a wrong digest, signer or bitmap fails as it would with BLS. What
//! goes to Ethereum is signed again for real, when and only when the mock verifies.

use plasma_consensus::scheme::{OperatorKey, Scheme, Verifier};
use plasma_core::{Bitmap, Committee, Hash, OperatorIndex, bls::Signature};

/// One operator's mock key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mock {
    pub(super) me: OperatorIndex,
}

/// The first bytes of every mock signature.
const MARK: [u8; 8] = *b"mocksign";

fn mix(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What an operator's signature over a digest is worth.
fn worth(signer: OperatorIndex, digest: &Hash) -> u64 {
    let (words, _) = digest.0.as_chunks::<8>();
    let mixed = words.iter().fold(u64::from(signer.0), |mixed, word| {
        mix(mixed, u64::from_be_bytes(*word))
    });
    mix(mixed, 1)
}

fn pack(sum: u64) -> Signature {
    let mut bytes = [0; 96];
    bytes[..8].copy_from_slice(&MARK);
    bytes[8..16].copy_from_slice(&sum.to_be_bytes());
    Signature(bytes)
}

fn unpack(signature: &Signature) -> Option<u64> {
    let (mark, rest) = signature.0.split_first_chunk::<8>()?;
    let (sum, _) = rest.split_first_chunk::<8>()?;
    (*mark == MARK).then(|| u64::from_be_bytes(*sum))
}

impl Verifier for Mock {
    fn verify_one(&self, signer: OperatorIndex, digest: &Hash, signature: &Signature) -> bool {
        *signature == pack(worth(signer, digest))
    }

    fn verify_aggregate(&self, signers: &Bitmap, digest: &Hash, signature: &Signature) -> bool {
        let sum = signers
            .iter()
            .fold(0u64, |sum, signer| sum.wrapping_add(worth(signer, digest)));
        signers.count() > 0 && *signature == pack(sum)
    }

    fn aggregate(&self, signatures: &[Signature]) -> Option<Signature> {
        let add = |sum: Option<u64>, signature| Some(sum?.wrapping_add(unpack(signature)?));
        (!signatures.is_empty())
            .then(|| signatures.iter().fold(Some(0), add))?
            .map(pack)
    }
}

impl Scheme for Mock {
    fn sign(&self, digest: &Hash) -> Signature {
        pack(worth(self.me, digest))
    }
}

impl OperatorKey for Mock {
    /// Simulated committees do not change yet: the seat is the same.
    fn in_committee(&self, _: &Committee) -> Self {
        *self
    }
}
