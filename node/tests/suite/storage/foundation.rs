//! What only a cluster can get wrong: answers that never come, a process that dies between two clusters, two processes.

use std::sync::{Arc, Mutex};

use plasma_core::{Hash, Height, State};
use plasma_node::{
    folder::Identity,
    storage::{
        Read, Storage, StorageError,
        foundation::{FoundationStorage, Settings, Shares, Site},
    },
};

use super::{
    history::{Model, genesis},
    identity,
    rules::expect_model,
    simulated::{COMMIT_FAULTS, READ_FAULTS, Simulated},
};

/// A federation member's clusters, to be opened by one process after the other.
pub(crate) struct Clusters {
    pub(crate) all: Vec<Simulated>,
    shares: Shares,
    settings: Settings,
    processes: u8,
}

impl Clusters {
    /// One cluster and transactions that hold any block.
    pub(crate) fn one() -> Self {
        Self {
            all: vec![Simulated::new("main.cluster")],
            shares: Shares::none(),
            settings: Settings::default(),
            processes: 0,
        }
    }

    /// One cluster and transactions so small that every block takes steps.
    pub(crate) fn small() -> Self {
        Self {
            settings: Settings {
                transaction_bytes: 1_500,
                ..Settings::default()
            },
            ..Self::one()
        }
    }

    /// Outputs in three clusters, one of them the main one.
    pub(crate) fn shared() -> Self {
        Self {
            all: ["main.cluster", "a.cluster", "b.cluster"]
                .map(Simulated::new)
                .into(),
            shares: Shares::new(&[(0, 0, 1), (1, 2, 2), (3, 255, 0)]).unwrap(),
            ..Self::one()
        }
    }

    /// The same with so many percent of all calls failing.
    pub(crate) fn with_faults(mut self, seed: u64, percent: u32) -> Self {
        let seeds = seed..;
        self.all = self
            .all
            .into_iter()
            .zip(seeds)
            .map(|(cluster, seed)| cluster.with_faults(seed, percent))
            .collect();
        self
    }

    pub(crate) fn site(&mut self) -> Site<Simulated> {
        self.processes += 1;
        Site {
            clusters: self.all.clone(),
            directory: vec!["plasma".to_owned()],
            shares: self.shares.clone(),
            holder: format!("process {}", self.processes),
            token: [self.processes; 16],
            has_heart: false,
            settings: self.settings,
        }
    }

    pub(crate) fn try_open(&mut self) -> Result<FoundationStorage<Simulated>, StorageError> {
        FoundationStorage::open(self.site(), identity(), &genesis())
    }

    /// A storage of another ledger there.
    pub(crate) fn open_for(&mut self, identity: Identity, state: &State) -> FoundationStorage<Simulated> {
        FoundationStorage::open(self.site(), identity, state).unwrap()
    }

    fn crash_at(&self, call: Option<u64>) {
        self.all.iter().for_each(|cluster| cluster.crash_at(call));
    }
}

/// Commits the model's next blocks until the process dies; the last height that was acknowledged.
async fn commit_until_dead(clusters: &mut Clusters, model: &Model, blocks: usize) -> Option<Height> {
    let mut storage = clusters.try_open().ok()?;
    let tip = storage.reader().tip().ok()?.0;
    let mut acknowledged = tip;
    let next = model
        .blocks
        .iter()
        .filter(|(decided, _)| decided.header.height > tip);
    for (decided, delta) in next.take(blocks) {
        if storage.commit(decided, delta).await.is_err() {
            break;
        }
        acknowledged = decided.header.height;
    }
    Some(acknowledged)
}

fn model_at(seed: u64, height: Height) -> Model {
    let mut model = Model::new(seed);
    while model.state.header.height < height {
        model.next();
    }
    model
}

/// Dies at every call of a workload in turn, and again at some call of the recovery.
async fn expect_survival_of_every_death(mut make: impl FnMut() -> Clusters) {
    const SEED: u64 = 0xfd6;
    let whole = model_at(SEED, Height(12));
    for death in 1.. {
        let mut clusters = make();
        assert_eq!(commit_until_dead(&mut clusters, &whole, 6).await, Some(Height(6)));
        clusters.crash_at(Some(death));
        let acknowledged = commit_until_dead(&mut clusters, &whole, 2).await;
        let is_unharmed = acknowledged == Some(Height(8));
        clusters.crash_at(Some(death % 7 + 1));
        let _ = commit_until_dead(&mut clusters, &whole, 0).await;
        clusters.crash_at(None);
        let storage = clusters
            .try_open()
            .unwrap_or_else(|error| panic!("death {death}: {error}"));
        let (tip, _) = storage.reader().tip().unwrap();
        let least = acknowledged.unwrap_or(Height(6));
        assert!(
            tip >= least && tip.0 <= least.0 + 1,
            "death {death}: {least} acknowledged, {tip} found"
        );
        expect_model(&storage.reader(), &model_at(SEED, tip));
        drop(storage);
        let rest = commit_until_dead(&mut clusters, &whole, 12).await;
        assert_eq!(rest, Some(Height(12)), "death {death}: it goes on");
        if is_unharmed {
            assert!(death > 10, "the workload has calls to die at");
            return;
        }
    }
}

