//! Logs of the contracts, read without the operators' decoder.

use plasma_core::{Address, Amount, ExitId, Hash, Height, keccak};
use plasma_node::bridge::decode::Log;

/// What a log means for the model.
#[derive(Clone, Debug)]
pub(in crate::sim) enum Fact {
    /// Money came in.
    Deposited {
        number: u64,
        owner: Address,
        amount: Amount,
    },
    /// An exit of an output began.
    ExitStarted { id: ExitId, position: u128 },
    /// It ended.
    ExitEnded { id: ExitId, position: u128, paid: bool },
    /// A header was anchored.
    Anchored { height: Height, history_root: Hash },
    /// The next committee was activated.
    Activated { epoch: u64 },
    /// The contracts were told that the federation is over, or something that no run makes.
    Other,
}

fn topic(signature: &str) -> Hash {
    keccak(&[signature.as_bytes()])
}

fn low16(word: &Hash) -> u128 {
    let (_, low) = word.0.split_last_chunk::<16>().expect("thirty-two bytes");
    u128::from_be_bytes(*low)
}

fn number(word: &Hash) -> u64 {
    u64::try_from(low16(word)).expect("a small number")
}

fn address(word: &Hash) -> Address {
    let (_, low) = word.0.split_last_chunk::<20>().expect("thirty-two bytes");
    Address(*low)
}

/// The topics that count.
#[derive(Debug)]
pub(in crate::sim) struct Topics {
    deposited: Hash,
    exit_started: Hash,
    exit_ended: Hash,
    anchored: Hash,
    activated: Hash,
}

impl Topics {
    pub(in crate::sim) fn new() -> Self {
        Self {
            deposited: topic("Deposited(uint64,address,address,uint256)"),
            exit_started: topic("ExitStarted(uint256,uint72,address)"),
            exit_ended: topic("ExitEnded(uint256,uint72,bool)"),
            activated: topic("CommitteeActivated(uint64)"),
            anchored: topic("Anchored(uint32,uint32,uint32,bytes32,uint64,uint64)"),
        }
    }

    /// What a log says.
    pub(in crate::sim) fn read(&self, log: &Log) -> Fact {
        let data: Vec<Hash> = log
            .data
            .as_chunks::<32>()
            .0
            .iter()
            .map(|word| Hash(*word))
            .collect();
        match log.topics.as_slice() {
            [kind, id, owner, _] if *kind == self.deposited => Fact::Deposited {
                number: number(id),
                owner: address(owner),
                amount: Amount::from_be_bytes(data[0].0),
            },
            [kind, id, position, _] if *kind == self.exit_started => Fact::ExitStarted {
                id: ExitId(*id),
                position: low16(position),
            },
            [kind, id, position] if *kind == self.exit_ended => Fact::ExitEnded {
                id: ExitId(*id),
                position: low16(position),
                paid: number(&data[0]) == 1,
            },
            [kind, _, height] if *kind == self.anchored => Fact::Anchored {
                height: Height(u32::try_from(number(height)).expect("a height")),
                history_root: data[1],
            },
            [kind, epoch] if *kind == self.activated => Fact::Activated { epoch: number(epoch) },
            _ => Fact::Other,
        }
    }
}
