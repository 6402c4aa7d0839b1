//! The same rules in a real cluster, where `FDB_CLUSTER_FILE` names one.

use std::{
    env,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use plasma_core::{Height, State};
use plasma_node::folder::Identity;
use plasma_node::storage::{
    Read, Storage, StorageError,
    foundation::{FoundationStorage, Settings, Shares, Site, client::FoundationCluster},
};

use super::{
    Backend,
    history::{Model, genesis},
    identity,
    rules::expect_model,
};

/// A directory of its own in the cluster that the environment names.
pub(crate) struct RealCluster {
    file: PathBuf,
    directory: String,
    clusters: usize,
    shares: Shares,
    settings: Settings,
}

impl RealCluster {
    /// `None`, and a line that says so, when there is no cluster.
    pub(crate) fn find() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Some(file) = env::var_os("FDB_CLUSTER_FILE") else {
            #[expect(
                clippy::print_stderr,
                reason = "a test that is skipped says so where people look"
            )]
            {
                eprintln!("skipped: FDB_CLUSTER_FILE names no FoundationDB cluster");
            }
            return None;
        };
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        Some(Self {
            file: file.into(),
            directory: format!("test-{started}-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            clusters: 1,
            shares: Shares::none(),
            settings: Settings::default(),
        })
    }

    fn by_steps(self) -> Self {
        let settings = Settings {
            transaction_bytes: 1_500,
            ..self.settings
        };
        Self { settings, ..self }
    }

    fn with_shares(self) -> Self {
        let shares = Shares::new(&[(0, 0, 1), (1, 2, 2), (3, 255, 0)]).unwrap();
        Self {
            clusters: 3,
            shares,
            ..self
        }
    }

    fn site(&self) -> Site<FoundationCluster> {
        Site {
            clusters: vec![FoundationCluster::open(&self.file).unwrap(); self.clusters],
            directory: vec!["plasma-tests".to_owned(), self.directory.clone()],
            shares: self.shares.clone(),
            holder: "a test".to_owned(),
            token: rand::random(),
            has_heart: true,
            settings: self.settings,
        }
    }

    fn try_open(&self) -> Result<FoundationStorage<FoundationCluster>, StorageError> {
        FoundationStorage::open(self.site(), identity(), &genesis())
    }

    /// A storage of another ledger there.
    pub(crate) fn open_for(&self, identity: Identity, state: &State) -> FoundationStorage<FoundationCluster> {
        FoundationStorage::open(self.site(), identity, state).unwrap()
    }
}

impl Backend for RealCluster {
    type Storage = FoundationStorage<FoundationCluster>;

    fn open(&mut self) -> Self::Storage {
        self.try_open().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_history_by_steps_and_over_shares_answers_like_plain_maps() {
    let ways = [RealCluster::by_steps, RealCluster::with_shares];
    for way in ways {
        let Some(mut cluster) = RealCluster::find().map(way) else {
            return;
        };
        let mut model = Model::new(0xb10c);
        for _ in 0..3 {
            let mut storage = cluster.open();
            for _ in 0..10 {
                let (decided, delta) = model.next();
                storage.commit(&decided, &delta).await.unwrap();
            }
            expect_model(&storage.reader(), &model);
        }
        expect_model(&cluster.open().reader(), &model);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_process_leaves_and_a_dead_one_is_replaced() {
    let Some(mut cluster) = RealCluster::find() else {
        return;
    };
    let first = cluster.open();
    let error = cluster.try_open().unwrap_err();
    assert!(
        matches!(&error, StorageError::Fenced { holder, .. } if holder == "a test"),
        "{error}"
    );
    drop(first);
    let mut dead = FoundationStorage::open(
        Site {
            has_heart: false,
            ..cluster.site()
        },
        identity(),
        &genesis(),
    )
    .unwrap();
    let second = cluster.open();
    let (decided, delta) = Model::new(1).next();
    let error = dead.commit(&decided, &delta).await.unwrap_err();
    assert!(matches!(error, StorageError::Fenced { .. }), "{error}");
    assert_eq!(second.reader().tip().unwrap().0, Height(0));
}

#[test]
fn cluster_file_that_cannot_be_used_is_named() {
    let scratch = super::super::scratch::Scratch::new("cluster-file");
    for (name, text, words) in [
        ("absent.cluster", None, "No such file"),
        ("empty.cluster", Some(""), "no line such as"),
        ("wrong.cluster", Some("hello"), "no line such as"),
    ] {
        let file = scratch.path().join(name);
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let error = FoundationCluster::open(&file).unwrap_err();
        assert!(matches!(error, StorageError::ClusterFile { .. }), "{error}");
        assert!(
            error.to_string().contains(words) && error.to_string().contains(name),
            "{error}"
        );
    }
}

#[test]
fn cluster_that_nobody_serves_is_named_in_time() {
    let scratch = super::super::scratch::Scratch::new("cluster-file");
    let file = scratch.path().join("dead.cluster");
    // Port 1 of this machine: nobody listens there.
    std::fs::write(&file, "nobody:here@127.0.0.1:1").unwrap();
    let error = FoundationCluster::open(&file).unwrap_err();
    assert!(matches!(error, StorageError::Unreachable { .. }), "{error}");
    for word in ["dead.cluster", "7.3", "fdbcli"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}
