//! Receipts out of storage: where a decided transaction lies, under a header that a quorum or Ethereum vouches for.

use plasma_core::{Certificate, Hash, Height, Receipt, SignedTransaction, merkle};

use crate::storage::{Read, StorageError};

/// The receipt of a decided transaction under the header at `top`. The certificate is the caller's: that header's own, or
/// for Ethereum, which knows its anchors, any that covers it. `None` when the block, the transaction or the header is
/// missing.
///
/// # Errors
/// [`StorageError`] when rows cannot be read.
pub fn receipt<R: Read>(
    reader: &R,
    (height, index): (Height, u32),
    top: Height,
    certificate: Certificate,
) -> Result<Option<Receipt>, StorageError> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    let Some(block) = reader.block(height)? else {
        return Ok(None);
    };
    let Some(transaction) = block.body.get(place).cloned() else {
        return Ok(None);
    };
    let (Some(header), Some(end)) = (reader.header(top)?, top.next()) else {
        return Ok(None);
    };
    let leaves: Vec<Hash> = block.body.iter().map(SignedTransaction::leaf).collect();
    let history = reader.leaves(Height(0)..end)?;
    Ok(Some(Receipt {
        transaction,
        index,
        transaction_proof: merkle::proof(&leaves, place),
        height,
        transaction_count: block.header.transaction_count,
        transactions_root: block.header.transactions_root,
        l1_height: block.header.l1_height,
        history_proof: merkle::proof(&history, usize::try_from(height.0).unwrap_or(usize::MAX)),
        header,
        certificate,
    }))
}
