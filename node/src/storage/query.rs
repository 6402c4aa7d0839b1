//! Every question of [`Read`], answered from the rows of one moment.

use std::{collections::BTreeMap, ops::Range};

use plasma_core::{
    Address, Amount, BlockId, Certificate, DepositFate, DepositNumber, ExitId, Hash, Header, Height,
    OpenExit, OutputRecord, Position, Reads, State, TransactionId, Wanted,
};

use super::{
    Decided, Event, ExitTurn, Read, Saved, StorageError,
    rows::{Moments, Row, Rows, prefix_end},
    schema::{self, Table},
};

impl<R: Moments> Read for R {
    fn pinned(&self) -> Result<Self, StorageError> {
        self.pin()
    }

    fn tip(&self) -> Result<(Height, BlockId), StorageError> {
        tip(&self.moment()?)
    }

    fn state(&self) -> Result<State, StorageError> {
        state(&self.moment()?)
    }

    fn reads(&self, wanted: &Wanted) -> Result<Reads, StorageError> {
        let rows = self.moment()?;
        let mut reads = Reads::default();
        for number in &wanted.deposits {
            reads.deposits.insert(*number, deposit(&rows, *number)?);
        }
        for id in &wanted.exits {
            reads.exits.insert(*id, exit(&rows, id)?);
        }
        let named = reads.missing(&[]);
        let positions: Vec<Position> = wanted.outputs.union(&named).copied().collect();
        reads
            .outputs
            .extend(positions.iter().copied().zip(outputs(&rows, &positions)?));
        Ok(reads)
    }

    fn output(&self, position: Position) -> Result<Option<OutputRecord>, StorageError> {
        output(&self.moment()?, position)
    }

    fn outputs_of(
        &self,
        owner: &Address,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, OutputRecord)>, StorageError> {
        let rows = self.moment()?;
        let mut from = owner.0.to_vec();
        if let Some(position) = after {
            // The smallest key behind this one is itself and a zero byte.
            from.extend(position.to_bytes());
            from.push(0);
        }
        let keys = rows.rows(Table::Owners, &from, prefix_end(&owner.0).as_deref(), limit)?;
        let positions = keys
            .iter()
            .map(|(key, _)| schema::position_of_owner_key(key).ok_or_else(|| damaged(Table::Owners, key)))
            .collect::<Result<Vec<_>, _>>()?;
        let records = outputs(&rows, &positions)?;
        keys.iter()
            .zip(positions.into_iter().zip(records))
            .map(|((key, _), (position, record))| {
                Ok((position, record.ok_or_else(|| damaged(Table::Owners, key))?))
            })
            .collect()
    }

    fn history_of(
        &self,
        owner: &Address,
        after: Option<&Event>,
        limit: usize,
    ) -> Result<Vec<Event>, StorageError> {
        let from = match after {
            None => owner.0.to_vec(),
            // The smallest key behind this one is itself and a zero byte.
            Some(event) => [event.key(owner), vec![0]].concat(),
        };
        let end = prefix_end(&owner.0);
        let found = self
            .moment()?
            .rows(Table::History, &from, end.as_deref(), limit)?;
        found.iter().map(event).collect()
    }

    fn history_at(&self, owner: &Address, height: Height) -> Result<Vec<Event>, StorageError> {
        let from = [&owner.0[..], &(!height.0).to_be_bytes()].concat();
        let end = prefix_end(&from);
        let found = self
            .moment()?
            .rows(Table::History, &from, end.as_deref(), usize::MAX)?;
        found.iter().map(event).collect()
    }

    fn exit_turns(
        &self,
        after: Option<(Height, ExitId)>,
        limit: usize,
    ) -> Result<Vec<ExitTurn>, StorageError> {
        // The smallest key behind this one is itself and a zero byte.
        let from = after.map(|(height, exit)| [ExitTurn::key(height, &exit), vec![0]].concat());
        let found = self
            .moment()?
            .rows(Table::ExitTurns, &from.unwrap_or_default(), None, limit)?;
        found.iter().map(exit_turn).collect()
    }

    fn exit_turns_at(&self, height: Height) -> Result<Vec<ExitTurn>, StorageError> {
        let from = (!height.0).to_be_bytes();
        let end = prefix_end(&from);
        let found = self
            .moment()?
            .rows(Table::ExitTurns, &from, end.as_deref(), usize::MAX)?;
        found.iter().map(exit_turn).collect()
    }

