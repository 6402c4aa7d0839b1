//! A genuine certificate that counts a vote of mine which my log does not hold: the log is not the one that I spoke by.

use plasma_consensus::{Effect, Kind, Message, Record, Statement, Violation};
use plasma_core::{Epoch, View};

use crate::{
    bench::{
        Bench, N, VALID, certified_by, container, finalize, genesis, leader, notarize, nullify, vote, words,
    },
    sim::crypto::shifted,
};

/// A certificate that counts this member and two others.
fn with(bench: &Bench, statement: Statement) -> Message {
    let mut signers = vec![bench.me];
    signers.extend(bench.peers().into_iter().take(2));
    signers.sort_unstable();
    Message::Certified(certified_by(&signers, statement))
}

fn stopped(bench: &Bench) -> Option<Violation> {
    bench.effects.iter().find_map(|effect| match effect {
        Effect::Broken(violation) => Some(*violation),
        _ => None,
    })
}

fn forgotten(view: u64, kind: Kind) -> Option<Violation> {
    Some(Violation::Forgotten {
        view: View(view),
        kind,
    })
}

#[test]
fn an_unknown_vote_of_mine_in_any_certificate_stops_me_for_good() {
    let cases = [
        (notarize(1, 0, "a"), Kind::Notarize),
        (nullify(1), Kind::Nullify),
        (finalize(1, "a"), Kind::Finalize),
    ];
    for (statement, kind) in cases {
        let mut bench = Bench::follower();
        bench.work();
        let message = with(&bench, statement);
        let said = bench.hear(leader(1), message);
        assert_eq!(
            said.first().map(String::as_str),
            Some("log forgotten 1"),
            "{said:?}"
        );
        assert_eq!(stopped(&bench), forgotten(1, kind));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(bench.wait(60_000).is_empty(), "nothing is said any more");
    }
}

#[test]
fn another_vote_than_the_one_i_remember_is_unknown_too() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let message = with(&bench, notarize(1, 0, "b"));
    bench.hear(leader(1), message);
    assert_eq!(stopped(&bench), forgotten(1, Kind::Notarize));
}

#[test]
fn a_vote_that_i_remember_stops_nothing() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let message = with(&bench, notarize(1, 0, "a"));
    bench.hear(leader(1), message);
    let message = with(&bench, finalize(1, "a"));
    bench.hear(leader(1), message);
    assert_eq!((stopped(&bench), bench.floor()), (None, 1));
    let mut again = bench.restarted();
    let message = with(&again, notarize(1, 0, "a"));
    again.hear(leader(1), message);
    assert_eq!(stopped(&again), None, "below the floor the log may be short");
}

#[test]
fn a_forged_certificate_stops_nobody_and_costs_its_sender() {
    let mut bench = Bench::follower();
    bench.learn(nullify(1));
    let Message::Certified(mut forged) = with(&bench, nullify(1)) else {
        panic!("a certificate");
    };
    forged.signature = shifted(&forged.signature, 1);
    let said = bench.hear(leader(1), Message::Certified(forged));
    assert_eq!(said, [format!("penalize {} BadCertificate", leader(1))]);
}

#[test]
fn a_known_certificate_of_other_signers_hides_nothing() {
    let mut bench = Bench::follower();
    bench.learn(nullify(1));
    let message = with(&bench, nullify(1));
    bench.hear(leader(1), message);
    assert_eq!(stopped(&bench), forgotten(1, Kind::Nullify));
}

#[test]
fn a_proposals_proofs_and_a_synced_certificate_count_as_well() {
    let mut bench = Bench::follower();
    let Message::Certified(parent) = with(&bench, notarize(1, 0, "a")) else {
        panic!("a certificate");
    };
    bench.propose(container(2, 1, "b"), Some(parent));
    assert_eq!(stopped(&bench), forgotten(1, Kind::Notarize));

    let mut bench = Bench::follower();
    let Message::Certified(certified) = with(&bench, finalize(5, "e")) else {
        panic!("a certificate");
    };
    let certificate = certified.finalization().expect("it is one");
    bench.input(plasma_consensus::Input::Synced(certificate));
    assert_eq!(
        (stopped(&bench), bench.floor()),
        (forgotten(5, Kind::Finalize), 0)
    );
}

