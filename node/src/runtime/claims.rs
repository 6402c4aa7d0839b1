//! Claims on the wire: how far an epoch has come, asked by an operator that lost its log.

use plasma_core::{Epoch, Peer};
use plasma_network as network;
use tracing::{debug, info};

use super::{
    Fatal, Runtime,
    perform::ANSWER_TIMEOUT,
    verify::Verified,
    wire::{self, Ask},
};
use crate::{operator::rejoining::Progress, storage::Storage};

impl<S: Storage> Runtime<S> {
    /// Asks a member; whatever comes of it, the operator hears of it. The transport allows few requests at a time and bounds each.
    pub(super) fn ask_claim(&self, from: Peer, epoch: Epoch) {
        let (network, found) = (self.network.clone(), self.found.clone());
        let slot = self.slots.of(from);
        tokio::spawn(async move {
            let ask = Ask::Claim(epoch).encode();
            let answer = match slot {
                Some(slot) => network.request(slot, ask, ANSWER_TIMEOUT).await,
                None => Err(network::RequestError::Stopped),
            };
            let answer = answer.map_err(|error| error.to_string());
            let decoded =
                answer.and_then(|bytes| wire::decode_claim(&bytes, epoch).map_err(|error| error.to_string()));
            let claim = match decoded {
                Ok(claim) => Some(claim.map(Box::new)),
                Err(error) => {
                    debug!(peer = %from.0, error, "no claim");
                    None
                }
            };
            found.send(Verified::Claim { from, epoch, claim }).await;
        });
    }

    /// Answers a member that asks how far an epoch has come; without an answer the request ends unanswered.
    pub(super) fn answer_claim(&self, from: u16, epoch: Epoch, reply: network::Responder) {
        let Some(claim) = self.operator.claim(epoch) else {
            return debug!(from, epoch = epoch.0, "no claim to give");
        };
        if let Err(error) = reply.send(wire::encode_claim(claim)) {
            debug!(from, %error, "claim not sent");
        }
    }
}

/// Says how the rejoin goes on, and ends the process when it failed.
pub(super) fn tell(progress: Progress) -> Result<(), Fatal> {
    match progress {
        Progress::Heard {
            epoch,
            claims,
            needed,
        } => info!(
            epoch = epoch.0,
            claims, needed, "rejoining: a member said how far it is"
        ),
        Progress::Done { epoch, floor } => {
            info!(
                epoch = epoch.0,
                above = floor.0,
                "rejoined: votes again in later views"
            );
        }
        Progress::Failed(reason) => return Err(Fatal::Alone(reason)),
    }
    Ok(())
}
