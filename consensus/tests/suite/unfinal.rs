//! Views upon views without finality: what is remembered of them, and how whoever missed them gathers them.

use plasma_consensus::{Input, Message, NotBuilt, Record};
use plasma_core::{Epoch, View};

use super::{gossip::talk, proposing::leading_late};
use crate::bench::{
    Bench, N, VALID, block, certified_by, container, finalize, genesis, leader, notarize, nullify,
};

#[test]
fn every_view_without_finality_is_reported_in_turn() {
    let mut bench = Bench::follower();
    for view in (1..=300).filter(|view| *view != 150) {
        bench.learn(nullify(view));
    }
    let mut windows = std::collections::BTreeSet::new();
    for _ in 0..12 {
        bench.wait(1_000);
        windows.insert(bench.statuses().remove(0).from);
    }
    assert!(windows.contains(&View(150)), "the first gap: {windows:?}");
    assert_eq!(windows.len(), 6, "and all the rest: {windows:?}");
}

#[test]
fn old_votes_are_forgotten_while_nothing_becomes_final() {
    let mut bench = Bench::follower();
    for view in 1..=2_000 {
        for signer in bench.peers() {
            bench.vote(signer, nullify(view));
        }
    }
    let load = bench.engine.load();
    assert_eq!(bench.view(), 2_001);
    assert!(load.votes <= 257 * 3 * 4, "{load:?}");
    assert_eq!(load.rounds, 2_000, "certificates stay");
}

#[test]
fn a_report_names_no_view_whose_votes_nobody_keeps() {
    let mut bench = Bench::follower();
    for view in 1..=300 {
        bench.learn(notarize(view, view - 1, "a"));
    }
    bench.wait(1_000);
    let held: Vec<u64> = bench.statuses()[0].held.iter().map(|held| held.view.0).collect();
    assert_eq!(held, [45, 300, 301]);
}

/// Reports that follow one another to close a gap are for the others: our own operator is asked again once a second.
#[test]
fn who_gathers_what_it_lacks_asks_its_operator_no_faster() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1_000, 999, "b"));
    bench.propose(container(1_001, 1_000, "c"), None);
    let (mut reports, mut questions) = (0, 0);
    for view in 2..=41 {
        bench.learn(nullify(view));
        let said = bench.wait(100);
        reports += bench.statuses().len();
        questions += said.iter().filter(|word| *word == "validate 1001").count();
    }
    assert!((35..=41).contains(&reports), "{reports}");
    assert!((3..=5).contains(&questions), "{questions}");
}

/// Whoever delays certificates makes us pass views by; their votes go all the same.
#[test]
fn old_votes_are_forgotten_of_views_that_were_passed_by() {
    let mut bench = Bench::follower();
    for view in (2..=2_000).step_by(2) {
        let peers = bench.peers();
        for signer in &peers[..2] {
            bench.vote(*signer, nullify(view - 1));
            bench.vote(*signer, nullify(view));
        }
        bench.learn(nullify(view));
    }
    assert_eq!(bench.view(), 2_001);
    let load = bench.engine.load();
    assert!(load.votes <= 257 * 3 * 4, "{load:?}");
    let load = bench.restarted().engine.load();
    assert!(load.votes <= 257 * 3 * 4, "after a restart: {load:?}");
}

/// Another than this one, that does not lead the first view after these. A quorum without either of the two is none, so it signed in
/// them and lost its log.
fn newcomer(old: &Bench, views: u64) -> Bench {
    let newcomer = (0..N).find(|member| *member != old.me && *member != leader(views + 1));
    let amnesia = Record::Amnesia {
        epoch: Epoch(0),
        floor: View(views),
    };
    Bench::from_log(newcomer.expect("n is 4"), vec![amnesia], genesis(), 0)
}

