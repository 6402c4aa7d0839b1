//! The HTTP door: what it answers about the chain, and that every wrong question is told why.

use axum::{
    body::Body,
    http::{Request, header},
};
use plasma_core::{Amount, ExitId, Hash, L1Event, Position, Receipt};
use plasma_node::{
    api::{
        BATCH_BODY_MAX, BODY_MAX, Code,
        view::{
            AddressView, BlockView, DepositView, ExitData, ExitView, OutputStatus, OutputView, Page,
            ProofView, State, StatsView, TransactionView,
        },
    },
    runtime::handle::AnchorSeen,
};

use super::{
    chain::{Chain, genesis, user},
    http::{BYTES, door, get, post, send, submit},
};

#[tokio::test]
async fn bodies_above_the_limit_are_refused_by_their_stated_and_their_real_length() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    for (path, limit) in [
        ("/v1/transactions", BODY_MAX),
        ("/v1/transactions:batch", BATCH_BODY_MAX),
    ] {
        // A stated length is believed before anything is read: this body never gives a byte.
        let silent = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, BYTES)
            .header(header::CONTENT_LENGTH, limit + 1)
            .body(silent)
            .unwrap();
        let refused = send(&router, request).await.problem(Code::PayloadTooLarge);
        assert_eq!(refused.members["limit"], limit);
        let chunk = || Ok::<_, std::io::Error>(bytes::Bytes::from(vec![5; 1 << 18]));
        let endless = Body::from_stream(futures::stream::repeat_with(chunk));
        post(&router, path, BYTES, endless)
            .await
            .problem(Code::PayloadTooLarge);
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_parameters_are_told_apart() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    get(&router, "/v2/status").await.problem(Code::NotFound);
    get(&router, "/v1/utxos/1:2:3").await.problem(Code::NotFound);
    let method = send(
        &router,
        Request::delete("/v1/status").body(Body::empty()).unwrap(),
    )
    .await;
    method.problem(Code::MethodNotAllowed);
    assert!(method.header("allow").contains("GET"));
    for path in [
        "/v1/transactions/0x12",
        "/v1/transactions/%ff",
        "/v1/addresses/0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "/v1/outputs/1:2",
        "/v1/blocks/first",
        "/v1/exits/-1",
        "/v1/deposits/one",
        "/v1/exits?limit=0",
        "/v1/exits?limit=501",
        "/v1/exits?limit=many",
        "/v1/exits?offset=1",
        "/v1/exits?cursor=x",
    ] {
        get(&router, path).await.problem(Code::MalformedRequest);
    }
    for query in ["wait=soon", "timeout=61s", "timeout=5", "waiting=1"] {
        let path = format!("/v1/transactions?{query}");
        post(&router, &path, BYTES, vec![5])
            .await
            .problem(Code::MalformedRequest);
    }
    let zeros = format!("0x{}", "0".repeat(64));
    for path in [
        format!("/v1/transactions/{zeros}"),
        format!("/v1/transactions/{zeros}/proof"),
        format!("/v1/blocks/{zeros}"),
        "/v1/blocks/7".into(),
        "/v1/outputs/7:0:0".into(),
        "/v1/outputs/7:0:0/exit-data".into(),
        "/v1/exits/7".into(),
        "/v1/deposits/7".into(),
    ] {
        get(&router, &path).await.problem(Code::NotFound);
    }
}

#[tokio::test]
async fn pages_of_outputs_join_without_gap_or_overlap() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let mut expected = Vec::new();
    for amount in 1..=5 {
        expected.push(chain.deposit(&alice, amount).await);
    }
    let router = door(&chain);
    let path = format!("/v1/addresses/{}/outputs?limit=2", alice.address());
    let (mut seen, mut next) = (Vec::new(), None::<String>);
    loop {
        let cursor = next.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page: Page<OutputView> = get(&router, &format!("{path}{cursor}")).await.document();
        assert_eq!(page.height, 5);
        seen.extend(page.items.iter().map(|output| output.output.0));
        next = page.next_cursor;
        if next.is_none() {
            break;
        }
        assert_eq!(page.items.len(), 2);
    }
    assert_eq!(seen, expected);
    let balance: AddressView = get(&router, &format!("/v1/addresses/{}", alice.address()))
        .await
        .document();
    assert_eq!(
        (balance.balances[0].total.0, balance.balances[0].outputs),
        (Amount::from(15), 5)
    );
    let nothing: AddressView = get(&router, &format!("/v1/addresses/{}", user(9).address()))
        .await
        .document();
    assert!(nothing.balances.is_empty());
}

