//! Brings fraud proofs to Ethereum. Whoever proved first, the duty is done.

use std::sync::Arc;

use plasma_core::Height;

use super::{account::Call, contracts::Contracts, error::L1Error, methods::At, rpc::Rpc, sender::Sender};

/// Accuses signers of an invalid block from one account.
#[derive(Clone, Debug)]
pub struct Accuser {
    rpc: Arc<Rpc>,
    contracts: Contracts,
    sender: Sender,
}

impl Accuser {
    /// Joins the parts; nothing is sent.
    #[must_use]
    pub fn new(rpc: Arc<Rpc>, contracts: Contracts, sender: Sender) -> Self {
        Self {
            rpc,
            contracts,
            sender,
        }
    }

    /// Whether Ethereum halted the chain below a height.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn is_halted_below(&self, height: Height) -> Result<bool, L1Error> {
        Ok(self.contracts.latest(&self.rpc).await?.last_valid < height)
    }

    /// Sends the first of these calls that Ethereum would accept, and waits until it is mined. Success also when the
    /// chain is halted below the height already. A call that would revert costs nothing, so several ways to show one
    /// fraud can be tried.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] of the last call, when none would be accepted; the errors of [`Sender::send`].
    pub async fn accuse(&self, height: Height, calls: Vec<Call>) -> Result<(), L1Error> {
        let mut refused = None;
        for call in calls {
            if self.is_halted_below(height).await? {
                return Ok(());
            }
            let tried = self
                .rpc
                .eth_call(Some(self.sender.account()), &call, At::Latest)
                .await;
            match tried {
                Ok(_) => match self.sender.send(call).await {
                    Ok(_) => return Ok(()),
                    Err(error @ (L1Error::Reverted { .. } | L1Error::MinedReverted { .. })) => {
                        refused = Some(error);
                    }
                    Err(error) => return Err(error),
                },
                Err(error @ L1Error::Reverted { .. }) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) if !self.is_halted_below(height).await? => Err(error),
            _ => Ok(()),
        }
    }
}
