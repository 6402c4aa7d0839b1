//! What a setting is when nobody sets it. `default.toml` shows the same to people; a test keeps the two equal.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use super::{
    Backend, Config, FederationKeys, FoundationKeys, HttpKeys, KeepBlocks, KeyFiles, L1Keys, LogFormat,
    LogKeys, MempoolLimits, P2p, RateLimit, Size, Span, StorageKeys, Timers,
};

impl Default for Config {
    fn default() -> Self {
        Self {
            config_version: 1,
            name: "operator".into(),
            data_dir: "data".into(),
            federation: FederationKeys::default(),
            keys: KeyFiles::default(),
            p2p: P2p::default(),
            consensus: Timers::default(),
            mempool: MempoolLimits::default(),
            storage: StorageKeys::default(),
            l1: L1Keys::default(),
            http: HttpKeys::default(),
            log: LogKeys::default(),
        }
    }
}

impl Default for FederationKeys {
    fn default() -> Self {
        Self {
            file: "federation.toml".into(),
            expected_hash: String::new(),
        }
    }
}

impl Default for KeyFiles {
    fn default() -> Self {
        Self {
            bls: "keys/bls.key".into(),
            eth: "keys/ethereum.key".into(),
            p2p: "keys/peer.key".into(),
        }
    }
}

impl Default for P2p {
    fn default() -> Self {
        Self {
            listen: vec!["/ip4/0.0.0.0/tcp/27400".into()],
            max_clients: 256,
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            delta: Span(Duration::from_millis(500)),
            pace: Span(Duration::from_millis(100)),
            alpha_percent: 150,
            cap: 32,
        }
    }
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self {
            max_transactions: 200_000,
            max_bytes: Size(128 << 20),
        }
    }
}

impl Default for StorageKeys {
    fn default() -> Self {
        Self {
            backend: Backend::Embedded,
            path: "db".into(),
            cache: Size(64 << 20),
            keep_blocks: KeepBlocks::All,
            snapshot_every: 0,
            snapshots_kept: 2,
            fdb: FoundationKeys::default(),
        }
    }
}

impl Default for L1Keys {
    fn default() -> Self {
        Self {
            rpc_url: "http://127.0.0.1:8545".into(),
            poll_interval: Span(Duration::from_secs(2)),
        }
    }
}

impl Default for HttpKeys {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 27_401)),
            max_connections: 384,
            max_per_address: 32,
            rate_limit: RateLimit::Rate {
                per_second: FIFTY,
                burst: THOUSAND,
            },
            trusted_proxies: Vec::new(),
            tokens_file: "".into(),
            explorer: true,
            legacy_go_plasma: false,
        }
    }
}

impl Default for LogKeys {
    fn default() -> Self {
        Self {
            filter: "info,fjall=warn,lsm_tree=warn".into(),
            format: LogFormat::Text,
        }
    }
}

/// Payments a second of one address.
const FIFTY: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
/// A whole batch.
const THOUSAND: NonZeroU32 = NonZeroU32::new(1_000).expect("not zero");

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn printed_defaults_are_the_real_ones_and_complete() {
        let printed: toml::Table = Config::DEFAULT_TEXT.parse().unwrap();
        let real = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(printed, real);
        assert_eq!(
            Config::parse("default.toml", Config::DEFAULT_TEXT, &[]).unwrap(),
            Config::default()
        );
    }
}
