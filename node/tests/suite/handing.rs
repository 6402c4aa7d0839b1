//! Payments whose gossip is lost, or comes before the block that they spend from.

use plasma_core::Position;
use plasma_node::{
    operator::report::Gossiped,
    storage::{Read, Storage},
};

use super::{federation::funded, world::World};

fn leader(world: &World) -> usize {
    let operator = world.nodes[0].operator.as_ref().expect("runs");
    usize::from(operator.status().leader.expect("it has a seat").0)
}

#[test]
fn a_payment_whose_gossip_is_lost_is_handed_on_and_decided() {
    // Whoever holds it alone: the leader proposes it at once, the others can only tell.
    for away in 0..4 {
        let (mut world, alice, bob, position) = funded();
        let holder = (leader(&world) + away) % 4;
        world.is_mute = true;
        let payment = world.pay(&alice, (position, 1_000), &bob, 10);
        world.submit(holder, 1, payment);
        world.run_for(1_500);
        world.is_mute = false;
        world.run_until("a payment that one operator holds is decided", 10_000, |world| {
            world.all_hold(&bob, 10)
        });
        world.check_agreement();
    }
}

#[test]
fn a_payment_of_a_client_that_left_is_handed_on_by_who_heard_of_it() {
    let (mut world, alice, bob, position) = funded();
    let holder = leader(&world);
    let (heard, stays) = ((holder + 1) % 4, world.pay(&alice, (position, 1_000), &bob, 10));
    // Its operator stops, and one other alone heard of it.
    world.kill(holder);
    world.hear(heard, stays.clone());
    world.hear(heard, stays);
    let counted = world.nodes[heard]
        .operator
        .as_ref()
        .expect("runs")
        .status()
        .gossiped;
    assert_eq!(counted, Gossiped { heard: 2, new: 1 });
    world.run_until(
        "a payment that one operator heard of is decided",
        30_000,
        |world| world.all_hold(&bob, 10),
    );
}

#[test]
fn a_payment_that_comes_before_the_block_it_spends_from_is_kept() {
    let (mut world, alice, bob, position) = funded();
    let holder = leader(&world);
    let late = (holder + 3) % 4;
    world.kill(late);
    let first = world.pay(&alice, (position, 1_000), &bob, 10);
    let earlier = first.id();
    world.submit(holder, 1, first);
    let decided = |world: &World, node: usize| {
        let reader = world.nodes[node].storage.reader();
        reader.transaction(&earlier).expect("reads")
    };
    world.run_until("it is decided", 10_000, |world| decided(world, holder).is_some());
    let (block, transaction) = decided(&world, holder).expect("decided");
    let change = Position {
        block,
        transaction,
        output: 1,
    };
    let second = world.pay(&alice, (change, 990), &bob, 10);
    let id = second.id();
    // No quorum is left to decide it, and nobody hands it on.
    for other in [1, 2] {
        world.kill((holder + other) % 4);
    }
    world.start(late);
    world.hear(late, second);
    assert!(decided(&world, late).is_none(), "the late one lacks the block");
    let knows = |world: &World| {
        let operator = world.nodes[late].operator.as_ref().expect("runs");
        operator.pending(&id).is_some()
    };
    assert!(!knows(&world), "it comes too early");
    world.run_until("the late one knows it", 5_000, knows);
}
