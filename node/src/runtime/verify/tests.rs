//! What may wait before the pool, and who goes first.

use bytes::Bytes;
use plasma_consensus::{Container, Proposal};
use plasma_core::{
    Address, Amount, BlockId, DepositNumber, Epoch, Hash, Height, Peer, Transaction, View, bls,
};

use super::{
    Job,
    queues::{CLIENTS_MAX, GOSSIP_MAX, GOSSIP_PER_AUTHOR_MAX, Queues, URGENT_MAX, URGENT_PER_PEER_MAX},
};
use crate::{intake::Question, runtime::wire};

/// A batch as long as they may be, of one of many authors.
fn gossip(ticket: u64) -> Job {
    Job::Gossip {
        author: Some(peer(u8::try_from(ticket % 100).unwrap())),
        ticket,
        bytes: Bytes::from(vec![0; wire::GOSSIP_BATCH_BYTES]),
    }
}

fn client(ticket: u64) -> Job {
    let transaction = Transaction::fund(
        DepositNumber(ticket),
        Address([1; 20]),
        Address::ZERO,
        Amount::from(1u64),
    );
    Job::Client {
        ticket,
        transaction: Box::new(transaction.unsigned()),
    }
}

fn peer(number: u8) -> Peer {
    Peer(Hash([number; 32]))
}

fn payload(from: u8) -> Job {
    let container = Container {
        view: View(1),
        parent: View(0),
        block: BlockId(Hash::ZERO),
    };
    let proposal = Proposal {
        epoch: Epoch(0),
        container,
        signature: bls::Signature([0; 96]),
        parent: None,
        nullifications: Vec::new(),
    };
    Job::Payload {
        from: peer(from),
        proposal: Box::new(proposal),
        body: Bytes::new(),
    }
}

fn answer(from: u8) -> Job {
    Job::Answer {
        from: peer(from),
        question: Question::After(Height(0)),
        bytes: Bytes::new(),
    }
}

/// How many of these jobs find room.
fn fill(queues: &mut Queues, jobs: impl Iterator<Item = Job>) -> usize {
    jobs.filter_map(|job| queues.push(job).ok()).count()
}

/// Takes the next job, and is done with it at once.
fn done(queues: &mut Queues) -> Option<Job> {
    let job = queues.pop()?;
    if let Some(lane) = job.lane() {
        queues.release(lane);
    }
    Some(job)
}

fn sender(job: &Job) -> Peer {
    match job {
        Job::Payload { from, .. } | Job::Answer { from, .. } => *from,
        other => panic!("{other:?}"),
    }
}

/// The order in which all that waits is taken, by kind.
fn drain(queues: &mut Queues) -> String {
    std::iter::from_fn(|| done(queues))
        .map(|job| match job {
            Job::Payload { .. } | Job::Answer { .. } | Job::Entries { .. } | Job::Finalization { .. } => 'u',
            Job::Client { .. } => 'c',
            Job::Gossip { .. } => 'g',
        })
        .collect()
}

#[test]
fn gossip_that_waits_is_bounded_in_bytes() {
    let mut queues = Queues::default();
    assert_eq!(
        fill(&mut queues, (0..2 * 256).map(gossip)),
        GOSSIP_MAX,
        "the queue has an end"
    );
    queues = Queues::default();
    let long = Job::Gossip {
        author: Some(peer(1)),
        ticket: 1,
        bytes: Bytes::from(vec![0; wire::GOSSIP_BATCH_BYTES + 1]),
    };
    assert!(
        queues.push(long).is_err(),
        "a batch longer than honest ones is refused"
    );
    assert!(queues.push(gossip(2)).is_ok());
}

