//! Payments on paper, and what would be signed.

use std::time::Duration;

use plasma_core::{Amount, Height};
use plasma_node::wallet::{WalletError, papers::Paper, purse::Patience};
use serde_json::json;

use super::{
    super::{
        chain::{Chain, genesis, user},
        doors::Doors,
        duties::court::Court,
        scratch::Scratch,
    },
    holder::{Agreed, asking},
    owned, paid, pay, purse,
};

#[tokio::test]
async fn a_paper_is_signed_once_and_carried_over() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let doors = Doors::open(&chain).await;
    let (online, offline) = (Scratch::new("wallet-online"), Scratch::new("wallet-offline"));
    let mut looking = purse(online.path(), &[&doors.base]);
    let transaction = looking.preview(&pay(&[30], None)).await.unwrap();
    let other = looking.preview(&pay(&[31], None)).await.unwrap();
    let paper = |transaction| Paper::new(transaction, user(1).address(), &genesis());
    let mut signing = purse(offline.path(), &["http://127.0.0.1:1"]);
    let (action, signed) = signing
        .sign_paper(&paper(&transaction), transaction.clone())
        .unwrap();
    signing.end(action).unwrap();
    let again = signing
        .sign_paper(&paper(&transaction), transaction.clone())
        .unwrap();
    assert_eq!(again.1, signed, "the same paper, the same signature");
    let error = signing.sign_paper(&paper(&other), other).unwrap_err();
    assert!(error.to_string().contains("signed it away before"), "{error}");
    let bytes = signed.signed(transaction, &genesis()).unwrap();
    let mut sending = Box::pin(looking.broadcast(bytes));
    let done = loop {
        tokio::select! {
            done = &mut sending => break done.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        chain.seal(&[]).await;
    };
    assert_eq!(done.payments.len(), 1);
    assert_eq!(owned(&chain, &user(2)), Amount::from(30));
}

#[tokio::test]
async fn a_paper_that_came_too_late_is_too_late_each_time_it_is_sent() {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-late-paper");
    let mut here = purse(folder.path(), &[&doors.base]);
    let transaction = here.preview(&pay(&[30], None)).await.unwrap();
    let paper = Paper::new(&transaction, user(1).address(), &genesis());
    let (action, signed) = here.sign_paper(&paper, transaction.clone()).unwrap();
    here.end(action).unwrap();
    let signed = signed.signed(transaction, &genesis()).unwrap();
    let rival = chain.payment(&user(1), (coin, 100), &user(3), 60);
    chain.include(rival.clone());
    chain.seal(&[]).await;
    for _ in 0..3 {
        let error = here.broadcast(signed.clone()).await.unwrap_err();
        assert!(
            matches!(error, WalletError::TooLate { payment, by } if (payment, by) == (signed.id(), rival.id())),
            "{error}"
        );
        assert_eq!(error.code(), 9);
        drop(here);
        here = purse(folder.path(), &[&doors.base]);
    }
    let error = here.signed_payment(signed.id()).unwrap_err();
    assert!(matches!(error, WalletError::TooLate { .. }), "{error}");
    assert_eq!(
        here.book().spender(coin),
        None,
        "nothing of this wallet holds what it would have spent"
    );
}

#[tokio::test]
async fn a_dry_run_says_what_was_signed_for_the_same_wish() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let folder = Scratch::new("wallet-dry");
    let deaf = Doors::lying(&chain, |path, document| {
        if path == "/v1/transactions" {
            *document = json!({"type": "x", "title": "x", "status": 503, "code": "overloaded", "detail": "x", "retryable": true});
        }
    })
    .await;
    let intent = pay(&[1, 2, 3, 4], Some("invoice 7"));
    let mut first = purse(folder.path(), &[&deaf.base]).with_patience(Patience {
        commit: Duration::from_millis(50),
        ..Patience::default()
    });
    assert!(first.preview(&intent).await.is_ok(), "nothing is signed yet");
    first.pay(&intent).await.unwrap_err();
    let refused = |told: Result<plasma_core::Transaction, WalletError>, words: &str| {
        let error = told.unwrap_err();
        assert!(
            error.code() == 9 && error.to_string().contains(words),
            "{words}: {error}"
        );
    };
    let id = first.book().action(0).unwrap().payments[0]
        .signed
        .id()
        .to_string();
    refused(
        first.preview(&intent).await,
        &format!("payment {id} was signed for this"),
    );
    drop(first);
    let doors = Doors::open(&chain).await;
    let mut second = purse(folder.path(), &[&doors.base]);
    let done = paid(&mut chain, &mut second, &intent).await.unwrap();
    let ids: Vec<String> = done.payments.iter().map(|one| one.id.to_string()).collect();
    for _ in 0..2 {
        refused(second.preview(&intent).await, &ids.join(", "));
        second.end(done.action).unwrap();
    }
    let error = second.preview(&pay(&[5], Some("invoice 7"))).await.unwrap_err();
    assert!(matches!(error, WalletError::Usage(_)), "{error}");
    assert!(second.preview(&pay(&[5], Some("invoice 8"))).await.is_ok());
}

