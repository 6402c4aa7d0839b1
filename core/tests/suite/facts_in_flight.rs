//! In-flight exits of `docs/protocol.md` section 5: what is forced in, what is locked, what is taken out.

use plasma_core::{
    AuthenticTransaction, Broken, DepositNumber, Fate, Height, L1Event, OpenExit, Spender, TransactionId,
    TransactionRejected,
};

use super::facts::{record, start, world};
use super::world::{ALICE, BOB, World, account, at, exit_id, pay, sign, transfer};

fn started(number: u8, transaction: &AuthenticTransaction) -> L1Event {
    L1Event::InFlightExitStarted {
        id: exit_id(number),
        transaction: transaction.signed().encode(),
    }
}

fn ended(number: u8, paid_outputs: u8, consumed_inputs: u8) -> L1Event {
    L1Event::InFlightExitEnded {
        id: exit_id(number),
        paid_outputs,
        consumed_inputs,
    }
}

fn included(world: &World, number: u8) -> Option<(Height, u32)> {
    match world.exits[&exit_id(number)] {
        OpenExit::InFlight { included, .. } => included,
        OpenExit::Standard { .. } => panic!("a standard exit"),
    }
}

#[test]
fn a_valid_in_flight_transaction_is_forced_in_after_the_deposits() {
    let mut world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 60), (ALICE, 40)]);
    let client = pay(BOB, &[(at(1, 2, 0), 50)], &[(ALICE, 50)]);
    let events = [started(1, &payment), world.deposit(BOB, 1)];
    let (block, _, _) = world.advance(&events, vec![client.clone()]);
    let ids: Vec<TransactionId> = block
        .transactions
        .iter()
        .skip(1)
        .map(AuthenticTransaction::id)
        .collect();
    assert_eq!(ids, vec![payment.id(), client.id()]);
    assert_eq!(included(&world, 1), Some((Height(2), 1)));
    assert_eq!(record(&world, at(2, 1, 0)).output.owner, account(BOB));
    let by = Spender {
        height: Height(2),
        transaction: 1,
        input: 0,
    };
    assert_eq!(record(&world, at(1, 0, 0)).fate, Fate::Spent(by));
}

#[test]
fn a_forced_transaction_pays_no_fee_and_counts_for_no_limit() {
    let mut world = world();
    world.params.fee_owner = Some(account(BOB));
    world
        .params
        .fees
        .insert(plasma_core::Address::ZERO, plasma_core::Amount::from(1));
    world.params.transactions_max = 0;
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(ALICE, 100)]);
    let (block, _, rejected) = world.advance(&[started(1, &payment)], vec![payment.clone()]);
    assert_eq!((block.transactions.len(), rejected.len()), (1, 0));
}

#[test]
fn a_forced_transaction_must_stand_in_the_block() {
    let world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(ALICE, 100)]);
    let (mut block, _, _) = world.build(&[], Vec::new()).unwrap();
    let events = [started(1, &payment)];
    let missing = Broken::Derived {
        index: 0,
        expected: payment.id(),
    };
    assert_eq!(world.apply(&block, &events), Err(missing));
    let other = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    block.transactions = vec![other];
    block.header.transaction_count = 1;
    assert_eq!(world.apply(&block, &events), Err(missing));
}

#[test]
fn an_in_flight_transaction_that_is_not_valid_now_locks_its_unspent_inputs() {
    let mut world = world();
    world.advance(&[], vec![pay(ALICE, &[(at(1, 1, 0), 7)], &[(ALICE, 7)])]);
    let conflicting = pay(ALICE, &[(at(1, 1, 0), 7), (at(1, 0, 0), 100)], &[(BOB, 107)]);
    let (block, _, _) = world.advance(&[started(1, &conflicting)], Vec::new());
    assert!(block.transactions.is_empty());
    assert_eq!(included(&world, 1), None);
    assert_eq!(record(&world, at(1, 0, 0)).output.locks, 1);
    assert_eq!(record(&world, at(1, 1, 0)).output.locks, 0);
    world.advance(
        &[L1Event::InFlightPiggybacked {
            id: exit_id(1),
            output: 0,
        }],
        Vec::new(),
    );
    world.advance(&[ended(1, 0, 0)], Vec::new());
    assert_eq!(record(&world, at(1, 0, 0)).output.locks, 0);
    assert!(record(&world, at(1, 0, 0)).is_unspent());
}