#[test]
fn gossip_takes_no_clients_place_and_no_clients_turn() {
    let mut queues = Queues::default();
    assert_eq!(fill(&mut queues, (0..1_000).map(gossip)), GOSSIP_MAX);
    assert_eq!(fill(&mut queues, (0..10_000).map(client)), CLIENTS_MAX);
    assert!(queues.push(payload(1)).is_ok() && queues.push(answer(2)).is_ok());
    let order = drain(&mut queues);
    let expected = ["u".repeat(2), "c".repeat(CLIENTS_MAX), "g".repeat(GOSSIP_MAX)].concat();
    assert!(order == expected, "agreement, then our clients, then gossip");
}

#[test]
fn a_member_that_floods_neither_fills_the_queue_nor_keeps_others_out() {
    let mut queues = Queues::default();
    let flood = (0..URGENT_MAX).map(|number| if number % 2 == 0 { payload(3) } else { answer(3) });
    assert_eq!(fill(&mut queues, flood), URGENT_PER_PEER_MAX);
    assert!(queues.push(payload(4)).is_ok(), "another member has room");
    assert!(queues.push(payload(3)).is_err());
    assert!(done(&mut queues).is_some());
    assert!(queues.push(payload(3)).is_ok(), "what was taken makes room");
    let faulty = (0..33).flat_map(|from| (0..URGENT_MAX).map(move |_| payload(from)));
    fill(&mut queues, faulty);
    assert!(
        queues.push(payload(99)).is_ok(),
        "a third of a hundred members leave room"
    );
    let all = (0..100).flat_map(|from| (0..URGENT_MAX).map(move |_| payload(from)));
    fill(&mut queues, all);
    assert_eq!(drain(&mut queues).len(), URGENT_MAX);
}

#[test]
fn an_author_of_much_gossip_has_its_share_and_no_more() {
    let mut queues = Queues::default();
    let of_one = (0..1_000).map(|number| gossip(100 * number));
    assert_eq!(fill(&mut queues, of_one), GOSSIP_PER_AUTHOR_MAX);
    assert!(queues.push(gossip(1)).is_ok(), "another author has room");
}

#[test]
fn members_take_turns_however_much_one_of_them_sends() {
    let mut queues = Queues::default();
    let jobs = [1, 1, 1, 1, 1, 2, 3, 2].map(payload).into_iter();
    assert_eq!(fill(&mut queues, jobs), 8);
    let order = std::iter::from_fn(|| done(&mut queues)).map(|job| sender(&job));
    let expected = [1, 2, 3, 1, 2, 1, 1, 1].map(peer);
    assert_eq!(order.collect::<Vec<_>>(), expected);
}

#[test]
fn a_member_keeps_one_worker_busy_with_its_proposals_and_one_with_its_answers() {
    let mut queues = Queues::default();
    assert_eq!(fill(&mut queues, [1, 1, 1].map(payload).into_iter()), 3);
    assert!(queues.pop_urgent().is_some_and(|job| sender(&job) == peer(1)));
    assert!(queues.pop_urgent().is_none(), "the others are for other members");
    assert_eq!(fill(&mut queues, [answer(1), payload(2)].into_iter()), 2);
    let answered = queues.pop_urgent().expect("what it was asked for");
    assert!(matches!(answered, Job::Answer { from, .. } if from == peer(1)));
    assert!(queues.pop_urgent().is_some_and(|job| sender(&job) == peer(2)));
    assert!(queues.pop_urgent().is_none() && queues.pop().is_none());
    let lane = payload(1).lane().expect("an agreement waits");
    assert!(queues.release(lane), "more of it waits");
    assert!(queues.pop_urgent().is_some_and(|job| sender(&job) == peer(1)));
}

#[test]
fn no_urgent_job_takes_the_turn_of_payments_where_those_have_a_worker() {
    let mut queues = Queues::default();
    let jobs = (1..9).map(payload).chain([gossip(1), client(1)]);
    assert_eq!(fill(&mut queues, jobs), 10);
    assert!(matches!(queues.pop_payments(), Some(Job::Client { .. })));
    assert!(matches!(queues.pop_payments(), Some(Job::Gossip { .. })));
    assert!(queues.pop_payments().is_none());
}
