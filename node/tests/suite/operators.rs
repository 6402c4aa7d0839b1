//! Several operators as one door: who is asked, who is believed, and what a refusal is worth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use plasma_core::{Bitmap, Certificate, Genesis, OperatorIndex, Receipt};
use plasma_node::{
    api::{Code, text::BytesText, view::ProofView},
    client::{Client, ClientError, Operators, Witness},
};

use super::{
    chain::{Chain, genesis, user},
    doors::{Doors, absent},
};

fn operators(genesis: &Genesis, addresses: &[&str]) -> Operators {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Operators::new(genesis, &addresses).unwrap()
}

#[tokio::test]
async fn who_is_away_is_passed_over_and_who_is_of_another_federation_is_not_asked() {
    let chain = Chain::new(genesis());
    let other = Chain::new(Genesis {
        name: "another".into(),
        ..genesis()
    });
    let (here, there) = (Doors::open(&chain).await, Doors::open(&other).await);
    let all = operators(&genesis(), &[&absent().await, &there.base, &here.base]);
    let answered = all.ask(async |client| Ok(client.operator().to_owned())).await;
    assert_eq!(answered.unwrap(), here.base);
    let alone = operators(&genesis(), &[&there.base]);
    let error = alone.ask(async |client| client.status().await).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::OtherFederation { field: "genesis_hash", operator, .. } if *operator == there.base),
        "{error}"
    );
    let again = alone.ask(async |client| client.status().await).await.unwrap_err();
    assert!(again.to_string().contains("another federation"), "{again}");
}

#[tokio::test]
async fn who_gave_no_answer_is_not_asked_again_for_a_while() {
    let chain = Chain::new(genesis());
    let here = Doors::open(&chain).await;
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", mute.local_addr().unwrap());
    let knocks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&knocks);
    let hanging_up = tokio::spawn(async move {
        while mute.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let all = operators(&genesis(), &[&base, &here.base]);
    all.ask(async |client| client.status().await).await.unwrap();
    let first = knocks.load(Ordering::Relaxed);
    assert!(first > 0, "it stands first, so it was asked");
    for _ in 0..3 {
        all.ask(async |client| client.status().await).await.unwrap();
    }
    assert_eq!(knocks.load(Ordering::Relaxed), first);
    hanging_up.abort();
}

#[tokio::test]
async fn what_one_refuses_another_may_answer_and_what_all_refuse_is_refused() {
    let behind = Chain::new(genesis());
    let mut ahead = Chain::new(genesis());
    let coin = ahead.deposit(&user(1), 100).await;
    let (first, second) = (Doors::open(&behind).await, Doors::open(&ahead).await);
    let all = operators(&genesis(), &[&first.base, &second.base]);
    let found = all.ask(async |client| client.output(coin).await).await.unwrap();
    assert_eq!(found.output.0, coin);
    let both = operators(&genesis(), &[&first.base, &absent().await]);
    let error = both
        .ask(async |client| client.output(coin).await)
        .await
        .unwrap_err();
    assert!(
        error.problem().is_some_and(|problem| problem.is(Code::NotFound)),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_at_all_is_an_error_that_names_everybody() {
    let (one, other) = (absent().await, absent().await);
    let all = operators(&genesis(), &[&one, &other]);
    let error = all.ask(async |client| client.status().await).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains(&one) && words.contains(&other), "{words}");
    assert!(Operators::new(&genesis(), &[]).is_err());
    assert!(Operators::new(&genesis(), &vec![one; 101]).is_err());
}

#[tokio::test]
async fn all_are_asked_at_once_and_who_is_silent_holds_up_nobody() {
    let chain = Chain::new(genesis());
    let (one, other) = (Doors::open(&chain).await, Doors::open(&chain).await);
    // It takes the call and says nothing.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", mute.local_addr().unwrap());
    let all = operators(&genesis(), &[&silent, &one.base, &absent().await, &other.base]);
    let answers = all
        .ask_all(Duration::from_secs(5), async |client| {
            Ok(client.operator().to_owned())
        })
        .await;
    let (answered, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let mut answered: Vec<String> = answered.into_iter().flatten().collect();
    answered.sort_unstable();
    let mut expected = [one.base.clone(), other.base.clone()];
    expected.sort_unstable();
    assert_eq!((answered, failed.len()), (expected.to_vec(), 2));
}

/// A receipt that an operator shows, and what it would be with a change.
async fn shown() -> (Chain, ProofView, Receipt) {
    let mut chain = Chain::new(genesis());
    let (alice, bob) = (user(1), user(2));
    let coin = chain.deposit(&alice, 100).await;
    let payment = chain.payment(&alice, (coin, 100), &bob, 40);
    chain.include(payment.clone());
    chain.seal(&[]).await;
    let doors = Doors::open(&chain).await;
    let proof = Client::http(&doors.base)
        .unwrap()
        .proof(payment.id())
        .await
        .unwrap();
    let receipt = Receipt::decode(&proof.raw.0).unwrap();
    (chain, proof, receipt)
}

#[tokio::test]
async fn a_receipt_counts_under_the_committees_certificate_and_no_other() {
    let (chain, proof, receipt) = shown().await;
    let witness = Witness::new(&chain.genesis).unwrap();
    let id = receipt.transaction.id();
    assert_eq!(witness.proof(&proof, id).await.unwrap(), receipt);
    let one_signer: Bitmap = [OperatorIndex(0)].into_iter().collect();
    let certificate = receipt.certificate.clone();
    let mut later = receipt.clone();
    later.certificate.epoch = plasma_core::Epoch(3);
    let changed = [
        (
            Receipt {
                height: plasma_core::Height(1),
                ..receipt.clone()
            },
            "history root",
        ),
        (
            Receipt {
                index: 1,
                ..receipt.clone()
            },
            "transactions root",
        ),
        (
            Receipt {
                certificate: Certificate {
                    signers: one_signer,
                    ..certificate.clone()
                },
                ..receipt.clone()
            },
            "1",
        ),
        (
            Receipt {
                header: plasma_core::Header {
                    timestamp_ms: plasma_core::Millis(1),
                    ..receipt.header
                },
                ..receipt.clone()
            },
            "another block",
        ),
        (later, "--l1"),
    ];
    for (false_one, words) in changed {
        let view = ProofView {
            raw: BytesText(false_one.encode()),
            ..proof.clone()
        };
        let untrue = witness.proof(&view, id).await.unwrap_err();
        assert!(untrue.to_string().contains(words), "{words}: {untrue}");
        let told = untrue.told_by(&Client::http("http://operator.example").unwrap());
        assert!(told.to_string().contains("operator.example"), "{told}");
    }
    let header = receipt.header;
    witness.certificate(&header, &certificate).await.unwrap();
    let forged = Certificate {
        view: plasma_core::View(certificate.view.0 + 1),
        ..certificate
    };
    assert!(
        witness.certificate(&header, &forged).await.is_err(),
        "signed for another view"
    );
    let cut = ProofView {
        raw: BytesText(receipt.encode().into_iter().skip(1).collect()),
        ..proof
    };
    assert!(witness.proof(&cut, id).await.is_err());
}