    fn header(&self, height: Height) -> Result<Option<Header>, StorageError> {
        header(&self.moment()?, height)
    }

    fn horizon(&self) -> Result<Height, StorageError> {
        horizon(&self.moment()?)
    }

    fn block(&self, height: Height) -> Result<Option<Decided>, StorageError> {
        let rows = self.moment()?;
        let Some(header) = header(&rows, height)? else {
            return Ok(None);
        };
        let key = schema::height_key(height);
        let body = value(&rows, Table::Bodies, &key, |bytes| {
            schema::decode_body(&header, bytes)
        })?;
        let Some(body) = body else {
            return Err(absent_body(&rows, height)?);
        };
        let certificate = value(&rows, Table::Certificates, &key, schema::decode_certificate)?;
        Ok(Some(Decided {
            header,
            body,
            certificate,
        }))
    }

    fn height_of(&self, block: &BlockId) -> Result<Option<Height>, StorageError> {
        value(&self.moment()?, Table::Blocks, &block.0.0, schema::height)
    }

    fn transaction(&self, id: &TransactionId) -> Result<Option<(Height, u32)>, StorageError> {
        value(
            &self.moment()?,
            Table::Transactions,
            &id.0.0,
            schema::decode_place,
        )
    }

    fn leaves(&self, heights: Range<Height>) -> Result<Vec<Hash>, StorageError> {
        let (from, to) = (schema::height_key(heights.start), schema::height_key(heights.end));
        let found = self.moment()?.rows(Table::Leaves, &from, Some(&to), usize::MAX)?;
        found
            .into_iter()
            .map(|(key, value)| schema::hash(&value).ok_or_else(|| damaged(Table::Leaves, &key)))
            .collect()
    }

    fn certificate_covering(&self, height: Height) -> Result<Option<(Height, Certificate)>, StorageError> {
        let found = self
            .moment()?
            .rows(Table::Certificates, &schema::height_key(height), None, 1)?;
        found.first().map(certificate).transpose()
    }

    fn exit(&self, id: &ExitId) -> Result<Option<OpenExit>, StorageError> {
        exit(&self.moment()?, id)
    }

    fn exits(&self) -> Result<BTreeMap<ExitId, OpenExit>, StorageError> {
        exits(&self.moment()?)
    }

    fn deposit(&self, number: DepositNumber) -> Result<Option<DepositFate>, StorageError> {
        deposit(&self.moment()?, number)
    }

    fn deposits(
        &self,
        numbers: Range<DepositNumber>,
    ) -> Result<Vec<(DepositNumber, DepositFate)>, StorageError> {
        let (from, to) = (
            schema::deposit_key(numbers.start),
            schema::deposit_key(numbers.end),
        );
        let found = self
            .moment()?
            .rows(Table::Deposits, &from, Some(&to), usize::MAX)?;
        let fate = |(key, value): &Row| {
            let fate = schema::deposit(key).zip(DepositFate::decode(value));
            fate.ok_or_else(|| damaged(Table::Deposits, key))
        };
        found.iter().map(fate).collect()
    }

    fn last_deposit(&self) -> Result<Option<DepositNumber>, StorageError> {
        let last = self.moment()?.last_row(Table::Deposits)?;
        let number = |(key, _): Row| schema::deposit(&key).ok_or_else(|| damaged(Table::Deposits, &key));
        last.map(number).transpose()
    }

    fn totals(&self) -> Result<BTreeMap<Address, Amount>, StorageError> {
        let found = self.moment()?.rows(Table::Totals, &[], None, usize::MAX)?;
        found
            .into_iter()
            .map(|(key, value)| {
                let total = schema::address(&key).zip(schema::amount(&value));
                total.ok_or_else(|| damaged(Table::Totals, &key))
            })
            .collect()
    }
}

/// What an operator starts from.
pub(super) fn saved(rows: &impl Rows) -> Result<Saved, StorageError> {
    let newest = rows.last_row(Table::Certificates)?;
    Ok(Saved {
        state: state(rows)?,
        certificate: newest
            .as_ref()
            .map(certificate)
            .transpose()?
            .map(|(_, certificate)| certificate),
        exits: exits(rows)?,
        fence: value(rows, Table::Meta, schema::LOG_FENCE, schema::lsn)?,
    })
}

