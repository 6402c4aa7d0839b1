//! Makes a failing scenario smaller while it still breaks the same invariant: fewer faults, fewer liars, fewer operators, less
//! time. What is left fits among the regressions.

use super::{
    scenario::Scenario,
    world::{Watch, run},
};

/// Runs of a shrinking: whoever waits for it sits at a terminal.
const RUNS_MAX: u32 = 400;

/// Tries for each step, each with other choices: every change turns all that is drawn after it, so one try says little.
const CHANCES: u64 = 3;

/// Far from the seeds of the same batch.
const SEED_STEP: u64 = 1_000_003;

/// The smallest scenario found that breaks what this one breaks; itself if it breaks nothing.
#[must_use]
pub fn shrink(scenario: &Scenario) -> Scenario {
    let broken = |scenario: &Scenario| {
        let outcome = run(scenario, Watch::Plain);
        outcome.violation.map(|violation| violation.invariant)
    };
    let Some(wanted) = broken(scenario) else {
        return scenario.clone();
    };
    let mut smallest = scenario.clone();
    let mut runs = 0;
    loop {
        let before = smallest.clone();
        let mut place = 0;
        while let Some(candidate) = smaller(&smallest).into_iter().nth(place) {
            let mut kept = None;
            if candidate != smallest {
                for chance in 0..CHANCES {
                    let seed = candidate.seed + chance * SEED_STEP;
                    let other = Scenario {
                        seed,
                        ..candidate.clone()
                    };
                    runs += 1;
                    if broken(&other) == Some(wanted) {
                        kept = Some(other);
                        break;
                    }
                }
            }
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

/// Everything one step smaller, the biggest steps first.
fn smaller(from: &Scenario) -> Vec<Scenario> {
    let with = |change: &dyn Fn(&mut Scenario)| {
        let mut changed = from.clone();
        change(&mut changed);
        changed
    };
    let drops: &[&dyn Fn(&mut Scenario)] = &[
        &|it| it.changes = it.changes.saturating_sub(1),
        &|it| it.byzantine = 0,
        &|it| it.scripts = 0,
        &|it| it.n = 4,
        &|it| it.loss = 0,
        &|it| it.duplicates = 0,
        &|it| it.stragglers = 0,
        &|it| it.partitions = 0,
        &|it| it.flaps = 0,
        &|it| it.crashes = 0,
        &|it| it.hubs = 0,
        &|it| it.victims = 0,
        &|it| it.power_cuts = 0,
        &|it| it.blackouts = 0,
        &|it| it.sync_every = 1,
        &|it| it.room = Scenario::default().room,
        &|it| it.fsync_ms = 0,
        &|it| it.stalls = 0,
        &|it| it.log_segment = Scenario::default().log_segment,
        &|it| it.disk_faults = 0,
        &|it| it.relapses = 0,
        &|it| it.lost_logs = 0,
        &|it| it.old_storages = 0,
        &|it| it.lonely = 0,
        &|it| it.hushed_ends = 0,
        &|it| it.jumps = 0,
        &|it| it.drift = 0,
        &|it| it.offset_ms = 0,
        &|it| it.jitter_ms = 0,
        &|it| it.reorgs = 0,
        &|it| it.silences = 0,
        &|it| it.lag_max = 0,
        &|it| it.deposits = 0,
        &|it| it.exits = 0,
        &|it| it.double_spends = 0,
        &|it| it.thefts = 0,
        &|it| it.flights = 0,
        &|it| it.grabs = 0,
        &|it| it.reclaims = 0,
        &|it| it.halt_at_ms = None,
        &|it| it.payment_every_ms *= 2,
    ];
    let mut all: Vec<Scenario> = drops.iter().map(|change| with(change)).collect();
    all.iter_mut()
        .for_each(|it| it.byzantine = it.byzantine.min((it.n - 1) / 3));
    all.retain(|it| it.payment_every_ms < 2_000);
    all.extend((0..u32::BITS).map(|bit| with(&|it| it.scripts &= !(1 << bit))));
    for share in [2, 4, 8] {
        all.push(with(&|it| {
            it.busy_ms -= it.busy_ms / share;
            it.calm_at_ms = it.calm_at_ms.min(it.busy_ms);
        }));
    }
    all
}
