//! R9 handing certificates on, R10 pushing what a peer lacks; and what floods cost.

use plasma_consensus::{Container, Effect, Input, MESSAGE_BYTES_MAX, Message, Statement, Status};
use plasma_core::{Bitmap, BlockId, Hash, OperatorIndex, View};

use crate::bench::{
    Bench, N, VALID, block, certified, container, finalize, leader, notarize, nullify, poor_status,
};

/// A member that leads neither of the first two views and is not me.
fn bystander(bench: &Bench) -> u16 {
    (0..N)
        .find(|member| *member != bench.me && *member != leader(1) && *member != leader(2))
        .expect("n is 4")
}

fn full(members: &[u16]) -> Bitmap {
    members.iter().map(|member| OperatorIndex(*member)).collect()
}

#[test]
fn the_next_leader_gets_a_certificate_at_once_and_the_others_after_a_jitter() {
    let mut bench = Bench::follower();
    let (next, other) = (leader(2), bystander(&bench));
    let said = bench.hear(leader(1), Message::Certified(certified(nullify(1))));
    assert!(said.contains(&format!("send nullification 1 to {next}")));
    assert!(!said.contains(&format!("send nullification 1 to {other}")));
    let said = bench.wait(50);
    assert!(
        said.contains(&format!("send nullification 1 to {other}")),
        "{said:?}"
    );
    assert!(
        !said.contains(&format!("send nullification 1 to {}", leader(1))),
        "it sent it to us"
    );
}

#[test]
fn a_peer_that_shows_that_it_has_a_certificate_is_not_sent_it() {
    let mut bench = Bench::follower();
    let other = bystander(&bench);
    bench.hear(leader(1), Message::Certified(certified(notarize(1, 0, "a"))));
    bench.vote(other, finalize(1, "a"));
    bench.vote(leader(2), nullify(2));
    let said = bench.wait(50);
    assert!(
        !said.iter().any(|word| word.starts_with("send notarization 1")),
        "{said:?}"
    );
}

#[test]
fn a_status_goes_out_every_second_and_on_connect() {
    let mut bench = Bench::follower();
    bench.wait(1_000);
    assert_eq!(bench.statuses().len(), 1);
    bench.wait(999);
    assert_eq!(bench.statuses().len(), 0);
    bench.wait(1);
    assert_eq!(bench.statuses().len(), 1);
    bench.now += 500;
    bench.input(Input::PeerUp(OperatorIndex(leader(1))));
    assert_eq!(bench.statuses().len(), 1);
}

#[test]
fn a_status_tells_floor_view_certificates_and_votes() {
    let mut bench = Bench::follower();
    bench.decide(1, 0, "a", "genesis");
    bench.learn(nullify(2));
    bench.learn(notarize(3, 1, "c"));
    bench.vote(leader(1), nullify(4));
    bench.wait(1_000);
    let status = bench.statuses().remove(0);
    assert_eq!(
        (status.floor, status.block, status.view, status.from),
        (View(1), block("a"), View(4), View(2))
    );
    assert_eq!((status.notarized, status.nullified), (0b10, 0b01));
    let views: Vec<View> = status.held.iter().map(|held| held.view).collect();
    assert_eq!(views, [View(3), View(4)]);
    assert!(status.held[1].nullify.contains(OperatorIndex(leader(1))));
}

#[test]
fn a_laggard_is_sent_the_floor_and_both_kinds_of_certificate() {
    let mut bench = Bench::follower();
    bench.decide(1, 0, "a", "genesis");
    bench.learn(notarize(2, 1, "b"));
    bench.learn(nullify(2));
    bench.learn(nullify(3));
    let peer = bystander(&bench);
    bench.wait(100);
    let said = bench.hear(peer, Message::Status(poor_status(1)));
    for wanted in [
        "notarization 1",
        "finalization 1",
        "notarization 2",
        "nullification 2",
        "nullification 3",
    ] {
        let told = format!("send {wanted} to {peer}");
        let times = said.iter().filter(|said| **said == told).count();
        assert_eq!(times, 1, "{wanted}: {said:?}");
    }
}

#[test]
fn a_peer_that_has_everything_is_sent_nothing() {
    let mut bench = Bench::follower();
    bench.learn(nullify(1));
    bench.wait(1_000);
    let mine = bench.statuses().remove(0);
    let everything = mine.held.iter().cloned().map(|mut held| {
        held.nullify = full(&[0, 1, 2, 3]);
        held.notarize = full(&[0, 1, 2, 3]);
        held.finalize = full(&[0, 1, 2, 3]);
        held
    });
    let status = Status {
        held: everything.collect(),
        ..mine
    };
    assert!(bench.hear(bystander(&bench), Message::Status(status)).is_empty());
}

