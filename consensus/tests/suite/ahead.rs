//! Building ahead: which parent the operator is told of, when, and how often.

use plasma_consensus::{Input, NotBuilt, Verdict};
use plasma_core::{BlockId, View};

use crate::bench::{Bench, VALID, block, container, leader, notarize, nullify};

/// The leader of view 2, with work, that heard the proposal "a" of view 1 early in it.
fn hearing() -> Bench {
    let mut bench = Bench::new(leader(2));
    bench.work();
    bench.propose(container(1, 0, "a"), None);
    bench
}

/// And found it valid.
fn voting() -> Bench {
    let mut bench = hearing();
    bench.judge("a", "genesis", VALID);
    bench
}

#[test]
fn the_next_leader_is_told_the_likely_parent_with_its_own_vote() {
    let mut bench = hearing();
    assert!(bench.prepared().is_empty(), "not judged yet");
    let said = bench.judge("a", "genesis", VALID);
    assert_eq!(said, ["log notarize 1", "send notarize 1"]);
    assert_eq!(bench.prepared(), [block("a")]);
}

#[test]
fn it_is_told_once_and_asked_for_that_block_later() {
    let mut bench = voting();
    bench.wait(50);
    assert!(bench.prepared().is_empty());
    bench.votes(notarize(1, 0, "a"));
    assert_eq!(bench.view(), 2);
    assert!(bench.prepared().is_empty(), "the same parent");
    assert!(bench.wait(50).contains(&"build 2".to_owned()));
    assert!(bench.prepared().is_empty());
}

#[test]
fn only_the_next_leader_is_told() {
    for me in [leader(3), leader(4)] {
        let mut bench = Bench::new(me);
        bench.work();
        bench.propose(container(1, 0, "a"), None);
        bench.judge("a", "genesis", VALID);
        assert!(bench.prepared().is_empty());
    }
}

#[test]
fn without_work_nothing_is_built_ahead() {
    let mut bench = Bench::new(leader(2));
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    assert!(bench.prepared().is_empty());
    bench.work();
    assert_eq!(bench.prepared(), [block("a")], "work came");
}

#[test]
fn nothing_is_built_ahead_on_the_last_block_of_an_epoch() {
    let mut bench = hearing();
    bench.judge("a", "genesis", Verdict::Valid { seals: true });
    assert!(bench.prepared().is_empty());
}

#[test]
fn nothing_is_built_ahead_on_a_view_given_up() {
    let mut bench = hearing();
    bench.wait(700);
    assert!(bench.prepared().is_empty());
    bench.judge("a", "genesis", VALID);
    assert!(bench.prepared().is_empty());
    bench.learn(nullify(1));
    assert_eq!(bench.prepared(), [block("genesis")], "the next best");
}

/// The guess was "a", and the view was nullified although I voted for it: another parent, told anew.
#[test]
fn a_wrong_guess_costs_nothing() {
    let mut bench = voting();
    bench.learn(nullify(1));
    assert_eq!(bench.prepared(), [block("genesis")]);
    let said = bench.wait(100);
    assert!(said.contains(&"build 2".to_owned()), "{said:?}");
    let said = bench.input(Input::Built {
        view: View(2),
        block: block("b"),
        seals: false,
    });
    assert!(said.contains(&"propose 2 on 0 with body".to_owned()), "{said:?}");
}

#[test]
fn the_leader_of_the_first_view_builds_while_the_pace_runs() {
    let mut bench = Bench::new(leader(1));
    bench.work();
    assert_eq!(bench.prepared(), [block("genesis")]);
    assert_eq!(bench.wait(100), ["build 1"]);
    assert!(bench.prepared().is_empty());
    bench.input(Input::NotBuilt {
        view: View(1),
        reason: NotBuilt::Empty,
    });
    assert!(bench.prepared().is_empty(), "it was asked for");
}

/// Above it only re-proposals are allowed, so nothing is built for the seventeenth.
#[test]
fn nothing_is_built_ahead_beyond_the_unfinal_blocks_allowed() {
    let name = |view: u64| {
        if view == 0 {
            "genesis".to_owned()
        } else {
            format!("b{view}")
        }
    };
    let told = |last: u64| -> Vec<BlockId> {
        let mut bench = Bench::new(leader(last + 1));
        bench.work();
        for view in 1..=last {
            let (mine, below) = (name(view), name(view - 1));
            if leader(view) == bench.me {
                bench.learn(notarize(view, view - 1, &mine));
            } else {
                bench.propose(container(view, view - 1, &mine), None);
                bench.judge(&mine, &below, VALID);
                if view < last {
                    bench.votes(notarize(view, view - 1, &mine));
                }
            }
        }
        assert_eq!(bench.view(), last);
        bench.prepared()
    };
    assert_eq!(told(15), [block("b15")]);
    assert!(told(16).is_empty());
}

#[test]
fn a_restarted_leader_is_told_again() {
    let mut bench = voting().restarted();
    assert!(bench.prepared().is_empty(), "it knows of no work yet");
    bench.work();
    assert_eq!(bench.prepared(), [block("a")]);
}

#[test]
fn work_that_comes_after_my_nullify_builds_nothing_on_that_view() {
    let mut bench = Bench::new(leader(2));
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let said = bench.vote(leader(1), nullify(1));
    assert!(said.contains(&"send nullify 1".to_owned()), "{said:?}");
    bench.work();
    assert!(bench.prepared().is_empty());
}
