//! R1 and R8 at the end of an epoch, and what answers for it afterwards.

use plasma_consensus::{Closed, Effect, Input, Message, Misbehaviour, Proposal, Reason, Record, Verdict};
use plasma_core::{Epoch, Millis, OperatorIndex, View};

use crate::bench::{
    Bench, N, VALID, block, certificate, certified, container, finalize, leader, notarize, nullify,
    poor_status, proposal, vote,
};

/// The verdict on an epoch's last block.
const LAST: Verdict = Verdict::Valid { seals: true };

fn has(said: &[String], word: &str) -> bool {
    said.iter().any(|it| it == word)
}

/// A member that saw the epoch's last block `s` notarized in view 1.
fn with_last_block(me: u16) -> Bench {
    let mut bench = Bench::new(me);
    bench.propose(container(1, 0, "s"), None);
    bench.judge("s", "genesis", LAST);
    bench.learn(notarize(1, 0, "s"));
    assert_eq!(bench.view(), 2);
    bench
}

#[test]
fn the_last_block_is_only_re_proposed_whatever_waits() {
    let mut bench = with_last_block(leader(2));
    let mut said = bench.work();
    said.extend(bench.wait(99));
    assert!(
        !said
            .iter()
            .any(|word| word.starts_with("propose") || word.starts_with("build")),
        "{said:?}"
    );
    let said = bench.wait(1);
    assert!(has(&said, "propose 2 on 1"), "{said:?}");
}

#[test]
fn a_leader_with_work_asks_to_be_woken_for_the_re_proposal() {
    let mut bench = Bench::new(leader(2));
    bench.work();
    bench.propose(container(1, 0, "s"), None);
    bench.judge("s", "genesis", LAST);
    bench.wait(150);
    let mut said = bench.learn(notarize(1, 0, "s"));
    let mut wakes = 0;
    while !has(&said, "propose 2 on 1") && wakes < 10 {
        let at = bench.effects.iter().rev().find_map(|effect| match effect {
            Effect::Timer(Millis(at)) => Some(*at),
            _ => None,
        });
        let at = at.expect("a step that consumed its timer asks for the next");
        said = bench.wait(at - bench.now);
        wakes += 1;
    }
    assert_eq!(bench.now, 250, "one delay after the view began");
}

#[test]
fn an_ordinary_block_is_built_upon() {
    let mut bench = Bench::new(leader(2));
    bench.propose(container(1, 0, "a"), None);
    bench.judge("a", "genesis", VALID);
    bench.learn(notarize(1, 0, "a"));
    let mut said = bench.work();
    said.extend(bench.wait(100));
    assert!(has(&said, "build 2"), "{said:?}");
}

#[test]
fn my_own_last_block_is_not_built_upon_either() {
    let mut bench = Bench::new(leader(1));
    bench.work();
    bench.wait(100);
    bench.input(Input::Built {
        view: View(1),
        block: block("s"),
        seals: true,
    });
    bench.votes(notarize(1, 0, "s"));
    for view in 2..=4 {
        bench.learn(nullify(view));
    }
    assert_eq!((bench.view(), leader(5)), (5, bench.me));
    let said = bench.wait(337);
    assert!(has(&said, "propose 5 on 1"), "{said:?}");
}

#[test]
fn a_fresh_block_on_the_last_one_is_invalid_and_not_even_asked_about() {
    let mut bench = with_last_block(leader(4));
    let said = bench.propose(container(2, 1, "t"), None);
    assert!(!has(&said, "validate 2"), "{said:?}");
    let penalty = format!("penalize {} {:?}", leader(2), Misbehaviour::InvalidBlock);
    assert!(has(&said, &penalty) && has(&said, "send nullify 2"), "{said:?}");
    assert_eq!(bench.reason(), Some(Reason::Invalid));
}

#[test]
fn a_re_proposal_of_the_last_block_is_notarized_and_ends_the_epoch() {
    let mut bench = with_last_block(leader(4));
    assert_eq!(bench.engine.sealed(), None);
    let said = bench.propose(container(2, 1, "s"), None);
    assert!(has(&said, "send notarize 2"), "{said:?}");
    bench.votes(notarize(2, 1, "s"));
    assert_eq!(bench.engine.sealed(), None, "notarized is not final");
    bench.votes(finalize(2, "s"));
    let sealed = bench.engine.sealed().expect("it is final");
    assert_eq!((sealed.view, sealed.block), (View(2), block("s")));
}

#[test]
fn the_last_block_itself_may_become_final_at_once() {
    let mut bench = with_last_block(leader(4));
    bench.votes(finalize(1, "s"));
    assert_eq!(bench.engine.sealed().map(|sealed| sealed.view), Some(View(1)));
    let mut other = Bench::new(leader(4));
    other.decide(1, 0, "a", "genesis");
    assert_eq!(other.engine.sealed(), None);
    assert!(other.engine.close().is_none());
}

