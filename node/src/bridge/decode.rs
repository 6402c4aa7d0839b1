//! Logs of the contracts, strictly read.
//!
//! A log counts only when its address, its first topic, the number of its topics and the exact length
//! and padding of its data are those of an event of `docs/protocol.md` section 5. Everything else is
//! none of ours: it is skipped and never stalls the bridge, because anybody may make a contract
//! emit something new.

use plasma_core::planted::planted;
use plasma_core::{
    Address, Amount, DepositNumber, Epoch, ExitId, Hash, Height, L1Event, L1Height, Position, keccak,
};

use super::contracts::Contracts;

pub mod notices;

pub(super) use notices::notice;
pub use notices::{Notice, Shown, Told};

/// A log as the node returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Who emitted it.
    pub address: Address,
    /// Hash of the signature, then the indexed values.
    pub topics: Vec<Hash>,
    /// The other values.
    pub data: Vec<u8>,
}

/// An anchor as Ethereum recorded it: the six values behind the stored word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// Its number; the first is 1.
    pub number: u32,
    /// Height of the anchor before: this one is the first to cover the heights above it.
    pub previous: Height,
    /// Height of the anchored header.
    pub height: Height,
    /// History root of that header.
    pub history_root: Hash,
    /// L1 origin of that header.
    pub l1_height: L1Height,
    /// L1 time it was mined, in seconds.
    pub time_s: u64,
}

/// What a log of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Something the ledger follows.
    Event(L1Event),
    /// An anchor: the ledger ignores it, duties and acknowledgements do not.
    Anchored(Anchored),
}

/// Reads one log; `None` when it is none of ours.
#[must_use]
pub fn decode(contracts: &Contracts, log: &Log) -> Option<Decoded> {
    let (topic, indexed) = log.topics.split_first()?;
    let kind = Kind::ALL.iter().copied().find(|kind| {
        kind.emitter(contracts) == log.address && kind.topic() == *topic && kind.indexed() == indexed.len()
    })?;
    let words = Words {
        indexed,
        data: &log.data,
    };
    match kind {
        Kind::Anchored => words.anchored().map(Decoded::Anchored),
        Kind::ExitStarted if planted("bridge: sees no exit begin") => None,
        Kind::InFlightPiggybacked if planted("bridge: sees no claim in flight") => None,
        Kind::InFlightExitEnded if planted("bridge: sees no end in flight") => None,
        Kind::Halted if planted("bridge: sees no halt") => None,
        Kind::ExitEnded if planted("bridge: sees no exit end") => None,
        Kind::CommitteeActivated if planted("bridge: sees no change of the committee") => None,
        _ => words.event(kind).map(Decoded::Event),
    }
}

/// The events we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deposited,
    DepositReclaimed,
    ExitStarted,
    ExitEnded,
    InFlightExitStarted,
    InFlightPiggybacked,
    InFlightExitEnded,
    Halted,
    CommitteeActivated,
    Anchored,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Deposited,
        Self::DepositReclaimed,
        Self::ExitStarted,
        Self::ExitEnded,
        Self::InFlightExitStarted,
        Self::InFlightPiggybacked,
        Self::InFlightExitEnded,
        Self::Halted,
        Self::CommitteeActivated,
        Self::Anchored,
    ];

    fn signature(self) -> &'static str {
        match self {
            Self::Deposited => "Deposited(uint64,address,address,uint256)",
            Self::DepositReclaimed => "DepositReclaimed(uint64)",
            Self::ExitStarted => "ExitStarted(uint256,uint72,address)",
            Self::ExitEnded => "ExitEnded(uint256,uint72,bool)",
            Self::InFlightExitStarted => "InFlightExitStarted(uint256,bytes)",
            Self::InFlightPiggybacked => "InFlightPiggybacked(uint256,uint8)",
            Self::InFlightExitEnded => "InFlightExitEnded(uint256,uint8,uint8)",
            Self::Halted => "Halted(uint32)",
            Self::CommitteeActivated => "CommitteeActivated(uint64)",
            Self::Anchored => "Anchored(uint32,uint32,uint32,bytes32,uint64,uint64)",
        }
    }

    fn topic(self) -> Hash {
        keccak(&[self.signature().as_bytes()])
    }

    /// Indexed values besides the signature.
    fn indexed(self) -> usize {
        match self {
            Self::Deposited | Self::ExitStarted => 3,
            Self::ExitEnded | Self::Anchored => 2,
            Self::Halted => 0,
            _ => 1,
        }
    }

    fn emitter(self, contracts: &Contracts) -> Address {
        match self {
            Self::Deposited | Self::DepositReclaimed => contracts.vault,
            Self::Halted | Self::CommitteeActivated | Self::Anchored => contracts.federation,
            Self::ExitStarted | Self::ExitEnded => contracts.exit_game,
            Self::InFlightExitStarted | Self::InFlightPiggybacked | Self::InFlightExitEnded => {
                contracts.in_flight
            }
        }
    }
}

/// The indexed values and the data of one log, as 32-byte words.
struct Words<'a> {
    indexed: &'a [Hash],
    data: &'a [u8],
}

