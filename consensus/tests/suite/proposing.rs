//! R0 entering a view, R1 proposing.

use plasma_consensus::{Effect, Input, Message, NotBuilt, Record};
use plasma_core::{OperatorIndex, View};

use crate::bench::{
    Bench, N, VALID, block, certified_by, container, finalize, leader, notarize, nullify, poor_status, start,
};

fn leading() -> Bench {
    Bench::new(leader(1))
}

fn built(bench: &mut Bench, view: u64, name: &str) -> Vec<String> {
    bench.input(Input::Built {
        view: View(view),
        block: block(name),
        seals: false,
    })
}

/// The leader of view 6, on a tip that is notarized and not final, with four views beyond the two that are normal: what is waited for
/// grows by 1.5 four times.
pub(crate) fn leading_late() -> Bench {
    let mut bench = Bench::new(leader(6));
    bench.learn(notarize(1, 0, "a"));
    bench.judge("a", "genesis", VALID);
    for view in 2..6 {
        bench.learn(nullify(view));
    }
    bench
}

/// The leader of view 1 with its block "a" proposed.
fn proposed() -> Bench {
    let mut bench = leading();
    bench.work();
    bench.wait(100);
    built(&mut bench, 1, "a");
    bench
}

#[test]
fn a_fresh_engine_is_in_view_one_on_the_genesis_floor() {
    let bench = Bench::follower();
    assert_eq!((bench.view(), bench.floor()), (1, 0));
    assert_eq!(bench.engine.leader(View(1)), OperatorIndex(leader(1)));
}

#[test]
fn a_nullification_enters_the_next_view_and_reports_it() {
    let mut bench = Bench::follower();
    bench.wait(500);
    assert_eq!(bench.learn(nullify(1))[0], "log nullification 1");
    assert_eq!((bench.view(), bench.statuses().len()), (2, 0));
    bench.wait(20);
    assert_eq!(bench.statuses().len(), 1, "what comes with it is in the report");
}

#[test]
fn a_certificate_far_ahead_jumps() {
    let mut bench = Bench::follower();
    bench.learn(nullify(40));
    assert_eq!(bench.view(), 41);
}

#[test]
fn an_old_certificate_does_not_move_the_view_back() {
    let mut bench = Bench::follower();
    bench.learn(nullify(3));
    bench.learn(nullify(1));
    assert_eq!(bench.view(), 4);
}

#[test]
fn a_leader_without_work_builds_nothing() {
    let mut bench = leading();
    assert!(bench.wait(900).is_empty());
}

#[test]
fn a_leader_asks_for_a_block_when_the_pace_allows() {
    let mut bench = leading();
    assert!(bench.work().is_empty());
    assert!(bench.wait(99).is_empty());
    assert_eq!(bench.wait(1), ["build 1"]);
    assert!(bench.wait(1).is_empty(), "once");
}

#[test]
fn the_pace_counts_from_the_parents_proposal() {
    let mut bench = Bench::new(leader(2));
    bench.work();
    bench.wait(30);
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    bench.wait(20);
    assert!(!bench.votes(notarize(1, 0, "a")).contains(&"build 2".to_owned()));
    assert_eq!(bench.view(), 2);
    assert!(!bench.wait(79).contains(&"build 2".to_owned()));
    assert!(bench.wait(1).contains(&"build 2".to_owned()));
}

#[test]
fn a_proposal_is_written_down_before_it_is_sent() {
    let mut bench = leading();
    bench.work();
    bench.wait(100);
    assert_eq!(
        built(&mut bench, 1, "a"),
        ["log proposal 1", "log notarize 1", "propose 1 on 0 with body"]
    );
}

#[test]
fn a_block_for_a_view_that_passed_is_dropped() {
    let mut bench = leading();
    bench.work();
    bench.wait(100);
    bench.learn(nullify(1));
    assert!(built(&mut bench, 1, "a").is_empty());
}

#[test]
fn a_block_that_was_not_asked_for_is_dropped() {
    let mut bench = leading();
    assert!(built(&mut bench, 1, "a").is_empty());
}

#[test]
fn a_leader_that_cannot_build_gives_up_at_once() {
    let mut bench = leading();
    bench.work();
    bench.wait(100);
    let said = bench.input(Input::NotBuilt {
        view: View(1),
        reason: NotBuilt::Unable,
    });
    assert_eq!(said, ["log nullify 1", "send nullify 1"]);
}

#[test]
fn a_leader_with_nothing_to_build_asks_again_later() {
    let mut bench = leading();
    bench.work();
    bench.wait(100);
    assert!(
        bench
            .input(Input::NotBuilt {
                view: View(1),
                reason: NotBuilt::Empty
            })
            .is_empty()
    );
    assert!(bench.wait(99).is_empty());
    assert_eq!(bench.wait(1), ["build 1"]);
}

