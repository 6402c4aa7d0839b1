//! What the commands of the wallet print: one document each, and the same in words.

use std::fmt;

use plasma_core::Address;
use serde::Serialize;

use crate::{
    api::{
        text::{AddressText, AmountText, HashText, PositionText},
        view::{HistoryItem, OutputStatus},
    },
    wallet::{
        amount::show,
        exit::Going,
        ledger::{Holding, Sum},
        watch::{Watched, WatchedReclaim},
    },
};

#[derive(Debug, Serialize)]
pub(super) struct Accounts {
    pub(super) accounts: Vec<AccountView>,
}

#[derive(Debug, Serialize)]
pub(super) struct AccountView {
    pub(super) name: String,
    /// Absent where the keystore does not tell it.
    pub(super) address: Option<AddressText>,
    pub(super) is_chosen: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub(super) address: AddressText,
}

#[derive(Debug, Serialize)]
pub(super) struct Removed {
    pub(super) name: String,
    pub(super) kept: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Balances {
    pub(super) address: AddressText,
    pub(super) balances: Vec<BalanceView>,
    /// Wei on Ethereum, where it was asked.
    pub(super) on_ethereum: Option<AmountText>,
}

#[derive(Debug, Serialize)]
pub(super) struct BalanceView {
    pub(super) asset: AddressText,
    pub(super) available: AmountText,
    pub(super) reserved: AmountText,
    pub(super) exiting: AmountText,
    pub(super) unproven: AmountText,
    pub(super) outputs: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Utxos {
    pub(super) address: AddressText,
    pub(super) outputs: Vec<Utxo>,
}

#[derive(Debug, Serialize)]
pub(super) struct Utxo {
    pub(super) output: PositionText,
    pub(super) asset: AddressText,
    pub(super) amount: AmountText,
    pub(super) status: OutputStatus,
    pub(super) is_proven: bool,
    pub(super) is_reserved: bool,
    pub(super) can_leave: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct History {
    pub(super) address: AddressText,
    pub(super) items: Vec<HistoryItem>,
}

#[derive(Debug, Serialize)]
pub(super) struct Deposited {
    pub(super) number: u64,
    pub(super) output: PositionText,
}

#[derive(Debug, Serialize)]
pub(super) struct Sent {
    pub(super) payments: Vec<SentPayment>,
}

#[derive(Debug, Serialize)]
pub(super) struct SentPayment {
    pub(super) id: HashText,
    pub(super) state: &'static str,
    pub(super) height: Option<u32>,
    pub(super) index: Option<u32>,
    /// Rows of the file that it pays, from 1; the header is none.
    pub(super) rows: Vec<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct Exits {
    pub(super) exits: Vec<ExitView>,
    /// Deposits that were asked back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reclaims: Vec<ReclaimView>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExitView {
    pub(super) exit: HashText,
    /// What leaves with it: an output, or
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<PositionText>,
    /// a payment in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<HashText>,
    /// Second of Ethereum's clock.
    pub(super) due_s: u64,
    /// Whether it is open; absent where Ethereum was not asked.
    pub(super) is_open: Option<bool>,
    /// Whether its output was paid; absent while it is open, and where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<bool>,
    /// Seconds until it can be paid.
    pub(super) due_in_s: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReclaimView {
    /// The vault's number of the deposit.
    pub(super) number: u64,
    /// Second of Ethereum's clock; absent where Ethereum was not asked, and when it ended.
    pub(super) due_s: Option<u64>,
    /// Whether it is open; absent where Ethereum was not asked.
    pub(super) is_open: Option<bool>,
    /// Seconds until it can be paid back.
    pub(super) due_in_s: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct TakenBack {
    pub(super) number: u64,
    pub(super) paid: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Finalized {
    pub(super) exit: HashText,
    /// Absent when somebody else ended it.
    pub(super) paid: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct Verified {
    pub(super) id: HashText,
    pub(super) height: u32,
    pub(super) index: u32,
    pub(super) certified_at: u32,
    pub(super) epoch: u64,
    pub(super) outputs: Vec<PaidTo>,
}

#[derive(Debug, Serialize)]
pub(super) struct PaidTo {
    pub(super) owner: AddressText,
    pub(super) amount: AmountText,
    pub(super) asset: AddressText,
}

impl From<(Address, Sum)> for BalanceView {
    fn from((asset, sum): (Address, Sum)) -> Self {
        Self {
            asset: AddressText(asset),
            available: AmountText(sum.available),
            reserved: AmountText(sum.reserved),
            exiting: AmountText(sum.exiting),
            unproven: AmountText(sum.unproven),
            outputs: sum.outputs,
        }
    }
}

impl From<&Holding> for Utxo {
    fn from(holding: &Holding) -> Self {
        Self {
            output: holding.output.output,
            asset: holding.output.asset,
            amount: holding.output.amount,
            status: holding.output.status,
            is_proven: holding.is_proven,
            is_reserved: holding.is_reserved,
            can_leave: holding.can_leave,
        }
    }
}

impl ExitView {
    pub(super) fn new(watched: &Watched, now_s: Option<u64>) -> Self {
        let leaving = &watched.leaving;
        let (output, payment) = match leaving.what {
            Going::Output(output) => (Some(PositionText(output)), None),
            Going::Payment(id) => (None, Some(HashText(id.0))),
        };
        Self {
            exit: HashText(leaving.exit.0),
            output,
            payment,
            due_s: leaving.due_s,
            is_open: watched.is_open,
            paid: watched.paid,
            due_in_s: now_s.map(|now| leaving.due_s.saturating_sub(now)),
        }
    }
}

impl ReclaimView {
    pub(super) fn new(watched: &WatchedReclaim, now_s: Option<u64>) -> Self {
        let due_in_s = |due: u64| now_s.map(|now| due.saturating_sub(now));
        Self {
            number: watched.number.0,
            due_s: watched.due_s,
            is_open: watched.is_open,
            due_in_s: watched.due_s.and_then(due_in_s),
        }
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.accounts.iter().try_for_each(|account| account.fmt(f))
    }
}

impl fmt::Display for AccountView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_chosen { "*" } else { " " };
        let address = self
            .address
            .map_or_else(|| "unknown until it is opened".to_owned(), |one| one.to_string());
        writeln!(f, "{mark} {}   {address}", self.name)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.address)
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} is out of this wallet; its key is kept in {}",
            self.name, self.kept
        )
    }
}

impl fmt::Display for Balances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.address)?;
        for one in &self.balances {
            let asset = one.asset.0;
            let shown = |amount: AmountText| show(amount.0, asset);
            writeln!(f, "  available {}", shown(one.available))?;
            for (name, amount) in [
                ("under way", one.reserved),
                ("exiting", one.exiting),
                ("unproven", one.unproven),
            ] {
                if !amount.0.is_zero() {
                    writeln!(f, "  {name:<9} {}", shown(amount))?;
                }
            }
            writeln!(f, "  outputs   {}", one.outputs)?;
        }
        if self.balances.is_empty() {
            writeln!(f, "  nothing in the ledger")?;
        }
        match self.on_ethereum {
            Some(amount) => writeln!(f, "  Ethereum  {}", show(amount.0, Address::ZERO)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Utxos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.outputs {
            write!(
                f,
                "{:<14} {}",
                one.output.to_string(),
                show(one.amount.0, one.asset.0)
            )?;
            for (name, is_so) in [
                ("exiting", one.status != OutputStatus::Unspent),
                ("under way", one.is_reserved),
                ("unproven", !one.is_proven),
                ("can leave", one.can_leave),
            ] {
                if is_so {
                    write!(f, ", {name}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            let (asset, kind) = (item.asset.0, format!("{:?}", item.kind).to_lowercase());
            write!(f, "{} block {:<8} {kind:<8}", item.time, item.height)?;
            for (sign, amount) in [("+", item.received.0), ("-", item.sent.0)] {
                if !amount.is_zero() {
                    write!(f, " {sign}{}", show(amount, asset))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Deposited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "deposit {} is output {}", self.number, self.output)
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.payments.is_empty() {
            return writeln!(f, "nothing was to be done");
        }
        for one in &self.payments {
            let height = one.height.unwrap_or_default();
            writeln!(f, "{} {} in block {height}", one.id, one.state)?;
        }
        Ok(())
    }
}

impl fmt::Display for Exits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exits.iter().try_for_each(|exit| exit.fmt(f))?;
        self.reclaims.iter().try_for_each(|reclaim| reclaim.fmt(f))
    }
}

impl fmt::Display for ExitView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = match (self.output, self.payment) {
            (Some(output), _) => output.to_string(),
            (None, Some(payment)) => payment.to_string(),
            (None, None) => self.exit.to_string(),
        };
        let state = match (self.is_open, self.due_in_s) {
            (Some(false), _) => match self.paid {
                Some(true) => "which ended: it is paid".to_owned(),
                Some(false) => {
                    "which ended unpaid: it was challenged, and its bond is lost, or its block does not count"
                        .to_owned()
                }
                None => "ended".to_owned(),
            },
            (_, Some(0)) => format!("due: plasma wallet exit finalize {named}"),
            (_, Some(left)) => format!("due in {left} s"),
            (_, None) => format!("due at second {} of Ethereum's clock", self.due_s),
        };
        writeln!(f, "{named} leaves with exit {}, {state}", self.exit)
    }
}

impl fmt::Display for ReclaimView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        let state = match (self.is_open, self.due_in_s) {
            (None, _) => "was asked back; --l1 tells when it is due".to_owned(),
            (Some(false), _) => "was asked back, and that ended".to_owned(),
            (Some(true), Some(0)) => format!("goes back, due: plasma wallet reclaim finalize {number}"),
            (Some(true), Some(left)) => format!("goes back, due in {left} s"),
            (Some(true), None) => "goes back".to_owned(),
        };
        writeln!(f, "deposit {number} {state}")
    }
}

impl fmt::Display for TakenBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = if self.paid {
            "is paid back, and its bond"
        } else {
            "does not go back: an exit paid it before, and the bond is lost"
        };
        writeln!(f, "deposit {} {words}", self.number)
    }
}

impl fmt::Display for Finalized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.paid {
            Some(true) => "is paid",
            Some(false) => "ended unpaid; its bond is back",
            None => "was ended by somebody else",
        };
        writeln!(f, "exit {} {words}", self.exit)
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} is committed in block {}, place {}; certified at block {} by the committee of epoch {}",
            self.id, self.height, self.index, self.certified_at, self.epoch
        )?;
        for one in &self.outputs {
            writeln!(f, "  to {}   {}", one.owner, show(one.amount.0, one.asset.0))?;
        }
        Ok(())
    }
}
