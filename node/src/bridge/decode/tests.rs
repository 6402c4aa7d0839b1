//! Every event is read, and nothing that merely resembles one.

use ethers_core::abi::EventExt as _;
use plasma_contracts_abi::{exit_game, federation, in_flight_exits, vault};

use super::{
    Address, Amount, Anchored, Contracts, Decoded, DepositNumber, Epoch, ExitId, Hash, Height, Kind, L1Event,
    L1Height, Log, Position, decode,
};

const CONTRACTS: Contracts = Contracts {
    federation: Address([1; 20]),
    vault: Address([2; 20]),
    exit_game: Address([3; 20]),
    in_flight: Address([4; 20]),
    fraud_proofs: Address([5; 20]),
};

fn word(number: u64) -> Hash {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    Hash(bytes)
}

fn owner() -> Address {
    let mut address = Address::ZERO;
    address.0[19] = 7;
    address
}

fn log(kind: Kind, indexed: &[u64], words: &[u64]) -> Log {
    let topics = std::iter::once(kind.topic())
        .chain(indexed.iter().copied().map(word))
        .collect();
    let data = words.iter().flat_map(|number| word(*number).0).collect();
    Log {
        address: kind.emitter(&CONTRACTS),
        topics,
        data,
    }
}

/// One log of every kind and what it says, in the order of [`Kind::ALL`].
fn examples() -> Vec<(Log, Decoded)> {
    let (id, position) = (
        ExitId(word(8)),
        Position {
            block: Height(1),
            transaction: 2,
            output: 3,
        },
    );
    let packed = (1 << 40) | (2 << 8) | 3;
    let mut in_flight = log(Kind::InFlightExitStarted, &[8], &[32, 3]);
    in_flight.data.extend([0xaa, 0xbb, 0xcc]);
    in_flight.data.resize(96, 0);
    let logs = [
        log(Kind::Deposited, &[5, 7, 0], &[9]),
        log(Kind::DepositReclaimed, &[5], &[]),
        log(Kind::ExitStarted, &[8, packed, 7], &[]),
        log(Kind::ExitEnded, &[8, packed], &[1]),
        in_flight,
        log(Kind::InFlightPiggybacked, &[8], &[2]),
        log(Kind::InFlightExitEnded, &[8], &[3, 1]),
        log(Kind::Halted, &[], &[77]),
        log(Kind::CommitteeActivated, &[4], &[]),
        log(Kind::Anchored, &[3, 70], &[50, 5, 60, 1_000]),
    ];
    let (number, asset, amount) = (DepositNumber(5), Address::ZERO, Amount::from(9));
    let events = [
        L1Event::Deposited {
            number,
            owner: owner(),
            asset,
            amount,
        },
        L1Event::DepositReclaimed { number },
        L1Event::ExitStarted {
            id,
            position,
            owner: owner(),
        },
        L1Event::ExitEnded {
            id,
            position,
            paid: true,
        },
        L1Event::InFlightExitStarted {
            id,
            transaction: vec![0xaa, 0xbb, 0xcc],
        },
        L1Event::InFlightPiggybacked { id, output: 2 },
        L1Event::InFlightExitEnded {
            id,
            paid_outputs: 3,
            consumed_inputs: 1,
        },
        L1Event::Halted {
            last_valid: Height(77),
        },
        L1Event::CommitteeActivated { epoch: Epoch(4) },
    ];
    let said = events
        .into_iter()
        .map(Decoded::Event)
        .chain([Decoded::Anchored(anchored())]);
    logs.into_iter().zip(said).collect()
}

fn anchored() -> Anchored {
    Anchored {
        number: 3,
        previous: Height(50),
        height: Height(70),
        history_root: word(5),
        l1_height: L1Height(60),
        time_s: 1_000,
    }
}

