//! What Ethereum did and took back, while it may.

use std::time::Duration;

use plasma_core::{Amount, Position};
use plasma_node::{
    bridge::direct,
    wallet::{
        Purse, WalletError,
        book::{Call, Record},
        exit::Help,
        journal::Journal,
        purse::folder_of,
    },
};

use super::holder::{Agreed, Holder, keep, mined, patience, payment, purse};
use crate::suite::{deployment::EXIT_PERIOD_S, duties::court::Court, scratch::Scratch, stage::ETHER};

/// Bob has left with his only output, and was told so.
struct Left {
    court: Court,
    folder: Scratch,
    agreed: Agreed,
    coin: Position,
    exit: plasma_core::ExitId,
}

impl Left {
    async fn with(name: &str) -> Self {
        let mut court = Court::set(name).await;
        let coin = court.fund_bob().await;
        let (folder, agreed) = (Scratch::new(&format!("{name}-bob")), Agreed::default());
        keep(&court, folder.path(), coin);
        // Of a young output the anchor tells when it can be paid, of an old one the start of its exit.
        court.stage.anvil.advance(EXIT_PERIOD_S + 1).await;
        let mut left = Self {
            court,
            folder,
            agreed,
            coin,
            exit: plasma_core::ExitId(plasma_core::Hash::ZERO),
        };
        left.exit = left.leave(&mut left.bob().await).await;
        left
    }

    async fn bob(&self) -> Purse<Holder> {
        let stage = &self.court.stage;
        purse(stage, self.folder.path(), &stage.bob_key, &self.agreed).await
    }

    /// Leaves, is told so, and gives the exit.
    async fn leave(&self, bobs: &mut Purse<Holder>) -> plasma_core::ExitId {
        let bob = self.court.stage.bob.address();
        let started = bobs.exit(bob, &[self.coin], Help::Nobody).await.unwrap();
        assert!(started.failure.is_none(), "{:?}", started.failure);
        bobs.end(started.leaving[0].action).unwrap();
        started.leaving[0].exit
    }

    async fn is_open(&self, exit: &plasma_core::ExitId) -> bool {
        let found = self.court.contracts().exit(&self.court.rpc(), exit).await;
        found.unwrap().is_some()
    }

    async fn mined(&self) -> u64 {
        mined(&self.court, self.court.stage.bob.address()).await
    }
}

