//! Blocks as full as they may be.

use plasma_core::{Address, Amount, DepositNumber, Genesis, Kind, L1Event, SignedTransaction};
use plasma_node::storage::{Read as _, Storage as _};

use super::{
    super::cast::{genesis_of, user},
    stage_under,
};

/// A block may hold so many transactions of its clients, and what Ethereum derives comes on top.
#[test]
fn a_full_block_with_deposits_travels_as_its_leaves() {
    let genesis = Genesis {
        max_block_transactions: 20,
        ..genesis_of(4)
    };
    let mut stage = stage_under(genesis, 60);
    for away in 0..4 {
        stage.hear_all(stage.other(away));
    }
    stage.world.run_for(30);
    let deposit = |number: u64| L1Event::Deposited {
        number: DepositNumber(number),
        owner: user(3).address(),
        asset: Address::ZERO,
        amount: Amount::from(1u64),
    };
    stage.world.mine((60..65).map(deposit).collect());
    stage.all_paid(6_000);
    let reader = stage.world.nodes[0].storage.reader();
    let blocks = (1..).map_while(|height| reader.block(plasma_core::Height(height)).expect("reads"));
    let is_transfer = |one: &SignedTransaction| one.transaction.kind == Kind::Transfer;
    let mixed = blocks.filter(|decided| decided.body.last().is_some_and(is_transfer));
    assert_eq!(mixed.map(|decided| decided.body.len()).max(), Some(25));
    assert_eq!(stage.world.wires.asked.blocks, 0, "{:?}", stage.world.wires);
    stage.nobody_gave_up();
}
