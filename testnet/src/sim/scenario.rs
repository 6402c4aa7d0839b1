//! One configuration of a simulated federation, drawn from a seed: each seed is another one.
//!
//! A scenario is plain numbers, so a failing one can be written down whole among the regressions and survives changes of this
//! generator.

use plasma_consensus::Config;
use plasma_node::operator::chain::Room;

use super::random::Random;

/// Everything that is decided before a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Seed of the run's own choices.
    pub seed: u64,
    /// Operators.
    pub n: u16,
    /// The last operators are Byzantine; never more than f.
    pub byzantine: u16,
    /// Which scripts they follow; see `byzantine.rs`.
    pub scripts: u32,
    /// How long clients pay.
    pub busy_ms: u64,
    /// Faults stop then, except for Byzantine operators and a little loss.
    pub calm_at_ms: u64,
    /// Time between two payments.
    pub payment_every_ms: u64,
    /// Delay of a message, and what may come to it.
    pub delay_ms: u64,
    /// See `delay_ms`.
    pub jitter_ms: u64,
    /// Lost messages per ten thousand.
    pub loss: u64,
    /// Messages that come twice, per ten thousand.
    pub duplicates: u64,
    /// Messages that take twenty times as long, per ten thousand.
    pub stragglers: u64,
    /// Partitions per ten thousand ticks of 100 ms; some are of one direction only.
    pub partitions: u64,
    /// Connections that break and come back, per ten thousand ticks.
    pub flaps: u64,
    /// Partitions around one operator, per ten thousand ticks: it hears everybody and is heard at times, and the others do not
    /// hear each other; or its connections hang until a process is started anew.
    pub hubs: u64,
    /// Crashes per ten thousand turns, each between any two effects.
    pub crashes: u64,
    /// Only so many of the first operators crash by chance; all of them if it is none.
    pub victims: u16,
    /// How many in ten thousand crashes are power cuts: storage forgets what was not durable.
    pub power_cuts: u64,
    /// All crash at once, per ten thousand ticks.
    pub blackouts: u64,
    /// Longest time that a crashed operator stays away.
    pub downtime_ms: u64,
    /// Storage makes its commits durable after so many of them; 1 is every time.
    pub sync_every: u64,
    /// Undecided blocks that an operator has room for; half of them are one answer of a peer.
    pub room: usize,
    /// Longest time that a write of the log takes.
    pub fsync_ms: u64,
    /// Writes of the log that take seconds, per ten thousand.
    pub stalls: u64,
    /// Bytes of a segment of the log.
    pub log_segment: u64,
    /// Turns in which the disk stops in the middle of an operation or refuses one, per ten thousand.
    pub disk_faults: u64,
    /// How many in ten thousand starts are followed by a crash within moments.
    pub relapses: u64,
    /// How many in ten thousand crashes cost the log: it is lost, an old copy is put back, or a byte of it rots. Never of more
    /// than f operators together, liars among them.
    pub lost_logs: u64,
    /// How many in ten thousand crashes bring an older storage beside a sound log: a backup, or an empty one. Never of more than
    /// f operators together, liars and those without a log among them.
    pub old_storages: u64,
    /// How many in ten thousand of those that find one beside their log reach nobody for a while.
    pub lonely: u64,
    /// How many in ten thousand ends of an epoch nobody hears of for a while: all have voted for the block that seals it.
    pub hushed_ends: u64,
    /// Copies of a log's folder, and backups of a storage, per ten thousand ticks.
    pub copies: u64,
    /// Wall clocks that are set anew, per ten thousand ticks.
    pub jumps: u64,
    /// How far; further than a second for so few operators only that they and the liars are f together.
    pub jump_ms: u64,
    /// Largest drift of a clock, per thousand.
    pub drift: u64,
    /// Largest offset of a clock.
    pub offset_ms: u64,
    /// Reorganisations of Ethereum per ten thousand ticks, never deeper than the confirmations.
    pub reorgs: u64,
    /// Endpoints that fall silent for a while, per ten thousand ticks.
    pub silences: u64,
    /// Longest silence of an endpoint.
    pub silence_ms: u64,
    /// Blocks that an endpoint may lag.
    pub lag_max: u64,
    /// Deposits during the run besides those at its start.
    pub deposits: u64,
    /// Exits of honest owners.
    pub exits: u64,
    /// Attempts to spend an output twice.
    pub double_spends: u64,
    /// Exits of outputs that were spent.
    pub thefts: u64,
    /// Changes of the committee, at most two.
    pub changes: u64,
    /// Exits of payments in flight.
    pub flights: u64,
    /// Exits in flight of thieves: of what they spent, or spend again.
    pub grabs: u64,
    /// Nobody leaves in flight before.
    pub flights_from_ms: u64,
    /// Reclaims of deposits that are in a block.
    pub reclaims: u64,
    /// From then on Ethereum takes no anchor, so that the federation ends.
    pub halt_at_ms: Option<u64>,
    /// Exits of outputs that were spent, once that has ended it.
    pub late_thefts: u32,
    /// Somebody pays until then, and some payment waits when it comes.
    pub pays_to_the_end: bool,
    /// Timers of all operators.
    pub config: Config,
}

