//! Deposits that a wallet asks back.

use std::time::Duration;

use plasma_core::{Amount, DepositNumber};
use plasma_node::{bridge::L1 as _, wallet::WalletError};

use super::holder::{Agreed, asking, keep, mined, patience, purse};
use crate::suite::{
    bridge_anvil::block, deployment::parameters, doors::Doors, duties::court::Court, scratch::Scratch,
    stage::ETHER,
};

const FIRST: DepositNumber = DepositNumber(0);

/// Bob deposits, and nobody credits it.
async fn deposited(name: &str) -> Court {
    let court = Court::set(name).await;
    let deposit = court.contracts().deposit_call(Amount::from(ETHER));
    court.send(&court.stage.bob, &deposit).await.unwrap();
    court.stage.anvil.mine(1).await;
    court
}

/// The federation anchors a block that has read the deposit and holds nothing.
async fn swallow(court: &mut Court) {
    let head = court.rpc().newest().await.unwrap();
    let origin = block(&court.stage.anvil, head.height).await;
    court.stage.anvil.mine(1).await;
    let header = court.stage.federation.seal(Vec::new(), &origin);
    let anchor = court.stage.federation.certify(&header, &[0, 1, 2]);
    court.ethereum.anchor(&anchor).await.unwrap();
}

fn refused<T: std::fmt::Debug>(told: Result<T, WalletError>, words: &str) {
    let error = told.unwrap_err();
    let is_refused = matches!(error, WalletError::Refused(_)) && error.to_string().contains(words);
    assert!(is_refused, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_that_no_block_credited_goes_back_when_its_time_has_come() {
    let mut court = deposited("wallet-reclaim").await;
    let (folder, agreed) = (Scratch::new("wallet-reclaim-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let open = async |court: &Court| purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let mut first = open(&court).await;
    refused(first.reclaim(bob, FIRST).await, "may still be credited");
    refused(first.reclaim(bob, DepositNumber(1)).await, "no deposit 1");
    refused(first.take_back(bob, FIRST).await, "never asked for");
    drop(first);
    swallow(&mut court).await;
    assert!(agreed.borrow().is_empty(), "nothing was signed so far");

    // It dies as its call waits to be mined, and goes on with that very call.
    let before = mined(&court, bob).await;
    court.stage.anvil.automine(false).await;
    let mut dying = open(&court)
        .await
        .with_patience(patience(Duration::from_millis(100)));
    let error = dying.reclaim(bob, FIRST).await.unwrap_err();
    assert!(matches!(error, WalletError::Waiting(_)), "{error}");
    drop(dying);
    court.stage.anvil.mine(1).await;
    court.stage.anvil.automine(true).await;
    let mut bobs = open(&court).await;
    let asked = bobs.reclaim(bob, FIRST).await.unwrap();
    assert_eq!(mined(&court, bob).await, before + 1);
    bobs.end(asked.action).unwrap();
    let again = bobs.reclaim(bob, FIRST).await.unwrap();
    assert_eq!(
        (again.due_s, agreed.borrow().len()),
        (asked.due_s, 1),
        "it is told again"
    );
    bobs.end(again.action).unwrap();
    let watched = bobs.watch(bob).await.unwrap().reclaims;
    assert_eq!((watched.len(), watched[0].due_s), (1, Some(asked.due_s)));

    refused(bobs.take_back(bob, FIRST).await, "can be paid back in");
    court.stage.anvil.advance(parameters().reclaim_window_s + 1).await;
    let ended = bobs.take_back(bob, FIRST).await.unwrap();
    assert!(ended.paid);
    bobs.end(ended.action).unwrap();
    assert_eq!(mined(&court, bob).await, before + 2);
    assert_eq!(
        court.rpc().balance(court.contracts().vault).await.unwrap(),
        Amount::ZERO
    );
    assert!(bobs.take_back(bob, FIRST).await.unwrap().paid, "it is told again");
    refused(bobs.reclaim(bob, FIRST).await, "went back");
    assert_eq!(mined(&court, bob).await, before + 2, "nothing more is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_that_a_kept_receipt_proves_to_be_credited_is_not_asked_back() {
    let mut court = Court::set("wallet-credited").await;
    let output = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-credited-bob"), Agreed::default());
    keep(&court, folder.path(), output);
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    refused(
        bobs.reclaim(court.stage.bob.address(), FIRST).await,
        "is credited in block 1",
    );
    let empty = Scratch::new("wallet-credited-alice");
    let mut alices = purse(&court.stage, empty.path(), &court.alice_key, &agreed).await;
    refused(
        alices.reclaim(court.stage.alice.address(), FIRST).await,
        "only its owner",
    );
    assert!(agreed.borrow().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operator_that_hides_the_credit_costs_nobody_a_bond() {
    let mut court = Court::set("wallet-hidden-credit").await;
    court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-hidden-credit-bob"), Agreed::default());
    let honest = Doors::of(court.door()).await;
    let favourable = Doors::lying_of(court.door(), |path, document| {
        if path.starts_with("/v1/deposits/") {
            *document = serde_json::json!({"number": 0, "status": "confirming"});
        } else if path.ends_with("/proof") {
            document["raw"] = "0x".into();
        }
    })
    .await;
    let person = (&court.stage.bob_key, &agreed);
    let mut bobs = asking(&court.stage, folder.path(), person, &[&favourable, &honest]).await;
    refused(
        bobs.reclaim(court.stage.bob.address(), FIRST).await,
        "is credited in block 1",
    );
    assert!(agreed.borrow().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reclaim_that_somebody_challenged_is_over_and_told_so() {
    let mut court = Court::set("wallet-challenged").await;
    let output = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-challenged-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    // It knows of no receipt, and nobody tells it.
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let asked = bobs.reclaim(bob, FIRST).await.unwrap();
    bobs.end(asked.action).unwrap();
    let challenge = court
        .contracts()
        .challenge_reclaim_call(FIRST, &court.inclusion(output));
    court.send(&court.stage.alice, &challenge).await.unwrap();
    court.stage.anvil.advance(parameters().reclaim_window_s + 1).await;
    refused(
        bobs.take_back(bob, FIRST).await,
        "somebody showed that it was credited",
    );
    let watched = bobs.watch(bob).await.unwrap().reclaims;
    assert_eq!(watched[0].is_open, Some(false));
}
