//! Ordered rows of bytes: all that a backend is asked for.

use super::{StorageError, schema::Table};

/// The rows of one moment.
pub trait Rows {
    /// One value.
    ///
    /// # Errors
    /// The engine's.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// Up to `limit` rows from `from` (included) to `to` (excluded; none: the end), in order of key.
    ///
    /// # Errors
    /// The engine's.
    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError>;

    /// The row with the greatest key.
    ///
    /// # Errors
    /// The engine's.
    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError>;
}

/// Key and value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// Something that can hold a moment still.
pub trait Moments: Sized {
    /// The rows as they are now.
    type Rows: Rows;

    /// The rows as they are now, or as they were when this was pinned.
    fn moment(&self) -> Self::Rows;

    /// The same source, stopped at this moment.
    fn pin(&self) -> Self;
}

/// One row to write, or to remove when it has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Where.
    pub(super) table: Table,
    /// Under which key.
    pub(super) key: Vec<u8>,
    /// The new value.
    pub(super) value: Option<Vec<u8>>,
}

/// The end of the range of keys that begin with `prefix`; `None` when there is no greater key.
pub(super) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