#[test]
fn an_answer_that_comes_after_the_view_was_given_up_changes_nothing() {
    for answer in [
        Input::NotBuilt {
            view: View(2),
            reason: NotBuilt::Empty,
        },
        Input::NotBuilt {
            view: View(2),
            reason: NotBuilt::Unable,
        },
        Input::Built {
            view: View(2),
            block: block("b"),
            seals: false,
        },
    ] {
        let mut bench = Bench::new(leader(2));
        bench.propose(container(1, 0, "a"), None);
        bench.judge("a", "genesis", VALID);
        bench.votes(notarize(1, 0, "a"));
        bench.work();
        assert!(bench.wait(100).contains(&"build 2".to_owned()));
        assert!(bench.wait(300).contains(&"send nullify 2".to_owned()));
        assert!(bench.input(answer).is_empty());
    }
}

#[test]
fn a_restarted_leader_proposes_exactly_what_it_wrote_down() {
    let mut bench = proposed().restarted();
    bench.work();
    assert!(!bench.wait(150).contains(&"build 1".to_owned()));
    let peer = (bench.me + 1) % N;
    let said = bench.hear(peer, Message::Status(poor_status(1)));
    assert_eq!(said, [format!("propose 1 on 0 with body to {peer}")]);
    let proposes_a = bench.effects.iter().any(|effect| {
        matches!(effect, Effect::Send { message: Message::Proposal(p), .. } if p.container == container(1, 0, "a"))
    });
    assert!(proposes_a);
}

#[test]
fn a_proposal_written_down_but_never_signed_is_signed_after_the_restart() {
    let mut bench = proposed();
    bench
        .log
        .retain(|record| matches!(record, Record::MyProposal { .. }));
    let bench = bench.restarted();
    let said = crate::bench::words(&bench.effects);
    assert_eq!(
        said,
        [
            "log proposal 1",
            "log notarize 1",
            "propose 1 on 0 with body",
            "validate 1"
        ]
    );
}

#[test]
fn a_restarted_leader_that_nullified_proposes_nothing() {
    let mut bench = leading();
    bench.work();
    bench.wait(100);
    bench.input(Input::NotBuilt {
        view: View(1),
        reason: NotBuilt::Unable,
    });
    let mut bench = bench.restarted();
    bench.work();
    assert!(!bench.wait(300).contains(&"build 1".to_owned()));
}

#[test]
fn without_work_an_unfinal_tip_is_proposed_again() {
    let mut bench = Bench::new(leader(2));
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    bench.votes(notarize(1, 0, "a"));
    assert!(!bench.wait(99).iter().any(|word| word.starts_with("propose")));
    let said = bench.wait(1);
    assert!(said.contains(&"propose 2 on 1".to_owned()), "{said:?}");
}

/// Where f keep their last word to themselves and one more is away, views end by agreement without ever being final. They come at
/// the pace of the timeouts then, and not at that of messages.
#[test]
fn a_tip_is_proposed_again_the_later_the_longer_nothing_is_final() {
    let mut bench = leading_late();
    // Four views beyond the two that are normal: 100 ms grow by 1.5 four times.
    assert!(!bench.wait(504).iter().any(|word| word.starts_with("propose")));
    let said = bench.wait(1);
    assert!(said.contains(&"propose 6 on 1".to_owned()), "{said:?}");
}

/// What waits may be in the tip already: then the operator has nothing to build with, and the tip comes no sooner than it would
/// without work.
#[test]
fn a_tip_with_work_in_it_is_proposed_again_no_sooner() {
    let mut bench = leading_late();
    let mut said = bench.work();
    let mut asked = 0;
    while !said.iter().any(|word| word.starts_with("propose")) {
        if said.contains(&"build 6".to_owned()) {
            asked += 1;
            said = bench.input(Input::NotBuilt {
                view: View(6),
                reason: NotBuilt::Empty,
            });
        } else {
            said = bench.wait(1);
        }
        assert!(bench.view() == 6 && bench.now < 10_000, "{said:?}");
    }
    // Four views beyond the two that are normal. It is asked for a block at the pace, and then when the tip may be repeated.
    assert_eq!((bench.now, asked), (505, 2));
    assert!(said.contains(&"propose 6 on 1".to_owned()), "{said:?}");
}

#[test]
fn a_tip_that_became_final_is_not_proposed_again() {
    let mut bench = Bench::new(leader(2));
    bench.decide(1, 0, "a", "genesis");
    assert!(!bench.wait(300).iter().any(|word| word.starts_with("propose")));
}

#[test]
fn a_proposal_carries_the_proof_of_what_it_skips() {
    let mut bench = Bench::new(leader(4));
    bench.decide(1, 0, "a", "genesis");
    bench.learn(nullify(2));
    bench.learn(nullify(3));
    bench.work();
    bench.wait(200);
    built(&mut bench, 4, "b");
    let proposal = bench.effects.iter().find_map(|effect| match effect {
        Effect::Send {
            message: Message::Proposal(proposal),
            ..
        } => Some(proposal.clone()),
        _ => None,
    });
    let proposal = proposal.expect("it proposes");
    assert_eq!(proposal.container, container(4, 1, "b"));
    assert_eq!(
        proposal.parent.map(|parent| parent.statement),
        Some(notarize(1, 0, "a"))
    );
    let skipped: Vec<_> = proposal
        .nullifications
        .iter()
        .map(|certified| certified.statement)
        .collect();
    assert_eq!(skipped, [nullify(2), nullify(3)]);
}

