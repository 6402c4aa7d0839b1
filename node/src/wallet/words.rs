//! What is about to be signed, in words: every party, every amount, every input, and which federation it counts in.

use std::fmt::{self, Write as _};

use plasma_core::{Address, Amount, Genesis, Transaction};

use super::{amount::show, book::Row};
use crate::api::text::AddressText;

/// A payment in words; every output is named, and what returns to the payer is told apart.
#[must_use]
pub fn payment(transaction: &Transaction, from: Address, genesis: &Genesis) -> String {
    written(|out| {
        let asset = transaction.asset;
        writeln!(out, "Payment {}", transaction.id())?;
        writeln!(out, "  from    {}", AddressText(from))?;
        for output in &transaction.outputs {
            let role = match output.owner {
                owner if owner == from => "change",
                owner if Some(owner) == genesis.fee_owner => "fee",
                _ => "to",
            };
            let (owner, amount) = (AddressText(output.owner), show(output.amount, asset));
            writeln!(out, "  {role:<7} {owner}   {amount}")?;
        }
        for input in &transaction.inputs {
            writeln!(
                out,
                "  input   {}   {}",
                input.position,
                show(input.amount, asset)
            )?;
        }
        place(out, genesis)
    })
}

/// A whole payout in words: sums, and the first rows.
#[must_use]
pub fn payout(rows: &[Row], unpaid: &[usize], from: Address, genesis: &Genesis) -> String {
    written(|out| {
        writeln!(out, "Payout of {} rows of {}", unpaid.len(), rows.len())?;
        writeln!(out, "  from    {}", AddressText(from))?;
        let left = || unpaid.iter().filter_map(|place| rows.get(*place));
        let mut assets: Vec<Address> = left().map(|row| row.asset.0).collect();
        assets.sort_unstable();
        assets.dedup();
        for asset in assets {
            let own = left().filter(|row| row.asset.0 == asset);
            let sum = own.fold(Amount::ZERO, |sum, row| sum.saturating_add(row.amount.0));
            writeln!(out, "  sum     {}", show(sum, asset))?;
        }
        for row in left().take(ROWS_SHOWN) {
            writeln!(out, "  to      {}   {}", row.to, show(row.amount.0, row.asset.0))?;
        }
        let more = unpaid.len().saturating_sub(ROWS_SHOWN);
        if more > 0 {
            writeln!(out, "  and {more} rows more")?;
        }
        fee(out, genesis)?;
        place(out, genesis)
    })
}

/// A transaction on Ethereum in words.
#[must_use]
pub fn ethereum(what: &str, lines: &[(&str, String)], genesis: &Genesis) -> String {
    written(|out| {
        writeln!(out, "{what}")?;
        for (name, value) in lines {
            writeln!(out, "  {name:<7} {value}")?;
        }
        place(out, genesis)
    })
}

fn fee(out: &mut String, genesis: &Genesis) -> fmt::Result {
    let Some(owner) = genesis.fee_owner else {
        return writeln!(out, "  fee     none");
    };
    for (asset, minimum) in &genesis.fees {
        let (owner, minimum) = (AddressText(owner), show(*minimum, *asset));
        writeln!(out, "  fee     {owner}   {minimum} for each payment")?;
    }
    Ok(())
}

fn place(out: &mut String, genesis: &Genesis) -> fmt::Result {
    writeln!(
        out,
        "  counts  in {:?}, contract {} on chain {}",
        genesis.name,
        AddressText(genesis.contract),
        genesis.chain_id
    )
}

fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut out);
    out
}

/// A person reads so many; the sums hold for all.
const ROWS_SHOWN: usize = 10;
