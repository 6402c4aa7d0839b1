//! The committees of a chain, one for each epoch, as far as they are known.
//!
//! Whoever checks a certificate asks here by the epoch that it names. Nothing in it was checked against Ethereum: that is
//! for whoever installs a committee. What Ethereum has activated is told, and then no other committee is known for its epoch:
//! an announcement can be replaced by another one after its committee was installed.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Certificate, CertificateError, Committee, Domain, Epoch, Hash};

/// Committees by epoch, from epoch 0 on without a gap.
#[derive(Clone, Debug)]
pub struct Committees {
    known: BTreeMap<Epoch, Arc<Committee>>,
    /// What Ethereum was seen to activate: one of each epoch, and epochs last weeks.
    activated: BTreeMap<Epoch, Hash>,
}

/// Why a committee is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteesError {
    /// Its epoch is not the one after the newest that is known.
    #[error("the next committee is that of epoch {expected:?}, not of {found:?}")]
    Gap {
        /// The committee's.
        found: Epoch,
        /// The one that is missing.
        expected: Epoch,
    },
    /// Another committee is known for its epoch.
    #[error("another committee is known for epoch {0:?}")]
    Other(Epoch),
    /// Ethereum has activated another committee in its epoch.
    #[error("Ethereum has activated another committee in epoch {0:?}")]
    NotActivated(Epoch),
}

impl Committees {
    /// Begins with the committee of epoch 0.
    ///
    /// # Errors
    /// [`CommitteesError::Gap`] when it is of another epoch.
    pub fn new(first: Committee) -> Result<Self, CommitteesError> {
        let mut committees = Self {
            known: BTreeMap::new(),
            activated: BTreeMap::new(),
        };
        committees.install(first.into())?;
        Ok(committees)
    }

    /// Adds the committee of the next epoch; says whether it was unknown.
    ///
    /// # Errors
    /// [`CommitteesError`] when an epoch before is missing, or another committee is known for this one or was activated.
    pub fn install(&mut self, next: Arc<Committee>) -> Result<bool, CommitteesError> {
        let epoch = next.epoch();
        self.check_activated(&next)?;
        if let Some(known) = self.known.get(&epoch) {
            return if **known == *next {
                Ok(false)
            } else {
                Err(CommitteesError::Other(epoch))
            };
        }
        let expected = self.next_epoch();
        if epoch != expected {
            return Err(CommitteesError::Gap {
                found: epoch,
                expected,
            });
        }
        self.known.insert(epoch, next);
        Ok(true)
    }

    /// Puts another committee in the place of the newest: what was announced on Ethereum can be announced anew.
    ///
    /// # Errors
    /// [`CommitteesError`] when it is neither the newest nor the one after it, or another one was activated.
    pub fn replace(&mut self, next: Arc<Committee>) -> Result<bool, CommitteesError> {
        let epoch = next.epoch();
        self.check_activated(&next)?;
        let is_newest = epoch.0 > 0 && Some(&epoch) == self.known.last_key_value().map(|(known, _)| known);
        if is_newest && self.of(epoch) != Some(&next) {
            self.known.insert(epoch, next);
            return Ok(true);
        }
        self.install(next)
    }

    /// Ethereum has activated the committee with this hash. Another one that is known for its epoch is forgotten, and what
    /// follows it; says whether there was one.
    pub fn activate(&mut self, epoch: Epoch, hash: Hash) -> bool {
        // The first committee stands in the genesis, and the contract was compared with it.
        if epoch.0 == 0 {
            return false;
        }
        self.activated.insert(epoch, hash);
        let is_another = self.of(epoch).is_some_and(|known| known.hash() != hash);
        if is_another {
            self.known.split_off(&epoch);
        }
        is_another
    }

    /// The hash that Ethereum was seen to activate for an epoch.
    #[must_use]
    pub fn activated(&self, epoch: Epoch) -> Option<Hash> {
        self.activated.get(&epoch).copied()
    }

    /// The committee of an epoch.
    #[must_use]
    pub fn of(&self, epoch: Epoch) -> Option<&Arc<Committee>> {
        self.known.get(&epoch)
    }

    /// All that are known, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Committee>> {
        self.known.values()
    }

    /// The first epoch whose committee is not known.
    #[must_use]
    pub fn next_epoch(&self) -> Epoch {
        let newest = self.known.last_key_value();
        newest.map_or(Epoch(0), |(epoch, _)| Epoch(epoch.0.saturating_add(1)))
    }

    /// Checks a certificate against the committee of its epoch.
    ///
    /// # Errors
    /// [`CertificateError`]: the committee is not known, or the first check that failed.
    pub fn verify(&self, certificate: &Certificate, domain: &Domain) -> Result<(), CertificateError> {
        let committee = self.of(certificate.epoch);
        let committee = committee.ok_or(CertificateError::Unknown(certificate.epoch))?;
        certificate.verify(domain, committee)
    }

    fn check_activated(&self, next: &Committee) -> Result<(), CommitteesError> {
        match self.activated(next.epoch()) {
            Some(hash) if hash != next.hash() => Err(CommitteesError::NotActivated(next.epoch())),
            _ => Ok(()),
        }
    }
}
