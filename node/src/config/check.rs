//! Which settings are refused, key by key.

use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};

use plasma_network::Multiaddr;
use tracing_subscriber::EnvFilter;

use super::{Backend, Config, ConfigError, KeepBlocks, LogKeys, Size, federation};
use crate::storage::Keep;

/// A name is shown to peers and in one log line.
const NAME_MAX: usize = 64;
/// Why a storage may not lie somewhere.
pub(crate) const NO_STORAGE_THERE: &str = "a folder for the storage alone, such as \"db\": not data_dir, nor what holds it, nor its log, \
                                           snapshots or committees";
/// The cache holds blocks of fourteen tables' files, some kilobytes each, and their indexes: less than this keeps none of them until it
/// is asked for again.
const CACHE_MIN: Size = Size(1 << 20);
/// What one batch of clients' payments may bring (`BATCH_BODY_MAX`): a pool that cannot hold it refuses honest clients for ever.
const MEMPOOL_MIN: Size = Size(4 << 20);
/// Connections of one door: each is a file, and some tens of kilobytes while it is used. So many are more than any operator
/// serves, and the system lets few processes open more.
const CONNECTIONS_MAX: usize = 65_536;
/// Far above any network's delay: a view would take many minutes.
const DELTA_MAX: Duration = Duration::from_secs(60);
/// What else lies in the data folder.
const NEIGHBOURS: [&str; 3] = ["log", "snapshots", "committees"];

