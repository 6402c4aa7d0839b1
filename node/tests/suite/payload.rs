//! Proposals that travel as the leaves of their transactions: whatever lies where, blocks are made of them.

mod bodies;
mod bytes;
mod frames;
mod full;
mod pools;
mod sockets;
mod unsound;
mod waiting;

use plasma_consensus::Reason;
use plasma_core::{Address, Amount, DepositNumber, Genesis, L1Event, SignedTransaction, SigningKey};
use plasma_node::operator::{event::Event, mempool::MempoolLimits};

use super::{
    cast::{genesis_of, user},
    world::{World, wires::Answers},
};

/// What each output holds.
const HELD: u64 = 10;

/// A federation that stands still, with outputs to spend, and its leader.
struct Stage {
    world: World,
    alice: SigningKey,
    bob: SigningKey,
    /// Payments of one output each to Bob.
    payments: Vec<SignedTransaction>,
    leader: usize,
}

/// Gossip is lost, and nobody gives whole blocks: what proposals name is in a mempool, or is fetched one by one. Reads take
/// so long that no payment is young when it is proposed.
fn stage(operators: u16, count: u64) -> Stage {
    stage_under(genesis_of(operators), count)
}

fn stage_under(genesis: Genesis, count: u64) -> Stage {
    let (mut world, alice, bob) = (World::under(genesis), user(1), user(2));
    world.run_for(500);
    let numbers: Vec<u64> = (0..count).collect();
    for some in numbers.chunks(100) {
        let deposit = |number: &u64| L1Event::Deposited {
            number: DepositNumber(*number),
            owner: alice.address(),
            asset: Address::ZERO,
            amount: Amount::from(HELD),
        };
        world.mine(some.iter().map(deposit).collect());
    }
    world.run_until("the deposits are credited", 60_000, |world| {
        world.all_hold(&alice, count * HELD)
    });
    world.run_for(2_000);
    let payments = world
        .holdings(0, &alice)
        .into_iter()
        .map(|(position, _)| world.pay(&alice, (position, HELD), &bob, HELD))
        .collect();
    world.read_ms = 40;
    world.is_mute = true;
    world.wires = super::world::wires::Wires {
        no_blocks: true,
        ..Default::default()
    };
    let operator = world.nodes[0].operator.as_ref().expect("runs");
    let leader = usize::from(operator.status().leader.expect("it has a seat").0);
    Stage {
        world,
        alice,
        bob,
        payments,
        leader,
    }
}

impl Stage {
    fn other(&self, away: usize) -> usize {
        (self.leader + away) % self.world.nodes.len()
    }

    /// The operator hears of all payments at once.
    fn hear_all(&mut self, node: usize) {
        self.world.hear_all(node, &self.payments);
    }

    fn all_paid(&mut self, limit_ms: u64) {
        let (sum, bob) = (
            HELD * u64::try_from(self.payments.len()).expect("small"),
            self.bob.clone(),
        );
        self.world
            .run_until("all payments are decided", limit_ms, |world| {
                world.all_hold(&bob, sum)
            });
        self.world.check_agreement();
    }

    /// An operator with a mempool of its own limits, and nothing in it.
    fn restart(&mut self, node: usize, limits: MempoolLimits) {
        let usual = std::mem::replace(&mut self.world.mempool, limits);
        self.world.kill(node);
        self.world.start(node);
        self.world.mempool = usual;
        self.world.run_for(100);
    }

    /// Exactly so long, whatever happens meanwhile.
    fn rest(&mut self, ms: u64) {
        let end = self.world.now.plus(ms);
        self.world.queue.insert((end, u64::MAX), (0, Event::Tick));
        self.world.run_until("time", ms, |world| world.now >= end);
    }

    /// Who was asked by an operator, in order.
    fn asked_by(&self, node: usize) -> Vec<usize> {
        let asked = self.world.wires.asked.transactions.iter();
        asked
            .filter(|(asker, ..)| *asker == node)
            .map(|(_, giver, _)| *giver)
            .collect()
    }

