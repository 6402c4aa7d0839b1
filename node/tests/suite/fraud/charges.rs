//! The table of `docs/contracts.md`: which proof answers which rule, and which rules no proof answers.

use plasma_core::{
    Address, Amount, BlockId, Broken, DepositNumber, ExitId, Hash, Height, Kind, L1Height, Millis, Position,
    Spender, Transaction, TransactionId, TransactionRejected,
};
use plasma_node::fraud::{Charge, Grounds, grounds};

const AT: Position = Position {
    block: Height(3),
    transaction: 1,
    output: 0,
};
const BY: Spender = Spender {
    height: Height(4),
    transaction: 2,
    input: 1,
};

/// What is wrong with transaction 5.
fn of(reason: TransactionRejected) -> Grounds {
    grounds(&Broken::Transaction { index: 5, reason }, &[])
}

fn charged(charges: &[Charge]) -> Grounds {
    Grounds::Charges(charges.to_vec())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row per rule")]
fn every_rule_about_an_input_has_its_proof() {
    let (index, input, position) = (5, 2, AT);
    let (at, height, owner) = (usize::from(input), Height(9), Address([1; 20]));
    let expected = [
        (
            TransactionRejected::InputNotEarlier {
                input: at,
                position,
                height,
            },
            vec![Charge::FutureReference { index, input }],
        ),
        (
            TransactionRejected::InputMissing { input: at, position },
            vec![Charge::Absent { index, input }],
        ),
        (
            TransactionRejected::InputMissing {
                input: at,
                position: Position::default(),
            },
            vec![Charge::FutureReference { index, input }],
        ),
        (
            TransactionRejected::InputMissing {
                input: at,
                position: Position {
                    output: 128,
                    ..position
                },
            },
            vec![Charge::Absent { index, input }, Charge::Malformed { index }],
        ),
        (
            TransactionRejected::InputSpent {
                input: at,
                position,
                by: BY,
            },
            vec![Charge::DoubleSpend { index, input, by: BY }],
        ),
        (
            TransactionRejected::InputGone { input: at, position },
            vec![
                Charge::SpentAfterExit { index, input },
                Charge::SpentAfterReclaim { index, input },
            ],
        ),
        (
            TransactionRejected::InputExiting {
                input: at,
                position,
                locks: 1,
            },
            vec![Charge::SpentAfterExit { index, input }],
        ),
        (
            TransactionRejected::InputForeign {
                input: at,
                position,
                owner,
                signer: owner,
            },
            vec![Charge::BadInput { index, input }],
        ),
        (
            TransactionRejected::InputAsset {
                input: at,
                position,
                held: owner,
                stated: owner,
            },
            vec![Charge::BadInput { index, input }],
        ),
        (
            TransactionRejected::InputAmount {
                input: at,
                position,
                held: Amount::from(1u64),
                stated: Amount::from(2u64),
            },
            vec![Charge::BadInput { index, input }],
        ),
    ];
    for (reason, charges) in expected {
        assert_eq!(of(reason), charged(&charges), "{reason}");
    }
}

#[test]
fn rules_about_a_whole_transaction_have_theirs() {
    let funds = [
        Charge::BadFund { index: 5 },
        Charge::DoubleFund { index: 5 },
        Charge::LateFund { index: 5 },
    ];
    let malformed = charged(&[Charge::Malformed { index: 5 }]);
    assert_eq!(of(TransactionRejected::Legacy { kind: Kind::Merge }), malformed);
    let expired = TransactionRejected::Expired {
        expiry: Height(1),
        height: Height(2),
    };
    assert_eq!(of(expired), malformed);
    assert_eq!(of(TransactionRejected::Fund), charged(&funds));
}

#[test]
fn a_wrong_fund_in_a_fund_s_place_is_charged_and_a_missing_one_is_not() {
    let fund = Transaction::fund(
        DepositNumber(1),
        Address([1; 20]),
        Address::ZERO,
        Amount::from(1u64),
    );
    let body = [vec![1, 2].into(), fund.unsigned().encode().into()];
    let derived = |index| Broken::Derived {
        index,
        expected: TransactionId::default(),
    };
    let Grounds::Charges(charges) = grounds(&derived(1), &body) else {
        panic!("a fund is charged")
    };
    assert!(charges.contains(&Charge::BadFund { index: 1 }));
    for index in [0, 2] {
        assert!(
            matches!(grounds(&derived(index), &body), Grounds::Unprovable(_)),
            "{index}"
        );
    }
}

#[test]
fn what_ethereum_cannot_be_shown_is_said_to_be_so() {
    let (height, position) = (Height(3), AT);
    let unprovable = [
        Broken::HeightExhausted(height),
        Broken::Height {
            expected: height,
            found: height,
        },
        Broken::Parent {
            expected: BlockId::default(),
            found: BlockId::default(),
        },
        Broken::Timestamp {
            parent: Millis(1),
            found: Millis(1),
        },
        Broken::OriginBackwards {
            parent: L1Height(2),
            found: L1Height(1),
        },
        Broken::OriginChanged { height: L1Height(1) },
        Broken::TransactionCount {
            expected: 1,
            found: 2,
        },
        Broken::TooManyTransactions { max: 1, found: 2 },
        Broken::TooManyBytes { max: 1, found: 2 },
        Broken::TransactionsRoot {
            expected: Hash::ZERO,
            found: Hash::ZERO,
        },
        Broken::HistoryRoot {
            expected: Hash::ZERO,
            found: Hash::ZERO,
        },
        Broken::OutputCommitment {
            expected: Hash::ZERO,
            found: Hash::ZERO,
        },
    ];
    for broken in unprovable {
        assert!(
            matches!(grounds(&broken, &[]), Grounds::Unprovable(_)),
            "{broken}"
        );
    }
    let of_transactions = [
        TransactionRejected::Halted { last_valid: height },
        TransactionRejected::InputTouched { input: 0, position },
        TransactionRejected::Fee {
            owner: Address::ZERO,
            minimum: Amount::ZERO,
        },
    ];
    for reason in of_transactions {
        assert!(matches!(of(reason), Grounds::Unprovable(_)), "{reason}");
    }
}

#[test]
fn what_our_own_storage_lacks_accuses_nobody() {
    let ours = [
        Broken::NotRead { position: AT },
        Broken::ExitNotRead {
            id: ExitId::default(),
        },
        Broken::DepositNotRead {
            number: DepositNumber(1),
        },
        Broken::Locks { position: AT },
    ];
    for broken in ours {
        assert_eq!(grounds(&broken, &[]), Grounds::Ours, "{broken}");
    }
    assert_eq!(of(TransactionRejected::NotRead { position: AT }), Grounds::Ours);
}
