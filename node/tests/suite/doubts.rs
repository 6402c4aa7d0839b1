//! What an operator makes of an Ethereum endpoint that was wrong for a while.

use plasma_core::{Hash, L1Block, L1Height};
use plasma_node::operator::{
    effect::Record,
    event::{ConfirmedBlock, Event},
};

use super::{
    cast::{l1_block, user},
    fraud::quorum::deposited,
    world::World,
};

/// The one whose endpoint is wrong.
const MISLED: usize = 2;

/// A world in which one deposit is credited everywhere.
pub(crate) fn credited() -> World {
    let mut world = World::new();
    world.run_for(500);
    world.mine(vec![deposited(0, 1_000)]);
    world.run_until("the deposit is credited everywhere", 5_000, |world| {
        world.all_hold(&user(1), 1_000)
    });
    world
}

fn contradiction(height: u64) -> Event {
    Event::L1Contradiction {
        height: L1Height(height),
        reason: "a reorganisation deeper than the confirmations of the genesis".to_owned(),
    }
}

#[test]
fn another_fork_above_the_decided_origin_is_read_again_and_ends_nobody() {
    let mut world = credited();
    let fork = L1Block {
        hash: Hash([0xf0; 32]),
        ..l1_block(2)
    };
    let events = vec![deposited(1, 7)];
    world.handle(
        MISLED,
        Event::L1Confirmed(vec![ConfirmedBlock { block: fork, events }]),
    );
    world.handle(MISLED, contradiction(2));
    world.mine(vec![deposited(1, 500)]);
    world.run_until("all go on with what Ethereum shows", 10_000, |world| {
        world.all_hold(&user(1), 1_500)
    });
    // It votes again: without it nothing is decided.
    world.kill(0);
    world.mine(vec![deposited(2, 500)]);
    world.run_until("a quorum with it decides", 20_000, |world| {
        (1..4).all(|index| world.holds(index, &user(1), 2_000))
    });
}

/// Its endpoint shows another fork after the block was applied: what it would change is not what Ethereum says any more.
#[test]
fn a_block_on_a_forgotten_origin_is_judged_again_before_it_is_decided() {
    let mut world = credited();
    let bodies = |world: &World| {
        let records = world.nodes[MISLED].log.iter();
        records.filter(|record| matches!(record, Record::Body(_))).count()
    };
    let before = bodies(&world);
    world.mine(vec![deposited(1, 500)]);
    world.run_until("it is valid", 10_000, |world| bodies(world) > before);
    assert!(world.holds(MISLED, &user(1), 1_000), "it is not decided");
    let fork = L1Block {
        hash: Hash([0xf0; 32]),
        ..l1_block(2)
    };
    world.handle(MISLED, contradiction(2));
    let events = vec![deposited(1, 7)];
    world.handle(
        MISLED,
        Event::L1Confirmed(vec![ConfirmedBlock { block: fork, events }]),
    );
    world.run_until("the others decide", 10_000, |world| {
        [0, 1, 3].iter().all(|index| world.holds(*index, &user(1), 1_500))
    });
    world.run_for(2_000);
    assert!(
        world.holds(MISLED, &user(1), 1_000),
        "it waits for what Ethereum shows"
    );
    world.handle(MISLED, contradiction(2));
    world.run_until("all hold it", 10_000, |world| world.all_hold(&user(1), 1_500));
}

#[test]
fn another_block_as_the_decided_origin_ends_the_operator() {
    let mut world = credited();
    world.lies = true;
    world.handle(MISLED, contradiction(1));
    assert_eq!(world.nodes[MISLED].stops.len(), 1);
    world.mine(vec![deposited(1, 500)]);
    world.run_until("the others go on", 10_000, |world| {
        [0, 1, 3].iter().all(|index| world.holds(*index, &user(1), 1_500))
    });
    assert!(world.holds(MISLED, &user(1), 1_000));
}

/// An endpoint leaves a deposit out that all others see, and does not for long.
#[test]
fn an_endpoint_that_left_out_a_log_blames_nobody_and_is_read_again() {
    let mut world = credited();
    let others = [0, 1, 3];
    world.mine_for(vec![deposited(1, 500)], &others);
    world.confirm(MISLED, Vec::new());
    world.mend_endpoint(MISLED);
    // Whoever stops, penalizes or finds a block invalid ends the test.
    world.run_until("all hold it", 10_000, |world| world.all_hold(&user(1), 1_500));
    assert_eq!(world.rereads, 1);
    world.kill(0);
    world.mine(vec![deposited(2, 500)]);
    world.run_until("a quorum with it decides", 20_000, |world| {
        world.all_hold(&user(1), 2_000)
    });
}

#[test]
fn no_block_is_refused_while_two_readings_of_ethereum_differ() {
    let mut world = credited();
    world.mine_for(vec![deposited(1, 500)], &[0, 1, 3]);
    world.confirm(MISLED, Vec::new());
    world.mend_endpoint(MISLED);
    world
        .readings
        .insert(MISLED, [vec![deposited(1, 7)], Vec::new()].into());
    world.run_until("all hold it", 10_000, |world| world.all_hold(&user(1), 1_500));
    assert_eq!(world.rereads, 3);
}

/// Two of four are misled: the others wait for them, and all go on when the endpoints do.
#[test]
fn two_misled_operators_of_four_stop_the_federation_only_as_long_as_their_endpoints() {
    let mut world = credited();
    world.mine_for(vec![deposited(1, 500)], &[0, 1]);
    for misled in [2, 3] {
        world.confirm(misled, Vec::new());
        world.mend_endpoint(misled);
    }
    world.run_until("all hold it", 20_000, |world| world.all_hold(&user(1), 1_500));
}

/// The endpoint is wrong for as long as the operator lives, and mended when it is started again.
#[test]
fn a_case_out_of_the_log_is_judged_again_by_what_ethereum_shows_now() {
    let mut world = credited();
    world.lies = true;
    world.mine_for(vec![deposited(1, 500)], &[0, 1, 3]);
    world.confirm(MISLED, Vec::new());
    let is_stopped = |world: &World| {
        let operator = world.nodes[MISLED].operator.as_ref().expect("it runs");
        operator.status().stopped.is_some()
    };
    world.run_until("it stops", 10_000, is_stopped);
    let cases = |world: &World| {
        let records = world.nodes[MISLED].log.iter();
        records.filter(|record| matches!(record, Record::Case(_))).count()
    };
    assert_eq!(cases(&world), 1);
    // As long as its endpoint is wrong it stays stopped.
    world.kill(MISLED);
    world.start(MISLED);
    world.run_until("it stops again", 10_000, is_stopped);
    assert_eq!(cases(&world), 1, "it is written once");
    world.kill(MISLED);
    world.mend_endpoint(MISLED);
    world.start(MISLED);
    world.run_until("all hold it", 20_000, |world| world.all_hold(&user(1), 1_500));
    // It votes, and forgets the case with the next shortening of its log.
    world.kill(0);
    world.mine(vec![deposited(2, 500)]);
    world.run_until("a quorum with it decides", 20_000, |world| {
        world.all_hold(&user(1), 2_000)
    });
    world.cut_power(MISLED);
    assert_eq!(cases(&world), 0);
    world.start(MISLED);
    world.mine(vec![deposited(3, 500)]);
    world.run_until("it goes on after another start", 20_000, |world| {
        world.all_hold(&user(1), 2_500)
    });
    assert!(!is_stopped(&world));
}
