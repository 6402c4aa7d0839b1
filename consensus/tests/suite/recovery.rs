//! Restarts: the log is folded, nothing is said twice, and what was said stands.

use plasma_consensus::{Effect, Floor, Input, Message, Record};
use plasma_core::View;

use crate::bench::{
    Bench, N, VALID, block, certificate, certified, container, finalize, genesis, leader, notarize, nullify,
    poor_status, vote, words,
};

fn has(said: &[String], word: &str) -> bool {
    said.iter().any(|it| it == word)
}

#[test]
fn the_view_is_the_highest_that_the_log_knows_in_any_order() {
    let log = vec![
        Record::Certificate(certified(nullify(5))),
        Record::Vote(vote(leader(4), nullify(6))),
        Record::Certificate(certified(nullify(2))),
    ];
    let bench = Bench::from_log(leader(4), log, genesis(), 0);
    assert_eq!(bench.view(), 6);
}

#[test]
fn a_notarize_vote_is_not_contradicted_after_a_restart() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let mut bench = bench.restarted();
    bench.propose(container(1, 0, "b"), None);
    assert!(!has(&bench.judge("b", "genesis", VALID), "send notarize 1"));
}

#[test]
fn a_nullify_vote_is_not_followed_by_another_vote_after_a_restart() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(400);
    let mut bench = bench.restarted();
    bench.propose(container(1, 0, "a"), None);
    assert!(bench.judge("a", "genesis", VALID).is_empty());
    bench.learn(notarize(1, 0, "a"));
    assert!(!has(&bench.judge("a", "genesis", VALID), "send finalize 1"));
}

#[test]
fn a_nullify_vote_sent_before_is_sent_again_to_who_lacks_it() {
    let mut bench = Bench::follower();
    bench.work();
    bench.wait(400);
    let mut bench = bench.restarted();
    let peer = (bench.me + 1) % N;
    let said = bench.hear(peer, Message::Status(poor_status(1)));
    assert_eq!(said, [format!("send nullify 1 to {peer}")]);
}

#[test]
fn own_votes_count_after_a_restart() {
    let mut bench = Bench::follower();
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    let mut bench = bench.restarted();
    let peers = bench.peers();
    bench.vote(peers[0], notarize(1, 0, "a"));
    assert!(has(
        &bench.vote(peers[1], notarize(1, 0, "a")),
        "log notarization 1"
    ));
}

#[test]
fn a_notarized_block_is_asked_about_again_and_then_finalized() {
    let mut bench = Bench::follower();
    bench.learn(notarize(1, 0, "a"));
    let mut bench = bench.restarted();
    assert!(has(&words(&bench.effects), "validate 1"));
    assert!(has(&bench.judge("a", "genesis", VALID), "send finalize 1"));
}

#[test]
fn finality_beyond_what_the_operator_stored_is_reported_again() {
    let mut bench = Bench::follower();
    bench.decide(1, 0, "a", "genesis");
    bench.decide(2, 1, "b", "a");
    let full = Bench::from_log(bench.me, bench.log.clone(), genesis(), 0);
    assert!(
        has(&words(&full.effects), "final 2 +2"),
        "{:?}",
        words(&full.effects)
    );
    let stored = Floor {
        view: View(1),
        block: block("a"),
        certificate: Some(certificate(1, "a")),
    };
    let half = Bench::from_log(bench.me, bench.log.clone(), stored, 0);
    assert!(has(&words(&half.effects), "final 2 +1"));
    let floor_only = bench
        .log
        .iter()
        .filter(|record| bench.engine.needs(record))
        .cloned()
        .collect();
    let pruned = Bench::from_log(bench.me, floor_only, genesis(), 0);
    assert!(has(&words(&pruned.effects), "behind 2"));
    for bench in [full, half, pruned] {
        assert_eq!((bench.floor(), bench.view()), (2, 3));
    }
}

#[test]
fn a_stored_floor_beyond_the_log_wins() {
    let mut bench = Bench::follower();
    bench.decide(1, 0, "a", "genesis");
    let stored = Floor {
        view: View(9),
        block: block("i"),
        certificate: Some(certificate(9, "i")),
    };
    let bench = Bench::from_log(bench.me, bench.log, stored, 0);
    assert_eq!((bench.floor(), bench.view()), (9, 10));
    assert!(!words(&bench.effects).iter().any(|word| word.starts_with("final")));
    assert!(has(&words(&bench.effects), "log floor 9"));
    let again = Bench::from_log(bench.me, bench.log, genesis(), 0);
    assert_eq!(again.floor(), 9, "the log alone knows it now");
}

#[test]
fn nothing_at_or_below_the_floor_is_voted_on() {
    let log = vec![Record::Floor(certified(finalize(5, "e")))];
    let mut bench = Bench::from_log(leader(4), log, genesis(), 0);
    bench.propose(container(5, 0, "z"), None);
    bench.judge("z", "genesis", VALID);
    bench.learn(notarize(4, 0, "d"));
    let said = bench.judge("d", "genesis", VALID);
    assert!(!said.iter().any(|word| word.starts_with("send")), "{said:?}");
}

#[test]
fn records_of_another_epoch_are_ignored() {
    let mut foreign = vote(leader(4), nullify(7));
    foreign.epoch = plasma_core::Epoch(3);
    let bench = Bench::from_log(leader(4), vec![Record::Vote(foreign)], genesis(), 0);
    assert_eq!(bench.view(), 1);
}

#[test]
fn only_records_above_the_floor_and_the_floor_itself_are_needed() {
    let mut bench = Bench::follower();
    bench.decide(1, 0, "a", "genesis");
    bench.learn(nullify(2));
    let needed: Vec<&Record> = bench
        .log
        .iter()
        .filter(|record| bench.engine.needs(record))
        .collect();
    let expected = [
        Record::Floor(certified(finalize(1, "a"))),
        Record::Certificate(certified(nullify(2))),
    ];
    assert!(
        needed
            .iter()
            .all(|record| expected.iter().any(|wanted| wanted.view() == record.view()))
    );
    assert!(needed.iter().any(|record| matches!(record, Record::Floor(_))));
    let pruned: Vec<Record> = needed.into_iter().cloned().collect();
    let again = Bench::from_log(bench.me, pruned, genesis(), 0);
    assert_eq!((again.view(), again.floor()), (bench.view(), bench.floor()));
}

#[test]
fn every_prefix_of_a_log_restores_an_engine_that_stays_honest() {
    let mut bench = Bench::follower();
    bench.decide(1, 0, "a", "genesis");
    bench.work();
    bench.wait(400);
    bench.learn(nullify(2));
    bench.propose(container(3, 1, "c"), None);
    bench.judge("c", "a", VALID);
    for length in 0..=bench.log.len() {
        let prefix: Vec<Record> = bench.log.iter().take(length).cloned().collect();
        let mut again = Bench::from_log(bench.me, prefix.clone(), genesis(), 0);
        again.work();
        again.wait(10_000);
        again.learn(finalize(9, "z"));
        let contradicts = |record: &Record| match record {
            Record::Vote(new) => prefix.iter().any(|old| match old {
                Record::Vote(old) => old.signer == new.signer && old.statement.contradicts(&new.statement),
                _ => false,
            }),
            _ => false,
        };
        assert!(
            !again.log.iter().skip(length).any(contradicts),
            "after {length} records"
        );
        let is_broken = again
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Broken(_) | Effect::Refused(_)));
        assert!(!is_broken, "after {length} records");
    }
    assert!(bench.input(Input::Tick).is_empty());
}
