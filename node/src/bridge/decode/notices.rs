//! What the contracts say besides the events of the ledger: that something waits for an answer, or has one.

use plasma_core::{Bitmap, DepositNumber, Epoch, ExitId, Hash, OperatorIndex, keccak};

use super::{Log, Words, byte, small};
use crate::bridge::{
    contracts::Contracts,
    games::{Packed, SIDE, height_of},
};

/// A log that no rule of the ledger follows, but a duty does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The owner of a deposit wants it back.
    ReclaimStarted(DepositNumber),
    /// Somebody showed that it was funded. (A reclaim that is paid is an event of the ledger.)
    ReclaimChallenged(DepositNumber),
    /// Something was claimed or shown about an in-flight exit.
    InFlightStirred(ExitId, Shown),
    /// A standard exit was challenged with a block that is only certified.
    ChallengeClaimed(ExitId, Told),
    /// Somebody showed that the block is another.
    ChallengeRebutted(ExitId),
    /// Operators were convicted.
    Slashed {
        /// Of which committee.
        epoch: Epoch,
        /// Whom.
        convicted: Bitmap,
    },
}

/// What was claimed or shown about an in-flight exit, in the contract's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Bit i: output i is claimed; bit 4: the inputs are.
    Claimed(u8),
    /// Bit i: output i is spent; bit 4 + i: input i is, by another payment.
    Spent(u8),
    /// Where another payment lies that spends the same.
    Contested(Packed),
    /// Where the payment itself lies.
    Included(Packed),
    /// One of these with a block that is only certified.
    ClaimMade {
        /// Which.
        slot: u8,
        /// Where the payment lies that it is about.
        place: Packed,
    },
    /// That block is another.
    ClaimRebutted {
        /// Of which claim.
        slot: u8,
    },
}

/// What a provisional claim tells of one height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The height.
    pub height: plasma_core::Height,
    /// The history leaf that it claims to stand there.
    pub leaf: Hash,
}

/// Reads one log; `None` when it is none of these.
pub(in crate::bridge) fn notice(contracts: &Contracts, log: &Log) -> Option<Notice> {
    let (topic, indexed) = log.topics.split_first()?;
    let kind = Kind::ALL.iter().copied().find(|kind| {
        kind.emitter(contracts) == log.address && kind.topic() == *topic && kind.indexed() == indexed.len()
    })?;
    let words = Words {
        indexed,
        data: &log.data,
    };
    words.notice(kind)
}

/// The first topics of those that a start reads since the deployment, which are all: reclaims, challenges and convictions have no
/// other record, and what was shown of in-flight exits is told to whoever asks.
#[must_use]
pub fn remembered_topics() -> Vec<Hash> {
    Kind::ALL.map(Kind::topic).to_vec()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ReclaimStarted,
    ReclaimChallenged,
    InFlightInputsClaimed,
    InFlightPiggybacked,
    InFlightContested,
    InFlightIncluded,
    InFlightSpent,
    ClaimMade,
    ClaimRebutted,
    ChallengeClaimed,
    ChallengeRebutted,
    Slashed,
}

impl Kind {
    /// `InFlightPiggybacked` is the ledger's; here it stands so that [`super::decode`] can tell both.
    const ALL: [Self; 12] = [
        Self::ReclaimStarted,
        Self::ReclaimChallenged,
        Self::InFlightInputsClaimed,
        Self::InFlightPiggybacked,
        Self::InFlightContested,
        Self::InFlightIncluded,
        Self::InFlightSpent,
        Self::ClaimMade,
        Self::ClaimRebutted,
        Self::ChallengeClaimed,
        Self::ChallengeRebutted,
        Self::Slashed,
    ];

