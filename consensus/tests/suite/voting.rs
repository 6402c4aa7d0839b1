//! R2 notarizing, R3 counting, R4 to R7 certificates.

use std::cell::Cell;

use plasma_consensus::{Certified, Input, Message, Misbehaviour, Statement, Verdict};
use plasma_core::View;

use crate::{
    bench::{
        Bench, N, PENDING, VALID, block, certificate, certified, certified_by, container, finalize, leader,
        notarize, nullify, proposal, vote,
    },
    sim::crypto::shifted,
};

fn has(said: &[String], word: &str) -> bool {
    said.iter().any(|it| it == word)
}

/// Members that are neither me nor the leader of a view.
fn others(bench: &Bench, view: u64) -> Vec<u16> {
    (0..N)
        .filter(|member| *member != bench.me && *member != leader(view))
        .collect()
}

#[test]
fn an_eligible_and_valid_proposal_is_notarized_once() {
    let mut bench = Bench::follower();
    assert_eq!(bench.propose(container(1, 0, "a"), None), ["validate 1"]);
    assert_eq!(
        bench.judge("a", "genesis", VALID),
        ["log notarize 1", "send notarize 1"]
    );
    assert!(bench.judge("a", "genesis", VALID).is_empty());
    assert!(bench.propose(container(1, 0, "a"), None).is_empty());
}

/// What this operator says in two views stands on two branches, and it kept every rule: the nullification let it go on.
/// It can only happen beyond f faulty operators, of whom each finalized and nullified view 1.
#[test]
fn who_finalized_a_view_follows_its_nullification_to_another_branch() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    assert!(has(&bench.learn(notarize(1, 0, "a")), "send finalize 1"));
    bench.learn(nullify(1));
    bench.propose(container(2, 0, "b"), None);
    assert!(has(&bench.judge("b", "genesis", VALID), "send notarize 2"));
    assert!(has(&bench.learn(notarize(2, 0, "b")), "send finalize 2"));
}

#[test]
fn a_pending_verdict_votes_nothing_and_a_later_one_counts() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    assert!(bench.judge("a", "genesis", PENDING).is_empty());
    assert!(has(&bench.judge("a", "genesis", VALID), "send notarize 1"));
}

#[test]
fn an_invalid_block_is_nullified_at_once_and_its_leader_penalized() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    let said = bench.judge("a", "genesis", Verdict::Invalid);
    let penalty = format!("penalize {} {:?}", leader(1), Misbehaviour::InvalidBlock);
    assert_eq!(
        said,
        ["log nullify 1".to_owned(), penalty, "send nullify 1".to_owned()]
    );
}

#[test]
fn a_verdict_on_another_parent_does_not_count() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    assert!(bench.judge("a", "elsewhere", VALID).is_empty());
    assert!(bench.judge("a", "elsewhere", Verdict::Invalid).is_empty());
}

#[test]
fn a_proposal_on_an_uncertified_parent_waits_for_the_certificate() {
    let mut bench = Bench::follower();
    bench.learn(nullify(1));
    let early = bench.propose(container(2, 1, "b"), None);
    assert!(early.is_empty(), "{early:?}");
    assert!(has(&bench.learn(notarize(1, 0, "a")), "validate 2"));
    assert!(has(&bench.judge("b", "a", VALID), "send notarize 2"));
}

#[test]
fn a_block_on_a_parent_that_is_only_proposed_is_judged_early_and_voted_on_late() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    let early = bench.propose(container(2, 1, "b"), None);
    assert_eq!(early, ["validate 2"]);
    bench.judge("a", "genesis", VALID);
    assert!(bench.judge("b", "a", VALID).is_empty(), "no vote on it yet");
    let said = bench.learn(notarize(1, 0, "a"));
    assert!(
        has(&said, "send notarize 2") && !has(&said, "validate 2"),
        "{said:?}"
    );
}

#[test]
fn an_early_verdict_on_a_parent_that_was_not_notarized_does_not_count() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.propose(container(2, 1, "b"), None);
    bench.judge("b", "a", VALID);
    let said = bench.learn(notarize(1, 0, "other"));
    assert!(
        has(&said, "validate 2") && !has(&said, "send notarize 2"),
        "{said:?}"
    );
    let said = bench.judge("b", "other", Verdict::Invalid);
    assert!(has(&said, "send nullify 2"), "{said:?}");
}

