//! A signed payment is sent until it is decided or proven dead.
//!
//! It is never replaced while it might still be decided: its bytes are sent again, for that is harmless. Only a receipt of
//! another transaction that spent an input shows that it is dead; an operator's word does not.

use std::{cell::Cell, time::Duration};

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
        let receipt = loop {
            // One that takes the payment and keeps it to itself must not cost the whole wait: the others are sent it too.
            let wait = end.saturating_duration_since(Instant::now()).min(OPERATOR_WAIT);
            let is_taken = Cell::new(false);
            let sent = async |client: &Client| {
                let submitted = client.submit_bytes(&bytes, Wait::Committed, wait).await?;
                is_taken.set(true);
                if submitted.block.is_some() {
                    return self.shown_by(client, id).await;
                }
                Err(ClientError::Unreachable {
                    operator: client.operator().to_owned(),
                    reason: format!(
                        "it took the payment, and no block held it within {} ms",
                        wait.as_millis()
                    ),
                })
            };
            match self.operators()?.ask(sent).await {
                Ok(receipt) => break receipt,
                Err(ClientError::Problem(problem)) => {
                    match self.judge_refusal(action, signed, &problem).await {
                        Ok(true) => break self.receipt_by(id, end).await?,
                        Ok(false) => {}
                        // Another one took it, so this refusal is not the last word.
                        Err(WalletError::Client(ClientError::Problem(_))) if is_taken.get() => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(_) if is_taken.get() => {}
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= end {
                return Err(WalletError::Waiting(format!(
                    "payment {id} was sent and is not decided after {} s",
                    self.patience.commit.as_secs()
                )));
            }
            tokio::time::sleep(self.patience.poll).await;
        };
        self.keep_paid(&receipt)?;
        self.record(&Record::Decided {
            action,
            id: HashText(id.0),
        })?;
        self.person
            .tell(&format!("payment {id} is committed in block {}", receipt.height));
        Ok(())
    }

    /// The receipt of a payment, from the operator that says that a block holds it. Who shows none has not the last word, and
    /// the next one is sent the payment.
    async fn shown_by(&self, client: &Client, id: TransactionId) -> Result<Receipt, ClientError> {
        match self.receipt_from(client, id).await {
            Err(ClientError::Problem(problem)) => Err(ClientError::Untrue {
                operator: client.operator().to_owned(),
                reason: format!("it says that a block holds payment {id}, and does not show it: {problem}"),
            }),
            shown => shown,
        }
    }

    /// The verified receipt of a transaction that is decided: an operator that lags may not have it yet.
    pub(super) async fn receipt_by(&self, id: TransactionId, end: Instant) -> Result<Receipt, WalletError> {
        loop {
            match self.receipt(id).await {
                Err(WalletError::Client(ClientError::Problem(_))) if Instant::now() < end => {
                    tokio::time::sleep(self.patience.poll).await;
                }
                found => return found,
            }
        }
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

/// A block takes a few hundred milliseconds, a change of the leader a few seconds.
const OPERATOR_WAIT: Duration = Duration::from_secs(10);
