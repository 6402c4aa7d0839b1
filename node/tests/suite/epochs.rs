//! Committees that follow each other, without sockets: seats change, payments go on.

use plasma_core::{Epoch, Height, L1Event, OperatorIndex, Position, SigningKey, TransactionId};
use plasma_node::{
    operator::{
        effect::{Effect, Record},
        event::Event,
    },
    storage::{Read, Storage},
};

use super::{cast::committee, federation::funded, world::World};

/// Alice's last change, and what it holds.
struct Purse {
    alice: SigningKey,
    bob: SigningKey,
    position: Position,
    held: u64,
    ticket: u64,
}

/// A funded federation with a fifth operator that has no seat yet.
fn with_a_fifth() -> (World, Purse) {
    let (mut world, alice, bob, position) = funded();
    world.add();
    let purse = Purse {
        alice,
        bob,
        position,
        held: 1_000,
        ticket: 0,
    };
    (world, purse)
}

fn status(world: &World, node: usize) -> plasma_node::operator::report::Status {
    world.nodes[node].operator.as_ref().expect("runs").status()
}

fn is_decided(world: &World, node: usize, id: &TransactionId) -> bool {
    let reader = world.nodes[node].storage.reader();
    reader.transaction(id).expect("reads").is_some()
}

impl Purse {
    /// Pays ten of what is left.
    fn pay(&mut self, world: &mut World, to: usize) -> TransactionId {
        let payment = world.pay(&self.alice, (self.position, self.held), &self.bob, 10);
        let id = payment.id();
        world.submit(to, self.ticket, payment);
        self.ticket += 1;
        self.held -= 10;
        id
    }

    /// Pays, and waits until these operators have decided it.
    fn pay_and_wait(&mut self, world: &mut World, to: usize, who: &[usize]) -> Height {
        let id = self.pay(world, to);
        let who = who.to_vec();
        world.run_until("the payment is decided", 20_000, |world| {
            who.iter().all(|node| is_decided(world, *node, &id))
        });
        let reader = world.nodes[to].storage.reader();
        let (block, transaction) = reader.transaction(&id).expect("reads").expect("decided");
        let output = 1;
        self.position = Position {
            block,
            transaction,
            output,
        };
        block
    }
}

fn activate(world: &mut World, epoch: u64) {
    let epoch = Epoch(epoch);
    world.mine(vec![L1Event::CommitteeActivated { epoch }]);
}

#[test]
fn one_operator_leaves_and_one_joins_while_payments_go_on() {
    let (mut world, mut purse) = with_a_fifth();
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 3, 4]);
    assert_eq!(status(&world, 4).operator, None, "it observes");
    world.announce(&committee(1, &[4, 1, 2, 3]));
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 3, 4]);
    activate(&mut world, 1);
    // Offered at the very moment to who is leaving.
    let id = purse.pay(&mut world, 0);
    world.run_until("all are in the next epoch and nothing is lost", 20_000, |world| {
        (0..5).all(|node| status(world, node).epoch == Epoch(1) && is_decided(world, node, &id))
    });
    let seats = [None, Some(1), Some(2), Some(3), Some(0)].map(|seat| seat.map(OperatorIndex));
    let found: Vec<_> = (0..5).map(|node| status(&world, node).operator).collect();
    assert_eq!(found, seats);
    // Two of the old committee alone are no quorum: the new one needs the joiner's vote.
    world.kill(1);
    let (block, transaction) = {
        let reader = world.nodes[0].storage.reader();
        reader.transaction(&id).expect("reads").expect("decided")
    };
    purse.position = Position {
        block,
        transaction,
        output: 1,
    };
    let height = purse.pay_and_wait(&mut world, 4, &[0, 2, 3, 4]);
    world.check_agreement();
    let reader = world.nodes[4].storage.reader();
    let (_, certificate) = reader
        .certificate_covering(height)
        .expect("reads")
        .expect("certified");
    assert_eq!(certificate.epoch, Epoch(1));
    assert!(
        certificate.signers.contains(OperatorIndex(0)),
        "the joiner signed"
    );
}

#[test]
fn who_slept_through_the_change_catches_up_and_takes_its_seat() {
    let (mut world, mut purse) = with_a_fifth();
    world.announce(&committee(1, &[4, 1, 2, 3]));
    world.run_for(100);
    world.kill(3);
    activate(&mut world, 1);
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 4]);
    purse.pay_and_wait(&mut world, 1, &[0, 1, 2, 4]);
    world.start(3);
    world.run_until("it is there", 20_000, |world| {
        status(world, 3).epoch == Epoch(1) && world.heights()[3] == world.heights()[1]
    });
    world.kill(2);
    purse.pay_and_wait(&mut world, 3, &[0, 1, 3, 4]);
    world.check_agreement();
}

#[test]
fn a_committee_that_is_not_known_here_is_waited_for() {
    let (mut world, mut purse) = with_a_fifth();
    let next = committee(1, &[4, 1, 2, 3]);
    // Operator 3 is not told.
    for node in [0, 1, 2, 4] {
        world.tell(node, next.clone());
    }
    activate(&mut world, 1);
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 4]);
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 4]);
    world.run_until("it stands at the end of its epoch", 5_000, |world| {
        status(world, 3).epoch == Epoch(1)
    });
    let behind = status(&world, 3);
    assert_eq!((behind.operator, behind.committee), (None, None));
    assert!(behind.height < status(&world, 0).height);
    world.tell(3, next);
    world.run_until("it catches up", 20_000, |world| {
        world.heights()[3] == world.heights()[1]
    });
    world.kill(1);
    purse.pay_and_wait(&mut world, 3, &[0, 2, 3, 4]);
    world.check_agreement();
}

