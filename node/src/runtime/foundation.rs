//! An operator whose rows lie in FoundationDB: from its settings to an open storage.

use std::path::PathBuf;

use plasma_core::State;
use rand::Rng;

use crate::{
    config::Config,
    folder::Identity,
    storage::{
        StorageError,
        foundation::{FoundationStorage, Settings, Shares, Site, client::FoundationCluster},
    },
};

/// Opens the clusters that the settings name, and the operator's rows in them. Waits for the network.
///
/// # Errors
/// [`StorageError`] names the cluster file, and what to do.
pub fn open(
    config: &Config,
    identity: Identity,
    genesis: &State,
) -> Result<FoundationStorage<FoundationCluster>, StorageError> {
    FoundationStorage::open(site(config)?, identity, genesis)
}

/// The clusters that the settings name, reached.
///
/// # Errors
/// [`StorageError`] names the cluster file, and what to do.
pub fn site(config: &Config) -> Result<Site<FoundationCluster>, StorageError> {
    let keys = &config.storage.fdb;
    let mut files = vec![keys.main_file()];
    let mut ranges = Vec::new();
    // The settings were checked: every key of the map is a range.
    for share in keys.ranges().unwrap_or_default() {
        let known = files.iter().position(|file| *file == share.file);
        let place = known.unwrap_or(files.len());
        if known.is_none() {
            files.push(share.file);
        }
        ranges.push((share.from, share.to, place));
    }
    Ok(Site {
        clusters: files
            .iter()
            .map(|file| FoundationCluster::open(file))
            .collect::<Result<_, _>>()?,
        directory: keys.directory.clone(),
        shares: Shares::new(&ranges)?,
        holder: holder(),
        token: rand::rng().random(),
        has_heart: true,
        settings: Settings {
            keep: config.storage.keep_blocks.into(),
            ..Settings::default()
        },
    })
}

/// How this process presents itself to one that wants its place.
fn holder() -> String {
    let host = std::fs::read_to_string(PathBuf::from("/proc/sys/kernel/hostname")).unwrap_or_default();
    format!("pid {} on {}", std::process::id(), host.trim())
}
