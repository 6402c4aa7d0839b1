//! An operator whose log is lost votes again, and never where it may have voted before.

use bytes::Bytes;
use plasma_consensus::Record as Logged;
use plasma_core::{Epoch, L1Event, Millis, Position, SigningKey, View};
use plasma_node::{
    operator::{
        effect::Record,
        rejoining::{ASK_PAUSE_MS, Progress, REJOIN_MS},
        report::Silence,
    },
    runtime::wire::{self, Ask},
};

use super::{cast::committee, federation::funded, world::World};

const LOST: usize = 2;

/// Alice pays at each of these moments, so that views follow each other without a pause.
fn busy() -> (World, Payer) {
    let (world, alice, bob, position) = funded();
    let payer = Payer {
        alice,
        bob,
        position,
        held: 1_000,
        ticket: 0,
    };
    (world, payer)
}

pub(super) struct Payer {
    alice: SigningKey,
    bob: SigningKey,
    position: Position,
    held: u64,
    ticket: u64,
}

impl Payer {
    /// Pays, and waits until these operators have decided it.
    fn pay(&mut self, world: &mut World, to: usize, who: &[usize]) {
        use plasma_node::storage::{Read as _, Storage as _};
        let payment = world.pay(&self.alice, (self.position, self.held), &self.bob, 10);
        let id = payment.id();
        world.submit(to, self.ticket, payment);
        self.ticket += 1;
        self.held -= 10;
        let who = who.to_vec();
        world.run_until("the payment is decided", 30_000, |world| {
            let found = |node: &usize| {
                let reader = world.nodes[*node].storage.reader();
                reader.transaction(&id).expect("reads").is_some()
            };
            who.iter().all(found)
        });
        let found = world.nodes[to].storage.reader().transaction(&id).expect("reads");
        let (block, transaction) = found.expect("decided");
        self.position = Position {
            block,
            transaction,
            output: 1,
        };
    }
}

fn has_rejoined(world: &World) -> bool {
    world.nodes[LOST].memory.floor().is_some()
}

/// It votes again: without one of the others it is needed.
fn votes_again(world: &mut World, payer: &mut Payer) {
    world.run_until("it has its floor", 20_000, has_rejoined);
    let memory = &world.nodes[LOST].memory;
    assert!(memory.floor() >= memory.before, "{memory:?}");
    let claim = |world: &World, epoch| world.nodes[LOST].operator.as_ref().expect("runs").claim(epoch);
    let (epoch, _) = memory.floor().expect("found");
    assert_eq!(claim(world, epoch), None, "it cannot show what it may have said");
    // Until it stands above its floor the others need each other.
    payer.pay(world, 0, &[0, 1, 3]);
    payer.pay(world, 0, &[0, 1, 3]);
    world.run_for(2_000);
    world.claims.clear();
    world.kill(1);
    payer.pay(world, 0, &[0, LOST, 3]);
    assert!(claim(world, epoch).is_some());
    let memory = &world.nodes[LOST].memory;
    assert!(memory.said > memory.before);
    world.check_agreement();
}

#[test]
fn it_never_votes_where_it_may_have_voted_whenever_it_lost_its_log() {
    for moment in (0..120).step_by(8) {
        let (mut world, mut payer) = busy();
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        let next = world.pay(&payer.alice, (payer.position, payer.held), &payer.bob, 10);
        world.submit(0, 77, next);
        world.run_for(moment);
        world.lose_log(LOST, moment % 16 == 0);
        world.rejoin(LOST);
        world.run_until("it has its floor", 20_000, has_rejoined);
        let memory = &world.nodes[LOST].memory;
        assert!(memory.floor() >= memory.before, "{moment}: {memory:?}");
        world.run_for(5_000);
        assert!(world.nodes[LOST].memory.said >= world.nodes[LOST].memory.before);
        world.check_agreement();
    }
}

#[test]
fn it_is_needed_and_votes_again() {
    for all in [false, true] {
        let (mut world, mut payer) = busy();
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        world.lose_log(LOST, all);
        payer.pay(&mut world, 0, &[0, 1, 3]);
        world.rejoin(LOST);
        votes_again(&mut world, &mut payer);
    }
}

