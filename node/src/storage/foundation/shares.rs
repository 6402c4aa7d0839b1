//! Which cluster holds what: outputs, their owners' index and history may lie in several, by the first byte of the owner's address.

use crate::storage::{StorageError, schema::Table};

/// Place of the cluster that holds everything but shared outputs, in every list of clusters.
pub(super) const MAIN: usize = 0;

/// The share of each first byte of an owner's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    of_byte: Vec<usize>,
    count: usize,
}

/// Where a row lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this cluster.
    In(usize),
    /// In one of those that hold outputs; a position does not tell its owner.
    Somewhere,
}

impl Shares {
    /// Everything in the main cluster.
    #[must_use]
    pub fn none() -> Self {
        Self {
            of_byte: vec![MAIN; 256],
            count: 1,
        }
    }

    /// Ranges of first bytes (both ends included), each with the place of its cluster in the list (from 1).
    ///
    /// # Errors
    /// [`StorageError::Shares`] unless every byte is in exactly one range.
    pub fn new(ranges: &[(u8, u8, usize)]) -> Result<Self, StorageError> {
        if ranges.is_empty() {
            return Ok(Self::none());
        }
        let mut of_byte = Vec::with_capacity(256);
        for byte in 0..=u8::MAX {
            let mut holders = ranges
                .iter()
                .filter(|(from, to, _)| (*from..=*to).contains(&byte));
            let (first, second) = (holders.next(), holders.next());
            let problem = match (first, second) {
                (None, _) => "belongs to no share",
                (_, Some(_)) => "belongs to two shares",
                (Some((_, _, cluster)), None) => {
                    of_byte.push(*cluster);
                    continue;
                }
            };
            return Err(StorageError::Shares { byte, problem });
        }
        let count = ranges
            .iter()
            .map(|(_, _, cluster)| cluster + 1)
            .max()
            .unwrap_or(1);
        Ok(Self { of_byte, count })
    }

    /// How many clusters are named, the main one included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The clusters that a range of rows may lie in.
    pub(super) fn places(&self, table: Table, from: &[u8], to: Option<&[u8]>) -> Vec<usize> {
        let is_of_one_byte = !from.is_empty() && to.is_some_and(|to| to.first() == from.first());
        match table {
            Table::Owners | Table::History if is_of_one_byte => vec![self.of(from.first())],
            Table::Outputs | Table::Owners | Table::History => {
                let mut holders = self.of_byte.clone();
                holders.sort_unstable();
                holders.dedup();
                holders
            }
            _ => vec![MAIN],
        }
    }

    /// Where a row is read.
    pub(super) fn place(&self, table: Table, key: &[u8]) -> Place {
        match table {
            Table::Outputs if self.count > 1 => Place::Somewhere,
            Table::Owners | Table::History => Place::In(self.of(key.first())),
            _ => Place::In(MAIN),
        }
    }

    /// Where a row is written; an output's value tells its owner.
    pub(super) fn target(&self, table: Table, key: &[u8], value: Option<&[u8]>) -> usize {
        match table {
            Table::Outputs => self.of(value.and_then(|value| value.get(OWNER_OFFSET))),
            Table::Owners | Table::History => self.of(key.first()),
            _ => MAIN,
        }
    }

    fn of(&self, byte: Option<&u8>) -> usize {
        let share = byte.and_then(|byte| self.of_byte.get(usize::from(*byte)));
        share.copied().unwrap_or(MAIN)
    }
}

/// Where the owner stands in an output's value: behind the transaction id.
const OWNER_OFFSET: usize = 32;