#[test]
fn until_it_is_final_the_last_block_is_work() {
    let mut bench = with_last_block(leader(4));
    bench.wait(400);
    assert_eq!(bench.reason(), Some(Reason::NoProposal));
}

#[test]
fn afterwards_nothing_is_work_and_nobody_proposes() {
    for me in [leader(2), leader(4)] {
        let mut bench = with_last_block(me);
        bench.votes(finalize(1, "s"));
        let mut said = bench.work();
        for _ in 0..100 {
            said.extend(bench.wait(1_000));
        }
        let speaks = |word: &String| !word.contains("finalization") && !word.contains("notarization");
        assert!(!said.iter().any(speaks), "{said:?}");
        assert_eq!(bench.view(), 2);
    }
}

#[test]
fn a_restarted_operator_says_that_its_floor_was_the_last_block() {
    let mut bench = with_last_block(leader(2));
    bench.votes(finalize(1, "s"));
    let mut bench = bench.restarted();
    assert_eq!((bench.floor(), bench.engine.sealed()), (1, None));
    let mut said = bench.work();
    said.extend(bench.wait(100));
    assert!(has(&said, "build 2"), "it cannot know yet: {said:?}");
    bench.input(Input::Sealed(block("s")));
    assert!(bench.engine.sealed().is_some());
    let said = bench.input(Input::Built {
        view: View(2),
        block: block("t"),
        seals: false,
    });
    assert!(!said.iter().any(|word| word.starts_with("propose")), "{said:?}");
    bench.input(Input::Sealed(block("elsewhere")));
    assert_eq!(bench.engine.sealed(), None, "another block than the floor's");
}

fn closed() -> Closed {
    let mut bench = with_last_block(leader(4));
    bench.votes(finalize(1, "s"));
    bench.engine.close().expect("the epoch is over")
}

#[test]
fn a_closed_epoch_answers_who_lacks_its_end_with_the_finalization() {
    let last = proposal(container(3, 1, "s"), Some(certified(finalize(1, "s"))));
    let older = proposal(container(3, 1, "s"), Some(certified(notarize(1, 0, "s"))));
    let status = |name: &str| {
        let mut status = poor_status(9);
        status.block = block(name);
        Message::Status(status)
    };
    let boxed = |proposal: Proposal| Message::Proposal(Box::new(proposal));
    let cases = [
        (Message::Vote(vote(2, nullify(7))), true),
        (Message::Vote(vote(2, finalize(1, "s"))), true),
        (Message::Certified(certified(notarize(1, 0, "s"))), true),
        (Message::Certified(certified(finalize(4, "s"))), false),
        (status("genesis"), true),
        (status("s"), false),
        (boxed(older), true),
        (boxed(last), false),
    ];
    for (message, is_answered) in cases {
        let mut closed = closed();
        let answer = closed.answer(Millis(0), OperatorIndex(2), &message);
        let Some(answer) = answer else {
            assert!(!is_answered, "{message:?}");
            continue;
        };
        assert!(is_answered, "{message:?}");
        let Message::Certified(certified) = answer else {
            panic!("a certificate");
        };
        assert_eq!(certified.finalization().as_ref(), Some(closed.finalization()));
        // Who lacks it learns by it, even without the way to it.
        let is_signer = |member: &u16| closed.finalization().signers.contains(OperatorIndex(*member));
        let absent = (0..N)
            .find(|member| !is_signer(member))
            .expect("a quorum is not all");
        let mut laggard = Bench::new(absent);
        laggard.input(Input::Synced(closed.finalization().clone()));
        assert_eq!(laggard.floor(), 1);
    }
}

#[test]
fn a_closed_epoch_answers_each_member_once_in_a_while_and_strangers_never() {
    let mut closed = closed();
    let message = Message::Vote(vote(2, nullify(7)));
    let mut answers = 0;
    for ms in 0..5_000 {
        answers += usize::from(closed.answer(Millis(ms), OperatorIndex(2), &message).is_some());
    }
    assert_eq!(answers, 10);
    assert!(
        closed.answer(Millis(4_999), OperatorIndex(1), &message).is_some(),
        "its own turn"
    );
    assert!(closed.answer(Millis(9_000), OperatorIndex(N), &message).is_none());
    let mut other = vote(2, nullify(7));
    other.epoch = Epoch(1);
    assert!(
        closed
            .answer(Millis(9_000), OperatorIndex(2), &Message::Vote(other))
            .is_none()
    );
}

#[test]
fn a_closed_epoch_keeps_the_record_that_proves_it() {
    let closed = Closed::new(certificate(1, "s"), usize::from(N));
    assert_eq!(closed.epoch(), Epoch(0));
    assert!(closed.needs(&Record::Floor(certified(finalize(1, "s")))));
    assert!(!closed.needs(&Record::Floor(certified(finalize(2, "s")))));
    assert!(!closed.needs(&Record::Vote(vote(2, nullify(1)))));
}
