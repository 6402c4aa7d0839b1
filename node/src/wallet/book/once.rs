//! What is meant once for ever, because it has a name or a file, and what must not be begun beside it.

use std::{collections::BTreeSet, path::Path};

use super::{Action, Book, Intent, Row};
use crate::{
    api::text::AddressText,
    wallet::{WalletError, amount::show},
};

impl Book {
    /// The action of an intent that is meant once for ever, when that was ended. What came of it is told again.
    #[must_use]
    pub fn done(&self, intent: &Intent) -> Option<usize> {
        let mut found = self.actions();
        let is_done = |action: &Action| action.is_ended && action.intent == *intent && !action.is_void();
        found
            .find(|(_, action)| intent.is_once() && is_done(action))
            .map(|(number, _)| number)
    }

    /// Whether an intent may begin, or go on: its name is of no other one, and its file is no changed one.
    ///
    /// # Errors
    /// [`WalletError::Usage`] and [`WalletError::File`] say what has the name, or which row was paid.
    pub fn check_once(&self, intent: &Intent) -> Result<(), WalletError> {
        let others = || self.actions.iter().rev().filter(|action| !action.is_void());
        if others().any(|action| action.intent == *intent) {
            return Ok(());
        }
        if let Some(name) = intent.name()
            && let Some(other) = others().find(|action| action.intent.name() == Some(name))
        {
            return Err(WalletError::Usage(format!(
                "--id {name:?} is the name of {}, and this is {}: nothing was signed. What is new gets a name of its own",
                said(&other.intent),
                said(intent)
            )));
        }
        let Intent::Pay {
            file: Some(file),
            rows,
            id,
            ..
        } = intent
        else {
            return Ok(());
        };
        others().try_for_each(|other| other.check_file(file, rows, id.as_deref()))
    }
}

impl Action {
    /// Whether nothing came of it, so that its name and its file are free: nothing was signed, or its deposit reverted.
    fn is_void(&self) -> bool {
        match self.intent {
            Intent::Deposit { .. } if self.is_ended => self.credited.is_none(),
            Intent::Deposit { .. } => self.calls.is_empty(),
            Intent::Pay { .. } => self.payments.is_empty(),
            _ => false,
        }
    }

    /// Whether rows that this one does not have may be paid out of its file.
    fn check_file(&self, named: &Path, rows: &[Row], name: Option<&str>) -> Result<(), WalletError> {
        let Intent::Pay {
            rows: before,
            file: Some(file),
            id,
            ..
        } = &self.intent
        else {
            return Ok(());
        };
        let refuse = |reason: String| {
            Err(WalletError::File {
                path: named.to_owned(),
                reason,
            })
        };
        if file != named {
            return Ok(());
        }
        if !self.is_ended {
            return refuse(format!(
                "a payout of {} from this file is not at its end, and this is another one (it was changed, or has another \
                 account or --id). Restore it and run the same command again until all of it is paid",
                counted(before)
            ));
        }
        if name.is_some() && name != id.as_deref() {
            return Ok(());
        }
        let paid: BTreeSet<&Row> = before.iter().collect();
        match rows.iter().enumerate().find(|(_, row)| paid.contains(row)) {
            Some((place, row)) => refuse(format!(
                "row {} ({} to {}) was paid before out of this file, which has changed since; nobody can tell an old row \
                 from a new one. Give a new payout a file of its own, or a name with --id that was not used before",
                place + 1,
                show(row.amount.0, row.asset.0),
                row.to
            )),
            None => Ok(()),
        }
    }
}

fn counted(rows: &[Row]) -> String {
    match rows.len() {
        1 => "1 row".to_owned(),
        more => format!("{more} rows"),
    }
}

/// What a name can be of, in words.
fn said(intent: &Intent) -> String {
    match intent {
        Intent::Pay {
            from,
            rows,
            file: Some(file),
            ..
        } => format!("a payout of {} from {} by {from}", counted(rows), file.display()),
        Intent::Pay { from, rows, .. } => {
            let paid = rows
                .iter()
                .map(|row| format!("{} to {}", show(row.amount.0, row.asset.0), row.to));
            let paid: Vec<String> = paid.take(ROWS_SAID).collect();
            let more = if rows.len() > ROWS_SAID { ", and more," } else { "" };
            format!("a payment of {}{more} by {from}", paid.join(", "))
        }
        Intent::Deposit {
            from,
            owner,
            asset,
            amount,
            ..
        } => {
            let amount = show(amount.0, asset.0);
            format!("a deposit of {amount} by {from} for {}", AddressText(owner.0))
        }
        other => format!("{other:?}"),
    }
}

/// A person reads so many.
const ROWS_SAID: usize = 3;
