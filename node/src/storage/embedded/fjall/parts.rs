//! Long values in parts, each in less than a disk's smallest sector together with what the journal writes around it.
//!
//! fjall takes the tail that a power cut tore for torn when the framing of its journal breaks; when a sector is lost that lies
//! whole inside one value, the framing holds, the checksum fails, and it refuses to open. No value of ours holds a whole sector, so
//! whatever is lost, the framing breaks and the batch is dropped: the log has it.
//!
//! A long value is its length 4 and its first bytes in its own table; the rest lies in the keyspace [`NAME`] under
//! table 1 ‖ length of the key 1 ‖ key ‖ number 4.

use std::ops::Range;

use crate::storage::{rows::Row, schema::Table};

/// Keyspace of all parts but the first.
pub(super) const NAME: &str = "parts";

/// Most bytes of a value: with 21 bytes around it, 6 of its key's and 34 of the longest key it stays below 512.
const PART_MAX: usize = 400;

/// Bytes of the length before the first part.
const HEAD: usize = 4;

/// Whether values of a table may be long. All others are of fixed size, and none is longer than 184 bytes.
pub(super) fn are_long(table: Table) -> bool {
    matches!(table, Table::Meta | Table::Bodies)
}

/// The value in its own table, and the rest.
pub(super) fn split(table: Table, key: &[u8], value: &[u8]) -> (Vec<u8>, Vec<Row>) {
    let (first, rest) = value.split_at(value.len().min(PART_MAX - HEAD));
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    let head = [&length.to_be_bytes()[..], first].concat();
    let parts = (0..).zip(rest.chunks(PART_MAX));
    let parts = parts.map(|(number, part)| (part_key(table, key, number), part.to_vec()));
    (head, parts.collect())
}

/// Length and first bytes of a value.
pub(super) fn head(value: &[u8]) -> Option<(usize, &[u8])> {
    let (length, first) = value.split_first_chunk::<HEAD>()?;
    Some((usize::try_from(u32::from_be_bytes(*length)).ok()?, first))
}

/// How many parts follow the first one of a value so long.
pub(super) fn count(length: usize) -> u32 {
    let rest = length.saturating_sub(PART_MAX - HEAD);
    u32::try_from(rest.div_ceil(PART_MAX)).unwrap_or(u32::MAX)
}

/// Keys of some parts, the last excluded.
pub(super) fn keys(table: Table, key: &[u8], numbers: Range<u32>) -> Range<Vec<u8>> {
    part_key(table, key, numbers.start)..part_key(table, key, numbers.end)
}

pub(super) fn part_key(table: Table, key: &[u8], number: u32) -> Vec<u8> {
    let table = Table::ALL
        .iter()
        .position(|other| *other == table)
        .unwrap_or_default();
    let small = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    let mut out = vec![small(table), small(key.len())];
    out.extend(key);
    out.extend(number.to_be_bytes());
    out
}
