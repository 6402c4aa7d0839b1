//! An operator that lost its log: it says nothing where it may have spoken before, and goes on above.

use plasma_consensus::{
    Certified, Input, Kind, Message, Record, Refusal, Rejoin, Status,
    scheme::{Scheme as _, Verifier as _},
};
use plasma_core::{Epoch, OperatorIndex, View};

use crate::{
    bench::{
        Bench, N, VALID, block, certified, certified_by, container, finalize, genesis, leader, notarize,
        nullify, poor_status, vote,
    },
    sim::{
        byzantine::domain,
        crypto::{Mock, shifted},
        world::committee,
    },
};

fn has(said: &[String], word: &str) -> bool {
    said.iter().any(|it| it == word)
}

fn speaks(said: &[String]) -> bool {
    let kinds = [
        "send notarize",
        "send nullify",
        "send finalize",
        "propose",
        "build",
    ];
    said.iter().any(|it| {
        kinds
            .iter()
            .any(|kind| it.starts_with(kind) && !it.contains("ation"))
    })
}

fn amnesia(floor: u64) -> Record {
    Record::Amnesia {
        epoch: Epoch(0),
        floor: View(floor),
    }
}

/// A member whose log holds nothing but a floor of amnesia.
fn rejoined(me: u16, floor: u64) -> Bench {
    Bench::from_log(me, vec![amnesia(floor)], genesis(), 0)
}

#[test]
fn nothing_is_notarized_finalized_or_given_up_at_or_below_the_floor() {
    let mut bench = rejoined(leader(4), 4);
    assert_eq!(bench.engine.amnesia_floor(), View(4));
    bench.work();
    let mut parent = ("genesis", 0);
    for (view, name) in [(1, "a"), (2, "b"), (3, "c")] {
        bench.propose(container(view, parent.1, name), None);
        let mut said = bench.judge(name, parent.0, VALID);
        said.extend(bench.wait(60_000));
        said.extend(bench.learn(notarize(view, parent.1, name)));
        assert!(!speaks(&said), "view {view}: {said:?}");
        parent = (name, view);
    }
}

#[test]
fn the_first_view_above_the_floor_has_all_votes() {
    let mut bench = rejoined(leader(5), 3);
    bench.work();
    for view in 1..=3 {
        bench.learn(nullify(view));
    }
    bench.propose(container(4, 0, "d"), None);
    assert!(has(&bench.judge("d", "genesis", VALID), "send notarize 4"));
    assert!(has(&bench.learn(notarize(4, 0, "d")), "send finalize 4"));
    let mut bench = rejoined(leader(5), 3);
    for view in 1..=3 {
        bench.learn(nullify(view));
    }
    bench.work();
    assert!(has(&bench.wait(1_400), "send nullify 4"));
}

#[test]
fn a_leader_below_its_floor_proposes_nothing_and_asks_for_no_block() {
    let mut bench = rejoined(leader(1), 1);
    let mut said = bench.work();
    said.extend(bench.wait(60_000));
    assert!(!speaks(&said), "{said:?}");
    assert!(!said.iter().any(|word| word.starts_with("refused")), "{said:?}");
}

#[test]
fn a_proposal_in_the_log_is_not_sent_below_the_floor() {
    let mut bench = Bench::new(leader(1));
    bench.work();
    bench.wait(100);
    bench.input(Input::Built {
        view: View(1),
        block: block("a"),
        seals: false,
    });
    let proposal = |record: &&Record| matches!(record, Record::MyProposal { .. });
    let mut log: Vec<Record> = bench.log.iter().filter(proposal).cloned().collect();
    assert_eq!(log.len(), 1);
    log.push(amnesia(5));
    let mut again = Bench::from_log(leader(1), log, genesis(), 0);
    let said = again.work();
    assert!(!speaks(&said), "{said:?}");
}

#[test]
fn the_highest_floor_of_the_log_counts_whatever_the_order() {
    for floors in [[2, 7, 5], [7, 2, 5], [2, 5, 7]] {
        let log = floors.into_iter().map(amnesia).collect();
        let bench = Bench::from_log(leader(4), log, genesis(), 0);
        assert_eq!(bench.engine.amnesia_floor(), View(7));
    }
    let other = Record::Amnesia {
        epoch: Epoch(3),
        floor: View(9),
    };
    let bench = Bench::from_log(leader(4), vec![other], genesis(), 0);
    assert_eq!(bench.engine.amnesia_floor(), View(0), "another epoch's floor");
}

#[test]
fn the_record_stays_in_the_log_until_a_final_view_covers_it() {
    let mut bench = rejoined(leader(4), 3);
    bench.learn(finalize(2, "b"));
    assert!(bench.engine.needs(&amnesia(3)));
    bench.learn(finalize(3, "c"));
    assert!(!bench.engine.needs(&amnesia(3)));
}

#[test]
fn a_refusal_names_the_amnesia() {
    let refusal = Refusal::Amnesia(View(3));
    assert_eq!(refusal.to_string(), "view 3 is at or below the amnesia floor");
}

/// What an operator claims: the view its certificate leads to.
fn claimed(claim: Option<&Certified>) -> Option<(u64, Kind)> {
    claim.map(|certified| (certified.statement.view().0, certified.statement.kind()))
}

#[test]
fn a_claim_is_the_certificate_that_led_into_the_view() {
    let mut bench = Bench::follower();
    assert_eq!(bench.engine.claim(), None, "the epoch has just begun");
    bench.learn(nullify(1));
    assert_eq!(claimed(bench.engine.claim().as_ref()), Some((1, Kind::Nullify)));
    bench.learn(notarize(2, 0, "b"));
    assert_eq!(claimed(bench.engine.claim().as_ref()), Some((2, Kind::Notarize)));
    bench.learn(finalize(7, "g"));
    assert_eq!(claimed(bench.engine.claim().as_ref()), Some((7, Kind::Finalize)));
    assert_eq!(bench.view(), 8);
    let restarted = bench.restarted();
    assert_eq!(
        claimed(restarted.engine.claim().as_ref()),
        Some((7, Kind::Finalize))
    );
}

