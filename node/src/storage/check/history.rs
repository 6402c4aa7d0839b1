//! What the history of owners must hold: how each output came into being, and how it ended. At which height Ethereum
//! ended one no other row says, so of those only the count speaks.

use plasma_core::{DepositFate, DepositNumber, Fate, Output, OutputRecord, Position, Transaction};

use super::{
    super::{
        history, query,
        rows::{Moments, Rows},
        schema::{self, Table},
    },
    CheckError, What, contradiction, strays,
};

/// Rows that the table must have, and have not been looked up.
#[derive(Default)]
pub(super) struct History {
    births: Vec<(Position, OutputRecord)>,
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
        self.births.push((position, *record));
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
            let key = |(position, record): &(Position, OutputRecord)| {
                history::birth(*position, deposit).key(&record.output.owner)
            };
            births.iter().map(key).collect()
        };
        // As a payment's output, and as a deposit's: exactly one of them.
        let (paid, deposited) = (keys(None), keys(Some(DepositNumber(0))));
        let as_paid = rows.values(Table::History, &paid)?;
        let as_deposited = rows.values(Table::History, &deposited)?;
        let found = as_paid.into_iter().zip(as_deposited);
        let mut credits = Vec::new();
        for (((position, record), found), (paid, deposited)) in
            births.iter().zip(found).zip(paid.iter().zip(&deposited))
        {
            match found {
                (None, None) => return Err(contradiction(Table::History, paid, What::Missing)),
                (Some(_), Some(_)) => return Err(contradiction(Table::History, deposited, What::Stray)),
                (Some(_), None) if record.fate == Fate::Reclaimed => {
                    let key = position.to_bytes();
                    return Err(contradiction(Table::Outputs, &key, What::Reclaimed));
                }
                (Some(_), None) => {}
                (None, Some(number)) => match credit(&record.output, &number) {
                    Some(number) => credits.push((number, *position, record.fate)),
                    None => return Err(contradiction(Table::History, deposited, What::Deposit)),
                },
            }
        }
        check_credits(&rows, &credits)?;
        let sent = std::mem::take(&mut self.sent);
        let found = rows.values(Table::History, &sent)?;
        match sent.iter().zip(found).find(|(_, found)| found.is_none()) {
            Some((key, _)) => Err(contradiction(Table::History, key, What::Missing)),
            None => Ok(()),
        }
    }
}

/// The deposit of this number, if it became this output: its fund transaction says so.
fn credit(output: &Output, number: &[u8]) -> Option<DepositNumber> {
    let fund = |number| Transaction::fund(number, output.owner, output.asset, output.amount);
    schema::deposit(number).filter(|number| fund(*number).id() == output.transaction)
}

/// What became of a deposit and of its output is one story: it leads to the output, or it went back and the output, if nobody
/// had spent it, went with it.
fn check_credits(rows: &impl Rows, credits: &[(DepositNumber, Position, Fate)]) -> Result<(), CheckError> {
    let keys: Vec<Vec<u8>> = credits
        .iter()
        .map(|(number, ..)| schema::deposit_key(*number).to_vec())
        .collect();
    let found = rows.values(Table::Deposits, &keys)?;
    for ((key, (_, position, fate)), found) in keys.iter().zip(credits).zip(found) {
        let found = found.ok_or_else(|| contradiction(Table::Deposits, key, What::Missing))?;
        let deposit = DepositFate::decode(&found).ok_or_else(|| query::damaged(Table::Deposits, key))?;
        let is_one_story = match deposit {
            DepositFate::Funded(leads_to) => leads_to == *position && *fate != Fate::Reclaimed,
            DepositFate::Reclaimed => *fate != Fate::Unspent,
        };
        if !is_one_story {
            return Err(contradiction(Table::Deposits, key, What::Deposit));
        }
    }
    Ok(())
}

/// Rows looked up at once.
pub(super) const LOOKUPS: usize = 1_024;
