//! What an operator that is far behind does before it runs: it looks for a snapshot among the others.

use std::sync::Arc;

use plasma_core::{Epoch, Height};
use plasma_network as network;
use tokio::sync::watch;
use tracing::warn;

use super::{RunError, Start, facts::Facts, join};
use crate::{
    bridge::ethereum::Ethereum,
    directory::{Directory, Roster},
    folder::Identity,
    operator::report::AnchorSeen,
    runtime::{
        snapshot_sync::{
            Found, Search,
            place::Place,
            vouchers::{Vouchers, deciding},
        },
        terms::Terms,
    },
};

/// An operator that Ethereum shows to be far behind; it does not run, and its storage is closed.
pub(super) struct Behind {
    directory: Directory,
    tip: Height,
    active: Epoch,
    /// Whose committee signed the newest anchor.
    anchored_in: Option<Epoch>,
    terms: Terms,
    anchor: AnchorSeen,
    ethereum: Arc<Ethereum>,
}

impl Behind {
    /// What the search must know.
    pub(super) async fn new(
        ethereum: &Arc<Ethereum>,
        facts: &Facts,
        directory: &Directory,
        tip: Height,
    ) -> Option<Self> {
        let anchor = facts.anchor?;
        let active = match ethereum.contracts().active_epoch(ethereum.rpc()).await {
            Ok(active) => active,
            Err(error) => {
                warn!(%error, "no snapshot is looked for: Ethereum does not say which committee is active");
                return None;
            }
        };
        let terms = match Terms::ask(ethereum, 0..=active.0).await {
            Ok(terms) => terms,
            Err(error) => {
                warn!(%error, "no snapshot is looked for: Ethereum does not say when epochs ended");
                return None;
            }
        };
        Some(Self {
            directory: directory.clone(),
            tip,
            active,
            anchored_in: facts.anchored_in,
            terms,
            anchor,
            ethereum: Arc::clone(ethereum),
        })
    }

    /// Joins the network for as long as it takes. Says whether the operator may run now; it may not when it was told to stop.
    ///
    /// # Errors
    /// Our own network's, or our own disk's. Whatever others do is none: without a snapshot the operator starts as it is.
    pub(super) async fn search(
        self,
        start: &Start,
        identity: Identity,
        place: &Place,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, RunError> {
        let deciding = deciding(self.active, self.anchored_in).into_iter();
        let rosters: Vec<Arc<Roster>> = deciding
            .filter_map(|epoch| self.directory.roster(epoch))
            .collect();
        let (slots, (network, mut events)) = join(&start.config, &start.genesis, &start.keys, &rosters)?;
        let vouchers: Vec<Vouchers> = rosters
            .iter()
            .map(|roster| Vouchers::of(&roster.committee, &slots))
            .collect();
        let search = Search {
            genesis: &start.genesis,
            key: identity.key,
            directory: &self.directory,
            // The one before may have certified what the anchor is of.
            least: Epoch(self.active.0.saturating_sub(1)),
            active: self.active,
            vouchers: &vouchers,
            terms: &self.terms,
            vault: self.ethereum.as_ref(),
            anchor: self.anchor,
            tip: self.tip,
            others: others(&network),
            place,
        };
        let found = search.run(&network, &mut events, stop).await;
        network.stop().await;
        if found.as_ref().is_ok_and(|found| *found == Found::Nowhere) {
            warn!(
                height = self.tip.0,
                anchor = self.anchor.height.0,
                "far behind, and no member gave a snapshot that holds; some must write them (storage.snapshot_every), or \
                 one that keeps all blocks must be connected"
            );
        }
        Ok(!matches!(found?, Found::Stopped))
    }
}

/// Whom the network can reach.
fn others(network: &network::Handle) -> usize {
    network.peers().len()
}
