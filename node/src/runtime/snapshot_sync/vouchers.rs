//! Whose word counts while no header speaks: the members of committees that decide now, each committee by itself.
//!
//! Of each committee at most f members lie. Members of several committees counted together are no bound at all: the liars of
//! each may join. A committee that is only announced has deposited bonds and nothing else, so nothing is heard of it.

use std::collections::BTreeSet;

use plasma_core::{Committee, Epoch};

use crate::runtime::slots::Slots;

/// The members of one committee, by the numbers of their connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouchers {
    /// Their connections; a seat has one.
    pub slots: BTreeSet<u16>,
    /// How many of them may lie.
    pub faults: usize,
}

impl Vouchers {
    /// Those of a committee that have a number.
    #[must_use]
    pub fn of(committee: &Committee, slots: &Slots) -> Self {
        let seats = committee.members();
        Self {
            slots: seats.filter_map(|(_, seat)| slots.of(seat.peer)).collect(),
            faults: committee.faults(),
        }
    }

    fn vouch(&self, says: &impl Fn(u16) -> bool) -> bool {
        let count = self.slots.iter().filter(|slot| says(**slot)).count();
        count > self.faults
    }
}

/// Whether more members of one committee say it than can lie there.
#[must_use]
pub fn is_vouched(vouchers: &[Vouchers], says: impl Fn(u16) -> bool) -> bool {
    vouchers.iter().any(|committee| committee.vouch(&says))
}

/// The epochs whose committees can decide blocks while this one is active on Ethereum: its own, and the one before for as long
/// as no anchor shows that it has sealed its epoch.
#[must_use]
pub fn deciding(active: Epoch, anchored_in: Option<Epoch>) -> Vec<Epoch> {
    let before = active.0.checked_sub(1).map(Epoch);
    let before = before.filter(|_| anchored_in.is_none_or(|anchored| anchored < active));
    before.into_iter().chain([active]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vouchers(slots: &[u16]) -> Vouchers {
        Vouchers {
            slots: slots.iter().copied().collect(),
            faults: (slots.len() - 1) / 3,
        }
    }

    #[test]
    fn liars_of_two_committees_are_not_counted_together() {
        let committees = [vouchers(&[0, 1, 2, 3]), vouchers(&[4, 5, 6, 7])];
        let said = |liars: &'static [u16]| is_vouched(&committees, |slot| liars.contains(&slot));
        assert!(!said(&[0, 4]));
        assert!(said(&[0, 1]));
        assert!(said(&[4, 7]));
        assert!(!said(&[8, 9, 10]), "nobody's members");
    }

    #[test]
    fn who_sits_in_both_counts_in_each() {
        let committees = [vouchers(&[0, 1, 2, 3]), vouchers(&[3, 4, 5, 6])];
        assert!(is_vouched(&committees, |slot| [3, 4].contains(&slot)));
        assert!(!is_vouched(&committees, |slot| [2, 4].contains(&slot)));
    }

    #[test]
    fn the_committee_before_counts_until_an_anchor_shows_that_its_epoch_is_over() {
        let of = |active, anchored: Option<u64>| deciding(Epoch(active), anchored.map(Epoch));
        assert_eq!(of(0, None), [Epoch(0)]);
        assert_eq!(of(0, Some(0)), [Epoch(0)]);
        assert_eq!(of(3, Some(2)), [Epoch(2), Epoch(3)]);
        assert_eq!(of(3, Some(3)), [Epoch(3)]);
    }
}
