//! Every L1 event of `docs/protocol.md` section 5 and what it does to the ledger.

use plasma_core::{
    AuthenticTransaction, Broken, DepositFate, DepositNumber, Epoch, ExitId, Fate, Hash, Height, Judgement,
    L1Event, OpenExit, OutputRecord, Position, Spender, TransactionId, TransactionRejected, exit,
};

use super::world::{ALICE, BOB, World, account, at, exit_id, pay, sign, transfer};

fn world() -> World {
    World::funded(&[(ALICE, 100), (ALICE, 7), (BOB, 50)])
}

fn record(world: &World, position: Position) -> OutputRecord {
    world.outputs[&position]
}

fn start(number: u8, position: Position) -> L1Event {
    L1Event::ExitStarted {
        id: exit_id(number),
        position,
        owner: account(ALICE),
    }
}

fn end(number: u8, position: Position, paid: bool) -> L1Event {
    L1Event::ExitEnded {
        id: exit_id(number),
        position,
        paid,
    }
}

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
fn a_deposit_creates_its_output_once() {
    let mut world = World::new();
    let deposit = world.deposit(ALICE, 100);
    let (block, delta, _) = world.advance(std::slice::from_ref(&deposit), Vec::new());
    assert_eq!(block.transactions.len(), 1);
    assert_eq!(
        delta.deposits,
        [(DepositNumber(0), DepositFate::Funded(at(1, 0, 0)))].into()
    );
    let output = record(&world, at(1, 0, 0)).output;
    assert_eq!(
        (output.owner, output.transaction),
        (account(ALICE), block.transactions[0].id())
    );
    let (block, _, _) = world.advance(&[deposit.clone(), deposit], Vec::new());
    assert!(
        block.transactions.is_empty(),
        "a number that was funded brings nothing"
    );
}

#[test]
fn a_deposit_told_twice_in_one_block_is_funded_once() {
    let mut world = World::new();
    let deposit = world.deposit(ALICE, 100);
    let (block, _, _) = world.advance(&[deposit.clone(), deposit], Vec::new());
    assert_eq!(block.transactions.len(), 1);
}

#[test]
fn a_reclaimed_deposit_loses_its_output_and_is_never_funded() {
    let mut world = world();
    let reclaim = |number| L1Event::DepositReclaimed {
        number: DepositNumber(number),
    };
    world.advance(&[reclaim(0)], Vec::new());
    assert_eq!(record(&world, at(1, 0, 0)).fate, Fate::Reclaimed);
    assert_eq!(world.deposits[&DepositNumber(0)], DepositFate::Reclaimed);
    world.advance(&[reclaim(7)], Vec::new());
    world.next_deposit = 7;
    let late = world.deposit(ALICE, 5);
    let (block, _, _) = world.advance(&[late], Vec::new());
    assert!(block.transactions.is_empty());
}

#[test]
fn a_deposit_reclaimed_in_the_same_block_is_funded_and_removed() {
    let mut world = World::new();
    let events = [
        world.deposit(ALICE, 100),
        L1Event::DepositReclaimed {
            number: DepositNumber(0),
        },
    ];
    let (block, _, _) = world.advance(&events, Vec::new());
    assert_eq!(block.transactions.len(), 1);
    assert_eq!(record(&world, at(1, 0, 0)).fate, Fate::Reclaimed);
}

#[test]
fn a_reclaimed_deposit_that_was_spent_changes_nothing_but_its_fate() {
    let mut world = world();
    world.advance(&[], vec![pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)])]);
    let before = record(&world, at(1, 0, 0));
    world.advance(
        &[L1Event::DepositReclaimed {
            number: DepositNumber(0),
        }],
        Vec::new(),
    );
    assert_eq!(record(&world, at(1, 0, 0)), before);
    assert!(record(&world, at(2, 0, 0)).is_unspent());
}

