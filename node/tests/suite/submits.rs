//! Submitted transactions: every form that is taken and every wait.

use plasma_core::{Amount, EXPIRY_NEVER, Input, Kind, L1Event, Payment, Position, Transaction, legacy};
use plasma_node::{
    api::{
        Code,
        view::{Batch, BatchItem, State, Submitted, TransactionView},
    },
    hex,
};

use super::{
    chain::{Chain, genesis, user},
    http::{BYTES, JSON, TEXT, door, get, post, submit},
};

#[tokio::test]
async fn a_payment_is_taken_in_every_form_and_known_again() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let signed = chain.payment(&alice, (coin, 100), &bob, 30);
    let router = door(&chain);

    let first = submit(&router, &signed).await;
    let submitted: Submitted = first.document();
    assert_eq!(
        (first.status, submitted.state, submitted.duplicate),
        (201, Some(State::Accepted), false)
    );
    assert_eq!(submitted.id.0, signed.id().0);
    assert_eq!(
        first.header("location"),
        format!("/v1/transactions/{}", signed.id())
    );
    assert_eq!(first.header("plasma-height"), "1");
    assert_eq!(
        first.header("plasma-chain"),
        &chain.genesis.hash().to_string()[..18]
    );

    let text = hex::encode(&signed.encode());
    let forms = [
        (TEXT, text.clone()),
        (TEXT, format!(" {}\n", text.trim_start_matches("0x"))),
        (JSON, format!("{{\"tx\":\"{text}\"}}")),
        (
            "application/json; charset=utf-8",
            format!("{{\"tx\":\"{text}\"}}"),
        ),
    ];
    for (kind, body) in forms {
        let again = post(&router, "/v1/transactions", kind, body).await;
        assert_eq!((again.status, again.header("plasma-duplicate")), (200, "true"));
    }

    let waiting: TransactionView = get(&router, &format!("/v1/transactions/{}", signed.id()))
        .await
        .document();
    assert_eq!((waiting.state, waiting.block), (State::Accepted, None));
    assert_eq!((waiting.kind.as_str(), waiting.expiry), ("transfer", None));

    let height = chain.seal(&[]).await;
    let decided: TransactionView = get(&router, &format!("/v1/transactions/{}", signed.id()))
        .await
        .document();
    assert_eq!(decided.state, State::Committed);
    assert_eq!(decided.block.unwrap().height, height.0);
    assert_eq!(
        decided.outputs[0].output.unwrap().0,
        Position {
            block: height,
            transaction: 0,
            output: 0
        }
    );
    let certificate = decided.certificate.unwrap();
    assert_eq!(
        (certificate.signers, certificate.quorum),
        (vec![0, 1, 2], Some(3))
    );
    let again = submit(&router, &signed).await;
    assert_eq!(
        (again.status, again.document::<Submitted>().state),
        (200, Some(State::Committed))
    );
}

#[tokio::test]
async fn what_is_decided_is_known_again_when_its_time_is_over_and_the_chain_halted() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let height = chain.state().header.height.next().unwrap();
    let payment = Transaction {
        expiry: height,
        ..chain.transfer(
            vec![Input {
                position: coin,
                amount: Amount::from(100),
            }],
            vec![Payment {
                owner: bob.address(),
                amount: Amount::from(100),
            }],
        )
    };
    let signed = payment.sign(&chain.genesis.domain(), &alice);
    let router = door(&chain);
    assert_eq!(submit(&router, &signed).await.status, 201);
    assert_eq!(chain.seal(&[]).await, height);
    chain.seal(&[]).await;
    let events = [&[][..], &[L1Event::Halted { last_valid: height }]];
    for events in events {
        chain.seal(events).await;
        let again = submit(&router, &signed).await;
        let submitted: Submitted = again.document();
        assert_eq!(
            (again.status, submitted.state, submitted.duplicate),
            (200, Some(State::Committed), true)
        );
        assert_eq!(submitted.block.unwrap().height, height.0);
        assert_eq!(submitted.outputs[0].owner.0, bob.address());
    }
}

#[tokio::test]
async fn waiting_for_the_commit_ends_with_the_block_and_its_certificate() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let signed = chain.payment(&alice, (coin, 100), &bob, 30);
    let router = door(&chain);
    let mut waiting = tokio::spawn({
        let (router, bytes) = (router.clone(), signed.encode());
        async move {
            post(
                &router,
                "/v1/transactions?wait=committed&timeout=50s",
                BYTES,
                bytes,
            )
            .await
        }
    });
    // Empty blocks pass until the transaction has reached the mempool and is sealed.
    let answered = loop {
        tokio::select! {
            answered = &mut waiting => break answered.unwrap(),
            () = tokio::task::yield_now() => { chain.decide(&[], true).await; }
        }
    };
    let submitted: Submitted = answered.document();
    assert_eq!((answered.status, submitted.state), (201, Some(State::Committed)));
    let place = submitted.block.unwrap();
    assert_eq!(submitted.certificate.unwrap().height, place.height);
    assert_eq!(submitted.outputs[0].owner.0, bob.address());
    assert_eq!(submitted.outputs[1].amount.0, Amount::from(70));
}