    fn nobody_gave_up(&self) {
        for (index, node) in self.world.nodes.iter().enumerate() {
            assert_eq!(node.gave_up, [], "operator {index}");
        }
    }
}

#[test]
fn what_the_leader_alone_holds_is_fetched_from_it_and_no_view_is_lost() {
    let mut stage = stage(4, 30);
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    assert!(stage.world.wires.compact >= 1, "{:?}", stage.world.wires);
    for away in 1..4 {
        let asked = stage.asked_by(stage.other(away));
        assert!(
            !asked.is_empty() && asked.iter().all(|giver| *giver == stage.leader),
            "{asked:?}"
        );
    }
    assert_eq!(stage.world.wires.asked.blocks, 0);
    stage.nobody_gave_up();
}

#[test]
fn what_all_hold_is_not_fetched() {
    let mut stage = stage(4, 30);
    for away in 1..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(60);
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    let Stage { world, .. } = stage;
    assert!(
        world.wires.compact >= 1 && world.wires.fetched == 0,
        "{:?}",
        world.wires
    );
    assert!(
        world.wires.in_control > 0,
        "it is small enough to go among the votes"
    );
}

/// The second leader has some payments for long and others for a moment, which nobody else has.
#[test]
fn what_is_young_travels_with_the_proposal() {
    let mut stage = stage(4, 30);
    stage.world.read_ms = 0;
    let young = stage.payments[20..].to_vec();
    let (first, old) = (stage.payments[..1].to_vec(), stage.payments[1..20].to_vec());
    for away in 1..4 {
        stage.world.hear_all(stage.other(away), &old);
    }
    stage.world.run_for(60);
    stage.world.hear_all(stage.leader, &first);
    stage.rest(40);
    stage.world.hear_all(stage.leader, &old);
    let status = stage.world.nodes[0].operator.as_ref().expect("runs").status();
    let second = usize::from(status.leader.expect("it has a seat").0);
    assert_ne!(second, stage.leader);
    stage.rest(45);
    assert_eq!(stage.world.wires.compact, 0, "the second has not proposed yet");
    stage.world.hear_all(second, &young);
    stage.all_paid(2_000);
    assert_eq!(
        stage.world.wires.asked.transactions,
        [],
        "nothing is missing anywhere"
    );
    assert!(stage.world.wires.compact > 0, "{:?}", stage.world.wires);
}

#[test]
fn a_leader_that_gives_nothing_is_replaced_by_those_who_voted() {
    let mut stage = stage(4, 30);
    let (holder, others) = (stage.other(1), [stage.other(2), stage.other(3)]);
    stage.hear_all(holder);
    stage.world.run_for(60);
    stage.world.wires.answers.insert(stage.leader, Answers::Never);
    let begins = stage.world.now;
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    // See below: those who voted are asked after the time that a message may take, not twice that.
    assert!(
        stage.world.now.since(begins) < 290,
        "{}",
        stage.world.now.since(begins)
    );
    for other in others {
        let asked = stage.asked_by(other);
        assert_eq!(asked.first_chunk(), Some(&[stage.leader, holder]), "{asked:?}");
    }
    stage.nobody_gave_up();
}

/// When it says so, nobody has voted yet.
#[test]
fn a_leader_that_says_it_has_nothing_costs_no_more_than_one_that_is_silent() {
    let mut stage = stage(4, 30);
    let holder = stage.other(1);
    stage.hear_all(holder);
    stage.world.run_for(60);
    stage.world.wires.answers.insert(stage.leader, Answers::Empty);
    let begins = stage.world.now;
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    // Two reads, the proposal, the time that a message may take, a question, another read and the votes take 245 ms.
    assert!(
        stage.world.now.since(begins) < 290,
        "{}",
        stage.world.now.since(begins)
    );
}

