//! The rules of `docs/protocol.md` section 2 that need the ledger, each broken alone: at the mempool's door, in a
//! proposer's choice and inside a forged block.

use plasma_core::{
    Address, Amount, Broken, DepositNumber, Height, Kind, L1Event, Spender, Transaction, TransactionRejected,
    ledger,
};

use super::document::DOMAIN;
use super::rules_form::valid;
use super::world::{ALICE, BOB, FEES, World, account, at, exit_id, pay, sign, transfer};

fn world() -> World {
    World::funded(&[(ALICE, 100), (ALICE, 7), (BOB, 50)])
}

#[test]
fn the_transaction_that_the_tables_change_is_valid() {
    check(&world(), valid(), Ok(()));
}

/// Judges a transaction of Alice's alone, by the mempool's door and inside a block.
fn check(world: &World, transaction: Transaction, expected: Result<(), TransactionRejected>) {
    let transaction = sign(transaction, ALICE);
    let list = vec![transaction.clone()];
    let reads = world.read(&list, &[]);
    assert_eq!(
        ledger::check_transaction(&transaction, world.height(), &reads, &world.params),
        expected
    );
    let (block, _, rejected) = world.build(&[], list.clone()).unwrap();
    assert_eq!(
        rejected,
        expected
            .err()
            .map(|reason| (transaction.id(), reason))
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(block.transactions.is_empty(), expected.is_err());
    if let Err(reason) = expected {
        let forged = world.forge(list);
        assert_eq!(
            world.apply(&forged, &[]),
            Err(Broken::Transaction { index: 0, reason })
        );
    }
}

#[test]
fn expiry_is_the_last_height_that_may_include_it() {
    let world = world();
    let at_height = |expiry| Transaction {
        expiry: Height(expiry),
        ..valid()
    };
    check(&world, at_height(2), Ok(()));
    let (expiry, height) = (Height(1), Height(2));
    check(
        &world,
        at_height(1),
        Err(TransactionRejected::Expired { expiry, height }),
    );
    check(
        &world,
        at_height(0),
        Err(TransactionRejected::Expired {
            expiry: Height(0),
            height,
        }),
    );
}

#[test]
fn inputs_name_earlier_blocks() {
    let world = world();
    for block in [2, 3, u32::MAX] {
        let (position, height) = (at(block, 0, 0), Height(2));
        let error = TransactionRejected::InputNotEarlier {
            input: 0,
            position,
            height,
        };
        check(&world, transfer(&[(position, 5)], &[(BOB, 5)]), Err(error));
    }
}

#[test]
fn inputs_exist() {
    let world = world();
    for position in [at(0, 0, 0), at(1, 3, 0), at(1, 0, 1), at(1, u32::MAX, 255)] {
        let error = TransactionRejected::InputMissing { input: 1, position };
        check(
            &world,
            transfer(&[(at(1, 0, 0), 100), (position, 5)], &[(BOB, 105)]),
            Err(error),
        );
    }
}

#[test]
fn inputs_are_unspent() {
    let mut world = world();
    world.advance(&[], vec![pay(ALICE, &[(at(1, 1, 0), 7)], &[(BOB, 7)])]);
    world.advance(
        &[],
        vec![sign(
            transfer(&[(at(2, 0, 0), 7), (at(1, 2, 0), 50)], &[(ALICE, 57)]),
            BOB,
        )],
    );
    let by = Spender {
        height: Height(2),
        transaction: 0,
        input: 0,
    };
    let error = TransactionRejected::InputSpent {
        input: 0,
        position: at(1, 1, 0),
        by,
    };
    check(&world, transfer(&[(at(1, 1, 0), 7)], &[(BOB, 7)]), Err(error));
    let by = Spender {
        height: Height(3),
        transaction: 0,
        input: 1,
    };
    let error = TransactionRejected::InputSpent {
        input: 1,
        position: at(1, 2, 0),
        by,
    };
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100), (at(1, 2, 0), 50)], &[(BOB, 150)]),
        Err(error),
    );
}

#[test]
fn a_block_does_not_spend_an_output_twice() {
    let world = world();
    let first = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let second = pay(ALICE, &[(at(1, 1, 0), 7), (at(1, 0, 0), 100)], &[(BOB, 107)]);
    let (block, _, rejected) = world
        .build(&[], vec![first.clone(), second.clone(), first.clone()])
        .unwrap();
    assert_eq!(block.transactions, vec![first.clone()]);
    let by = Spender {
        height: Height(2),
        transaction: 0,
        input: 0,
    };
    let reason = |input| TransactionRejected::InputSpent {
        input,
        position: at(1, 0, 0),
        by,
    };
    assert_eq!(rejected, vec![(second.id(), reason(1)), (first.id(), reason(0))]);
    let forged = world.forge(vec![first, second]);
    assert_eq!(
        world.apply(&forged, &[]),
        Err(Broken::Transaction {
            index: 1,
            reason: reason(1)
        })
    );
}

#[test]
fn inputs_are_not_exiting() {
    let mut world = world();
    let start = |number| L1Event::ExitStarted {
        id: exit_id(number),
        position: at(1, 0, 0),
        owner: account(ALICE),
    };
    world.advance(&[start(1), start(2)], Vec::new());
    let error = TransactionRejected::InputExiting {
        input: 0,
        position: at(1, 0, 0),
        locks: 2,
    };
    check(&world, valid(), Err(error));
    world.advance(
        &[L1Event::ExitEnded {
            id: exit_id(1),
            position: at(1, 0, 0),
            paid: false,
        }],
        Vec::new(),
    );
    let error = TransactionRejected::InputExiting {
        input: 0,
        position: at(1, 0, 0),
        locks: 1,
    };
    check(&world, valid(), Err(error));
    world.advance(
        &[L1Event::ExitEnded {
            id: exit_id(2),
            position: at(1, 0, 0),
            paid: false,
        }],
        Vec::new(),
    );
    check(&world, valid(), Ok(()));
}

