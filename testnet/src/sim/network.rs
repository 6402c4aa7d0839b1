//! Links that lose, delay, repeat and cut until the calm; a little loss stays even then.

use super::{random::Random, scenario::Scenario};

/// The state of all links.
#[derive(Debug)]
pub(super) struct Network {
    /// Which pairs have a connection; symmetric.
    pub(super) is_up: Vec<Vec<bool>>,
    /// While a partition lasts: the operators of one side, and its end.
    side: u64,
    parted_until: u64,
    /// What the side says is lost, what it hears is not.
    is_one_way: bool,
}

/// Loss per ten thousand that remains after the calm.
const CALM_LOSS: u64 = 20;
/// Longest partition.
const PARTITION_MS_MAX: u64 = 4_000;

impl Network {
    pub(super) fn new(n: usize) -> Self {
        Self {
            is_up: vec![vec![false; n]; n],
            side: 0,
            parted_until: 0,
            is_one_way: false,
        }
    }

    /// Begins a partition now and then.
    pub(super) fn stir(&mut self, now: u64, scenario: &Scenario, random: &mut Random) -> bool {
        if now < self.parted_until || !random.chance(scenario.partitions) {
            return false;
        }
        self.side = random.below(1 << self.is_up.len());
        self.parted_until = now + random.between(100, PARTITION_MS_MAX);
        self.is_one_way = random.chance(3_000);
        true
    }

    /// Nothing is cut any more.
    pub(super) fn heal(&mut self) {
        self.parted_until = 0;
    }

    fn is_cut(&self, now: u64, from: usize, to: usize) -> bool {
        let is_in = |index: usize| self.side >> index & 1 == 1;
        now < self.parted_until && is_in(from) != is_in(to) && (!self.is_one_way || is_in(from))
    }

    /// When a message sent now arrives, and perhaps again; never when it is lost.
    pub(super) fn arrivals(
        &self,
        now: u64,
        (from, to): (usize, usize),
        scenario: &Scenario,
        random: &mut Random,
    ) -> Vec<u64> {
        let is_calm = now >= scenario.calm_at_ms;
        let loss = if is_calm {
            CALM_LOSS.min(scenario.loss)
        } else {
            scenario.loss
        };
        if !self.is_up[from][to] || self.is_cut(now, from, to) || random.chance(loss) {
            return Vec::new();
        }
        let mut delay = || {
            let usual = scenario.delay_ms + random.below(scenario.jitter_ms + 1);
            let is_late = !is_calm && random.chance(scenario.stragglers);
            now + if is_late { usual * 20 } else { usual }
        };
        let first = delay();
        let second = delay();
        let is_twice = !is_calm && random.chance(scenario.duplicates);
        if is_twice {
            vec![first, second]
        } else {
            vec![first]
        }
    }
}
