//! Signatures without curves: a signature is a number that depends on signer and digest, an aggregate is a sum.
//!
//! Nobody in a simulation forges them, but a wrong digest, signer or bitmap fails as it would with BLS, and sums cancel
//! as they do there.

use plasma_consensus::scheme::{Bls, Scheme, Verifier};
use plasma_core::{Bitmap, Committee, Hash, OperatorIndex, SecretKey, Signature, keccak};

use super::random::mix;

/// One operator's mock key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mock {
    pub(crate) me: OperatorIndex,
}

/// A member's key: most runs have mock ones, a few have real ones.
#[derive(Debug)]
pub(crate) enum Key {
    Mock(Mock),
    Real(Box<Bls>),
}

/// The real secret of a simulated member.
pub(crate) fn secret(member: u16) -> SecretKey {
    SecretKey::from_seed(&keccak(&[b"member", &member.to_be_bytes()]).0)
}

impl Key {
    pub(crate) fn mock(member: u16) -> Self {
        Self::Mock(Mock {
            me: OperatorIndex(member),
        })
    }

    pub(crate) fn real(member: u16, committee: Committee) -> Self {
        Self::Real(Box::new(Bls::new(secret(member), committee)))
    }
}

impl Verifier for Key {
    fn verify_one(&self, signer: OperatorIndex, digest: &Hash, signature: &Signature) -> bool {
        match self {
            Self::Mock(mock) => mock.verify_one(signer, digest, signature),
            Self::Real(real) => real.verify_one(signer, digest, signature),
        }
    }

    fn verify_aggregate(&self, signers: &Bitmap, digest: &Hash, signature: &Signature) -> bool {
        match self {
            Self::Mock(mock) => mock.verify_aggregate(signers, digest, signature),
            Self::Real(real) => real.verify_aggregate(signers, digest, signature),
        }
    }

    fn aggregate(&self, signatures: &[Signature]) -> Option<Signature> {
        match self {
            Self::Mock(mock) => mock.aggregate(signatures),
            Self::Real(real) => real.aggregate(signatures),
        }
    }
}

impl Scheme for Key {
    fn sign(&self, digest: &Hash) -> Signature {
        match self {
            Self::Mock(mock) => mock.sign(digest),
            Self::Real(real) => real.sign(digest),
        }
    }
}

const MARK: u64 = 0x5349_474e;

/// What this operator's signature over a digest is worth.
fn worth(signer: OperatorIndex, digest: &Hash) -> u64 {
    let word = |at: usize| {
        let bytes: [u8; 8] = digest.0[at..at + 8].try_into().expect("eight bytes");
        u64::from_be_bytes(bytes)
    };
    mix(mix(word(0), u64::from(signer.0)), word(8) ^ word(16) ^ word(24))
}

fn pack(sum: u64) -> Signature {
    let mut bytes = [0; 96];
    bytes[..8].copy_from_slice(&MARK.to_be_bytes());
    bytes[8..16].copy_from_slice(&sum.to_be_bytes());
    Signature(bytes)
}

fn unpack(signature: &Signature) -> Option<u64> {
    let mark: [u8; 8] = signature.0[..8].try_into().ok()?;
    let sum: [u8; 8] = signature.0[8..16].try_into().ok()?;
    (u64::from_be_bytes(mark) == MARK).then(|| u64::from_be_bytes(sum))
}

/// The signature moved by a difference: alone it is bad, but opposite differences cancel in a sum.
pub(crate) fn shifted(signature: &Signature, difference: u64) -> Signature {
    match unpack(signature) {
        Some(sum) => pack(sum.wrapping_add(difference)),
        // A real one only becomes bad.
        None => Signature(
            signature
                .0
                .map(|byte| byte.wrapping_add(u8::from(difference > 0))),
        ),
    }
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
        let sum = |sum: Option<u64>, signature| Some(sum?.wrapping_add(unpack(signature)?));
        (!signatures.is_empty())
            .then(|| signatures.iter().fold(Some(0), sum))?
            .map(pack)
    }
}

impl Scheme for Mock {
    fn sign(&self, digest: &Hash) -> Signature {
        pack(worth(self.me, digest))
    }
}