    fn signature(self) -> &'static str {
        match self {
            Self::ReclaimStarted => "ReclaimStarted(uint64,address,uint64)",
            Self::ReclaimChallenged => "ReclaimChallenged(uint64,address)",
            Self::InFlightInputsClaimed => "InFlightInputsClaimed(uint256)",
            Self::InFlightPiggybacked => "InFlightPiggybacked(uint256,uint8)",
            Self::InFlightContested => "InFlightContested(uint256,uint72)",
            Self::InFlightIncluded => "InFlightIncluded(uint256,uint72)",
            Self::InFlightSpent => "InFlightSpent(uint256,uint8)",
            Self::ClaimMade => "ClaimMade(uint256,uint8,uint72,bytes32,uint72,bytes32)",
            Self::ClaimRebutted => "ClaimRebutted(uint256,uint8)",
            Self::ChallengeClaimed => "ChallengeClaimed(uint256,uint72,bytes32)",
            Self::ChallengeRebutted => "ChallengeRebutted(uint256)",
            Self::Slashed => "Slashed(uint64,uint256,address,uint256)",
        }
    }

    fn topic(self) -> Hash {
        keccak(&[self.signature().as_bytes()])
    }

    /// Indexed values besides the signature.
    fn indexed(self) -> usize {
        match self {
            Self::ReclaimStarted | Self::ReclaimChallenged => 2,
            Self::ClaimMade | Self::ClaimRebutted | Self::Slashed => 2,
            _ => 1,
        }
    }

    fn emitter(self, contracts: &Contracts) -> plasma_core::Address {
        match self {
            Self::ReclaimStarted | Self::ReclaimChallenged => contracts.vault,
            Self::ChallengeClaimed | Self::ChallengeRebutted => contracts.exit_game,
            Self::Slashed => contracts.federation,
            _ => contracts.in_flight,
        }
    }
}

impl Words<'_> {
    fn notice(&self, kind: Kind) -> Option<Notice> {
        let exit = || self.topic(0).map(|word| ExitId(Hash(word)));
        let number = || {
            let bytes: [u8; 8] = small(self.topic(0)?)?;
            Some(DepositNumber(u64::from_be_bytes(bytes)))
        };
        Some(match kind {
            Kind::ReclaimStarted => {
                self.data_words::<1>()?;
                Notice::ReclaimStarted(number()?)
            }
            Kind::ReclaimChallenged => {
                self.data_words::<0>()?;
                Notice::ReclaimChallenged(number()?)
            }
            Kind::ChallengeClaimed => {
                let [position, leaf] = self.data_words()?;
                let told = Told {
                    height: height(position)?,
                    leaf: Hash(leaf),
                };
                Notice::ChallengeClaimed(exit()?, told)
            }
            Kind::ChallengeRebutted => {
                self.data_words::<0>()?;
                Notice::ChallengeRebutted(exit()?)
            }
            Kind::Slashed => {
                let [convicted, _rewarded] = self.data_words()?;
                let convicted = u128::from_be_bytes(small(convicted)?);
                let seats = (0..u128::BITS).filter(|seat| convicted >> seat & 1 == 1);
                Notice::Slashed {
                    epoch: Epoch(u64::from_be_bytes(small(self.topic(0)?)?)),
                    convicted: seats
                        .filter_map(|seat| u16::try_from(seat).ok().map(OperatorIndex))
                        .collect(),
                }
            }
            // Who answers asks the contract itself; what the logs say is for those who look on.
            _ => Notice::InFlightStirred(exit()?, self.shown(kind)?),
        })
    }

    fn shown(&self, kind: Kind) -> Option<Shown> {
        let one = || self.data_words().map(|[word]: [[u8; 32]; 1]| word);
        let slot = || byte(self.topic(1)?);
        Some(match kind {
            Kind::InFlightInputsClaimed => {
                self.data_words::<0>()?;
                Shown::Claimed(1 << SIDE)
            }
            Kind::InFlightPiggybacked => Shown::Claimed(1u8.checked_shl(byte(one()?)?.into())?),
            Kind::InFlightSpent => Shown::Spent(byte(one()?)?),
            Kind::InFlightContested => Shown::Contested(packed(one()?)?),
            Kind::InFlightIncluded => Shown::Included(packed(one()?)?),
            Kind::ClaimMade => {
                let [position, _leaf, _other, _other_leaf] = self.data_words()?;
                Shown::ClaimMade {
                    slot: slot()?,
                    place: packed(position)?,
                }
            }
            Kind::ClaimRebutted => {
                self.data_words::<0>()?;
                Shown::ClaimRebutted { slot: slot()? }
            }
            _ => return None,
        })
    }
}

/// The height in a packed position; `NOWHERE` lies in a block that never comes.
pub(in crate::bridge) fn height(position: [u8; 32]) -> Option<plasma_core::Height> {
    packed(position).map(height_of)
}

/// A position as the contracts pack it: 9 bytes.
fn packed(word: [u8; 32]) -> Option<Packed> {
    let bytes: [u8; 9] = small(word)?;
    Some(
        bytes
            .iter()
            .fold(0, |packed, byte| packed << 8 | Packed::from(*byte)),
    )
}

#[cfg(test)]
mod tests;
