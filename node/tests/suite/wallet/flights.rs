//! Payments that are held back, and leave in flight.

use plasma_core::{Amount, Position, SignedTransaction};
use plasma_node::{
    bridge::evidence::Evidence,
    wallet::{
        Purse, WalletError,
        exit::{Going, Help},
        papers::Paper,
    },
};

use super::holder::{Agreed, Holder, keep, mined, payment, purse};
use crate::suite::{deployment::EXIT_PERIOD_S, duties::court::Court, scratch::Scratch, stage::ETHER};

const PAID: u64 = ETHER / 4;

/// Bob has one ether, and signs a payment to Alice that nobody is sent.
pub(super) struct Held {
    pub(super) court: Court,
    pub(super) coin: Position,
    pub(super) payment: SignedTransaction,
    pub(super) folders: [Scratch; 2],
    pub(super) agreed: Agreed,
}

impl Held {
    pub(super) async fn back(name: &str) -> Self {
        let mut court = Court::set(name).await;
        let coin = court.fund_bob().await;
        let outputs = [
            (court.stage.alice.address(), PAID),
            (court.stage.bob.address(), ETHER - PAID),
        ];
        let payment = payment(&court, &court.stage.bob_key, (coin, ETHER), &outputs);
        let folders = ["bob", "alice"].map(|who| Scratch::new(&format!("{name}-{who}")));
        folders
            .iter()
            .for_each(|folder| keep(&court, folder.path(), coin));
        Self {
            court,
            coin,
            payment,
            folders,
            agreed: Agreed::default(),
        }
    }

    /// Bob's wallet, which signed the payment.
    pub(super) async fn bob(&self) -> Purse<Holder> {
        let court = &self.court;
        let mut bobs = purse(
            &court.stage,
            self.folders[0].path(),
            &court.stage.bob_key,
            &self.agreed,
        )
        .await;
        let transaction = self.payment.transaction.clone();
        let genesis = &court.stage.federation.genesis;
        let paper = Paper::new(&transaction, court.stage.bob.address(), genesis);
        bobs.sign_paper(&paper, transaction).unwrap();
        bobs
    }

    async fn alice(&self) -> Purse<Holder> {
        let court = &self.court;
        purse(
            &court.stage,
            self.folders[1].path(),
            &court.alice_key,
            &self.agreed,
        )
        .await
    }

    async fn vault(&self) -> Amount {
        let vault = self.court.contracts().vault;
        self.court.rpc().balance(vault).await.unwrap()
    }
}

