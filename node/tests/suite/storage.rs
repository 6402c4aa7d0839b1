//! One suite for every backend: an operator must not be able to tell them apart.

pub(crate) mod crash;
pub(crate) mod embedded;
pub(crate) mod foundation;
pub(crate) mod history;
pub(crate) mod pages;
#[cfg(feature = "fdb")]
pub(crate) mod real_cluster;
pub(crate) mod replay;
pub(crate) mod rules;
pub(crate) mod simulated;
pub(crate) mod sums;

use std::{collections::BTreeMap, marker::PhantomData};

use plasma_core::Hash;
use plasma_node::{
    folder::Identity,
    storage::{
        Storage,
        embedded::{EmbeddedStorage, Engine, Fjall, Settings},
        foundation::FoundationStorage,
        memory::MemoryStorage,
    },
};

use self::{foundation::Clusters, history::genesis, simulated::Simulated};
use super::scratch::Scratch;

/// A backend that can be opened again after its value is dropped.
pub(crate) trait Backend {
    type Storage: Storage;

    fn open(&mut self) -> Self::Storage;
}

pub(crate) fn identity() -> Identity {
    Identity {
        genesis: Hash([3; 32]),
        key: Hash([1; 32]),
    }
}

struct Memory(MemoryStorage);

impl Backend for Memory {
    type Storage = MemoryStorage;

    fn open(&mut self) -> MemoryStorage {
        self.0.clone()
    }
}

struct Embedded<E>(Scratch, PhantomData<E>);

impl<E: Engine> Backend for Embedded<E> {
    type Storage = EmbeddedStorage<E>;

    fn open(&mut self) -> EmbeddedStorage<E> {
        EmbeddedStorage::open(self.0.path(), identity(), &genesis(), Settings::default()).unwrap()
    }
}

impl Backend for Clusters {
    type Storage = FoundationStorage<Simulated>;

    fn open(&mut self) -> FoundationStorage<Simulated> {
        self.try_open().unwrap()
    }
}

fn memory() -> Memory {
    Memory(MemoryStorage::new(identity(), &genesis()))
}

fn embedded_engine<E: Engine>() -> Embedded<E> {
    Embedded(Scratch::new("storage"), PhantomData)
}

macro_rules! every_backend {
    ($($rule:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $rule() { super::rules::$rule(super::memory()).await; })*
        }
        mod in_fjall {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() { super::rules::$rule(super::embedded_engine::<super::Fjall>()).await; })*
        }
        mod in_a_cluster {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() { super::rules::$rule(super::Clusters::one()).await; })*
        }
        mod in_a_cluster_by_steps {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() { super::rules::$rule(super::Clusters::small()).await; })*
        }
        mod in_three_clusters {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() { super::rules::$rule(super::Clusters::shared()).await; })*
        }
        #[cfg(feature = "fdb")]
        mod in_foundationdb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                if let Some(cluster) = super::real_cluster::RealCluster::find() {
                    super::rules::$rule(cluster).await;
                }
            })*
        }
    };
}

every_backend!(
    commits_carry_how_far_the_log_was_on_disk,
    new_storage_shows_genesis,
    random_history_answers_like_plain_maps,
    reopened_storage_answers_the_same,
    committed_block_is_committed_again_without_effect,
    late_certificate_of_a_committed_block_is_kept,
    gap_fork_and_conflict_are_refused,
    foreign_delta_and_foreign_certificate_are_refused,
    delta_that_contradicts_the_rows_is_refused,
    owner_pages_have_no_gaps_and_no_repeats,
    histories_are_paged_from_the_newest_while_blocks_arrive,
    all_there_can_be_of_an_asset_is_paid_on,
    reads_follow_exits_and_deposits_to_their_outputs,
    certificate_above_covers_the_heights_below,
    pinned_reader_sees_one_moment,
    readers_see_whole_blocks_while_commits_go_on,
);

/// Compares two maps by their first difference, which a whole dump would hide.
pub(crate) fn expect_equal<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    found: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
    what: &str,
) {
    for (key, value) in expected {
        assert_eq!(found.get(key), Some(value), "{what} {key:?}");
    }
    let extra = found.keys().find(|key| !expected.contains_key(key));
    assert!(extra.is_none(), "{what}: {extra:?} was never written");
}