/// Height and id of the newest block; every opened storage has one.
pub(super) fn tip(rows: &impl Rows) -> Result<(Height, BlockId), StorageError> {
    let tip = value(rows, Table::Meta, schema::TIP, schema::decode_tip)?;
    tip.ok_or_else(|| damaged(Table::Meta, schema::TIP))
}

/// The lowest height whose body is kept.
pub(super) fn horizon(rows: &impl Rows) -> Result<Height, StorageError> {
    Ok(value(rows, Table::Meta, schema::HORIZON, schema::height)?.unwrap_or_default())
}

/// Why a block has no body.
fn absent_body(rows: &impl Rows, height: Height) -> Result<StorageError, StorageError> {
    let horizon = horizon(rows)?;
    Ok(if height < horizon {
        StorageError::Pruned { height, horizon }
    } else {
        damaged(Table::Bodies, &schema::height_key(height))
    })
}

/// One value, understood.
pub(super) fn value<T>(
    rows: &impl Rows,
    table: Table,
    key: &[u8],
    decode: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, StorageError> {
    let Some(bytes) = rows.row(table, key)? else {
        return Ok(None);
    };
    decode(&bytes).map(Some).ok_or_else(|| damaged(table, key))
}

/// The record of an output.
pub(super) fn output(rows: &impl Rows, position: Position) -> Result<Option<OutputRecord>, StorageError> {
    value(rows, Table::Outputs, &position.to_bytes(), schema::output)
}

/// The records of many outputs, in the order asked.
pub(super) fn outputs(
    rows: &impl Rows,
    positions: &[Position],
) -> Result<Vec<Option<OutputRecord>>, StorageError> {
    let keys: Vec<Vec<u8>> = positions.iter().map(|at| at.to_bytes().to_vec()).collect();
    let values = rows.values(Table::Outputs, &keys)?;
    let understood = keys.iter().zip(values).map(|(key, value)| {
        let read = |bytes: Vec<u8>| schema::output(&bytes).ok_or_else(|| damaged(Table::Outputs, key));
        value.map(read).transpose()
    });
    understood.collect()
}

/// The header at a height.
pub(super) fn header(rows: &impl Rows, height: Height) -> Result<Option<Header>, StorageError> {
    value(rows, Table::Headers, &schema::height_key(height), Header::decode)
}

pub(super) fn state(rows: &impl Rows) -> Result<State, StorageError> {
    let state = value(rows, Table::Meta, schema::STATE, State::decode)?;
    state.ok_or_else(|| damaged(Table::Meta, schema::STATE))
}

pub(super) fn exit(rows: &impl Rows, id: &ExitId) -> Result<Option<OpenExit>, StorageError> {
    value(rows, Table::Exits, &id.0.0, OpenExit::decode)
}

fn exits(rows: &impl Rows) -> Result<BTreeMap<ExitId, OpenExit>, StorageError> {
    let found = rows.rows(Table::Exits, &[], None, usize::MAX)?;
    found
        .into_iter()
        .map(|(key, value)| {
            let exit = schema::hash(&key).map(ExitId).zip(OpenExit::decode(&value));
            exit.ok_or_else(|| damaged(Table::Exits, &key))
        })
        .collect()
}

fn deposit(rows: &impl Rows, number: DepositNumber) -> Result<Option<DepositFate>, StorageError> {
    value(
        rows,
        Table::Deposits,
        &schema::deposit_key(number),
        DepositFate::decode,
    )
}

fn event(row: &Row) -> Result<Event, StorageError> {
    let decoded = Event::decode(row).ok_or_else(|| damaged(Table::History, &row.0));
    decoded.map(|(_, event)| event)
}

fn exit_turn(row: &Row) -> Result<ExitTurn, StorageError> {
    ExitTurn::decode(row).ok_or_else(|| damaged(Table::ExitTurns, &row.0))
}

fn certificate((key, value): &Row) -> Result<(Height, Certificate), StorageError> {
    let found = schema::height(key).zip(schema::decode_certificate(value));
    found.ok_or_else(|| damaged(Table::Certificates, key))
}

pub(super) fn damaged(table: Table, key: &[u8]) -> StorageError {
    let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
    StorageError::Row {
        table: table.name(),
        key,
    }
}