#[test]
fn a_lost_vote_is_sent_again_when_its_bit_is_missing() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(400);
    let peer = bystander(&bench);
    let said = bench.hear(peer, Message::Status(poor_status(1)));
    assert_eq!(said, [format!("send nullify 1 to {peer}")]);
    bench.now += 100;
    let mut has_it = poor_status(1);
    has_it.held[0].nullify = full(&[bench.me]);
    assert!(bench.hear(peer, Message::Status(has_it)).is_empty());
}

#[test]
fn a_peer_that_is_ahead_is_told_where_we_stand() {
    let mut bench = Bench::follower();
    bench.now += 500;
    bench.hear(bystander(&bench), Message::Status(poor_status(9)));
    assert_eq!(bench.statuses().len(), 1);
}

#[test]
fn a_flood_of_statuses_is_answered_at_a_walk() {
    let mut bench = Bench::follower();
    for view in 1..=60 {
        bench.learn(nullify(view));
    }
    bench.wait(1_000);
    let peer = bystander(&bench);
    let answers: usize = (0..1_000)
        .map(|_| bench.hear(peer, Message::Status(poor_status(1))).len())
        .sum();
    assert!(answers <= 64, "{answers}");
}

#[test]
fn an_answer_is_bounded_and_the_rest_follows() {
    let mut bench = Bench::follower();
    for view in 1..=300 {
        bench.learn(nullify(view));
    }
    bench.wait(1_000);
    let said = bench.hear(bystander(&bench), Message::Status(poor_status(1)));
    assert_eq!(said.len(), 64);
}

#[test]
fn a_flood_of_votes_and_proposals_is_bounded() {
    let mut bench = Bench::follower();
    let liar = bystander(&bench);
    for round in 0..2_000u64 {
        let name = BlockId(Hash([u8::try_from(round % 251).expect("small"); 32]));
        bench.vote(liar, nullify(round));
        bench.vote(
            liar,
            Statement::Finalize {
                view: View(round % 5 + 1),
                block: name,
            },
        );
        for view in [1, 2, 3, 9, round] {
            let lie = Container {
                block: name,
                ..container(view + 1, view, "x")
            };
            bench.vote(liar, Statement::Notarize(lie));
            bench.propose(lie, None);
        }
    }
    let load = bench.engine.load();
    assert!(
        load.rounds <= 3 && load.votes <= 3 * 3 * 4 && load.opinions <= 3,
        "{load:?}"
    );
    assert_eq!(bench.view(), 1);
}

/// A proposal for a view that the others have left is dropped by them, body and all.
#[test]
fn a_proposal_is_sent_again_only_while_its_view_lasts() {
    let mut bench = Bench::new(leader(1));
    bench.work();
    bench.wait(100);
    bench.input(Input::Built {
        view: View(1),
        block: block("a"),
        seals: false,
    });
    let peer = bench.peers()[0];
    let again = bench.hear(peer, Message::Status(poor_status(1)));
    assert_eq!(again, [format!("propose 1 on 0 with body to {peer}")]);
    bench.votes(notarize(1, 0, "a"));
    bench.wait(100);
    let mut behind = poor_status(2);
    behind.notarized = 1;
    behind.held[0].view = View(1);
    let again = bench.hear(peer, Message::Status(behind));
    assert!(again.contains(&format!("send notarize 1 to {peer}")), "{again:?}");
    assert!(
        !again.iter().any(|word| word.starts_with("propose 1")),
        "{again:?}"
    );
    // Whoever is far ahead of it does not count it any more.
    let mut ahead = poor_status(300);
    ahead.held[0].view = View(1);
    bench.wait(100);
    let again = bench.hear(peer, Message::Status(ahead));
    assert!(
        !again.iter().any(|word| word.starts_with("send notarize")),
        "{again:?}"
    );
}

/// A report is short and a block is long: whoever reports often is sent it no more often for that.
#[test]
fn a_proposal_is_sent_again_once_per_regular_report() {
    let mut bench = Bench::new(leader(1));
    bench.work();
    bench.wait(100);
    bench.input(Input::Built {
        view: View(1),
        block: block("a"),
        seals: false,
    });
    let peer = bench.peers()[0];
    let mut bodies = 0;
    for _ in 0..20 {
        bench.now += 50;
        let said = bench.hear(peer, Message::Status(poor_status(1)));
        bodies += said.iter().filter(|word| word.contains("with body")).count();
    }
    assert_eq!(bodies, 2);
}