#[test]
fn a_claim_that_is_too_low_or_too_wild_changes_nothing() {
    let wild = {
        // The genuine certificate of an earlier view, under the number of a wild one.
        let (mut world, mut payer) = busy();
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        let claim = world.nodes[0].operator.as_ref().expect("runs").claim(Epoch(0));
        let mut bytes = wire::encode_claim(claim.expect("runs")).to_vec();
        // Kind 1, epoch 8, then the view.
        bytes[9] = 0x40;
        Bytes::from(bytes)
    };
    for lie in [Some(Bytes::new()), Some(wild.clone())] {
        let is_wild = lie.as_ref().is_some_and(|lie| !lie.is_empty());
        let (mut world, mut payer) = busy();
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        world.lose_log(LOST, false);
        world.lie([(3, lie)]);
        world.rejoin(LOST);
        if is_wild {
            // It does not count; at four operators all three must answer.
            world.run_for(5_000);
            assert!(!has_rejoined(&world));
            assert_eq!(world.nodes[LOST].memory.progress.len(), 2);
            world.claims.clear();
        }
        votes_again(&mut world, &mut payer);
        let floor = world.nodes[LOST].memory.floor().expect("found");
        assert!(floor.1 < View(1_000), "{floor:?}");
    }
}

#[test]
fn too_few_answers_are_waited_for_and_then_the_process_ends() {
    let (mut world, mut payer) = busy();
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    world.lose_log(LOST, false);
    world.lie([(3, None)]);
    let said = world.nodes[LOST].memory.said;
    let begun = world.now;
    world.rejoin(LOST);
    world.run_for(3_000);
    // Most of the time passes at once.
    world.now = Millis(begun.0 + REJOIN_MS - 6_000);
    world.run_for(1_000);
    let failed = |world: &World| {
        let progress = world.nodes[LOST].memory.progress.iter();
        progress.filter(|one| matches!(one, Progress::Failed(_))).count()
    };
    assert_eq!((failed(&world), has_rejoined(&world)), (0, false));
    // Blocks that come meanwhile are no reason to wait for longer.
    payer.pay(&mut world, 0, &[0, 1, 3, LOST]);
    world.run_until("it gives up", 10_000 + ASK_PAUSE_MS, |world| failed(world) == 1);
    assert!(world.now >= Millis(begun.0 + REJOIN_MS));
    assert_eq!(world.nodes[LOST].memory.said, said, "it said nothing");
}

#[test]
fn a_restart_in_the_middle_asks_again_and_never_votes_without_the_flag() {
    let (mut world, mut payer) = busy();
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    world.lose_log(LOST, false);
    world.lie([(3, None)]);
    world.rejoin(LOST);
    world.run_for(3_000);
    world.kill(LOST);
    world.start(LOST);
    assert_eq!(
        world.nodes[LOST].stops.len(),
        1,
        "without the flag it signs nothing"
    );
    world.run_for(3_000);
    assert!(!has_rejoined(&world));
    world.kill(LOST);
    world.claims.clear();
    world.rejoin_again(LOST);
    votes_again(&mut world, &mut payer);
}

fn change(world: &mut World) {
    let epoch = Epoch(1);
    world.mine(vec![L1Event::CommitteeActivated { epoch }]);
}

fn is_in(world: &World, epoch: u64) -> bool {
    let status = |node: &super::world::Node| node.operator.as_ref().map(|operator| operator.status().epoch);
    world
        .nodes
        .iter()
        .filter_map(status)
        .all(|found| found == Epoch(epoch))
}

#[test]
fn an_epoch_that_ends_between_death_and_rejoin_is_asked_about_in_its_successor() {
    for all in [false, true] {
        let (mut world, mut payer) = busy();
        world.announce(&committee(1, &[1, 0, 2, 3]));
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        world.lose_log(LOST, all);
        change(&mut world);
        payer.pay(&mut world, 0, &[0, 1, 3]);
        payer.pay(&mut world, 0, &[0, 1, 3]);
        world.rejoin(LOST);
        votes_again(&mut world, &mut payer);
        let floor = world.nodes[LOST].memory.floor().expect("found");
        assert_eq!(floor.0, Epoch(1));
    }
}