#[test]
fn inputs_have_not_left_through_ethereum() {
    let mut world = world();
    let (id, position) = (exit_id(1), at(1, 0, 0));
    world.advance(
        &[L1Event::ExitStarted {
            id,
            position,
            owner: account(ALICE),
        }],
        Vec::new(),
    );
    world.advance(
        &[L1Event::ExitEnded {
            id,
            position,
            paid: true,
        }],
        Vec::new(),
    );
    check(
        &world,
        valid(),
        Err(TransactionRejected::InputGone { input: 0, position }),
    );
    world.advance(
        &[L1Event::DepositReclaimed {
            number: DepositNumber(1),
        }],
        Vec::new(),
    );
    let error = TransactionRejected::InputGone {
        input: 0,
        position: at(1, 1, 0),
    };
    check(&world, transfer(&[(at(1, 1, 0), 7)], &[(BOB, 7)]), Err(error));
}

#[test]
fn inputs_belong_to_the_signer() {
    let (owner, signer, position) = (account(BOB), account(ALICE), at(1, 2, 0));
    let error = TransactionRejected::InputForeign {
        input: 0,
        position,
        owner,
        signer,
    };
    check(&world(), transfer(&[(position, 50)], &[(ALICE, 50)]), Err(error));
    let error = TransactionRejected::InputForeign {
        input: 1,
        position,
        owner,
        signer,
    };
    check(
        &world(),
        transfer(&[(at(1, 0, 0), 100), (position, 50)], &[(ALICE, 150)]),
        Err(error),
    );
}

#[test]
fn inputs_hold_the_asset_that_the_transaction_moves() {
    let (held, stated) = (Address::ZERO, Address([0x70; 20]));
    let error = TransactionRejected::InputAsset {
        input: 0,
        position: at(1, 0, 0),
        held,
        stated,
    };
    check(
        &world(),
        Transaction {
            asset: stated,
            ..valid()
        },
        Err(error),
    );
}

#[test]
fn inputs_hold_exactly_the_amount_they_state() {
    for stated in [99u128, 101] {
        let (held, position) = (Amount::from(100), at(1, 0, 0));
        let error = TransactionRejected::InputAmount {
            input: 0,
            position,
            held,
            stated: Amount::from(stated),
        };
        check(
            &world(),
            transfer(&[(position, stated)], &[(BOB, stated)]),
            Err(error),
        );
    }
}

#[test]
fn a_client_cannot_bring_a_fund_transaction() {
    let world = world();
    let fund = Transaction::fund(
        DepositNumber(3),
        account(ALICE),
        Address::ZERO,
        Amount::from(1_000_000),
    );
    let fund = fund.unsigned().authenticate(&DOMAIN).unwrap();
    let (block, _, rejected) = world.build(&[], vec![fund.clone()]).unwrap();
    assert!(block.transactions.is_empty());
    assert_eq!(rejected, vec![(fund.id(), TransactionRejected::Fund)]);
    let forged = world.forge(vec![fund]);
    let reason = TransactionRejected::Fund;
    assert_eq!(
        world.apply(&forged, &[]),
        Err(Broken::Transaction { index: 0, reason })
    );
}

#[test]
fn legacy_transactions_need_the_genesis_to_say_so() {
    let mut world = world();
    let split = Transaction {
        kind: Kind::Split,
        ..valid()
    };
    let mut merge = transfer(&[(at(1, 0, 0), 100), (at(1, 1, 0), 7)], &[(ALICE, 107)]);
    merge.kind = Kind::Merge;
    check(&world, split.clone(), Ok(()));
    check(&world, merge.clone(), Ok(()));
    world.params.legacy_transactions = false;
    check(
        &world,
        split,
        Err(TransactionRejected::Legacy { kind: Kind::Split }),
    );
    check(
        &world,
        merge,
        Err(TransactionRejected::Legacy { kind: Kind::Merge }),
    );
    check(&world, valid(), Ok(()));
}

#[test]
fn the_fee_owner_gets_its_minimum() {
    let mut world = world();
    let (owner, minimum) = (account(FEES), Amount::from(3));
    world.params.fee_owner = Some(owner);
    world.params.fees.insert(Address::ZERO, minimum);
    let error = Err(TransactionRejected::Fee { owner, minimum });
    check(&world, valid(), error);
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100)], &[(BOB, 98), (FEES, 2)]),
        error,
    );
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100)], &[(BOB, 96), (FEES, 2), (FEES, 2)]),
        error,
    );
    check(
        &world,
        transfer(&[(at(1, 0, 0), 100)], &[(BOB, 97), (FEES, 3)]),
        Ok(()),
    );
    let split = Transaction {
        kind: Kind::Split,
        ..valid()
    };
    check(&world, split, error);
    let mut merge = transfer(&[(at(1, 0, 0), 100), (at(1, 1, 0), 7)], &[(ALICE, 107)]);
    merge.kind = Kind::Merge;
    check(&world, merge, Ok(()));
    world.params.fees = [(Address([1; 20]), minimum)].into();
    check(&world, valid(), Ok(()));
}