impl Default for Scenario {
    /// Four honest operators in fair weather.
    fn default() -> Self {
        Self {
            seed: 0,
            n: 4,
            byzantine: 0,
            scripts: 0,
            busy_ms: 14_000,
            calm_at_ms: 14_000,
            payment_every_ms: 60,
            delay_ms: 8,
            jitter_ms: 4,
            loss: 0,
            duplicates: 0,
            stragglers: 0,
            partitions: 0,
            flaps: 0,
            hubs: 0,
            crashes: 0,
            victims: 0,
            power_cuts: 0,
            blackouts: 0,
            downtime_ms: 2_000,
            sync_every: 1,
            room: Room::of(0).blocks,
            fsync_ms: 0,
            stalls: 0,
            log_segment: 64 << 10,
            disk_faults: 0,
            relapses: 0,
            lost_logs: 0,
            old_storages: 0,
            lonely: 0,
            hushed_ends: 0,
            copies: 200,
            jumps: 0,
            jump_ms: 0,
            drift: 0,
            offset_ms: 0,
            reorgs: 0,
            silences: 0,
            silence_ms: 6_000,
            lag_max: 0,
            deposits: 6,
            exits: 0,
            double_spends: 0,
            thefts: 0,
            changes: 0,
            flights: 0,
            grabs: 0,
            flights_from_ms: 0,
            reclaims: 0,
            halt_at_ms: None,
            late_thefts: 0,
            pays_to_the_end: false,
            config: Config::default(),
        }
    }
}

