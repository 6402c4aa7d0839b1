//! Who the operators of each epoch are: their keys, their names on the network and where they listen.
//!
//! One directory serves the whole process; whoever holds a clone of it sees what is entered later. What is in it was
//! checked: epoch 0 stands in the genesis, later committees were compared with Ethereum by whoever entered them.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use plasma_core::{
    Certificate, Committee, CommitteeError, Committees, CommitteesError, Domain, Epoch, Genesis, Hash,
    genesis::GenesisMember,
};

/// Committees that an operator is connected with at once: the running one, the one before, which may not know yet that its epoch
/// is over, and the one to come.
pub const COMMITTEES_MAX: usize = 3;

// Were it less, an operator of full committees could not start.
const _: () = assert!(COMMITTEES_MAX * Committee::SIZE_MAX <= plasma_network::PEERS_MAX);

/// The operators of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Their keys, in order.
    pub committee: Arc<Committee>,
    /// The same operators with all that stands in the document.
    pub members: Vec<GenesisMember>,
}

/// The operators of all epochs that are known.
#[derive(Clone, Debug)]
pub struct Directory {
    inside: Arc<RwLock<Inside>>,
}

#[derive(Debug)]
struct Inside {
    committees: Committees,
    rosters: BTreeMap<Epoch, Arc<Roster>>,
}

/// Why a genesis begins no directory.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Its members make no committee.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// Its committee is not that of epoch 0.
    #[error(transparent)]
    Order(#[from] CommitteesError),
}

impl Roster {
    /// A committee out of its members.
    ///
    /// # Errors
    /// [`CommitteeError`] names the size or the pair that collides.
    pub fn new(epoch: Epoch, members: Vec<GenesisMember>) -> Result<Self, CommitteeError> {
        let seats = members.iter().map(GenesisMember::member).collect();
        Ok(Self {
            committee: Arc::new(Committee::new(epoch, seats)?),
            members,
        })
    }
}

impl Directory {
    /// Begins with the committee of the genesis.
    ///
    /// # Errors
    /// [`DirectoryError`] when the genesis names no committee; a validated one always does.
    pub fn new(genesis: &Genesis) -> Result<Self, DirectoryError> {
        Self::of(Roster::new(Epoch(0), genesis.members.clone())?)
    }

    /// Begins with the operators of epoch 0.
    ///
    /// # Errors
    /// [`DirectoryError::Order`] when they are those of another epoch.
    pub fn of(first: Roster) -> Result<Self, DirectoryError> {
        let committees = Committees::new(first.committee.as_ref().clone())?;
        let rosters = [(Epoch(0), Arc::new(first))].into();
        Ok(Self {
            inside: Arc::new(RwLock::new(Inside { committees, rosters })),
        })
    }

    /// Enters the operators of the next epoch, or others in the place of the newest ones.
    ///
    /// # Errors
    /// [`CommitteesError`] when an epoch is missing in between, or Ethereum has activated others.
    pub fn enter(&self, roster: Roster) -> Result<bool, CommitteesError> {
        let mut inside = self.inside.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = inside.committees.replace(Arc::clone(&roster.committee))?;
        inside.rosters.insert(roster.committee.epoch(), Arc::new(roster));
        Ok(is_news)
    }

    /// Ethereum has activated the committee with this hash: others that are known for its epoch are forgotten, with those that
    /// follow; says whether there were any.
    pub fn activate(&self, epoch: Epoch, hash: Hash) -> bool {
        let mut inside = self.inside.write().unwrap_or_else(PoisonError::into_inner);
        let is_another = inside.committees.activate(epoch, hash);
        if is_another {
            inside.rosters.split_off(&epoch);
        }
        is_another
    }

    /// The committees, as they are known now.
    #[must_use]
    pub fn committees(&self) -> Committees {
        self.read(|inside| inside.committees.clone())
    }

    /// The operators of an epoch.
    #[must_use]
    pub fn roster(&self, epoch: Epoch) -> Option<Arc<Roster>> {
        self.read(|inside| inside.rosters.get(&epoch).cloned())
    }

    /// The operators of all epochs from one on, oldest first.
    #[must_use]
    pub fn since(&self, epoch: Epoch) -> Vec<Arc<Roster>> {
        self.read(|inside| {
            inside
                .rosters
                .range(epoch..)
                .map(|(_, roster)| Arc::clone(roster))
                .collect()
        })
    }

    /// The operators to be connected with while an epoch runs: its own, those of the one before, and those to come. Whoever was
    /// away for several epochs is told the blocks by the newest [`COMMITTEES_MAX`] of them.
    #[must_use]
    pub fn around(&self, running: Epoch) -> Vec<Arc<Roster>> {
        let mut rosters = self.since(Epoch(running.0.saturating_sub(1)));
        let old = rosters.len().saturating_sub(COMMITTEES_MAX);
        rosters.drain(..old);
        rosters
    }

    /// Whether the committee of its epoch signed a certificate.
    #[must_use]
    pub fn is_genuine(&self, certificate: &Certificate, domain: &Domain) -> bool {
        // Verified outside of the lock: it takes a millisecond.
        let committee = self.read(|inside| inside.committees.of(certificate.epoch).cloned());
        committee.is_some_and(|committee| certificate.verify(domain, &committee).is_ok())
    }

    fn read<T>(&self, look: impl FnOnce(&Inside) -> T) -> T {
        look(&self.inside.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::{Address, SecretKey};

    use super::*;

    fn roster(epoch: u64) -> Roster {
        let seed = u8::try_from(epoch).unwrap();
        let key = SecretKey::from_seed(&[seed + 1; 32]);
        let member = GenesisMember {
            operator: Address([seed + 1; 20]),
            key: key.public(),
            possession: key.sign(&Hash([0; 32])),
            peer_id: vec![seed + 1; 38],
            addresses: Vec::new(),
        };
        Roster::new(Epoch(epoch), vec![member]).unwrap()
    }

    #[test]
    fn three_committees_at_most_are_connected_at_once_and_they_are_the_newest() {
        let directory = Directory::of(roster(0)).unwrap();
        let around = |running| -> Vec<u64> {
            let rosters = directory.around(Epoch(running));
            rosters.iter().map(|roster| roster.committee.epoch().0).collect()
        };
        assert_eq!(around(0), [0]);
        for epoch in 1..6 {
            directory.enter(roster(epoch)).unwrap();
        }
        assert_eq!(around(5), [4, 5]);
        assert_eq!(around(4), [3, 4, 5]);
        assert_eq!(around(1), [3, 4, 5], "it was away");
    }
}
