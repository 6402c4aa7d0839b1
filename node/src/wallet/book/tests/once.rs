//! What is meant once for ever is known by its name, and by the rows of its file.

use super::*;

/// The error of what must not begin.
fn clash(book: &Book, intent: &Intent) -> String {
    book.check_once(intent).unwrap_err().to_string()
}

#[test]
fn nothing_else_is_paid_from_a_file_whose_payout_is_not_at_its_end() {
    let all = records();
    let book = book(&all);
    for other in [
        &[row(7), row(2), row(3)][..],
        &[row(2), row(1)],
        &[row(3), row(1), row(2)],
        &[row(8)],
    ] {
        let said = clash(&book, &pay(other, Some("/tmp/p.csv")));
        assert!(said.contains("a payout of 2 rows"), "{said}");
        assert!(book.check_once(&pay(other, Some("/tmp/q.csv"))).is_ok());
    }
    let same = [row(1), row(2)];
    assert!(book.check_once(&pay(&same, Some("/tmp/p.csv"))).is_ok());
    let named = called(pay(&same, Some("/tmp/p.csv")), "again");
    assert!(clash(&book, &named).contains("--id"));
    assert!(
        Book::default()
            .check_once(&pay(&same, Some("/tmp/p.csv")))
            .is_ok()
    );
}

#[test]
fn a_row_that_was_paid_is_known_wherever_it_stands_in_the_changed_file() {
    let mut all = records();
    all.push(Record::Ended { action: 0 });
    let book = book(&all);
    for (other, place) in [
        (&[row(7), row(2), row(3)][..], "row 2 "),
        (&[row(2), row(1)], "row 1 "),
        (&[row(9), row(1), row(2)], "row 2 "),
    ] {
        let intent = pay(other, Some("/tmp/p.csv"));
        let said = clash(&book, &intent);
        assert!(said.contains(place) && said.contains("--id"), "{said}");
        assert!(
            book.check_once(&called(intent, "week 2")).is_ok(),
            "it has a name of its own"
        );
    }
    assert!(
        book.check_once(&pay(&[row(8)], Some("/tmp/p.csv"))).is_ok(),
        "new rows alone"
    );
    let same = pay(&[row(1), row(2)], Some("/tmp/p.csv"));
    assert_eq!((book.done(&same), book.open(&same)), (Some(0), None));
}

/// The same under a name.
fn called(intent: Intent, name: &str) -> Intent {
    let mut intent = intent;
    if let Intent::Pay { id, .. } | Intent::Deposit { id, .. } = &mut intent {
        *id = Some(name.to_owned());
    }
    intent
}

#[test]
fn a_name_is_of_one_wish_whatever_it_is() {
    let first = called(pay(&[row(1)], None), "invoice 7");
    let deposit = |amount: u64| Intent::Deposit {
        from: FROM,
        owner: FROM,
        asset: AddressText(Address::ZERO),
        amount: AmountText(Amount::from(amount)),
        id: Some("invoice 7".into()),
    };
    let begun = Record::Begun {
        action: 0,
        intent: first.clone(),
    };
    let signed = Record::Signed {
        action: 0,
        rows: vec![0],
        bytes: BytesText(payment(1).encode()),
    };
    let others = [
        called(pay(&[row(2)], None), "invoice 7"),
        called(pay(&[row(1), row(1)], None), "invoice 7"),
        called(pay(&[row(1)], Some("/tmp/p.csv")), "invoice 7"),
        deposit(1),
    ];
    let free = book(std::slice::from_ref(&begun));
    assert!(
        others.iter().all(|other| free.check_once(other).is_ok()),
        "nothing was signed"
    );
    for ended in [false, true] {
        let mut records = vec![begun.clone(), signed.clone()];
        records.extend(ended.then_some(Record::Ended { action: 0 }));
        let book = book(&records);
        assert!(book.check_once(&first).is_ok());
        for other in &others {
            let said = clash(&book, other);
            assert!(
                said.contains("invoice 7") && said.contains("and this is"),
                "{said}"
            );
        }
        assert!(
            book.check_once(&called(pay(&[row(2)], None), "invoice 8"))
                .is_ok()
        );
    }
}

#[test]
fn the_name_of_a_deposit_that_reverted_is_free() {
    let deposit = |amount: u64| Intent::Deposit {
        from: FROM,
        owner: FROM,
        asset: AddressText(Address::ZERO),
        amount: AmountText(Amount::from(amount)),
        id: Some("x".into()),
    };
    let mut records = vec![
        Record::Begun {
            action: 0,
            intent: deposit(1),
        },
        Record::Sent {
            action: 0,
            call: "deposit".into(),
            attempt: attempt(7),
        },
    ];
    assert!(clash(&book(&records), &deposit(2)).contains("a deposit of"));
    records.push(Record::Ended { action: 0 });
    assert!(book(&records).check_once(&deposit(2)).is_ok());
}
