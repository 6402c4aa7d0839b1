//! The rules of a client's transaction against the ledger, in the order of the page.

use super::{Params, Reads, TransactionRejected};
use crate::planted::planted;
use crate::{
    AuthenticTransaction, Height, Position,
    delta::{Fate, OutputRecord},
    transaction::{Input, Kind, Transaction},
};

/// Whether a transaction could stand in the block of this height, given its inputs as read.
///
/// # Errors
/// [`TransactionRejected`], the first rule that is broken.
pub fn check_transaction(
    transaction: &AuthenticTransaction,
    height: Height,
    reads: &Reads,
    params: &Params,
) -> Result<(), TransactionRejected> {
    let read = |position: &Position| read(reads, position);
    check(transaction, height, params, read)?;
    check_fee(transaction.transaction(), params)
}

/// The record of an output as it was read.
pub(super) fn read<'a>(
    reads: &'a Reads,
    position: &Position,
) -> Result<Option<&'a OutputRecord>, TransactionRejected> {
    let found = reads
        .outputs
        .get(position)
        .ok_or(TransactionRejected::NotRead { position: *position })?;
    Ok(found.as_ref())
}

/// All rules but the fee, which does not bind what L1 forces in.
pub(super) fn check<'a>(
    transaction: &AuthenticTransaction,
    height: Height,
    params: &Params,
    read: impl Fn(&Position) -> Result<Option<&'a OutputRecord>, TransactionRejected>,
) -> Result<(), TransactionRejected> {
    let content = transaction.transaction();
    match content.kind {
        Kind::Fund => return Err(TransactionRejected::Fund),
        kind @ (Kind::Split | Kind::Merge) if !params.legacy_transactions => {
            return Err(TransactionRejected::Legacy { kind });
        }
        _ => {}
    }
    if content.expiry < height && !planted("ledger: nothing expires") {
        return Err(TransactionRejected::Expired {
            expiry: content.expiry,
            height,
        });
    }
    for (input, named) in content.inputs.iter().enumerate() {
        let position = named.position;
        if position.block >= height {
            return Err(TransactionRejected::InputNotEarlier {
                input,
                position,
                height,
            });
        }
        let record = read(&position)?.ok_or(TransactionRejected::InputMissing { input, position })?;
        check_free(record, input, position)?;
        check_match(transaction, record, input, named)?;
    }
    Ok(())
}

fn check_free(record: &OutputRecord, input: usize, position: Position) -> Result<(), TransactionRejected> {
    match record.fate {
        Fate::Spent(_) if planted("ledger: spent outputs can be spent") => Ok(()),
        Fate::Spent(by) => Err(TransactionRejected::InputSpent { input, position, by }),
        Fate::Exited(_) if planted("ledger: outputs that left can be spent") => Ok(()),
        Fate::Exited(_) | Fate::Reclaimed => Err(TransactionRejected::InputGone { input, position }),
        Fate::Unspent if record.output.locks > 0 && !planted("ledger: exiting outputs can be spent") => {
            Err(TransactionRejected::InputExiting {
                input,
                position,
                locks: record.output.locks,
            })
        }
        Fate::Unspent => Ok(()),
    }
}

fn check_match(
    transaction: &AuthenticTransaction,
    record: &OutputRecord,
    input: usize,
    named: &Input,
) -> Result<(), TransactionRejected> {
    let (position, output) = (named.position, &record.output);
    let (signer, stated) = (transaction.owner(), transaction.transaction().asset);
    if output.owner != signer && !planted("ledger: anybody spends anything") {
        return Err(TransactionRejected::InputForeign {
            input,
            position,
            owner: output.owner,
            signer,
        });
    }
    if output.asset != stated {
        return Err(TransactionRejected::InputAsset {
            input,
            position,
            held: output.asset,
            stated,
        });
    }
    if output.amount != named.amount && !planted("ledger: inputs hold what they say") {
        return Err(TransactionRejected::InputAmount {
            input,
            position,
            held: output.amount,
            stated: named.amount,
        });
    }
    Ok(())
}

/// A transfer or split pays the fee owner; merges are free, because consolidation should be.
pub(super) fn check_fee(transaction: &Transaction, params: &Params) -> Result<(), TransactionRejected> {
    let is_due = matches!(transaction.kind, Kind::Transfer | Kind::Split);
    let (true, Some(owner), Some(minimum)) = (is_due, params.fee_owner, params.fees.get(&transaction.asset))
    else {
        return Ok(());
    };
    let is_paid = transaction
        .outputs
        .iter()
        .any(|payment| payment.owner == owner && payment.amount >= *minimum);
    if is_paid {
        Ok(())
    } else {
        Err(TransactionRejected::Fee {
            owner,
            minimum: *minimum,
        })
    }
}
