//! Durable sending on a real Ethereum node: whatever dies or is lost, each nonce is used once.

use std::{sync::Arc, time::Duration};

use plasma_core::{Amount, Hash, Height};
use plasma_node::bridge::{
    L1, L1Error,
    account::{Account, Call, Fees, Terms},
    methods::At,
    rpc::Rpc,
    sender::{Sender, SenderConfig},
};

use super::{
    anvil::{Anvil, CHAIN_ID},
    proxy::{Death, Proxy},
    stage::{Stage, fund},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_a_crash_is_mined_once_after_it() {
    let mut stage = Stage::set("crash").await;
    stage.deposit().await;
    let origin = stage.anvil.rpc.newest().await.unwrap();
    stage.anvil.mine(1).await;
    let header = stage
        .federation
        .seal(vec![fund(0, stage.alice.address())], &origin);
    let anchor = stage.federation.certify(&header, &[0, 1, 2, 3]);

    stage.anvil.automine(false).await;
    let before = Arc::new(stage.connect().await.unwrap());
    let account = before.account();
    let sending = tokio::spawn({
        let (ethereum, anchor) = (Arc::clone(&before), anchor.clone());
        async move { ethereum.anchor(&anchor).await }
    });
    let waiting = until_waiting(&stage.anvil).await;
    // The process dies: its task is gone, and the node forgot the transaction as well.
    sending.abort();
    drop(before);
    let hash: [u8; 32] = ethers_core::types::H256::to_fixed_bytes(waiting.parse().unwrap());
    stage.anvil.drop_transaction(Hash(hash)).await;

    let after = stage.connect().await.unwrap();
    assert_eq!(
        until_waiting(&stage.anvil).await,
        waiting,
        "the very same bytes are sent again"
    );
    let again = tokio::spawn(async move { after.anchor(&anchor).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        stage.anvil.waiting().await.len(),
        1,
        "asking again joins what is in the journal"
    );
    stage.anvil.mine(1).await;
    stage.anvil.automine(true).await;
    again.await.unwrap().unwrap();
    let nonce = stage.anvil.rpc.nonce(account, At::Pending).await.unwrap();
    assert_eq!(nonce, 1);
    assert_eq!(
        stage.contracts().latest(&stage.anvil.rpc).await.unwrap().height,
        Height(1)
    );
}

async fn until_waiting(anvil: &Anvil) -> String {
    for _ in 0..500 {
        if let [hash] = anvil.waiting().await.as_slice() {
            return hash.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was sent");
}

fn operator(stage: &Stage) -> Account {
    Account::new(&stage.operator, CHAIN_ID).unwrap()
}

fn start(stage: &Stage, rpc: Arc<Rpc>, bump_after: Duration) -> Sender {
    let config = SenderConfig {
        journal: stage.folder.path().join("nonces.json"),
        confirmations: 1,
        poll: Duration::from_millis(20),
        bump_after,
        wait: Duration::from_secs(30),
        fee_wei_max: 500_000_000_000,
    };
    Sender::start(rpc, operator(stage), config).unwrap()
}

fn sender(stage: &Stage, bump_after: Duration) -> Sender {
    start(stage, Arc::clone(&stage.anvil.rpc), bump_after)
}

fn gift(to: &Account, wei: u64) -> Call {
    Call {
        label: "gift".to_owned(),
        to: Some(to.address()),
        value: Amount::from(wei),
        data: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_became_too_cheap_is_replaced_by_a_dearer_one() {
    let stage = Stage::set("bump").await;
    let base_wei = 2 * stage.anvil.rpc.fees().await.unwrap().max_wei;
    stage
        .anvil
        .ask(
            "anvil_setNextBlockBaseFeePerGas",
            serde_json::json!([format!("{base_wei:#x}")]),
        )
        .await;
    let sender = sender(&stage, Duration::from_millis(60));
    let before = stage.anvil.rpc.balance(stage.alice.address()).await.unwrap();
    let mined = sender.send(gift(&stage.alice, 5)).await.unwrap();
    let receipts = stage.anvil.rpc.receipts(&[mined.transaction]).await.unwrap();
    assert!(receipts[0].is_some_and(|receipt| receipt.succeeded));
    let nonce = stage
        .anvil
        .rpc
        .nonce(sender.account(), At::Pending)
        .await
        .unwrap();
    assert_eq!(nonce, 1, "one nonce, whatever the number of attempts");
    let after = stage.anvil.rpc.balance(stage.alice.address()).await.unwrap();
    assert_eq!(after - before, Amount::from(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_that_a_stranger_used_is_reported_and_the_next_one_works() {
    let stage = Stage::set("foreign").await;
    let sender = sender(&stage, Duration::from_secs(30));
    stage.anvil.automine(false).await;
    let ours = tokio::spawn({
        let (sender, call) = (sender.clone(), gift(&stage.alice, 5));
        async move { sender.send(call).await }
    });
    until_waiting(&stage.anvil).await;
    let stranger = operator(&stage);
    let fees = Fees {
        max_wei: 100_000_000_000,
        priority_wei: 50_000_000_000,
    };
    let foreign = stranger
        .sign(
            &gift(&stage.bob, 5),
            &Terms {
                nonce: 0,
                gas: 21_000,
                fees,
            },
        )
        .unwrap();
    stage.anvil.rpc.send_raw(&foreign.raw).await.unwrap();
    stage.anvil.mine(1).await;
    stage.anvil.automine(true).await;
    assert_eq!(
        ours.await.unwrap(),
        Err(L1Error::Replaced {
            call: "gift".to_owned(),
            nonce: 0
        })
    );
    sender.send(gift(&stage.alice, 5)).await.unwrap();
    assert_eq!(
        stage
            .anvil
            .rpc
            .nonce(sender.account(), At::Pending)
            .await
            .unwrap(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mined_transaction_that_a_reorganisation_drops_is_sent_again() {
    let stage = Stage::set("dropped").await;
    let sender = sender(&stage, Duration::from_secs(30));
    let mined = sender.send(gift(&stage.alice, 5)).await.unwrap();
    stage.anvil.reorganise(1).await;
    for _ in 0..500 {
        let receipts = stage.anvil.rpc.receipts(&[mined.transaction]).await.unwrap();
        if receipts[0].is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the transaction stayed lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn death_at_any_step_neither_loses_nor_repeats_a_transaction() {
    let stage = Stage::set("steps").await;
    let nonce = async || {
        stage
            .anvil
            .rpc
            .nonce(operator(&stage).address(), At::Latest)
            .await
            .unwrap()
    };
    let balance = async || stage.anvil.rpc.balance(stage.alice.address()).await.unwrap();
    let mut deaths_after_sending = 0;
    // Gas, tip, base fee, nonce, sending, and the first look at what became of it.
    for (round, requests) in (1u64..).zip((0..8).flat_map(|requests| [requests, requests])) {
        let death = if round % 2 == 0 {
            Death::AfterForwarding
        } else {
            Death::BeforeForwarding
        };
        let gift = gift(&stage.alice, round);
        let (nonce_before, balance_before) = (nonce().await, balance().await);
        let proxy = Proxy::start(&stage.anvil.url, requests, death).await;
        let dying = Arc::new(Rpc::new(std::slice::from_ref(&proxy.url), Duration::from_secs(60)).unwrap());
        let first = start(&stage, dying, Duration::from_secs(30));
        let sending = tokio::spawn({
            let gift = gift.clone();
            async move { first.send(gift).await }
        });
        proxy.reached().await;
        sending.abort();
        deaths_after_sending += usize::from(nonce().await > nonce_before);

        sender(&stage, Duration::from_secs(30)).send(gift).await.unwrap();
        assert_eq!(
            nonce().await,
            nonce_before + 1,
            "death after {requests} requests, {death:?}"
        );
        assert_eq!(balance().await - balance_before, Amount::from(round));
    }
    assert!(deaths_after_sending > 0, "some deaths came after sending");
}
