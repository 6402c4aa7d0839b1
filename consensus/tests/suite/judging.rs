//! On whose judgement a vote rests, and how long one is remembered.

use plasma_consensus::{Input, Message, Verdict};

use crate::bench::{
    Bench, PENDING, VALID, block, certified, container, finalize, leader, notarize, nullify, proposal,
};

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

/// A liar that leads proposes on and on, while leaders that keep the rules repeat what stands.
#[test]
fn nobody_votes_for_more_than_sixteen_blocks_that_wait() {
    let mut bench = Bench::follower();
    let mut voted = Vec::new();
    let name = |view: u64| {
        if view == 0 {
            "genesis".to_owned()
        } else {
            format!("b{view}")
        }
    };
    let mut go = |bench: &mut Bench, view: u64| {
        let below = view - 1;
        let mut said = Vec::new();
        if leader(view) != bench.me {
            let proof = notarize(below, below.saturating_sub(1), &name(below));
            let proof = (view > 1).then(|| certified(proof));
            said = bench.propose(container(view, below, &name(view)), proof);
            said.extend(bench.judge(&name(view), &name(below), VALID));
        }
        if has(&said, &format!("send notarize {view}")) {
            voted.push(view);
        }
        bench.learn(notarize(view, below, &name(view)));
    };
    (1..40).for_each(|view| go(&mut bench, view));
    bench.learn(finalize(30, &name(30)));
    (40..60).for_each(|view| go(&mut bench, view));
    let follows = |view: &u64| leader(*view) != bench.me;
    let expected: Vec<u64> = (1..=16).chain(40..=46).filter(follows).collect();
    assert_eq!(voted, expected);
}

#[test]
fn what_the_operator_holds_no_more_gets_no_second_vote_before_it_is_here_again() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    bench.learn(notarize(1, 0, "a"));
    bench.learn(nullify(1));
    bench.learn(notarize(2, 0, "b"));
    bench.learn(nullify(2));
    let view = (3..10)
        .find(|view| leader(*view) != bench.me)
        .expect("others lead too");
    (3..view).for_each(|view| drop(bench.learn(nullify(view))));
    bench.input(Input::Dropped(block("a")));
    let repeat = container(view, 1, "a");
    let said = bench.propose(repeat, Some(certified(notarize(1, 0, "a"))));
    assert!(!has(&said, &format!("send notarize {view}")), "{said:?}");
    let asked = bench.wait(1_000);
    assert!(has(&asked, &format!("validate {view}")), "{asked:?}");
    let judged = bench.judge("a", "genesis", VALID);
    assert!(has(&judged, &format!("send notarize {view}")), "{judged:?}");
}

#[test]
fn that_a_block_seals_its_epoch_is_known_also_when_the_operator_holds_it_no_more() {
    for is_dropped in [false, true] {
        let mut bench = Bench::follower();
        bench.propose(container(1, 0, "a"), None);
        bench.judge("a", "genesis", Verdict::Valid { seals: true });
        if is_dropped {
            bench.input(Input::Dropped(block("a")));
        }
        bench.learn(notarize(1, 0, "a"));
        let view = (2..10)
            .find(|view| leader(*view) != bench.me)
            .expect("others lead too");
        (2..view).for_each(|view| drop(bench.learn(nullify(view))));
        let said = bench.propose(container(view, 1, "c"), Some(certified(notarize(1, 0, "a"))));
        assert!(has(&said, &format!("send nullify {view}")), "{said:?}");
        assert!(!has(&said, &format!("validate {view}")), "{said:?}");
    }
}

/// Others repeat for hours what we cannot judge: it is one question, and when it is answered we vote on what still counts.
#[test]
fn what_is_repeated_in_view_after_view_is_one_question() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    bench.judge("a", "genesis", PENDING);
    for view in 2..=1_000 {
        let said = bench.learn(notarize(view, view - 1, "a"));
        assert!(!said.iter().any(|word| word.starts_with("validate")), "{said:?}");
    }
    let said = bench.wait(1_000);
    let asked: Vec<_> = said.iter().filter(|word| word.starts_with("validate")).collect();
    assert_eq!(asked, ["validate 1000"]);
    let said = bench.judge("a", "genesis", VALID);
    let voted = said
        .iter()
        .filter(|word| word.starts_with("send finalize"))
        .count();
    assert_eq!(voted, 256, "those that the others count yet");
    assert!(
        has(&said, "send finalize 1000") && has(&said, "send finalize 745"),
        "{said:?}"
    );
}

/// The verdicts are gone with the process, and what the proposal stands on lies deeper than votes are kept, beside the tip.
#[test]
fn what_a_proposal_stands_on_is_asked_about_however_long_ago_it_was_notarized() {
    let view = (401..410).find(|view| leader(*view) != 0).expect("another leads");
    let mut bench = Bench::new(0);
    bench.learn(notarize(1, 0, "a"));
    bench.learn(nullify(1));
    bench.learn(notarize(2, 0, "b"));
    for view in 2..view {
        bench.learn(nullify(view));
    }
    let mut bench = bench.restarted();
    let mut fresh = proposal(container(view, 1, "c"), None);
    fresh.nullifications.clear();
    bench.hear(leader(view), Message::Proposal(Box::new(fresh)));
    let said = bench.wait(1_000);
    for asked in ["validate 1", "validate 2", &format!("validate {view}")] {
        assert!(has(&said, asked), "{asked}: {said:?}");
    }
}
