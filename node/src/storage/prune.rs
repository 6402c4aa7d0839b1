//! What a storage that keeps few bodies drops, in the same batch as the block that makes it old.
//!
//! Only bodies and rows of the transaction index go; outputs with their fates, headers, leaves and certificates stay for
//! ever, because an output of any age can be exited. The horizon moves with the rows, so that a reader never misses a
//! body that it was promised.

use plasma_core::{Height, SignedTransaction};

use super::{
    StorageError, query,
    rows::{Change, Rows},
    schema::{self, Table},
};

/// Which bodies are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of them, for ever.
    #[default]
    All,
    /// Those of the newest blocks, so many.
    Newest(u32),
}

impl Keep {
    /// Least number of newest bodies: an operator that was away is brought up to date from them in answers of 128 blocks,
    /// and at ten blocks a second these are a minute and a half, which a restart must not exceed.
    pub const NEWEST_MIN: u32 = 1_000;
}

/// Adds what the block at `height` makes old.
pub(super) fn push(
    changes: &mut Vec<Change>,
    rows: &impl Rows,
    height: Height,
    keep: Keep,
) -> Result<(), StorageError> {
    let Keep::Newest(newest) = keep else {
        return Ok(());
    };
    let from = query::horizon(rows)?;
    let oldest_kept = height.0.saturating_add(1).saturating_sub(newest.max(1));
    let to = oldest_kept.min(from.0.saturating_add(BLOCKS_MAX));
    if to <= from.0 {
        return Ok(());
    }
    for height in (from.0..to).map(Height) {
        push_block(changes, rows, height)?;
    }
    changes.push(Change {
        table: Table::Meta,
        key: schema::HORIZON.to_vec(),
        value: Some(schema::height_key(Height(to)).to_vec()),
    });
    Ok(())
}

fn push_block(changes: &mut Vec<Change>, rows: &impl Rows, height: Height) -> Result<(), StorageError> {
    let key = schema::height_key(height);
    let header = query::header(rows, height)?.ok_or_else(|| query::damaged(Table::Headers, &key))?;
    let decode = |bytes: &[u8]| schema::decode_body(&header, bytes);
    let body = query::value(rows, Table::Bodies, &key, decode)?;
    let body = body.ok_or_else(|| query::damaged(Table::Bodies, &key))?;
    let index = body.iter().map(SignedTransaction::id).map(|id| Change {
        table: Table::Transactions,
        key: id.0.0.to_vec(),
        value: None,
    });
    changes.extend(index);
    changes.push(Change {
        table: Table::Bodies,
        key: key.to_vec(),
        value: None,
    });
    Ok(())
}

/// Blocks dropped with one commit at most: a storage that was told late to prune catches up while it grows, and no
/// commit waits for more than so many bodies to be read.
const BLOCKS_MAX: u32 = 4;