/// An announcement was replaced after its document had been installed.
#[test]
fn a_committee_that_ethereum_did_not_activate_is_not_entered() {
    let (mut world, mut purse) = with_a_fifth();
    // Operator 3 has a seat in both, another one in each.
    let (replaced, next) = (committee(1, &[3, 0, 1, 2]), committee(1, &[4, 1, 2, 3]));
    world.announce(&replaced);
    world.run_for(50);
    for node in [0, 1, 2, 4] {
        world.tell(node, next.clone());
    }
    activate(&mut world, 1);
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 4]);
    world.run_until("it stands at the end of its epoch", 5_000, |world| {
        status(world, 3).epoch == Epoch(1)
    });
    let behind = status(&world, 3);
    assert_eq!(
        (behind.operator, behind.committee),
        (None, None),
        "it has no seat"
    );
    let said = |world: &World| {
        let records = world.nodes[3].log.iter();
        let is_of_next =
            |record: &&Record| matches!(record, Record::Consensus(record) if record.epoch() == Epoch(1));
        records.filter(is_of_next).count()
    };
    assert_eq!(said(&world), 0, "and votes on nothing");
    world.tell(3, next);
    world.run_until("it catches up", 20_000, |world| {
        world.heights()[3] == world.heights()[1]
    });
    world.kill(1);
    purse.pay_and_wait(&mut world, 3, &[0, 2, 3, 4]);
    assert!(said(&world) > 0);
    world.check_agreement();
}

/// Its endpoint told it otherwise when the epoch began.
#[test]
fn who_finds_itself_in_a_committee_that_was_not_activated_stops_signing() {
    let (mut world, _) = with_a_fifth();
    world.announce(&committee(1, &[4, 1, 2, 3]));
    activate(&mut world, 1);
    world.run_until("the change", 20_000, |world| {
        status(world, 1).operator == Some(OperatorIndex(1)) && status(world, 1).epoch == Epoch(1)
    });
    let (epoch, now) = (Epoch(1), world.now);
    let operator = world.nodes[1].operator.as_mut().expect("runs");
    for (hash, stops) in [
        (committee(1, &[4, 1, 2, 3]).hash(), false),
        (committee(1, &[1, 2, 3, 4]).hash(), true),
    ] {
        let effects = operator.handle(now, Event::Activated { epoch, hash });
        let found = effects.iter().any(|effect| matches!(effect, Effect::Stop(_)));
        assert_eq!(found, stops);
    }
}

#[test]
fn an_operator_that_dies_at_any_moment_of_the_change_votes_again() {
    for moment in (0..60).step_by(3) {
        let (mut world, mut purse) = with_a_fifth();
        world.announce(&committee(1, &[4, 1, 2, 3]));
        world.run_for(50);
        world.make_storage_lazy();
        activate(&mut world, 1);
        let id = purse.pay(&mut world, 0);
        world.run_for(moment);
        world.cut_power(2);
        world.start(2);
        world.run_until("all are in the next epoch", 20_000, |world| {
            (0..5).all(|node| status(world, node).epoch == Epoch(1) && is_decided(world, node, &id))
        });
        world.kill(1);
        let reader = world.nodes[0].storage.reader();
        let (block, transaction) = reader.transaction(&id).expect("reads").expect("decided");
        purse.position = Position {
            block,
            transaction,
            output: 1,
        };
        purse.pay_and_wait(&mut world, 2, &[0, 2, 3, 4]);
        world.check_agreement();
    }
}

/// A process that was killed finds in storage what no barrier stands behind yet.
#[test]
fn a_restart_in_the_next_epoch_keeps_the_votes_of_the_one_before_until_its_end_is_durable() {
    let (mut world, mut purse) = with_a_fifth();
    world.announce(&committee(1, &[4, 1, 2, 3]));
    world.run_for(50);
    world.make_storage_lazy();
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 3]);
    activate(&mut world, 1);
    purse.pay_and_wait(&mut world, 0, &[0, 1, 2, 3, 4]);
    let voted = |world: &World| {
        let records = world.nodes[2].log.iter();
        let is_old = |record: &&Record| matches!(record, Record::Consensus(plasma_consensus::Record::Vote(vote)) if vote.epoch == Epoch(0));
        records.filter(is_old).count()
    };
    assert!(voted(&world) > 0);
    world.kill(2);
    world.start(2);
    world.run_until("it is back", 10_000, |world| status(world, 2).epoch == Epoch(1));
    world.cut_power(2);
    assert!(voted(&world) > 0, "the power led back, and the votes are gone");
    world.start(2);
    world.run_until("it is in the next epoch again", 20_000, |world| {
        status(world, 2).epoch == Epoch(1)
    });
    world.check_agreement();
}

#[test]
fn the_duties_are_those_of_the_running_committee() {
    let (mut world, mut purse) = with_a_fifth();
    world.announce(&committee(1, &[4, 1, 2, 3]));
    activate(&mut world, 1);
    purse.pay_and_wait(&mut world, 1, &[0, 1, 2, 3, 4]);
    let anchors = |world: &World, node: usize| {
        let duties = world.nodes[node].duties.iter();
        duties
            .filter(
                |duty| matches!(duty, Effect::Anchor { certificate, .. } if certificate.epoch == Epoch(1)),
            )
            .count()
    };
    // Everybody with a seat is on duty once in so many anchors.
    for _ in 0..12 {
        purse.pay_and_wait(&mut world, 1, &[0, 1, 2, 3, 4]);
        world.run_for(3_000);
    }
    let counts: Vec<usize> = (0..5).map(|node| anchors(&world, node)).collect();
    assert_eq!(counts[0], 0, "who left has none: {counts:?}");
    assert!(counts[1..].iter().all(|count| *count > 0), "{counts:?}");
}
