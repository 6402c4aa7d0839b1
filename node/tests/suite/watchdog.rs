//! An operator that gets nowhere says so, and why: it must not look healthy while payments wait.

use plasma_consensus::{Config, Reason};
use plasma_core::{Millis, View};
use plasma_node::{
    api::view::StatusView,
    operator::report::{GivenUp, Status},
};

use super::{
    chain::{Chain, genesis},
    federation::funded,
    http::{door, get},
    world::World,
};

fn status(world: &World, index: usize) -> Status {
    let operator = world.nodes[index].operator.as_ref();
    operator.expect("it runs").status()
}

#[test]
fn work_without_a_decision_is_said_after_ten_view_timeouts_and_taken_back_with_the_next_one() {
    let (mut world, alice, bob, position) = funded();
    world.kill(1);
    world.kill(2);
    // Idle, they have nothing to complain of.
    let patience = 10 * Config::default().view_ms();
    world.run_for(patience * 2);
    assert_eq!(status(&world, 0).stalled_since, None);

    let asked = world.now;
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    world.run_for(patience - 500);
    assert_eq!(status(&world, 0).stalled_since, None);
    world.run_for(1_500);
    for index in [0, 3] {
        let since = status(&world, index).stalled_since.expect("it says so");
        assert!(
            since >= asked && since.since(asked) < 500,
            "operator {index}: {since:?} of {asked:?}"
        );
    }

    world.start(1);
    world.start(2);
    world.run_until("the payment is decided", 60_000, |world| {
        world.all_hold(&bob, 300)
    });
    for index in 0..4 {
        assert_eq!(status(&world, index).stalled_since, None, "operator {index}");
    }
}

#[test]
fn the_view_given_up_last_and_its_reason_stay_in_the_status() {
    let (mut world, alice, bob, position) = funded();
    assert_eq!(status(&world, 0).given_up, None);
    let next = status(&world, 0).leader.expect("it has a seat");
    let (dead, witness) = (usize::from(next.0), usize::from(next.0 == 0));
    let view = status(&world, witness).view;
    world.kill(dead);
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(witness, 1, payment);
    world.run_until("the others decide", 60_000, |world| world.all_hold(&bob, 300));
    let given_up = status(&world, witness).given_up.expect("the dead leader's view");
    assert!(given_up.view >= view, "{given_up:?} after {view}");
    let reasons = [
        Reason::NoProposal,
        Reason::LeaderDown,
        Reason::LeaderSilent,
        Reason::Leader,
    ];
    assert!(reasons.contains(&given_up.reason), "{given_up:?}");
}

#[tokio::test]
async fn a_client_reads_that_nothing_is_decided_and_why() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    let well: StatusView = get(&router, "/v1/status").await.document();
    assert!(well.ready && well.consensus.given_up.is_none());
    chain.say(|status| {
        status.stalled_since = Some(Millis(1_000));
        status.given_up = Some(GivenUp {
            view: View(7),
            reason: Reason::LeaderSilent,
        });
    });
    let stuck: StatusView = get(&router, "/v1/status").await.document();
    let [blocker] = stuck.blockers.as_slice() else {
        panic!("{:?}", stuck.blockers);
    };
    assert!(!stuck.ready && blocker.code == "no-progress");
    let since = "there is work, and nothing was decided since 1970-01-01T00:00:01";
    let why = "view 7 was given up: the leader is silent";
    assert!(
        blocker.text.starts_with(since) && blocker.text.ends_with(why),
        "{}",
        blocker.text
    );
    let given_up = stuck.consensus.given_up.expect("a view that was given up");
    assert_eq!(
        (given_up.view, given_up.reason.as_str()),
        (7, "the leader is silent")
    );
}
