//! What the history of owners must hold: how each output came into being, and how it ended. At which height Ethereum
//! ended one no other row says, so of those only the count speaks.

use plasma_core::{DepositNumber, Fate, Output, OutputRecord, Position, Transaction};

use super::{
    super::{
        history,
        rows::{Moments, Rows},
        schema::{self, Table},
    },
    CheckError, What, contradiction, strays,
};

/// Rows that the table must have, and have not been looked up.
#[derive(Default)]
pub(super) struct History {
    births: Vec<(Position, Output)>,
    sent: Vec<Vec<u8>>,
    /// Rows that the table must have in all.
    expected: u64,
}

impl History {
    pub(super) fn take<M: Moments>(
        &mut self,
        source: &M,
        position: Position,
        record: &OutputRecord,
    ) -> Result<(), CheckError> {
        self.births.push((position, record.output));
        self.expected += 1 + u64::from(!record.is_unspent());
        if let Fate::Spent(by) = record.fate {
            let end = history::end(by.height, position, record.fate);
            self.sent.extend(end.map(|event| event.key(&record.output.owner)));
        }
        if self.births.len() >= LOOKUPS {
            self.look_up(source)?;
        }
        Ok(())
    }

    /// Nothing may be left.
    pub(super) fn end<M: Moments>(mut self, source: &M) -> Result<(), CheckError> {
        self.look_up(source)?;
        strays::history(source, self.expected)
    }

    fn look_up<M: Moments>(&mut self, source: &M) -> Result<(), CheckError> {
        let rows = source.moment()?;
        let births = std::mem::take(&mut self.births);
        let keys = |deposit| -> Vec<Vec<u8>> {
            let key = |(position, output): &(Position, Output)| {
                history::birth(*position, deposit).key(&output.owner)
            };
            births.iter().map(key).collect()
        };
        // As a payment's output, and as a deposit's: exactly one of them.
        let (paid, deposited) = (keys(None), keys(Some(DepositNumber(0))));
        let as_paid = rows.values(Table::History, &paid)?;
        let as_deposited = rows.values(Table::History, &deposited)?;
        let found = as_paid.into_iter().zip(as_deposited);
        for (((_, output), found), (paid, deposited)) in
            births.iter().zip(found).zip(paid.iter().zip(&deposited))
        {
            match found {
                (None, None) => return Err(contradiction(Table::History, paid, What::Missing)),
                (Some(_), Some(_)) => return Err(contradiction(Table::History, deposited, What::Stray)),
                (None, Some(number)) if !is_credit(output, &number) => {
                    return Err(contradiction(Table::History, deposited, What::Deposit));
                }
                _ => {}
            }
        }
        let sent = std::mem::take(&mut self.sent);
        let found = rows.values(Table::History, &sent)?;
        match sent.iter().zip(found).find(|(_, found)| found.is_none()) {
            Some((key, _)) => Err(contradiction(Table::History, key, What::Missing)),
            None => Ok(()),
        }
    }
}

/// Whether the deposit of this number became this output: its fund transaction says so.
fn is_credit(output: &Output, number: &[u8]) -> bool {
    let fund = |number| Transaction::fund(number, output.owner, output.asset, output.amount);
    schema::deposit(number).is_some_and(|number| fund(number).id() == output.transaction)
}

/// Rows looked up at once.
pub(super) const LOOKUPS: usize = 1_024;
