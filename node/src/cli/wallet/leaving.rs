//! What leaves the ledger for Ethereum: exits, payments in flight, deposits that are asked back.

use std::path::Path;

use plasma_core::{Address, DepositNumber, Position, TransactionId};

use super::{Desk, StartError, paper, person::Terminal, view};
use crate::{
    api::{
        ExitNumber,
        text::{HashText, PositionText},
    },
    wallet::{
        Purse, WalletError, amount,
        exit::{Help, Leaving},
        purse::Person as _,
        watch::Watched,
        whole::{Left, Wish},
    },
};

/// Starts the exit of one output, or of all that can leave: of ETH nothing below `least`.
pub(super) async fn exit(
    desk: &Desk,
    output: Option<&str>,
    least: Option<&str>,
    emergency: bool,
) -> Result<(), StartError> {
    let from = desk.owner()?;
    let help = help(emergency);
    let least = least.map(|text| amount::parse(text, Address::ZERO)).transpose();
    let least = least.map_err(|reason| WalletError::Usage(format!("--min: {reason}")))?;
    let mut purse = desk.purse(emergency).await?;
    let wish = match output {
        Some(text) => Wish {
            outputs: vec![position(text)?],
            left: Vec::new(),
        },
        None => {
            let all = purse.everything(from, help, least).await;
            all.map_err(|error| alone(desk, error))?
        }
    };
    // They are known before anybody agrees to the others.
    let terminal = desk.terminal();
    wish.left.iter().for_each(|left| terminal.tell(&left.to_string()));
    let started = purse.exit(from, &wish.outputs, help).await;
    let started = started.map_err(|error| alone(desk, error))?;
    let left: Vec<Left> = wish.left.into_iter().chain(started.left).collect();
    match started.failure {
        _ if left.is_empty() => told(desk, &mut purse, started.leaving).await,
        Some(reason) if left.len() == 1 && started.leaving.is_empty() => Err(reason.into()),
        _ => {
            let leaving = started.leaving.len();
            // A script reads one document, and finds what leaves when it asks again, or for exits.
            if !desk.options.json {
                told(desk, &mut purse, started.leaving).await?;
            }
            Err(WalletError::Behind { leaving, left }.into())
        }
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
    let flown = purse.fly(from, &payment, help(emergency)).await;
    let flown = flown.map_err(|error| alone(desk, error))?;
    if flown.left.is_empty() {
        return told(desk, &mut purse, vec![flown.leaving]).await;
    }
    // As with many exits: a script reads one document.
    if !desk.options.json {
        told(desk, &mut purse, vec![flown.leaving]).await?;
    }
    let (claimed, left) = (flown.claimed, flown.left);
    let payment = payment.id();
    Err(WalletError::Unclaimed {
        payment,
        claimed,
        left,
    }
    .into())
}

/// What this account has on its way.
pub(super) async fn exits(desk: &Desk) -> Result<(), StartError> {
    let owner = desk.owner()?;
    let mut purse = desk.purse(true).await?;
    let watch = purse.watch(owner).await?;
    let exits = watch.exits.iter();
    let reclaims = watch.reclaims.iter();
    desk.show(&view::Exits {
        exits: exits.map(|one| view::ExitView::new(one, watch.now_s)).collect(),
        reclaims: reclaims
            .map(|one| view::ReclaimView::new(one, watch.now_s))
            .collect(),
    })
}

/// Has an exit paid, named by its id, or by the output or the payment that leaves with it.
pub(super) async fn finalize(desk: &Desk, named: &str) -> Result<(), StartError> {
    let from = desk.owner()?;
    let mut purse = desk.purse(true).await?;
    // Its number may be another one since Ethereum was reorganised.
    purse.look_again().await?;
    // An output has a decimal number too, of 72 bits; that of an exit is longer.
    let id = match (named.parse::<PositionText>(), named.parse::<ExitNumber>()) {
        (Err(_), Ok(ExitNumber(id))) => purse.flight_of(from, TransactionId(id.0)).unwrap_or(id),
        _ => {
            let output = position(named)?;
            purse.exit_of(output).ok_or_else(|| {
                WalletError::Usage(format!(
                    "this wallet started no exit of {output}; name the exit by its number"
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
    let mut exits = Vec::with_capacity(leaving.len());
    for one in &leaving {
        let unseen = Watched {
            leaving: *one,
            is_open: None,
            paid: None,
        };
        // What leaves was told by the contract already: an endpoint that is away holds nothing up.
        let watched = purse.look(*one).await.unwrap_or(unseen);
        exits.push(view::ExitView::new(&watched, now_s));
    }
    desk.show(&view::Exits {
        exits,
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
