//! Brings anchors to Ethereum. Whoever anchored first, the duty is done.

use std::sync::Arc;

use super::{Anchor, contracts::Contracts, error::L1Error, methods::At, rpc::Rpc, sender::Sender};

/// Submits anchors from one account.
#[derive(Clone, Debug)]
pub struct Submitter {
    rpc: Arc<Rpc>,
    contracts: Contracts,
    sender: Sender,
}

impl Submitter {
    /// Joins the parts; nothing is sent.
    #[must_use]
    pub fn new(rpc: Arc<Rpc>, contracts: Contracts, sender: Sender) -> Self {
        Self {
            rpc,
            contracts,
            sender,
        }
    }

    /// Anchors a header and waits until it is mined. Success also when an anchor at or above its height
    /// stands already.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] with the contract's reason; the errors of [`Sender::send`].
    pub async fn anchor(&self, anchor: &Anchor) -> Result<(), L1Error> {
        if self.is_covered(anchor).await? {
            return Ok(());
        }
        match self.send(anchor).await {
            Ok(()) => Ok(()),
            // A race lost between our look and the mined block.
            Err(L1Error::Reverted { .. } | L1Error::MinedReverted { .. })
                if self.is_covered(anchor).await? =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn send(&self, anchor: &Anchor) -> Result<(), L1Error> {
        let call = self.contracts.anchor_call(anchor)?;
        // One execution finds a revert cheaper than the search for a gas limit does.
        self.rpc
            .eth_call(Some(self.sender.account()), &call, At::Latest)
            .await?;
        self.sender.send(call).await?;
        Ok(())
    }

    async fn is_covered(&self, anchor: &Anchor) -> Result<bool, L1Error> {
        Ok(self.contracts.latest(&self.rpc).await?.height >= anchor.header.height)
    }
}
