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
    /// A payment was shown to Ethereum.
    FlightStarted { id: ExitId, bytes: Vec<u8> },
    /// An output of it is claimed.
    OutputClaimed { id: ExitId, output: u8 },
    /// Its inputs are claimed.
    InputsClaimed { id: ExitId },
    /// Another payment over one of its inputs was shown.
    Contested { id: ExitId },
    /// The exit in flight ended: which outputs were paid, which inputs are gone.
    FlightEnded { id: ExitId, paid: u8, consumed: u8 },
    /// The owner of a deposit wants it back.
    ReclaimStarted { number: u64 },
    /// It was shown to be in a block.
    ReclaimChallenged { number: u64 },
    /// A deposit went back.
    Reclaimed { number: u64 },
    /// Nothing above this height counts.
    Halted { last_valid: Height },
    /// A header was anchored.
    Anchored { height: Height, history_root: Hash },
    /// The next committee was activated.
    Activated { epoch: u64 },
    /// Something that changes nothing for the model.
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

fn byte(word: &Hash) -> u8 {
    u8::try_from(low16(word)).expect("a byte")
}

/// The one dynamic value of a log: where it lies 32, its length 32, its bytes.
fn tail(data: &[u8], words: &[Hash]) -> Vec<u8> {
    let length = usize::try_from(number(&words[1])).expect("a length");
    data[64..64 + length].to_vec()
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
    flight_started: Hash,
    output_claimed: Hash,
    inputs_claimed: Hash,
    contested: Hash,
    flight_ended: Hash,
    reclaim_started: Hash,
    reclaim_challenged: Hash,
    reclaimed: Hash,
    halted: Hash,
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
            flight_started: topic("InFlightExitStarted(uint256,bytes)"),
            output_claimed: topic("InFlightPiggybacked(uint256,uint8)"),
            inputs_claimed: topic("InFlightInputsClaimed(uint256)"),
            contested: topic("InFlightContested(uint256,uint72)"),
            flight_ended: topic("InFlightExitEnded(uint256,uint8,uint8)"),
            reclaim_started: topic("ReclaimStarted(uint64,address,uint64)"),
            reclaim_challenged: topic("ReclaimChallenged(uint64,address)"),
            reclaimed: topic("DepositReclaimed(uint64)"),
            halted: topic("Halted(uint32)"),
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
            [kind, id] if *kind == self.flight_started => Fact::FlightStarted {
                id: ExitId(*id),
                bytes: tail(&log.data, &data),
            },
            [kind, id] if *kind == self.output_claimed => Fact::OutputClaimed {
                id: ExitId(*id),
                output: byte(&data[0]),
            },
            [kind, id] if *kind == self.inputs_claimed => Fact::InputsClaimed { id: ExitId(*id) },
            [kind, id] if *kind == self.contested => Fact::Contested { id: ExitId(*id) },
            [kind, id] if *kind == self.flight_ended => Fact::FlightEnded {
                id: ExitId(*id),
                paid: byte(&data[0]),
                consumed: byte(&data[1]),
            },
            [kind, deposit, _] if *kind == self.reclaim_started => Fact::ReclaimStarted {
                number: number(deposit),
            },
            [kind, deposit, _] if *kind == self.reclaim_challenged => Fact::ReclaimChallenged {
                number: number(deposit),
            },
            [kind, deposit] if *kind == self.reclaimed => Fact::Reclaimed {
                number: number(deposit),
            },
            [kind] if *kind == self.halted => Fact::Halted {
                last_valid: Height(u32::try_from(number(&data[0])).expect("a height")),
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
