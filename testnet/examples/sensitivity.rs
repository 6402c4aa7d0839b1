//! `cargo sensitivity`: plants each bug and counts the seeds until one finds it. See `docs/simulation.md`.
#![expect(clippy::print_stdout, reason = "it is a command")]

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use plasma_core::planted::{BUGS, plant};
use plasma_testnet::sim::{Family, Scenario, Watch, run};

/// Seeds of everything that are tried for a bug.
const SEEDS_MAX: u64 = 200;
/// Seeds of each family that are tried for one that these do not find.
const FAMILY_SEEDS_MAX: u64 = 100;

/// How a bug was found.
struct Found {
    bug: &'static str,
    /// How many seeds it took in all, which one found it, and what it broke.
    by: Option<(u64, String)>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut seeds = SEEDS_MAX;
    let (mut only, mut family) = (None, None);
    let mut threads = thread::available_parallelism().map_or(1, usize::from);
    let mut rest = words.iter();
    while let (Some(word), Some(value)) = (rest.next(), rest.next()) {
        match (word.as_str(), value.parse()) {
            ("--seeds", Ok(number)) => seeds = number,
            ("--threads", Ok(number)) => threads = usize::try_from(number).unwrap_or(1),
            ("--bug", _) => only = Some(value.clone()),
            ("--family", _) if Family::ALL.iter().any(|family| family.name() == value) => {
                family = Family::ALL.into_iter().find(|family| family.name() == value);
            }
            _ => {
                println!("usage: cargo sensitivity [--seeds N] [--threads N] [--bug PART] [--family NAME]");
                return ExitCode::FAILURE;
            }
        }
    }
    let chosen = |bug: &&&str| only.as_ref().is_none_or(|part| bug.contains(part.as_str()));
    let bugs: Vec<&'static str> = BUGS.iter().filter(chosen).copied().collect();
    let started = Instant::now();
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = hunt(bug, seeds, family);
                    println!("{}", line(&found));
                    if let Ok(mut table) = table.lock() {
                        table.push(found);
                    }
                }
            });
        }
    });
    let table = table.into_inner().unwrap_or_default();
    report(table, started.elapsed().as_secs())
}

/// Seeds one after the other until one breaks something: of everything first, then of each family in turn; of one family alone
/// when it is named.
fn hunt(bug: &'static str, seeds: u64, family: Option<Family>) -> Found {
    let seeds = if family.is_some() { 0 } else { seeds };
    let all = (1..=seeds).map(|seed| (String::new(), Scenario::from_seed(seed)));
    let families = (1..=FAMILY_SEEDS_MAX).flat_map(|seed| {
        let chosen = Family::ALL
            .into_iter()
            .filter(move |one| family.is_none_or(|only| only == *one));
        chosen.map(move |family| (format!("[{} {seed}] ", family.name()), family.scenario(seed)))
    });
    plant(Some(bug));
    let by = (1..)
        .zip(all.chain(families))
        .find_map(|(tried, (place, scenario))| {
            let violation = run(&scenario, Watch::Plain).violation?;
            Some((
                tried,
                format!("{place}{}: {}", violation.invariant, violation.what),
            ))
        });
    plant(None);
    Found { bug, by }
}

fn line(found: &Found) -> String {
    match &found.by {
        Some((seeds, what)) => {
            let what: String = what.chars().take(90).collect();
            format!("{seeds:>6}  {:<60} {what}", found.bug)
        }
        None => format!(" never  {}", found.bug),
    }
}

fn report(mut table: Vec<Found>, seconds: u64) -> ExitCode {
    table.sort_by_key(|found| found.by.as_ref().map_or(u64::MAX, |(seeds, _)| *seeds));
    println!("\nseeds   bug");
    table.iter().for_each(|found| println!("{}", line(found)));
    let counts: Vec<u64> = table
        .iter()
        .filter_map(|found| found.by.as_ref().map(|(seeds, _)| *seeds))
        .collect();
    let missed = table.len() - counts.len();
    println!(
        "{} bugs, {missed} not found; median {}, worst {}; {seconds} s",
        table.len(),
        counts.get(counts.len() / 2).copied().unwrap_or_default(),
        counts.last().copied().unwrap_or_default()
    );
    if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
