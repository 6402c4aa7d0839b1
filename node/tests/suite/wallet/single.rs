//! What one operator's word alone does not do, while another one is named.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use plasma_core::{Address, Amount, Hash};
use plasma_node::{
    api::text::{AddressText, AmountText},
    wallet::{WalletError, book::Intent, exit::Help},
};
use serde_json::json;

use super::{
    super::{
        chain::{Chain, genesis, user},
        doors::Doors,
        duties::court::Court,
        scratch::Scratch,
        stage::ETHER,
    },
    flights::Held,
    holder::{Agreed, asking, patience},
    owned, paid, pay, purse,
};

#[tokio::test]
async fn an_output_that_is_listed_twice_is_there_once() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let generous = Doors::lying(&chain, |path, document| {
        if path.ends_with("/outputs") {
            let first = document["items"][0].clone();
            document["items"].as_array_mut().unwrap().push(first);
        }
    })
    .await;
    let folder = Scratch::new("wallet-twice");
    let mut purse = purse(folder.path(), &[&generous.base]);
    let error = purse.pay(&pay(&[150], None)).await.unwrap_err();
    assert!(matches!(error, WalletError::Funds(_)), "{error}");
    assert_eq!(purse.book().next(), 0, "nothing was begun");
    assert_eq!(purse.holdings(user(1).address()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_lists_thousands_of_outputs_that_are_none_has_nobody_asked_of_all_of_them() {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let folder = Scratch::new("wallet-many-listed");
    let boasting = Doors::lying(&chain, move |path, document| {
        if path.ends_with("/outputs") {
            let real = document["items"][0].clone();
            let invented = |index: u32| {
                let mut output = real.clone();
                output["output"] = format!("1:{index}:3").into();
                output["created_by"] = Hash([9; 32]).to_string().into();
                output
            };
            let mut items: Vec<_> = (0..2_000).map(invented).collect();
            items.push(real);
            document["items"] = items.into();
        }
        if path.ends_with("/proof") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })
    .await;
    let mut purse = purse(folder.path(), &[&boasting.base]);
    purse.holdings(user(1).address()).await.unwrap();
    let questions = asked.load(Ordering::Relaxed);
    assert!(questions < 100, "{questions}");
    drop(purse);
    // What is known by a receipt is known all the same.
    let honest = Doors::open(&chain).await;
    let mut purse = super::purse(folder.path(), &[&honest.base]);
    purse.holdings(user(1).address()).await.unwrap();
    drop(purse);
    let mut purse = super::purse(folder.path(), &[&boasting.base]);
    let holdings = purse.holdings(user(1).address()).await.unwrap();
    let free: Vec<_> = holdings.iter().filter(|one| one.is_free()).collect();
    assert!(free.len() == 1 && free[0].output.output.0 == coin);
}

#[tokio::test]
async fn who_takes_a_payment_and_calls_it_committed_does_not_keep_it_to_himself() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let greedy = Doors::lying(&chain, |path, document| {
        if path == "/v1/transactions" {
            *document = json!({"status": 201, "id": Hash([7; 32]).to_string(), "state": "committed", "duplicate": false,
                "block": {"height": 2, "id": Hash([8; 32]).to_string(), "index": 0}});
        }
    })
    .await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-greedy");
    let mut purse = purse(folder.path(), &[&greedy.base, &doors.base]);
    let done = paid(&mut chain, &mut purse, &pay(&[30], None)).await.unwrap();
    assert!(done.payments[0].place.is_some());
    assert_eq!(owned(&chain, &user(2)), Amount::from(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_deposit_is_not_for_one_operator_to_say() {
    for lie in [
        json!({"number": 0, "status": "reclaimed"}),
        json!({"number": 0, "status": "credited", "output": "7:0:0"}),
    ] {
        let mut court = Court::set("wallet-told-credit").await;
        let (folder, agreed) = (Scratch::new("wallet-told-credit-bob"), Agreed::default());
        let person = (&court.stage.bob_key.clone(), &agreed);
        let own = AddressText(court.stage.bob.address());
        let intent = Intent::Deposit {
            from: own,
            owner: own,
            asset: AddressText(Address::ZERO),
            amount: AmountText(Amount::from(ETHER)),
            id: None,
        };
        let early = Doors::of(court.door()).await;
        let bobs = asking(&court.stage, folder.path(), person, &[&early]).await;
        let mut bobs = bobs.with_patience(patience(Duration::from_millis(300)));
        let error = bobs.deposit(&intent).await.unwrap_err();
        assert!(matches!(error, WalletError::Waiting(_)), "{error}");
        drop(bobs);
        court.seal(Vec::new()).await;
        let honest = Doors::of(court.door()).await;
        let lying = Doors::lying_of(court.door(), move |path, document| {
            if path.starts_with("/v1/deposits/") {
                *document = lie.clone();
            } else if path.ends_with("/proof") {
                document["raw"] = "0x".into();
            }
        })
        .await;
        let mut bobs = asking(&court.stage, folder.path(), person, &[&lying, &honest]).await;
        let credited = bobs.deposit(&intent).await.unwrap();
        assert_eq!((credited.number, credited.output.block.0), (0, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_another_maker_of_an_input_keeps_nobody_from_leaving_with_it() {
    let held = Held::back("wallet-maker").await;
    let alice = held.court.stage.alice.address();
    let honest = Doors::of(held.court.door()).await;
    let lying = Doors::lying_of(held.court.door(), |path, document| {
        if path.starts_with("/v1/outputs/") && document["created_by"].is_string() {
            document["created_by"] = Hash([7; 32]).to_string().into();
        }
    })
    .await;
    // She was paid, and keeps nothing of what was spent.
    let folder = Scratch::new("wallet-maker-alice");
    let person = (&held.court.alice_key, &held.agreed);
    let mut alices = asking(&held.court.stage, folder.path(), person, &[&lying, &honest]).await;
    let flown = alices.fly(alice, &held.payment, Help::Operators).await.unwrap();
    assert_eq!(flown.claimed, 1);
}
