//! Every notice is read, and nothing that merely resembles one.

use ethers_core::abi::EventExt as _;
use plasma_contracts_abi::{exit_game, federation, in_flight_exits, vault};
use plasma_core::{Address, Bitmap, DepositNumber, Epoch, ExitId, Hash, Height, OperatorIndex};

use super::{Contracts, Kind, Log, Notice, Shown, Told, notice};

const CONTRACTS: Contracts = Contracts {
    federation: Address([1; 20]),
    vault: Address([2; 20]),
    exit_game: Address([3; 20]),
    in_flight: Address([4; 20]),
    fraud_proofs: Address([5; 20]),
};

fn word(number: u128) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn log(kind: Kind, indexed: &[u128], data: &[[u8; 32]]) -> Log {
    let topics = indexed.iter().map(|number| Hash(word(*number)));
    Log {
        address: kind.emitter(&CONTRACTS),
        topics: std::iter::once(kind.topic()).chain(topics).collect(),
        data: data.concat(),
    }
}

/// The compiler's word on what the contracts emit.
#[test]
fn signatures_and_indexed_values_are_those_of_the_contracts() {
    let abis = [
        (CONTRACTS.federation, &*federation::FEDERATION_ABI),
        (CONTRACTS.vault, &*vault::VAULT_ABI),
        (CONTRACTS.exit_game, &*exit_game::EXITGAME_ABI),
        (CONTRACTS.in_flight, &*in_flight_exits::INFLIGHTEXITS_ABI),
    ];
    for kind in Kind::ALL {
        let (_, abi) = abis
            .iter()
            .find(|(address, _)| *address == kind.emitter(&CONTRACTS))
            .unwrap();
        let event = abi.events().find(|event| event.signature().0 == kind.topic().0);
        let event = event.unwrap_or_else(|| panic!("{kind:?} is no event of its contract"));
        let indexed = event.inputs.iter().filter(|input| input.indexed).count();
        assert_eq!(
            (event.abi_signature(), indexed),
            (kind.signature().to_owned(), kind.indexed())
        );
    }
}

#[test]
fn every_notice_is_read() {
    let exit = ExitId(Hash(word(9)));
    let examples = [
        (
            log(Kind::ReclaimStarted, &[3, 7], &[word(1_000)]),
            Notice::ReclaimStarted(DepositNumber(3)),
        ),
        (
            log(Kind::ReclaimChallenged, &[3, 7], &[]),
            Notice::ReclaimChallenged(DepositNumber(3)),
        ),
        (
            log(Kind::ChallengeClaimed, &[9], &[word(5 << 40 | 2 << 8), [6; 32]]),
            Notice::ChallengeClaimed(
                exit,
                Told {
                    height: Height(5),
                    leaf: Hash([6; 32]),
                },
            ),
        ),
        (
            log(Kind::ChallengeRebutted, &[9], &[]),
            Notice::ChallengeRebutted(exit),
        ),
        (
            log(Kind::Slashed, &[1, 7], &[word(0b1001), word(50)]),
            Notice::Slashed {
                epoch: Epoch(1),
                convicted: Bitmap::from_iter([0, 3].map(OperatorIndex)),
            },
        ),
    ];
    check(&examples);
}

#[test]
fn what_is_shown_of_an_in_flight_exit_is_read() {
    let stirred = |shown| Notice::InFlightStirred(ExitId(Hash(word(9))), shown);
    let nowhere = word((1 << 72) - 1);
    check(&[
        (
            log(Kind::InFlightContested, &[9], &[nowhere]),
            stirred(Shown::Contested((1 << 72) - 1)),
        ),
        (
            log(Kind::InFlightIncluded, &[9], &[word(5 << 40 | 2 << 8)]),
            stirred(Shown::Included(5 << 40 | 2 << 8)),
        ),
        (
            log(Kind::InFlightPiggybacked, &[9], &[word(2)]),
            stirred(Shown::Claimed(1 << 2)),
        ),
        (
            log(Kind::InFlightInputsClaimed, &[9], &[]),
            stirred(Shown::Claimed(1 << 4)),
        ),
        (
            log(Kind::InFlightSpent, &[9], &[word(0x11)]),
            stirred(Shown::Spent(0x11)),
        ),
        (
            log(Kind::ClaimMade, &[9, 2], &[word(1), [1; 32], nowhere, [0; 32]]),
            stirred(Shown::ClaimMade { slot: 2, place: 1 }),
        ),
        (
            log(Kind::ClaimRebutted, &[9, 2], &[]),
            stirred(Shown::ClaimRebutted { slot: 2 }),
        ),
    ]);
}

/// Each log is its notice, and neither a stranger's nor one with a value less.
fn check(examples: &[(Log, Notice)]) {
    for (log, expected) in examples {
        assert_eq!(notice(&CONTRACTS, log).as_ref(), Some(expected));
        let foreign = Log {
            address: Address([9; 20]),
            ..log.clone()
        };
        assert_eq!(notice(&CONTRACTS, &foreign), None);
        let mut short = log.clone();
        short.topics.pop();
        assert_eq!(notice(&CONTRACTS, &short), None);
    }
}

#[test]
fn a_claim_of_another_length_or_with_too_large_values_is_none_of_ours() {
    let long = log(Kind::ReclaimStarted, &[3, 7], &[word(1), word(2)]);
    assert_eq!(notice(&CONTRACTS, &long), None);
    let wide = log(Kind::ReclaimStarted, &[1 << 64, 7], &[word(1)]);
    assert_eq!(notice(&CONTRACTS, &wide), None);
    let position = log(Kind::ChallengeClaimed, &[9], &[word(1 << 72), [6; 32]]);
    assert_eq!(notice(&CONTRACTS, &position), None);
}
