//! Payments that are held back, and leave in flight.

use plasma_core::{Amount, Hash, Position, SignedTransaction};
use plasma_node::{
    api::text::{AddressText, BytesText, HashText},
    bridge::evidence::Evidence,
    wallet::{
        Purse, WalletError,
        book::{Intent, Record},
        exit::{Going, Help},
        journal::Journal,
        papers::Paper,
        purse::folder_of,
    },
};

use super::holder::{Agreed, Holder, keep, mined, payment, purse};
use crate::suite::{
    chain::{Chain, genesis, user},
    deployment::EXIT_PERIOD_S,
    doors::Doors,
    duties::court::Court,
    scratch::Scratch,
    stage::ETHER,
};

const PAID: u64 = ETHER / 4;

/// Bob has one ether, and signs a payment to Alice that nobody is sent.
struct Held {
    court: Court,
    coin: Position,
    payment: SignedTransaction,
    folders: [Scratch; 2],
    agreed: Agreed,
}

impl Held {
    async fn back(name: &str) -> Self {
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
    async fn bob(&self) -> Purse<Holder> {
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

fn refused<T: std::fmt::Debug>(told: Result<T, WalletError>, words: &str) {
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
    let leaving = bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap();
    assert_eq!(leaving.what, Going::Payment(id));
    assert_eq!(mined(&held.court, bob).await, before + 3, "start, change, inputs");
    let said = held.agreed.borrow().last().unwrap().clone();
    assert!(said.contains("bonds   0.000000000003 ETH"), "{said}");
    // Again, before it was told, after it, and by a wallet that was closed: nothing more is sent.
    assert_eq!(bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap(), leaving);
    bobs.end(leaving.action).unwrap();
    drop(bobs);
    let mut bobs = held.bob().await;
    assert_eq!(bobs.fly(bob, &held.payment, Help::Nobody).await.unwrap(), leaving);
    assert_eq!(mined(&held.court, bob).await, before + 3);

    let mut alices = held.alice().await;
    let joined = alices.fly(alice, &held.payment, Help::Nobody).await.unwrap();
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
    let leaving = alices.fly(alice, &held.payment, Help::Nobody).await.unwrap();
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
    let leaving = bobs.fly(bob, &rival, Help::Nobody).await.unwrap();
    let open = held.court.in_flight(&leaving.exit).await;
    assert_eq!(open.piggybacked, 1, "its output, and no input");
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
    let mut leaving = super::purse(folder.path(), &[&doors.base]);
    let holdings = leaving.holdings(owner).await.unwrap();
    assert!(
        holdings[0].is_reserved,
        "nobody is here to say that the exit ended"
    );
    let error = leaving.pay(&super::pay(&[5], None)).await.unwrap_err();
    assert!(matches!(error, WalletError::Funds(_)), "{error}");
}