#[tokio::test]
async fn a_wait_that_runs_out_says_accepted_and_nothing_waits_for_none() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let other = chain.deposit(&alice, 50).await;
    let router = door(&chain);
    let first = chain.payment(&alice, (coin, 100), &user(2), 30);
    let answered = post(
        &router,
        "/v1/transactions?wait=committed&timeout=1ms",
        BYTES,
        first.encode(),
    )
    .await;
    assert_eq!(answered.status, 202);
    let second = chain.payment(&alice, (other, 50), &user(2), 30);
    let answered = post(&router, "/v1/transactions?wait=none", BYTES, second.encode()).await;
    assert_eq!(
        (answered.status, answered.document::<Submitted>().state),
        (202, None)
    );
}

#[tokio::test]
async fn a_transaction_that_another_one_beat_while_it_waited_is_conflicted() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let winner = chain.payment(&alice, (coin, 100), &user(2), 30);
    let loser = chain.payment(&alice, (coin, 100), &user(3), 30);
    let (router, id, bytes) = (door(&chain), loser.id(), loser.encode());
    let path = "/v1/transactions?wait=committed&timeout=60s";
    let waiting = tokio::spawn(async move { post(&router, path, BYTES, bytes).await });
    while chain.handle.pending(id).await == Ok(None) {
        tokio::task::yield_now().await;
    }
    chain.forget_waiting();
    chain.include(winner);
    chain.seal(&[]).await;
    let refused = waiting.await.unwrap().problem(Code::Conflicted);
    assert_eq!(refused.members["output"], coin.to_string());
}

#[tokio::test]
async fn a_transaction_that_another_one_beat_is_refused() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let winner = chain.payment(&alice, (coin, 100), &user(2), 30);
    let loser = chain.payment(&alice, (coin, 100), &user(3), 30);
    let router = door(&chain);
    assert_eq!(submit(&router, &winner).await.status, 201);
    let refused = submit(&router, &loser).await.problem(Code::DoubleSpendInMempool);
    assert_eq!(refused.members["spent_by"], winner.id().to_string());
    chain.seal(&[]).await;
    let refused = submit(&router, &loser).await.problem(Code::InputSpent);
    assert_eq!(refused.members["input"], 0);
    assert_eq!(refused.members["output"], coin.to_string());
    assert_eq!(refused.members["spent_by"]["height"], 2);
}

#[tokio::test]
async fn the_seeds_rlp_is_taken_when_the_genesis_says_so() {
    for allowed in [true, false] {
        let mut rules = genesis();
        rules.legacy_transactions = allowed;
        let mut chain = Chain::new(rules);
        let alice = user(1);
        let coin = chain.deposit(&alice, 100).await;
        let mut split = chain.transfer(
            vec![Input {
                position: coin,
                amount: Amount::from(100),
            }],
            vec![Payment {
                owner: user(2).address(),
                amount: Amount::from(100),
            }],
        );
        (split.kind, split.expiry) = (Kind::Split, EXPIRY_NEVER);
        let signed = split.sign(&chain.genesis.domain(), &alice);
        let rlp = legacy::encode_signed(&signed);
        assert_eq!(rlp.len(), 176);
        let answered = post(&door(&chain), "/v1/transactions", BYTES, rlp).await;
        if allowed {
            assert_eq!(answered.document::<Submitted>().id.0, signed.id().0);
        } else {
            answered.problem(Code::UnsupportedTransactionType);
            submit(&door(&chain), &signed)
                .await
                .problem(Code::UnsupportedTransactionType);
        }
    }
}

#[tokio::test]
async fn a_batch_answers_every_item_in_order() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let (first, second) = (chain.deposit(&alice, 10).await, chain.deposit(&alice, 20).await);
    let router = door(&chain);
    let good = chain.payment(&alice, (first, 10), &user(2), 10);
    let bad = chain.payment(&user(3), (second, 20), &user(2), 20);
    let path = "/v1/transactions:batch";
    let batch: Batch = post(&router, path, BYTES, [good.encode(), bad.encode()].concat())
        .await
        .document();
    assert_eq!(batch.accepted, 1);
    assert!(matches!(&batch.items[0], BatchItem::Submitted(taken) if taken.id.0 == good.id().0));
    assert!(matches!(&batch.items[1], BatchItem::Problem(problem) if problem.is(Code::NotOwner)));

    let texts = serde_json::to_string(&["0xzz".into(), hex::encode(&good.encode())]).unwrap();
    let batch: Batch = post(&router, path, JSON, texts).await.document();
    assert!(matches!(&batch.items[0], BatchItem::Problem(problem) if problem.is(Code::MalformedTransaction)));
    assert!(matches!(&batch.items[1], BatchItem::Submitted(taken) if taken.duplicate));

    let broken = post(&router, path, BYTES, [good.encode(), vec![5, 1]].concat()).await;
    assert_eq!(broken.problem(Code::MalformedTransaction).members["item"], 1);
    let many = serde_json::to_string(&vec!["0x"; 1_001]).unwrap();
    post(&router, path, JSON, many)
        .await
        .problem(Code::PayloadTooLarge);
    post(&router, path, BYTES, good.encode().repeat(1_001))
        .await
        .problem(Code::PayloadTooLarge);
    post(&router, path, BYTES, "")
        .await
        .problem(Code::MalformedTransaction);
    post(&router, path, TEXT, "0x")
        .await
        .problem(Code::UnsupportedMediaType);
}