#[test]
fn a_restart_does_not_make_it_speak_again_until_it_rejoins() {
    let mut bench = Bench::follower();
    let message = with(&bench, nullify(3));
    bench.hear(leader(1), message);
    let record = bench.log.last().cloned().expect("it was written down");
    assert!(bench.engine.needs(&record));
    let mut again = bench.restarted();
    assert_eq!(words(&again.effects).len(), 1);
    assert_eq!(stopped(&again), forgotten(3, Kind::Nullify));
    assert!(again.work().is_empty() && again.wait(60_000).is_empty());

    let amnesia = |floor| Record::Amnesia {
        epoch: Epoch(0),
        floor: View(floor),
    };
    let low = Bench::from_log(leader(4), vec![record.clone(), amnesia(2)], genesis(), 0);
    assert_eq!(stopped(&low), forgotten(3, Kind::Nullify));
    let before = Bench::from_log(leader(4), vec![amnesia(5), record.clone()], genesis(), 0);
    assert_eq!(
        stopped(&before),
        forgotten(3, Kind::Nullify),
        "the rejoin came before"
    );
    let rejoined = Bench::from_log(leader(4), vec![record.clone(), amnesia(3)], genesis(), 0);
    assert_eq!(stopped(&rejoined), None);
    assert!(!rejoined.engine.needs(&record));
}

#[test]
fn below_the_floor_of_amnesia_unknown_votes_are_expected() {
    let record = Record::Amnesia {
        epoch: Epoch(0),
        floor: View(3),
    };
    let mut bench = Bench::from_log(leader(4), vec![record], genesis(), 0);
    let message = with(&bench, nullify(3));
    bench.hear(leader(1), message);
    assert_eq!((stopped(&bench), bench.view()), (None, 4));
    let message = with(&bench, nullify(4));
    bench.hear(leader(1), message);
    assert_eq!(stopped(&bench), forgotten(4, Kind::Nullify));
}

/// A crash may lose any end of what was not synced. Of those records nothing was sent, so whatever certificate the others
/// make, it holds only votes from before: no honest crash looks like a foreign log.
#[test]
fn a_crash_that_loses_unsynced_records_is_not_taken_for_a_foreign_log() {
    let mut bench = Bench::follower();
    bench.work();
    let mut spoken: Vec<Statement> = Vec::new();
    let steps: [&dyn Fn(&mut Bench); 5] = [
        &|bench| drop(bench.propose(container(1, 0, "a"), None)),
        &|bench| drop(bench.judge("a", "genesis", VALID)),
        &|bench| drop(bench.learn(notarize(1, 0, "a"))),
        &|bench| drop(bench.learn(finalize(1, "a"))),
        &|bench| drop(bench.wait(60_000)),
    ];
    for step in steps {
        let synced = bench.log.len();
        step(&mut bench);
        for kept in synced..bench.log.len() {
            let log: Vec<Record> = bench.log.iter().take(kept).cloned().collect();
            for statement in &spoken {
                let mut again = Bench::from_log(bench.me, log.clone(), genesis(), bench.now);
                let message = with(&again, *statement);
                again.hear((bench.me + 1) % N, message);
                assert_eq!(stopped(&again), None, "{statement:?} after {kept} records");
            }
        }
        // Only now are the messages of this step out.
        spoken.extend(bench.effects.iter().filter_map(|effect| match effect {
            Effect::Send {
                message: Message::Vote(vote),
                ..
            } => Some(vote.statement),
            _ => None,
        }));
    }
    assert_eq!(
        spoken.len(),
        3,
        "notarize and finalize in view 1, nullify in view 2"
    );
    assert_eq!(vote(bench.me, spoken[0]).statement, spoken[0]);
}