#[test]
fn a_proposal_that_skips_a_view_needs_its_nullification() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    let mut skipping = proposal(container(2, 0, "b"), None);
    skipping.nullifications.clear();
    bench.hear(leader(2), Message::Proposal(Box::new(skipping)));
    assert!(!has(&bench.judge("b", "genesis", VALID), "send notarize 2"));
    assert!(has(&bench.learn(nullify(1)), "send notarize 2"));
}

#[test]
fn the_justification_proves_what_was_not_known() {
    let mut bench = Bench::follower();
    let said = bench.propose(container(3, 1, "c"), Some(certified(notarize(1, 0, "a"))));
    assert!(
        has(&said, "log notarization 1") && has(&said, "log nullification 2") && has(&said, "validate 3")
    );
    assert_eq!(bench.view(), 3);
}

#[test]
fn a_bad_justification_costs_its_sender_and_the_proposal() {
    let mut bench = Bench::follower();
    let mut bad = certified(notarize(1, 0, "a"));
    bad.signature = shifted(&bad.signature, 1);
    let said = bench.propose(container(2, 1, "b"), Some(bad));
    assert_eq!(said, [format!("penalize {} BadCertificate", leader(2))]);
    assert_eq!(bench.view(), 1);
}

#[test]
fn a_proposal_relayed_without_its_leaders_signature_is_refused() {
    let mut bench = Bench::follower();
    let (liar, honest) = (others(&bench, 1)[0], others(&bench, 1)[1]);
    let mut forged = proposal(container(1, 0, "a"), None);
    forged.signature = vote(liar, notarize(1, 0, "a")).signature;
    let said = bench.hear(liar, Message::Proposal(Box::new(forged.clone())));
    assert_eq!(said, [format!("penalize {liar} WrongLeader")]);
    let said = bench.hear(liar, Message::Proposal(Box::new(forged)));
    assert!(said.is_empty(), "no further look at the liar's: {said:?}");
    let genuine = proposal(container(1, 0, "a"), None);
    assert_eq!(
        bench.hear(honest, Message::Proposal(Box::new(genuine))),
        ["validate 1"]
    );
}

#[test]
fn a_relayed_proposal_is_verified_only_where_none_is() {
    let (singles, aggregates) = (Cell::new(0), Cell::new(0));
    let mut bench = Bench::counting(leader(4), &singles, &aggregates);
    let relay = (0..N)
        .find(|member| *member != bench.me && *member != leader(1))
        .expect("n is 4");
    for _ in 0..5 {
        bench.hear(
            relay,
            Message::Proposal(Box::new(proposal(container(1, 0, "a"), None))),
        );
    }
    assert_eq!(singles.get(), 1);
}

#[test]
fn proposals_outside_the_window_are_dropped() {
    let mut bench = Bench::follower();
    let load = bench.engine.load();
    assert!(bench.propose(container(4 + 4, 0, "far"), None).is_empty());
    assert_eq!(bench.engine.load(), load);
    bench.learn(nullify(1));
    assert!(bench.propose(container(1, 0, "late"), None).is_empty());
}

#[test]
fn a_leader_with_two_proposals_gets_no_vote_and_is_accused() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    let said = bench.propose(container(1, 0, "b"), None);
    assert_eq!(said, [format!("evidence {}", leader(1))]);
    assert!(bench.judge("a", "genesis", VALID).is_empty());
    assert!(
        bench.propose(container(1, 0, "c"), None).is_empty(),
        "once is enough"
    );
}

#[test]
fn the_leaders_signature_is_its_notarize_vote() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let third = others(&bench, 1)[0];
    assert!(has(&bench.vote(third, notarize(1, 0, "a")), "log notarization 1"));
    assert_eq!(bench.view(), 2);
}