/// The premise of the rule: whoever votes in a view can prove that view, in this life and the next.
#[test]
fn whoever_voted_in_a_view_claims_it() {
    let mut bench = Bench::follower();
    bench.work();
    for view in 1..=3u64 {
        bench.wait(60_000);
        let voted = bench
            .log
            .iter()
            .any(|record| matches!(record, Record::Vote(vote) if vote.statement == nullify(view)));
        assert!(voted, "view {view}");
        bench = bench.restarted();
        let claim = bench
            .engine
            .claim()
            .map_or(1, |certified| certified.statement.view().0 + 1);
        assert_eq!(claim, view);
        bench.work();
        bench.hear((bench.me + 1) % N, Message::Certified(certified(nullify(view))));
    }
}

#[test]
fn who_rejoins_still_reports_and_still_serves() {
    let mut bench = rejoined(leader(4), 100);
    bench.learn(notarize(1, 0, "a"));
    let peer = (bench.me + 1) % N;
    let status = Status {
        notarized: 0,
        ..poor_status(1)
    };
    let said = bench.hear(peer, Message::Status(status));
    assert!(has(&said, &format!("send notarization 1 to {peer}")), "{said:?}");
    assert!(!speaks(&said));
}

fn claims(claims: &[(u16, Option<Certified>)]) -> Option<u64> {
    let mock = Mock { me: OperatorIndex(0) };
    let mut rejoin = Rejoin::new(committee(N), domain(), OperatorIndex(0));
    for (from, claim) in claims {
        rejoin.hear(OperatorIndex(*from), claim.as_ref(), &mock);
    }
    match rejoin.record()? {
        Record::Amnesia {
            epoch: Epoch(0),
            floor,
        } => Some(floor.0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_floor_is_one_view_above_the_highest_that_2f_plus_1_others_prove() {
    let proof = |view| Some(certified(nullify(view)));
    let cases = [
        ("nobody has moved", vec![(1, None), (2, None), (3, None)], Some(2)),
        (
            "one is ahead",
            vec![(1, None), (2, proof(4)), (3, proof(3))],
            Some(6),
        ),
        ("two are not enough", vec![(1, proof(9)), (2, proof(9))], None),
        (
            "one twice is one",
            vec![(1, proof(4)), (1, proof(5)), (2, None)],
            None,
        ),
        (
            "the later counts",
            vec![(1, proof(5)), (1, proof(4)), (2, None), (3, None)],
            Some(7),
        ),
        (
            "I am none of the others",
            vec![(0, proof(9)), (1, None), (2, None)],
            None,
        ),
        (
            "nor is a stranger",
            vec![(N, proof(9)), (1, None), (2, None)],
            None,
        ),
    ];
    for (what, heard, floor) in cases {
        assert_eq!(claims(&heard), floor, "{what}");
    }
}

#[test]
fn a_claim_without_proof_neither_counts_nor_moves_the_floor() {
    let mut forged = certified(nullify(900));
    forged.signature = shifted(&forged.signature, 1);
    // Genuine, of the same members in another epoch.
    let mut foreign = certified(nullify(900));
    foreign.epoch = Epoch(1);
    let digest = foreign.statement.digest(&domain(), foreign.epoch);
    let signatures: Vec<_> = foreign
        .signers
        .iter()
        .map(|me| Mock { me }.sign(&digest))
        .collect();
    let mock = Mock { me: OperatorIndex(0) };
    foreign.signature = mock.aggregate(&signatures).expect("not empty");
    let few = certified_by(&[1, 2], nullify(900));
    for bad in [forged, foreign, few] {
        let others = [(1, None), (2, None)];
        let mut heard = others.to_vec();
        heard.push((3, Some(bad)));
        assert_eq!(claims(&heard), None);
        heard.push((3, Some(certified(nullify(4)))));
        assert_eq!(claims(&heard), Some(6));
    }
}

/// The whole road: a member votes, loses its log, asks, and is silent exactly where it may have spoken.
#[test]
fn a_member_that_lost_its_log_finds_a_floor_above_all_its_votes() {
    let (mut old, mut others) = (Bench::new(0), [Bench::new(1), Bench::new(2), Bench::new(3)]);
    for view in 1..=3 {
        for bench in others.iter_mut().chain([&mut old]) {
            bench.work();
            bench.wait(60_000);
        }
        // One of the others is behind by a view, and so is what it can prove.
        let behind = usize::from(view == 3);
        let votes: Vec<Message> = (0..N)
            .map(|member| Message::Vote(vote(member, nullify(view))))
            .collect();
        for bench in others.iter_mut().skip(behind).chain([&mut old]) {
            for (member, vote) in (0..N).zip(&votes) {
                bench.hear(member, vote.clone());
            }
        }
    }
    old.wait(60_000);
    let spoken = old.log.iter().filter(|record| matches!(record, Record::Vote(_)));
    let spoken = spoken.map(Record::view).max().expect("it voted");
    assert_eq!(spoken, View(4));
    let heard: Vec<(u16, Option<Certified>)> = others
        .iter()
        .map(|bench| (bench.me, bench.engine.claim()))
        .collect();
    assert_eq!(claims(&heard), Some(5));
    let behind = [heard[0].clone(), heard[1].clone()];
    assert_eq!(claims(&behind), None, "the third may know more");
}
