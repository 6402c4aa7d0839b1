//! All rows of a table, page by page.
//!
//! Memory stays bounded whatever the table holds, and no page needs a moment that lasts: each is read from a fresh one,
//! or from the pinned one when the source is pinned. Who scans a source that is not pinned looks at the tip before and
//! after.

use super::{
    StorageError,
    rows::{Moments, Row, Rows},
    schema::Table,
};

/// How far a tool has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table that is being read.
    pub table: Table,
    /// Rows of it done so far.
    pub rows: u64,
}

/// The rows of one table, in order.
pub(super) struct Scan<'a, M> {
    source: &'a M,
    table: Table,
    next: Vec<u8>,
    page: std::vec::IntoIter<Row>,
    is_last_page: bool,
}

impl<'a, M: Moments> Scan<'a, M> {
    /// From a key (included) to the end of the table.
    pub(super) fn from(source: &'a M, table: Table, key: &[u8]) -> Self {
        Self {
            source,
            table,
            next: key.to_vec(),
            page: Vec::new().into_iter(),
            is_last_page: false,
        }
    }

    /// The whole table.
    pub(super) fn whole(source: &'a M, table: Table) -> Self {
        Self::from(source, table, &[])
    }

    fn turn_page(&mut self) -> Result<(), StorageError> {
        let limit = page_rows(self.table);
        let page = self.source.moment()?.rows(self.table, &self.next, None, limit)?;
        self.is_last_page = page.len() < limit;
        if let Some((last, _)) = page.last() {
            // The smallest key behind this one is itself and a zero byte.
            self.next = [last, &[0][..]].concat();
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl<M: Moments> Iterator for Scan<'_, M> {
    type Item = Result<Row, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.page.next() {
            return Some(Ok(row));
        }
        if self.is_last_page {
            return None;
        }
        match self.turn_page() {
            Ok(()) => self.page.next().map(Ok),
            Err(error) => {
                self.is_last_page = true;
                Some(Err(error))
            }
        }
    }
}

/// Rows of a page: some hundred kilobytes of small rows, some megabytes of bodies.
fn page_rows(table: Table) -> usize {
    match table {
        Table::Bodies => 8,
        _ => 2_048,
    }
}