#[test]
fn a_vote_of_somebody_else_is_refused() {
    let mut bench = Bench::follower();
    let [a, b] = [others(&bench, 1)[0], others(&bench, 1)[1]];
    let said = bench.hear(a, Message::Vote(vote(b, nullify(1))));
    assert_eq!(said, [format!("penalize {a} ForeignVote")]);
    assert_eq!(bench.engine.load().votes, 0);
}

#[test]
fn votes_of_far_views_and_other_epochs_allocate_nothing() {
    let mut bench = Bench::follower();
    let load = bench.engine.load();
    for view in [3, 100, u64::MAX] {
        bench.vote(leader(1), nullify(view));
    }
    let mut foreign = vote(leader(1), nullify(1));
    foreign.epoch = plasma_core::Epoch(7);
    bench.hear(leader(1), Message::Vote(foreign));
    assert_eq!(bench.engine.load(), load);
}

#[test]
fn on_the_happy_path_nothing_is_verified_singly_and_each_certificate_once() {
    let (singles, aggregates) = (Cell::new(0), Cell::new(0));
    let mut bench = Bench::counting(leader(4), &singles, &aggregates);
    bench.decide(1, 0, "a", "genesis");
    bench.decide(2, 1, "b", "a");
    assert_eq!((singles.get(), aggregates.get()), (0, 4));
    let again = certified(finalize(2, "b"));
    bench.hear(leader(1), Message::Certified(again));
    bench.hear(leader(1), Message::Certified(certified(notarize(2, 1, "b"))));
    assert_eq!(aggregates.get(), 4, "a known certificate is not verified again");
}

#[test]
fn a_bad_vote_is_struck_and_the_others_carry_on() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let [liar, honest] = [others(&bench, 1)[0], others(&bench, 1)[1]];
    let mut bad = vote(liar, notarize(1, 0, "a"));
    bad.signature = shifted(&bad.signature, 1);
    assert_eq!(
        bench.hear(liar, Message::Vote(bad.clone())),
        [format!("penalize {liar} BadVote")]
    );
    assert_eq!(bench.view(), 1);
    assert!(
        bench.hear(liar, Message::Vote(bad)).is_empty(),
        "it is not heard again"
    );
    assert!(has(
        &bench.vote(honest, notarize(1, 0, "a")),
        "log notarization 1"
    ));
}

#[test]
fn contradicting_votes_are_evidence_only_when_both_are_genuine() {
    let mut bench = Bench::follower();
    let [a, b] = [others(&bench, 1)[0], others(&bench, 1)[1]];
    bench.vote(a, nullify(1));
    assert_eq!(bench.vote(a, finalize(1, "x")), [format!("evidence {a}")]);
    bench.vote(b, finalize(1, "x"));
    let mut bad = vote(b, finalize(1, "y"));
    bad.signature = shifted(&bad.signature, 1);
    assert_eq!(
        bench.hear(b, Message::Vote(bad)),
        [format!("penalize {b} BadVote")]
    );
}

#[test]
fn nullify_after_notarize_is_no_evidence() {
    let mut bench = Bench::follower();
    let a = others(&bench, 1)[0];
    bench.vote(a, notarize(1, 0, "a"));
    assert!(bench.vote(a, nullify(1)).is_empty());
}

#[test]
fn a_notarized_and_valid_block_is_finalized_without_an_own_notarize_vote() {
    let mut bench = Bench::follower();
    let said = bench.learn(notarize(1, 0, "a"));
    assert!(has(&said, "validate 1") && !has(&said, "send finalize 1"));
    assert_eq!(
        bench.judge("a", "genesis", VALID),
        ["log finalize 1", "send finalize 1"]
    );
}

#[test]
fn a_finalize_vote_may_come_views_later() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    bench.learn(nullify(2));
    bench.learn(nullify(3));
    assert!(has(&bench.judge("a", "genesis", VALID), "send finalize 1"));
}

#[test]
fn who_nullified_does_not_finalize() {
    let mut bench = Bench::follower();
    bench.work();
    assert!(has(&bench.wait(400), "send nullify 1"));
    bench.learn(notarize(1, 0, "a"));
    assert!(!has(&bench.judge("a", "genesis", VALID), "send finalize 1"));
}

