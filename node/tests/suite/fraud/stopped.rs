//! What an operator that stopped still does for the users: its storage knows what was spent, whoever goes on without it.

use std::collections::BTreeSet;

use plasma_core::{ExitId, Hash, L1Block, L1Event, L1Height, Position, SignedTransaction};
use plasma_node::operator::{
    effect::Effect,
    event::{ConfirmedBlock, Event},
    matters::Matter,
    report::Concern,
};

use super::quorum::{HONEST, deposited, shown};
use crate::suite::{
    cast::{START, l1_block, user},
    doubts::credited,
    world::{GRACE_S, SILENCE_S, World},
};

/// A world in which user 1 paid all to user 2, and the honest operator then stopped because the others lied. Gives also what
/// user 1 had, and another payment of it.
fn stopped_after_a_payment() -> (World, Position, SignedTransaction) {
    let mut world = credited();
    let (position, _) = world.holdings(0, &user(1))[0];
    let payment = world.pay(&user(1), (position, 1_000), &user(2), 1_000);
    let other = world.pay(&user(1), (position, 1_000), &user(1), 999);
    world.submit(0, 1, payment);
    world.run_until("the payment is decided everywhere", 5_000, |world| {
        world.all_hold(&user(2), 1_000)
    });
    world.lies = true;
    world.mine_for(vec![deposited(1, 1_332)], &[0, 1, 2]);
    world.confirm(HONEST, vec![deposited(1, 666)]);
    (world, position, other)
}

fn answered(world: &World) -> BTreeSet<Matter> {
    let duties = world.nodes[HONEST].duties.iter();
    duties
        .filter_map(|duty| match duty {
            Effect::Answer(matter) => Some(*matter),
            _ => None,
        })
        .collect()
}

#[test]
fn exits_of_spent_outputs_are_challenged_although_no_block_will_cover_them() {
    let (mut world, position, _) = stopped_after_a_payment();
    let kept = world.holdings(0, &user(2))[0].0;
    let started = |number, position, who: u8| L1Event::ExitStarted {
        id: ExitId(Hash([number; 32])),
        position,
        owner: user(who).address(),
    };
    // One exit is filed before the operator stops, the others are seen after it.
    world.mine(vec![started(7, position, 1)]);
    world.run_until("the honest one accuses", 10_000, |world| shown(world).is_some());
    world.mine(vec![started(8, position, 1), started(9, kept, 2)]);
    let challenged = |world: &World| -> BTreeSet<ExitId> {
        let duties = world.nodes[HONEST].duties.iter();
        duties
            .filter_map(|duty| match duty {
                Effect::Challenge { exit, .. } => Some(*exit),
                _ => None,
            })
            .collect()
    };
    let dishonest = BTreeSet::from([ExitId(Hash([7; 32])), ExitId(Hash([8; 32]))]);
    world.run_until("both are challenged", 20_000, |world| {
        challenged(world).is_superset(&dishonest)
    });
    assert_eq!(challenged(&world), dishonest, "an honest exit is left alone");
    let concerns = world.nodes[HONEST].operator.as_ref().unwrap().status().concerns;
    assert!(
        matches!(concerns[0], Concern::InvalidBlock { .. }),
        "{concerns:?}"
    );
    let exits: BTreeSet<ExitId> = concerns
        .iter()
        .filter_map(|concern| match concern {
            Concern::DishonestExit { exit, output, .. } if *output == position => Some(*exit),
            _ => None,
        })
        .collect();
    assert_eq!(exits, dishonest, "its people hear of both, and of the block");
}

#[test]
fn in_flight_exits_of_double_spends_are_answered_although_no_block_will_cover_them() {
    let (mut world, _, other) = stopped_after_a_payment();
    let (exit, kept) = (
        |number| ExitId(Hash([number; 32])),
        world.holdings(0, &user(2))[0].0,
    );
    let unspent = world.pay(&user(2), (kept, 1_000), &user(1), 1_000);
    let started = |number, payment: &SignedTransaction| L1Event::InFlightExitStarted {
        id: exit(number),
        transaction: payment.encode(),
    };
    // One is filed before the operator stops, the others are seen after it. One has ended when it is looked at.
    world.mine(vec![started(7, &other)]);
    world.run_until("the honest one accuses", 10_000, |world| shown(world).is_some());
    let ended = L1Event::InFlightExitEnded {
        id: exit(10),
        paid_outputs: 0,
        consumed_inputs: 0,
    };
    world.mine(vec![
        started(8, &other),
        started(9, &unspent),
        started(10, &other),
        ended,
    ]);
    world.run_for(20_000);
    let open = BTreeSet::from([7, 8].map(|number| Matter::InFlight(exit(number))));
    assert_eq!(answered(&world), open, "an honest one is left alone");

    // Also after a crash, until Ethereum ends them.
    world.kill(HONEST);
    world.nodes[HONEST].duties.clear();
    world.start(HONEST);
    world.run_for(20_000);
    assert_eq!(answered(&world), open);
    world.mine(vec![L1Event::InFlightExitEnded {
        id: exit(8),
        paid_outputs: 0,
        consumed_inputs: 0,
    }]);
    world.run_for(1_000);
    world.nodes[HONEST].duties.clear();
    world.run_for(20_000);
    assert_eq!(answered(&world), BTreeSet::from([Matter::InFlight(exit(7))]));
}

#[test]
fn an_operator_that_stopped_for_another_reason_guards_what_its_storage_knows() {
    let (mut world, position, other) = stopped_after_a_payment();
    let reason = "Ethereum contradicts what was decided".to_owned();
    let height = L1Height(0);
    world.handle(HONEST, Event::L1Contradiction { height, reason });
    world.mine(vec![
        L1Event::ExitStarted {
            id: ExitId(Hash([7; 32])),
            position,
            owner: user(1).address(),
        },
        L1Event::InFlightExitStarted {
            id: ExitId(Hash([8; 32])),
            transaction: other.encode(),
        },
    ]);
    world.run_for(20_000);
    assert_eq!(shown(&world), None, "it has no case");
    let challenge = |duty: &Effect| matches!(duty, Effect::Challenge { exit, .. } if exit.0.0 == [7; 32]);
    assert!(world.nodes[HONEST].duties.iter().any(challenge));
    assert!(answered(&world).contains(&Matter::InFlight(ExitId(Hash([8; 32])))));
}

#[test]
fn a_stopped_operator_says_so_when_nothing_can_be_anchored_any_more() {
    let (mut world, ..) = stopped_after_a_payment();
    world.run_until("the honest one accuses", 10_000, |world| shown(world).is_some());
    assert!(!answered(&world).contains(&Matter::Silence));
    (0..HONEST).for_each(|liar| world.kill(liar));
    let at = |timestamp_s| {
        let block = L1Block {
            timestamp_s,
            ..l1_block(1_000)
        };
        let events = Vec::new();
        Event::L1Confirmed(vec![ConfirmedBlock { block, events }])
    };
    // The newest anchor was mined in the first minute.
    world.handle(HONEST, at(START.0 / 1_000 + SILENCE_S + 2 * GRACE_S));
    world.run_for(10_000);
    assert!(
        !answered(&world).contains(&Matter::Silence),
        "one could still come"
    );
    world.handle(HONEST, at(START.0 / 1_000 + SILENCE_S + 2 * GRACE_S + 60));
    world.run_for(10_000);
    assert!(answered(&world).contains(&Matter::Silence));
}