fn calls(purse: &Purse<Holder>) -> Vec<Call> {
    let actions = purse.book().actions();
    actions.flat_map(|(_, action)| action.calls.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_that_a_reorganisation_took_back_is_sent_again_by_whatever_command_looks() {
    let left = Left::with("wallet-taken-back").await;
    let bob = left.court.stage.bob.address();
    let used = left.mined().await;
    left.court.stage.anvil.reorganise(1).await;
    assert_eq!(
        (left.mined().await, left.is_open(&left.exit).await),
        (used - 1, false)
    );
    // It starts at another time, so it has another number.
    left.court.stage.anvil.advance(100).await;
    let mut bobs = left.bob().await;
    bobs.watch(bob).await.unwrap();
    left.court.stage.anvil.mine(1).await;
    assert_eq!(left.mined().await, used, "it was sent again");
    assert!(!bobs.book().action(0).unwrap().is_ended, "it goes on");
    let watched = bobs.watch(bob).await.unwrap().exits;
    assert_eq!(watched.len(), 1);
    let exit = watched[0].leaving.exit;
    assert!(exit != left.exit && left.is_open(&exit).await);
    assert_eq!(left.leave(&mut bobs).await, exit);
    let calls = calls(&bobs);
    assert_eq!((calls.len(), calls[0].attempts.len()), (1, 1), "no new signature");
    assert_eq!((left.mined().await, left.agreed.borrow().len()), (used, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_deep_enough_is_not_looked_at_again() {
    let left = Left::with("wallet-deep").await;
    let mut bobs = left.bob().await;
    bobs.look_again().await.unwrap();
    assert!(!calls(&bobs)[0].is_settled, "the newest block");
    left.court.stage.anvil.mine(1).await;
    bobs.look_again().await.unwrap();
    assert!(calls(&bobs)[0].is_settled);
    assert!(bobs.book().standing().is_empty());
    let watched = bobs.watch(left.court.stage.bob.address()).await.unwrap();
    assert_eq!(watched.exits[0].leaving.exit, left.exit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_whose_nonce_another_program_took_in_a_reorganisation_is_signed_anew() {
    let left = Left::with("wallet-taken-over").await;
    let used = left.mined().await;
    left.court.stage.anvil.reorganise(1).await;
    let other = left.court.contracts().deposit_call(Amount::from(1));
    direct::transact(&left.court.rpc(), &left.court.stage.bob, &other)
        .await
        .unwrap();
    let mut bobs = left.bob().await;
    bobs.look_again().await.unwrap();
    assert_eq!(
        bobs.book().action(0).unwrap().leaving,
        [left.exit],
        "that may be taken back as well"
    );
    left.court.stage.anvil.mine(1).await;
    bobs.look_again().await.unwrap();
    let action = bobs.book().action(0).unwrap();
    assert!(action.calls[0].is_replaced && action.leaving.is_empty() && !action.is_ended);
    let exit = left.leave(&mut bobs).await;
    assert!(left.is_open(&exit).await);
    assert_eq!((left.mined().await, calls(&bobs).len()), (used + 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flight_that_was_taken_back_starts_again_and_its_claims_with_it() {
    let mut court = Court::set("wallet-flight-back").await;
    let coin = court.fund_bob().await;
    let (folder, agreed) = (Scratch::new("wallet-flight-back-bob"), Agreed::default());
    let bob = court.stage.bob.address();
    let outputs = [(court.stage.alice.address(), ETHER / 4), (bob, ETHER - ETHER / 4)];
    let payment = payment(&court, &court.stage.bob_key, (coin, ETHER), &outputs);
    keep(&court, folder.path(), coin);
    court.stage.anvil.advance(EXIT_PERIOD_S + 1).await;
    let mut bobs = purse(&court.stage, folder.path(), &court.stage.bob_key, &agreed).await;
    let flown = bobs.fly(bob, &payment, Help::Nobody).await.unwrap();
    bobs.end(flown.leaving.action).unwrap();
    court.stage.anvil.reorganise(3).await;
    court.stage.anvil.advance(100).await;
    // The claims name the exit by a number that it does not have any more, so they fail. That is waited for until it stays
    // so, and then they are made anew.
    let mut bobs = bobs.with_patience(patience(Duration::from_millis(200)));
    let (mut exit, mut left) = (flown.leaving.exit, usize::MAX);
    for _ in 0..8 {
        match bobs.fly(bob, &payment, Help::Nobody).await {
            Ok(again) => (exit, left) = (again.leaving.exit, again.left.len()),
            Err(WalletError::Waiting(_)) => {}
            Err(error) => panic!("{error}"),
        }
        court.stage.anvil.mine(1).await;
        if left == 0 {
            break;
        }
    }
    assert_eq!(left, 0);
    assert_ne!(exit, flown.leaving.exit);
    assert_eq!(court.in_flight(&exit).await.piggybacked, 0b1_0010);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_died_before_the_exit_was_written_down_finds_it_in_the_call() {
    let left = Left::with("wallet-died").await;
    let path = folder_of(left.folder.path(), &left.court.stage.federation.genesis).join("journal");
    let (journal, records) = Journal::open::<Record>(&path).unwrap();
    drop(journal);
    // As it was just after the call was seen to be mined.
    let until = records
        .iter()
        .position(|record| matches!(record, Record::Mined { .. }))
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(path.with_extension("head")).unwrap();
    std::fs::write(&path, []).unwrap();
    let (mut journal, _) = Journal::open::<Record>(&path).unwrap();
    for record in &records[..=until] {
        journal.append(record).unwrap();
    }
    drop(journal);
    let used = left.mined().await;
    let mut bobs = left.bob().await;
    assert_eq!(left.leave(&mut bobs).await, left.exit);
    assert_eq!(bobs.exit_of(left.coin), Some(left.exit), "it is written down");
    assert_eq!(left.mined().await, used);
}
