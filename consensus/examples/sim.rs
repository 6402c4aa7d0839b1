//! Hunts the consensus engine: `cargo sim --seeds A..B`, or `cargo sim --seed N --trace` to look at one; `--harsh` in
//! front makes the weather of every seed as bad as it gets, and `--family NAME` holds scenarios about one thing to its
//! bound.
//!
//! Prints the first failing seed and the command that replays it, and ends with the seeds per second.
#![expect(clippy::print_stdout, reason = "it is a command")]
#![expect(
    clippy::disallowed_types,
    reason = "only the speed is measured; the runs know no clock"
)]

use std::{
    ops::Range,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

#[path = "sim/figure.rs"]
mod figure;
#[path = "../tests/support/sim.rs"]
mod sim;

use sim::{
    Breakage, Family, Marks, Scenario, Watch, run,
    shrink::shrink,
    twins::{SCENARIOS, run_twins},
};

/// Every so many seeds are run twice, and must do exactly the same.
const TWICE_EVERY: u64 = 100;

/// One seed in so many signs with real keys: the one with this rest.
const REAL_KEYS_EVERY: u64 = 100;
const REAL_KEYS_AT: u64 = 50;

const FAMILIES: [Family; 8] = [
    Family::CrashedLeaders,
    Family::Healing,
    Family::HealingWithoutSome,
    Family::Halved,
    Family::Returning,
    Family::Idle,
    Family::RestoredLog,
    Family::TooManyLiars,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Some((_, Command::Figure)) => {
            println!("{}", figure::lines().join("\n"));
            ExitCode::SUCCESS
        }
        Some((_, Command::Speed)) => {
            println!("{}", figure::speed());
            ExitCode::SUCCESS
        }
        Some((_, Command::Twins(numbers))) => all_twins(numbers),
        Some((weather, Command::One { seed, watch })) => one(seed, weather, watch),
        Some((weather, Command::Many(seeds))) => many(&seeds, weather),
        None => {
            println!(
                "usage: cargo sim [--harsh | --family NAME] --seeds A..B | --seed N [--trace] | --twins [N] | --figure | --speed"
            );
            ExitCode::FAILURE
        }
    }
}

enum Command {
    One { seed: u64, watch: Watch },
    Many(Range<u64>),
    Twins(Range<u64>),
    Figure,
    Speed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Drawn,
    Harsh,
    Only(Family),
}

impl Weather {
    fn scenario(self, seed: u64) -> Scenario {
        match self {
            Self::Drawn if seed % REAL_KEYS_EVERY == REAL_KEYS_AT => {
                Scenario::from_seed(seed).with_real_keys()
            }
            Self::Drawn => Scenario::from_seed(seed),
            Self::Harsh => Scenario::from_seed(seed).harshened(),
            Self::Only(family) => family.scenario(seed),
        }
    }

    /// What stands before the seed in a command.
    fn flag(self) -> String {
        match self {
            Self::Drawn => String::new(),
            Self::Harsh => "--harsh ".to_owned(),
            Self::Only(family) => format!("--family {} ", family.name()),
        }
    }
}

fn parse(arguments: &[String]) -> Option<(Weather, Command)> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--harsh", rest @ ..] => Some((Weather::Harsh, command(rest)?)),
        ["--family", name, rest @ ..] => {
            let family = FAMILIES.into_iter().find(|family| family.name() == *name)?;
            Some((Weather::Only(family), command(rest)?))
        }
        rest => Some((Weather::Drawn, command(rest)?)),
    }
}

fn command(words: &[&str]) -> Option<Command> {
    match words {
        ["--seeds", range] => {
            let (from, to) = range.split_once("..")?;
            Some(Command::Many(from.parse().ok()?..to.parse().ok()?))
        }
        ["--speed"] => Some(Command::Speed),
        ["--figure"] => Some(Command::Figure),
        ["--twins"] => Some(Command::Twins(0..SCENARIOS)),
        ["--twins", number] => {
            let number = number.parse().ok()?;
            Some(Command::Twins(number..number + 1))
        }
        ["--seed", seed] => Some(Command::One {
            seed: seed.parse().ok()?,
            watch: Watch::Plain,
        }),
        ["--seed", seed, "--trace"] => Some(Command::One {
            seed: seed.parse().ok()?,
            watch: Watch::Trace,
        }),
        _ => None,
    }
}

fn one(seed: u64, weather: Weather, watch: Watch) -> ExitCode {
    let scenario = weather.scenario(seed);
    println!("{scenario:#?}");
    let outcome = run(&scenario, Breakage::default(), watch);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!(
        "views {}, blocks {}, messages {}",
        outcome.views, outcome.blocks, outcome.messages
    );
    println!("ended at {} ms; {:?}", outcome.ended_at_ms, outcome.marks);
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{}: {}", violation.invariant, violation.what);
            ExitCode::FAILURE
        }
    }
}

