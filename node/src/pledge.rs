//! What an operator's BLS key signs beside its votes. Nowhere else in this crate does it sign anything.
//!
//! Votes pass through the log before they are spoken, because two of them can contradict each other. These cannot: a proof
//! of possession and a readiness say one thing only, and of two changes of committee the contract takes the one with the
//! higher sequence. Each digest is made here out of what it is about, so that nobody can have other bytes signed.

use plasma_core::{
    Address, Domain,
    bls::{SecretKey, Signature},
};

use crate::config::committee::Successor;

/// Shows that an operator holds the secret of its key (tag 0x05).
#[must_use]
pub fn possession(key: &SecretKey, domain: &Domain, operator: &Address) -> Signature {
    key.sign(&domain.possession(operator, &key.public()))
}

/// Names the committee that follows the signer's (tag 0x04).
#[must_use]
pub fn change(key: &SecretKey, domain: &Domain, successor: &Successor) -> Signature {
    key.sign(&successor.change_digest(domain))
}

/// Says that a coming member is ready to take over (tag 0x06).
#[must_use]
pub fn readiness(key: &SecretKey, domain: &Domain, successor: &Successor) -> Signature {
    key.sign(&successor.readiness_digest(domain))
}
