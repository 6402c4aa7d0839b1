//! Rows that nothing accounts for. Every row that must be there was found, so the counts decide; only when a count is
//! wrong the table is read again to name the row.

use plasma_core::{
    BlockId, DepositFate, DepositNumber, Fate, Height, Kind, OutputRecord, SignedTransaction, Transaction,
};

use super::{
    super::{
        Event, Row, StorageError, Turn, history, query,
        rows::{Moments, Rows},
        scan::Scan,
        schema::{self, Table},
    },
    CheckError, What, contradiction,
};

/// Index of blocks: one row per header.
pub(super) fn blocks<M: Moments>(source: &M, headers: u64) -> Result<(), CheckError> {
    counted(source, Table::Blocks, headers, |rows, key, value| {
        let id = schema::hash(key).map(BlockId);
        let height = schema::height(value).ok_or_else(|| query::damaged(Table::Blocks, key))?;
        let header = query::header(rows, height)?;
        Ok(header.is_some_and(|header| Some(header.id()) == id))
    })
}

/// Index of transactions: one row per transaction of a kept body.
pub(super) fn transactions<M: Moments>(source: &M, kept: u64) -> Result<(), CheckError> {
    counted(source, Table::Transactions, kept, |rows, key, value| {
        let place = schema::decode_place(value);
        let (height, index) = place.ok_or_else(|| query::damaged(Table::Transactions, key))?;
        let found = transaction_at(rows, height, index)?;
        Ok(found.is_some_and(|signed| signed.id().0.0 == key.as_slice()))
    })
}

/// Owners: one row per unspent output.
pub(super) fn owners<M: Moments>(source: &M, unspent: u64) -> Result<(), CheckError> {
    counted(source, Table::Owners, unspent, |rows, key, _| {
        let position = schema::position_of_owner_key(key);
        let position = position.ok_or_else(|| query::damaged(Table::Owners, key))?;
        let record = query::output(rows, position)?;
        Ok(record.is_some_and(|record| {
            record.is_unspent() && schema::owner_key(&record.output.owner, &position) == *key
        }))
    })
}

/// Histories: one row for each output's coming, and one for its end. Those that Ethereum ended were not looked up one by one.
pub(super) fn history<M: Moments>(source: &M, expected: u64) -> Result<(), CheckError> {
    if count(source, Table::History)? < expected {
        return Err(contradiction(Table::History, &[], What::Ends));
    }
    counted(source, Table::History, expected, |rows, key, value| {
        let row = (key.clone(), value.to_vec());
        let (owner, event) = Event::decode(&row).ok_or_else(|| query::damaged(Table::History, key))?;
        let record = query::output(rows, event.position)?;
        Ok(record.is_some_and(|record| {
            let came = matches!(event.turn, Turn::Received | Turn::Deposited(_));
            let is_so = if came {
                event.height == event.position.block
            } else {
                history::end(event.height, event.position, record.fate) == Some(event)
            };
            is_so && record.output.owner == owner
        }))
    })
}

/// Outputs that say they are spent by an input of a kept body: as many as there are inputs, or one of them lies.
pub(super) fn spenders<M: Moments>(source: &M, horizon: Height, is_even: bool) -> Result<(), CheckError> {
    if is_even {
        return Ok(());
    }
    for row in Scan::whole(source, Table::Outputs) {
        let (key, value) = row?;
        let damaged = || query::damaged(Table::Outputs, &key);
        let position = schema::position(&key).ok_or_else(damaged)?;
        let Fate::Spent(by) = schema::output(&value).ok_or_else(damaged)?.fate else {
            continue;
        };
        if by.height < horizon {
            continue;
        }
        let spender = transaction_at(&source.moment()?, by.height, by.transaction)?;
        let spends = spender
            .filter(|signed| signed.transaction.kind != Kind::Fund)
            .and_then(|signed| signed.transaction.inputs.get(usize::from(by.input)).copied());
        if spends.is_none_or(|input| input.position != position) {
            return Err(contradiction(Table::Outputs, &key, What::Spender));
        }
    }
    Ok(())
}

/// Every fund transaction has the row of its deposit; whether that leads back to it, [`deposits`] sees.
pub(super) fn funds<M: Moments>(source: &M, body: &[SignedTransaction]) -> Result<(), CheckError> {
    let funds = body.iter().filter(|signed| signed.transaction.kind == Kind::Fund);
    let keys: Vec<Vec<u8>> = funds
        .filter_map(deposit_of)
        .map(|number| schema::deposit_key(number).to_vec())
        .collect();
    let found = source.moment()?.values(Table::Deposits, &keys)?;
    match keys.iter().zip(found).find(|(_, found)| found.is_none()) {
        Some((key, _)) => Err(contradiction(Table::Deposits, key, What::Missing)),
        None => Ok(()),
    }
}

/// Every funded deposit leads to the output of its own fund transaction, whose id follows from the record alone.
pub(super) fn deposits<M: Moments>(source: &M) -> Result<(), CheckError> {
    for row in Scan::whole(source, Table::Deposits) {
        let (key, value) = row?;
        let damaged = || query::damaged(Table::Deposits, &key);
        let number = key.as_slice().try_into().map(u64::from_be_bytes);
        let number = DepositNumber(number.map_err(|_| damaged())?);
        let DepositFate::Funded(position) = DepositFate::decode(&value).ok_or_else(damaged)? else {
            continue;
        };
        let record = query::output(&source.moment()?, position)?;
        let is_its_own = record.is_some_and(|OutputRecord { output, .. }| {
            let fund = Transaction::fund(number, output.owner, output.asset, output.amount);
            fund.id() == output.transaction
        });
        if !is_its_own {
            return Err(contradiction(Table::Deposits, &key, What::Deposit));
        }
    }
    Ok(())
}

/// A fund transaction writes its deposit's number where others write an amount.
fn deposit_of(fund: &SignedTransaction) -> Option<DepositNumber> {
    let amount = fund.transaction.inputs.first()?.amount;
    u64::try_from(amount).ok().map(DepositNumber)
}

fn transaction_at(
    rows: &impl Rows,
    height: Height,
    index: u32,
) -> Result<Option<SignedTransaction>, StorageError> {
    let Some(header) = query::header(rows, height)? else {
        return Ok(None);
    };
    let decode = |bytes: &[u8]| schema::decode_body(&header, bytes);
    let body = query::value(rows, Table::Bodies, &schema::height_key(height), decode)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    Ok(body.and_then(|body| body.into_iter().nth(index)))
}

fn count<M: Moments>(source: &M, table: Table) -> Result<u64, CheckError> {
    let mut found = 0u64;
    for row in Scan::whole(source, table) {
        row?;
        found += 1;
    }
    Ok(found)
}

/// Counts a table, and names its first row that is not accounted for when it has too many.
fn counted<M: Moments>(
    source: &M,
    table: Table,
    expected: u64,
    is_accounted: impl Fn(&M::Rows, &Vec<u8>, &[u8]) -> Result<bool, StorageError>,
) -> Result<(), CheckError> {
    if count(source, table)? == expected {
        return Ok(());
    }
    for row in Scan::whole(source, table) {
        let (key, value): Row = row?;
        if !is_accounted(&source.moment()?, &key, &value)? {
            return Err(contradiction(table, &key, What::Stray));
        }
    }
    Err(CheckError::Moved)
}