#[test]
fn a_newcomer_gathers_hundreds_of_nullifications_and_votes() {
    let mut old = Bench::follower();
    for view in 1..=400 {
        old.learn(nullify(view));
    }
    let mut new = newcomer(&old, 400);
    talk(&mut old, &mut new, 15_000);
    assert_eq!(new.view(), 401);
    assert_eq!(new.engine.load().rounds, 400);
    let mut proposed = crate::bench::proposal(container(401, 0, "a"), None);
    proposed.nullifications.clear();
    new.hear(leader(401), Message::Proposal(Box::new(proposed)));
    assert!(
        new.judge("a", "genesis", VALID)
            .contains(&"send notarize 401".to_owned())
    );
}

/// What stands can be judged only by whoever has every notarization of its views, so a long gap must not take a second for each
/// 64 views.
#[test]
fn thousands_of_views_are_gathered_in_seconds() {
    const VIEWS: u64 = 4_000;
    let mut old = Bench::follower();
    old.learn(notarize(1, 0, "a"));
    for view in 2..=VIEWS {
        old.learn(notarize(view, view - 1, "a"));
    }
    let mut new = newcomer(&old, VIEWS);
    talk(&mut old, &mut new, 10_000);
    // These, and the present one.
    assert_eq!((new.view(), new.engine.load().rounds), (VIEWS + 1, 4_001));
}

/// Whoever holds notarizations back can show all the same that every view is over.
#[test]
fn notarizations_that_were_kept_from_us_are_gathered_in_seconds() {
    const VIEWS: u64 = 2_000;
    let name = |view: u64| format!("block of view {view}");
    let mut old = Bench::follower();
    let mut new = newcomer(&old, VIEWS);
    for view in 1..=VIEWS {
        old.learn(notarize(view, view - 1, &name(view)));
        let over = certified_by(&old.peers(), nullify(view));
        new.hear(old.me, Message::Certified(over));
    }
    talk(&mut old, &mut new, 10_000);
    let missing = (1..=VIEWS).filter(|view| !new.engine.is_accepted(block(&name(*view))));
    assert_eq!(missing.count(), 0);
}

/// How long a leader with nothing to build with waited in a view without finality is no matter of a later one.
#[test]
fn a_leader_builds_at_the_pace_again_once_something_is_final() {
    let mut bench = leading_late();
    let said = [bench.work(), bench.wait(100)].concat();
    assert!(said.contains(&"build 6".to_owned()), "{said:?}");
    bench.input(Input::NotBuilt {
        view: View(6),
        reason: NotBuilt::Empty,
    });
    bench.learn(nullify(6));
    bench.learn(notarize(7, 1, "b"));
    bench.learn(finalize(7, "b"));
    bench.learn(nullify(8));
    bench.learn(nullify(9));
    assert_eq!(bench.view(), 10);
    let said = bench.wait(100);
    assert!(said.contains(&"build 10".to_owned()), "{said:?}");
}

/// The tip has no verdict here, so the block stands on an older one; that is repeated then, when there is nothing to build.
#[test]
fn a_leader_with_nothing_to_build_repeats_what_it_would_have_built_on() {
    let mut bench = Bench::new(leader(6));
    bench.learn(notarize(1, 0, "a"));
    bench.judge("a", "genesis", VALID);
    for view in 2..6 {
        bench.learn(nullify(view));
    }
    bench.learn(notarize(5, 1, "b"));
    let mut said = bench.work();
    for _ in 0..100 {
        said.extend(bench.wait(20));
        if said.contains(&"build 6".to_owned()) {
            break;
        }
    }
    assert!(said.contains(&"build 6".to_owned()), "{said:?}");
    let mut said = bench.input(Input::NotBuilt {
        view: View(6),
        reason: NotBuilt::Empty,
    });
    for _ in 0..100 {
        if said.contains(&"build 6".to_owned()) {
            said.extend(bench.input(Input::NotBuilt {
                view: View(6),
                reason: NotBuilt::Empty,
            }));
        }
        said.extend(bench.wait(20));
    }
    assert!(
        said.iter().any(|word| word.starts_with("propose 6 on 1")),
        "{said:?}"
    );
}
