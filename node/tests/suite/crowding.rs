//! What a small room means for the log: what an operator keeps in it, and what it files of it.

use plasma_core::{Address, Amount, DepositNumber, Header, Height, L1Event};
use plasma_node::{
    operator::effect::Record,
    runtime::log::{LOG_BODY, LOG_CONSENSUS, kept, write_record},
    wal,
};

use super::{cast::user, world::World};

fn bodies(world: &World, node: usize) -> Vec<Header> {
    let bodies = world.nodes[node].log.iter().filter_map(|record| match record {
        Record::Body(bytes) => Header::decode(&bytes[..Header::SIZE]),
        _ => None,
    });
    bodies.collect()
}

/// One of four is away, and another one's endpoint has died: what the two that are left propose in their views is given up, and
/// each of them has logged it.
#[test]
fn what_loses_view_after_view_leaves_the_log_again() {
    let mut world = World::new();
    world.room.blocks = 8;
    for node in 0..4 {
        world.kill(node);
        world.start(node);
    }
    world.run_for(1_000);
    world.kill(3);
    let (number, owner) = (DepositNumber(0), user(1).address());
    let deposit = L1Event::Deposited {
        number,
        owner,
        asset: Address::ZERO,
        amount: Amount::from(1_000u64),
    };
    world.mine_for(vec![deposit], &[0, 1]);
    world.run_for(600_000);
    for node in [0, 1] {
        assert!(bodies(&world, node).len() > 16, "it is about many");
        world.shorten(node);
        let left = bodies(&world, node);
        assert!(!left.is_empty() && left.len() <= 8, "{}", left.len());
    }
    for node in 0..3 {
        world.kill(node);
    }
    (0..4).for_each(|node| world.start(node));
    world.run_until("all is decided by those that are back", 60_000, |world| {
        world.all_hold(&user(1), 1_000)
    });
    world.check_agreement();
}

/// A block that made room and came again is logged again.
#[test]
fn what_is_logged_twice_stays_in_the_log_once() {
    let mut world = World::new();
    world.make_storage_lazy();
    world.deposit(0, &user(1), 100);
    world.run_until("it is decided", 10_000, |world| {
        world.heights() == [Some(Height(1)); 4]
    });
    let node = &world.nodes[0];
    let twice = node
        .log
        .iter()
        .flat_map(|record| [record, record])
        .map(write_record);
    let operator = node.operator.as_ref().expect("it runs");
    let kept = kept(twice, operator, Height(0));
    let is_body = |record: &&wal::Record| record.kind == LOG_BODY;
    assert!(!bodies(&world, 0).is_empty(), "it is about some");
    assert_eq!(kept.iter().filter(is_body).count(), bodies(&world, 0).len());
    let is_vote = |record: &&wal::Record| record.kind == LOG_CONSENSUS;
    assert!(kept.iter().filter(is_vote).count() > 0, "and more than bodies");
}

/// The power goes while storage has made nothing durable, and beside the lowest of its blocks more have lost than there is room for.
#[test]
fn what_is_final_is_filed_from_above_whatever_lost_beside_it() {
    let mut world = World::new();
    world.make_storage_lazy();
    for number in 0..4u32 {
        world.deposit(number.into(), &user(1), 100);
        world.run_until("it is decided", 10_000, |world| {
            world.heights() == [Some(Height(number + 1)); 4]
        });
    }
    world.run_for(1_000);
    (0..4).for_each(|node| world.cut_power(node));
    let log = &mut world.nodes[0].log;
    let is_lowest = |record: &Record| matches!(record, Record::Body(bytes) if Header::decode(&bytes[..Header::SIZE]).is_some_and(|header| header.height == Height(1)));
    let lowest = log.iter().position(is_lowest).expect("it voted for it");
    let Record::Body(body) = log[lowest].clone() else {
        panic!("a body");
    };
    for number in 0..8u8 {
        let mut beside = body.to_vec();
        beside[Header::SIZE - 1] ^= 0x10 + number;
        log.insert(lowest + 1, Record::Body(beside.into()));
    }
    world.room.blocks = 8;
    world.start(0);
    world.run_for(1_000);
    assert_eq!(world.heights()[0], Some(Height(4)), "nobody else is there to ask");
}
