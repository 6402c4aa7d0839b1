//! Every line that can be written can be read, and what it says is counted once.

mod ends;
mod once;

use plasma_core::{
    Address, Amount, EXPIRY_NEVER, ExitId, Hash, Height, Input, Kind, Payment as Output, Position,
    SignedTransaction, Transaction,
};

use super::{Attempt, Block, Book, Fate, Intent, Record, Row};
use crate::api::text::{AddressText, AmountText, BytesText, HashText, PositionText};

const FROM: AddressText = AddressText(Address([1; 20]));

fn position(block: u32) -> Position {
    Position {
        block: Height(block),
        transaction: 0,
        output: 1,
    }
}

fn payment(block: u32) -> SignedTransaction {
    let amount = Amount::from(5);
    let transaction = Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: EXPIRY_NEVER,
        inputs: vec![Input {
            position: position(block),
            amount,
        }],
        outputs: vec![Output {
            owner: Address([2; 20]),
            amount,
        }],
    };
    SignedTransaction {
        transaction,
        signature: [9; 65],
    }
}

fn row(amount: u64) -> Row {
    Row {
        to: AddressText(Address([2; 20])),
        amount: AmountText(Amount::from(amount)),
        asset: AddressText(Address::ZERO),
    }
}

fn pay(rows: &[Row], file: Option<&str>) -> Intent {
    Intent::Pay {
        from: FROM,
        rows: rows.to_vec(),
        file: file.map(Into::into),
        id: None,
    }
}

fn attempt(nonce: u64) -> Attempt {
    Attempt {
        account: FROM,
        nonce,
        gas: 21_000,
        max_wei: AmountText(Amount::from(u128::MAX)),
        priority_wei: AmountText(Amount::from(1)),
        hash: HashText(Hash([3; 32])),
        raw: BytesText(vec![1, 2, 3]),
    }
}

fn exit(block: u32) -> Intent {
    Intent::Exit {
        from: FROM,
        output: PositionText(position(block)),
    }
}

fn flight(block: u32) -> Intent {
    Intent::Flight {
        from: FROM,
        payment: BytesText(payment(block).encode()),
    }
}

/// One of each kind, in an order that can happen.
#[expect(clippy::too_many_lines, reason = "one record of each kind")]
fn records() -> Vec<Record> {
    let id = |block: u32| HashText(payment(block).id().0);
    let signed = |action: usize, block: u32| Record::Signed {
        action,
        rows: vec![0],
        bytes: BytesText(payment(block).encode()),
    };
    let call = || "deposit".to_owned();
    let begun = |action: usize, intent: Intent| Record::Begun { action, intent };
    let deposit = Intent::Deposit {
        from: FROM,
        owner: FROM,
        asset: FROM,
        amount: AmountText(Amount::MAX),
        id: None,
    };
    let hash = HashText(Hash([3; 32]));
    vec![
        begun(0, pay(&[row(1), row(2)], Some("/tmp/p.csv"))),
        signed(0, 1),
        Record::Dead {
            action: 0,
            id: id(1),
            by: id(9),
        },
        signed(0, 2),
        Record::Decided { action: 0, id: id(2) },
        begun(1, deposit),
        Record::Sent {
            action: 1,
            call: call(),
            attempt: attempt(7),
        },
        Record::Replaced {
            action: 1,
            call: call(),
        },
        Record::Sent {
            action: 1,
            call: call(),
            attempt: attempt(8),
        },
        Record::Mined {
            action: 1,
            call: call(),
            hash,
            succeeded: true,
            block: Some(Block {
                height: u64::MAX,
                hash,
            }),
        },
        Record::Gone {
            action: 1,
            call: call(),
            hash,
        },
        Record::Mined {
            action: 1,
            call: call(),
            hash,
            succeeded: true,
            block: None,
        },
        Record::Settled {
            action: 1,
            call: call(),
            hash,
        },
        Record::Credited {
            action: 1,
            number: u64::MAX,
            output: PositionText(position(4)),
        },
        Record::Ended { action: 1 },
        Record::Elsewhere {
            action: 1,
            output: PositionText(position(3)),
            by: hash,
        },
        begun(2, exit(5)),
        Record::Leaving {
            action: 2,
            exit: hash,
        },
        begun(
            3,
            Intent::Process {
                from: FROM,
                exit: hash,
            },
        ),
        begun(
            4,
            Intent::Consolidate {
                from: FROM,
                asset: FROM,
            },
        ),
        begun(5, Intent::Broadcast { id: hash }),
        begun(6, Intent::Sign { id: hash }),
        begun(
            7,
            Intent::Exits {
                from: FROM,
                outputs: vec![PositionText(position(6)), PositionText(position(7))],
            },
        ),
        Record::LeavingTogether {
            action: 7,
            exits: vec![hash, HashText(Hash([4; 32]))],
        },
        Record::Ended { action: 7 },
        begun(8, flight(8)),
        Record::Leaving {
            action: 8,
            exit: hash,
        },
        begun(
            9,
            Intent::Reclaim {
                from: FROM,
                number: 3,
            },
        ),
        begun(
            10,
            Intent::TakeBack {
                from: FROM,
                number: u64::MAX,
            },
        ),
    ]
}

