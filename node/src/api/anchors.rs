//! The anchors that Ethereum recorded, as the doors and duties ask for them.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use plasma_core::Height;

use crate::runtime::handle::AnchorSeen;

/// The anchors that Ethereum recorded, by the height of their headers; the runtime writes, the doors read.
///
/// One entry of some hundred bytes per anchor: a year of an anchor a minute is 50 MB.
#[derive(Clone, Debug, Default)]
pub struct AnchorBook(Arc<RwLock<Book>>);

#[derive(Debug, Default)]
struct Book {
    by_height: BTreeMap<Height, AnchorSeen>,
    /// Up to this number they are at the confirmation depth.
    final_number: u64,
}

/// An anchor with the height where the one before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covering {
    /// The anchor.
    pub anchor: AnchorSeen,
    /// It is the first to cover the heights above this one.
    pub previous: Height,
    /// Whether it is at the confirmation depth of Ethereum.
    pub is_final: bool,
}

impl AnchorBook {
    /// Notes an anchor; noting one twice changes nothing. Another of the same number replaces it: Ethereum was reorganised.
    pub fn record(&self, anchor: AnchorSeen) {
        let mut book = self.write();
        book.by_height.retain(|_, known| known.number != anchor.number);
        book.by_height.insert(anchor.height, anchor);
    }

    /// Notes that Ethereum cannot take this anchor away any more.
    pub fn settle(&self, number: u64) {
        let mut book = self.write();
        book.final_number = book.final_number.max(number);
    }

    /// Strikes out an anchor that a reorganisation of Ethereum took away; one that stands in its place stays.
    pub fn forget(&self, anchor: &AnchorSeen) {
        self.write().by_height.retain(|_, known| known != anchor);
    }

    /// The newest anchor.
    #[must_use]
    pub fn newest(&self) -> Option<AnchorSeen> {
        let book = self.read();
        book.by_height.last_key_value().map(|(_, anchor)| *anchor)
    }

    /// The newest anchor at the confirmation depth.
    #[must_use]
    pub fn newest_final(&self) -> Option<AnchorSeen> {
        let book = self.read();
        let mut newest_first = book.by_height.values().rev();
        newest_first
            .find(|anchor| anchor.number <= book.final_number)
            .copied()
    }

    /// Those with a higher number, in order, so many at most.
    #[must_use]
    pub fn after(&self, number: u64, limit: usize) -> Vec<AnchorSeen> {
        let book = self.read();
        // From the newest down: whoever follows asks for few.
        let newest_first = book.by_height.values().rev();
        let mut found: Vec<AnchorSeen> = newest_first
            .take_while(|anchor| anchor.number > number)
            .copied()
            .collect();
        found.reverse();
        found.truncate(limit);
        found
    }

    /// The number up to which anchors are at the confirmation depth.
    #[must_use]
    pub fn final_number(&self) -> u64 {
        self.read().final_number
    }

    /// The first anchor that covers a height: the only one against which Ethereum lets a block be proven.
    ///
    /// `None` also while an anchor between is missing here, because then nobody knows which was first.
    #[must_use]
    pub fn covering(&self, height: Height) -> Option<Covering> {
        let book = self.read();
        let (_, anchor) = book.by_height.range(height..).next()?;
        let before = book.by_height.range(..height).next_back();
        let previous = match before.map(|(_, anchor)| anchor) {
            None if anchor.number == 1 => Height(0),
            Some(before) if before.number.checked_add(1) == Some(anchor.number) => before.height,
            _ => return None,
        };
        Some(Covering {
            anchor: *anchor,
            previous,
            is_final: anchor.number <= book.final_number,
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Book> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