#[test]
fn an_exit_of_an_unspent_output_locks_it_until_it_ends() {
    let mut world = world();
    let position = at(1, 0, 0);
    world.advance(&[start(1, position)], Vec::new());
    assert_eq!(record(&world, position).output.locks, 1);
    let exit = &world.exits[&exit_id(1)];
    assert_eq!(
        *exit,
        OpenExit::Standard {
            position,
            owner: account(ALICE),
            locked: true
        }
    );
    assert_eq!(
        exit::judge(&exit_id(1), &account(ALICE), world.outputs.get(&position)),
        Judgement::Honest
    );
    world.advance(&[end(1, position, true)], Vec::new());
    assert_eq!(record(&world, position).fate, Fate::Exited(exit_id(1)));
    assert!(world.exits.is_empty());
    assert_eq!(
        exit::judge(&exit_id(1), &account(ALICE), world.outputs.get(&position)),
        Judgement::Honest
    );
    assert_eq!(
        exit::judge(&exit_id(2), &account(ALICE), world.outputs.get(&position)),
        Judgement::Exited(exit_id(1))
    );
}

#[test]
fn an_exit_of_a_spent_output_changes_nothing_and_is_judged_dishonest() {
    let mut world = world();
    let position = at(1, 0, 0);
    world.advance(&[], vec![pay(ALICE, &[(position, 100)], &[(BOB, 100)])]);
    let before = record(&world, position);
    world.advance(&[start(1, position)], Vec::new());
    assert_eq!(record(&world, position), before);
    let spender = Spender {
        height: Height(2),
        transaction: 0,
        input: 0,
    };
    let judgement = exit::judge(&exit_id(1), &account(ALICE), world.outputs.get(&position));
    assert_eq!(judgement, Judgement::Spent(spender));
    world.advance(&[end(1, position, false)], Vec::new());
    assert_eq!(record(&world, position), before);
    assert!(world.exits.is_empty());
}

#[test]
fn exits_of_strangers_and_of_nothing_are_named() {
    let mut world = world();
    let (id, alice) = (exit_id(1), account(ALICE));
    assert_eq!(
        exit::judge(&id, &alice, world.outputs.get(&at(9, 9, 9))),
        Judgement::Unknown
    );
    let judgement = exit::judge(&id, &alice, world.outputs.get(&at(1, 2, 0)));
    assert_eq!(judgement, Judgement::Foreign { owner: account(BOB) });
    world.advance(
        &[L1Event::DepositReclaimed {
            number: DepositNumber(0),
        }],
        Vec::new(),
    );
    assert_eq!(
        exit::judge(&id, &alice, world.outputs.get(&at(1, 0, 0))),
        Judgement::Reclaimed
    );
    world.advance(&[start(1, at(9, 9, 9))], Vec::new());
    world.advance(&[end(1, at(9, 9, 9), true)], Vec::new());
    assert!(!world.outputs.contains_key(&at(9, 9, 9)));
}

#[test]
fn two_exits_of_one_output_do_not_free_each_other_s_lock() {
    let mut world = world();
    let position = at(1, 0, 0);
    let (_, delta, _) = world.advance(
        &[start(1, position), start(2, position), end(1, position, false)],
        Vec::new(),
    );
    assert_eq!(delta.outputs[&position].output.locks, 1);
    assert_eq!(delta.exits[&exit_id(1)], None);
    world.advance(&[end(2, position, false)], Vec::new());
    assert_eq!(record(&world, position).output.locks, 0);
}

#[test]
fn an_exit_id_told_twice_counts_once_and_an_unknown_end_frees_nothing() {
    let mut world = world();
    let position = at(1, 0, 0);
    world.advance(&[start(1, position), start(1, at(1, 1, 0))], Vec::new());
    assert_eq!(record(&world, position).output.locks, 1);
    assert_eq!(record(&world, at(1, 1, 0)).output.locks, 0);
    world.advance(&[end(9, position, false)], Vec::new());
    assert_eq!(record(&world, position).output.locks, 1);
    world.advance(&[end(9, position, true)], Vec::new());
    assert_eq!(
        record(&world, position).fate,
        Fate::Exited(exit_id(9)),
        "what Ethereum paid is gone"
    );
    world.advance(&[end(1, position, false)], Vec::new());
    assert_eq!(record(&world, position).output.locks, 0);
}