#[tokio::test]
async fn death_at_any_call_loses_and_invents_nothing() {
    expect_survival_of_every_death(Clusters::one).await;
}

#[tokio::test]
async fn death_at_any_call_of_a_commit_in_steps_loses_and_invents_nothing() {
    expect_survival_of_every_death(Clusters::small).await;
}

#[tokio::test]
async fn death_between_two_clusters_loses_and_invents_nothing() {
    expect_survival_of_every_death(Clusters::shared).await;
}

/// Half of all calls fail, many after they were heard, some are heard only later: every block is there once.
#[tokio::test]
async fn doubtful_answers_have_no_effect_twice() {
    for seed in 0..40 {
        for clusters in [Clusters::one(), Clusters::small(), Clusters::shared()] {
            let mut clusters = clusters.with_faults(seed, 30);
            let mut model = Model::new(seed);
            let mut storage = clusters
                .try_open()
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            for _ in 0..6 {
                let (decided, delta) = model.next();
                let result = storage.commit(&decided, &delta).await;
                result.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            }
            for cluster in &clusters.all {
                cluster.world().stop_faults();
            }
            expect_model(&storage.reader(), &model);
        }
    }
}

/// Each commit of two blocks in turn is held up, tried again, and arrives after a third block: it must fail by then.
#[tokio::test]
async fn commit_that_arrives_late_changes_nothing() {
    for make in [Clusters::one, Clusters::small, Clusters::shared] {
        for cluster in 0..make().all.len() {
            for held in 1.. {
                let mut clusters = make();
                let mut storage = clusters.try_open().unwrap();
                let mut model = model_at(5, Height(4));
                for (decided, delta) in &model.blocks {
                    storage.commit(decided, delta).await.unwrap();
                }
                clusters.all[cluster].hold_commit(held);
                for _ in 0..3 {
                    let (decided, delta) = model.next();
                    storage.commit(&decided, &delta).await.unwrap();
                }
                let (sent, happened) = clusters.all[cluster].release_held();
                if sent == 0 {
                    break;
                }
                assert_eq!(happened, 0, "cluster {cluster}, commit {held}");
                expect_model(&storage.reader(), &model);
            }
        }
    }
}

/// The same for a process that another one took for dead: what it sent before arrives after.
#[tokio::test]
async fn commit_of_a_process_taken_for_dead_fails_when_it_arrives() {
    for make in [Clusters::one, Clusters::small, Clusters::shared] {
        for cluster in 0..make().all.len() {
            for held in 1.. {
                let mut clusters = make();
                let mut first = clusters.try_open().unwrap();
                let mut model = Model::new(5);
                let (decided, delta) = model.next();
                clusters.all[cluster].hold_commit(held);
                // The process hangs behind the commit that got no answer: nothing of it is heard again.
                clusters.all[cluster].hang_after_hold();
                let _ = first.commit(&decided, &delta).await;
                clusters.crash_at(None);
                if clusters.all[cluster].held() == 0 {
                    break;
                }
                let second = clusters.try_open().unwrap();
                assert_eq!(
                    clusters.all[cluster].release_held(),
                    (1, 0),
                    "cluster {cluster}, commit {held}"
                );
                let (tip, _) = second.reader().tip().unwrap();
                expect_model(&second.reader(), &model_at(5, tip));
                drop(second);
                drop(first);
            }
        }
    }
}

/// Somebody reads after every single transaction: a block is there wholly or not at all.
#[tokio::test]
async fn readers_see_no_block_in_part() {
    for make in [Clusters::one, Clusters::small, Clusters::shared] {
        let mut clusters = make();
        let mut storage = clusters.try_open().unwrap();
        let mut model = Model::new(11);
        let looks = Arc::new(Mutex::new(0));
        for cluster in &clusters.all {
            let (reader, looks) = (storage.reader(), Arc::clone(&looks));
            cluster.after_commit(move || {
                let moment = reader.pinned().unwrap();
                expect_model(&moment, &model_at(11, moment.tip().unwrap().0));
                *looks.lock().unwrap() += 1;
            });
        }
        for _ in 0..12 {
            let (decided, delta) = model.next();
            storage.commit(&decided, &delta).await.unwrap();
        }
        assert!(*looks.lock().unwrap() >= 12);
        clusters
            .all
            .iter()
            .for_each(|cluster| cluster.after_commit(|| {}));
        expect_model(&storage.reader(), &model);
    }
}

