//! The next block is built while its parent is being certified.

use plasma_core::{Address, Amount, DepositNumber, Height, L1Event};

use super::{cast::user, federation::funded, world::World};

/// Above half of what one block takes of Ethereum, so that each block holds those of one Ethereum block.
const DEPOSITS: u64 = 60;

/// A federation that owes a row of full blocks.
fn owing(blocks: u64) -> World {
    let mut world = World::new();
    world.run_for(500);
    for block in 0..blocks {
        let deposit = |number| L1Event::Deposited {
            number: DepositNumber(block * DEPOSITS + number),
            owner: user(1).address(),
            asset: Address::ZERO,
            amount: Amount::from(1),
        };
        world.mine((0..DEPOSITS).map(deposit).collect());
    }
    world
}

fn decided(world: &World, blocks: u32) -> bool {
    world
        .heights()
        .iter()
        .all(|height| *height >= Some(Height(blocks)))
}

/// How many reads were made for blocks ahead of their view, and in it.
fn builds(world: &World) -> (usize, usize) {
    let builds = || world.nodes.iter().flat_map(|node| &node.builds);
    let ahead = builds().filter(|view| view.is_none()).count();
    (ahead, builds().count() - ahead)
}

#[test]
fn a_block_built_ahead_is_proposed_without_another_read() {
    let mut world = owing(8);
    world.run_until("eight blocks", 20_000, |world| decided(world, 8));
    let (ahead, late) = builds(&world);
    assert!(ahead >= 7, "{ahead} were read ahead");
    assert!(late <= 1, "{late} were read in their view");
    world.check_agreement();
}

/// Storage is slower than the pace: the view finds the read under way, and takes its answer.
#[test]
fn a_view_that_comes_while_storage_is_read_ahead_reads_nothing_again() {
    let mut world = owing(8);
    world.read_ms = 150;
    world.run_until("eight blocks", 20_000, |world| decided(world, 8));
    let (ahead, late) = builds(&world);
    assert!(ahead >= 7, "{ahead} were read ahead");
    assert!(late <= 1, "{late} were read in their view");
    world.check_agreement();
}

/// What is read while the votes travel costs no time: a block takes the pace and one read by its voters, not two.
#[test]
fn building_ahead_hides_the_read_behind_the_votes() {
    let mut world = owing(12);
    world.read_ms = 60;
    world.run_until("two blocks", 20_000, |world| decided(world, 2));
    let from = world.now;
    world.run_until("ten more", 20_000, |world| decided(world, 12));
    let per_block = world.now.since(from) / 10;
    assert!(per_block < 130, "{per_block} ms per block");
}

/// It would wait for the block after otherwise.
#[test]
fn a_payment_that_comes_meanwhile_is_in_the_next_block_all_the_same() {
    let (mut world, alice, bob, position) = funded();
    for node in &mut world.nodes {
        node.builds.clear();
    }
    for number in 1..=2 * DEPOSITS {
        // Two Ethereum blocks, each with more than half of what a block takes.
        if number % DEPOSITS == 1 {
            let deposit = |number| L1Event::Deposited {
                number: DepositNumber(number),
                owner: user(3).address(),
                asset: Address::ZERO,
                amount: Amount::from(1),
            };
            world.mine((number..number + DEPOSITS).map(deposit).collect());
        }
    }
    let is_ahead = |world: &World| world.nodes.iter().any(|node| node.builds.contains(&None));
    let base = world.heights().first().copied().flatten().expect("it runs");
    world.run_until("the second block is built ahead", 5_000, |world| {
        is_ahead(world)
            && world
                .nodes
                .iter()
                .any(|node| node.builds.iter().any(Option::is_some))
    });
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    for operator in 0..4 {
        world.hear(operator, payment.clone());
    }
    world.run_until("it is decided", 5_000, |world| world.all_hold(&bob, 300));
    let (paid, _) = world.holdings(0, &bob)[0];
    assert_eq!(paid.block, Height(base.0 + 2));
    world.check_agreement();
}