#[test]
fn a_client_input_that_an_event_touches_waits_one_block() {
    let mut world = world();
    let position = at(1, 0, 0);
    world.advance(&[start(1, position)], Vec::new());
    let payment = pay(ALICE, &[(position, 100)], &[(BOB, 100)]);
    let events = [end(1, position, false)];
    let (block, _, rejected) = world.build(&events, vec![payment.clone()]).unwrap();
    let reason = TransactionRejected::InputTouched { input: 0, position };
    assert!(block.transactions.is_empty());
    assert_eq!(rejected, vec![(payment.id(), reason)]);
    let mut forged = block;
    forged.transactions.push(payment.clone());
    forged.header.transaction_count = 1;
    assert_eq!(
        world.apply(&forged, &events),
        Err(Broken::Transaction { index: 0, reason })
    );
    world.advance(&events, Vec::new());
    let (block, _, _) = world.advance(&[], vec![payment]);
    assert_eq!(block.transactions.len(), 1);
}

#[test]
fn an_exit_in_the_same_block_beats_the_payment() {
    let world = world();
    let position = at(1, 0, 0);
    let payment = pay(ALICE, &[(position, 100)], &[(BOB, 100)]);
    let (block, _, rejected) = world.build(&[start(1, position)], vec![payment.clone()]).unwrap();
    assert!(block.transactions.is_empty());
    let reason = TransactionRejected::InputExiting {
        input: 0,
        position,
        locks: 1,
    };
    assert_eq!(rejected, vec![(payment.id(), reason)]);
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

#[test]
fn a_halt_ends_client_transactions_and_only_falls() {
    let mut world = world();
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let halt = |height| L1Event::Halted {
        last_valid: Height(height),
    };
    let (block, _, rejected) = world.build(&[halt(5)], vec![payment.clone()]).unwrap();
    let reason = TransactionRejected::Halted {
        last_valid: Height(5),
    };
    assert!(block.transactions.is_empty());
    assert_eq!(rejected, vec![(payment.id(), reason)]);
    world.advance(&[halt(5)], Vec::new());
    let forged = world.forge(vec![payment]);
    assert_eq!(
        world.apply(&forged, &[]),
        Err(Broken::Transaction { index: 0, reason })
    );
    world.advance(&[halt(9)], Vec::new());
    assert_eq!(world.state.halted, Some(Height(5)));
    world.advance(&[halt(3)], Vec::new());
    assert_eq!(world.state.halted, Some(Height(3)));
}

#[test]
fn an_activated_committee_decides_from_the_next_height_on() {
    let mut world = world();
    let activate = |epoch| L1Event::CommitteeActivated { epoch: Epoch(epoch) };
    let (_, delta, _) = world.advance(&[activate(1)], Vec::new());
    assert_eq!(delta.state.epoch, Epoch(1));
    world.advance(&[activate(0)], Vec::new());
    assert_eq!(world.state.epoch, Epoch(1));
}

#[test]
fn a_lock_that_does_not_add_up_is_broken() {
    let mut world = world();
    let position = at(1, 0, 0);
    let exit = OpenExit::Standard {
        position,
        owner: account(ALICE),
        locked: true,
    };
    world.exits.insert(exit_id(1), exit);
    assert_eq!(
        world.build(&[end(1, position, false)], Vec::new()),
        Err(Broken::Locks { position })
    );
    let exit = OpenExit::Standard {
        position: at(5, 5, 5),
        owner: account(ALICE),
        locked: true,
    };
    world.exits.insert(ExitId(Hash::ZERO), exit);
    let end = L1Event::ExitEnded {
        id: ExitId(Hash::ZERO),
        position: at(5, 5, 5),
        paid: true,
    };
    assert!(matches!(
        world.build(&[end], Vec::new()),
        Err(Broken::NotRead { .. } | Broken::Locks { .. })
    ));
}