/// Every scenario of twins; see `twins.rs`.
fn all_twins(numbers: Range<u64>) -> ExitCode {
    let started = Instant::now();
    let (mut marks, mut failed) = (Marks::default(), 0u64);
    let count = numbers.end - numbers.start;
    for number in numbers {
        let ending = run_twins(number, None);
        marks.add(&ending.marks);
        if let Some(violation) = ending.violation {
            println!("twins {number} failed; replay with: cargo sim --twins {number}");
            println!("    {}: {}", violation.invariant, violation.what);
            failed += 1;
        }
    }
    println!(
        "{count:>10} scenarios of twins, {failed} failed, {:.1} s",
        started.elapsed().as_secs_f64()
    );
    for (mark, count) in &marks.0 {
        println!("{count:>10} {mark}");
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What one thread saw.
#[derive(Default)]
struct Tally {
    seeds: u64,
    views: u64,
    blocks: u64,
    messages: u64,
    marks: Marks,
    /// Longest time from the calm until everything was final, and its seed.
    slowest: (u64, u64),
    failures: Vec<(u64, String)>,
}

fn many(seeds: &Range<u64>, weather: Weather) -> ExitCode {
    let started = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(&next, seeds.end, weather)))
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    let mut total = Tally::default();
    for tally in tallies {
        total.seeds += tally.seeds;
        total.views += tally.views;
        total.blocks += tally.blocks;
        total.messages += tally.messages;
        total.marks.add(&tally.marks);
        total.slowest = total.slowest.max(tally.slowest);
        total.failures.extend(tally.failures);
    }
    total.failures.sort();
    if let Some((seed, _)) = total.failures.first() {
        let small = shrink(&weather.scenario(*seed), Breakage::default());
        println!("seed {seed} shrinks to what belongs into regressions.rs:\n{small:#?}");
    }
    report(&total, started.elapsed().as_secs_f64(), threads)
}

fn work(next: &AtomicU64, end: u64, weather: Weather) -> Tally {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return tally;
        }
        let scenario = weather.scenario(seed);
        let is_twice = seed.is_multiple_of(TWICE_EVERY);
        let watch = if is_twice { Watch::Transcript } else { Watch::Plain };
        let outcome = run(&scenario, Breakage::default(), watch);
        if is_twice && run(&scenario, Breakage::default(), watch).transcript != outcome.transcript {
            fail(
                &mut tally,
                (seed, weather),
                "two runs of one seed differ".to_owned(),
            );
        }
        tally.seeds += 1;
        tally.views += outcome.views;
        tally.blocks += u64::try_from(outcome.blocks).unwrap_or_default();
        tally.messages += outcome.messages;
        tally.marks.add(&outcome.marks);
        let recovery_ms = outcome.ended_at_ms.saturating_sub(scenario.calm_at_ms);
        tally.slowest = tally.slowest.max((recovery_ms, seed));
        let must_break = matches!(weather, Weather::Only(family) if family.must_break());
        if must_break && outcome.violation.is_none() {
            fail(&mut tally, (seed, weather), "nothing broke".to_owned());
        }
        if let Some(violation) = outcome.violation.filter(|_| !must_break) {
            fail(
                &mut tally,
                (seed, weather),
                format!("{}: {}", violation.invariant, violation.what),
            );
        }
    }
}

fn fail(tally: &mut Tally, (seed, weather): (u64, Weather), what: String) {
    let flag = weather.flag();
    println!("seed {seed} failed; replay with: cargo sim {flag}--seed {seed} --trace\n    {what}");
    tally.failures.push((seed, what));
}

fn report(total: &Tally, seconds: f64, threads: usize) -> ExitCode {
    println!("{:>10} seeds, {} failed", total.seeds, total.failures.len());
    println!(
        "{:>10} views, {} blocks, {} messages",
        total.views, total.blocks, total.messages
    );
    println!(
        "{:>10} ms from the calm to finality at worst (seed {})",
        total.slowest.0, total.slowest.1
    );
    for (mark, count) in &total.marks.0 {
        println!("{count:>10} {mark}");
    }
    for mark in total.marks.missing(sim::marks::SOMETIMES) {
        println!("     never {mark}");
    }
    let seeds = f64::from(u32::try_from(total.seeds).unwrap_or(u32::MAX));
    println!(
        "{:.1} s, {:.0} seeds/s on {threads} threads",
        seconds,
        seeds / seconds
    );
    if total.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
