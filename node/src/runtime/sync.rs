//! Answers to operators that lack blocks.

use bytes::Bytes;
use plasma_core::{Block, BlockId, Height};

use crate::storage::{Decided, Read};

use super::wire;

/// One decided block by its id.
#[must_use]
pub fn decided_block<R: Read>(reader: &R, id: &BlockId) -> Option<Bytes> {
    let height = reader.height_of(id).ok()??;
    reader.block(height).ok()?.map(encode)
}

/// The blocks after a height, as many as one answer holds, ending in one that has a certificate of its own; empty when
/// there is none.
#[must_use]
pub fn answer<R: Read>(reader: &R, after: Height, operators: usize) -> Bytes {
    let mut blocks: Vec<Bytes> = Vec::new();
    let mut whole = (0, Vec::new());
    let mut size = 0;
    let mut height = after.next();
    while let Some(decided) = height.and_then(|height| reader.block(height).ok().flatten()) {
        let certificate = decided.certificate.clone();
        let encoded = encode(decided);
        size += encoded.len() + 4;
        if !blocks.is_empty() && (size > wire::ANSWER_BYTES_MAX || blocks.len() >= wire::ANSWER_BLOCKS_MAX) {
            break;
        }
        blocks.push(encoded);
        if let Some(certificate) = certificate {
            whole = (blocks.len(), certificate.to_bytes(operators));
        }
        height = height.and_then(Height::next);
    }
    let (count, certificate) = whole;
    blocks.truncate(count);
    wire::encode_answer(&blocks, &certificate)
}

fn encode(decided: Decided) -> Bytes {
    Block {
        header: decided.header,
        transactions: decided.body,
    }
    .encode()
    .into()
}
