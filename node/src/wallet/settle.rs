//! A signed payment is sent until it is decided or proven dead.
//!
//! It is never replaced while it might still be decided: its bytes are sent again, for that is harmless. Only a receipt of
//! another transaction that spent an input shows that it is dead; an operator's word does not.

use plasma_core::{Position, Receipt, SignedTransaction, TransactionId};
use tokio::time::Instant;

use super::{Purse, WalletError, book::Record, purse::Person};
use crate::{
    api::{Problem, Wait, text::HashText},
    client::{Client, ClientError},
};

impl<P: Person> Purse<P> {
    /// Sends a payment until it is decided, keeps its receipt, and writes that down.
    pub(super) async fn settle(
        &mut self,
        action: usize,
        signed: &SignedTransaction,
    ) -> Result<(), WalletError> {
        let (id, bytes) = (signed.id(), signed.encode());
        let end = Instant::now() + self.patience.commit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let sent = async |client: &Client| client.submit_bytes(&bytes, Wait::Committed, left).await;
            match self.operators()?.ask(sent).await {
                Ok(submitted) if submitted.block.is_some() => break,
                Ok(_) => {}
                Err(ClientError::Problem(problem)) => {
                    if self.judge_refusal(action, signed, &problem).await? {
                        break;
                    }
                }
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= end {
                return Err(WalletError::Waiting(format!(
                    "payment {id} was sent and is not decided after {} s",
                    self.patience.commit.as_secs()
                )));
            }
            tokio::time::sleep(self.patience.poll).await;
        }
        let receipt = self.receipt(id).await?;
        self.keep_paid(&receipt)?;
        self.record(&Record::Decided {
            action,
            id: HashText(id.0),
        })?;
        self.person
            .tell(&format!("payment {id} is committed in block {}", receipt.height));
        Ok(())
    }

    /// What a refusal of all operators means for a signed payment: true when it is decided already.
    async fn judge_refusal(
        &mut self,
        action: usize,
        signed: &SignedTransaction,
        problem: &Problem,
    ) -> Result<bool, WalletError> {
        let id = signed.id();
        let named = problem.members.get("spent_by").and_then(|by| by.as_str());
        let named = named.and_then(|by| by.parse::<HashText>().ok());
        let is_spent = matches!(problem.code.as_str(), "input-spent" | "conflicted");
        let by = match named {
            Some(by) => Some(TransactionId(by.0)),
            None if is_spent => self.spender_of(signed).await?,
            None => None,
        };
        match by {
            Some(by) if by == id => Ok(true),
            // It waits, and its end is not known: only what is decided kills ours.
            Some(_) if !is_spent => Ok(false),
            Some(by) => self.give_up(action, signed, by).await,
            // Where bodies are pruned the spender has no name; it may be this very payment.
            None if is_spent && self.receipt(id).await.is_ok() => Ok(true),
            None if problem.retryable => Ok(false),
            None => Err(ClientError::Problem(problem.clone()).into()),
        }
    }

    /// Who spent an input of a payment, as operators say.
    async fn spender_of(&self, signed: &SignedTransaction) -> Result<Option<TransactionId>, WalletError> {
        for input in &signed.transaction.inputs {
            let asked = async |client: &Client| client.output(input.position).await;
            let spender = self.operators()?.ask(asked).await?.spent_by;
            if let Some(id) = spender.and_then(|spender| spender.id) {
                return Ok(Some(TransactionId(id.0)));
            }
        }
        Ok(None)
    }

    /// Gives a payment up for the one that spent its input, once a receipt proves that.
    async fn give_up(
        &mut self,
        action: usize,
        signed: &SignedTransaction,
        by: TransactionId,
    ) -> Result<bool, WalletError> {
        let id = signed.id();
        let receipt = self.receipt(by).await?;
        let Some(input) = shared_input(&receipt, signed) else {
            return Err(WalletError::Refused(format!(
                "operators say that {by} spent an input of {id}, and its receipt does not show it"
            )));
        };
        self.record(&Record::Dead {
            action,
            id: HashText(id.0),
            by: HashText(by.0),
        })?;
        Err(WalletError::Dead {
            payment: id,
            input,
            by,
        })
    }

    fn keep_paid(&self, receipt: &Receipt) -> Result<(), WalletError> {
        let id = receipt.transaction.id();
        self.receipts.keep_payment(id, receipt)?;
        let owners = receipt
            .transaction
            .clone()
            .authenticate(&self.genesis.domain())
            .map(|authentic| authentic.owner());
        if let Ok(owner) = owners {
            self.keep(receipt, owner)?;
        }
        Ok(())
    }
}

fn shared_input(receipt: &Receipt, signed: &SignedTransaction) -> Option<Position> {
    let spent = &receipt.transaction.transaction.inputs;
    let own = signed.transaction.inputs.iter();
    let mut shared = own
        .map(|input| input.position)
        .filter(|position| spent.iter().any(|other| other.position == *position));
    shared.next()
}
