//! All outputs in order of position, held against what bodies create, and summed up.

use std::collections::BTreeMap;

use plasma_core::{
    Address, Amount, ExitId, Fate, Height, OpenExit, OutputRecord, Position, TransactionId,
    commitment::LtHash,
};

use super::{
    super::{
        Row, StorageError, query,
        rows::{Moments, Rows},
        scan::Scan,
        schema::{self, Table},
    },
    CheckError, Fixed, What, contradiction,
    history::{History, LOOKUPS},
    strays,
};

/// An output as its transaction writes it.
pub(super) struct Created {
    pub(super) position: Position,
    pub(super) transaction: TransactionId,
    pub(super) owner: Address,
    pub(super) asset: Address,
    pub(super) amount: Amount,
}

/// The outputs not looked at yet, and the sums over those before them.
pub(super) struct Outputs<'a, M: Moments> {
    source: &'a M,
    rows: std::iter::Peekable<Scan<'a, M>>,
    horizon: Height,
    /// Outputs so far.
    pub(super) count: u64,
    /// Those spent at or above the horizon.
    pub(super) spent: u64,
    sums: Sums,
    /// Rows that the table of owners must have.
    owners: Vec<Vec<u8>>,
    history: History,
}

/// What outputs amount to.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) outputs: u64,
    pub(super) unspent: u64,
    /// Per asset; there are as many entries as rows in the table of totals.
    totals: BTreeMap<Address, Amount>,
    commitment: LtHash,
}

impl<'a, M: Moments> Outputs<'a, M> {
    pub(super) fn new(source: &'a M, horizon: Height) -> Self {
        Self {
            source,
            rows: Scan::whole(source, Table::Outputs).peekable(),
            horizon,
            count: 0,
            spent: 0,
            sums: Sums::default(),
            owners: Vec::new(),
            history: History::default(),
        }
    }

    /// Takes the outputs whose bodies are not kept.
    pub(super) fn skip_pruned(&mut self) -> Result<(), CheckError> {
        let horizon = schema::height_key(self.horizon);
        while let Some(row) = self.next_below(&horizon)? {
            self.take(&row)?;
        }
        Ok(())
    }

    /// The next output must be this one.
    pub(super) fn expect(&mut self, created: &Created) -> Result<(), CheckError> {
        let key = created.position.to_bytes();
        if let Some((stray, _)) = self.next_below(&key)? {
            return Err(contradiction(Table::Outputs, &stray, What::Stray));
        }
        let is_it = |row: &Result<Row, StorageError>| row.as_ref().map_or(true, |(found, _)| *found == key);
        let row = self.rows.next_if(is_it).transpose()?;
        let row = row.ok_or_else(|| contradiction(Table::Outputs, &key, What::Missing))?;
        let output = self.take(&row)?.output;
        let found = (output.transaction, output.owner, output.asset, output.amount);
        if found != (created.transaction, created.owner, created.asset, created.amount) {
            return Err(contradiction(Table::Outputs, &key, What::Output));
        }
        Ok(())
    }

    /// Nothing may be left; gives the sums.
    pub(super) fn end(mut self) -> Result<Sums, CheckError> {
        if let Some((stray, _)) = self.rows.next().transpose()? {
            return Err(contradiction(Table::Outputs, &stray, What::Stray));
        }
        self.look_up_owners()?;
        self.history.end(self.source)?;
        self.sums.outputs = self.count;
        Ok(self.sums)
    }

    fn next_below(&mut self, key: &[u8]) -> Result<Option<Row>, CheckError> {
        let is_below = |row: &Result<Row, StorageError>| match row {
            Ok((found, _)) => found.as_slice() < key,
            Err(_) => true,
        };
        Ok(self.rows.next_if(is_below).transpose()?)
    }

    fn take(&mut self, (key, value): &Row) -> Result<OutputRecord, CheckError> {
        let damaged = || query::damaged(Table::Outputs, key);
        let position = schema::position(key).ok_or_else(damaged)?;
        let record = schema::output(value).ok_or_else(damaged)?;
        self.count += 1;
        self.history.take(self.source, position, &record)?;
        match record.fate {
            Fate::Unspent => {
                let output = &record.output;
                self.sums.unspent += 1;
                self.sums.commitment.add(&output.element(&position));
                let total = self.sums.totals.entry(output.asset).or_default();
                let sum = total.checked_add(output.amount);
                *total = sum.ok_or_else(|| contradiction(Table::Totals, &output.asset.0, What::Total))?;
                self.owners.push(schema::owner_key(&output.owner, &position));
                if self.owners.len() >= LOOKUPS {
                    self.look_up_owners()?;
                }
            }
            Fate::Spent(by) if by.height >= self.horizon => self.spent += 1,
            _ => {}
        }
        Ok(record)
    }

    fn look_up_owners(&mut self) -> Result<(), CheckError> {
        let keys = std::mem::take(&mut self.owners);
        let found = self.source.moment()?.values(Table::Owners, &keys)?;
        for (key, value) in keys.iter().zip(found) {
            let value = value.ok_or_else(|| contradiction(Table::Owners, key, What::Missing))?;
            if !value.is_empty() {
                return Err(contradiction(Table::Owners, key, What::OwnerValue));
            }
        }
        Ok(())
    }
}

impl Sums {
    /// As many owners' rows as unspent outputs: each of those has its row.
    pub(super) fn check_owners<M: Moments>(&self, source: &M) -> Result<(), CheckError> {
        strays::owners(source, self.unspent)
    }

    /// The table of totals is exactly the sums that are not zero.
    pub(super) fn check_totals<M: Moments>(&self, source: &M) -> Result<(), CheckError> {
        let mut sums = self.totals.iter().filter(|(_, sum)| !sum.is_zero()).peekable();
        for row in Scan::whole(source, Table::Totals) {
            let (key, value) = row?;
            let next = sums.next_if(|(asset, _)| asset.0.as_slice() <= key.as_slice());
            match next {
                Some((asset, sum)) if asset.0 == *key => {
                    if value != sum.to_be_bytes::<32>() {
                        return Err(contradiction(Table::Totals, &key, What::Total));
                    }
                }
                Some((asset, _)) => return Err(contradiction(Table::Totals, &asset.0, What::Missing)),
                None => return Err(contradiction(Table::Totals, &key, What::Stray)),
            }
        }
        match sums.next() {
            Some((asset, _)) => Err(contradiction(Table::Totals, &asset.0, What::Missing)),
            None => Ok(()),
        }
    }

    /// Unspent outputs and open exits give the commitment of the state, whose digest is the newest header's.
    pub(super) fn check_commitment<M: Moments>(
        &self,
        source: &M,
        fixed: &Fixed<'_>,
    ) -> Result<(), CheckError> {
        let mut sum = self.commitment.clone();
        for row in Scan::whole(source, Table::Exits) {
            let (key, value) = row?;
            let exit = schema::hash(&key).map(ExitId).zip(OpenExit::decode(&value));
            let (id, exit) = exit.ok_or_else(|| query::damaged(Table::Exits, &key))?;
            sum.add(&exit.element(&id));
        }
        if sum == fixed.state.commitment {
            Ok(())
        } else {
            Err(contradiction(Table::Meta, schema::STATE, What::Commitment))
        }
    }
}
