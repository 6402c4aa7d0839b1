//! `POST /v1/transactions:check`: what a submit would say now. Nothing is taken.

use plasma_core::{
    Address, Amount, AuthenticTransaction, Height, Params, SignedTransaction, Transaction, TransactionId,
    ledger,
};

use super::{
    Answer, Door, Problem, Reply,
    text::{AmountText, HashText},
    transactions::NOTHING,
    view::{Checked, State},
};
use crate::{runtime::handle::Rejected, storage::Read};

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// Says how far the transaction is, or that it would be taken.
    ///
    /// # Errors
    /// The problem that a submit would give, but for the mempool's limit, which passes by itself.
    pub async fn check(&self, signed: SignedTransaction) -> Answer {
        let id = signed.id();
        let params = self.facts.genesis.params();
        let offered = signed.authenticate(&params.domain).map_err(|error| {
            let forged = Rejected::Signature(error.to_string());
            self.refusal(&forged)
        })?;
        let asked = self.handle.pending(id).await;
        let waits = asked.map_err(|refused| self.refusal(&refused))?.is_some();
        let rival = if waits {
            None
        } else {
            let asked = self.handle.rival(offered.transaction().clone()).await;
            asked.map_err(|refused| self.refusal(&refused))?
        };
        self.read(move |door| {
            let fee = fee(offered.transaction(), door.facts.genesis.fee_owner);
            let state = match door.reader.transaction(&id)? {
                Some((height, _)) => Some(door.state_at(height)),
                None if waits => Some(State::Accepted),
                None => {
                    door.judge(&offered, &params, rival)?;
                    None
                }
            };
            Reply::ok(&Checked {
                id: HashText(id.0),
                state,
                fee: AmountText(fee),
            })
        })
        .await
    }

    fn judge(
        &self,
        offered: &AuthenticTransaction,
        params: &Params,
        rival: Option<(usize, TransactionId)>,
    ) -> Result<(), Problem> {
        let state = self.reader.state()?;
        if let Some(last_valid) = state.halted {
            return Err(self.refusal(&Rejected::Halted(last_valid)));
        }
        let wanted = ledger::wanted([offered.transaction()].into_iter(), &[]);
        let reads = self.reader.reads(&wanted)?;
        let next = state.header.height.next().unwrap_or(Height(u32::MAX));
        ledger::check_transaction(offered, next, &reads, params)
            .map_err(Rejected::Rule)
            .and(rival.map_or(Ok(()), |(input, by)| Err(Rejected::Conflict { input, by })))
            .map_err(|refused| self.refusal(&refused))
    }
}

/// What the outputs give to the fee owner; whether that is enough the ledger's rules say.
pub(super) fn fee(transaction: &Transaction, fee_owner: Option<Address>) -> Amount {
    let paid = transaction
        .outputs
        .iter()
        .filter(|payment| Some(payment.owner) == fee_owner)
        .map(|payment| payment.amount);
    paid.fold(NOTHING, Amount::saturating_add)
}
