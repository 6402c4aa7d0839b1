//! The client library, and the frames of libp2p clients.

use std::time::Duration;

use plasma_core::Amount;
use plasma_node::{
    api::{
        self, Code, Problem,
        client_protocol::{Counter, Request as Frame, split_answer},
        view::{BatchItem, OutputStatus, State},
    },
    client::{Client, ClientError},
    config::{HttpKeys, tokens::Tokens},
};

use super::{
    chain::{Chain, genesis, user},
    http::{door, get},
};

#[tokio::test]
async fn client_frames_answer_with_the_documents_of_http() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let (router, counter) = (door(&chain), Counter::new(chain.door.clone()));
    let owner = alice.address();
    let paths = [
        "/v1/network".to_owned(),
        "/v1/stats".to_owned(),
        "/v1/blocks/latest".to_owned(),
        "/v1/blocks/9".to_owned(),
        "/v1/blocks/1/raw".to_owned(),
        format!("/v1/outputs/{coin}"),
        format!("/v1/outputs/{coin}/exit-data"),
        format!("/v1/addresses/{owner}/outputs?limit=1"),
        format!("/v1/addresses/{owner}/transactions?direction=deposit"),
        "/v1/outputs?ids=1:2".to_owned(),
        "/nothing".to_owned(),
    ];
    for path in paths {
        let bytes = counter.answer(&Frame::Get(path.clone()).encode()).await;
        let over_http = get(&router, &path).await;
        assert_eq!(
            split_answer(&bytes).unwrap(),
            (over_http.status, over_http.body.as_slice()),
            "{path}"
        );
    }
    let signed = chain.payment(&alice, (coin, 100), &user(2), 100);
    let submit = Frame::Submit {
        wait: api::Wait::Accepted,
        timeout_ms: 1_000,
        transaction: signed.encode(),
    };
    let bytes = counter.answer(&submit.encode()).await;
    assert_eq!(split_answer(&bytes).unwrap().0, 201);
    let bytes = counter.answer(&[0x77]).await;
    let (status, body) = split_answer(&bytes).unwrap();
    assert_eq!(
        (
            status,
            serde_json::from_slice::<Problem>(body)
                .unwrap()
                .is(Code::MalformedRequest)
        ),
        (400, true)
    );
}

#[tokio::test]
async fn the_http_client_reads_what_the_door_writes() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(api::serve(
        listener,
        chain.door.clone(),
        (HttpKeys::default(), Tokens::default()),
        std::future::pending(),
    ));
    let client = Client::http(&base).unwrap();

    assert_eq!(client.status().await.unwrap().height, 1);
    assert_eq!(
        client.network().await.unwrap().genesis_hash.0,
        chain.genesis.hash()
    );
    let payment = chain.payment(&alice, (coin, 100), &user(2), 40);
    let wait = Duration::from_secs(1);
    let submitted = client.submit(&payment, api::Wait::Accepted, wait).await.unwrap();
    assert_eq!(submitted.id.0, payment.id().0);
    chain.seal(&[]).await;
    assert_eq!(
        client.transaction(payment.id()).await.unwrap().state,
        State::Committed
    );
    assert_eq!(client.proof(payment.id()).await.unwrap().height, 2);
    assert_eq!(client.outputs_of(alice.address()).await.unwrap().len(), 1);
    assert_eq!(
        client.balance(alice.address()).await.unwrap().balances[0].total.0,
        Amount::from(60)
    );
    assert_eq!(client.output(coin).await.unwrap().status, OutputStatus::Spent);
    assert_eq!(client.block(None).await.unwrap().height, 2);
    assert_eq!(
        client.stats().await.unwrap().assets[0].unspent_total.0,
        Amount::from(100)
    );
    chain.anchor(1);
    assert_eq!(client.exit_data(coin).await.unwrap().included.anchor.height, 2);
    let batch = client
        .submit_batch(&[payment], api::Wait::Committed, wait)
        .await
        .unwrap();
    assert!(matches!(&batch.items[0], BatchItem::Submitted(taken) if taken.block.is_some()));

    let refused = client
        .submit_bytes(&[7; 200], api::Wait::Accepted, wait)
        .await
        .unwrap_err();
    assert!(
        refused.problem().unwrap().is(Code::UnsupportedTransactionType),
        "{refused}"
    );
    serving.abort();
    assert!(Client::http("ftp://127.0.0.1").is_err());
}

#[tokio::test]
async fn a_client_without_an_operator_says_whom_it_asked() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::http(&base).unwrap().status().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&base), "{error}");
}

#[tokio::test]
async fn a_client_goes_nowhere_that_an_operator_sends_it() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = elsewhere.local_addr().unwrap();
    let sends_away = move || async move {
        let place = format!("http://{address}/v1/status");
        (
            axum::http::StatusCode::TEMPORARY_REDIRECT,
            [(axum::http::header::LOCATION, place)],
        )
    };
    let router = axum::Router::new().route("/v1/status", axum::routing::get(sends_away));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let error = Client::http(&base).unwrap().status().await.unwrap_err();
    assert!(!matches!(error, ClientError::Unreachable { .. }), "{error}");
    let asked = elsewhere.accept();
    assert!(
        futures::FutureExt::now_or_never(asked).is_none(),
        "nobody asked there"
    );
    serving.abort();
}