#[test]
fn an_expired_or_unauthorized_transaction_is_not_forced_in() {
    let mut world = world();
    let mut expired = transfer(&[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    expired.expiry = Height(1);
    let stolen = sign(transfer(&[(at(1, 1, 0), 7)], &[(BOB, 7)]), BOB);
    let (block, _, _) = world.advance(
        &[started(1, &sign(expired, ALICE)), started(2, &stolen)],
        Vec::new(),
    );
    assert!(block.transactions.is_empty());
    assert_eq!(record(&world, at(1, 0, 0)).output.locks, 1);
    assert_eq!(record(&world, at(1, 1, 0)).output.locks, 1);
    world.advance(&[ended(1, 1, 0), ended(2, 0, 0)], Vec::new());
    assert_eq!(
        record(&world, at(1, 0, 0)).fate,
        Fate::Exited(exit_id(1)),
        "a paid output consumes all inputs"
    );
    assert!(record(&world, at(1, 1, 0)).is_unspent());
}

#[test]
fn bytes_that_are_no_transaction_and_fund_transactions_force_nothing() {
    let mut world = world();
    let garbage = L1Event::InFlightExitStarted {
        id: exit_id(1),
        transaction: vec![5, 9, 9],
    };
    let fund = plasma_core::Transaction::fund(
        DepositNumber(5),
        account(ALICE),
        plasma_core::Address::ZERO,
        plasma_core::Amount::from(1),
    );
    let fund = L1Event::InFlightExitStarted {
        id: exit_id(2),
        transaction: fund.unsigned().encode(),
    };
    let (block, _, _) = world.advance(&[garbage, fund], Vec::new());
    assert!(block.transactions.is_empty());
    assert_eq!(world.exits[&exit_id(1)].positions(), vec![]);
    world.advance(&[ended(1, 255, 255), ended(2, 255, 255)], Vec::new());
    assert!(world.exits.is_empty());
}

#[test]
fn a_piggybacked_output_is_locked_and_leaves_when_paid() {
    let mut world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 60), (ALICE, 40)]);
    world.advance(&[], vec![payment.clone()]);
    let piggyback = |output| L1Event::InFlightPiggybacked {
        id: exit_id(1),
        output,
    };
    world.advance(
        &[started(1, &payment), piggyback(1), piggyback(1), piggyback(7)],
        Vec::new(),
    );
    assert_eq!(
        included(&world, 1),
        Some((Height(2), 0)),
        "found by what spent its inputs"
    );
    assert_eq!(record(&world, at(2, 0, 1)).output.locks, 1);
    assert_eq!(record(&world, at(2, 0, 0)).output.locks, 0);
    let spend = pay(ALICE, &[(at(2, 0, 1), 40)], &[(BOB, 40)]);
    let reason = TransactionRejected::InputExiting {
        input: 0,
        position: at(2, 0, 1),
        locks: 1,
    };
    assert_eq!(
        world.build(&[], vec![spend.clone()]).unwrap().2,
        vec![(spend.id(), reason)]
    );
    world.advance(&[piggyback(0), ended(1, 0b10, 0)], Vec::new());
    assert_eq!(record(&world, at(2, 0, 1)).fate, Fate::Exited(exit_id(1)));
    assert!(record(&world, at(2, 0, 0)).is_unspent());
}

#[test]
fn a_piggyback_on_a_spent_output_locks_nothing() {
    let mut world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    world.advance(&[], vec![payment.clone()]);
    world.advance(&[], vec![pay(BOB, &[(at(2, 0, 0), 100)], &[(ALICE, 100)])]);
    world.advance(&[started(1, &payment)], Vec::new());
    let before = record(&world, at(2, 0, 0));
    world.advance(
        &[L1Event::InFlightPiggybacked {
            id: exit_id(1),
            output: 0,
        }],
        Vec::new(),
    );
    assert_eq!(record(&world, at(2, 0, 0)), before);
}

#[test]
fn a_forced_transaction_can_be_piggybacked_and_paid_in_its_own_block() {
    let mut world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 60), (ALICE, 40)]);
    let piggyback = L1Event::InFlightPiggybacked {
        id: exit_id(1),
        output: 0,
    };
    world.advance(&[started(1, &payment), piggyback, ended(1, 1, 0)], Vec::new());
    assert_eq!(record(&world, at(2, 0, 0)).fate, Fate::Exited(exit_id(1)));
    assert!(record(&world, at(2, 0, 1)).is_unspent());
    assert!(world.exits.is_empty());
}

#[test]
fn of_two_conflicting_forced_transactions_the_first_in_log_order_wins() {
    let mut world = world();
    let first = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let second = pay(ALICE, &[(at(1, 0, 0), 100)], &[(ALICE, 100)]);
    let (block, _, _) = world.advance(
        &[started(1, &first), started(2, &second), started(3, &first)],
        Vec::new(),
    );
    assert_eq!(block.transactions, vec![first]);
    assert_eq!(included(&world, 1), Some((Height(2), 0)));
    assert_eq!(included(&world, 2), None);
    assert_eq!(
        included(&world, 3),
        Some((Height(2), 0)),
        "the same transaction, already in"
    );
}

#[test]
fn an_exit_before_the_forced_transaction_in_log_order_locks_its_input() {
    let mut world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let (block, _, _) = world.advance(&[start(1, at(1, 0, 0)), started(2, &payment)], Vec::new());
    assert!(block.transactions.is_empty());
    assert_eq!(record(&world, at(1, 0, 0)).output.locks, 2);
}
