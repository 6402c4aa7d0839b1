//! Ethereum transactions of a wallet that wait, are overtaken, or are lost.

use std::time::Duration;

use plasma_core::{Amount, DepositNumber};
use plasma_node::{
    bridge::{L1 as _, L1Error, direct},
    wallet::{Purse, WalletError, book::Call},
};

use super::holder::{Agreed, Holder, mined, patience, purse};
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
