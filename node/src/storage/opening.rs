//! Whether the rows that are found are this operator's and this program's; the first rows when there are none.

use std::path::Path;

use plasma_core::State;

use super::{
    StorageError, bulk, changes, query,
    rows::{Change, Rows},
    schema::{self, Table},
};
use crate::folder::Identity;

/// The rows that a new storage begins with, or `None` when it is one of ours already.
pub(super) fn check(
    place: &Path,
    rows: &impl Rows,
    identity: &Identity,
    genesis: &State,
) -> Result<Option<Vec<Change>>, StorageError> {
    bulk::refuse_unfinished(rows, place)?;
    let Some(version) = rows.row(Table::Meta, schema::SCHEMA)? else {
        // A start that was cut may leave rows of genesis; a block above it means that the row was lost.
        let first = schema::height_key(genesis.header.height);
        if rows
            .last_row(Table::Headers)?
            .is_some_and(|(key, _)| key != first)
        {
            return Err(query::damaged(Table::Meta, schema::SCHEMA));
        }
        return Ok(Some(changes::of_genesis(identity, genesis)));
    };
    let found = version.as_slice().try_into().map(u32::from_be_bytes);
    let found = found.map_err(|_| query::damaged(Table::Meta, schema::SCHEMA))?;
    if found != schema::VERSION {
        return Err(StorageError::Schema {
            path: place.to_path_buf(),
            found,
            known: schema::VERSION,
        });
    }
    let stored = query::value(rows, Table::Meta, schema::IDENTITY, Identity::from_bytes)?;
    let stored = stored.ok_or_else(|| query::damaged(Table::Meta, schema::IDENTITY))?;
    match Identity::difference(&stored, identity) {
        None => Ok(None),
        Some(difference) => Err(StorageError::Identity {
            path: place.to_path_buf(),
            difference,
        }),
    }
}
