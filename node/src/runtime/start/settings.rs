//! What an operator's settings say to its parts.

use std::time::Duration;

use plasma_core::{Genesis, PublicKey};

use super::facts::Facts;
use crate::{
    config::{Backend, Config},
    directory::Directory,
    operator::{
        Params,
        chain::{DERIVED_BYTES_MAX, Room},
        mempool::MempoolLimits,
    },
    runtime::{admin, snapshots::Snapshots, verify::Rules},
};

/// How long a transaction waits in the mempool.
const MEMPOOL_TTL_MS: u64 = 600_000;

/// What the verification of signatures must know.
pub(super) fn rules(genesis: &Genesis, directory: &Directory) -> Rules {
    Rules {
        domain: genesis.domain(),
        directory: directory.clone(),
        block_bytes_max: usize::try_from(genesis.max_block_bytes.saturating_add(DERIVED_BYTES_MAX))
            .unwrap_or(usize::MAX),
    }
}

/// Which storage the settings name.
#[must_use]
pub fn place(config: &Config) -> admin::Place {
    let path = match config.storage.backend {
        Backend::Fdb => config.storage.fdb.main_file(),
        Backend::Embedded | Backend::Memory => config.storage_path(),
    };
    admin::Place {
        backend: config.storage.backend.name(),
        path,
        data_dir: config.data_dir.clone(),
    }
}

pub(super) fn snapshots(config: &Config) -> Snapshots {
    let storage = &config.storage;
    Snapshots::new(&config.data_dir, storage.snapshot_every, storage.snapshots_kept)
}

/// What the operator is told once: its settings, and what Ethereum says at the start.
pub(super) fn params(
    config: &Config,
    genesis: &Genesis,
    directory: &Directory,
    key: PublicKey,
    facts: &Facts,
) -> Params {
    Params {
        genesis: genesis.clone(),
        committees: directory.committees(),
        key,
        consensus: timers(config),
        mempool: MempoolLimits {
            transactions_max: config.mempool.max_transactions,
            bytes_max: usize::try_from(config.mempool.max_bytes.0).unwrap_or(usize::MAX),
            ttl_ms: MEMPOOL_TTL_MS,
        },
        room: Room::of(genesis.max_block_bytes),
        silence_s: facts.silence_s,
        grace_s: facts.grace_s,
        anchor: facts.anchor,
        origin_time_s: facts.origin.timestamp_s,
    }
}

pub(super) fn timers(config: &Config) -> plasma_consensus::Config {
    plasma_consensus::Config {
        delta_ms: millis(config.consensus.delta.0),
        pace_ms: millis(config.consensus.pace.0),
        alpha_percent: u64::from(config.consensus.alpha_percent),
        cap: u64::from(config.consensus.cap),
        ..plasma_consensus::Config::default()
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
