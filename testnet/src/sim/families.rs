//! Scenarios about one thing each: what a seed of everything meets too seldom.

use plasma_consensus::Config;

use super::{byzantine::Script, random::Random, scenario::Scenario};

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Logs are lost, put back from copies and lost again, while one operator hears what the others do not.
    Forgetful,
    /// Liars lead while exits end that locked what nobody spent.
    Greedy,
    /// Ethereum takes no anchor any more, and people pay on and leave.
    Ending,
    /// Processes die, and their machines lose power while they start again.
    Relapsing,
    /// Committees change under operators that lag, lose logs or find older storages beside them.
    Changing,
    /// Rooms for what is not decided are small, laggards miss much, and liars fill them.
    Crowded,
    /// Liars propose blocks whose time lies ahead, one after the other.
    Hasty,
    /// Liars show one block to some as leaves and to others whole.
    Split,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Forgetful,
        Self::Greedy,
        Self::Ending,
        Self::Relapsing,
        Self::Changing,
        Self::Crowded,
        Self::Hasty,
        Self::Split,
    ];

    /// Its name in a command.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forgetful => "forgetful",
            Self::Greedy => "greedy",
            Self::Ending => "ending",
            Self::Relapsing => "relapsing",
            Self::Changing => "changing",
            Self::Crowded => "crowded",
            Self::Hasty => "hasty",
            Self::Split => "split",
        }
    }

    /// The scenario of a seed.
    #[must_use]
    pub fn scenario(self, seed: u64) -> Scenario {
        let mut random = Random::new(seed, 23);
        let usual = usual(seed, &mut random);
        match self {
            Self::Forgetful => Scenario {
                hubs: 300,
                victims: random.pick(&[0, 1, 1]),
                crashes: random.between(100, 600),
                relapses: random.pick(&[0, 3_000]),
                lost_logs: 10_000,
                copies: 2_000,
                downtime_ms: 600,
                power_cuts: 3_000,
                busy_ms: random.between(15_000, 30_000),
                log_segment: 32 << 10,
                ..usual
            },
            Self::Greedy => Scenario {
                byzantine: (usual.n - 1) / 3,
                scripts: Script::Greedy.bit(),
                grabs: 12,
                reorgs: random.pick(&[0, 0, 100]),
                ..usual
            },
            Self::Ending => {
                let halt_at_ms = random.between(usual.busy_ms / 4, usual.busy_ms);
                Scenario {
                    exits: 2,
                    flights: 8,
                    flights_from_ms: halt_at_ms.saturating_sub(2_000),
                    grabs: random.below(4),
                    crashes: random.below(10),
                    halt_at_ms: Some(halt_at_ms),
                    late_thefts: 8,
                    pays_to_the_end: true,
                    deposits: 16,
                    ..usual
                }
            }
            Self::Relapsing => Scenario {
                crashes: random.between(20, 60),
                relapses: 5_000,
                power_cuts: 5_000,
                disk_faults: random.pick(&[0, 60, 200]),
                log_segment: random.pick(&[2 << 10, 8 << 10]),
                fsync_ms: 2,
                sync_every: random.pick(&[1, 8, 40]),
                ..usual
            },
            Self::Changing => Scenario {
                changes: 2,
                crashes: random.between(60, 200),
                partitions: 100,
                silences: 300,
                lag_max: 4,
                lost_logs: random.pick(&[0, 6_000, 6_000]),
                old_storages: random.pick(&[0, 4_000, 6_000]),
                log_segment: random.pick(&[2 << 10, 8 << 10, 64 << 10]),
                sync_every: random.pick(&[1, 8, 40]),
                power_cuts: random.pick(&[0, 5_000]),
                lonely: random.pick(&[0, 8_000]),
                hushed_ends: random.pick(&[0, 8_000]),
                ..usual
            },
            Self::Crowded => crowded(&usual, &mut random),
            Self::Hasty => led_by_liars(&usual, Script::Ahead, &mut random),
            Self::Split => led_by_liars(&usual, Script::Split, &mut random),
        }
        .settled()
    }
}

/// Two liars at least, so that one may lead right after another.
fn led_by_liars(usual: &Scenario, script: Script, random: &mut Random) -> Scenario {
    let n = random.pick(&[7, 10]);
    Scenario {
        n,
        byzantine: (n - 1) / 3,
        scripts: script.bit(),
        ..usual.clone()
    }
}

/// Half of the room holds what storage may lose, what the engine lets stand, and a few that lose, as in production.
fn crowded(usual: &Scenario, random: &mut Random) -> Scenario {
    let sync_every = random.pick(&[1, 1, 4, 8]);
    // Views that come to nothing are short, so that liars lead often.
    let config = Config {
        pace_ms: 30,
        build_ms: 10,
        validate_ms: 20,
        alpha_percent: 120,
        cap: 8,
        ..usual.config
    };
    let beside = usize::try_from(random.between(2, 4)).unwrap_or_default();
    let lost = usize::try_from(sync_every).unwrap_or_default();
    let liars = (usual.n - 1) / 3;
    let others = random.pick(&[
        0,
        0,
        Script::LieInAnswers.bit(),
        Script::WithholdBody.bit(),
        Script::WithholdFinalize.bit(),
    ]);
    Scenario {
        byzantine: liars,
        scripts: Script::Crowd.bit() | others,
        room: 2 * (lost + STANDING_MAX + beside),
        sync_every,
        partitions: random.pick(&[30, 100, 200]),
        silences: random.pick(&[50, 200]),
        silence_ms: random.pick(&[6_000, 20_000]),
        lag_max: 4,
        crashes: random.pick(&[0, 10, 30]),
        victims: random.pick(&[0, 1, 1]),
        downtime_ms: random.pick(&[1_500, 6_000, 12_000]),
        blackouts: random.pick(&[0, 30, 60]),
        power_cuts: random.pick(&[5_000, 10_000]),
        busy_ms: random.between(30_000, 50_000),
        payment_every_ms: 80,
        config,
        ..usual.clone()
    }
}

/// Blocks that the engine lets stand above the final one.
const STANDING_MAX: usize = 16;

/// Four operators mostly, fair weather, payments.
fn usual(seed: u64, random: &mut Random) -> Scenario {
    let delay_ms = random.pick(&[2, 8, 20]);
    let busy_ms = random.between(8_000, 14_000);
    Scenario {
        seed,
        n: random.pick(&[4, 4, 4, 5, 7]),
        busy_ms,
        payment_every_ms: random.pick(&[40, 80, 200]),
        delay_ms,
        jitter_ms: random.pick(&[0, 4, 30]),
        loss: random.pick(&[0, 0, 100]),
        double_spends: random.pick(&[0, 4]),
        config: Config {
            delta_ms: (delay_ms * 2).max(60),
            pace_ms: 100,
            build_ms: 30,
            validate_ms: 60,
            ..Config::default()
        },
        ..Scenario::default()
    }
}

impl Scenario {
    /// Faults end when people have done what they wanted.
    fn settled(self) -> Self {
        Self {
            calm_at_ms: self.busy_ms + 1_000,
            ..self
        }
    }
}
