//! The signature scheme behind votes, as the engine sees it: 32-byte digests in, signatures and aggregates out.
//!
//! Checking and signing are two traits, because only the vote ledger may sign: it lends out its scheme as a
//! [`Verifier`] and keeps [`Scheme::sign`] to itself.

use core::fmt;

use plasma_core::{
    Bitmap, Committee, Hash, OperatorIndex,
    bls::{self, SecretKey, Signature},
};

/// Checks what others signed and sums signatures. Knows the committee's keys.
pub trait Verifier {
    /// Whether this operator signed this digest.
    fn verify_one(&self, signer: OperatorIndex, digest: &Hash, signature: &Signature) -> bool;

    /// Whether the signature is the sum of these operators' signatures over the digest.
    fn verify_aggregate(&self, signers: &Bitmap, digest: &Hash, signature: &Signature) -> bool;

    /// The sum of signatures; `None` when one of them is no point of the curve, or there is none.
    fn aggregate(&self, signatures: &[Signature]) -> Option<Signature>;
}

/// A verifier that also holds one operator's key.
pub trait Scheme: Verifier {
    /// Signs a digest. Only the vote ledger calls this.
    fn sign(&self, digest: &Hash) -> Signature;
}

/// A key that votes in one committee after the other.
pub trait OperatorKey: Scheme + Sized {
    /// The same key among the keys of another committee. Without a seat there it only verifies.
    #[must_use]
    fn in_committee(&self, committee: &Committee) -> Self;
}

/// BLS with the committee's registered keys: what operators run.
pub struct Bls {
    secret: SecretKey,
    committee: Committee,
}

impl Bls {
    /// The key must be the one that the committee lists for this operator; the caller has checked it.
    #[must_use]
    pub fn new(secret: SecretKey, committee: Committee) -> Self {
        Self { secret, committee }
    }
}

impl fmt::Debug for Bls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bls")
            .field("committee", &self.committee.epoch())
            .finish_non_exhaustive()
    }
}

impl Verifier for Bls {
    fn verify_one(&self, signer: OperatorIndex, digest: &Hash, signature: &Signature) -> bool {
        self.committee
            .member(signer)
            .is_some_and(|member| bls::verify(&member.key, digest, signature))
    }

    fn verify_aggregate(&self, signers: &Bitmap, digest: &Hash, signature: &Signature) -> bool {
        bls::verify_aggregate(&self.committee, signers, digest, signature)
    }

    fn aggregate(&self, signatures: &[Signature]) -> Option<Signature> {
        bls::aggregate(signatures)
    }
}

impl Scheme for Bls {
    fn sign(&self, digest: &Hash) -> Signature {
        self.secret.sign(digest)
    }
}

impl OperatorKey for Bls {
    fn in_committee(&self, committee: &Committee) -> Self {
        Self::new(self.secret.clone(), committee.clone())
    }
}
