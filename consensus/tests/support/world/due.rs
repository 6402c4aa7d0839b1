//! When an event comes: by time, and in the order of its planning where times are the same.

use std::cmp::Ordering;

/// A place in time; the event itself waits in a list, so that the heap moves little.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) at: u64,
    pub(super) number: u64,
    pub(super) place: usize,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The heap gives the greatest first, so earlier is greater.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
