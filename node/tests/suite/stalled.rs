//! What operators still do for the users when there are too few of them to decide anything.

use std::collections::BTreeSet;

use plasma_core::{ExitId, Hash, L1Event, Position};
use plasma_node::operator::effect::Effect;

use super::{cast::user, doubts::credited, world::World};

/// A world in which user 1 paid all to user 2, and two of four operators then went for good. Gives also what user 1 had.
fn stalled_after_a_payment() -> (World, Position) {
    let mut world = credited();
    let (position, _) = world.holdings(0, &user(1))[0];
    let payment = world.pay(&user(1), (position, 1_000), &user(2), 1_000);
    world.submit(0, 1, payment);
    world.run_until("the payment is decided everywhere", 5_000, |world| {
        world.all_hold(&user(2), 1_000)
    });
    world.kill(2);
    world.kill(3);
    (world, position)
}

fn started(number: u8, position: Position, who: u8) -> L1Event {
    L1Event::ExitStarted {
        id: ExitId(Hash([number; 32])),
        position,
        owner: user(who).address(),
    }
}

fn challenged(world: &World) -> BTreeSet<ExitId> {
    let duties = world.nodes.iter().flat_map(|node| &node.duties);
    duties
        .filter_map(|duty| match duty {
            Effect::Challenge { exit, .. } => Some(*exit),
            _ => None,
        })
        .collect()
}

#[test]
fn exits_of_spent_outputs_are_challenged_although_no_block_is_decided() {
    let (mut world, position) = stalled_after_a_payment();
    let kept = world.holdings(0, &user(2))[0].0;
    let ended = L1Event::ExitEnded {
        id: ExitId(Hash([9; 32])),
        position,
        paid: false,
    };
    world.mine(vec![
        started(7, position, 1),
        started(8, kept, 2),
        started(9, position, 1),
        ended,
    ]);
    let dishonest = BTreeSet::from([ExitId(Hash([7; 32]))]);
    world.run_until("the thief is challenged", 60_000, |world| {
        !challenged(world).is_empty()
    });
    world.run_for(30_000);
    assert_eq!(
        challenged(&world),
        dishonest,
        "honest and ended exits are left alone"
    );
}

#[test]
fn an_exit_that_ethereum_shows_first_is_challenged_when_a_block_spends_its_output_after_all() {
    let mut world = credited();
    let (position, _) = world.holdings(0, &user(1))[0];
    let payment = world.pay(&user(1), (position, 1_000), &user(2), 1_000);
    // Operator 0 alone has seen the exit when the output is spent, and the others go before they see it.
    world.mine_for(vec![started(7, position, 1)], &[0]);
    world.submit(1, 1, payment);
    world.run_until("the payment is decided everywhere", 20_000, |world| {
        world.all_hold(&user(2), 1_000)
    });
    for gone in 1..4 {
        world.kill(gone);
    }
    world.run_until("the thief is challenged", 60_000, |world| {
        challenged(world) == BTreeSet::from([ExitId(Hash([7; 32]))])
    });
}
