//! Who leads which view: a permutation of the committee, repeated (`consensus.md` section 10).

use plasma_core::{Hash, OperatorIndex, View, keccak};

/// The leaders of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    order: Vec<OperatorIndex>,
}

/// Consecutive views of one leader. More than one is a later option with its own safety argument.
const VIEWS_PER_LEADER: u64 = 1;

impl Schedule {
    /// Fisher–Yates over `n` operators: the swap for place i takes keccak(seed ‖ i) modulo i + 1.
    ///
    /// The seed is the hash of the block that sealed the previous epoch, never an aggregate: different quorums
    /// would give different bytes.
    #[must_use]
    pub fn new(seed: &Hash, n: usize) -> Self {
        let mut order: Vec<OperatorIndex> = (0..u16::try_from(n).unwrap_or(u16::MAX))
            .map(OperatorIndex)
            .collect();
        for place in (1..order.len()).rev() {
            let place_bytes = u64::try_from(place).unwrap_or(u64::MAX).to_be_bytes();
            order.swap(
                place,
                draw(&keccak(&[&seed.0, &place_bytes]), place.saturating_add(1)),
            );
        }
        Self { order }
    }

    /// The leader of a view; view 0 has none, but answering with somebody keeps this total.
    #[must_use]
    pub fn leader(&self, view: View) -> OperatorIndex {
        let turn = view.0.saturating_sub(1) / VIEWS_PER_LEADER;
        let n = u64::try_from(self.order.len()).unwrap_or(u64::MAX);
        let place = turn
            .checked_rem(n)
            .and_then(|place| usize::try_from(place).ok())
            .unwrap_or(0);
        self.order.get(place).copied().unwrap_or_default()
    }
}

/// A number below `bound` from the first eight bytes; the bias below 2^-56 is of no concern.
fn draw(hash: &Hash, bound: usize) -> usize {
    let [a, b, c, d, e, f, g, h, ..] = hash.0;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    number
        .checked_rem(bound)
        .and_then(|place| usize::try_from(place).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_leads_once_per_rotation() {
        for n in [1, 4, 7, 100] {
            let schedule = Schedule::new(&keccak(&[b"seed"]), n);
            let turn = |first: u64| {
                (first..)
                    .take(n)
                    .map(|v| schedule.leader(View(v)))
                    .collect::<Vec<_>>()
            };
            let mut leaders = turn(1);
            assert_eq!(leaders, turn(1 + u64::try_from(n).unwrap()));
            leaders.sort_unstable();
            leaders.dedup();
            assert_eq!(leaders.len(), n);
        }
    }

    #[test]
    fn another_seed_gives_another_order() {
        assert_ne!(
            Schedule::new(&keccak(&[b"a"]), 16),
            Schedule::new(&keccak(&[b"b"]), 16)
        );
    }
}