#[test]
fn nothing_sent_is_longer_than_the_limit() {
    let mut bench = Bench::new(leader(22));
    for view in 1..=21 {
        bench.learn(nullify(view));
    }
    bench.work();
    bench.wait(1_000);
    bench.input(Input::Built {
        view: View(22),
        block: block("late"),
        seals: false,
    });
    let lengths = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Send { message, .. } => Some(message.encode().len()),
        _ => None,
    });
    let longest = lengths.max().expect("it proposes");
    assert!(longest > 1_000 && longest <= MESSAGE_BYTES_MAX, "{longest}");
    assert!(bench.judge("late", "genesis", VALID).is_empty());
}

/// Lets two engines talk without loss for a while, in steps of 50 ms.
pub(super) fn talk(a: &mut Bench, b: &mut Bench, ms: u64) {
    for _ in 0..ms / 50 {
        a.wait(50);
        let mut from_a = a.spoken_to(b.me);
        b.wait(50);
        let mut from_b = b.spoken_to(a.me);
        while !from_a.is_empty() || !from_b.is_empty() {
            let mut next_a = Vec::new();
            let mut next_b = Vec::new();
            for message in from_a {
                b.hear(a.me, message);
                next_b.extend(b.spoken_to(a.me));
            }
            for message in from_b {
                a.hear(b.me, message);
                next_a.extend(a.spoken_to(b.me));
            }
            (from_a, from_b) = (next_a, next_b);
        }
    }
}

#[test]
fn two_engines_with_nothing_new_only_report_once_a_second() {
    let (mut a, mut b) = (Bench::new(0), Bench::new(1));
    talk(&mut a, &mut b, 3_000);
    let mut statuses = 0;
    for _ in 0..200 {
        a.wait(50);
        statuses += a.statuses().len();
        assert!(
            a.spoken_to(b.me)
                .iter()
                .all(|message| matches!(message, Message::Status(_)))
        );
    }
    assert_eq!(statuses, 10);
}

#[test]
fn whoever_notarized_a_block_can_be_asked_for_its_body() {
    let mut bench = Bench::follower();
    let holders = |bench: &Bench, name: &str| {
        bench
            .engine
            .holders(View(1), block(name))
            .iter()
            .collect::<Vec<_>>()
    };
    assert!(holders(&bench, "a").is_empty());
    let peers = bench.peers();
    bench.vote(peers[0], notarize(1, 0, "a"));
    bench.vote(peers[1], notarize(1, 0, "b"));
    assert_eq!(holders(&bench, "a"), [OperatorIndex(peers[0])]);
    assert_eq!(holders(&bench, "b"), [OperatorIndex(peers[1])]);
    bench.learn(notarize(1, 0, "a"));
    let all: Vec<OperatorIndex> = peers.into_iter().map(OperatorIndex).collect();
    assert_eq!(holders(&bench, "a"), all, "its certificate says so");
}

/// Where a view was skipped, what stood in it does not stand; where a notarization is missing, what is above it does.
#[test]
fn what_stands_is_the_way_to_the_highest_notarized_view_and_the_last_own_vote() {
    let mut bench = Bench::new(leader(1));
    let stands = |bench: &Bench, names: &[&str]| {
        let named = names.iter().map(|name| block(name)).collect();
        assert_eq!(bench.engine.standing(), named, "{names:?}");
    };
    stands(&bench, &["genesis"]);
    bench.work();
    bench.wait(100);
    bench.input(Input::Built {
        view: View(1),
        block: block("a"),
        seals: false,
    });
    stands(&bench, &["genesis", "a"]);
    bench.learn(nullify(1));
    bench.learn(notarize(2, 0, "b"));
    bench.learn(notarize(3, 2, "c"));
    bench.learn(nullify(3));
    bench.learn(notarize(4, 2, "d"));
    stands(&bench, &["genesis", "b", "d"]);
    bench.learn(notarize(7, 6, "g"));
    stands(&bench, &["genesis", "a", "g"]);
    bench.learn(notarize(6, 4, "f"));
    stands(&bench, &["genesis", "b", "d", "f", "g"]);
    bench.learn(finalize(4, "d"));
    stands(&bench, &["d", "f", "g"]);
}
