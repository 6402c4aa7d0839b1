//! What Ethereum would not take, and that it is said before anything is sent.

use plasma_core::{Epoch, Hash, Height, OperatorIndex};
use plasma_node::{
    bridge::direct,
    change::{
        Motion,
        clerk::{ClerkError, Done},
    },
};
use serde_json::json;

use super::{
    super::deployment::parameters,
    people::{People, account, signed, successor},
};

/// How many transactions an account has sent.
async fn sent(people: &People, number: u8) -> u64 {
    let address = account(number).address();
    let rpc = &people.stage.anvil.rpc;
    rpc.nonce(address, plasma_node::bridge::methods::At::Pending)
        .await
        .unwrap()
}

/// The refusal of a motion that some operators signed; nothing was sent.
async fn refused(people: &People, motion: &Motion, signers: &[u8]) -> ClerkError {
    let before = sent(people, 2).await;
    let clerk = people.clerk().await;
    let refused = clerk.carry(&account(2), motion, &signed(motion, signers)).await;
    assert_eq!(sent(people, 2).await, before, "nothing was sent");
    refused.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_seen_beforehand_is_refused_and_not_sent() {
    let people = People::gather("seen").await;
    let domain = people.domain();
    let (second, third) = (people.successor(1, 5), people.successor(2, 6));
    let ready = people.readiness(second.clone());
    let error = refused(&people, &ready, &[2, 3, 4]).await;
    assert!(matches!(error, ClerkError::NotAnnounced), "{error}");
    let hasty = people.change(third.clone());
    let error = refused(&people, &hasty, &[2, 3, 4]).await;
    assert!(
        matches!(
            error,
            ClerkError::NotNext {
                document: 2,
                active: 0,
                kind: Done::Announced
            }
        ),
        "{error}"
    );
    let error = refused(&people, &people.readiness(third), &[3, 4, 21, 22]).await;
    assert!(
        matches!(
            error,
            ClerkError::NotNext {
                document: 2,
                active: 0,
                kind: Done::Activated
            }
        ),
        "{error}"
    );
    let clerk = people.clerk().await;
    let error = clerk
        .post_bond(&account(2), &second.roster, OperatorIndex(0))
        .await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClerkError::NoCommittee(1)), "{error}");

    // Another committee of epoch 0 than Ethereum's.
    let strangers = successor(&domain, (0, 0), &[21, 22, 23, 2]).roster;
    let motion = Motion::change(second.clone(), strangers.committee.clone(), domain).unwrap();
    let error = refused(&people, &motion, &[21, 22, 23]).await;
    assert!(
        matches!(error, ClerkError::OtherSigners { epoch: 0, .. }),
        "{error}"
    );
    let error = clerk.post_bond(&account(2), &strangers, OperatorIndex(0)).await;
    let error = error.unwrap_err();
    assert!(
        matches!(error, ClerkError::OtherSigners { epoch: 0, .. }),
        "{error}"
    );

    let change = people.change(second.clone());
    clerk
        .carry(&account(2), &change, &signed(&change, &[1, 2, 3]))
        .await
        .unwrap();
    let error = refused(&people, &change, &[1, 2, 3]).await;
    assert!(matches!(error, ClerkError::Announced(_)), "{error}");
    let other = successor(&domain, (1, 5), &[21, 22, 23, 2]);
    let error = refused(&people, &people.change(other.clone()), &[1, 2, 3]).await;
    assert!(
        matches!(error, ClerkError::Sequence { sequence: 5, last: 5 }),
        "{error}"
    );
    let error = refused(&people, &people.readiness(other), &[21, 22, 23]).await;
    assert!(matches!(error, ClerkError::OtherAnnounced { .. }), "{error}");
    let error = refused(&people, &ready, &[2, 3, 4]).await;
    assert!(matches!(error, ClerkError::TooEarly { .. }), "{error}");
    let standing = clerk.standing(Epoch(1)).await.unwrap();
    assert_eq!((standing.last_sequence, standing.active), (Some(5), Epoch(0)));
    assert_eq!((standing.registered, standing.halted), (Hash::ZERO, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_cannot_pay_or_are_at_work_send_nothing() {
    let people = People::gather("accounts").await;
    let (clerk, genesis) = (people.clerk().await, people.roster(0));
    let (anvil, seat) = (&people.stage.anvil, OperatorIndex(1));
    let poor = account(2);
    let hardly = format!(
        "{:#x}",
        parameters().operator_bond - plasma_core::Amount::from(1u64)
    );
    anvil
        .ask("anvil_setBalance", json!([poor.address().to_string(), hardly]))
        .await;
    let error = clerk.post_bond(&poor, &genesis, seat).await.unwrap_err();
    assert!(matches!(error, ClerkError::Poor { .. }), "{error}");

    // What a running operator sends from the same account has to be mined first.
    anvil.automine(false).await;
    let call = people.contracts().deposit_call(plasma_core::Amount::from(1u64));
    direct::submit(&anvil.rpc, &account(3), &call).await.unwrap();
    let error = clerk.post_bond(&account(3), &genesis, OperatorIndex(2)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClerkError::UnderWay(_)), "{error}");
    anvil.mine(1).await;
    anvil.automine(true).await;
    clerk
        .post_bond(&account(3), &genesis, OperatorIndex(2))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halted_federation_takes_no_committee() {
    let people = People::gather("halted").await;
    let rules = parameters();
    people.stage.anvil.advance(rules.silence_s + 1).await;
    people.sends(&people.contracts().announce_silence_call()).await;
    people.stage.anvil.advance(rules.grace_s + 1).await;
    people.sends(&people.contracts().halt_if_silent_call()).await;
    let second = people.successor(1, 1);
    let error = refused(&people, &people.change(second.clone()), &[1, 2, 3]).await;
    assert!(matches!(error, ClerkError::Halted(Height(0))), "{error}");
    let error = refused(&people, &people.readiness(second), &[2, 3, 4]).await;
    assert!(matches!(error, ClerkError::Halted(Height(0))), "{error}");
}