#[tokio::test]
async fn a_paper_that_expired_is_refused_each_time_it_is_sent() {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    chain.seal(&[]).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-expired-paper");
    let mut expired = chain.payment(&user(1), (coin, 100), &user(2), 30).transaction;
    expired.expiry = Height(1);
    let expired = expired.sign(&genesis().domain(), &user(1));
    let mut here = purse(folder.path(), &[&doors.base]);
    for _ in 0..2 {
        let error = here.broadcast(expired.clone()).await.unwrap_err();
        assert!(
            error.code() == 9 && error.to_string().contains("expired"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_expired_paper_would_have_spent_is_free_when_no_exit_of_it_can_count() {
    let mut court = Court::set("wallet-expired").await;
    let coin = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-expired-bob"), Agreed::default());
    let (bob, key) = (court.stage.bob.address(), court.stage.bob_key.clone());
    let genesis = court.stage.federation.genesis.clone();
    let transaction = court.pay(&key, coin, &court.stage.alice, 2).transaction;
    let other = court.pay(&key, coin, &court.stage.alice, u32::MAX).transaction;
    let paper = |transaction| Paper::new(transaction, bob, &genesis);
    let person = (&key, &agreed);
    let free = async |court: &Court| {
        let doors = Doors::of(court.door()).await;
        let mut bobs = asking(&court.stage, folder.path(), person, &[&doors]).await;
        let holdings = bobs.holdings(bob).await.unwrap();
        let signed = bobs.sign_paper(&paper(&other), other.clone());
        (holdings.len() == 1 && holdings[0].is_free(), signed.is_ok())
    };
    {
        let doors = Doors::of(court.door()).await;
        let mut bobs = asking(&court.stage, folder.path(), person, &[&doors]).await;
        bobs.holdings(bob).await.unwrap();
        bobs.sign_paper(&paper(&transaction), transaction.clone())
            .unwrap();
    }
    assert_eq!(free(&court).await, (false, false), "a block may still hold it");
    court.seal(Vec::new()).await;
    court.stage.anvil.mine(2).await;
    assert_eq!(
        free(&court).await,
        (false, false),
        "an exit of it would still count"
    );
    court.seal(Vec::new()).await;
    court.stage.anvil.mine(2).await;
    let hiding = Doors::lying_of(court.door(), |path, document| {
        if path.starts_with("/v1/outputs/") && document["status"].is_string() {
            document["status"] = "exiting".into();
        }
    })
    .await;
    let mut bobs = asking(&court.stage, folder.path(), person, &[&hiding]).await;
    assert!(
        bobs.holdings(bob).await.unwrap()[0].is_reserved,
        "it may be spent"
    );
    drop(bobs);
    assert_eq!(free(&court).await, (true, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_paper_that_leaves_in_flight_keeps_what_it_spends() {
    let mut court = Court::set("wallet-expired-flight").await;
    let coin = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-expired-flight-bob"), Agreed::default());
    let (bob, key) = (court.stage.bob.address(), court.stage.bob_key.clone());
    let genesis = court.stage.federation.genesis.clone();
    let signed = court.pay(&key, coin, &court.stage.alice, 1);
    let paper = Paper::new(&signed.transaction, bob, &genesis);
    let person = (&key, &agreed);
    let doors = Doors::of(court.door()).await;
    let mut bobs = asking(&court.stage, folder.path(), person, &[&doors]).await;
    bobs.sign_paper(&paper, signed.transaction.clone()).unwrap();
    drop(bobs);
    court.start_in_flight(&court.stage.alice, &signed).await;
    court.seal(Vec::new()).await;
    court.stage.anvil.mine(2).await;
    // Whatever an operator says of it.
    let lying = Doors::lying_of(court.door(), |path, document| {
        if path.starts_with("/v1/outputs/") && document["status"].is_string() {
            document["status"] = "unspent".into();
        }
    })
    .await;
    let mut bobs = asking(&court.stage, folder.path(), person, &[&lying]).await;
    bobs.holdings(bob).await.unwrap();
    assert_eq!(bobs.book().spender(coin), Some(signed.id()));
}
