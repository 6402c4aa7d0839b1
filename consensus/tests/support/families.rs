//! Scenarios about one thing each, in fair weather otherwise, so that they can be held to a bound.

use plasma_consensus::{Config, Schedule};
use plasma_core::{View, keccak};

use super::{byzantine::Script, random::Random, scenario::Scenario};

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// f members that lead one after the other leave for good: at most f + 1 views from one final view to the next.
    CrashedLeaders,
    /// No side of a partition has a quorum: after it heals something is final within f + 2 views.
    Healing,
    /// The same with f members gone for good.
    HealingWithoutSome,
    /// View after view one side knows the notarization and the other the nullification, neither is a quorum, and nobody can
    /// finalize: only what proposals carry with them leads on. Afterwards something is final within f + 2 views.
    Halved,
    /// A member comes back: it knows what is final within a few status periods.
    Returning,
    /// Nothing waits: members only report.
    Idle,
    /// A member runs on from an old copy of its disk: it stops, or is accused.
    RestoredLog,
    /// More than f members lie: every seed must break an invariant, or the oracle is blind.
    TooManyLiars,
}

impl Family {
    /// Its name in a command.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CrashedLeaders => "crashed-leaders",
            Self::Healing => "healing",
            Self::HealingWithoutSome => "healing-without-some",
            Self::Halved => "halved",
            Self::Returning => "returning",
            Self::Idle => "idle",
            Self::RestoredLog => "restored-log",
            Self::TooManyLiars => "too-many-liars",
        }
    }

    /// Whether each of its seeds must break an invariant.
    pub(crate) fn must_break(self) -> bool {
        self == Self::TooManyLiars
    }

    /// The scenario of a seed.
    pub(crate) fn scenario(self, seed: u64) -> Scenario {
        let mut random = Random::new(seed, 3);
        let fair = fair(seed, &mut random);
        let (n, faults) = (fair.n, fair.faults());
        let gone = consecutive_leaders(&fair, random.below(u64::from(n)) + 1);
        match self {
            Self::CrashedLeaders => Scenario {
                away: gone,
                away_at_ms: random.between(100, 2_000),
                gap_views: faults + 1,
                ..fair
            },
            Self::Healing => split(&fair, &mut random),
            Self::HealingWithoutSome => Scenario {
                away: gone,
                away_at_ms: random.between(100, 4_000),
                ..split(&fair, &mut random)
            },
            Self::Halved => halved(&fair, &mut random),
            Self::Returning => Scenario {
                away: 1 << random.below(u64::from(n)),
                away_at_ms: random.between(100, 1_000),
                back_at_ms: random.between(1_500, 9_000),
                calm_at_ms: 10_000,
                // Mostly nobody says anything new then, and only the answer to its report helps.
                payments: random.pick(&[2, 3, 100]),
                ..fair
            },
            Self::RestoredLog => Scenario {
                byzantine: 1,
                restored_at_ms: random.between(500, 4_000),
                // Bad weather, so that its two lives see different things.
                loss: random.pick(&[0, 500, 2_000]),
                partitions: random.pick(&[0, 600]),
                calm_at_ms: 6_000,
                ..fair
            },
            Self::TooManyLiars => Scenario {
                byzantine: (n - 1) / 3 + 1,
                scripts: Script::TwoBlocks.bit() | Script::Contradict.bit() | Script::NotarizeAll.bit(),
                ..fair
            },
            Self::Idle => Scenario {
                payments: random.between(1, 6),
                config: Config {
                    heartbeat_ms: 0,
                    ..fair.config
                },
                ..fair
            },
        }
    }
}

fn fair(seed: u64, random: &mut Random) -> Scenario {
    let delay_ms = random.pick(&[1, 10, 40]);
    Scenario {
        seed,
        n: random.pick(&[4, 4, 7, 10, 13]),
        delay_ms,
        jitter_ms: random.pick(&[0, 5]),
        payments: 100,
        config: Config {
            delta_ms: random.pick(&[100, 150]),
            pace_ms: random.pick(&[0, 50, 100]),
            // An operator needs up to 500 ms to build or judge now and then.
            build_ms: 500,
            validate_ms: 500,
            silence_ms: random.pick(&[1_500, 5_000]),
            ..Config::default()
        },
        ..Scenario::default()
    }
}

/// Two sides without a quorum each.
fn split(fair: &Scenario, random: &mut Random) -> Scenario {
    let faults = fair.faults();
    Scenario {
        split: side(fair, random),
        split_at_ms: random.between(500, 4_000),
        calm_at_ms: random.between(8_000, 20_000),
        heal_views: faults + 2,
        ..fair.clone()
    }
}

/// Members of one of two sides of which none has a quorum.
fn side(fair: &Scenario, random: &mut Random) -> u128 {
    let faults = fair.faults();
    let size = random.between(faults + 1, u64::from(fair.n) - faults - 1);
    let mut side = 0u128;
    while u64::from(side.count_ones()) < size {
        side |= 1 << random.below(u64::from(fair.n));
    }
    side
}

/// Two sides without a quorum each, for which views end in different ways.
fn halved(fair: &Scenario, random: &mut Random) -> Scenario {
    Scenario {
        halved: side(fair, random),
        halved_views: HALVED_VIEWS,
        calm_at_ms: random.between(60_000, 80_000),
        heal_views: fair.faults() + 2,
        config: Config {
            // Views that all take equally long: there are enough of them.
            cap: 1,
            // Half of what a member says is not heard, which is no silence.
            silence_ms: 60_000,
            ..fair.config
        },
        ..fair.clone()
    }
}

/// So many in a row at least: a leader that takes long to build now and then ends a row, most are much longer.
const HALVED_VIEWS: u64 = 3;

/// f members that lead consecutive views.
fn consecutive_leaders(scenario: &Scenario, first: u64) -> u128 {
    let schedule = Schedule::new(&keccak(&[&scenario.seed.to_be_bytes()]), usize::from(scenario.n));
    let views = first..first + scenario.faults();
    views.fold(0, |mask, view| mask | 1 << schedule.leader(View(view)).0)
}
