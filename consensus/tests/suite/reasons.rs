//! Whoever gives a view up says why, to its own people.

use plasma_consensus::{Input, Message, NotBuilt, Reason, Verdict, Waits};
use plasma_core::{OperatorIndex, View};

use crate::bench::{Bench, N, VALID, container, leader, notarize, nullify, poor_status, proposal};

/// A follower with work whose view 1 has a proposal.
fn proposed() -> Bench {
    let mut bench = Bench::follower();
    bench.work();
    bench.propose(container(1, 0, "a"), None);
    bench
}

#[test]
fn a_leader_that_says_nothing_in_time() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(399);
    assert_eq!(bench.reason(), None);
    bench.wait(1);
    assert_eq!(bench.reason(), Some(Reason::NoProposal));
    bench.wait(1);
    assert_eq!(bench.reason(), None, "said once");
}

#[test]
fn a_leader_that_proposes_twice() {
    let mut bench = proposed();
    bench.propose(container(1, 0, "b"), None);
    bench.wait(400);
    assert_eq!(bench.reason(), Some(Reason::TwoProposals));
}

#[test]
fn a_judgement_that_does_not_come_names_what_it_waits_for() {
    let waits = [Waits::Body, Waits::State, Waits::L1, Waits::Clock];
    for waits in waits {
        let mut bench = proposed();
        bench.judge("a", "genesis", Verdict::Pending(Waits::Answer));
        bench.judge("a", "genesis", Verdict::Pending(waits));
        bench.wait(700);
        assert_eq!(bench.reason(), Some(Reason::Unjudged(waits)));
    }
    let mut bench = proposed();
    bench.wait(700);
    assert_eq!(bench.reason(), Some(Reason::Unjudged(Waits::Answer)));
}

#[test]
fn a_proposal_whose_skipped_view_is_not_nullified_here() {
    let mut bench = Bench::follower();
    bench.work();
    bench.learn(notarize(1, 0, "a"));
    let mut skipping = proposal(container(2, 0, "b"), None);
    skipping.nullifications.clear();
    bench.hear(leader(2), Message::Proposal(Box::new(skipping)));
    bench.judge("b", "genesis", VALID);
    bench.wait(700);
    assert_eq!(bench.reason(), Some(Reason::NoAncestry));
}

#[test]
fn a_notarized_proposal_without_a_quorum() {
    let mut bench = proposed();
    bench.judge("a", "genesis", VALID);
    bench.wait(700);
    assert_eq!(bench.reason(), Some(Reason::NoQuorum));
}

#[test]
fn an_invalid_proposal() {
    let mut bench = proposed();
    bench.judge("a", "genesis", Verdict::Invalid);
    assert_eq!(bench.reason(), Some(Reason::Invalid));
}

#[test]
fn a_leader_that_gives_up_is_gone_or_is_silent() {
    let mut bench = Bench::follower();
    bench.vote(leader(1), nullify(1));
    assert_eq!(bench.reason(), Some(Reason::Leader));

    let mut bench = Bench::follower();
    bench.input(Input::PeerDown(OperatorIndex(leader(1))));
    bench.wait(2_000);
    bench.work();
    assert_eq!(bench.reason(), Some(Reason::LeaderDown));

    let mut bench = Bench::follower();
    bench.wait(5_001);
    let me = bench.me;
    for peer in (0..N).filter(|peer| *peer != me && *peer != leader(1)) {
        bench.hear(peer, Message::Status(poor_status(1)));
    }
    bench.work();
    assert_eq!(bench.reason(), Some(Reason::LeaderSilent));
}

#[test]
fn a_leader_without_a_parent_and_one_whose_operator_cannot_build() {
    let mut bench = Bench::new(leader(2));
    bench.work();
    bench.learn(notarize(1, 0, "a"));
    bench.wait(200);
    assert_eq!(bench.reason(), Some(Reason::NoParent));

    let mut bench = Bench::new(leader(1));
    bench.work();
    bench.wait(100);
    bench.input(Input::NotBuilt {
        view: View(1),
        reason: NotBuilt::Unable,
    });
    assert_eq!(bench.reason(), Some(Reason::Unable));
}
