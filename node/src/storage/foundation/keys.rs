//! Rows as keys of the cluster: a prefix of the directory layer, then a packed tuple.
//!
//! | key behind the prefix | value |
//! |---|---|
//! | (0, "fence") | token 16 of the process that may write |
//! | (0, "beat") | counter 8 that the holder moves ‖ its name |
//! | (0, "applied") | height 4 ‖ steps 4: how far a commit in steps has come in this share |
//! | (0, "intent") | height 4 ‖ block id 32 ‖ chunks 4: a commit in steps that must be finished |
//! | (0, "intent", n) | part n of its writes, at most [`VALUE_MAX`] bytes |
//! | (table, row key) | the row's value; tables count from 1 in the order of `Table::ALL` |
//! | (table of bodies, row key, n) | part n of a body: a value holds at most 100 000 bytes |

use foundationdb_tuple::{Bytes, pack, unpack};

use super::cluster::{KeyRange, Transaction};
use crate::storage::schema::Table;

/// Most bytes of one value; the cluster refuses above 100 000.
pub(super) const VALUE_MAX: usize = 90_000;

/// The keys of one operator in one cluster.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: Vec<u8>,
}

/// One change of the cluster's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Sets a value.
    Set(Vec<u8>, Vec<u8>),
    /// Clears from a key (included) to another (excluded).
    Clear(Vec<u8>, Vec<u8>),
}

impl Write {
    /// Clears one key.
    pub(super) fn clear(key: Vec<u8>) -> Self {
        let mut after = key.clone();
        after.push(0);
        Self::Clear(key, after)
    }

    /// Puts it into a transaction.
    pub(super) fn perform(&self, transaction: &impl Transaction) {
        match self {
            Self::Set(key, value) => transaction.set(key, value),
            Self::Clear(from, to) => transaction.clear(from, to),
        }
    }

    /// What it counts of a transaction's size.
    pub(super) fn size(&self) -> usize {
        // Each write is also a range of two keys in the conflict check.
        match self {
            Self::Set(key, value) => 3 * key.len() + value.len() + 16,
            Self::Clear(from, to) => 2 * (from.len() + to.len()) + 16,
        }
    }
}

impl Keys {
    pub(super) fn new(prefix: Vec<u8>) -> Self {
        Self { prefix }
    }

    /// A key of our own bookkeeping.
    pub(super) fn own(&self, name: &str) -> Vec<u8> {
        self.key(&pack(&(0, name)))
    }

    /// A part of the intent.
    pub(super) fn intent_part(&self, part: usize) -> Vec<u8> {
        self.key(&pack(&(0, INTENT, u64::try_from(part).unwrap_or(u64::MAX))))
    }

    /// All parts of the intent, and nothing else.
    pub(super) fn intent_parts(&self) -> (Vec<u8>, Vec<u8>) {
        let from = self.intent_part(0);
        let mut to = self.own(INTENT);
        to.push(0xff);
        (from, to)
    }

    /// A row's key; of a body, the key that its parts begin with.
    pub(super) fn row(&self, table: Table, key: &[u8]) -> Vec<u8> {
        self.key(&pack(&(number(table), Bytes::from(key))))
    }

    /// The end of a table's keys.
    pub(super) fn table_end(&self, table: Table) -> Vec<u8> {
        self.key(&pack(&(number(table) + 1,)))
    }

    /// The writes that make a row so, or remove it.
    pub(super) fn writes(&self, table: Table, key: &[u8], value: Option<&[u8]>) -> Vec<Write> {
        let at = self.row(table, key);
        if table == Table::Bodies {
            let mut writes = vec![Write::Clear(at.clone(), past(&at))];
            writes.extend(
                value
                    .into_iter()
                    .flat_map(parts)
                    .enumerate()
                    .map(|(n, part)| Write::Set(self.part(key, n), part.to_vec())),
            );
            return writes;
        }
        match value {
            Some(value) => vec![Write::Set(at, value.to_vec())],
            None => vec![Write::clear(at)],
        }
    }

    /// The range of rows from a row key (included) to another (excluded; none: the table's end).
    pub(super) fn bounds(&self, table: Table, from: &[u8], to: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
        let to = to.map_or_else(|| self.table_end(table), |to| self.row(table, to));
        (self.row(table, from), to)
    }

    /// A row's key back; of a body's part, the body's.
    pub(super) fn row_key(&self, key: &[u8]) -> Option<Vec<u8>> {
        let packed = key.get(self.prefix.len()..)?;
        let row = unpack::<(i64, Bytes<'_>)>(packed).map(|(_, row)| row);
        let part = || unpack::<(i64, Bytes<'_>, i64)>(packed).map(|(_, row, _)| row);
        row.or_else(|_| part()).ok().map(|row| row.0.into_owned())
    }

    fn part(&self, key: &[u8], part: usize) -> Vec<u8> {
        let part = i64::try_from(part).unwrap_or(i64::MAX);
        self.key(&pack(&(number(Table::Bodies), Bytes::from(key), part)))
    }

    fn key(&self, packed: &[u8]) -> Vec<u8> {
        [self.prefix.as_slice(), packed].concat()
    }
}

/// Everything from a key to behind all keys that begin with it.
pub(super) fn whole(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (key.to_vec(), past(key))
}

/// A range of at most so many keys.
pub(super) fn range(bounds: &(Vec<u8>, Vec<u8>), limit: usize) -> KeyRange<'_> {
    KeyRange {
        from: &bounds.0,
        to: &bounds.1,
        limit,
        is_reverse: false,
    }
}

/// The smallest key behind all that begin with this one. Packed tuples never end in 0xff, prefixes may.
fn past(key: &[u8]) -> Vec<u8> {
    let mut end = key.to_vec();
    end.push(0xff);
    end
}

/// A body in parts; an empty one has one, so that it can be told from none.
fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = value.is_empty().then_some(value);
    empty.into_iter().chain(value.chunks(VALUE_MAX))
}

fn number(table: Table) -> i64 {
    let index = Table::ALL
        .iter()
        .position(|other| *other == table)
        .unwrap_or_default();
    i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1)
}

/// Name of the process that may write.
pub(super) const FENCE: &str = "fence";
/// Name of the holder's counter.
pub(super) const BEAT: &str = "beat";
/// Name of a share's progress.
pub(super) const APPLIED: &str = "applied";
/// Name of a commit that must be finished.
pub(super) const INTENT: &str = "intent";
