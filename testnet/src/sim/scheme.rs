//! Signatures without curves: a signature is a number that depends on signer and digest, an aggregate is a sum.
//!
//! Nobody in a simulation forges one by computing it, but a wrong digest, signer or bitmap fails as it would with BLS. What
//! goes to Ethereum is signed again for real, when and only when the mock verifies.

use std::sync::Arc;

use plasma_consensus::scheme::{OperatorKey, Scheme, Verifier};
use plasma_core::{Bitmap, Certificate, Committee, Domain, Hash, OperatorIndex, bls::Signature};

use super::peers;

/// One operator's mock key among the keys of a committee.
#[derive(Clone, Debug)]
pub(super) struct Mock {
    me: usize,
    /// The operators of the world in the order of their seats.
    seats: Arc<[usize]>,
}

impl Mock {
    /// The key of an operator of the world, which may have no seat in the committee.
    pub(super) fn of(me: usize, committee: &Committee) -> Self {
        let seats = committee.members().map(|(_, member)| peers::operator(member));
        Self {
            me,
            seats: seats.collect(),
        }
    }

    fn signer(&self, seat: OperatorIndex) -> Option<usize> {
        self.seats.get(usize::from(seat.0)).copied()
    }
}

/// Whether a quorum of mock keys signed.
pub(super) fn is_certified(committee: &Committee, domain: &Domain, certificate: &Certificate) -> bool {
    let is_member = |signer| committee.member(signer).is_some();
    certificate.epoch == committee.epoch()
        && certificate.signers.iter().all(is_member)
        && certificate.signers.count() >= committee.quorum()
        && Mock::of(0, committee).verify_aggregate(
            &certificate.signers,
            &certificate.digest(domain),
            &certificate.signature,
        )
}

/// What an operator of the world signs.
pub(super) fn sign(index: usize, digest: &Hash) -> Signature {
    pack(worth(index, digest))
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
fn worth(signer: usize, digest: &Hash) -> u64 {
    let (words, _) = digest.0.as_chunks::<8>();
    let signer = u64::try_from(signer).expect("operators are few");
    let mixed = words
        .iter()
        .fold(signer, |mixed, word| mix(mixed, u64::from_be_bytes(*word)));
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
        self.signer(signer)
            .is_some_and(|signer| *signature == sign(signer, digest))
    }

    fn verify_aggregate(&self, signers: &Bitmap, digest: &Hash, signature: &Signature) -> bool {
        let add = |sum: Option<u64>, seat| Some(sum?.wrapping_add(worth(self.signer(seat)?, digest)));
        let sum = signers.iter().fold(Some(0), add);
        signers.count() > 0 && sum.is_some_and(|sum| *signature == pack(sum))
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
        sign(self.me, digest)
    }
}

impl OperatorKey for Mock {
    fn in_committee(&self, committee: &Committee) -> Self {
        Self::of(self.me, committee)
    }
}
