//! Whole operators without sockets: four pure values deposit, pay, exit, challenge, fall and catch up.

use plasma_consensus::{Kind, Reason, Waits};
use plasma_core::{ExitId, Fate, Hash, Height, L1Event, Position, SigningKey};
use plasma_node::{
    operator::{
        effect::Effect,
        event::Event,
        report::{Accepted, Known, Rejected},
    },
    storage::{Read, Storage},
};

use super::{
    cast::user,
    world::{Node, World},
};

pub(crate) fn funded() -> (World, SigningKey, SigningKey, Position) {
    let (mut world, alice, bob) = (World::new(), user(1), user(2));
    world.run_for(500);
    world.deposit(0, &alice, 1_000);
    world.run_until("the deposit is credited everywhere", 5_000, |world| {
        world.all_hold(&alice, 1_000)
    });
    let (position, _) = world.holdings(0, &alice)[0];
    (world, alice, bob, position)
}

#[test]
fn an_idle_federation_makes_no_blocks() {
    let mut world = World::new();
    world.run_for(20_000);
    assert_eq!(world.heights(), vec![Some(Height(0)); 4]);
}

#[test]
fn a_deposit_is_credited_and_paid_on() {
    let (mut world, alice, bob, position) = funded();
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(2, 1, payment);
    assert!(matches!(
        world.verdict(2, 1),
        Ok(Accepted {
            known: Known::New,
            ..
        })
    ));
    world.run_until("the payment is decided everywhere", 5_000, |world| {
        world.all_hold(&bob, 300) && world.all_hold(&alice, 700)
    });
    world.check_agreement();
    let decided = world.nodes[0]
        .storage
        .reader()
        .output(position)
        .expect("reads")
        .expect("kept");
    assert!(matches!(decided.fate, Fate::Spent(_)));
}

#[test]
fn a_second_spend_of_one_output_is_refused_before_and_after_its_block() {
    let (mut world, alice, bob, position) = funded();
    let first = world.pay(&alice, (position, 1_000), &bob, 300);
    let second = world.pay(&alice, (position, 1_000), &bob, 400);
    world.submit(0, 1, first.clone());
    world.submit(0, 2, second.clone());
    assert_eq!(
        world.verdict(0, 2),
        &Err(Rejected::Conflict {
            input: 0,
            by: first.id()
        })
    );
    world.run_until("the payment is decided everywhere", 5_000, |world| {
        world.all_hold(&bob, 300)
    });
    world.submit(1, 3, second);
    assert!(
        matches!(world.verdict(1, 3), Err(Rejected::Rule(_))),
        "{:?}",
        world.verdict(1, 3)
    );
}

#[test]
fn anchors_are_asked_for_by_the_operator_on_duty_only() {
    let (mut world, ..) = funded();
    world.run_until("an anchor", 10_000, |world| !world.duties().is_empty());
    world.run_for(500);
    let anchors = world
        .duties()
        .iter()
        .filter(|duty| matches!(duty, Effect::Anchor { .. }))
        .count();
    assert_eq!(anchors, 1, "one operator is on duty");
    assert!(
        world.nodes[1].duties.len() == 1,
        "the first anchor is the duty of operator 1"
    );
}

#[test]
fn an_exiting_output_cannot_be_spent_and_leaves_when_paid() {
    let (mut world, alice, bob, position) = funded();
    let id = ExitId(Hash([9; 32]));
    world.mine(vec![L1Event::ExitStarted {
        id,
        position,
        owner: alice.address(),
    }]);
    world.run_until("the exit is decided", 5_000, |world| {
        let record = world.nodes[3]
            .storage
            .reader()
            .output(position)
            .expect("reads")
            .expect("kept");
        record.output.locks == 1
    });
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    assert!(matches!(world.verdict(0, 1), Err(Rejected::Rule(_))));
    world.mine(vec![L1Event::ExitEnded {
        id,
        position,
        paid: true,
    }]);
    world.run_until("the output is gone", 5_000, |world| world.all_hold(&alice, 0));
    assert!(
        !world
            .duties()
            .iter()
            .any(|duty| matches!(duty, Effect::Challenge { .. })),
        "an honest exit"
    );
}

