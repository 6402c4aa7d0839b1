//! How many transactions are found beside the mempool, and for how long.

use plasma_core::{
    Address, Amount, AuthenticBlock, AuthenticTransaction, BlockId, DepositNumber, Domain, Hash, Header,
    Height, Transaction,
};

use super::{BLOCKS_MAX, Pins, REFUSED_MAX};
use crate::operator::chain::{Chain, tests::chain};

fn transaction(number: u64) -> AuthenticTransaction {
    let fund = Transaction::fund(
        DepositNumber(number),
        Address([1; 20]),
        Address::ZERO,
        Amount::from(1u64),
    );
    fund.unsigned().authenticate(&Domain::default()).unwrap()
}

/// Files and pins a block of one transaction.
fn pin(pins: &mut Pins, chain: &mut Chain, number: u64) -> (BlockId, Hash) {
    let transaction = transaction(number);
    let leaf = transaction.leaf();
    let header = Header {
        height: Height(1),
        transactions_root: leaf,
        ..Header::default()
    };
    let block = AuthenticBlock {
        header,
        transactions: vec![transaction],
    };
    chain.insert(block, bytes::Bytes::new(), false);
    pins.pin(header.id(), vec![leaf]);
    (header.id(), leaf)
}

#[test]
fn the_oldest_block_makes_room() {
    let (mut pins, mut chain) = (Pins::default(), chain(usize::MAX));
    let many = u64::try_from(2 * BLOCKS_MAX).unwrap();
    let leaves: Vec<Hash> = (0..many)
        .map(|number| pin(&mut pins, &mut chain, number).1)
        .collect();
    let (old, young) = leaves.split_at(BLOCKS_MAX);
    assert!(old.iter().all(|leaf| pins.find(leaf, &chain).is_none()));
    assert!(young.iter().all(|leaf| pins.find(leaf, &chain).is_some()));
    assert_eq!(pins.places.len(), BLOCKS_MAX);
}

#[test]
fn what_lies_in_no_undecided_block_is_unpinned() {
    let (mut pins, mut first) = (Pins::default(), chain(usize::MAX));
    let (_, leaf) = pin(&mut pins, &mut first, 1);
    pins.forget_gone(&first);
    assert!(pins.find(&leaf, &first).is_some());
    pins.forget_gone(&chain(usize::MAX));
    assert!(pins.find(&leaf, &first).is_none());
    assert!(pins.places.is_empty() && pins.blocks.is_empty());
}

#[test]
fn of_refused_transactions_the_latest_are_kept() {
    let (mut pins, chain) = (Pins::default(), chain(usize::MAX));
    let many = u64::try_from(REFUSED_MAX).unwrap() + 10;
    let leaves: Vec<Hash> = (0..many)
        .map(|number| {
            let refused = transaction(number);
            let leaf = refused.leaf();
            pins.keep(refused.clone());
            // Twice is once.
            pins.keep(refused);
            leaf
        })
        .collect();
    let (old, young) = leaves.split_at(10);
    assert!(old.iter().all(|leaf| pins.find(leaf, &chain).is_none()));
    assert!(young.iter().all(|leaf| pins.find(leaf, &chain).is_some()));
    assert_eq!(
        (pins.refused.len(), pins.arrivals.len()),
        (REFUSED_MAX, REFUSED_MAX)
    );
}
