//! An operator that has voted does not start without its log.

use std::{fs, sync::Arc};

use plasma_core::OperatorIndex;
use plasma_node::{
    config::Config,
    keystore::{OperatorKeys, Secret},
    runtime::start::{RunError, Start, run},
};
use tokio::sync::watch;

use super::{chain::genesis, scratch::Scratch};

#[tokio::test]
async fn who_has_voted_is_refused_at_every_start_until_the_log_is_back() {
    let scratch = Scratch::new("lost-log");
    let (data, key) = (scratch.path().join("data"), scratch.path().join("bls.key"));
    let text = format!(
        "data_dir = {data:?}\n[keys]\nbls = {key:?}\n[storage]\nbackend = \"memory\"\n\
         [http]\nmax_connections = 8\n[p2p]\nmax_clients = 8\n"
    );
    let genesis = Arc::new(genesis());
    let start = async || {
        let secret = || Secret::new([1; 32]);
        let start = Start {
            config: Config::parse("plasma.toml", &text, &[]).unwrap(),
            genesis: Arc::clone(&genesis),
            keys: OperatorKeys {
                bls: secret(),
                peer: secret(),
                ethereum: secret(),
            },
            operator: OperatorIndex(0),
        };
        // Told to stop from the beginning, so that whoever is not refused ends at the first wait for Ethereum.
        let (_stop, stopped) = watch::channel(true);
        run(start, stopped).await
    };
    assert!(start().await.is_ok(), "the first start of all begins a log");
    fs::remove_dir_all(data.join("log")).unwrap();
    for _ in 0..2 {
        let refused = start().await;
        assert!(matches!(refused, Err(RunError::LostLog { .. })), "{refused:?}");
    }
}
