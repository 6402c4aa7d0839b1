//! Transactions that are only checked: nothing is taken, and the words are those of a submit.

use axum::Router;
use plasma_core::{Amount, L1Event, SignedTransaction};
use plasma_node::api::{
    Code,
    view::{Checked, MempoolView, State},
};

use super::{
    chain::{Chain, genesis, user},
    http::{Answered, BYTES, door, get, post, submit},
};

async fn check(router: &Router, signed: &SignedTransaction) -> Answered {
    post(router, "/v1/transactions:check", BYTES, signed.encode()).await
}

#[tokio::test]
async fn a_payment_is_checked_at_every_stage_and_never_taken() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let signed = chain.payment(&alice, (coin, 100), &bob, 30);
    let other = chain.payment(&alice, (coin, 100), &bob, 40);
    let router = door(&chain);

    let checked: Checked = check(&router, &signed).await.document();
    assert_eq!((checked.id.0, checked.state), (signed.id().0, None));
    let mempool: MempoolView = get(&router, "/v1/mempool").await.document();
    assert_eq!(mempool.transactions, 0);
    assert_eq!(
        submit(&router, &signed).await.status,
        201,
        "the check took nothing"
    );

    let state = |answer: Answered| answer.document::<Checked>().state;
    assert_eq!(state(check(&router, &signed).await), Some(State::Accepted));
    let mut forged = signed.clone();
    forged.signature[64] = 99;
    check(&router, &forged).await.problem(Code::BadSignature);
    let problem = check(&router, &other).await.problem(Code::DoubleSpendInMempool);
    assert_eq!(problem.members["spent_by"], signed.id().to_string());

    chain.seal(&[]).await;
    assert_eq!(state(check(&router, &signed).await), Some(State::Committed));
    check(&router, &forged).await.problem(Code::BadSignature);
    check(&router, &other).await.problem(Code::InputSpent);
}

#[tokio::test]
async fn what_a_submit_refuses_a_check_refuses_with_the_same_words() {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let router = door(&chain);
    let mut unsigned = chain.payment(&alice, (coin, 100), &bob, 30);
    unsigned.signature[64] = 99;
    let foreign = chain.payment(&bob, (coin, 100), &bob, 30);
    let wrong = chain.payment(&alice, (coin, 90), &bob, 30);
    for refused in [&unsigned, &foreign, &wrong] {
        let (checked, submitted) = (check(&router, refused).await, submit(&router, refused).await);
        assert!(checked.status >= 400);
        let words = |answer: &Answered| {
            let mut problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            problem["instance"] = serde_json::Value::Null;
            (answer.status, problem)
        };
        assert_eq!(words(&checked), words(&submitted));
    }
    let last_valid = chain.state().header.height;
    chain.seal(&[L1Event::Halted { last_valid }]).await;
    let late = chain.payment(&alice, (coin, 100), &bob, 30);
    check(&router, &late).await.problem(Code::Halted);
}

#[tokio::test]
async fn what_goes_to_the_fee_owner_is_named() {
    let fee_owner = user(9);
    let mut genesis = genesis();
    genesis.fee_owner = Some(fee_owner.address());
    let mut chain = Chain::new(genesis);
    let alice = user(1);
    let coin = chain.deposit(&alice, 100).await;
    let signed = chain.payment(&alice, (coin, 100), &fee_owner, 30);
    let checked: Checked = check(&door(&chain), &signed).await.document();
    assert_eq!(checked.fee.0, Amount::from(30u64));
}
