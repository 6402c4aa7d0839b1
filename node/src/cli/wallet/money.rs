//! What moves money, and what shows it.

use std::path::Path;

use plasma_core::{Address, Amount};

use super::{Desk, StartError, address, asset, paper, person::Terminal, print, view};
use crate::{
    api::text::{AddressText, AmountText, HashText, PositionText},
    wallet::{
        Purse, WalletError, amount,
        anchored::Level,
        book::{Intent, Row},
        ledger::sums,
        papers::Paper,
        pay::Paid,
        payouts,
    },
};

/// What the account has.
pub(super) async fn balance(desk: &Desk) -> Result<(), StartError> {
    let owner = desk.owner()?;
    let mut purse = desk.purse(false).await?;
    let holdings = purse.holdings(owner).await?;
    let balances = sums(&holdings).into_iter().map(view::BalanceView::from);
    let on_ethereum = purse.on_ethereum(owner).await?;
    desk.show(&view::Balances {
        address: AddressText(owner),
        balances: balances.collect(),
        on_ethereum: on_ethereum.map(AmountText),
    })
}

/// Its outputs.
pub(super) async fn utxos(desk: &Desk) -> Result<(), StartError> {
    let owner = desk.owner()?;
    let mut purse = desk.purse(false).await?;
    let holdings = purse.holdings(owner).await?;
    desk.show(&view::Utxos {
        address: AddressText(owner),
        outputs: holdings.iter().map(view::Utxo::from).collect(),
    })
}

/// What happened to them.
pub(super) async fn history(desk: &Desk, most: usize) -> Result<(), StartError> {
    let owner = desk.owner()?;
    let purse = desk.purse(false).await?;
    let items = purse.history(owner, most).await?;
    desk.show(&view::History {
        address: AddressText(owner),
        items,
    })
}

pub(super) async fn deposit(
    desk: &Desk,
    amount: &str,
    token: Option<&str>,
    (owner, id): (Option<&str>, Option<String>),
) -> Result<(), StartError> {
    let from = desk.owner()?;
    let asset = asset(token)?;
    let owner = owner.map_or(Ok(from), |text| address("--for", text))?;
    let intent = Intent::Deposit {
        from: from.into(),
        owner: owner.into(),
        asset: asset.into(),
        amount: AmountText(some(amount, asset)?),
        id: named(id)?,
    };
    let mut purse = desk.purse(false).await?;
    let credited = purse.deposit(&intent).await?;
    desk.show(&view::Deposited {
        number: credited.number,
        output: PositionText(credited.output),
    })?;
    Ok(purse.end(credited.action)?)
}

/// What `send` was asked for: one row, or those of a file.
pub(super) fn wish(
    desk: &Desk,
    file: Option<&Path>,
    (to, amount, token): (Option<String>, Option<String>, Option<String>),
    id: Option<String>,
) -> Result<Intent, WalletError> {
    let (from, id) = (desk.owner()?.into(), named(id)?);
    if let Some(file) = file {
        let rows = payouts::read(file)?;
        let whole = file.canonicalize().map_err(|error| WalletError::File {
            path: file.to_owned(),
            reason: error.to_string(),
        })?;
        return Ok(Intent::Pay {
            from,
            rows,
            file: Some(whole),
            id,
        });
    }
    let asset = asset(token.as_deref())?;
    let to = address("TO", to.as_deref().unwrap_or_default())?;
    if to.is_zero() {
        return Err(WalletError::Usage("TO: the zero address owns nothing".into()));
    }
    let row = Row {
        to: to.into(),
        amount: AmountText(some(amount.as_deref().unwrap_or_default(), asset)?),
        asset: asset.into(),
    };
    Ok(Intent::Pay {
        from,
        rows: vec![row],
        file: None,
        id,
    })
}

pub(super) async fn send(
    desk: &Desk,
    intent: &Intent,
    (level, dry_run): (Level, bool),
) -> Result<(), StartError> {
    let mut purse = desk.purse(false).await?;
    if level != Level::Committed {
        purse.can_see_anchors()?;
    }
    if dry_run {
        let from = desk.owner()?;
        let transaction = purse.preview(intent).await?;
        purse.say(&transaction, from);
        let paper = Paper::new(&transaction, from, purse.genesis());
        return print(&format!("{}\n", paper::written(&paper)?));
    }
    let paid = purse.pay(intent).await?;
    purse.reached(&paid, level).await?;
    told(desk, &mut purse, &paid, level)
}

pub(super) async fn consolidate(desk: &Desk, token: Option<&str>, most: usize) -> Result<(), StartError> {
    let (from, asset) = (desk.owner()?, asset(token)?);
    let mut purse = desk.purse(false).await?;
    match purse.consolidate(from, asset, most).await? {
        Some(paid) => told(desk, &mut purse, &paid, Level::Committed),
        None => desk.show(&view::Sent { payments: Vec::new() }),
    }
}

/// Tells what was paid, and only then forgets that it is under way.
pub(super) fn told(
    desk: &Desk,
    purse: &mut Purse<Terminal>,
    paid: &Paid,
    level: Level,
) -> Result<(), StartError> {
    let payments = paid.payments.iter().map(|payment| view::SentPayment {
        id: HashText(payment.id.0),
        state: level.word(),
        height: payment.place.map(|(height, _)| height),
        index: payment.place.map(|(_, index)| index),
        rows: payment.rows.iter().map(|row| row + 1).collect(),
    });
    desk.show(&view::Sent {
        payments: payments.collect(),
    })?;
    Ok(purse.end(paid.action)?)
}

/// A name that tells two equal wishes apart; it is written into every line that begins one.
fn named(id: Option<String>) -> Result<Option<String>, WalletError> {
    let is_too_long = id.as_ref().is_some_and(|id| id.is_empty() || id.len() > ID_MAX);
    if is_too_long {
        return Err(WalletError::Usage(format!("--id: 1 to {ID_MAX} bytes")));
    }
    Ok(id)
}

fn some(text: &str, asset: Address) -> Result<Amount, WalletError> {
    let amount =
        amount::parse(text, asset).map_err(|reason| WalletError::Usage(format!("AMOUNT: {reason}")))?;
    if amount.is_zero() {
        return Err(WalletError::Usage("AMOUNT: nothing at all".into()));
    }
    Ok(amount)
}

/// The number of an invoice, or any hash.
const ID_MAX: usize = 128;