#[test]
fn finality_reports_the_path_from_the_floor() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    bench.learn(notarize(2, 1, "a"));
    bench.learn(nullify(3));
    bench.learn(notarize(4, 2, "b"));
    let said = bench.learn(finalize(4, "b"));
    assert!(has(&said, "log floor 4") && has(&said, "final 4 +2"));
    let path = bench.effects.iter().find_map(|effect| match effect {
        plasma_consensus::Effect::Finalized { path, .. } => Some(path.clone()),
        _ => None,
    });
    assert_eq!(path, Some(vec![(View(1), block("a")), (View(4), block("b"))]));
}

#[test]
fn finality_without_a_path_moves_the_floor_and_says_so() {
    let mut bench = Bench::follower();
    let said = bench.learn(finalize(9, "i"));
    assert!(has(&said, "log floor 9") && has(&said, "behind 9"));
    assert_eq!((bench.view(), bench.floor()), (10, 9));
    assert_eq!(
        bench.input(Input::Synced(certificate(7, "g"))),
        Vec::<String>::new()
    );
    assert!(has(
        &bench.input(Input::Synced(certificate(12, "l"))),
        "behind 12"
    ));
}

#[test]
fn a_node_that_was_behind_votes_on_from_its_new_floor() {
    let mut bench = Bench::follower();
    bench.input(Input::Synced(certificate(9, "i")));
    let next = container(10, 9, "j");
    if leader(10) != bench.me {
        bench.propose(next, None);
        assert!(has(&bench.judge("j", "i", VALID), "send notarize 10"));
    }
}

#[test]
fn a_forged_certificate_from_sync_changes_nothing() {
    let mut bench = Bench::follower();
    let mut forged = certificate(9, "i");
    forged.signature = shifted(&forged.signature, 1);
    assert!(bench.input(Input::Synced(forged)).is_empty());
    assert_eq!(bench.floor(), 0);
}

#[test]
fn a_certificate_with_too_few_signers_is_refused() {
    let mut bench = Bench::follower();
    let few: Certified = certified_by(&[0, 1], nullify(1));
    let said = bench.hear(leader(1), Message::Certified(few));
    assert_eq!(said, [format!("penalize {} BadCertificate", leader(1))]);
}

#[test]
fn broken_agreement_stops_the_engine() {
    let table: [(&str, &[Statement]); 6] = [
        ("two notarizations", &[notarize(1, 0, "a"), notarize(1, 0, "b")]),
        (
            "finalized and nullified",
            &[nullify(1), notarize(1, 0, "a"), finalize(1, "a")],
        ),
        ("nullified and finalized", &[finalize(1, "a"), nullify(1)]),
        ("two finalizations", &[finalize(1, "a"), finalize(1, "b")]),
        ("finalized another", &[notarize(1, 0, "a"), finalize(1, "b")]),
        ("fork", &[finalize(2, "b"), notarize(3, 1, "c"), finalize(3, "c")]),
    ];
    for (name, statements) in table {
        let mut bench = Bench::follower();
        let said: Vec<String> = statements
            .iter()
            .flat_map(|statement| bench.learn(*statement))
            .collect();
        assert!(
            said.last().is_some_and(|word| word.starts_with("broken")),
            "{name}: {said:?}"
        );
        assert!(bench.wait(10_000).is_empty(), "{name}: it does nothing any more");
    }
}

#[test]
fn finality_of_a_block_that_is_invalid_here_stops_the_engine() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    bench.judge("a", "genesis", Verdict::Invalid);
    let said = bench.learn(finalize(1, "a"));
    assert!(
        said.last().is_some_and(|word| word.starts_with("broken")),
        "{said:?}"
    );
}

#[test]
fn all_records_of_a_step_stand_before_all_messages() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    for signer in others(&bench, 1) {
        let said = bench.vote(signer, notarize(1, 0, "a"));
        let first_other = said.iter().position(|word| !word.starts_with("log"));
        let last_log = said.iter().rposition(|word| word.starts_with("log"));
        assert!(
            first_other.is_none_or(|other| last_log.is_none_or(|log| log < other)),
            "{said:?}"
        );
    }
}
