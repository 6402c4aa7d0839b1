//! What a wallet keeps for the day on which no operator answers, and whose word it takes for it.

use plasma_core::{Hash, Height, Position, history, merkle};
use plasma_node::{
    bridge::Anchored,
    client::Client,
    wallet::{exit::Help, inclusion, purse::folder_of, receipts::Receipts},
};
use serde_json::json;

use super::{
    super::{
        chain::{Chain, genesis, user},
        doors::Doors,
        duties::court::Court,
        scratch::Scratch,
    },
    holder::{self, Agreed, keep},
    purse,
};

/// A chain in which user 1 has an output in block 1 that no anchor covers, and some blocks above it.
async fn unanchored() -> (Chain, Position) {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    for other in 2..=5 {
        chain.deposit(&user(other), 7).await;
    }
    (chain, coin)
}

/// The anchor that Ethereum would hold over a block of the chain.
fn anchor_over(chain: &Chain, height: u32) -> Anchored {
    let place = usize::try_from(height).unwrap() - 1;
    let header = chain.blocks[place].0.header;
    Anchored {
        number: 1,
        previous: Height(0),
        height: header.height,
        history_root: header.history_root,
        l1_height: header.l1_height,
        time_s: 1_800_000_100,
    }
}

#[tokio::test]
async fn the_way_to_any_anchor_is_made_of_what_the_wallet_keeps() {
    let (chain, coin) = unanchored().await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-headers");
    let mut purse = purse(folder.path(), &[&doors.base]);
    purse.holdings(user(1).address()).await.unwrap();
    drop(purse);
    let kept = Receipts::open(&folder_of(folder.path(), &genesis())).unwrap();
    let receipt = kept.output(coin).unwrap().unwrap();
    let header = |height: Height| kept.header(height).unwrap();
    for height in 1..=5 {
        let anchor = anchor_over(&chain, height);
        let found = inclusion::from_headers(&receipt, anchor, header).unwrap();
        let count = anchor.height.0 + 1;
        let leaf = history::leaf(
            receipt.height,
            receipt.transaction_count,
            receipt.transactions_root,
            receipt.l1_height,
        );
        let path = &found.receipt.history_proof;
        assert!(
            merkle::verify(leaf, 1, count, path, anchor.history_root),
            "{height}"
        );
    }
    let missing = |height: Height| header(height).filter(|_| height != Height(3));
    assert_eq!(
        inclusion::from_headers(&receipt, anchor_over(&chain, 5), missing),
        Err(Height(3)),
        "it is named"
    );
    let later = Anchored {
        previous: Height(1),
        ..anchor_over(&chain, 5)
    };
    assert!(
        inclusion::from_headers(&receipt, later, header).is_err(),
        "not the first anchor over its block"
    );
}

#[tokio::test]
async fn who_lists_nothing_takes_no_header_away() {
    let (chain, coin) = unanchored().await;
    let doors = Doors::open(&chain).await;
    let hiding = Doors::lying(&chain, |path, document| {
        if path.ends_with("/outputs") {
            document["items"] = json!([]);
        }
    })
    .await;
    let folder = Scratch::new("wallet-hidden-headers");
    let look = async |doors: &Doors| {
        let mut looking = purse(folder.path(), &[&doors.base]);
        looking.holdings(user(1).address()).await.unwrap()
    };
    assert_eq!(look(&doors).await[0].output.output.0, coin);
    assert!(look(&hiding).await.is_empty());
    let kept = Receipts::open(&folder_of(folder.path(), &genesis())).unwrap();
    assert!((2..=5).all(|height| kept.header(Height(height)).unwrap().is_some()));
}

#[tokio::test]
async fn headers_that_lead_to_no_certificate_are_not_kept() {
    let (chain, _) = unanchored().await;
    let forger = Doors::lying(&chain, |path, document| {
        if path == "/v1/blocks/3" {
            let header = document["header"].as_str().unwrap();
            // Its last byte is of the proposer's clock.
            let end = if header.ends_with('0') { "1" } else { "0" };
            document["header"] = json!(format!("{}{end}", &header[..header.len() - 1]));
        }
    })
    .await;
    let folder = Scratch::new("wallet-forged");
    let kept = |height: u32| {
        let kept = Receipts::open(&folder_of(folder.path(), &genesis())).unwrap();
        kept.header(Height(height)).unwrap().is_some()
    };
    purse(folder.path(), &[&forger.base])
        .holdings(user(1).address())
        .await
        .unwrap();
    assert!((2..=5).all(|height| !kept(height)), "none of this operator's");
    let doors = Doors::open(&chain).await;
    purse(folder.path(), &[&forger.base, &doors.base])
        .holdings(user(1).address())
        .await
        .unwrap();
    assert!((2..=5).all(kept), "the next one was asked");
}

#[tokio::test]
async fn what_an_operator_gives_for_an_exit_must_be_about_the_receipts_output() {
    let (chain, coin) = unanchored().await;
    chain.anchor(1);
    let doors = Doors::open(&chain).await;
    let client = Client::http(&doors.base).unwrap();
    let folder = Scratch::new("wallet-exit-data");
    purse(folder.path(), &[&doors.base])
        .holdings(user(1).address())
        .await
        .unwrap();
    let kept = Receipts::open(&folder_of(folder.path(), &genesis())).unwrap();
    let receipt = kept.output(coin).unwrap().unwrap();
    let data = client.exit_data(coin).await.unwrap();
    let found = inclusion::from_operator(&data, &receipt).unwrap();
    assert_eq!(found.anchor.height, Height(5));
    let mut later = data.clone();
    later.included.anchor.previous = Some(3);
    let mut path = data.clone();
    path.included.history_proof[0].0 = Hash([1; 32]);
    let mut other = data.clone();
    other.transaction.0[30] ^= 1;
    for wrong in [later, path, other] {
        assert!(inclusion::from_operator(&wrong, &receipt).is_err());
    }
    // No Ethereum endpoint is named, so nobody confirms the anchor, and what leads to any other is kept.
    assert!(kept.exit(coin).unwrap().is_none());
    assert!((2..=5).all(|height| kept.header(Height(height)).unwrap().is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anchor_that_was_mined_at_another_time_since_still_leads_out() {
    let mut court = Court::set("wallet-other-anchor").await;
    let coin = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-other-anchor-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    keep(&court, folder.path(), coin);
    let doors = Doors::of(court.door()).await;
    let mut data = Client::http(&doors.base).unwrap().exit_data(coin).await.unwrap();
    data.included.anchor.time_s += 1;
    let own = folder_of(folder.path(), &court.stage.federation.genesis);
    Receipts::open(&own).unwrap().keep_exit(coin, &data).unwrap();
    let mut bobs = holder::purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let started = bobs.exit(bob, &[coin], Help::Nobody).await.unwrap();
    assert!(started.failure.is_none(), "{:?}", started.failure);
}
