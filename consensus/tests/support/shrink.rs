//! Makes a failing scenario smaller while it still breaks the same invariant: fewer faults, fewer liars, fewer members,
//! less time. What is left fits into `regressions.rs`.

use super::{
    scenario::Scenario,
    world::{Breakage, Watch, run},
};

/// Runs of a shrinking: each takes milliseconds, and whoever waits for it sits at a terminal.
const RUNS_MAX: u32 = 1_200;

/// The smallest scenario found that breaks what this one breaks; itself if it breaks nothing.
pub(crate) fn shrink(scenario: &Scenario, breakage: Breakage) -> Scenario {
    let broken = |scenario: &Scenario| {
        let outcome = run(scenario, breakage, Watch::Plain);
        outcome.violation.map(|violation| violation.invariant)
    };
    let Some(wanted) = broken(scenario) else {
        return scenario.clone();
    };
    let mut smallest = scenario.clone();
    let mut runs = 0;
    // Round after round over the same steps: one that fails now may do once others are taken.
    loop {
        let before = smallest.clone();
        let mut place = 0;
        while let Some(candidate) = smaller(&smallest).into_iter().nth(place) {
            let kept = (candidate != smallest)
                .then(|| others(&candidate).find(|one| broken(one) == Some(wanted)))
                .flatten();
            runs += CHANCES;
            match kept {
                Some(kept) => smallest = kept,
                None => place += 1,
            }
            if runs >= RUNS_MAX {
                return smallest;
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

/// The same with other choices: every change turns all that is drawn after it, so one try says little.
fn others(scenario: &Scenario) -> impl Iterator<Item = Scenario> {
    let seeds = (0..u64::from(CHANCES)).map(|chance| scenario.seed + chance * SEED_STEP);
    seeds.map(|seed| Scenario {
        seed,
        ..scenario.clone()
    })
}

/// Tries for each step.
const CHANCES: u32 = 4;

/// Far from the seeds of the same batch.
const SEED_STEP: u64 = 1_000_003;

/// Everything one step smaller, the biggest steps first.
fn smaller(from: &Scenario) -> Vec<Scenario> {
    let with = |change: &dyn Fn(&mut Scenario)| {
        let mut changed = from.clone();
        change(&mut changed);
        changed
    };
    let drops: [&dyn Fn(&mut Scenario); 26] = [
        &|it| it.byzantine = 0,
        &|it| it.adaptive = 0,
        &|it| it.lost_disks = 0,
        &|it| it.slow_bodies = 0,
        &|it| it.wrong_bodies = 0,
        &|it| it.scripts = 0,
        &|it| it.loss = 0,
        &|it| it.duplicates = 0,
        &|it| it.stragglers = 0,
        &|it| it.partitions = 0,
        &|it| it.cuts = 0,
        &|it| it.pauses = 0,
        &|it| it.crashes = 0,
        &|it| it.blackouts = 0,
        &|it| it.pending = 0,
        &|it| it.drift = 0,
        &|it| it.jitter_ms = 0,
        &|it| it.syncs = false,
        &|it| it.encodes = false,
        &|it| it.away = 0,
        &|it| it.split = 0,
        &|it| it.tricks = 0,
        &|it| it.torn_sends = 0,
        &|it| it.clock_jumps = 0,
        &|it| it.bridges = 0,
        &|it| it.bytes_per_ms = 0,
    ];
    let mut all: Vec<Scenario> = [4, 5, 7, 10, 13]
        .into_iter()
        .filter(|n| *n < from.n)
        .map(|n| {
            with(&|it| {
                it.n = n;
                it.byzantine = it.byzantine.min((n - 1) / 3);
                it.adaptive = it.adaptive.min((n - 1) / 3 - it.byzantine);
                it.away &= (1 << n) - 1;
                it.split &= (1 << n) - 1;
            })
        })
        .collect();
    all.extend(drops.iter().map(|change| with(change)));
    all.push(with(&|it| it.byzantine = it.byzantine.saturating_sub(1)));
    all.extend((0..32).map(|bit| with(&|it| it.scripts &= !(1 << bit))));
    all.extend((0..8).map(|bit| with(&|it| it.tricks &= !(1 << bit))));
    for share in [2, 4, 8] {
        all.push(with(&|it| it.payments -= it.payments / share));
        all.push(with(&|it| it.calm_at_ms -= it.calm_at_ms / share));
    }
    all
}