impl Words<'_> {
    fn event(&self, kind: Kind) -> Option<L1Event> {
        let number = || {
            self.topic(0)
                .and_then(small::<8>)
                .map(|bytes| DepositNumber(u64::from_be_bytes(bytes)))
        };
        let id = || self.topic(0).map(|word| ExitId(Hash(word)));
        Some(match kind {
            Kind::Deposited => L1Event::Deposited {
                number: number()?,
                owner: address(self.topic(if planted("bridge: credits the token") {
                    2
                } else {
                    1
                })?)?,
                asset: address(self.topic(2)?)?,
                amount: Amount::from_be_bytes(self.data_words::<1>()?[0]),
            },
            Kind::DepositReclaimed => {
                self.data_words::<0>()?;
                L1Event::DepositReclaimed { number: number()? }
            }
            Kind::ExitStarted => {
                self.data_words::<0>()?;
                L1Event::ExitStarted {
                    id: id()?,
                    position: position(self.topic(1)?)?,
                    owner: address(self.topic(2)?)?,
                }
            }
            Kind::ExitEnded => {
                let [paid] = self.data_words()?;
                L1Event::ExitEnded {
                    id: id()?,
                    position: position(self.topic(1)?)?,
                    paid: flag(paid)? && !planted("bridge: sees no payout"),
                }
            }
            Kind::InFlightExitStarted => L1Event::InFlightExitStarted {
                id: id()?,
                transaction: self.data_bytes()?.to_vec(),
            },
            Kind::InFlightPiggybacked => {
                let [output] = self.data_words()?;
                L1Event::InFlightPiggybacked {
                    id: id()?,
                    output: byte(output)?,
                }
            }
            Kind::InFlightExitEnded => {
                let [paid, consumed] = self.data_words()?;
                L1Event::InFlightExitEnded {
                    id: id()?,
                    paid_outputs: byte(paid)?,
                    consumed_inputs: byte(consumed)?,
                }
            }
            Kind::Halted => {
                let [last] = self.data_words()?;
                L1Event::Halted {
                    last_valid: Height(u32::from_be_bytes(small(last)?)),
                }
            }
            Kind::CommitteeActivated => {
                self.data_words::<0>()?;
                L1Event::CommitteeActivated {
                    epoch: Epoch(u64::from_be_bytes(small(self.topic(0)?)?)),
                }
            }
            Kind::Anchored => return None,
        })
    }

    fn anchored(&self) -> Option<Anchored> {
        let [previous, history_root, l1_height, time] = self.data_words()?;
        Some(Anchored {
            number: u32::from_be_bytes(small(self.topic(0)?)?),
            previous: Height(u32::from_be_bytes(small(previous)?)),
            height: Height(u32::from_be_bytes(small(self.topic(1)?)?)),
            history_root: Hash(history_root),
            l1_height: L1Height(u64::from_be_bytes(small(l1_height)?)),
            time_s: u64::from_be_bytes(small(time)?),
        })
    }

    fn topic(&self, index: usize) -> Option<[u8; 32]> {
        self.indexed.get(index).map(|word| word.0)
    }

    /// Exactly N words.
    fn data_words<const N: usize>(&self) -> Option<[[u8; 32]; N]> {
        let (words, rest) = self.data.as_chunks::<32>();
        if rest.is_empty() {
            words.try_into().ok()
        } else {
            None
        }
    }

    /// Exactly one `bytes` value in its one canonical form.
    fn data_bytes(&self) -> Option<&[u8]> {
        let (offset, rest) = self.data.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<32>()?;
        let length = usize::try_from(u64::from_be_bytes(small(*length)?)).ok()?;
        let is_canonical = u64::from_be_bytes(small(*offset)?) == 32
            && length.checked_next_multiple_of(32) == Some(rest.len());
        let (content, padding) = rest.split_at_checked(length)?;
        (is_canonical && padding.iter().all(|byte| *byte == 0)).then_some(content)
    }
}

/// The last N bytes of a word whose other bytes are zero.
fn small<const N: usize>(word: [u8; 32]) -> Option<[u8; N]> {
    let (zeros, value) = word.split_last_chunk::<N>()?;
    zeros.iter().all(|byte| *byte == 0).then_some(*value)
}

fn address(word: [u8; 32]) -> Option<Address> {
    small(word).map(Address)
}

fn byte(word: [u8; 32]) -> Option<u8> {
    small(word).map(|[value]: [u8; 1]| value)
}

fn flag(word: [u8; 32]) -> Option<bool> {
    match byte(word)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn position(word: [u8; 32]) -> Option<Position> {
    small(word).and_then(|bytes: [u8; 16]| Position::unpack(u128::from_be_bytes(bytes)))
}

/// First topics of all that a start reads since the deployment: anchors, and what is known of open claims.
#[must_use]
pub fn remembered_topics() -> Vec<Hash> {
    let events = [
        Kind::Anchored,
        Kind::InFlightExitStarted,
        Kind::InFlightExitEnded,
        Kind::ExitEnded,
        Kind::DepositReclaimed,
    ];
    let events = events.map(Kind::topic).into_iter();
    events.chain(notices::remembered_topics()).collect()
}

/// First topic of `Anchored`.
#[must_use]
pub fn anchored_topic() -> Hash {
    Kind::Anchored.topic()
}

#[cfg(test)]
mod tests;
