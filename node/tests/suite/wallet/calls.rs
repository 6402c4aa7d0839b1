//! Ethereum transactions of a wallet that wait, are overtaken, or are lost.

use std::time::Duration;

use plasma_core::{Amount, DepositNumber};
use plasma_node::{
    bridge::{L1 as _, L1Error, direct},
    client::Witness,
    wallet::{
        Purse, WalletError,
        book::Call,
        purse::{Ethereum, Ways},
    },
};
use serde_json::{Value, json};

use super::holder::{Agreed, Holder, mined, patience, purse, road};
use crate::suite::{bridge_anvil::block, duties::court::Court, scratch::Scratch, stage::ETHER};

const FIRST: DepositNumber = DepositNumber(0);

/// Bob can ask for a deposit back, and Ethereum mines nothing by itself.
async fn slow(name: &str) -> Court {
    let mut court = Court::set(name).await;
    let deposit = court.contracts().deposit_call(Amount::from(ETHER));
    court.send(&court.stage.bob, &deposit).await.unwrap();
    court.stage.anvil.mine(1).await;
    let head = court.rpc().newest().await.unwrap();
    let origin = block(&court.stage.anvil, head.height).await;
    court.stage.anvil.mine(1).await;
    let header = court.stage.federation.seal(Vec::new(), &origin);
    let anchor = court.stage.federation.certify(&header, &[0, 1, 2]);
    court.ethereum.anchor(&anchor).await.unwrap();
    court.stage.anvil.automine(false).await;
    court
}

