//! What an operator with a small room files of its log.

use plasma_core::{Header, Height};
use plasma_node::operator::effect::Record;

use super::{cast::user, world::World};

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
