//! A shell whose cluster does not answer for a while.

use std::time::Duration;

use plasma_core::{Height, SignedTransaction};
use plasma_node::{
    runtime::{Fatal, handle::Known},
    storage::{
        Read, StorageError,
        foundation::{FoundationReader, FoundationStorage, Settings, Shares, Site},
    },
};
use tokio::time::timeout;

use super::{super::storage::simulated::Simulated, Alone, PATIENCE, users};

/// A shell whose rows lie in a simulated cluster.
async fn clustered(cluster: &Simulated) -> Alone<FoundationReader<Simulated>> {
    let site = Site {
        clusters: vec![cluster.clone()],
        directory: vec!["plasma".to_owned()],
        shares: Shares::none(),
        holder: "a test".to_owned(),
        token: [1; 16],
        has_heart: false,
        settings: Settings::default(),
    };
    Alone::start_on(|identity, state| FoundationStorage::open(site, identity, state).expect("opens")).await
}

/// A cluster, the shell above it, and a payment of what somebody deposited there in block 1.
async fn ready() -> (Simulated, Alone<FoundationReader<Simulated>>, SignedTransaction) {
    let cluster = Simulated::new("main.cluster");
    let alone = clustered(&cluster).await;
    let users = users(1);
    let positions = alone.deposit(&users).await;
    let payment = alone.payment(&users[0], positions[0], 7);
    (cluster, alone, payment)
}

impl Simulated {
    /// No call is answered any more.
    fn leave(&self) {
        drop(self.clone().with_faults(1, 100));
    }

    /// So many calls from now on have found nobody.
    async fn miss(&self, calls: u64) {
        let missed = || self.world().given.values().sum::<u64>();
        let before = missed();
        let enough = async {
            while missed() < before + calls {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, enough).await.expect("it goes on asking");
    }
}

/// More calls than two rounds of attempts make.
const ROUNDS_OF_CALLS: u64 = 101;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_back_while_its_cluster_is_away_and_goes_on_by_itself() {
    let (cluster, alone, payment) = ready().await;
    cluster.leave();
    let submitted = tokio::spawn({
        let (handle, payment) = (alone.handle.clone(), payment.clone());
        async move { handle.submit(payment).await }
    });
    cluster.miss(ROUNDS_OF_CALLS).await;
    assert!(!alone.running.is_finished());
    assert_eq!(alone.handle.watch().borrow().height, Height(1));
    cluster.world().stop_faults();
    let answer = timeout(PATIENCE, submitted)
        .await
        .expect("in time")
        .expect("no panic");
    assert_eq!(answer.map(|accepted| accepted.known), Ok(Known::New));
    alone.height(Height(2)).await;
    assert!(alone.reader.transaction(&payment.id()).expect("reads").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_its_cluster_does_not_take_is_committed_once_when_it_is_back() {
    let (cluster, alone, payment) = ready().await;
    // The next commit is held up on its way, and nothing is heard behind it.
    cluster.hold_commit(1);
    cluster.leave_after_hold();
    alone.handle.submit(payment.clone()).await.expect("is taken");
    cluster.miss(ROUNDS_OF_CALLS).await;
    assert!(!alone.running.is_finished());
    assert_eq!(cluster.release_held(), (1, 1));
    cluster.world().stop_faults();
    alone.height(Height(2)).await;
    assert!(alone.reader.transaction(&payment.id()).expect("reads").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_on_an_answer_that_waiting_does_not_change() {
    let (cluster, alone, payment) = ready().await;
    // Every call from now on is refused for good.
    cluster.crash_at(Some(0));
    let _ = alone.handle.submit(payment).await;
    let ended = timeout(PATIENCE, alone.running).await.expect("in time");
    let error = ended.expect("no panic").unwrap_err();
    assert!(
        matches!(&error, Fatal::Storage(StorageError::Refused { .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_when_told_while_its_cluster_is_away() {
    let (cluster, alone, payment) = ready().await;
    cluster.leave();
    let submitted = tokio::spawn({
        let handle = alone.handle.clone();
        async move { handle.submit(payment).await }
    });
    cluster.miss(ROUNDS_OF_CALLS).await;
    alone.stop.send(true).expect("runs");
    let ended = timeout(PATIENCE, alone.running).await.expect("in time");
    ended.expect("no panic").expect("a clean end");
    let answer = timeout(PATIENCE, submitted)
        .await
        .expect("in time")
        .expect("no panic");
    assert!(answer.is_err(), "{answer:?}");
}