#[tokio::test]
async fn simulated_clusters_give_every_fault() {
    let mut clusters = Clusters::small().with_faults(7, 30);
    let mut storage = clusters.try_open().unwrap();
    let mut model = Model::new(7);
    for _ in 0..60 {
        let (decided, delta) = model.next();
        storage.commit(&decided, &delta).await.unwrap();
    }
    let world = clusters.all[0].world();
    for code in READ_FAULTS.iter().chain(&COMMIT_FAULTS) {
        assert!(
            world.given.get(code).is_some_and(|times| *times > 5),
            "{code}: {:?}",
            world.given
        );
    }
    let (happened, failed) = world.late_commits;
    assert!(
        failed > 5,
        "late commits fail on what changed: {happened} happened, {failed} failed"
    );
}

#[test]
fn second_process_leaves_while_the_first_is_alive() {
    let mut clusters = Clusters::one();
    let first = Arc::new(Mutex::new(Some(clusters.try_open().unwrap())));
    let alive = Arc::clone(&first);
    clusters.all[0].meanwhile(move || {
        if let Some(storage) = alive.lock().unwrap().as_ref() {
            storage.beat().unwrap();
        }
    });
    let error = clusters.try_open().unwrap_err();
    assert!(
        matches!(&error, StorageError::Fenced { holder, .. } if holder == "process 1"),
        "{error}"
    );
    assert!(error.to_string().contains("main.cluster"), "{error}");
    drop(first.lock().unwrap().take());
    clusters
        .try_open()
        .expect("the first one gave the right to write back");
}

#[tokio::test]
async fn process_that_was_taken_for_dead_writes_nothing_more() {
    let mut clusters = Clusters::small();
    let mut first = clusters.try_open().unwrap();
    let mut model = Model::new(3);
    let (decided, delta) = model.next();
    first.commit(&decided, &delta).await.unwrap();
    let second = clusters
        .try_open()
        .expect("a counter that rests is a dead process");
    let (decided, delta) = model.next();
    let error = first.commit(&decided, &delta).await.unwrap_err();
    assert!(
        matches!(&error, StorageError::Fenced { holder, .. } if holder == "process 2"),
        "{error}"
    );
    assert_eq!(second.reader().tip().unwrap().0, Height(1));
    expect_model(&second.reader(), &model_at(3, Height(1)));
    drop(first);
    drop(second);
    clusters
        .try_open()
        .expect("the loser did not give back what was not its own");
}

#[test]
fn other_operators_have_their_own_rows_in_one_cluster() {
    let mut clusters = Clusters::one();
    let first = clusters.try_open().unwrap();
    let other = Identity {
        key: Hash([2; 32]),
        ..identity()
    };
    let second = FoundationStorage::open(clusters.site(), other, &genesis()).unwrap();
    assert_eq!(first.reader().tip().unwrap(), second.reader().tip().unwrap());
    let stranger = Identity {
        genesis: Hash([4; 32]),
        ..identity()
    };
    FoundationStorage::open(clusters.site(), stranger, &genesis()).unwrap();
}

#[test]
fn cluster_that_does_not_serve_is_named() {
    let mut clusters = Clusters::one().with_faults(1, 100);
    let error = clusters.try_open().unwrap_err();
    assert!(matches!(error, StorageError::Unavailable { .. }), "{error}");
    for word in ["main.cluster", "simulated fault", "fdbcli"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn moment_older_than_five_seconds_says_so() {
    use plasma_node::storage::foundation::cluster::Cluster;
    let mut clusters = Clusters::one();
    let storage = clusters.try_open().unwrap();
    let pinned = storage.reader().pinned().unwrap();
    assert_eq!(pinned.tip().unwrap().0, Height(0));
    clusters.all[0].pause(std::time::Duration::from_secs(6));
    assert!(matches!(pinned.tip().unwrap_err(), StorageError::TooOld));
    assert_eq!(
        storage.reader().tip().unwrap().0,
        Height(0),
        "a new moment is read"
    );
}

#[test]
fn shares_must_cover_every_owner_once() {
    for (ranges, words) in [
        (
            vec![(0, 100, 1), (102, 255, 2)],
            "byte 101 of an owner's address belongs to no share",
        ),
        (
            vec![(0, 100, 1), (100, 255, 2)],
            "byte 100 of an owner's address belongs to two shares",
        ),
    ] {
        let error = Shares::new(&ranges).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    Shares::new(&[(0, 127, 1), (128, 255, 2)]).unwrap();
}
