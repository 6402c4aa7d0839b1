//! Where an output lies in anchored history, as `startExit` takes it: from an operator's answer, or without any. Pure.

use plasma_core::{Hash, Header, Height, Receipt, history, merkle};

use crate::{
    api::view::ExitData,
    bridge::{Anchored, convert::Inclusion},
};

/// Checks what an operator gives for an exit, against the receipt of the same output.
///
/// # Errors
/// Words about the first thing that does not lead to the anchor.
pub fn from_operator(data: &ExitData, receipt: &Receipt) -> Result<Inclusion, String> {
    let included = &data.included;
    let anchor = &included.anchor;
    let number = u32::try_from(anchor.number).map_err(|_| "the anchor's number is too large")?;
    let previous = anchor
        .previous
        .ok_or("the anchor does not name the one before it")?;
    let anchored = Anchored {
        number,
        previous: Height(previous),
        height: Height(anchor.height),
        history_root: anchor.history_root.0,
        l1_height: plasma_core::L1Height(anchor.l1_height),
        time_s: anchor.time_s,
    };
    if data.transaction.0 != receipt.transaction.encode() {
        return Err("it is about another transaction than the receipt".into());
    }
    let path = included.history_proof.iter().map(|hash| hash.0).collect();
    under(receipt, path, anchored).ok_or_else(|| "its path does not lead to the anchor".into())
}

/// The same from what the wallet keeps: `header` gives the headers above the output's block.
///
/// # Errors
/// The first height whose header is missing; height 0 when all are there and do not lead to the anchor.
pub fn from_headers(
    receipt: &Receipt,
    anchor: Anchored,
    header: impl Fn(Height) -> Option<Header>,
) -> Result<Inclusion, Height> {
    // The receipt's own header may be the anchored one; then its path is the whole answer.
    if let Some(found) = under(receipt, receipt.history_proof.clone(), anchor) {
        return Ok(found);
    }
    let mut later = Vec::new();
    for height in receipt.height.0.saturating_add(1)..=anchor.height.0 {
        let header = header(Height(height)).ok_or(Height(height))?;
        later.push(header.leaf());
    }
    let path = history::grown_proof(
        receipt.height.0,
        receipt.history_leaf(),
        &receipt.history_proof,
        &later,
    );
    let found = path.and_then(|path| under(receipt, path, anchor));
    found.ok_or(Height(0))
}

/// The place, when the path leads from the receipt's block to the anchor.
pub(super) fn under(receipt: &Receipt, path: Vec<Hash>, anchor: Anchored) -> Option<Inclusion> {
    let is_first = anchor.previous < receipt.height && receipt.height <= anchor.height;
    let blocks = anchor.height.0.checked_add(1)?;
    let leads = merkle::verify(
        receipt.history_leaf(),
        receipt.height.0,
        blocks,
        &path,
        anchor.history_root,
    );
    (is_first && leads).then(|| Inclusion {
        receipt: Receipt {
            history_proof: path,
            ..receipt.clone()
        },
        anchor,
    })
}
