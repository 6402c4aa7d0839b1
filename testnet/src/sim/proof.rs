//! Who vouches for what arrives: mock certificates, and transactions whose signatures are recovered once for the whole run.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use plasma_core::{AuthenticTransaction, AuthenticateError, Certificate, Domain, Hash, SignedTransaction};
use plasma_node::{directory::Directory, intake::Proof};

use super::scheme::is_certified;

/// Room in a payload frame: far more than a block of the genesis.
const BLOCK_BYTES_MAX: usize = 4 << 20;

/// What an operator checks by. The owners that were recovered are known to all of a run: that is the dearest step there is.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// The committees that this operator knows.
    directory: Directory,
    domain: Domain,
    known: Rc<RefCell<BTreeMap<Hash, AuthenticTransaction>>>,
}

impl Shared {
    pub(super) fn new(directory: Directory, domain: Domain) -> Self {
        Self {
            directory,
            domain,
            known: Rc::default(),
        }
    }

    /// The same for an operator that knows these committees.
    pub(super) fn under(&self, directory: &Directory) -> Self {
        Self {
            directory: directory.clone(),
            ..self.clone()
        }
    }
}

impl Proof for Shared {
    fn block_bytes_max(&self) -> usize {
        BLOCK_BYTES_MAX
    }

    fn certifies(&self, certificate: &Certificate) -> bool {
        let committees = self.directory.committees();
        let committee = committees.of(certificate.epoch);
        committee.is_some_and(|committee| is_certified(committee, &self.domain, certificate))
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
