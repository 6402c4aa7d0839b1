//! Every rule that Ethereum can be shown, held against every transaction of an invalid block.
//!
//! The ledger stops at the first broken rule, and a lying quorum chooses which one that is. This goes through the whole
//! body with what the ledger held below the block.

use std::collections::BTreeMap;

use plasma_core::{
    AuthenticTransaction, DepositFate, DepositNumber, Fate, Height, Input, Kind, OutputRecord, Params,
    Position, SignedTransaction, Spender,
};

use crate::{
    operator::case::Case,
    storage::{Read, StorageError},
};

use super::{
    CHARGES_MAX, FUNDS_MAX,
    charge::{Charge, of_missing},
};

/// What could be shown of the block, the surest first: the vault alone knows which fund transactions are right, so those
/// that the ledger does not contradict stand last.
///
/// # Errors
/// [`StorageError`] when rows cannot be read.
pub fn survey<R: Read>(case: &Case, reader: &R, params: &Params) -> Result<Vec<Charge>, StorageError> {
    let mut survey = Survey {
        reader,
        height: case.height(),
        spent: BTreeMap::new(),
        funded: BTreeMap::new(),
        sure: Vec::new(),
        funds: Vec::new(),
    };
    for (index, bytes) in (0u32..).zip(&case.body) {
        if survey.sure.len() >= CHARGES_MAX {
            break;
        }
        match sound(bytes, case.height(), params) {
            None => survey.sure.push(Charge::Malformed { index }),
            Some(sound) => survey.look(index, &sound)?,
        }
    }
    let mut charges = survey.sure;
    charges.truncate(CHARGES_MAX);
    charges.extend(survey.funds.into_iter().take(2 * FUNDS_MAX));
    Ok(charges)
}

/// The bytes as a transaction that its signer could have had included here, whatever it spends.
fn sound(bytes: &[u8], height: Height, params: &Params) -> Option<AuthenticTransaction> {
    let signed = SignedTransaction::decode(bytes).ok()?;
    let authentic = signed.authenticate(&params.domain).ok()?;
    let content = authentic.transaction();
    let is_allowed = match content.kind {
        Kind::Split | Kind::Merge => params.legacy_transactions,
        Kind::Transfer | Kind::Fund => true,
    };
    (is_allowed && content.expiry >= height).then_some(authentic)
}

struct Survey<'a, R> {
    reader: &'a R,
    height: Height,
    /// What this block has spent so far.
    spent: BTreeMap<Position, Spender>,
    /// What this block has funded so far.
    funded: BTreeMap<DepositNumber, u32>,
    sure: Vec<Charge>,
    funds: Vec<Charge>,
}

impl<R: Read> Survey<'_, R> {
    fn look(&mut self, index: u32, authentic: &AuthenticTransaction) -> Result<(), StorageError> {
        let content = authentic.transaction();
        if content.kind == Kind::Fund {
            return match content.deposit() {
                Some(number) => self.look_at_fund(index, number),
                None => Ok(()),
            };
        }
        for (input, named) in (0u8..).zip(&content.inputs) {
            self.look_at_input((index, input), named, authentic)?;
        }
        Ok(())
    }

    fn look_at_fund(&mut self, index: u32, number: DepositNumber) -> Result<(), StorageError> {
        let is_repeated = self.funded.insert(number, index).is_some();
        match self.reader.deposit(number)? {
            Some(DepositFate::Funded(_)) => self.sure.push(Charge::DoubleFund { index }),
            Some(DepositFate::Reclaimed) => self.sure.push(Charge::BadFund { index }),
            None if is_repeated => self.sure.push(Charge::DoubleFund { index }),
            None => self
                .funds
                .extend([Charge::BadFund { index }, Charge::LateFund { index }]),
        }
        Ok(())
    }

    fn look_at_input(
        &mut self,
        (index, input): (u32, u8),
        named: &Input,
        authentic: &AuthenticTransaction,
    ) -> Result<(), StorageError> {
        let position = named.position;
        let by = Spender {
            height: self.height,
            transaction: index,
            input,
        };
        if let Some(by) = self.spent.insert(position, by) {
            self.sure.push(Charge::DoubleSpend { index, input, by });
        }
        if position.block >= self.height || position.block == Height(0) {
            self.sure.push(Charge::FutureReference { index, input });
            return Ok(());
        }
        let Some(record) = self.reader.output(position)? else {
            self.sure.extend(of_missing(index, input, position));
            return Ok(());
        };
        self.look_at_fate((index, input), &record);
        let held = &record.output;
        let is_same = held.owner == authentic.owner()
            && held.amount == named.amount
            && held.asset == authentic.transaction().asset;
        if !is_same {
            self.sure.push(Charge::BadInput { index, input });
        }
        Ok(())
    }

    fn look_at_fate(&mut self, (index, input): (u32, u8), record: &OutputRecord) {
        let charge = match record.fate {
            Fate::Unspent if record.output.locks == 0 => return,
            Fate::Spent(by) => Charge::DoubleSpend { index, input, by },
            Fate::Unspent | Fate::Exited(_) => Charge::SpentAfterExit { index, input },
            Fate::Reclaimed => Charge::SpentAfterReclaim { index, input },
        };
        self.sure.push(charge);
    }
}