#[test]
fn of_many_who_voted_two_are_asked_first_and_all_of_them_then() {
    let mut stage = stage(7, 10);
    let lacking = stage.other(6);
    // The others are enough to decide, and it gets nothing of what they decided.
    stage.world.no_rows = true;
    for away in 1..6 {
        stage.hear_all(stage.other(away));
    }
    stage.rest(60);
    // Whoever of them is asked first gives nothing: all but one.
    for away in 0..5 {
        stage
            .world
            .wires
            .answers
            .insert(stage.other(away), Answers::Never);
    }
    let first_of_all = stage.world.now;
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    let asked = stage.asked_by(lacking);
    assert_eq!(asked.first(), Some(&stage.leader));
    assert!(asked.len() >= 6, "{asked:?}");
    assert!(
        stage.world.now.since(first_of_all) < 400,
        "all are asked after twice the delay"
    );
}

#[test]
fn when_nobody_gives_transactions_the_whole_block_is_fetched() {
    let mut stage = stage(4, 10);
    stage.world.wires.no_blocks = false;
    for giver in 0..4 {
        stage.world.wires.answers.insert(giver, Answers::Never);
    }
    let begins = stage.world.now;
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    assert!(stage.world.wires.asked.blocks > 0);
    // Two reads, the proposal, four times the delay, and so on: far below the second after which the engine asks again.
    assert!(
        stage.world.now.since(begins) < 700,
        "{}",
        stage.world.now.since(begins)
    );
    stage.nobody_gave_up();
}

#[test]
fn an_answer_with_a_part_is_followed_by_the_next_question() {
    let mut stage = stage(4, 10);
    let holder = stage.other(1);
    stage.hear_all(holder);
    stage.rest(60);
    let part = stage.payments[..3]
        .iter()
        .map(SignedTransaction::encode)
        .collect();
    stage.world.wires.answers.insert(stage.leader, Answers::Of(part));
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    for other in [stage.other(2), stage.other(3)] {
        // The second answer brings nothing new, so the leader is not asked a third time.
        assert_eq!(stage.asked_by(other), [stage.leader, stage.leader, holder]);
    }
}

#[test]
fn a_view_that_was_lost_for_want_of_transactions_is_followed_by_whole_blocks() {
    let mut stage = stage(4, 10);
    stage.world.wires.answers.insert(stage.leader, Answers::Never);
    stage.hear_all(stage.leader);
    // Ethereum gives the others something to do.
    for number in 0..12 {
        stage.world.deposit(1_000 + number, &stage.alice, 1);
        stage.world.run_for(700);
    }
    stage.all_paid(1_000);
    let reasons = stage.world.nodes[stage.leader].gave_up.iter();
    let lost = reasons.filter(|reason| **reason == Reason::NoQuorum).count();
    assert_eq!(lost, 1, "one view");
    assert!(stage.world.wires.compact >= 1 && stage.world.wires.whole >= 1);
}

#[test]
fn who_lies_is_penalized_and_asked_no_more() {
    let mut stage = stage(4, 30);
    let foreign = stage.payments.pop().expect("one").encode();
    let (holder, others) = (stage.other(1), [stage.other(2), stage.other(3)]);
    stage.world.lies = true;
    stage.hear_all(holder);
    stage.world.run_for(60);
    let lie = Answers::With(vec![foreign]);
    stage.world.wires.answers.insert(stage.leader, lie);
    stage.hear_all(stage.leader);
    stage.all_paid(3_000);
    for other in others {
        let asked = stage.asked_by(other);
        assert_eq!(asked, [stage.leader, holder], "operator {other}");
        let liar = super::world::name(stage.leader);
        let is_named = |(who, peer, _): &(usize, _, String)| *who == other && *peer == liar;
        assert!(
            stage.world.penalties.iter().any(is_named),
            "{:?}",
            stage.world.penalties
        );
    }
    stage.nobody_gave_up();
}
