//! What another machine did with the same key, or this one, of which the journal does not know: then it is an older copy,
//! and would pay what was paid.

use std::collections::BTreeSet;

use plasma_core::{Address, Position, TransactionId};

use super::{
    Purse, WalletError,
    amount::show,
    book::{Intent, Record, Row},
    purse::{Ethereum, Person},
    told::Told,
};
use crate::{
    api::text::{AddressText, AmountText, HashText},
    bridge::methods::At,
};

impl<P: Person> Purse<P> {
    /// Makes sure that no payment that this wallet never signed pays what is to be paid now. It is told once.
    ///
    /// # Errors
    /// [`WalletError::Refused`] names the payment and what it pays. The same intent goes on.
    pub(super) async fn check_elsewhere(
        &mut self,
        intent: &Intent,
        from: Address,
        rows: &[Row],
    ) -> Result<(), WalletError> {
        let foreign = self.spent_elsewhere(from).await?;
        if foreign.is_empty() {
            return Ok(());
        }
        let action = self.begin(intent)?;
        let mut paid = None;
        for (output, by) in foreign {
            // Whoever cannot show what it pays has said enough.
            let receipt = self.receipt(by).await.ok();
            let pays = receipt.map(|receipt| receipt.transaction.transaction);
            let same = pays.into_iter().flat_map(|pays| {
                let asset = AddressText(pays.asset);
                let row = move |to: Address, amount| Row {
                    to: AddressText(to),
                    amount: AmountText(amount),
                    asset,
                };
                pays.outputs
                    .into_iter()
                    .map(move |one| row(one.owner, one.amount))
            });
            paid = paid.or(same
                .into_iter()
                .find(|row| rows.contains(row))
                .map(|row| (by, row)));
            self.person.tell(&format!(
                "output {output} was spent by payment {by}, which this wallet never signed: another machine uses the key, or \
                 this folder is an older copy"
            ));
            self.record(&Record::Elsewhere {
                action,
                output: output.into(),
                by: HashText(by.0),
            })?;
        }
        let Some((by, row)) = paid else {
            return Ok(());
        };
        Err(WalletError::Refused(format!(
            "payment {by} pays {} to {} already, and this wallet never signed it: another machine uses the key, or this folder \
             is an older copy. See plasma wallet history; where it is meant once more, the same command pays it",
            show(row.amount.0, row.asset.0),
            row.to
        )))
    }

    /// Outputs of an account that a payment spent of which the journal knows nothing, as receipts prove.
    async fn spent_elsewhere(
        &mut self,
        from: Address,
    ) -> Result<Vec<(Position, TransactionId)>, WalletError> {
        let holdings = self.holdings(from).await?;
        let listed: BTreeSet<Position> = holdings.iter().map(|one| one.output.output.0).collect();
        let reserved = self.book().reserved();
        let (mut kept, _) = self.kept(from)?;
        kept.retain(|output| {
            let is_known = reserved.contains(output) || self.book().is_elsewhere(*output);
            !is_known && !listed.contains(output)
        });
        let told = self.told_of(&kept).await?;
        let spent = told.into_iter().filter_map(|(output, told)| match told {
            Told::Spent { by, .. } => Some((output, by)),
            _ => None,
        });
        Ok(spent.collect())
    }

    /// What speaks for an older copy of the folder where a deposit is made: Ethereum transactions of the account of which the
    /// journal knows nothing.
    pub(super) async fn unknown_calls(
        &self,
        ethereum: &Ethereum,
        from: Address,
    ) -> Result<Option<String>, WalletError> {
        let next = self.book().next_nonce(from);
        if next == 0 {
            return Ok(None);
        }
        let used = ethereum.rpc.nonce(from, At::Latest).await?;
        Ok((used > next).then(|| {
            format!(
                "the account made {} Ethereum transactions of which this wallet knows nothing: where no other program uses the \
                 key, this folder is an older copy, and may deposit again",
                used - next
            )
        }))
    }
}
