//! Deposits, standard exits, halts and committees of `docs/protocol.md` section 5, and what they do to the ledger.

use plasma_core::{
    Broken, DepositFate, DepositNumber, Epoch, ExitId, Fate, Hash, Height, Judgement, L1Event, OpenExit,
    OutputRecord, Position, Spender, TransactionRejected, exit,
};

use super::world::{ALICE, BOB, World, account, at, exit_id, pay};

pub(crate) fn world() -> World {
    World::funded(&[(ALICE, 100), (ALICE, 7), (BOB, 50)])
}

pub(crate) fn record(world: &World, position: Position) -> OutputRecord {
    world.outputs[&position]
}

pub(crate) fn start(number: u8, position: Position) -> L1Event {
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
