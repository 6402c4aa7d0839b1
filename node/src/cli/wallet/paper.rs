//! Payments on paper, and receipts: what is done where no network is.

use std::{fs, io::Read as _, path::Path};

use plasma_core::{Genesis, Receipt, SignedTransaction};

use super::{Desk, StartError, money, print, view};
use crate::{
    api::{
        text::{AddressText, AmountText, HashText},
        view::ProofView,
    },
    client::{Untrue, Witness},
    hex, typed_data,
    wallet::{WalletError, anchored::Level, papers::Paper, purse::Ethereum},
};

/// Signs a payment, or prints it for a wallet with a window.
pub(super) fn sign_paper(desk: &Desk, file: &Path, as_typed_data: bool) -> Result<(), StartError> {
    let genesis = desk.genesis()?;
    let (paper, transaction) = Paper::read(file, &genesis)?;
    if as_typed_data {
        let document = typed_data::document(&transaction, &genesis.domain());
        return print(&format!("{document}\n"));
    }
    let mut purse = desk.closed_purse()?;
    let (action, signed) = purse.sign_paper(&paper, transaction)?;
    print(&format!("{}\n", written(&signed)?))?;
    purse.end(action)?;
    Ok(())
}

/// Sends a payment that was signed elsewhere.
pub(super) async fn broadcast(desk: &Desk, file: &Path) -> Result<(), StartError> {
    let signed = signed(file, &desk.genesis()?)?;
    let mut purse = desk.purse(false).await?;
    let paid = purse.broadcast(signed).await?;
    money::told(desk, &mut purse, &paid, Level::Committed)
}

/// A payment from a file, with its signature.
pub(super) fn signed(file: &Path, genesis: &Genesis) -> Result<SignedTransaction, WalletError> {
    let (paper, transaction) = Paper::read(file, genesis)?;
    paper
        .signed(transaction, genesis)
        .map_err(|reason| WalletError::File {
            path: file.to_owned(),
            reason,
        })
}

/// Checks a receipt and says what it proves.
pub(super) async fn verify(desk: &Desk, file: &Path) -> Result<(), StartError> {
    let genesis = desk.genesis()?;
    let receipt = receipt(file)?;
    let mut witness = Witness::new(&genesis).map_err(WalletError::from)?;
    if !desk.options.l1.is_empty() {
        let ethereum = Ethereum::connect(&desk.options.l1, &genesis).await?;
        witness = witness.with_ethereum(ethereum.rpc, ethereum.contracts);
    }
    let refused = |untrue: Untrue| {
        let words = format!("{}: the receipt proves nothing: {untrue}", file.display());
        WalletError::Refused(words)
    };
    witness.receipt(&receipt).await.map_err(refused)?;
    let transaction = &receipt.transaction.transaction;
    let outputs = transaction.outputs.iter().map(|output| view::PaidTo {
        owner: AddressText(output.owner),
        amount: AmountText(output.amount),
        asset: AddressText(transaction.asset),
    });
    desk.show(&view::Verified {
        id: HashText(transaction.id().0),
        height: receipt.height.0,
        index: receipt.index,
        certified_at: receipt.header.height.0,
        epoch: receipt.certificate.epoch.0,
        outputs: outputs.collect(),
    })
}

/// A paper as its file.
pub(super) fn written(paper: &Paper) -> Result<String, StartError> {
    serde_json::to_string_pretty(paper).map_err(|error| StartError::Failed(format!("no JSON: {error}")))
}

/// Reads a receipt: the operator's document, the bytes themselves, or their hex.
fn receipt(file: &Path) -> Result<Receipt, WalletError> {
    let refuse = |reason: String| WalletError::File {
        path: file.to_owned(),
        reason,
    };
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|error| refuse(error.to_string()))?;
    opened
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(error.to_string()))?;
    let shown = serde_json::from_slice::<ProofView>(&bytes)
        .ok()
        .map(|proof| proof.raw.0);
    let text = || hex::decode(std::str::from_utf8(&bytes).ok()?.trim());
    let raw = shown.or_else(text).unwrap_or_else(|| bytes.clone());
    Receipt::decode(&raw)
        .ok_or_else(|| refuse("it is neither an operator's proof, nor a receipt, nor the hex of one".into()))
}

/// An operator's proof has ten kilobytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