pub(super) fn refused<T: std::fmt::Debug>(told: Result<T, WalletError>, words: &str) {
    let error = told.unwrap_err();
    let is_refused = matches!(error, WalletError::Refused(_)) && error.to_string().contains(words);
    assert!(is_refused, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_leave_with_a_payment_that_is_held_back() {
    let held = Held::back("wallet-held").await;
    let (bob, alice) = (held.court.stage.bob.address(), held.court.stage.alice.address());
    let mut bobs = held.bob().await;
    let id = held.payment.id();
    assert_eq!(bobs.signed_payment(id).unwrap(), held.payment);
    let before = mined(&held.court, bob).await;
    let flown = bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap();
    let leaving = flown.leaving;
    assert_eq!((flown.claimed, flown.left.len()), (2, 0));
    assert_eq!(leaving.what, Going::Payment(id));
    assert_eq!(mined(&held.court, bob).await, before + 3, "start, change, inputs");
    let said = held.agreed.borrow().last().unwrap().clone();
    assert!(said.contains("bonds   0.000000000003 ETH"), "{said}");
    // Again, before it was told, after it, and by a wallet that was closed: nothing more is sent.
    assert_eq!(bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap(), flown);
    bobs.end(leaving.action).unwrap();
    drop(bobs);
    let mut bobs = held.bob().await;
    assert_eq!(bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap(), flown);
    assert_eq!(mined(&held.court, bob).await, before + 3);

    let mut alices = held.alice().await;
    let joined = alices
        .fly(alice, &held.payment, Help::Nobody)
        .await
        .unwrap()
        .leaving;
    assert_eq!((joined.exit, joined.due_s), (leaving.exit, leaving.due_s));
    alices.end(joined.action).unwrap();
    let open = held.court.in_flight(&leaving.exit).await;
    assert_eq!(open.piggybacked, 0b1_0011, "both outputs and the inputs");
    let watched = alices.watch(alice).await.unwrap().exits;
    assert_eq!(
        (watched[0].leaving.exit, watched[0].is_open),
        (leaving.exit, Some(true))
    );

    refused(alices.finalize(alice, joined.exit).await, "can be paid in");
    held.court.stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
    let held_before = held.vault().await;
    let ended = alices.finalize(alice, joined.exit).await.unwrap();
    assert_eq!(ended.paid, Some(true));
    assert_eq!(
        held_before - held.vault().await,
        Amount::from(ETHER),
        "what was paid, and the change"
    );
    refused(
        alices.fly(alice, &held.payment, Help::Nobody).await,
        "was paid on Ethereum before",
    );
    assert_eq!(alices.watch(alice).await.unwrap().exits[0].is_open, Some(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_paid_by_a_payment_that_lost_is_told_that_nothing_came() {
    let mut held = Held::back("wallet-lost").await;
    let alice = held.court.stage.alice.address();
    let key = held.court.stage.bob_key.clone();
    let other = payment(
        &held.court,
        &key,
        (held.coin, ETHER),
        &[(held.court.stage.bob.address(), ETHER)],
    );
    held.court.seal(vec![other.clone()]).await;
    let mut alices = held.alice().await;
    let leaving = alices
        .fly(alice, &held.payment, Help::Nobody)
        .await
        .unwrap()
        .leaving;
    let place = held.court.place(&other);
    let competitor = Evidence::Anchored(Box::new(held.court.inclusion(place)));
    let pending = held.court.pending(&held.payment);
    let contest = held
        .court
        .contracts()
        .challenge_not_canonical_call(&leaving.exit, &pending, 0, (&competitor, 0), held.court.bond())
        .unwrap();
    held.court.send(&held.court.stage.bob, &contest).await.unwrap();
    // The payer has the inputs back, where he claimed them; that is no payment to Alice.
    let claim = held
        .court
        .contracts()
        .piggyback_input_call(&leaving.exit, &pending, held.court.bond());
    held.court.send(&held.court.stage.bob, &claim).await.unwrap();
    held.court.stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
    let ended = alices.finalize(alice, leaving.exit).await.unwrap();
    assert_eq!(ended.paid, Some(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_would_lose_its_bond_is_not_made() {
    let held = Held::back("wallet-rival").await;
    let bob = held.court.stage.bob.address();
    let mut bobs = held.bob().await;
    // Another machine signed a second payment of the same output; only this wallet knows of the first.
    let rival = payment(
        &held.court,
        &held.court.stage.bob_key,
        (held.coin, ETHER),
        &[(bob, ETHER)],
    );
    let flown = bobs.fly(bob, &rival, Help::Nobody).await.unwrap();
    let open = held.court.in_flight(&flown.leaving.exit).await;
    assert_eq!(open.piggybacked, 1, "its output, and no input");
    assert_eq!(flown.claimed, 1);
    let [inputs] = flown.left.as_slice() else {
        panic!("{:?}", flown.left)
    };
    let words = inputs.to_string();
    let named = held.payment.id().to_string();
    assert!(
        words.contains("its inputs are not claimed") && words.contains(&named),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_comes_too_late_is_named_each_time_and_the_others_stand() {
    let held = Held::back("wallet-late").await;
    let alice = held.court.stage.alice.address();
    let half = PAID / 2;
    let outputs = [
        (alice, half),
        (alice, half),
        (held.court.stage.bob.address(), ETHER - PAID),
    ];
    let payment = payment(
        &held.court,
        &held.court.stage.bob_key,
        (held.coin, ETHER),
        &outputs,
    );
    let exit = held.court.start_in_flight(&held.court.stage.bob, &payment).await;
    // Another machine with her key claims one of two in time.
    let pending = held.court.pending(&payment);
    let claim = held
        .court
        .contracts()
        .piggyback_output_call(&exit, &pending, 0, held.court.bond());
    held.court.send(&held.court.stage.alice, &claim).await.unwrap();
    held.court.stage.anvil.advance(EXIT_PERIOD_S / 2).await;
    let before = mined(&held.court, alice).await;
    let mut alices = held.alice().await;
    for _ in 0..2 {
        let flown = alices.fly(alice, &payment, Help::Nobody).await.unwrap();
        assert_eq!((flown.leaving.exit, flown.claimed), (exit, 1));
        let [late] = flown.left.as_slice() else {
            panic!("{:?}", flown.left)
        };
        let words = late.to_string();
        assert!(
            words.contains("its output 1 is not claimed") && words.contains("too late"),
            "{words}"
        );
        let error = WalletError::Unclaimed {
            payment: payment.id(),
            claimed: flown.claimed,
            left: flown.left,
        };
        assert_eq!(error.code(), 11);
        assert!(error.to_string().contains("its output 1"), "{error}");
        alices.end(flown.leaving.action).unwrap();
    }
    assert_eq!(mined(&held.court, alice).await, before, "nothing is sent in vain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_leave_in_flight_is_refused_before_anything_is_signed() {
    let held = Held::back("wallet-grounded").await;
    let (bob, alice) = (held.court.stage.bob.address(), held.court.stage.alice.address());
    let key = held.court.stage.bob_key.clone();
    let mut alices = held.alice().await;
    let others = payment(&held.court, &key, (held.coin, ETHER), &[(bob, ETHER)]);
    refused(
        alices.fly(alice, &others, Help::Nobody).await,
        "nothing of payment",
    );
    refused(alices.signed_payment(others.id()), "signed no payment");
    let mut expired = held.payment.transaction.clone();
    expired.expiry = plasma_core::Height(0);
    let expired = expired.sign(&held.court.stage.federation.genesis.domain(), &key);
    refused(
        alices.fly(alice, &expired, Help::Nobody).await,
        "expired at block 0",
    );
    // An input of which nothing is kept.
    let bare = Scratch::new("wallet-grounded-bare");
    let mut unknowing = purse(
        &held.court.stage,
        bare.path(),
        &held.court.alice_key,
        &held.agreed,
    )
    .await;
    let error = unknowing
        .fly(alice, &held.payment, Help::Nobody)
        .await
        .unwrap_err();
    assert!(matches!(error, WalletError::Missing(_)), "{error}");

    // Somebody starts it, and half of the time passes.
    let exit = held
        .court
        .start_in_flight(&held.court.stage.bob, &held.payment)
        .await;
    held.court.stage.anvil.advance(EXIT_PERIOD_S / 2).await;
    refused(alices.fly(alice, &held.payment, Help::Nobody).await, "has ended");
    assert_eq!(held.court.in_flight(&exit).await.piggybacked, 0);
    assert!(held.agreed.borrow().is_empty());
    assert_eq!(alices.book().next(), 0, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_in_an_anchored_block_leaves_by_its_outputs() {
    let mut held = Held::back("wallet-included").await;
    let alice = held.court.stage.alice.address();
    held.court.seal(vec![held.payment.clone()]).await;
    let received = held.court.place(&held.payment);
    keep(&held.court, held.folders[1].path(), received);
    let mut alices = held.alice().await;
    refused(
        alices.fly(alice, &held.payment, Help::Nobody).await,
        "leave by themselves",
    );
    let started = alices.exit(alice, &[received], Help::Nobody).await.unwrap();
    assert_eq!(started.leaving.len(), 1);
    assert_eq!(held.agreed.borrow().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_the_contract_refuses_is_named_and_holds_no_other_back() {
    let mut held = Held::back("wallet-refused-claim").await;
    let (bob, alice) = (held.court.stage.bob.address(), held.court.stage.alice.address());
    let half = PAID / 2;
    let outputs = [(alice, half), (alice, half), (bob, ETHER - PAID)];
    let key = held.court.stage.bob_key.clone();
    let payment = payment(&held.court, &key, (held.coin, ETHER), &outputs);
    held.court.seal(vec![payment.clone()]).await;
    // Another machine with her key left with one of the two by itself, and was paid.
    let other = Scratch::new("wallet-refused-claim-other");
    let first = held.court.place(&payment);
    keep(&held.court, other.path(), first);
    let mut others = purse(
        &held.court.stage,
        other.path(),
        &held.court.alice_key,
        &held.agreed,
    )
    .await;
    let left = others.exit(alice, &[first], Help::Nobody).await.unwrap().leaving;
    held.court.stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
    assert_eq!(
        others.finalize(alice, left[0].exit).await.unwrap().paid,
        Some(true)
    );
    let exit = held.court.start_in_flight(&held.court.stage.bob, &payment).await;
    let before = mined(&held.court, alice).await;
    let mut alices = held.alice().await;
    for _ in 0..2 {
        let flown = alices.fly(alice, &payment, Help::Nobody).await.unwrap();
        assert_eq!((flown.leaving.exit, flown.claimed), (exit, 1));
        let [refused] = flown.left.as_slice() else {
            panic!("{:?}", flown.left)
        };
        let words = refused.to_string();
        assert!(
            words.contains("its output 0 is not claimed") && words.contains("AlreadyPaid"),
            "{words}"
        );
        alices.end(flown.leaving.action).unwrap();
    }
    assert_eq!(
        mined(&held.court, alice).await,
        before + 1,
        "what is refused costs nothing"
    );
    assert_eq!(held.court.in_flight(&exit).await.piggybacked, 0b10);
}