fn book(records: &[Record]) -> Book {
    let mut book = Book::default();
    for record in records {
        book.enter(record).unwrap();
    }
    book
}

#[test]
fn every_line_that_is_written_is_read_back() {
    let id = HashText(payment(1).id().0);
    let expired = Record::Expired { action: 0, id };
    for record in records().into_iter().chain([expired]) {
        let text = serde_json::to_string(&record).unwrap();
        let read: Record = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read, record, "{text}");
    }
}

#[test]
fn what_was_signed_is_reserved_until_it_is_proven_dead() {
    let all = records();
    let reserved = |lines: usize| book(&all[..lines]).reserved();
    assert!(reserved(1).is_empty());
    assert!(reserved(2).contains(&position(1)), "signed");
    assert!(!reserved(3).contains(&position(1)), "dead");
    assert!(
        reserved(all.len()).contains(&position(2)),
        "decided, and spent for ever"
    );
    for leaving in [5, 6, 7, 8] {
        assert!(reserved(all.len()).contains(&position(leaving)), "leaving");
    }
    assert_eq!(book(&all).spender(position(1)), None);
    assert_eq!(book(&all).spender(position(2)), Some(payment(2).id()));
    assert_eq!(
        book(&all).spender(position(8)),
        Some(payment(8).id()),
        "whoever signed what leaves in flight"
    );
}

#[test]
fn every_output_of_a_batch_has_the_exit_at_its_place() {
    let book = book(&records());
    let exit = |byte: u8| ExitId(Hash([byte; 32]));
    assert_eq!(book.exit_of(position(6)), Some((7, exit(3))));
    assert_eq!(book.exit_of(position(7)), Some((7, exit(4))));
    assert_eq!(book.exit_of(position(5)), Some((2, exit(3))));
    assert_eq!(
        book.exit_of(position(8)),
        None,
        "a payment leaves, not what it spends"
    );
    let flights: Vec<usize> = book
        .flights(FROM.0, payment(8).id())
        .map(|(number, _)| number)
        .collect();
    assert_eq!(flights, [8]);
}

#[test]
fn another_payment_of_the_same_input_is_a_rival_also_when_it_is_dead() {
    let book = book(&records());
    let mut other = payment(1);
    other.transaction.outputs[0].owner = Address([3; 20]);
    assert_eq!(book.rival(&other), Some(payment(1).id()));
    assert_eq!(book.rival(&payment(1)), None, "itself is none");
    assert_eq!(
        book.payment(payment(1).id()).unwrap().fate,
        Fate::Dead(payment(9).id())
    );
    assert_eq!(book.payment(payment(2).id()).unwrap().fate, Fate::Decided);
    assert_eq!(book.payment(payment(8).id()), None, "it was not signed here");
}

#[test]
fn a_row_is_unpaid_until_a_payment_that_may_count_has_it() {
    let all = records();
    let unpaid = |lines: usize| book(&all[..lines]).action(0).unwrap().unpaid();
    assert_eq!(unpaid(1), [0, 1]);
    assert_eq!(unpaid(2), [1]);
    assert_eq!(unpaid(3), [0, 1], "its payment is dead");
    assert_eq!(unpaid(5), [1]);
    assert_eq!(book(&all).action(0).unwrap().payments[1].fate, Fate::Decided);
}

#[test]
fn an_intent_goes_on_until_its_end_was_told() {
    let all = records();
    let book = book(&all);
    assert_eq!(book.open(&pay(&[row(1), row(2)], Some("/tmp/p.csv"))), Some(0));
    assert_eq!(book.open(&pay(&[row(1), row(2)], None)), None, "another intent");
    assert_eq!(book.open(&exit(5)), Some(2));
    let Record::Begun { intent, .. } = &all[5] else {
        panic!("{:?}", all[5]);
    };
    assert_eq!(book.open(intent), None, "it was told");
}

#[test]
fn lines_that_cannot_follow_are_damage() {
    for record in [
        Record::Ended { action: 0 },
        Record::Begun {
            action: 1,
            intent: exit(1),
        },
    ] {
        assert!(Book::default().enter(&record).is_err(), "{record:?}");
    }
    let mut book = book(&records());
    for record in [
        Record::Decided {
            action: 0,
            id: HashText(Hash([7; 32])),
        },
        Record::Mined {
            action: 0,
            call: "start".into(),
            hash: HashText(Hash([7; 32])),
            succeeded: true,
            block: None,
        },
        Record::Signed {
            action: 0,
            rows: vec![1],
            bytes: BytesText(vec![1, 2]),
        },
        Record::LeavingTogether {
            action: 7,
            exits: vec![HashText(Hash([7; 32]))],
        },
    ] {
        assert!(book.enter(&record).is_err(), "{record:?}");
    }
}