impl Config {
    #[expect(clippy::too_many_lines, reason = "one rule after the other, key by key")]
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: &dyn ToString, reason| {
            Err(ConfigError::Value {
                key,
                value: value.to_string(),
                reason,
            })
        };
        if self.config_version != 1 {
            return refuse(
                "config_version",
                &self.config_version,
                "this version reads format 1",
            );
        }
        if self.name.is_empty() || self.name.len() > NAME_MAX || self.name.chars().any(char::is_control) {
            return refuse("name", &self.name, "1 to 64 printable characters");
        }
        let hash = &self.federation.expected_hash;
        if !hash.is_empty() && federation::hash_of(hash).is_none() {
            return refuse("federation.expected_hash", hash, "0x and 64 hex digits, or empty");
        }
        if self.p2p.listen.is_empty() {
            return refuse(
                "p2p.listen",
                &"[]",
                "at least one multiaddress, for example \"/ip4/0.0.0.0/tcp/27400\"",
            );
        }
        if let Some(odd) = self
            .p2p
            .listen
            .iter()
            .find(|text| text.parse::<Multiaddr>().is_err())
        {
            return refuse(
                "p2p.listen",
                odd,
                "a multiaddress, for example \"/ip4/0.0.0.0/tcp/27400\"",
            );
        }
        self.log.levels()?;
        if self.consensus.delta.0.is_zero() || self.consensus.delta.0 > DELTA_MAX {
            return refuse(
                "consensus.delta",
                &self.consensus.delta,
                "longer than 0ms, because no message arrives at once, and at most 60s",
            );
        }
        if !(101..=1_000).contains(&self.consensus.alpha_percent) {
            return refuse(
                "consensus.alpha_percent",
                &self.consensus.alpha_percent,
                "101 to 1000",
            );
        }
        if !(1..=10_000).contains(&self.consensus.cap) {
            return refuse("consensus.cap", &self.consensus.cap, "1 to 10000");
        }
        if self.storage.backend == Backend::Fdb && !cfg!(feature = "fdb") {
            return refuse(
                "storage.backend",
                &"fdb",
                "this program was built without FoundationDB; build it with `--features fdb` where libfdb_c is installed",
            );
        }
        if self.storage.backend == Backend::Fdb && self.storage.snapshot_every > 0 {
            return refuse(
                "storage.snapshot_every",
                &self.storage.snapshot_every,
                "0 with backend \"fdb\": a cluster shows a moment for five seconds only; use FoundationDB's own backup",
            );
        }
        if let Err(range) = self.storage.fdb.ranges() {
            return refuse(
                "storage.fdb.shares",
                &range,
                "a range of first bytes of an owner's address, such as \"0-127\" = \"a.cluster\"",
            );
        }
        if self.storage.fdb.directory.is_empty() || self.storage.fdb.directory.iter().any(String::is_empty) {
            return refuse(
                "storage.fdb.directory",
                &self.storage.fdb.directory.join(","),
                "a path of the directory layer, such as [\"plasma\"]",
            );
        }
        if self.mempool.max_transactions == 0 {
            return refuse("mempool.max_transactions", &0, "at least 1");
        }
        if self.mempool.max_bytes < MEMPOOL_MIN {
            return refuse(
                "mempool.max_bytes",
                &self.mempool.max_bytes,
                "at least 4MiB, which is one batch of a client's payments",
            );
        }
        if self.storage.cache < CACHE_MIN {
            return refuse(
                "storage.cache",
                &self.storage.cache,
                "at least 1MiB, or every payment waits for the disk; the default is 64MiB",
            );
        }
        if let KeepBlocks::Newest(newest) = self.storage.keep_blocks
            && newest < Keep::NEWEST_MIN
        {
            return refuse(
                "storage.keep_blocks",
                &newest,
                "\"all\", or at least 1000: operators that were away are brought up to date from them",
            );
        }
        if !self.could_store_in(&self.storage.path) {
            return refuse("storage.path", &self.storage.path.display(), NO_STORAGE_THERE);
        }
        if self.storage.snapshots_kept == 0 {
            return refuse(
                "storage.snapshots_kept",
                &0,
                "at least 1; snapshot_every = 0 takes none",
            );
        }
        if !["http://", "https://"]
            .iter()
            .any(|scheme| self.l1.rpc_url.starts_with(scheme))
        {
            return refuse("l1.rpc_url", &self.l1.rpc_url, "starts with http:// or https://");
        }
        if self.l1.poll_interval.0.is_zero() {
            return refuse("l1.poll_interval", &self.l1.poll_interval, "longer than 0ms");
        }
        if !(1..=CONNECTIONS_MAX).contains(&self.http.max_connections) {
            return refuse(
                "http.max_connections",
                &self.http.max_connections,
                "1 to 65536, and below what `ulimit -n` leaves: each takes an open file",
            );
        }
        if !(1..=CONNECTIONS_MAX).contains(&self.http.max_per_address) {
            return refuse(
                "http.max_per_address",
                &self.http.max_per_address,
                "1 to 65536; the default of 32 is more than a browser opens",
            );
        }
        if !usize::try_from(self.p2p.max_clients).is_ok_and(|clients| clients <= CONNECTIONS_MAX) {
            return refuse(
                "p2p.max_clients",
                &self.p2p.max_clients,
                "0 to 65536, and below what `ulimit -n` leaves: each takes an open file",
            );
        }
        Ok(())
    }

    /// Whether a storage at this path, as `storage.path` would name it, has a folder of its own: it is replaced as a whole,
    /// and nothing else may go with it.
    pub(crate) fn could_store_in(&self, path: &Path) -> bool {
        let (data, storage) = (plain(&self.data_dir), plain(&self.data_dir.join(path)));
        let is_apart = |other: &&str| !overlap(&storage, &data.join(other));
        !data.starts_with(&storage) && NEIGHBOURS.iter().all(is_apart)
    }
}

impl LogKeys {
    /// What is logged.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when the filter cannot be read.
    pub(crate) fn levels(&self) -> Result<EnvFilter, ConfigError> {
        EnvFilter::try_new(&self.filter).map_err(|_| ConfigError::Value {
            key: "log.filter",
            value: self.filter.clone(),
            reason: "levels such as \"info\" or \"info,plasma_network=debug\"",
        })
    }
}

/// Whether one of two folders is the other or lies in it, by their words and by where links lead.
pub(crate) fn overlap(one: &Path, other: &Path) -> bool {
    let pairs = [(plain(one), plain(other)), (real(one), real(other))];
    pairs
        .iter()
        .any(|(one, other)| one.starts_with(other) || other.starts_with(one))
}

/// Where a path leads, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let path = plain(path);
    let found = path.ancestors().find_map(|part| {
        let rest = path.strip_prefix(part).ok()?;
        Some(part.canonicalize().ok()?.join(rest))
    });
    found.unwrap_or(path)
}

/// An absolute path without `.` and `..`, as far as its words tell.
fn plain(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            _ => plain.push(part),
        }
    }
    plain
}