#[test]
fn a_log_lost_at_any_moment_of_the_change_covers_both_epochs() {
    for moment in (0..90).step_by(6) {
        let (mut world, mut payer) = busy();
        world.announce(&committee(1, &[1, 0, 2, 3]));
        world.run_for(50);
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        world.make_storage_lazy();
        change(&mut world);
        world.run_for(moment);
        // Its storage falls back to before the change.
        world.cut_power(LOST);
        world.lose_log(LOST, false);
        world.rejoin(LOST);
        world.run_until("all are in the next epoch", 20_000, |world| is_in(world, 1));
        world.run_until("it has its floor", 20_000, has_rejoined);
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        // And once more: what it knows by now must hold in both epochs.
        world.cut_power(LOST);
        world.start(LOST);
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
        world.check_agreement();
    }
}

#[test]
fn back_in_the_epoch_before_it_says_nothing() {
    let (mut world, mut payer) = busy();
    world.announce(&committee(1, &[1, 0, 2, 3]));
    world.run_for(50);
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    world.make_storage_lazy();
    change(&mut world);
    world.run_until("all are in the next epoch", 20_000, |world| is_in(world, 1));
    world.cut_power(LOST);
    world.lose_log(LOST, false);
    world.rejoin(LOST);
    world.run_until("it has its floor in the next epoch", 20_000, |world| {
        is_in(world, 1) && has_rejoined(world)
    });
    for _ in 0..3 {
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    }
    world.run_for(3_000);
    world.cut_power(LOST);
    for other in [0, 1, 3] {
        world.kill(other);
    }
    let memory = &mut world.nodes[LOST].memory;
    let before = std::mem::replace(&mut memory.before, memory.said);
    world.start(LOST);
    assert!(is_in(&world, 0), "the power cut took the change away");
    let payment = world.pay(&payer.alice, (payer.position, payer.held), &payer.bob, 10);
    world.submit(LOST, 99, payment);
    world.run_for(20_000);
    assert!(is_in(&world, 0), "it waits for the others");
    world.nodes[LOST].memory.before = before;
    for other in [0, 1, 3] {
        world.start(other);
    }
    world.run_until("all are in the next epoch", 20_000, |world| is_in(world, 1));
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    world.check_agreement();
}

pub(super) fn some_blocks_into_the_next_epoch() -> (World, Payer) {
    let (mut world, mut payer) = busy();
    world.announce(&committee(1, &[1, 0, 2, 3]));
    world.run_for(50);
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    change(&mut world);
    world.run_until("all are in the next epoch", 20_000, |world| is_in(world, 1));
    for _ in 0..3 {
        payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    }
    (world, payer)
}

/// All are gone. It comes back alone beside an empty storage, where it must say nothing, and a client asks it to.
fn back_alone_beside_nothing(world: &mut World, payer: &Payer) {
    for node in 0..4 {
        world.kill(node);
    }
    world.empty_storage(LOST);
    let memory = &mut world.nodes[LOST].memory;
    memory.before = memory.said;
    world.start(LOST);
    assert!(is_in(world, 0));
    world.mine(Vec::new());
    let payment = world.pay(&payer.alice, (payer.position, payer.held), &payer.bob, 10);
    world.submit(LOST, 99, payment);
    world.run_for(20_000);
    assert!(is_in(world, 0), "it waits for the others");
}

/// Its log is sound, and so short that it knows nothing of the first epoch but how it ended.
#[test]
fn beside_a_storage_of_an_epoch_that_ended_it_says_nothing_there() {
    let (mut world, mut payer) = some_blocks_into_the_next_epoch();
    world.shorten(LOST);
    let log = &world.nodes[LOST].log;
    let is_old = |record: &&Record| matches!(record, Record::Consensus(record) if record.epoch() == Epoch(0));
    let old: Vec<&Record> = log.iter().filter(is_old).collect();
    assert!(
        matches!(old[..], [Record::Consensus(Logged::Floor(_))]),
        "{log:?}"
    );
    let before = world.nodes[LOST].memory.before;
    back_alone_beside_nothing(&mut world, &payer);
    world.nodes[LOST].memory.before = before;
    for other in [0, 1, 3] {
        world.start(other);
    }
    world.run_until("all are in the next epoch", 20_000, |world| is_in(world, 1));
    // A quorum needs its vote now.
    world.kill(3);
    payer.pay(&mut world, 0, &[0, 1, 2]);
    world.check_agreement();
}

