//! Transactions that are not taken: each is told its field, its values and the way out.

use axum::{body::Body, http::Request};
use plasma_core::{Address, Amount, Input, L1Event, Payment, Position};
use plasma_node::{
    api::{
        self, Code,
        view::{BlockView, StatusView},
    },
    config::HttpKeys,
};

use super::{
    chain::{Chain, MEMPOOL_MAX, genesis, user},
    http::{BYTES, JSON, TEXT, door, get, post, send, submit},
};

#[tokio::test]
async fn every_rule_of_a_transaction_has_its_own_refusal() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let domain = chain.genesis.domain();
    let input = Input {
        position: coin,
        amount: Amount::from(100),
    };
    let pay = |amount: u64| Payment {
        owner: bob.address(),
        amount: Amount::from(amount),
    };
    let sign = |inputs, outputs| chain.transfer(inputs, outputs).sign(&domain, &alice);
    let nowhere = Input {
        position: Position {
            transaction: 9,
            ..coin
        },
        ..input
    };

    let unbalanced = submit(&router, &sign(vec![input], vec![pay(99)]))
        .await
        .problem(Code::Unbalanced);
    assert_eq!(
        (&unbalanced.members["in_sum"], &unbalanced.members["out_sum"]),
        (&"100".into(), &"99".into())
    );
    let zero = submit(&router, &sign(vec![input], vec![pay(100), pay(0)]))
        .await
        .problem(Code::InvalidOutput);
    assert_eq!(zero.members["output"], 1);
    let nobody = Payment {
        owner: Address::ZERO,
        amount: Amount::from(100),
    };
    submit(&router, &sign(vec![input], vec![nobody]))
        .await
        .problem(Code::InvalidOutput);
    submit(&router, &sign(vec![input, input], vec![pay(200)]))
        .await
        .problem(Code::DuplicateInput);
    submit(&router, &sign(vec![nowhere], vec![pay(100)]))
        .await
        .problem(Code::InputNotFound);
    let stated = Input {
        amount: Amount::from(101),
        ..input
    };
    let mismatch = submit(&router, &sign(vec![stated], vec![pay(101)]))
        .await
        .problem(Code::InputMismatch);
    assert_eq!(mismatch.members["held"], "100");
    let stolen = chain.payment(&bob, (coin, 100), &bob, 100);
    let foreign = submit(&router, &stolen).await.problem(Code::NotOwner);
    assert_eq!(
        foreign.members["owner"].as_str().unwrap().to_lowercase(),
        alice.address().to_string()
    );
}

#[tokio::test]
async fn expiry_signature_and_kind_have_their_own_refusals() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let domain = chain.genesis.domain();
    let input = Input {
        position: coin,
        amount: Amount::from(100),
    };
    let pay = |amount: u64| Payment {
        owner: bob.address(),
        amount: Amount::from(amount),
    };
    let sign = |inputs, outputs| chain.transfer(inputs, outputs).sign(&domain, &alice);
    let mut late = chain.transfer(vec![input], vec![pay(100)]);
    late.expiry = plasma_core::Height(1);
    submit(&router, &late.sign(&domain, &alice))
        .await
        .problem(Code::Expired);
    let mut forged = sign(vec![input], vec![pay(100)]);
    forged.signature[64] = 29;
    submit(&router, &forged).await.problem(Code::BadSignature);
    let fund = plasma_core::Transaction::fund(
        plasma_core::DepositNumber(0),
        bob.address(),
        Address::ZERO,
        Amount::from(1),
    );
    submit(&router, &fund.unsigned())
        .await
        .problem(Code::UnsupportedTransactionType);
    let many = sign(vec![input; 4], vec![pay(100); 4]);
    let mut too_many = many.encode();
    too_many[1] = 5;
    post(&router, "/v1/transactions", BYTES, too_many)
        .await
        .problem(Code::MalformedTransaction);
}

#[tokio::test]
async fn fees_and_asset_are_told_with_their_numbers() {
    let mut rules = genesis();
    rules.fee_owner = Some(Address([0xfe; 20]));
    rules.fees = vec![(Address::ZERO, Amount::from(3))];
    let mut chain = Chain::new(rules);
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let cheap = chain.payment(&alice, (coin, 100), &user(2), 100);
    let refused = submit(&router, &cheap).await.problem(Code::FeeTooLow);
    assert_eq!(refused.members["required"], "3");
    let mut token = cheap.transaction;
    token.asset = Address([9; 20]);
    submit(&router, &token.sign(&chain.genesis.domain(), &alice))
        .await
        .problem(Code::InputMismatch);
}