#[test]
fn a_leader_waits_half_its_time_for_a_parents_verdict_and_then_skips_a_nullified_one() {
    let mut bench = Bench::new(leader(2));
    bench.propose(container(1, 0, "a"), None);
    bench.votes(notarize(1, 0, "a"));
    bench.learn(nullify(1));
    bench.work();
    assert!(!bench.wait(199).contains(&"build 2".to_owned()));
    assert!(bench.wait(1).contains(&"build 2".to_owned()));
}

#[test]
fn a_leader_that_can_prove_no_parent_gives_up_after_half_its_time() {
    let mut bench = Bench::new(leader(3));
    bench.work();
    bench.learn(nullify(2));
    // One view more than normal without finality: 400 ms became 600.
    assert!(!bench.wait(299).contains(&"send nullify 3".to_owned()));
    assert!(bench.wait(1).contains(&"send nullify 3".to_owned()));
}

#[test]
fn a_leader_builds_on_the_highest_certified_view() {
    let mut bench = Bench::new(leader(3));
    bench.work();
    bench.decide(1, 0, "a", "genesis");
    bench.propose(container(2, 1, "b"), None);
    bench.judge("b", "a", VALID);
    bench.votes(notarize(2, 1, "b"));
    bench.wait(100);
    let parent = bench.effects.iter().find_map(|effect| match effect {
        Effect::Build {
            view: View(3),
            parent,
        } => Some(*parent),
        _ => None,
    });
    assert_eq!(parent, Some(block("b")));
}

#[test]
fn sixteen_blocks_without_finality_are_enough() {
    let mut bench = Bench::new(leader(17 % 4 + 16));
    bench.work();
    let me = bench.me;
    let mut tip = "genesis".to_owned();
    let mut view = 1;
    while view <= 16 || leader(view) != me {
        let name = format!("b{view}");
        if leader(view) == me {
            bench.wait(100);
            built(&mut bench, view, &name);
        } else {
            bench.propose(container(view, view - 1, &name), None);
            bench.judge(&name, &tip, VALID);
        }
        bench.learn(notarize(view, view - 1, &name));
        tip = name;
        view += 1;
    }
    assert_eq!((bench.view(), bench.floor()), (view, 0));
    // What is repeated waits as long as timeouts have grown.
    let said = bench.wait(1_600);
    assert!(
        said.contains(&format!("propose {view} on {}", view - 1)),
        "{said:?}"
    );
    assert!(!said.iter().any(|word| word.starts_with("build")), "{said:?}");
}

#[test]
fn a_heartbeat_proposes_the_final_block_again() {
    let mut start = start(leader(1), crate::bench::genesis(), 0);
    start.config.heartbeat_ms = 3_000;
    let (mut engine, _) = plasma_consensus::Engine::recover(start, &[]);
    let early = engine.step(plasma_core::Millis(2_999), Input::Tick);
    assert!(
        !crate::bench::words(&early)
            .iter()
            .any(|word| word.starts_with("propose"))
    );
    let due = engine.step(plasma_core::Millis(3_000), Input::Tick);
    assert!(
        crate::bench::words(&due).contains(&"propose 1 on 0".to_owned()),
        "{due:?}"
    );
}

#[test]
fn a_heartbeat_repeats_nothing_that_only_others_found_good() {
    let mut start = start(leader(2), crate::bench::genesis(), 0);
    start.config.heartbeat_ms = 3_000;
    let (mut engine, _) = plasma_consensus::Engine::recover(start, &[]);
    let others: Vec<u16> = (0..N).filter(|peer| *peer != leader(2)).collect();
    let message = Message::Certified(certified_by(&others, finalize(1, "a")));
    let from = OperatorIndex(others[0]);
    engine.step(plasma_core::Millis(0), Input::Message { from, message });
    let due = crate::bench::words(&engine.step(plasma_core::Millis(3_000), Input::Tick));
    assert!(due.contains(&"send nullify 2".to_owned()), "{due:?}");
    assert!(!due.iter().any(|word| word.starts_with("propose")), "{due:?}");
}

#[test]
fn a_finalized_reproposal_gives_the_final_block_its_own_certificate() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "genesis"), None);
    assert_eq!(
        bench
            .votes(notarize(1, 0, "genesis"))
            .iter()
            .filter(|w| *w == "send finalize 1")
            .count(),
        1
    );
    assert!(
        bench
            .votes(finalize(1, "genesis"))
            .contains(&"final 1 +0".to_owned())
    );
    assert_eq!(bench.engine.floor().block, block("genesis"));
}
