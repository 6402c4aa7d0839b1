//! The operators of one epoch in their fixed order, and the only quorum arithmetic of the house.
//!
//! n operators, f = (n-1)/3 of them may be Byzantine, quorum q = n - f. Any two quorums share at
//! least f + 1 operators. Nothing outside this file divides by three.

use crate::{Address, Epoch, Hash, OperatorIndex, bls::PublicKey, keccak};

/// An operator's name on the network, the same in every committee: keccak of the bytes of its libp2p peer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub Hash);

/// One member of the federation, as registered on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Ethereum account that anchors, challenges and holds the bond.
    pub operator: Address,
    /// BLS key that votes and co-signs.
    pub key: PublicKey,
    /// Its name on the network.
    pub peer: Peer,
}

/// The members of one epoch, at most [`Committee::SIZE_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    epoch: Epoch,
    members: Vec<Member>,
    /// The members' keys as points, decoded once; `None` for bytes that are no key, under which nothing verifies.
    points: Vec<Option<bls_signatures::PublicKey>>,
}

/// Why a list of members is no committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// No members, or more than [`Committee::SIZE_MAX`].
    #[error("a committee has 1 to {max} members, not {0}", max = Committee::SIZE_MAX)]
    Size(usize),
    /// Two members share an operator address, a key or a peer id.
    #[error("members {0} and {1} share a key, an address or a peer id")]
    Duplicate(OperatorIndex, OperatorIndex),
}

impl Committee {
    /// Above a hundred members all-to-all voting costs more than it saves (`consensus.md` section 7),
    /// and the contract's bitmap is one 256-bit word.
    pub const SIZE_MAX: usize = 100;

    /// Checks size and distinctness.
    ///
    /// # Errors
    /// [`CommitteeError`] names the size or the pair that collides.
    pub fn new(epoch: Epoch, members: Vec<Member>) -> Result<Self, CommitteeError> {
        if members.is_empty() || members.len() > Self::SIZE_MAX {
            return Err(CommitteeError::Size(members.len()));
        }
        for (i, a) in (0u16..).zip(&members) {
            for (j, b) in (0u16..).zip(&members).take(usize::from(i)) {
                if a.operator == b.operator || a.key == b.key || a.peer == b.peer {
                    return Err(CommitteeError::Duplicate(OperatorIndex(j), OperatorIndex(i)));
                }
            }
        }
        let points = members.iter().map(|member| member.key.decode().ok()).collect();
        Ok(Self {
            epoch,
            members,
            points,
        })
    }

    /// The term these members hold office.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many members there are; at least one.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// How many may be Byzantine: (n-1)/3.
    #[must_use]
    pub fn faults(&self) -> usize {
        faults(self.size())
    }

    /// How many must agree: n - f.
    #[must_use]
    pub fn quorum(&self) -> usize {
        quorum(self.size())
    }

    /// The member at an index, if there is one.
    #[must_use]
    pub fn member(&self, index: OperatorIndex) -> Option<&Member> {
        self.members.get(usize::from(index.0))
    }

    /// What a committee change and a readiness are about: keccak over operator 20 ‖ key 48 ‖ keccak(peer id) 32 per member.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut bytes = Vec::with_capacity(self.size().saturating_mul(100));
        for member in &self.members {
            bytes.extend(member.operator.0);
            bytes.extend(member.key.0);
            bytes.extend(member.peer.0.0);
        }
        keccak(&[&bytes])
    }

    /// The place of whoever has this name on the network.
    #[must_use]
    pub fn seat_of(&self, peer: Peer) -> Option<OperatorIndex> {
        self.members()
            .find(|(_, member)| member.peer == peer)
            .map(|(index, _)| index)
    }

    /// The place of whoever votes with this key.
    #[must_use]
    pub fn seat_of_key(&self, key: &PublicKey) -> Option<OperatorIndex> {
        self.members()
            .find(|(_, member)| member.key == *key)
            .map(|(index, _)| index)
    }

    pub(crate) fn decoded_key(&self, index: OperatorIndex) -> Option<&bls_signatures::PublicKey> {
        self.points.get(usize::from(index.0))?.as_ref()
    }

    /// All members with their indices, in order.
    pub fn members(&self) -> impl Iterator<Item = (OperatorIndex, &Member)> {
        (0u16..).map(OperatorIndex).zip(&self.members)
    }
}

/// f of a committee of `n`.
#[must_use]
pub fn faults(n: usize) -> usize {
    n.saturating_sub(1) / 3
}

/// q of a committee of `n`.
#[must_use]
pub fn quorum(n: usize) -> usize {
    n.saturating_sub(faults(n))
}
