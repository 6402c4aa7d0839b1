//! Deposits on their way: the vault recorded them and no decided block is known to have credited them.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use plasma_core::{Address, Amount, DepositNumber, L1Block, L1Event, L1Height};

/// What Ethereum showed of deposits, and how far it is; the runtime writes, the doors read. The ledger has the last word: a
/// deposit that a block knows may stand here too.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<RwLock<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    head: Option<L1Block>,
    deposits: BTreeMap<DepositNumber, Arrival>,
}

/// A deposit as the vault recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it was mined.
    pub l1_height: L1Height,
    /// Who will be credited.
    pub owner: Address,
    /// What was deposited.
    pub asset: Address,
    /// How much.
    pub amount: Amount,
}

impl Arrivals {
    /// Notes the deposits of a confirmed block of Ethereum: no others are at its height.
    pub fn confirm(&self, l1_height: L1Height, events: &[L1Event]) {
        self.write()
            .deposits
            .retain(|_, arrival| arrival.l1_height != l1_height);
        self.note(l1_height, events);
    }

    /// Notes the deposits among the events of a block of Ethereum.
    pub fn note(&self, l1_height: L1Height, events: &[L1Event]) {
        let mut seen = self.write();
        for event in events {
            if let L1Event::Deposited {
                number,
                owner,
                asset,
                amount,
            } = event
            {
                let arrival = Arrival {
                    l1_height,
                    owner: *owner,
                    asset: *asset,
                    amount: *amount,
                };
                seen.deposits.insert(*number, arrival);
            }
        }
        while seen.deposits.len() > ARRIVALS_MAX {
            seen.deposits.pop_first();
        }
    }

    /// What was seen above a height does not stand: Ethereum was reorganised, or is told anew from there.
    pub fn forget_above(&self, l1_height: L1Height) {
        self.write()
            .deposits
            .retain(|_, arrival| arrival.l1_height <= l1_height);
    }

    /// Notes the newest block of Ethereum.
    pub fn on_head(&self, head: L1Block) {
        self.write().head = Some(head);
    }

    /// The newest block of Ethereum that was seen.
    #[must_use]
    pub fn head(&self) -> Option<L1Block> {
        self.read().head
    }

    /// One deposit.
    #[must_use]
    pub fn find(&self, number: DepositNumber) -> Option<Arrival> {
        self.read().deposits.get(&number).copied()
    }

    /// Those of a range of numbers, the newest first; of one owner, or of all.
    #[must_use]
    pub fn newest(
        &self,
        numbers: Range<DepositNumber>,
        owner: Option<Address>,
        limit: usize,
    ) -> Vec<(DepositNumber, Arrival)> {
        if numbers.is_empty() {
            return Vec::new();
        }
        let seen = self.read();
        let newest_first = seen.deposits.range(numbers).rev();
        let wanted = newest_first.filter(|(_, arrival)| owner.is_none_or(|owner| owner == arrival.owner));
        wanted
            .take(limit)
            .map(|(number, arrival)| (*number, *arrival))
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Seen> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Seen> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest deposits are kept, some hundred bytes each: many times what Ethereum takes in while one is confirmed.
const ARRIVALS_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn deposit(number: u64) -> L1Event {
        L1Event::Deposited {
            number: DepositNumber(number),
            owner: Address([7; 20]),
            asset: Address::ZERO,
            amount: Amount::from(number),
        }
    }

    fn numbers(arrivals: &Arrivals) -> Vec<u64> {
        let all = DepositNumber(0)..DepositNumber(u64::MAX);
        let found = arrivals.newest(all, None, 9);
        found.iter().map(|(number, _)| number.0).collect()
    }

    #[test]
    fn what_a_reorganisation_took_away_is_forgotten() {
        let arrivals = Arrivals::default();
        arrivals.note(L1Height(5), &[deposit(0)]);
        arrivals.note(L1Height(6), &[deposit(1), deposit(2)]);
        assert_eq!(numbers(&arrivals), [2, 1, 0]);
        arrivals.forget_above(L1Height(5));
        assert_eq!(numbers(&arrivals), [0]);
        arrivals.note(L1Height(6), &[deposit(1)]);
        arrivals.confirm(L1Height(6), &[]);
        assert_eq!(
            numbers(&arrivals),
            [0],
            "another block was confirmed at its height"
        );
    }

    #[test]
    fn the_newest_are_kept() {
        let arrivals = Arrivals::default();
        let many = u64::try_from(ARRIVALS_MAX).unwrap() + 3;
        for number in 0..many {
            arrivals.note(L1Height(number), &[deposit(number)]);
        }
        assert_eq!(arrivals.find(DepositNumber(2)), None);
        assert!(
            arrivals.find(DepositNumber(3)).is_some() && arrivals.find(DepositNumber(many - 1)).is_some()
        );
    }
}
