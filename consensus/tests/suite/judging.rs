//! On whose judgement a vote rests, and how long one is remembered.

use plasma_consensus::Input;

use crate::bench::{Bench, VALID, block, certified, container, finalize, leader, notarize, nullify};

fn has(said: &[String], word: &str) -> bool {
    said.iter().any(|it| it == word)
}

#[test]
fn what_only_others_found_good_is_not_said_once_more() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    assert!(has(&bench.learn(finalize(1, "a")), "final 1 +1"));
    let again = bench.propose(container(2, 1, "a"), Some(certified(notarize(1, 0, "a"))));
    assert!(!has(&again, "send notarize 2"), "{again:?}");
    let repeated = bench.learn(notarize(2, 1, "a"));
    assert!(!has(&repeated, "send finalize 2"), "{repeated:?}");
    let judged = bench.input(Input::Decided(block("a")));
    assert!(has(&judged, "send finalize 2"), "{judged:?}");
}

#[test]
fn what_was_judged_before_it_was_final_may_be_said_once_more() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    bench.judge("a", "genesis", VALID);
    bench.learn(finalize(1, "a"));
    let again = bench.propose(container(2, 1, "a"), Some(certified(notarize(1, 0, "a"))));
    assert!(has(&again, "send notarize 2"), "{again:?}");
}

#[test]
fn a_notarized_block_stays_judged_although_somebody_proposed_it_once_more_in_vain() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.learn(nullify(1));
    // The same block in the same place: it is view 2 now that waits for the judgement, and comes to nothing.
    bench.propose(container(2, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    bench.learn(notarize(1, 0, "a"));
    for view in 2..40 {
        bench.learn(nullify(view));
    }
    let view = (40..50)
        .find(|view| leader(*view) != bench.me)
        .expect("another leads");
    for view in 40..view {
        bench.learn(nullify(view));
    }
    let again = bench.propose(container(view, 1, "a"), Some(certified(notarize(1, 0, "a"))));
    assert!(has(&again, &format!("send notarize {view}")), "{again:?}");
}