#[test]
fn an_exit_of_a_spent_output_is_challenged_also_after_a_restart() {
    let (mut world, alice, bob, position) = funded();
    let payment = world.pay(&alice, (position, 1_000), &bob, 1_000);
    world.submit(0, 1, payment);
    world.run_until("the payment is decided everywhere", 5_000, |world| {
        world.all_hold(&bob, 1_000)
    });
    let id = ExitId(Hash([9; 32]));
    world.mine(vec![L1Event::ExitStarted {
        id,
        position,
        owner: alice.address(),
    }]);
    let challenged = |world: &World, node: usize| {
        world.nodes[node]
            .duties
            .iter()
            .any(|duty| matches!(duty, Effect::Challenge { exit, .. } if *exit == id))
    };
    world.run_until("somebody challenges", 10_000, |world| {
        (0..4).any(|node| challenged(world, node))
    });
    for node in 0..4 {
        world.nodes[node].duties.clear();
    }
    world.kill(2);
    world.start(2);
    world.run_until("the restarted one challenges too", 10_000, |world| {
        challenged(world, 2)
    });
    world.mine(vec![L1Event::ExitEnded {
        id,
        position,
        paid: false,
    }]);
    world.run_for(3_000);
    for node in 0..4 {
        world.nodes[node].duties.clear();
    }
    world.run_for(20_000);
    assert!(
        (0..4).all(|node| !challenged(&world, node)),
        "a settled exit is nobody's duty"
    );
}

/// Ten to Bob five times, decided by three.
pub(crate) fn five_payments_without_the_last() -> (World, SigningKey, SigningKey, Position) {
    let (mut world, alice, bob, position) = funded();
    world.kill(3);
    let position = pay_one_by_one(&mut world, (&alice, &bob), position, (5, 10));
    (world, alice, bob, position)
}

/// So many payments of so much, out of a thousand, one in a block, decided by the first three; where the rest lies.
pub(crate) fn pay_one_by_one(
    world: &mut World,
    (alice, bob): (&SigningKey, &SigningKey),
    mut position: Position,
    (times, amount): (u64, u64),
) -> Position {
    let mut held = 1_000;
    for ticket in 0..times {
        let payment = world.pay(alice, (position, held), bob, amount);
        let id = payment.id();
        world.submit(0, ticket, payment);
        world.run_until("the payment is decided by three", 20_000, |world| {
            (0..3).all(|node| {
                world.nodes[node]
                    .storage
                    .reader()
                    .transaction(&id)
                    .expect("reads")
                    .is_some()
            })
        });
        let (height, transaction) = world.nodes[0]
            .storage
            .reader()
            .transaction(&id)
            .expect("reads")
            .expect("decided");
        position = Position {
            block: height,
            transaction,
            output: 1,
        };
        held -= amount;
    }
    position
}

#[test]
fn blocks_go_on_without_one_operator_and_it_catches_up() {
    let (mut world, alice, bob, position) = five_payments_without_the_last();
    world.start(3);
    world.run_until("the late one has caught up", 10_000, |world| {
        world.heights()[3] == world.heights()[0] && world.all_hold(&bob, 50)
    });
    world.check_agreement();
    let payment = world.pay(&alice, (position, 950), &bob, 10);
    world.kill(1);
    world.submit(3, 99, payment);
    world.run_until("it votes again: a quorum needs it", 20_000, |world| {
        world.all_hold(&bob, 60)
    });
}

#[test]
fn who_gets_no_row_of_blocks_catches_up_block_by_block() {
    let (mut world, _, bob, _) = five_payments_without_the_last();
    world.no_rows = true;
    world.start(3);
    world.run_until("the late one has caught up", 60_000, |world| {
        world.heights()[3] == world.heights()[0] && world.all_hold(&bob, 50)
    });
    world.check_agreement();
}

