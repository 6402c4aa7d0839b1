//! Reads what the vault holds, once for each L1 origin that the ledger comes to: at most once per block of Ethereum.

use std::{sync::Arc, time::Duration};

use plasma_core::L1Height;
use tokio::{sync::watch, time::sleep};
use tracing::debug;

use super::handle::Status;
use crate::{
    api::reserves::{Reading, Reserves},
    bridge::{L1Error, ethereum::Ethereum},
};

/// Reads until the operator stops.
pub async fn follow(ethereum: Arc<Ethereum>, mut watch: watch::Receiver<Arc<Status>>, reserves: Reserves) {
    while watch.has_changed().is_ok() {
        let status = Arc::clone(&watch.borrow_and_update());
        let is_known = status.behind || reserves.of(status.l1_origin).is_some();
        if is_known {
            // The end of the operator is seen above.
            let _ = watch.changed().await;
            continue;
        }
        match read(&ethereum, &status).await {
            Ok(reading) => reserves.note(reading),
            Err(error) => {
                debug!(%error, "what the vault holds is not known now");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn read(ethereum: &Ethereum, status: &Status) -> Result<Reading, L1Error> {
    let mut last = L1Error::Stopped;
    for l1_height in moments(status) {
        match ethereum.contracts().held(ethereum.rpc(), l1_height).await {
            Ok(held) => {
                return Ok(Reading {
                    origin: status.l1_origin,
                    l1_height,
                    held,
                });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// After which blocks of Ethereum the vault holds what the ledger owes. An endpoint may have forgotten the origin's state when
/// the federation was idle for long; what is newer is as good while there is nothing that a block must follow.
#[must_use]
pub fn moments(status: &Status) -> Vec<L1Height> {
    let is_idle = !status.working && status.stopped.is_none();
    let newest = Some(status.l1_confirmed).filter(|newest| is_idle && *newest > status.l1_origin);
    std::iter::once(status.l1_origin).chain(newest).collect()
}

/// An endpoint that does not answer is asked again after about a block of Ethereum.
const PAUSE: Duration = Duration::from_secs(10);