/// It lost its log in the first epoch and has found its floor; nothing of that is forgotten yet when an older storage comes. Of the
/// next epoch its log lacks nothing.
#[test]
fn a_floor_of_an_epoch_that_ended_asks_for_nothing_in_the_next() {
    let (mut world, mut payer) = busy();
    world.lose_log(LOST, false);
    world.rejoin(LOST);
    votes_again(&mut world, &mut payer);
    world.start(1);
    world.announce(&committee(1, &[1, 0, 2, 3]));
    world.run_for(3_000);
    change(&mut world);
    world.run_until("all are in the next epoch", 20_000, |world| is_in(world, 1));
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    let lost = |world: &World, epoch: u64| {
        let log = world.nodes[LOST].log.iter();
        let lost = log.filter(|record| match record {
            Record::Consensus(Logged::Amnesia { floor, .. }) => *floor > View(0),
            Record::Consensus(Logged::Forgotten { .. }) => true,
            _ => false,
        });
        lost.filter(|record| matches!(record, Record::Consensus(record) if record.epoch() == Epoch(epoch)))
            .count()
    };
    world.kill(LOST);
    world.start(LOST);
    world.run_for(1_000);
    assert_eq!(lost(&world, 1), 0);
    assert!(lost(&world, 0) > 0, "it is not written anew by itself");
    world.kill(LOST);
    world.empty_storage(LOST);
    world.start(LOST);
    world.run_until("it has caught up", 20_000, |world| is_in(world, 1));
    // A quorum needs its vote now.
    world.kill(3);
    payer.pay(&mut world, 0, &[0, 1, 2]);
    assert_eq!(lost(&world, 1), 0, "nobody was asked");
    world.check_agreement();
}

/// The version before wrote a log anew without a mark; at its first start this one makes good for it.
#[test]
fn a_log_that_was_shortened_without_a_mark_gets_one_at_the_start() {
    let (mut world, mut payer) = some_blocks_into_the_next_epoch();
    let is_mark =
        |record: &Record| matches!(record, Record::Consensus(Logged::Amnesia { floor: View(0), .. }));
    world.shorten(LOST);
    world.nodes[LOST].log.retain(|record| !is_mark(record));
    world.kill(LOST);
    world.start(LOST);
    assert!(world.nodes[LOST].log.iter().any(is_mark));
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    back_alone_beside_nothing(&mut world, &payer);
    let status = world.nodes[LOST].operator.as_ref().expect("it runs").status();
    assert_eq!(
        status.silence,
        Some(Silence::Over),
        "and says why it says nothing"
    );
}

#[test]
fn questions_and_claims_have_one_encoding_each() {
    let ask = Ask::Claim(Epoch(0x0102));
    let bytes = ask.encode();
    assert_eq!(bytes.as_ref(), [4, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(Ask::decode(&bytes), Ok(ask));
    assert!(Ask::decode(&bytes[..8]).is_err() && Ask::decode(&[&bytes[..], &[0]].concat()).is_err());
    let (mut world, mut payer) = busy();
    payer.pay(&mut world, 0, &[0, 1, 2, 3]);
    let claim = world.nodes[0].operator.as_ref().expect("runs").claim(Epoch(0));
    let claim = claim.expect("it runs").expect("not the first view");
    let bytes = wire::encode_claim(Some(claim.clone()));
    assert_eq!(wire::decode_claim(&bytes, Epoch(0)), Ok(Some(claim)));
    assert_eq!(wire::decode_claim(&wire::encode_claim(None), Epoch(0)), Ok(None));
    let refused = wire::decode_claim(&bytes, Epoch(1));
    assert_eq!(refused, Err(wire::WireError::Malformed("the claim")));
    assert!(wire::decode_claim(&bytes[..bytes.len() - 1], Epoch(0)).is_err());
    assert!(wire::decode_claim(&[&bytes[..], &[0]].concat(), Epoch(0)).is_err());
}
