//! One configuration of a simulated committee, drawn from a seed: each seed is another one.
//!
//! A scenario is plain numbers, so a failing one can be written down whole in `regressions.rs` and survives changes of
//! this generator.

use plasma_consensus::Config;

use super::random::Random;

/// Everything that is decided before a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    /// Seed of the run's own choices.
    pub(crate) seed: u64,
    /// Members.
    pub(crate) n: u16,
    /// The last members are Byzantine; never more than f, but in the family that must fail.
    pub(crate) byzantine: u16,
    /// Which scripts they follow; see `byzantine.rs`.
    pub(crate) scripts: u32,
    /// Faults stop then, except for Byzantine members and a little loss.
    pub(crate) calm_at_ms: u64,
    /// Delay of a message: base plus up to this jitter.
    pub(crate) delay_ms: u64,
    pub(crate) jitter_ms: u64,
    /// Per ten thousand messages.
    pub(crate) loss: u64,
    pub(crate) duplicates: u64,
    /// Chance per ten thousand that a message takes ten times as long.
    pub(crate) stragglers: u64,
    /// Partitions, cuts of one message kind, and pauses, per ten thousand ticks of 100 ms.
    pub(crate) partitions: u64,
    pub(crate) cuts: u64,
    pub(crate) pauses: u64,
    /// Crashes per ten thousand steps.
    pub(crate) crashes: u64,
    /// Chance per ten thousand ticks of 100 ms that the power fails everywhere.
    pub(crate) blackouts: u64,
    /// Longest time a crashed member stays away.
    pub(crate) downtime_ms: u64,
    /// Per ten thousand verdicts that stay pending for a while.
    pub(crate) pending: u64,
    /// Largest drift of a clock, per thousand.
    pub(crate) drift: u64,
    /// Payments that arrive during the run.
    pub(crate) payments: u64,
    /// Whether members exchange finalized blocks besides consensus.
    pub(crate) syncs: bool,
    /// Whether every message goes through its bytes.
    pub(crate) encodes: bool,
    /// Timers of all members.
    pub(crate) config: Config,
    /// Members that leave at once at `away_at_ms`, and come back at `back_at_ms`; 0 is never.
    pub(crate) away: u128,
    pub(crate) away_at_ms: u64,
    pub(crate) back_at_ms: u64,
    /// Members on one side of a partition that begins then and lasts until the calm; 0 is none.
    pub(crate) split: u128,
    pub(crate) split_at_ms: u64,
    /// Until the calm: members to whom a view's votes to notarize come when they gave the view up, and those to nullify after that;
    /// to the others no vote to notarize comes. 0 is none.
    pub(crate) halved: u128,
    /// So many views in a row must come apart like that.
    pub(crate) halved_views: u64,
    /// In fair weather: at most so many views from one final view to the next; 0 is any number.
    pub(crate) gap_views: u64,
    /// Within so many views after the calm something is final; 0 is any number.
    pub(crate) heal_views: u64,
    /// What else Byzantine members do; see `byzantine/tricks.rs`.
    pub(crate) tricks: u32,
    /// Chance per ten thousand that the power fails while a message to all is being sent: some have it then.
    pub(crate) torn_sends: u64,
    /// Clocks that jump, per ten thousand ticks of 100 ms.
    pub(crate) clock_jumps: u64,
    /// Chance per ten thousand partitions that one member hears both sides.
    pub(crate) bridges: u64,
    /// Bytes that a link takes in a millisecond; 0 is any number.
    pub(crate) bytes_per_ms: u64,
    /// Members that become Byzantine when their turn to lead comes, besides those that are so from the start.
    pub(crate) adaptive: u16,
    /// Chance per ten thousand that the first member's disk is lost in a crash: it rejoins by what the others can prove.
    pub(crate) lost_disks: u64,
    /// When the last member, one of the liars, gets back an old copy of its disk, from half that time; 0 is never. It follows
    /// the rules otherwise.
    pub(crate) restored_at_ms: u64,
    /// Per ten thousand bodies asked for: those that come late, and those that are not what was asked for.
    pub(crate) slow_bodies: u64,
    pub(crate) wrong_bodies: u64,
    /// Whether members sign with BLS instead of the mock.
    pub(crate) has_real_keys: bool,
}

impl Default for Scenario {
    /// Four honest members in fair weather.
    fn default() -> Self {
        Self {
            seed: 0,
            n: 4,
            byzantine: 0,
            scripts: 0,
            calm_at_ms: 4_000,
            delay_ms: 10,
            jitter_ms: 5,
            loss: 0,
            duplicates: 0,
            stragglers: 0,
            partitions: 0,
            cuts: 0,
            pauses: 0,
            crashes: 0,
            blackouts: 0,
            downtime_ms: 1_000,
            pending: 0,
            drift: 0,
            payments: 32,
            syncs: false,
            encodes: false,
            config: Config::default(),
            away: 0,
            away_at_ms: 0,
            back_at_ms: 0,
            split: 0,
            split_at_ms: 0,
            halved: 0,
            halved_views: 0,
            gap_views: 0,
            heal_views: 0,
            tricks: 0,
            torn_sends: 0,
            clock_jumps: 0,
            bridges: 0,
            bytes_per_ms: 0,
            adaptive: 0,
            lost_disks: 0,
            restored_at_ms: 0,
            slow_bodies: 0,
            wrong_bodies: 0,
            has_real_keys: false,
        }
    }
}

/// Payments are bits of one word.
pub(crate) const PAYMENTS_MAX: u64 = 128;