/// The compiler's word on what the contracts emit.
#[test]
fn signatures_and_indexed_values_are_those_of_the_contracts() {
    let abis = [
        &*federation::FEDERATION_ABI,
        &*vault::VAULT_ABI,
        &*exit_game::EXITGAME_ABI,
        &*in_flight_exits::INFLIGHTEXITS_ABI,
    ];
    let events: Vec<_> = abis.iter().flat_map(|abi| abi.events()).collect();
    for kind in Kind::ALL {
        let event = events
            .iter()
            .find(|event| event.signature().0 == kind.topic().0)
            .unwrap();
        let indexed = event.inputs.iter().filter(|input| input.indexed).count();
        assert_eq!(
            (event.abi_signature(), indexed),
            (kind.signature().to_owned(), kind.indexed())
        );
    }
}

#[test]
fn every_event_of_the_protocol_is_read() {
    let examples = examples();
    assert_eq!(examples.len(), Kind::ALL.len());
    for (log, expected) in examples {
        assert_eq!(decode(&CONTRACTS, &log), Some(expected));
    }
}

#[test]
fn a_log_with_another_address_topic_count_or_length_is_none_of_ours() {
    for (log, _) in examples() {
        let spoilt = |change: &dyn Fn(&mut Log)| {
            let mut log = log.clone();
            change(&mut log);
            decode(&CONTRACTS, &log)
        };
        let foreign = [
            CONTRACTS.federation,
            CONTRACTS.vault,
            CONTRACTS.exit_game,
            CONTRACTS.in_flight,
            Address([9; 20]),
        ];
        for address in foreign.into_iter().filter(|address| *address != log.address) {
            assert_eq!(spoilt(&|log| log.address = address), None, "emitter of {log:?}");
        }
        assert_eq!(
            spoilt(&|log| log.topics[0] = word(1)),
            None,
            "signature of {log:?}"
        );
        assert_eq!(spoilt(&|log| log.topics.push(word(1))), None, "topics of {log:?}");
        assert_eq!(
            spoilt(&|log| log.topics.truncate(log.topics.len() - 1)),
            None,
            "topics of {log:?}"
        );
        assert_eq!(spoilt(&|log| log.topics.clear()), None, "topics of {log:?}");
        assert_eq!(spoilt(&|log| log.data.push(0)), None, "length of {log:?}");
        assert_eq!(spoilt(&|log| log.data.extend([0; 32])), None, "length of {log:?}");
        if !log.data.is_empty() {
            assert_eq!(
                spoilt(&|log| log.data.truncate(log.data.len() - 1)),
                None,
                "length of {log:?}"
            );
            assert_eq!(spoilt(&|log| log.data.clear()), None, "length of {log:?}");
        }
    }
}

#[test]
fn values_wider_than_their_type_are_none_of_ours() {
    let wide = |log: &Log, topic: usize| {
        let mut log = log.clone();
        log.topics[topic].0[0] = 1;
        decode(&CONTRACTS, &log)
    };
    let wide_word = |log: &Log, word: usize| {
        let mut log = log.clone();
        log.data[32 * word] = 1;
        decode(&CONTRACTS, &log)
    };
    let [
        deposited,
        _,
        started,
        ended,
        in_flight,
        piggybacked,
        in_flight_ended,
        halted,
        _,
        anchored,
    ] = examples()
        .into_iter()
        .map(|(log, _)| log)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert!((1..=3).all(|topic| wide(&deposited, topic).is_none()));
    assert!((2..=3).all(|topic| wide(&started, topic).is_none()));
    assert_eq!(wide_word(&ended, 0), None);
    assert!((0..=1).all(|place| wide_word(&in_flight, place).is_none()));
    assert_eq!(wide_word(&piggybacked, 0), None);
    assert!((0..=1).all(|place| wide_word(&in_flight_ended, place).is_none()));
    assert_eq!(wide_word(&halted, 0), None);
    assert!(
        [0, 2, 3]
            .into_iter()
            .all(|place| wide_word(&anchored, place).is_none())
    );
    let mut two = ended.clone();
    two.data[31] = 2;
    assert_eq!(decode(&CONTRACTS, &two), None, "a flag is zero or one");
    let mut padded = in_flight;
    padded.data[95] = 1;
    assert_eq!(decode(&CONTRACTS, &padded), None, "padding is zero");
}
