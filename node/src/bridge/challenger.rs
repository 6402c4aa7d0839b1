//! Ends exits of spent outputs. Whoever challenged first, the duty is done.

use std::sync::Arc;

use super::{SpendProof, contracts::Contracts, error::L1Error, methods::At, rpc::Rpc, sender::Sender};

/// Challenges exits from one account.
#[derive(Clone, Debug)]
pub struct Challenger {
    rpc: Arc<Rpc>,
    contracts: Contracts,
    sender: Sender,
}

impl Challenger {
    /// Joins the parts; nothing is sent.
    #[must_use]
    pub fn new(rpc: Arc<Rpc>, contracts: Contracts, sender: Sender) -> Self {
        Self {
            rpc,
            contracts,
            sender,
        }
    }

    /// Challenges an exit and waits until it is mined. Success also when the exit is no longer open.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] with the contract's reason; the errors of [`Sender::send`].
    pub async fn challenge(&self, proof: &SpendProof) -> Result<(), L1Error> {
        if self.is_over(proof).await? {
            return Ok(());
        }
        match self.send(proof).await {
            Ok(()) => Ok(()),
            Err(L1Error::Reverted { .. } | L1Error::MinedReverted { .. }) if self.is_over(proof).await? => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn send(&self, proof: &SpendProof) -> Result<(), L1Error> {
        let spender = &proof.spender;
        if !proof.inputs.is_empty() && !self.contracts.are_inputs_shown(&self.rpc, spender.id()).await? {
            let shows = self.contracts.show_inputs_call(spender, &proof.inputs);
            self.sender.send(shows).await?;
        }
        let call = self.contracts.challenge_call(proof);
        self.rpc
            .eth_call(Some(self.sender.account()), &call, At::Latest)
            .await?;
        self.sender.send(call).await?;
        Ok(())
    }

    async fn is_over(&self, proof: &SpendProof) -> Result<bool, L1Error> {
        Ok(self.contracts.exit(&self.rpc, &proof.exit).await?.is_none())
    }
}
