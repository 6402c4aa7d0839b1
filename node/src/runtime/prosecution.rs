//! Bringing a case to Ethereum: what could be shown is built beside the loop, and sent through the durable sender.
//!
//! Nothing is remembered here: the accuser asks again until Ethereum shows the chain halted below the block.

use std::sync::Arc;

use plasma_core::{L1Event, Params};
use tracing::{error, info, warn};

use crate::{
    api::AnchorBook,
    bridge::{L1Error, ethereum::Ethereum},
    fraud::{self, Brief},
    operator::{case::Case, event::Event},
    storage::Read,
};

/// The end of the chain is worth a line, whatever the ledger makes of it.
pub(super) fn tell_halts(event: &Event) {
    let Event::L1Confirmed(blocks) = event else { return };
    for event in blocks.iter().flat_map(|block| &block.events) {
        if let L1Event::Halted { last_valid } = event {
            error!(
                last_valid = last_valid.0,
                "Ethereum halted the chain; nothing above this height counts"
            );
        }
    }
}

/// Tries everything that can be shown of a case, until Ethereum accepts one.
pub(super) async fn prove<R: Read + Send + 'static>(
    ethereum: &Ethereum,
    case: Arc<Case>,
    (anchors, reader): (AnchorBook, R),
    params: Params,
) {
    let height = case.height();
    let building = tokio::task::spawn_blocking(move || fraud::brief(&case, &reader, &anchors, &params));
    let brief = match building.await {
        Ok(Ok(brief)) => brief,
        Ok(Err(reason)) => {
            return warn!(height = height.0, %reason, "an invalid block cannot be proven yet");
        }
        Err(error) => return warn!(height = height.0, %error, "building a fraud proof failed"),
    };
    if brief.proofs.is_empty() {
        let reason = brief
            .unprovable
            .unwrap_or("no rule that Ethereum can be shown is broken");
        return error!(
            height = height.0,
            reason, "an invalid block cannot be proven on Ethereum; users must exit what was anchored before"
        );
    }
    match accuse(ethereum, height, &brief).await {
        Ok(()) => info!(height = height.0, "the chain is halted below the invalid block"),
        Err(error) => warn!(height = height.0, %error, "an invalid block is not proven yet"),
    }
}

async fn accuse(ethereum: &Ethereum, height: plasma_core::Height, brief: &Brief) -> Result<(), L1Error> {
    let call = |proof| ethereum.contracts().fraud_call(proof, brief.accused.as_ref());
    let calls = brief.proofs.iter().map(call).collect::<Result<_, _>>()?;
    ethereum.accuser().accuse(height, calls).await
}