impl Scenario {
    /// The configuration of a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let n = random.pick(&[4, 4, 4, 4, 5, 7]);
        let faults = (n - 1) / 3;
        let byzantine = if random.chance(6_000) { 0 } else { faults };
        let rough = random.pick(&[0, 1, 1, 2, 2, 3]);
        let mut level = |gentle: u64, harsh: u64| match rough {
            0 => 0,
            1 => random.below(gentle + 1),
            2 => random.below(harsh + 1),
            _ => random.pick(&[0, 0, harsh]),
        };
        let (loss, duplicates, stragglers) = (level(200, 2_000), level(300, 2_000), level(100, 1_000));
        let (partitions, flaps, crashes) = (level(60, 300), level(60, 300), level(10, 60));
        let (blackouts, reorgs, silences) = (level(10, 60), level(100, 500), level(50, 300));
        let delay_ms = random.pick(&[2, 8, 20, 40]);
        let busy_ms = random.between(8_000, 14_000);
        let has_exits = random.chance(4_000);
        let of_disks = Self::disks(seed, crashes > 0);
        Self {
            seed,
            n,
            byzantine,
            scripts: u32::try_from(random.below(1 << 17)).unwrap_or_default(),
            busy_ms,
            calm_at_ms: busy_ms + random.below(2_000),
            payment_every_ms: random.pick(&[40, 80, 200]),
            delay_ms,
            jitter_ms: random.pick(&[0, 4, 30]),
            loss,
            duplicates,
            stragglers,
            partitions,
            flaps,
            crashes,
            power_cuts: random.pick(&[0, 5_000, 10_000]),
            blackouts,
            downtime_ms: random.pick(&[300, 1_500, 6_000]),
            sync_every: random.pick(&[1, 8, 40, 1_000]),
            fsync_ms: random.pick(&[0, 2, 10]),
            drift: random.pick(&[0, 0, 5, 10]),
            offset_ms: random.pick(&[0, 100, 600]),
            reorgs,
            silences,
            lag_max: random.pick(&[0, 1, 4]),
            deposits: random.between(2, 12),
            exits: if has_exits { random.between(1, 4) } else { 0 },
            double_spends: random.pick(&[0, 2, 8]),
            thefts: if has_exits { random.below(6) } else { 0 },
            flights: 0,
            grabs: 0,
            reclaims: 0,
            halt_at_ms: None,
            config: Config {
                delta_ms: (delay_ms * 2).max(60),
                pace_ms: random.pick(&[50, 100, 100]),
                build_ms: 30,
                validate_ms: 60,
                ..Config::default()
            },
            changes: random.pick(&[0, 0, 0, 0, 1, 2]),
            ..of_disks
        }
        .with_flights()
        .with_backups()
        .apart()
    }

    /// Ethereum's clock leaps over the wait before a change: wall clocks that are hours wrong would be nothing beside it.
    fn apart(self) -> Self {
        if self.changes == 0 {
            return self;
        }
        Self {
            jump_ms: self.jump_ms.min(500),
            ..self
        }
    }

    /// What leaves in flight, from a stream of its own: what was drawn before these stays as it was.
    fn with_flights(self) -> Self {
        let mut random = Random::new(self.seed, 21);
        // Ethereum's clock leaps over the wait before a change, and with it over the time to challenge.
        if self.changes > 0 || (self.exits == 0 && !random.chance(2_500)) {
            return self;
        }
        Self {
            flights: random.below(5),
            grabs: random.below(5),
            reclaims: random.below(4),
            halt_at_ms: random
                .chance(1_500)
                .then(|| random.between(self.busy_ms / 2, self.busy_ms)),
            ..self
        }
    }

    /// Storages that are put back, from a stream of its own too.
    fn with_backups(self) -> Self {
        let mut random = Random::new(self.seed, 31);
        let has_crashes = self.crashes > 0;
        Self {
            old_storages: if has_crashes {
                random.pick(&[0, 0, 1_000, 5_000])
            } else {
                0
            },
            ..self
        }
    }

    /// What becomes of disks and clocks, from a stream of its own.
    fn disks(seed: u64, has_crashes: bool) -> Self {
        let mut random = Random::new(seed, 9);
        let mut often = |rates: &[u64]| if has_crashes { random.pick(rates) } else { 0 };
        let (disk_faults, relapses) = (often(&[0, 20, 60]), often(&[0, 0, 2_000, 5_000]));
        let lost_logs = often(&[0, 1_000, 4_000, 8_000]);
        Self {
            stalls: random.pick(&[0, 0, 0, 20, 100]),
            log_segment: random.pick(&[2 << 10, 8 << 10, 32 << 10]),
            disk_faults,
            relapses,
            lost_logs,
            jumps: random.pick(&[0, 0, 100, 300]),
            jump_ms: random.pick(&[500, 500, 5_000, 3_600_000]),
            ..Self::default()
        }
    }

    /// How many operators may be wronged at one time besides the liars.
    pub(super) fn spare_faults(&self) -> usize {
        usize::from((self.n - 1) / 3).saturating_sub(usize::from(self.byzantine))
    }

    /// Whether an operator may crash by chance.
    pub(super) fn may_crash(&self, index: usize) -> bool {
        self.victims == 0 || index < usize::from(self.victims)
    }

    /// Whether an operator follows the rules; whoever joins later does.
    pub(super) fn is_honest(&self, index: usize) -> bool {
        index < usize::from(self.n - self.byzantine) || index >= usize::from(self.n)
    }
}
