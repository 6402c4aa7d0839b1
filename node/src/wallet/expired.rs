//! Payments that expired, and what they would have spent: it is free again when nothing can make them count any more.
//!
//! Up to its expiry a block may hold a payment. Afterwards the contract takes one that no block shows as long as no anchor
//! lies above its expiry (`docs/contracts.md`, *In-flight exits*); so an anchor must, as deep in Ethereum as the deployment
//! waits for, and nobody may have shown the payment there before. That no block holds it is for operators to say: who could
//! show one that spent an input would be believed.

use plasma_core::{Height, L1Height, Position, SignedTransaction, TransactionId};

use super::{
    Purse, WalletError,
    book::Record,
    purse::{Ethereum, Person},
    told::Told,
};
use crate::{api::text::HashText, bridge::methods::At};

impl<P: Person> Purse<P> {
    /// Writes down which payments expired for good. Where no operator or no endpoint is named, or one of them does not answer,
    /// they stay as they are.
    ///
    /// # Errors
    /// [`WalletError::Journal`].
    pub(super) async fn let_expire(&mut self) -> Result<(), WalletError> {
        let mortal = self.book().mortal().into_iter();
        let mortal: Vec<_> = mortal
            .map(|(id, (action, signed))| (id, action, signed.clone()))
            .collect();
        let (Some(ethereum), false) = (self.ways.ethereum.clone(), mortal.is_empty()) else {
            return Ok(());
        };
        let anchored = match self.anchored_deep(&ethereum).await {
            Ok(height) => height,
            Err(error) => {
                self.person
                    .tell(&format!("which payments expired is not told now: {error}"));
                return Ok(());
            }
        };
        let late = mortal
            .into_iter()
            .filter(|(.., signed)| signed.transaction.expiry < anchored);
        for (id, action, signed) in late {
            match self.is_over(&ethereum, id, &signed).await {
                Ok(true) => {
                    let expired = HashText(id.0);
                    self.record(&Record::Expired { action, id: expired })?;
                    self.person.tell(&words(&signed));
                }
                Ok(false) => {}
                Err(error) => self
                    .person
                    .tell(&format!("whether payment {id} expired is not told now: {error}")),
            }
        }
        Ok(())
    }

    /// Up to which height blocks are anchored for good.
    async fn anchored_deep(&self, ethereum: &Ethereum) -> Result<Height, WalletError> {
        let head = ethereum.rpc.newest().await?.height;
        let deep = L1Height(head.0.saturating_sub(self.genesis.confirmations.into()));
        let latest = ethereum.contracts.latest_at(&ethereum.rpc, At::Height(deep));
        Ok(latest.await?.height)
    }

    /// Of one whose expiry lies below an anchor.
    async fn is_over(
        &self,
        ethereum: &Ethereum,
        id: TransactionId,
        signed: &SignedTransaction,
    ) -> Result<bool, WalletError> {
        let flown = ethereum.contracts.latest_in_flight(&ethereum.rpc, id).await?;
        if flown.is_some() {
            return Ok(false);
        }
        let inputs = signed.transaction.inputs.iter();
        let inputs: Vec<Position> = inputs.map(|input| input.position).collect();
        let told = self.told_of(&inputs).await?;
        Ok(told.values().all(|told| *told == Told::Nothing))
    }
}

/// What is told of a payment that expired.
pub(super) fn words(signed: &SignedTransaction) -> String {
    format!(
        "payment {} expired at block {}, and no block holds it: its inputs are free again",
        signed.id(),
        signed.transaction.expiry
    )
}
