//! What an operator asks Ethereum before it starts: whether this is its chain, which committees it knows, and how far it is.

use std::{sync::Arc, time::Duration};

use plasma_core::{Epoch, Genesis, L1Block, PublicKey, State};
use tokio::sync::watch;
use tracing::warn;

use super::RunError;
use crate::{
    bridge::{
        L1, L1Error,
        ethereum::{Ethereum, EthereumConfig},
    },
    config::{Config, committee::Successor},
    directory::Directory,
    keystore::OperatorKeys,
    operator::report::AnchorSeen,
    runtime::{l1, registry, terms::Terms},
};

/// Between two attempts to reach Ethereum at the start.
const L1_PAUSE: Duration = Duration::from_secs(2);
/// One call to Ethereum.
const L1_DEADLINE: Duration = Duration::from_secs(10);
/// How long a duty waits for its transaction to be mined before it reports that it still waits.
const L1_WAIT: Duration = Duration::from_secs(60);
/// After so many polls without being mined a transaction is sent again with higher fees.
const BUMP_POLLS: u32 = 60;
/// Most that one unit of gas may cost: 500 gwei.
const FEE_WEI_MAX: u128 = 500_000_000_000;

/// Connects to Ethereum, enters the committees that it knows into the directory, and asks what the operator is told once.
/// `None` when told to stop meanwhile.
pub(super) async fn learn(
    config: &Config,
    genesis: &Genesis,
    keys: &OperatorKeys,
    (directory, kept): (&Directory, &[Successor]),
    decided: &State,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<(Arc<Ethereum>, Facts)>, RunError> {
    let settings = ethereum_config(config);
    let connecting = async || Ethereum::connect(&settings, genesis, &keys.ethereum).await;
    let Some(ethereum) = patiently(stop, connecting).await?.map(Arc::new) else {
        return Ok(None);
    };
    let asking = async || {
        registry::enter_kept(ethereum.as_ref(), directory, kept, decided.epoch).await?;
        ask(&ethereum, decided).await
    };
    let facts = patiently(stop, asking).await?;
    Ok(facts.map(|facts| (Arc::clone(&ethereum), facts)))
}

/// What Ethereum says at the start.
pub(super) struct Facts {
    /// The last decided origin.
    pub(super) origin: L1Block,
    /// The contract's `silence`.
    pub(super) silence_s: u64,
    /// The contract's `grace`.
    pub(super) grace_s: u64,
    /// The newest anchor.
    pub(super) anchor: Option<AnchorSeen>,
    /// How the epoch began that runs by storage.
    pub(super) terms: Terms,
    /// Whose committee signed the newest anchor.
    pub(super) anchored_in: Option<Epoch>,
}

impl Facts {
    /// The first epoch in which a key had a seat while blocks were signed that Ethereum knows.
    pub(super) fn seated_in(&self, directory: &Directory, key: &PublicKey) -> Option<Epoch> {
        let last = self.anchored_in?;
        let committees = directory
            .since(Epoch(0))
            .into_iter()
            .map(|roster| Arc::clone(&roster.committee));
        let seated = committees.filter(|committee| committee.seat_of_key(key).is_some());
        seated
            .map(|committee| committee.epoch())
            .find(|epoch| *epoch <= last)
    }
}

async fn ask(ethereum: &Ethereum, decided: &State) -> Result<Facts, L1Error> {
    let origin = l1::origin(ethereum, decided.header.l1_height, decided.header.l1_hash).await?;
    let parameters = ethereum.contracts().parameters(ethereum.rpc()).await?;
    let anchor = ethereum.last_anchor().await?;
    let latest = ethereum.contracts().latest(ethereum.rpc()).await?;
    Ok(Facts {
        origin,
        silence_s: parameters.silence_s,
        grace_s: parameters.grace_s,
        anchor: anchor.as_ref().map(l1::seen),
        terms: Terms::ask(ethereum, decided.epoch.0.saturating_sub(1)..=decided.epoch.0).await?,
        anchored_in: (latest.number > 0).then_some(latest.epoch),
    })
}

fn ethereum_config(config: &Config) -> EthereumConfig {
    let poll = config.l1.poll_interval.0;
    EthereumConfig {
        endpoints: vec![config.l1.rpc_url.clone()],
        deadline: L1_DEADLINE,
        poll,
        journal: config.data_dir.join("ethereum.journal"),
        bump_after: poll * BUMP_POLLS,
        wait: L1_WAIT,
        fee_wei_max: FEE_WEI_MAX,
    }
}

/// Ethereum may be away or behind for a while when a machine starts; a wrong chain is no reason to wait. `None` when told to
/// stop meanwhile.
async fn patiently<T>(
    stop: &mut watch::Receiver<bool>,
    mut attempt: impl AsyncFnMut() -> Result<T, L1Error>,
) -> Result<Option<T>, RunError> {
    loop {
        match attempt().await {
            Ok(found) => return Ok(Some(found)),
            Err(error) if error.is_transient() => warn!(%error, "waiting for Ethereum"),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(L1_PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(None),
        }
    }
}
