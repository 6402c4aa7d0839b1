//! What leaves the ledger for Ethereum: exits, payments in flight, deposits that are asked back.

use std::path::Path;

use plasma_core::{DepositNumber, ExitId, Position, TransactionId};

use super::{Desk, StartError, paper, person::Terminal, view};
use crate::{
    api::text::{HashText, PositionText},
    wallet::{
        Purse, WalletError,
        exit::{Help, Leaving},
        purse::Person as _,
    },
};

/// Starts the exit of one output, or of all that can leave.
pub(super) async fn exit(desk: &Desk, output: Option<&str>, emergency: bool) -> Result<(), StartError> {
    let from = desk.owner()?;
    let help = help(emergency);
    let mut purse = desk.purse(emergency).await?;
    let outputs = match output {
        Some(text) => vec![position(text)?],
        None if emergency => purse.kept_outputs(from)?,
        None => {
            let holdings = purse.holdings(from).await;
            let holdings = holdings.map_err(|error| alone(desk, error))?;
            let mut free: Vec<Position> = holdings
                .iter()
                .filter(|holding| holding.is_free())
                .map(|holding| holding.output.output.0)
                .collect();
            free.extend(purse.unfinished_exits(from));
            free.sort_unstable();
            free.dedup();
            free
        }
    };
    let started = purse.exit(from, &outputs, help).await;
    let started = started.map_err(|error| alone(desk, error))?;
    match started.failure {
        None => told(desk, &mut purse, started.leaving).await,
        Some(reason) if started.leaving.is_empty() => Err(reason.into()),
        Some(reason) => Err(WalletError::Partial {
            done: started.leaving.len(),
            rows: outputs.len(),
            reason: Box::new(reason),
        }
        .into()),
    }
}

/// Leaves with a payment that no block may hold: one of this wallet by its id, or one from a file.
pub(super) async fn payment(desk: &Desk, named: &str, emergency: bool) -> Result<(), StartError> {
    let from = desk.owner()?;
    let mut purse = desk.purse(emergency).await?;
    let payment = match named.parse::<HashText>() {
        Ok(id) => purse.signed_payment(TransactionId(id.0))?,
        Err(_) => paper::signed(Path::new(named), purse.genesis())?,
    };
    let leaving = purse.fly(from, &payment, help(emergency)).await;
    let leaving = leaving.map_err(|error| alone(desk, error))?;
    told(desk, &mut purse, vec![leaving]).await
}

/// What this account has on its way.
pub(super) async fn exits(desk: &Desk) -> Result<(), StartError> {
    let owner = desk.owner()?;
    let purse = desk.purse(true).await?;
    let watch = purse.watch(owner).await?;
    let exits = watch.exits.iter();
    let reclaims = watch.reclaims.iter();
    desk.show(&view::Exits {
        exits: exits
            .map(|one| view::ExitView::new(&one.leaving, one.is_open, watch.now_s))
            .collect(),
        reclaims: reclaims
            .map(|one| view::ReclaimView::new(one, watch.now_s))
            .collect(),
    })
}

/// Has an exit paid, named by its id, or by the output or the payment that leaves with it.
pub(super) async fn finalize(desk: &Desk, named: &str) -> Result<(), StartError> {
    let from = desk.owner()?;
    let mut purse = desk.purse(true).await?;
    let id = match named.parse::<HashText>() {
        Ok(id) => purse.flight_of(from, TransactionId(id.0)).unwrap_or(ExitId(id.0)),
        Err(_) => {
            let output = position(named)?;
            purse.exit_of(output).ok_or_else(|| {
                WalletError::Usage(format!(
                    "this wallet started no exit of {output}; name the exit by its id"
                ))
            })?
        }
    };
    let ended = purse.finalize(from, id).await?;
    desk.show(&view::Finalized {
        exit: HashText(ended.exit.0),
        paid: ended.paid,
    })?;
    Ok(purse.end(ended.action)?)
}

/// Asks for a deposit back.
pub(super) async fn reclaim(desk: &Desk, number: u64) -> Result<(), StartError> {
    let from = desk.owner()?;
    let mut purse = desk.purse(false).await?;
    let open = purse.reclaim(from, DepositNumber(number)).await?;
    let now_s = purse.ethereum_now_s().await.ok();
    desk.show(&view::ReclaimView {
        number,
        is_open: Some(true),
        due_s: Some(open.due_s),
        due_in_s: now_s.map(|now| open.due_s.saturating_sub(now)),
    })?;
    Ok(purse.end(open.action)?)
}

/// Has a deposit paid back that was asked for.
pub(super) async fn take_back(desk: &Desk, number: u64) -> Result<(), StartError> {
    let from = desk.owner()?;
    let mut purse = desk.purse(true).await?;
    let ended = purse.take_back(from, DepositNumber(number)).await?;
    desk.show(&view::TakenBack {
        number,
        paid: ended.paid,
    })?;
    Ok(purse.end(ended.action)?)
}

/// Tells what leaves, and only then forgets that it is under way.
async fn told(desk: &Desk, purse: &mut Purse<Terminal>, leaving: Vec<Leaving>) -> Result<(), StartError> {
    let now_s = purse.ethereum_now_s().await.ok();
    let exits = leaving.iter();
    desk.show(&view::Exits {
        exits: exits
            .map(|leaving| view::ExitView::new(leaving, None, now_s))
            .collect(),
        reclaims: Vec::new(),
    })?;
    for leaving in leaving {
        purse.end(leaving.action)?;
    }
    Ok(())
}

fn help(emergency: bool) -> Help {
    if emergency { Help::Nobody } else { Help::Operators }
}

/// Says what is left where no operator helps.
fn alone(desk: &Desk, error: WalletError) -> StartError {
    if matches!(error, WalletError::Client(_)) {
        desk.terminal().tell(
            "where no operator helps, --emergency leaves with what this wallet keeps and Ethereum alone",
        );
    }
    error.into()
}

fn position(text: &str) -> Result<Position, WalletError> {
    let parsed: Result<PositionText, _> = text.parse();
    parsed
        .map(|position| position.0)
        .map_err(|error| WalletError::Usage(format!("OUTPUT: {error}")))
}