#[tokio::test]
async fn a_full_mempool_a_halted_and_a_lagging_operator_say_so() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let mut coins = Vec::new();
    for _ in 0..=MEMPOOL_MAX {
        coins.push(chain.deposit(&alice, 10).await);
    }
    let router = door(&chain);
    for coin in &coins[1..] {
        assert_eq!(
            submit(&router, &chain.payment(&alice, (*coin, 10), &user(2), 10))
                .await
                .status,
            201
        );
    }
    let last = chain.payment(&alice, (coins[0], 10), &user(2), 10);
    let full = submit(&router, &last).await;
    full.problem(Code::MempoolFull);
    assert_eq!(full.header("retry-after"), "1");

    let unknown = Position {
        block: plasma_core::Height(1),
        transaction: 7,
        output: 0,
    };
    let early = chain.payment(&alice, (unknown, 10), &user(2), 10);
    chain.say(|status| status.behind = true);
    submit(&router, &early).await.problem(Code::Syncing);
    let status: StatusView = get(&router, "/v1/status").await.document();
    assert_eq!(
        (
            status.state.as_str(),
            status.ready,
            status.blockers[0].code.as_str()
        ),
        ("catching-up", false, "catching-up")
    );

    chain.say(|status| status.behind = false);
    chain.seal(&[]).await;
    chain
        .seal(&[L1Event::Halted {
            last_valid: plasma_core::Height(3),
        }])
        .await;
    let refused = submit(&router, &last).await.problem(Code::Halted);
    assert_eq!(refused.members["last_valid"], 3);
    let void: BlockView = get(&router, "/v1/blocks/4").await.document();
    let valid: BlockView = get(&router, "/v1/blocks/3").await.document();
    assert_eq!((valid.void, void.void), (false, true));
}

#[tokio::test]
async fn bytes_that_are_nothing_are_refused_with_what_would_be_something() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    let path = "/v1/transactions";
    post(&router, path, BYTES, Vec::new())
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, JSON, "")
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, BYTES, vec![0x5a; 300])
        .await
        .problem(Code::UnsupportedTransactionType);
    post(&router, path, BYTES, vec![5, 1, 1])
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, BYTES, vec![5; 300])
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, BYTES, vec![0xf8; 176])
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, TEXT, "0x05g")
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, TEXT, vec![0xff, 0xfe])
        .await
        .problem(Code::MalformedTransaction);
    for body in ["{", "[]", "{\"tx\":5}", "{\"tx\":\"0x05\",\"fee\":1}", "{}"] {
        post(&router, path, JSON, body)
            .await
            .problem(Code::MalformedRequest);
    }
    let unknown = post(&router, path, JSON, "{\"tx\":\"0x05\",\"fee\":1}")
        .await
        .problem(Code::MalformedRequest);
    assert!(unknown.detail.contains("fee"), "{unknown}");
    post(&router, path, "application/xml", "x")
        .await
        .problem(Code::UnsupportedMediaType);
    let bare = Request::post(path).body(Body::from("x")).unwrap();
    send(&router, bare).await.problem(Code::UnsupportedMediaType);
}

#[tokio::test]
async fn a_stopped_operator_still_answers_and_says_that_it_is_stopping() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let signed = chain.payment(&alice, (coin, 100), &user(2), 100);
    let (commands, gone) = tokio::sync::mpsc::channel(1);
    drop(gone);
    let handle = plasma_node::runtime::handle::Handle::new(commands, chain.status.subscribe());
    let stopped = chain.door.clone().behind(handle);
    submit(&api::router(stopped, &HttpKeys::default()), &signed)
        .await
        .problem(Code::Draining);
    let (commands, _full) = tokio::sync::mpsc::channel(1);
    let handle = plasma_node::runtime::handle::Handle::new(commands, chain.status.subscribe());
    let deaf = api::router(chain.door.clone().behind(handle), &HttpKeys::default());
    assert_eq!(
        post(&deaf, "/v1/transactions?wait=none", BYTES, signed.encode())
            .await
            .status,
        202
    );
    submit(&deaf, &signed).await.problem(Code::Overloaded);
}
