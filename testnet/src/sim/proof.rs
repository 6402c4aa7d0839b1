//! Who vouches for what arrives: mock certificates, and transactions whose signatures are recovered once for the whole run.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use plasma_consensus::scheme::Verifier as _;
use plasma_core::{
    AuthenticTransaction, AuthenticateError, Certificate, Committee, Domain, Hash, OperatorIndex,
    SignedTransaction,
};
use plasma_node::intake::Proof;

use super::scheme::Mock;

/// Room in a payload frame: far more than a block of the genesis.
const BLOCK_BYTES_MAX: usize = 4 << 20;

/// What all operators of a run share; recovering an owner is the dearest step there is.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    committee: Committee,
    domain: Domain,
    known: Rc<RefCell<BTreeMap<Hash, AuthenticTransaction>>>,
}

impl Shared {
    pub(super) fn new(committee: Committee, domain: Domain) -> Self {
        Self {
            committee,
            domain,
            known: Rc::default(),
        }
    }
}

/// Whether a quorum of mock keys signed.
pub(super) fn is_certified(committee: &Committee, domain: &Domain, certificate: &Certificate) -> bool {
    let verifier = Mock { me: OperatorIndex(0) };
    let is_member = |signer| committee.member(signer).is_some();
    certificate.epoch == committee.epoch()
        && certificate.signers.iter().all(is_member)
        && certificate.signers.count() >= committee.quorum()
        && verifier.verify_aggregate(
            &certificate.signers,
            &certificate.digest(domain),
            &certificate.signature,
        )
}

impl Proof for Shared {
    fn block_bytes_max(&self) -> usize {
        BLOCK_BYTES_MAX
    }

    fn certifies(&self, certificate: &Certificate) -> bool {
        is_certified(&self.committee, &self.domain, certificate)
    }

    fn authenticate(
        &self,
        transaction: SignedTransaction,
    ) -> Result<AuthenticTransaction, AuthenticateError> {
        let leaf = transaction.leaf();
        if let Some(known) = self.known.borrow().get(&leaf) {
            return Ok(known.clone());
        }
        let authentic = transaction.authenticate(&self.domain)?;
        self.known.borrow_mut().insert(leaf, authentic.clone());
        Ok(authentic)
    }
}