fn calls(purse: &Purse<Holder>) -> Vec<Call> {
    let (_, action) = purse.book().actions().next().unwrap();
    action.calls.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_signed_again_with_higher_fees_for_the_same_nonce() {
    let court = slow("wallet-bump").await;
    let (folder, agreed) = (Scratch::new("wallet-bump-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed)
        .await
        .with_patience(plasma_node::wallet::purse::Patience {
            bump: Duration::from_millis(50),
            ..patience(Duration::from_secs(30))
        });
    let before = mined(&court, bob).await;
    {
        let mut asking = Box::pin(bobs.reclaim(bob, FIRST));
        let mut seen: Vec<String> = Vec::new();
        // It is mined when the pool has held three different ones.
        while seen.len() < 3 {
            tokio::select! {
                told = &mut asking => panic!("{told:?}"),
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
            let waiting = court.stage.anvil.waiting().await;
            assert!(waiting.len() < 2, "one nonce has one place");
            let fresh: Vec<String> = waiting.into_iter().filter(|hash| !seen.contains(hash)).collect();
            seen.extend(fresh);
        }
        court.stage.anvil.mine(1).await;
        asking.await.unwrap();
    }
    let calls = calls(&bobs);
    let attempts = &calls[0].attempts;
    assert!(calls.len() == 1 && attempts.len() >= 3);
    for pair in attempts.windows(2) {
        assert_eq!(pair[0].nonce, pair[1].nonce);
        let (low, high) = (pair[0].fees(), pair[1].fees());
        assert!(low.max_wei < high.max_wei && low.priority_wei < high.priority_wei);
    }
    assert_eq!(mined(&court, bob).await, before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_nonce_another_program_used_is_signed_anew_and_no_sooner() {
    let court = slow("wallet-replaced").await;
    let (folder, agreed) = (Scratch::new("wallet-replaced-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let open = async || purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let mut dying = open().await.with_patience(patience(Duration::from_millis(100)));
    let error = dying.reclaim(bob, FIRST).await.unwrap_err();
    assert!(matches!(error, WalletError::Waiting(_)), "{error}");
    let lost = calls(&dying)[0].attempts[0].clone();
    drop(dying);
    // Ethereum forgets it, and the key is used elsewhere.
    court.stage.anvil.drop_transaction(lost.hash.0).await;
    court.stage.anvil.automine(true).await;
    let other = court.contracts().deposit_call(Amount::from(1));
    direct::transact(&court.rpc(), &court.stage.bob, &other)
        .await
        .unwrap();
    let used = mined(&court, bob).await;
    assert_eq!(used, lost.nonce + 1);
    // Ethereum may still take that back, and then the first one counts.
    let mut bobs = open().await.with_patience(patience(Duration::from_millis(300)));
    let error = bobs.reclaim(bob, FIRST).await.unwrap_err();
    assert!(matches!(error, WalletError::Waiting(_)), "{error}");
    assert!(!calls(&bobs)[0].is_replaced);
    drop(bobs);
    court.stage.anvil.mine(1).await;
    let mut bobs = open().await;
    let error = bobs.reclaim(bob, FIRST).await.unwrap_err();
    assert!(
        matches!(error, WalletError::L1(L1Error::Replaced { nonce, .. }) if nonce == lost.nonce),
        "{error}"
    );
    assert_eq!(calls(&bobs).len(), 1, "nothing was signed yet");
    bobs.reclaim(bob, FIRST).await.unwrap();
    let calls = calls(&bobs);
    assert!(calls.len() == 2 && calls[0].is_replaced);
    assert_eq!(calls[1].attempts[0].nonce, used);
    assert_eq!(mined(&court, bob).await, used + 1);
}

/// Bob's call is given up, for another transaction of his account has its nonce; and Ethereum as it was before that.
async fn given_up(court: &Court, folder: &Scratch, agreed: &Agreed) -> (Call, Value) {
    let bob = court.stage.bob.address();
    let open = async || purse(&court.stage, folder.path(), &court.stage.bob_key, agreed).await;
    let mut dying = open().await.with_patience(patience(Duration::from_millis(100)));
    dying.reclaim(bob, FIRST).await.unwrap_err();
    let lost = calls(&dying)[0].clone();
    drop(dying);
    court.stage.anvil.drop_transaction(lost.attempts[0].hash.0).await;
    court.stage.anvil.automine(true).await;
    let before = court.stage.anvil.ask("evm_snapshot", json!([])).await;
    let other = court.contracts().deposit_call(Amount::from(1));
    direct::transact(&court.rpc(), &court.stage.bob, &other)
        .await
        .unwrap();
    court.stage.anvil.mine(1).await;
    let error = open().await.reclaim(bob, FIRST).await.unwrap_err();
    assert!(
        matches!(error, WalletError::L1(L1Error::Replaced { .. })),
        "{error}"
    );
    (lost, before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_given_up_and_is_mined_after_all_is_not_done_twice() {
    let court = slow("wallet-after-all").await;
    let (folder, agreed) = (Scratch::new("wallet-after-all-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let (lost, before) = given_up(&court, &folder, &agreed).await;
    court.stage.anvil.ask("evm_revert", json!([before])).await;
    court.rpc().send_raw(&lost.attempts[0].raw.0).await.unwrap();
    court.stage.anvil.mine(1).await;
    let used = mined(&court, bob).await;
    assert_eq!(used, lost.attempts[0].nonce + 1);
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    bobs.reclaim(bob, FIRST).await.unwrap();
    let calls = calls(&bobs);
    assert!(calls.len() == 1 && !calls[0].is_replaced, "{calls:?}");
    assert_eq!(calls[0].mined.map(|(_, did)| did), Some(true));
    assert_eq!(mined(&court, bob).await, used);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_given_up_for_one_that_is_gone_goes_on_with_the_same_bytes() {
    let court = slow("wallet-back-up").await;
    let (folder, agreed) = (Scratch::new("wallet-back-up-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let (lost, before) = given_up(&court, &folder, &agreed).await;
    court.stage.anvil.ask("evm_revert", json!([before])).await;
    let used = mined(&court, bob).await;
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    bobs.reclaim(bob, FIRST).await.unwrap();
    let calls = calls(&bobs);
    assert_eq!((calls.len(), &calls[0].attempts), (1, &lost.attempts));
    assert_eq!(mined(&court, bob).await, used + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_failed_is_not_done_anew_while_ethereum_may_take_that_back() {
    let court = slow("wallet-failed").await;
    let (folder, agreed) = (Scratch::new("wallet-failed-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let open = async |wait| {
        purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed)
            .await
            .with_patience(patience(wait))
    };
    let wait = Duration::from_millis(300);
    open(wait).await.reclaim(bob, FIRST).await.unwrap_err();
    // When it is mined, nothing works there.
    let vault = court.contracts().vault.to_string();
    let code: String = court
        .rpc()
        .call("eth_getCode", json!([vault, "latest"]))
        .await
        .unwrap();
    court
        .stage
        .anvil
        .ask("anvil_setCode", json!([vault, "0xfe"]))
        .await;
    court.stage.anvil.mine(1).await;
    court.stage.anvil.ask("anvil_setCode", json!([vault, code])).await;
    let mut early = open(wait).await;
    let error = early.reclaim(bob, FIRST).await.unwrap_err();
    assert!(
        matches!(&error, WalletError::Waiting(words) if words.contains("failed")),
        "{error}"
    );
    assert!(!early.book().action(0).unwrap().is_ended);
    drop(early);
    court.stage.anvil.mine(1).await;
    let mut bobs = open(Duration::from_secs(20)).await;
    let error = bobs.reclaim(bob, FIRST).await.unwrap_err();
    assert!(
        matches!(error, WalletError::L1(L1Error::MinedReverted { .. })),
        "{error}"
    );
    assert!(bobs.book().action(0).unwrap().is_ended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tip_that_only_the_endpoint_has_is_not_paid() {
    let court = slow("wallet-tip").await;
    let dear = road(&court.stage.anvil.url, |asked, result| {
        if asked["method"] == "eth_maxPriorityFeePerGas" {
            *result = format!("{TIP_WEI:#x}").into();
        }
    })
    .await;
    let (folder, agreed) = (Scratch::new("wallet-tip-bob"), Agreed::default());
    let genesis = court.stage.federation.genesis.clone();
    let ethereum = Ethereum::connect(&[dear], &genesis).await.unwrap();
    let ways = Ways {
        operators: None,
        witness: Witness::new(&genesis).unwrap(),
        ethereum: Some(ethereum),
    };
    let person = Holder::new(&court.stage.bob_key, &agreed);
    let mut bobs = Purse::open(folder.path(), genesis, ways, person)
        .unwrap()
        .with_patience(patience(Duration::from_millis(50)));
    let error = bobs.reclaim(court.stage.bob.address(), FIRST).await.unwrap_err();
    assert!(matches!(error, WalletError::Waiting(_)), "{error}");
    let fees = calls(&bobs)[0].attempts[0].fees();
    assert_eq!(fees.priority_wei, 50_000_000_000);
    assert!(
        fees.max_wei > fees.priority_wei && fees.max_wei < TIP_WEI,
        "the base fee beside it"
    );
}

/// What a greedy endpoint suggests.
const TIP_WEI: u128 = 1_000_000_000_000;
