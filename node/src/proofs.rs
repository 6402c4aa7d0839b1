//! Receipts out of storage: where a decided transaction lies, under a header that a quorum or Ethereum vouches for.

use plasma_core::{Hash, Height, Receipt, merkle};

use crate::storage::{Read, StorageError};

/// The receipt of a decided transaction under the header at `top`, with the certificate that covers that header. `None`
/// when the block, the transaction, the header or a certificate is missing.
///
/// # Errors
/// [`StorageError`] when rows cannot be read.
pub fn receipt<R: Read>(reader: &R, height: Height, index: u32, top: Height) -> Result<Option<Receipt>, StorageError> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    let Some(block) = reader.block(height)? else { return Ok(None) };
    let Some(transaction) = block.body.get(place).cloned() else { return Ok(None) };
    let (Some(header), Some(end)) = (reader.header(top)?, top.next()) else { return Ok(None) };
    let Some((certified, certificate)) = reader.certificate_covering(top)? else { return Ok(None) };
    if certified != top {
        return Ok(None);
    }
    let leaves: Vec<Hash> = block.body.iter().map(plasma_core::SignedTransaction::leaf).collect();
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