#[tokio::test]
async fn an_output_shows_its_fate_and_exits_show_what_they_lock() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let (spent, kept) = (chain.deposit(&alice, 100).await, chain.deposit(&alice, 50).await);
    let router = door(&chain);
    let payment = chain.payment(&alice, (spent, 100), &user(2), 100);
    submit(&router, &payment).await;
    let height = chain.seal(&[]).await;
    let output: OutputView = get(&router, &format!("/v1/outputs/{spent}")).await.document();
    assert_eq!(output.status, OutputStatus::Spent);
    let by = output.spent_by.unwrap();
    assert_eq!((by.height, by.id.unwrap().0), (height.0, payment.id().0));
    let packed: OutputView = get(&router, &format!("/v1/outputs/{}", kept.pack()))
        .await
        .document();
    assert_eq!(
        (packed.status, packed.index),
        (OutputStatus::Unspent, kept.pack().to_string())
    );

    let id = ExitId(Hash([7; 32]));
    chain
        .seal(&[L1Event::ExitStarted {
            id,
            position: kept,
            owner: alice.address(),
        }])
        .await;
    let exiting: OutputView = get(&router, &format!("/v1/outputs/{kept}")).await.document();
    assert_eq!(exiting.status, OutputStatus::Exiting);
    submit(&router, &chain.payment(&alice, (kept, 50), &user(2), 50))
        .await
        .problem(Code::InputExiting);
    let exits: Page<ExitView> = get(&router, "/v1/exits").await.document();
    assert_eq!((exits.items[0].outputs[0].0, exits.items[0].locked), (kept, true));
    let one: ExitView = get(&router, &format!("/v1/exits/{}", exits.items[0].id))
        .await
        .document();
    assert_eq!(one, exits.items[0]);
    let stats: StatsView = get(&router, "/v1/stats").await.document();
    assert_eq!(stats.assets[0].unspent_total.0, Amount::from(150));
    assert_eq!(
        (stats.assets[0].exiting_total.0, stats.open_exits),
        (Amount::from(50), 1)
    );

    chain
        .seal(&[L1Event::ExitEnded {
            id,
            position: kept,
            paid: true,
        }])
        .await;
    let gone: OutputView = get(&router, &format!("/v1/outputs/{kept}")).await.document();
    assert_eq!(
        (gone.status, gone.exit),
        (OutputStatus::Exited, Some(exits.items[0].id.clone()))
    );
    submit(&router, &chain.payment(&alice, (kept, 50), &user(2), 50))
        .await
        .problem(Code::InputSpent);
}

#[tokio::test]
async fn receipts_verify_and_exit_data_wait_for_the_first_anchor() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let payment = chain.payment(&alice, (coin, 100), &user(2), 40);
    submit(&router, &payment).await;
    let height = chain.decide(&[], false).await;
    get(&router, &format!("/v1/transactions/{}/proof", payment.id()))
        .await
        .problem(Code::NotFound);
    let covering = chain.seal(&[]).await;

    let proof: ProofView = get(&router, &format!("/v1/transactions/{}/proof", payment.id()))
        .await
        .document();
    assert_eq!((proof.height, proof.certificate.height), (height.0, covering.0));
    let receipt = Receipt::decode(&proof.raw.0).unwrap();
    receipt
        .verify(&chain.genesis.domain(), &chain.genesis.committee().unwrap())
        .unwrap();
    let block: BlockView = get(&router, &format!("/v1/blocks/{height}")).await.document();
    assert_eq!(block.certificate.unwrap().height, covering.0);

    let output = Position {
        block: height,
        transaction: 0,
        output: 1,
    };
    let path = format!("/v1/outputs/{output}/exit-data");
    get(&router, &path).await.problem(Code::NotAnchored);
    chain.anchor(1);
    let anchored = chain.state().header;
    chain.seal(&[]).await;
    chain.anchor(2);
    let exit: ExitData = get(&router, &path).await.document();
    assert_eq!(
        (
            exit.included.anchor.number,
            exit.included.anchor.height,
            exit.included.anchor.previous
        ),
        (1, anchored.height.0, Some(0))
    );
    let leaf = plasma_core::history::leaf(
        height,
        exit.included.transaction_count,
        exit.included.transactions_root.0,
        anchored.l1_height,
    );
    let way: Vec<_> = exit.included.history_proof.iter().map(|hash| hash.0).collect();
    assert!(plasma_core::merkle::verify(
        leaf,
        height.0,
        anchored.height.0 + 1,
        &way,
        anchored.history_root
    ));
    assert_eq!(exit.calldata.unwrap().0, [&payment.id().0.0[..], &[1]].concat());
    let decided: TransactionView = get(&router, &format!("/v1/transactions/{}", payment.id()))
        .await
        .document();
    assert_eq!(
        (decided.state, decided.anchor.unwrap().number),
        (State::Anchored, 1)
    );
}