impl Scenario {
    /// The configuration of a seed.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let n = if random.chance(60) {
            31
        } else {
            random.pick(&[4, 4, 4, 5, 7, 7, 10, 13])
        };
        let faults = (n - 1) / 3;
        let byzantine = if random.chance(3_000) {
            0
        } else {
            random.pick(&[1, faults, faults])
        };
        let rough = random.pick(&[0, 1, 1, 2, 3]);
        let mut level = |gentle: u64, harsh: u64| match rough {
            0 => 0,
            1 => random.below(gentle + 1),
            2 => random.below(harsh + 1),
            _ => random.pick(&[0, 0, harsh]),
        };
        let (loss, duplicates, stragglers) = (level(300, 3_000), level(300, 2_000), level(200, 2_000));
        let (partitions, cuts, pauses) = (level(150, 600), level(150, 600), level(100, 400));
        let (crashes, pending) = (level(20, 150), level(500, 4_000));
        let delay_ms = random.pick(&[1, 5, 20, 50]);
        let delta_ms = random.pick(&[60, 100, 150]).max(delay_ms * 2);
        let drawn = Self {
            seed,
            n,
            byzantine,
            scripts: u32::try_from(random.mask() & random.mask() & 0xffff_ffff).expect("masked"),
            calm_at_ms: random.between(4_000, 12_000),
            delay_ms,
            jitter_ms: random.pick(&[0, 1, 5, 30]),
            loss,
            duplicates,
            stragglers,
            partitions,
            cuts,
            pauses,
            crashes,
            blackouts: if random.chance(1_000) { 300 } else { 0 },
            downtime_ms: random.pick(&[200, 1_000, 5_000]),
            pending,
            drift: random.pick(&[0, 0, 5, 20]),
            payments: random.between(8, PAYMENTS_MAX / 2),
            syncs: random.chance(5_000),
            encodes: random.chance(1_200),
            config: config(&mut random, delta_ms),
            tricks: u32::try_from(random.mask() & random.mask() & 0xff).expect("masked"),
            torn_sends: if rough == 0 {
                0
            } else {
                random.pick(&[0, 0, 5, 30])
            },
            clock_jumps: if rough == 0 {
                0
            } else {
                random.pick(&[0, 0, 50, 200])
            },
            bridges: random.pick(&[0, 5_000]),
            bytes_per_ms: random.pick(&[0, 0, 0, 60]),
            ..Self::default()
        };
        drawn.with_rare_faults(&mut random)
    }

    /// Faults of few seeds each.
    fn with_rare_faults(self, random: &mut Random) -> Self {
        let adapts = random.chance(2_500);
        // Until it may vote again who lost its disk is one of the f that agreement does without.
        let has_room = u64::from(self.byzantine) < self.faults();
        let loses = has_room && self.crashes > 0 && random.chance(5_000);
        let is_rough = self.loss > 0;
        Self {
            adaptive: if adapts { self.byzantine } else { 0 },
            byzantine: if adapts { 0 } else { self.byzantine },
            lost_disks: if loses { 5_000 } else { 0 },
            slow_bodies: if is_rough {
                random.pick(&[0, 1_000, 5_000])
            } else {
                0
            },
            wrong_bodies: if is_rough {
                random.pick(&[0, 1_000, 5_000])
            } else {
                0
            },
            ..self
        }
    }

    /// The same committee in much worse weather, for longer.
    pub(crate) fn harshened(self) -> Self {
        Self {
            calm_at_ms: 20_000,
            loss: 3_000,
            duplicates: 2_000,
            stragglers: 2_000,
            partitions: 600,
            cuts: 600,
            pauses: 400,
            crashes: 200,
            blackouts: 100,
            torn_sends: 20,
            clock_jumps: 100,
            pending: 3_000,
            byzantine: (self.n - 1) / 3,
            adaptive: 0,
            lost_disks: 0,
            slow_bodies: 2_000,
            wrong_bodies: 2_000,
            ..self
        }
    }

    /// The same seed for four members with real keys, and shorter: a signature takes as long as a hundred mock steps.
    pub(crate) fn with_real_keys(self) -> Self {
        Self {
            n: 4,
            byzantine: self.byzantine.min(1),
            adaptive: 0,
            lost_disks: 0,
            calm_at_ms: 2_000,
            payments: 8,
            has_real_keys: true,
            ..self
        }
    }

    /// Members that may lie or be gone without harm.
    pub(crate) fn faults(&self) -> u64 {
        u64::from((self.n - 1) / 3)
    }

    /// Whether a member is there in the end.
    pub(crate) fn stays(&self, member: u16) -> bool {
        self.back_at_ms > 0 || self.away >> member & 1 == 0
    }

    /// The longest wait for a view to end.
    pub(crate) fn view_ms_max(&self) -> u64 {
        let Config {
            pace_ms,
            delta_ms,
            build_ms,
            validate_ms,
            cap,
            ..
        } = self.config;
        (pace_ms + 3 * delta_ms + build_ms + validate_ms) * cap
    }

    /// Whether a member follows the rules at the start.
    pub(crate) fn is_honest(&self, member: u16) -> bool {
        member < self.n - self.byzantine
    }
}

fn config(random: &mut Random, delta_ms: u64) -> Config {
    Config {
        delta_ms,
        pace_ms: random.pick(&[0, 20, 100, 100]),
        alpha_percent: random.pick(&[120, 150, 200]),
        cap: random.pick(&[4, 8, 16]),
        build_ms: 30,
        validate_ms: 50,
        heartbeat_ms: random.pick(&[0, 3_000, 20_000]),
        status_ms: random.pick(&[500, 1_000, 1_000]),
        down_ms: random.pick(&[300, 2_000]),
        silence_ms: random.pick(&[1_500, 5_000]),
    }
}
