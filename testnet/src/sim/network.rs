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
    /// The side is one operator, and the others do not hear each other.
    is_star: bool,
    /// Those whose connections are new since then, if that mends them.
    fresh: Option<u64>,
    /// One that nobody hears and that hears nobody, and until when.
    alone: Option<(usize, u64)>,
    /// Nobody hears anybody until then.
    hushed_until: u64,
}

/// Loss per ten thousand that remains after the calm.
const CALM_LOSS: u64 = 20;
/// Longest partition.
const PARTITION_MS_MAX: u64 = 4_000;
/// Longest time in which one operator stands between all others: people need some of it to bring back one that lost its log.
const STAR_MS_MAX: u64 = 10_000;
/// How often it falls silent or is heard again, per ten thousand ticks.
const STAR_TURNS: u64 = 1_000;

impl Network {
    pub(super) fn new(n: usize) -> Self {
        Self {
            is_up: vec![vec![false; n]; n],
            side: 0,
            parted_until: 0,
            is_one_way: false,
            is_star: false,
            fresh: None,
            alone: None,
            hushed_until: 0,
        }
    }

    /// Cuts one off from all others, whatever else is cut.
    pub(super) fn leave_alone(&mut self, index: usize, until: u64) {
        self.alone = Some((index, until));
    }

    /// Cuts each off from all others.
    pub(super) fn hush(&mut self, until: u64) {
        self.hushed_until = until;
    }

    /// Begins a partition now and then.
    pub(super) fn stir(&mut self, now: u64, scenario: &Scenario, random: &mut Random) -> bool {
        if now < self.parted_until {
            if self.is_star && random.chance(STAR_TURNS) {
                self.is_one_way = !self.is_one_way;
            }
            return false;
        }
        (self.is_star, self.fresh) = (false, None);
        if random.chance(scenario.hubs) {
            self.is_star = random.chance(5_000);
            self.fresh = (!self.is_star).then_some(0);
            let among = match scenario.victims {
                some if self.is_star && some > 0 => usize::from(some),
                _ => self.is_up.len(),
            };
            self.side = 1 << random.index(among);
            self.parted_until = now + random.between(1_000, STAR_MS_MAX);
            self.is_one_way = self.is_star && random.chance(5_000);
            return true;
        }
        if !random.chance(scenario.partitions) {
            return false;
        }
        self.side = random.below(1 << self.is_up.len());
        self.parted_until = now + random.between(100, PARTITION_MS_MAX);
        self.is_one_way = random.chance(3_000);
        true
    }

    /// A process was started: its connections are new.
    pub(super) fn renew(&mut self, index: usize) {
        self.fresh = self.fresh.map(|fresh| fresh | 1 << index);
    }

    /// Nothing is cut any more.
    pub(super) fn heal(&mut self) {
        self.parted_until = 0;
        self.alone = None;
        self.hushed_until = 0;
    }

    fn is_cut(&self, now: u64, from: usize, to: usize) -> bool {
        let is_alone = |index: usize| {
            self.alone
                .is_some_and(|(alone, until)| alone == index && now < until)
        };
        if now < self.hushed_until || is_alone(from) || is_alone(to) {
            return true;
        }
        let is_in = |index: usize| self.side >> index & 1 == 1;
        let is_severed = match (is_in(from), is_in(to)) {
            (true, false) => !self.is_star || self.is_one_way,
            (false, true) => !self.is_star && !self.is_one_way,
            (false, false) => self.is_star,
            (true, true) => false,
        };
        let is_new = |index: usize| self.fresh.is_some_and(|fresh| fresh >> index & 1 == 1);
        now < self.parted_until && is_severed && !is_new(from) && !is_new(to)
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
