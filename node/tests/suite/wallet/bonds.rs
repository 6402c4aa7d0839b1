//! What would cost a bond, and is not done.

use plasma_core::{Amount, Hash, Position};
use plasma_node::{
    api::text::{AddressText, BytesText, HashText},
    wallet::{
        WalletError,
        book::{Intent, Record},
        exit::Help,
        journal::Journal,
        papers::Paper,
        purse::folder_of,
    },
};

use super::{
    flights::{Held, refused},
    holder::{asking, keep, payment, purse},
};
use crate::suite::{
    chain::{Chain, genesis, user},
    doors::Doors,
    scratch::Scratch,
    stage::ETHER,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_whose_input_another_machine_spent_does_not_leave_on_one_operators_word() {
    let mut held = Held::back("wallet-spent-elsewhere").await;
    let bob = held.court.stage.bob.address();
    let key = held.court.stage.bob_key.clone();
    let rival = payment(&held.court, &key, (held.coin, ETHER), &[(bob, ETHER)]);
    held.court.seal(vec![rival.clone()]).await;
    let honest = Doors::of(held.court.door()).await;
    let favourable = Doors::lying_of(held.court.door(), |path, document| {
        if path.starts_with("/v1/outputs/") && document["status"].is_string() {
            document["status"] = "unspent".into();
            document["spent_by"] = serde_json::Value::Null;
        }
    })
    .await;
    let folder = held.folders[0].path();
    let person = (&key, &held.agreed);
    for doors in [[&favourable, &honest], [&honest, &favourable]] {
        let mut bobs = asking(&held.court.stage, folder, person, &doors).await;
        let error = bobs.fly(bob, &held.payment, Help::Operators).await.unwrap_err();
        assert!(
            matches!(error, WalletError::TooLate { by, .. } if by == rival.id()),
            "{error}"
        );
        assert_eq!(error.code(), 9);
        assert_eq!(bobs.book().next(), 0, "nothing was begun");
    }
    assert!(held.agreed.borrow().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_is_neither_signed_away_nor_shown_to_be_spent() {
    let held = Held::back("wallet-leaving-spent").await;
    let bob = held.court.stage.bob.address();
    let genesis = held.court.stage.federation.genesis.clone();
    let mut bobs = purse(
        &held.court.stage,
        held.folders[0].path(),
        &held.court.stage.bob_key,
        &held.agreed,
    )
    .await;
    let started = bobs.exit(bob, &[held.coin], Help::Nobody).await.unwrap();
    assert_eq!(started.leaving.len(), 1);
    let asked = held.agreed.borrow().len();
    let transaction = held.payment.transaction.clone();
    let paper = Paper::new(&transaction, bob, &genesis);
    refused(bobs.sign_paper(&paper, transaction), "would have the bond");
    // One that was signed elsewhere.
    refused(bobs.broadcast(held.payment.clone()).await, "would have the bond");
    refused(
        bobs.fly(bob, &held.payment, Help::Nobody).await,
        "would have the bond",
    );
    assert_eq!((held.agreed.borrow().len(), bobs.book().next()), (asked, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_claimed_is_not_signed_away() {
    let mut held = Held::back("wallet-claimed-signed").await;
    let bob = held.court.stage.bob.address();
    let genesis = held.court.stage.federation.genesis.clone();
    let mut bobs = held.bob().await;
    bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap();
    // What was shown is included, and its change is Bob's.
    held.court.seal(Vec::new()).await;
    let change = Position {
        output: 1,
        ..held.court.place(&held.payment)
    };
    drop(bobs);
    keep(&held.court, held.folders[0].path(), change);
    let mut bobs = held.bob().await;
    let spends = payment(
        &held.court,
        &held.court.stage.bob_key,
        (change, ETHER - ETHER / 4),
        &[(bob, ETHER - ETHER / 4)],
    );
    let paper = Paper::new(&spends.transaction, bob, &genesis);
    refused(bobs.sign_paper(&paper, spends.transaction), "would have the bond");
}

#[tokio::test]
async fn an_output_that_was_claimed_in_flight_is_not_spent_before_operators_know_of_it() {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    let payment = chain.payment(&user(1), (coin, 100), &user(2), 30);
    chain.include(payment.clone());
    chain.seal(&[]).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-claimed");
    let owner = user(1).address();
    let mut looking = super::purse(folder.path(), &[&doors.base]);
    let holdings = looking.holdings(owner).await.unwrap();
    assert!(holdings.len() == 1 && holdings[0].is_free(), "the change");
    drop(looking);
    let path = folder_of(folder.path(), &genesis()).join("journal");
    let (mut journal, _) = Journal::open::<Record>(&path).unwrap();
    let intent = Intent::Flight {
        from: AddressText(owner),
        payment: BytesText(payment.encode()),
    };
    let exit = HashText(Hash([3; 32]));
    for record in [
        Record::Begun { action: 0, intent },
        Record::Leaving { action: 0, exit },
        Record::Ended { action: 0 },
    ] {
        journal.append(&record).unwrap();
    }
    drop(journal);
    // Whatever the operator says made it.
    let lying = Doors::lying(&chain, |path, document| {
        if path.ends_with("/outputs") {
            document["items"][0]["created_by"] = Hash([9; 32]).to_string().into();
        }
    })
    .await;
    let mut leaving = super::purse(folder.path(), &[&lying.base]);
    let holdings = leaving.holdings(owner).await.unwrap();
    assert!(
        holdings[0].is_reserved,
        "nobody is here to say that the exit ended"
    );
    let error = leaving.pay(&super::pay(&[5], None)).await.unwrap_err();
    assert!(matches!(error, WalletError::Funds(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_claimed_in_flight_does_not_leave_a_second_time() {
    let mut held = Held::back("wallet-claimed-exit").await;
    let bob = held.court.stage.bob.address();
    let mut bobs = held.bob().await;
    bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap();
    held.court.seal(Vec::new()).await;
    let change = Position {
        output: 1,
        ..held.court.place(&held.payment)
    };
    drop(bobs);
    keep(&held.court, held.folders[0].path(), change);
    let mut bobs = held.bob().await;
    let begun = bobs.book().next();
    let all = bobs
        .everything(bob, Help::Nobody, Some(Amount::ZERO))
        .await
        .unwrap();
    assert_eq!(
        (all.outputs, all.left),
        (Vec::new(), Vec::new()),
        "it is on its way"
    );
    let started = bobs.exit(bob, &[change], Help::Nobody).await.unwrap();
    assert!(started.leaving.is_empty());
    refused::<()>(Err(started.failure.unwrap()), "is claimed in the exit in flight");
    assert_eq!(bobs.book().next(), begun, "nothing was begun");
}
