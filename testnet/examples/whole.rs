//! `cargo whole`: whole federations from seeds. See `docs/simulation.md`.
#![expect(clippy::print_stdout, reason = "it is a command")]

use std::{
    ops::Range,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use plasma_testnet::sim::{Family, Marks, Outcome, Scenario, Watch, marks, run, shrink};

/// Every so many seeds run twice and must give the same transcript.
const TWICE_EVERY: u64 = 100;

/// What was asked for.
struct Arguments {
    seeds: Range<u64>,
    threads: usize,
    shrinks: bool,
    traces: bool,
    is_fair: bool,
    family: Option<Family>,
}

fn main() -> ExitCode {
    match parse() {
        None => {
            println!(
                "usage: cargo whole (--seeds A..B | --seed N [--trace]) [--shrink] [--threads N] [--fair | --family NAME]"
            );
            ExitCode::FAILURE
        }
        Some(arguments) if arguments.traces => one(&arguments),
        Some(arguments) => many(&arguments),
    }
}

fn parse() -> Option<Arguments> {
    let mut arguments = Arguments {
        seeds: 0..0,
        threads: thread::available_parallelism().map_or(1, usize::from),
        shrinks: false,
        traces: false,
        is_fair: false,
        family: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => {
                let range = words.next()?;
                let (from, to) = range.split_once("..")?;
                arguments.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--seed" => {
                let seed: u64 = words.next()?.parse().ok()?;
                arguments.seeds = seed..seed + 1;
            }
            "--threads" => arguments.threads = words.next()?.parse().ok()?,
            "--shrink" => arguments.shrinks = true,
            "--trace" => arguments.traces = true,
            "--family" => {
                let name = words.next()?;
                arguments.family = Some(Family::ALL.into_iter().find(|family| family.name() == name)?);
            }
            "--fair" => arguments.is_fair = true,
            _ => return None,
        }
    }
    (!arguments.seeds.is_empty()).then_some(arguments)
}

impl Arguments {
    fn scenario(&self, seed: u64) -> Scenario {
        if let Some(family) = self.family {
            family.scenario(seed)
        } else if self.is_fair {
            Scenario {
                seed,
                ..Scenario::default()
            }
        } else {
            Scenario::from_seed(seed)
        }
    }
}

fn one(arguments: &Arguments) -> ExitCode {
    let scenario = arguments.scenario(arguments.seeds.start);
    println!("{scenario:#?}");
    let outcome = run(&scenario, Watch::Trace);
    outcome.trace.iter().for_each(|line| println!("{line}"));
    println!(
        "{} blocks, {} payments, ended at {} ms; {:?}",
        outcome.blocks, outcome.payments, outcome.ended_at_ms, outcome.marks
    );
    println!("transcript {}", outcome.transcript);
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{}: {}", violation.invariant, violation.what);
            ExitCode::FAILURE
        }
    }
}

/// What the threads saw.
#[derive(Default)]
struct Tally {
    runs: u64,
    blocks: u64,
    payments: u64,
    marks: Marks,
    /// Latest end after the calm, and its seed.
    slowest: (u64, u64),
    failures: Vec<(u64, String)>,
}

fn many(arguments: &Arguments) -> ExitCode {
    let next = AtomicU64::new(arguments.seeds.start);
    // The deployment is made once per process and size; it is no part of a run.
    let _ = run(
        &Scenario {
            busy_ms: 0,
            calm_at_ms: 0,
            ..Scenario::default()
        },
        Watch::Plain,
    );
    let started = Instant::now();
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.threads.max(1))
            .map(|_| scope.spawn(|| work(&next, arguments)))
            .collect();
        let ended = workers.into_iter().filter_map(|worker| worker.join().ok());
        ended.collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut total = Tally::default();
    for tally in tallies {
        total.runs += tally.runs;
        total.blocks += tally.blocks;
        total.payments += tally.payments;
        total.marks.add(&tally.marks);
        total.slowest = total.slowest.max(tally.slowest);
        total.failures.extend(tally.failures);
    }
    total.failures.sort();
    if let Some((seed, what)) = total.failures.first() {
        println!("first: seed {seed}: {what}");
        if arguments.shrinks {
            println!("it shrinks to {:#?}", shrink::shrink(&arguments.scenario(*seed)));
        }
    }
    report(&total, seconds, arguments.threads.max(1))
}

fn work(next: &AtomicU64, arguments: &Arguments) -> Tally {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= arguments.seeds.end {
            return tally;
        }
        let scenario = arguments.scenario(seed);
        let is_twice = seed.is_multiple_of(TWICE_EVERY);
        let watch = if is_twice { Watch::Transcript } else { Watch::Plain };
        let outcome = run(&scenario, watch);
        if is_twice && run(&scenario, watch).transcript != outcome.transcript {
            fail(
                &mut tally,
                seed,
                arguments,
                "two runs of one seed differ".to_owned(),
            );
        }
        count(&mut tally, seed, &scenario, &outcome);
        if let Some(violation) = outcome.violation {
            let what = format!("{}: {}", violation.invariant, violation.what);
            fail(&mut tally, seed, arguments, what);
        }
    }
}

fn count(tally: &mut Tally, seed: u64, scenario: &Scenario, outcome: &Outcome) {
    tally.runs += 1;
    tally.blocks += u64::from(outcome.blocks);
    tally.payments += outcome.payments;
    tally.marks.add(&outcome.marks);
    let settled = outcome.ended_at_ms.saturating_sub(outcome.calm_at_ms);
    if scenario.exits + scenario.thefts == 0 {
        tally.slowest = tally.slowest.max((settled, seed));
    }
}

fn fail(tally: &mut Tally, seed: u64, arguments: &Arguments, what: String) {
    let kind = match arguments.family {
        Some(family) => format!(" --family {}", family.name()),
        None if arguments.is_fair => " --fair".to_owned(),
        None => String::new(),
    };
    println!("seed {seed} failed; replay with: cargo whole --seed {seed}{kind} --trace\n    {what}");
    tally.failures.push((seed, what));
}

fn report(total: &Tally, seconds: f64, threads: usize) -> ExitCode {
    println!("{:>10} runs, {} failed", total.runs, total.failures.len());
    println!("{:>10} blocks, {} payments", total.blocks, total.payments);
    println!(
        "{:>10} ms from the calm to the end at worst, exits apart (seed {})",
        total.slowest.0, total.slowest.1
    );
    for (mark, count) in &total.marks.0 {
        println!("{count:>10} {mark}");
    }
    for mark in total.marks.missing(marks::SOMETIMES) {
        println!("     never {mark}");
    }
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let cores = f64::from(u32::try_from(threads).unwrap_or(1));
    println!(
        "{seconds:.1} s on {threads} threads: {:.1} runs and {:.0} blocks per second and core",
        number(total.runs) / seconds / cores,
        number(total.blocks) / seconds / cores
    );
    if total.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