#[test]
fn an_anchor_that_ethereum_forgot_is_a_duty_again() {
    let (mut world, ..) = funded();
    let anchor = |world: &World, node: usize| {
        world.nodes[node]
            .operator
            .as_ref()
            .and_then(|o| o.status().anchor)
    };
    world.run_until("all see an anchor", 10_000, |world| {
        (0..4).all(|node| anchor(world, node).is_some())
    });
    let lost = anchor(&world, 0).expect("seen");
    for node in 0..4 {
        world.nodes[node].duties.clear();
        let gone = Event::AnchorLost { lost, newest: None };
        let last = u64::MAX - u64::try_from(node).expect("small");
        world.queue.insert((world.now, last), (node, gone));
    }
    world.run_until("nobody calls it anchored", 10, |world| {
        (0..4).all(|node| anchor(world, node).is_none())
    });
    world.run_until("it is anchored again", 10_000, |world| {
        (0..4).all(|node| anchor(world, node).is_some_and(|again| again.height >= lost.height))
    });
    assert_eq!(world.duties().len(), 1, "by the operator on duty alone");
}

#[test]
fn a_federation_that_lost_power_goes_on_from_logs_and_storage() {
    let (mut world, alice, bob, position) = funded();
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment.clone());
    world.run_for(12);
    for index in 0..4 {
        world.kill(index);
    }
    world.queue.clear();
    for index in 0..4 {
        world.start(index);
    }
    world.run_for(2_000);
    world.submit(1, 2, payment);
    world.run_until("the payment is decided once", 20_000, |world| {
        world.all_hold(&bob, 300)
    });
    world.check_agreement();
}

/// A committed payment lies in no storage durably, only in the logs; all operators lose power at once.
#[test]
fn blocks_that_storage_lost_are_decided_again_from_the_log() {
    let (mut world, alice, bob, position) = funded();
    world.make_storage_lazy();
    let durable = world.nodes[0].storage.durable().unwrap();
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    world.run_until("all commit", 20_000, |world| world.all_hold(&bob, 300));
    let tips: Vec<_> = (0..4)
        .map(|index| world.nodes[index].storage.reader().tip().unwrap())
        .collect();
    assert!(tips.iter().all(|(height, _)| *height > durable));
    for index in 0..4 {
        world.cut_power(index);
        assert_eq!(world.nodes[index].storage.reader().tip().unwrap().0, durable);
    }
    world.queue.clear();
    // Alone, so that nobody else can help.
    for (index, tip) in tips.iter().enumerate() {
        world.start(index);
        world.run_for(100);
        assert_eq!(
            world.nodes[index].storage.reader().tip().unwrap(),
            *tip,
            "operator {index}"
        );
        world.kill(index);
    }
    for index in 0..4 {
        world.start(index);
    }
    let (received, _) = world.holdings(1, &bob)[0];
    let rest = world.pay(&bob, (received, 300), &alice, 100);
    world.submit(1, 2, rest);
    world.run_until("the federation goes on", 20_000, |world| {
        world.all_hold(&bob, 200)
    });
    world.check_agreement();
}

#[test]
fn an_operator_that_gets_no_bodies_fetches_them_and_votes() {
    let (mut world, alice, bob, position) = funded();
    world.starved = Some(3);
    world.kill(1);
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    world.run_until("three decide, one of them on fetched bodies", 20_000, |world| {
        world.all_hold(&bob, 300)
    });
    world.check_agreement();
}

/// Two see Ethereum far ahead of the other two: no proposal has a quorum, and everybody can tell its people why.
#[test]
fn who_gives_a_view_up_says_what_the_judgement_waited_for() {
    let (mut world, alice, bob, position) = funded();
    for index in [2, 3] {
        world.run_ahead(index, 200);
    }
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    let waits = |node: &Node| node.gave_up.contains(&Reason::Unjudged(Waits::L1));
    world.run_until("all say that Ethereum keeps them", 20_000, |world| {
        world.nodes.iter().all(waits)
    });
}

#[test]
fn a_lagging_origin_costs_our_notarize_vote_but_not_our_finalize_vote() {
    let (mut world, alice, bob, position) = funded();
    world.run_ahead(3, 200);
    world.run_for(100);
    let before = (world.votes(3, Kind::Notarize), world.votes(3, Kind::Finalize));
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    world.run_until("the others decide", 20_000, |world| world.all_hold(&bob, 300));
    world.run_for(3_000);
    assert_eq!(
        world.votes(3, Kind::Notarize),
        before.0,
        "the proposer seems to ignore Ethereum"
    );
    assert!(world.votes(3, Kind::Finalize) > before.1, "a quorum accepted it");
}