#[tokio::test]
async fn an_anchor_is_named_only_when_those_before_it_are_known() {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    chain.anchor(2);
    let router = door(&chain);
    get(&router, &format!("/v1/outputs/{coin}/exit-data"))
        .await
        .problem(Code::NotAnchored);
}

#[tokio::test]
async fn a_block_is_anchored_only_while_ethereum_has_its_anchor() {
    let mut chain = Chain::new(genesis());
    let first = chain.deposit(&user(1), 100).await;
    chain.anchor(1);
    let second = chain.deposit(&user(1), 100).await;
    chain.anchor(2);
    let router = door(&chain);
    let states = async || {
        let mut states = Vec::new();
        for coin in [first, second] {
            let path = format!("/v1/blocks/{}/transactions", coin.block);
            let body: Page<TransactionView> = get(&router, &path).await.document();
            states.push(body.items[0].state);
        }
        states
    };
    let (anchored, committed) = (State::Anchored, State::Committed);
    assert_eq!(states().await, [anchored, anchored]);
    let lost = chain.anchors.newest().unwrap();
    let elsewhere = AnchorSeen {
        time_s: lost.time_s + 12,
        ..lost
    };
    chain.anchors.record(elsewhere);
    chain.anchors.forget(&lost);
    assert_eq!(
        chain.anchors.newest(),
        Some(elsewhere),
        "mined again elsewhere, it stands"
    );
    chain.anchors.forget(&elsewhere);
    assert_eq!(states().await, [anchored, committed]);
    get(&router, &format!("/v1/outputs/{second}/exit-data"))
        .await
        .problem(Code::NotAnchored);
    let height = chain.seal(&[]).await;
    chain.anchors.record(elsewhere);
    chain.anchors.record(AnchorSeen { height, ..elsewhere });
    let exit: ExitData = get(&router, &format!("/v1/outputs/{second}/exit-data"))
        .await
        .document();
    assert_eq!(
        exit.included.anchor.height, height.0,
        "another of the same number replaces it"
    );
}

#[tokio::test]
async fn blocks_are_found_by_height_id_and_as_the_latest() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let latest: BlockView = get(&router, "/v1/blocks/latest").await.document();
    assert_eq!((latest.height, latest.transaction_count), (1, 1));
    assert_eq!(latest.id.0, chain.state().id.0);
    for name in ["1".to_owned(), latest.id.to_string()] {
        assert_eq!(
            get(&router, &format!("/v1/blocks/{name}"))
                .await
                .document::<BlockView>(),
            latest
        );
    }
    let first: BlockView = get(&router, "/v1/blocks/0").await.document();
    assert_eq!((first.parent.0, first.certificate), (chain.genesis.hash(), None));
    let body: Page<TransactionView> = get(&router, "/v1/blocks/1/transactions?limit=1").await.document();
    assert_eq!(
        (
            body.items[0].kind.as_str(),
            body.items[0].deposit,
            body.next_cursor
        ),
        ("fund", Some(0), None)
    );
    let deposit: DepositView = get(&router, "/v1/deposits/0").await.document();
    assert_eq!(deposit.output.unwrap().to_string(), "1:0:0");
}

#[tokio::test]
async fn pages_of_the_latest_block_are_all_of_one_block() {
    let mut chain = Chain::new(genesis());
    let router = door(&chain);
    let mut coins = Vec::new();
    for owner in 1..4 {
        coins.push((user(owner), chain.deposit(&user(owner), 100).await));
    }
    for (owner, coin) in coins {
        submit(&router, &chain.payment(&owner, (coin, 100), &user(9), 100)).await;
    }
    let height = chain.seal(&[]).await;
    let asked = async |query: &str| get(&router, &format!("/v1/blocks/{query}")).await;
    let first: Page<TransactionView> = asked("latest/transactions?limit=2").await.document();
    chain.deposit(&user(1), 100).await;
    let cursor = first.next_cursor.unwrap();
    let second = format!("latest/transactions?cursor={cursor}");
    let second: Page<TransactionView> = asked(&second).await.document();
    assert_eq!(
        (first.items.len(), second.items.len(), second.next_cursor),
        (2, 1, None)
    );
    let places = first
        .items
        .iter()
        .chain(&second.items)
        .map(|one| one.block.unwrap());
    let places: Vec<_> = places.map(|place| (place.height, place.index)).collect();
    assert_eq!(places, [0, 1, 2].map(|index| (height.0, index)));
    let other = format!("{}/transactions?cursor={cursor}", height.0 + 1);
    let problem = asked(&other).await.problem(Code::MalformedRequest);
    assert_eq!(problem.members["field"], "cursor");
}
