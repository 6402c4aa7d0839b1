//! R8: timers, and the signs that end a view at once.

use plasma_consensus::{Effect, Input, Message};
use plasma_core::{Millis, OperatorIndex};

use crate::bench::{Bench, N, VALID, container, leader, notarize, nullify, poor_status};

fn gave_up(said: &[String], view: u64) -> bool {
    said.contains(&format!("send nullify {view}"))
}

fn others(bench: &Bench, view: u64) -> Vec<u16> {
    (0..N)
        .filter(|member| *member != bench.me && *member != leader(view))
        .collect()
}

#[test]
fn an_idle_view_lasts_for_ever() {
    let mut bench = Bench::follower();
    for _ in 0..100 {
        assert!(bench.wait(10_000).is_empty());
    }
    assert_eq!(bench.view(), 1);
}

#[test]
fn without_a_proposal_the_leader_time_ends_the_view() {
    let mut bench = Bench::follower();
    bench.wait(5_000);
    bench.work();
    assert!(!gave_up(&bench.wait(399), 1));
    assert_eq!(bench.wait(1), ["log nullify 1", "send nullify 1"]);
    assert!(bench.wait(400).is_empty(), "once");
}

#[test]
fn with_a_proposal_the_view_time_ends_the_view() {
    let mut bench = Bench::follower();
    bench.work();
    bench.propose(container(1, 0, "a"), None);
    assert!(!gave_up(&bench.wait(699), 1));
    assert!(gave_up(&bench.wait(1), 1));
}

#[test]
fn a_view_that_was_given_up_is_not_notarized() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(400);
    bench.propose(container(1, 0, "a"), None);
    assert!(bench.judge("a", "genesis", VALID).is_empty());
}

#[test]
fn timers_start_when_work_comes_and_stop_when_it_goes() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(300);
    bench.input(Input::Work(false));
    assert!(!gave_up(&bench.wait(300), 1));
    bench.work();
    assert!(!gave_up(&bench.wait(399), 1));
    assert!(gave_up(&bench.wait(1), 1));
}

#[test]
fn an_unfinal_tip_is_work() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    assert!(gave_up(&bench.wait(400), 2));
}

#[test]
fn timers_grow_without_finality() {
    let mut bench = Bench::follower();
    for view in 1..=4 {
        bench.learn(nullify(view));
    }
    bench.work();
    assert_eq!(bench.view(), 5);
    // Three views beyond the two that are normal: 400 ms grow by 1.5 three times.
    assert!(!gave_up(&bench.wait(1_349), 5));
    assert!(gave_up(&bench.wait(1), 5));
}

#[test]
fn the_leaders_own_nullify_ends_its_view_even_when_idle() {
    let mut bench = Bench::follower();
    assert!(gave_up(&bench.vote(leader(1), nullify(1)), 1));
}

#[test]
fn one_nullify_vote_arms_nothing_and_two_arm_the_timers_only() {
    let mut bench = Bench::follower();
    let [a, b] = [others(&bench, 1)[0], others(&bench, 1)[1]];
    bench.vote(a, nullify(1));
    assert!(!gave_up(&bench.wait(900), 1));
    assert!(!gave_up(&bench.vote(b, nullify(1)), 1), "never an immediate vote");
    assert!(!gave_up(&bench.wait(399), 1));
    assert!(gave_up(&bench.wait(1), 1));
}

#[test]
fn a_leader_whose_connection_is_down_is_not_waited_for() {
    let mut bench = Bench::follower();
    bench.input(Input::PeerDown(OperatorIndex(leader(1))));
    bench.wait(2_000);
    assert!(gave_up(&bench.work(), 1));
}

#[test]
fn a_short_break_of_the_connection_changes_nothing() {
    let mut bench = Bench::follower();
    bench.input(Input::PeerDown(OperatorIndex(leader(1))));
    bench.wait(1_900);
    bench.input(Input::PeerUp(OperatorIndex(leader(1))));
    bench.wait(200);
    assert!(!gave_up(&bench.work(), 1));
    assert!(!gave_up(&bench.wait(399), 1));
}

#[test]
fn a_leader_that_alone_is_silent_is_not_waited_for() {
    let mut bench = Bench::follower();
    let [a, b] = [others(&bench, 1)[0], others(&bench, 1)[1]];
    bench.wait(5_001);
    bench.hear(a, Message::Status(poor_status(1)));
    bench.hear(b, Message::Status(poor_status(1)));
    assert!(gave_up(&bench.work(), 1));
}

#[test]
fn when_everybody_is_silent_nobody_is_to_blame() {
    let mut bench = Bench::follower();
    bench.wait(60_000);
    assert!(!gave_up(&bench.work(), 1));
}

#[test]
fn a_slow_proposal_of_a_connected_leader_is_still_taken_before_the_timer() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(390);
    bench.propose(container(1, 0, "a"), None);
    assert!(!gave_up(&bench.wait(20), 1));
    assert!(
        bench
            .judge("a", "genesis", VALID)
            .contains(&"send notarize 1".to_owned())
    );
}

#[test]
fn the_engine_asks_to_be_woken_in_time_for_everything() {
    let mut bench = Bench::follower();
    bench.wait(10);
    bench.work();
    let mut wakes = 0;
    let mut said = Vec::new();
    while !gave_up(&said, 1) && wakes < 50 {
        let at = bench.effects.iter().rev().find_map(|effect| match effect {
            Effect::Timer(Millis(at)) => Some(*at),
            _ => None,
        });
        let at = at.expect("a step that consumed its timer asks for the next");
        assert!(at > bench.now);
        said = bench.wait(at - bench.now);
        wakes += 1;
    }
    assert_eq!(bench.now, 410, "woken exactly when the leader's time was over");
}

#[test]
fn a_tick_that_comes_too_early_is_followed_by_the_same_timer() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(399);
    assert!(bench.effects.contains(&Effect::Timer(Millis(400))));
    bench.wait(0);
    assert!(bench.effects.contains(&Effect::Timer(Millis(400))));
}

#[test]
fn a_clock_that_jumps_back_stands_still() {
    let mut bench = Bench::follower();
    bench.now = 50_000;
    bench.work();
    bench.now = 10;
    assert!(!gave_up(&bench.wait(0), 1));
    bench.now = 50_400;
    assert!(gave_up(&bench.wait(0), 1));
}
