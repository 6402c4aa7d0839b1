//! What became of a payment or a call, and what Ethereum takes back of it.

use plasma_core::{Address, Hash, TransactionId};

use super::{
    super::{Block, Fate, Intent, Record},
    FROM, attempt, book, exit, payment, position, records,
};
use crate::api::text::{BytesText, HashText};

#[test]
fn what_one_action_signed_and_another_sent_is_dead_for_both() {
    let sign = Intent::Sign {
        id: HashText(payment(1).id().0),
    };
    let signed = |action| Record::Signed {
        action,
        rows: Vec::new(),
        bytes: BytesText(payment(1).encode()),
    };
    let id = HashText(payment(1).id().0);
    let mut lines = vec![
        Record::Begun {
            action: 0,
            intent: sign,
        },
        signed(0),
        Record::Begun {
            action: 1,
            intent: Intent::Broadcast { id },
        },
        signed(1),
    ];
    assert!(book(&lines).reserved().contains(&position(1)));
    lines.push(Record::Dead {
        action: 1,
        id,
        by: HashText(Hash([9; 32])),
    });
    let book = book(&lines);
    assert!(book.reserved().is_empty() && book.spender(position(1)).is_none());
    let by = TransactionId(Hash([9; 32]));
    assert_eq!(book.payment(payment(1).id()).unwrap().fate, Fate::Dead(by));
}

#[test]
fn what_ethereum_took_back_goes_on_with_the_same_attempts() {
    let hash = HashText(Hash([3; 32]));
    let call = || "start-exit".to_owned();
    let mined = |succeeded| Record::Mined {
        action: 0,
        call: call(),
        hash,
        succeeded,
        block: Some(Block { height: 7, hash }),
    };
    let mut lines = vec![
        Record::Begun {
            action: 0,
            intent: exit(5),
        },
        Record::Sent {
            action: 0,
            call: call(),
            attempt: attempt(7),
        },
        mined(true),
        Record::Leaving {
            action: 0,
            exit: hash,
        },
        Record::Ended { action: 0 },
    ];
    assert_eq!(book(&lines).standing().len(), 1);
    lines.push(Record::Gone {
        action: 0,
        call: call(),
        hash,
    });
    let back = book(&lines);
    assert_eq!((back.open(&exit(5)), back.exit_of(position(5))), (Some(0), None));
    assert!(back.reserved().contains(&position(5)), "it still leaves");
    let again = &back.action(0).unwrap().calls[0];
    assert!(again.is_gone && again.mined.is_none() && again.attempts.len() == 1);
    lines.push(mined(true));
    lines.push(Record::Settled {
        action: 0,
        call: call(),
        hash,
    });
    assert!(book(&lines).standing().is_empty());
}

#[test]
fn no_nonce_is_given_twice() {
    let all = records();
    let next = |lines: usize| book(&all[..lines]).next_nonce(FROM.0);
    assert_eq!([next(6), next(7), next(8), next(9)], [0, 8, 8, 9]);
    assert_eq!(next(all.len()), 9, "mined, and an endpoint may not have seen it");
    let other = book(&all).next_nonce(Address([8; 20]));
    assert_eq!(other, 0, "of another account");
}
