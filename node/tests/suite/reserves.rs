//! What the ledger owes beside what the vault on Ethereum holds.

use std::sync::Arc;

use plasma_core::{Address, Amount, L1Height};
use plasma_node::{
    api::{
        reserves::{Reading, Reserves},
        view::StatsView,
    },
    runtime::reserves::{follow, moments},
};
use tokio::sync::watch;

use super::{
    chain::{Chain, genesis, user},
    duties::court::{Court, eventually},
    http::{door, get},
    stage::ETHER,
};

async fn stats(chain: &Chain) -> StatsView {
    get(&door(chain), "/v1/stats").await.document()
}

fn read(chain: &Chain, held: &[(Address, u64)]) -> Reading {
    let origin = chain.state().header.l1_height;
    let held = held.iter().map(|(asset, amount)| (*asset, Amount::from(*amount)));
    Reading {
        origin,
        l1_height: origin,
        held: held.collect(),
    }
}

#[tokio::test]
async fn the_difference_is_what_the_vault_holds_less_what_is_owed() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let token = Address([7; 20]);
    let unknown = stats(&chain).await;
    assert_eq!((unknown.l1_height, unknown.assets.len()), (None, 1));
    assert_eq!(
        (unknown.assets[0].locked_on_l1, &unknown.assets[0].difference),
        (None, &None)
    );
    for (held, difference) in [(100, "0"), (130, "30"), (75, "-25"), (0, "-100")] {
        let reading = read(&chain, &[(Address::ZERO, held), (token, 0)]);
        chain.books.reserves.note(reading);
        let told = stats(&chain).await;
        assert_eq!((told.l1_height, told.assets.len()), (Some(1), 1));
        let asset = &told.assets[0];
        assert_eq!(asset.locked_on_l1.unwrap().0, Amount::from(held));
        assert_eq!(asset.difference.as_deref(), Some(difference));
    }
    chain
        .books
        .reserves
        .note(read(&chain, &[(Address::ZERO, 100), (token, 3)]));
    let told = stats(&chain).await;
    let strange = &told.assets[1];
    assert_eq!(
        (strange.unspent_total.0, strange.difference.as_deref()),
        (Amount::ZERO, Some("3"))
    );
    chain.deposit(&user(1), 5).await;
    assert_eq!(
        stats(&chain).await.l1_height,
        None,
        "what was read is of an older origin"
    );
}

#[tokio::test]
async fn a_newer_block_stands_for_the_origin_only_while_ethereum_did_nothing_for_the_ledger() {
    let chain = Chain::new(genesis());
    chain.say(|status| (status.l1_origin, status.l1_confirmed) = (L1Height(40), L1Height(90)));
    let looked_at = |chain: &Chain| moments(&chain.handle.status());
    assert_eq!(looked_at(&chain), [L1Height(40), L1Height(90)]);
    chain.say(|status| status.working = true);
    assert_eq!(
        looked_at(&chain),
        [L1Height(40)],
        "an event may wait for its block"
    );
    chain.say(|status| (status.working, status.stopped) = (false, Some("a case".to_owned())));
    assert_eq!(looked_at(&chain), [L1Height(40)], "nothing is decided any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vault_is_read_once_for_each_origin() {
    let mut court = Court::set("reserves").await;
    let chain = Chain::new(genesis());
    let reserves = Reserves::default();
    let (says, status) = watch::channel(chain.handle.status());
    let reading = follow(Arc::clone(&court.ethereum), status, reserves.clone());
    let reading = tokio::spawn(reading);
    let held_of = async |origin: L1Height| {
        let mut status = (*chain.handle.status()).clone();
        status.l1_origin = origin;
        says.send_replace(Arc::new(status));
        eventually("the vault is read", async || reserves.of(origin).is_some()).await;
        reserves.of(origin).unwrap().held.get(&Address::ZERO).copied()
    };
    court.fund_bob().await;
    let first = court.newest_header().l1_height;
    court.fund_bob().await;
    let second = court.newest_header().l1_height;
    assert_eq!(held_of(first).await, Some(Amount::from(ETHER)));
    assert_eq!(held_of(second).await, Some(Amount::from(2 * ETHER)));
    drop(says);
    reading.await.expect("it ends with the operator");
}
