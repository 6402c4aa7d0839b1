//! Payments that an operator builds for who has a key and no wallet.

use axum::Router;
use plasma_core::{Amount, Height, Position, SignedTransaction, SigningKey, Transaction};
use plasma_node::api::{
    Code,
    text::{AddressText, PositionText},
    view::{Built, BuiltResult, BuiltTransaction, Submitted},
};
use serde_json::{Value, json};

use super::{
    chain::{Chain, genesis, user},
    http::{Answered, JSON, door, post, submit},
};

const BUILD: &str = "/v1/transactions:build";

async fn build(router: &Router, wish: &Value) -> Answered {
    post(router, BUILD, JSON, wish.to_string()).await
}

fn wish(from: &SigningKey, to: &SigningKey, amount: u64) -> Value {
    json!({
        "owner": AddressText(from.address()),
        "payments": [{"to": AddressText(to.address()), "amount": amount.to_string()}],
    })
}

/// Signs as a stranger would: the hash that was given, and 65 bytes behind the others.
fn signed(built: &BuiltTransaction, key: &SigningKey) -> SignedTransaction {
    let signature = key.sign_digest(&built.sign_hash.0);
    let bytes = [built.unsigned.0.as_slice(), &signature].concat();
    SignedTransaction::decode(&bytes).unwrap()
}

#[tokio::test]
async fn what_is_built_needs_a_signature_and_nothing_else() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let small = chain.deposit(&alice, 40).await;
    chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let built: Built = build(&router, &wish(&alice, &bob, 30)).await.document();
    assert_eq!(
        (built.result, built.transactions.len()),
        (BuiltResult::Complete, 1)
    );
    let one = &built.transactions[0];
    assert_eq!(one.inputs, [PositionText(small)], "the smallest that is enough");
    assert_eq!((one.change.0, one.fee.0), (Amount::from(10), Amount::ZERO));
    let signed = signed(one, &alice);
    let domain = genesis().domain();
    assert_eq!(signed.transaction.signing_digest(&domain), one.sign_hash.0);
    assert_eq!(one.typed_data["message"]["outputs"][0]["amount"], "30");
    let submitted: Submitted = submit(&router, &signed).await.document();
    assert_eq!(submitted.id, one.id);
}

#[tokio::test]
async fn outputs_of_waiting_payments_are_passed_over() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    chain.deposit(&alice, 40).await;
    let other = chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let first: Built = build(&router, &wish(&alice, &bob, 30)).await.document();
    assert_eq!(
        submit(&router, &signed(&first.transactions[0], &alice))
            .await
            .status,
        201
    );
    let second: Built = build(&router, &wish(&alice, &bob, 30)).await.document();
    assert_eq!(second.transactions[0].inputs, [PositionText(other)]);
    let problem = build(&router, &wish(&alice, &bob, 130))
        .await
        .problem(Code::InsufficientFunds);
    assert!(problem.detail.contains("waiting"), "{problem}");
}

#[tokio::test]
async fn a_sum_in_many_outputs_is_brought_together_when_that_is_wished() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    for _ in 0..6 {
        chain.deposit(&alice, 10).await;
    }
    let router = door(&chain);
    let mut wish = wish(&alice, &bob, 60);
    let problem = build(&router, &wish).await.problem(Code::Fragmented);
    assert_eq!(
        (&problem.members["available"], &problem.members["needed"]),
        (&json!("60"), &json!("60"))
    );
    wish["merge"] = json!(true);
    let built: Built = build(&router, &wish).await.document();
    assert_eq!(
        (built.result, built.transactions.len()),
        (BuiltResult::Intermediate, 2)
    );
    for one in &built.transactions {
        assert_eq!(submit(&router, &signed(one, &alice)).await.status, 201);
    }
    chain.seal(&[]).await;
    let built: Built = build(&router, &wish).await.document();
    assert_eq!(
        (built.result, built.transactions.len()),
        (BuiltResult::Complete, 1)
    );
    assert_eq!(
        submit(&router, &signed(&built.transactions[0], &alice))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn outputs_that_are_named_are_judged_one_by_one() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let small = chain.deposit(&alice, 40).await;
    let large = chain.deposit(&alice, 100).await;
    let foreign = chain.deposit(&bob, 100).await;
    let router = door(&chain);
    let with = |output: Position| {
        let mut wish = wish(&alice, &bob, 30);
        wish["outputs"] = json!([PositionText(output)]);
        wish
    };
    let built: Built = build(&router, &with(large)).await.document();
    assert_eq!(
        built.transactions[0].inputs,
        [PositionText(large)],
        "not the smallest"
    );
    build(&router, &with(foreign)).await.problem(Code::NotOwner);
    let nowhere = Position {
        block: Height(9),
        ..small
    };
    build(&router, &with(nowhere)).await.problem(Code::InputNotFound);
    let mut token = with(small);
    token["asset"] = json!(AddressText(bob.address()));
    build(&router, &token).await.problem(Code::InputMismatch);
    let spent = chain.payment(&alice, (small, 40), &bob, 40);
    assert_eq!(submit(&router, &spent).await.status, 201);
    chain.seal(&[]).await;
    build(&router, &with(small)).await.problem(Code::InputSpent);
}

#[tokio::test]
async fn the_fee_is_paid_and_the_last_height_kept() {
    let mut genesis = genesis();
    genesis.fee_owner = Some(user(9).address());
    genesis.fees = vec![(plasma_core::Address::ZERO, Amount::from(7))];
    let mut chain = Chain::new(genesis);
    let (alice, bob) = (user(1), user(2));
    chain.deposit(&alice, 100).await;
    let mut wish = wish(&alice, &bob, 30);
    let router = door(&chain);
    wish["expiry"] = json!(1);
    let late = build(&router, &wish).await.problem(Code::MalformedRequest);
    assert_eq!(late.members["field"], "expiry", "block 1 is decided");
    wish["expiry"] = json!(50);
    let built: Built = build(&router, &wish).await.document();
    let one = &built.transactions[0];
    assert_eq!((one.fee.0, one.change.0), (Amount::from(7), Amount::from(63)));
    let transaction: Transaction = signed(one, &alice).transaction;
    assert_eq!(transaction.expiry, Height(50));
    assert_eq!(submit(&router, &signed(one, &alice)).await.status, 201);
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_named() {
    let chain = Chain::new(genesis());
    let router = door(&chain);
    let (alice, bob) = (user(1), user(2));
    let good = wish(&alice, &bob, 30);
    let change = |at: &str, value: Value| {
        let mut wish = good.clone();
        wish[at] = value;
        wish
    };
    let payment = |to: Value, amount: Value| json!([{"to": to, "amount": amount}]);
    let to = json!(AddressText(bob.address()));
    for (wish, words) in [
        (change("payments", json!([])), "payments"),
        (change("payments", payment(to.clone(), json!("0"))), "payments"),
        (change("payments", payment(to.clone(), json!(30))), "JSON"),
        (
            change(
                "payments",
                payment(json!(format!("0x{}", "0".repeat(40))), json!("1")),
            ),
            "payments",
        ),
        (change("outputs", json!([])), "outputs"),
        (change("colour", json!("red")), "colour"),
        (json!({"owner": "0x12", "payments": []}), "JSON"),
        (json!([1]), "JSON"),
    ] {
        let problem = build(&router, &wish).await.problem(Code::MalformedRequest);
        assert!(problem.detail.contains(words), "{wish}: {problem}");
    }
    post(&router, BUILD, "text/plain", "00")
        .await
        .problem(Code::UnsupportedMediaType);
    build(&router, &good).await.problem(Code::InsufficientFunds);
}
