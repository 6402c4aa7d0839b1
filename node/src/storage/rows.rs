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

    /// Many values of one table, in the order asked. Worth a method of its own where every question is a journey.
    ///
    /// # Errors
    /// The engine's.
    fn values(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        keys.iter().map(|key| self.row(table, key)).collect()
    }

    /// The row with the greatest key.
    ///
    /// # Errors
    /// The engine's.
    fn last_row(&self, table: Table) -> Result<Option<Row>, StorageError>;
}

/// Key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Something that can hold a moment still.
pub trait Moments: Sized {
    /// The rows as they are now.
    type Rows: Rows;

    /// The rows as they are now, or as they were when this was pinned.
    ///
    /// # Errors
    /// The engine's.
    fn moment(&self) -> Result<Self::Rows, StorageError>;

    /// The same source, stopped at this moment.
    ///
    /// # Errors
    /// The engine's.
    fn pin(&self) -> Result<Self, StorageError>;
}

/// One row to write, or to remove when it has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// The new value.
    pub value: Option<Vec<u8>>,
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
