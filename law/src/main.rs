//! Hunts disagreements between the ledger and the contracts: `cargo law --cases N --seed S`.
//!
//! One generator of transactions, blocks and chains feeds the Rust ledger and the contracts in an EVM inside the process.
//! `docs/law.md` says what must agree, what a case is, and how a failure is read.
#![expect(clippy::print_stdout, reason = "it is a command")]

mod agree;
mod artifact;
mod bindings;
mod blocks;
mod books;
mod chain;
mod digests;
mod forms;
mod game;
mod liar;
mod octets;
mod payments;
mod regressions;
mod scene;
mod site;
mod tally;
mod verdict;
mod watcher;
mod world;

use std::{
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use plasma_law::ethereum;
use regressions::REGRESSIONS;
use scene::{Base, Failure, Scope};
use site::Site;
use tally::Tally;

/// From so many cases on every class must have been seen: what CI runs.
const COMPLETE_FROM: u64 = 100_000;
/// Workers: the machine of the CI has two cores.
const THREADS: usize = 2;

/// What was asked for.
struct Arguments {
    cases: u64,
    seed: u64,
    replay: Option<Scope>,
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = parse() else {
        println!("usage: cargo law [--cases N] [--seed S] [--replay SCENE] [--contracts FORGE_OUT]");
        return ExitCode::FAILURE;
    };
    artifact::build();
    let began = Instant::now();
    let out = arguments.out.as_deref();
    let bases = [Site::deploy(false, out), Site::deploy(true, out)];
    println!("deployed twice in {:.1} s", began.elapsed().as_secs_f64());
    panic::set_hook(Box::new(|_| {}));
    let failure = match arguments.replay {
        Some(scope) => attempt(&bases, &scope, &mut Tally::default()).err(),
        None => hunt(&bases, &arguments),
    };
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            println!("FAILED at {}", failure.scope);
            println!("{}", failure.said);
            let least = shrunk(&bases, failure);
            println!("replay: cargo law --replay {}", least.scope);
            println!("{}", least.said);
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Option<Arguments> {
    let mut arguments = Arguments {
        cases: COMPLETE_FROM,
        seed: 1,
        replay: None,
        out: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--cases" => arguments.cases = value.parse().ok()?,
            "--seed" => arguments.seed = value.parse().ok()?,
            "--replay" => arguments.replay = Some(Scope::parse(&value)?),
            "--contracts" => arguments.out = Some(value.into()),
            _ => return None,
        }
    }
    Some(arguments)
}

/// Runs the regressions, then scenes until there are enough cases; the failure of the lowest seed that was reached.
fn hunt(bases: &[Base; 2], arguments: &Arguments) -> Option<Failure> {
    let began = Instant::now();
    for (scene, _) in REGRESSIONS {
        let scope = Scope::parse(scene).expect("a regression is a scene");
        if let Err(failure) = attempt(bases, &scope, &mut Tally::default()) {
            return Some(failure);
        }
    }
    let scenes = arguments.cases.div_ceil(scene::CASES);
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let found: Mutex<(Tally, Vec<Failure>)> = Mutex::default();
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                let mut tally = Tally::default();
                while !stop.load(Ordering::Relaxed) {
                    let scene = next.fetch_add(1, Ordering::Relaxed);
                    if scene >= scenes {
                        break;
                    }
                    let scope = Scope::whole(arguments.seed + scene);
                    if let Err(failure) = attempt(bases, &scope, &mut tally) {
                        stop.store(true, Ordering::Relaxed);
                        found.lock().expect("no worker panics").1.push(failure);
                    }
                }
                found.lock().expect("no worker panics").0.merge(tally);
            });
        }
    });
    let (tally, mut failures) = found.into_inner().expect("no worker panics");
    failures.sort_by_key(|failure| failure.scope.seed);
    if let Some(failure) = failures.into_iter().next() {
        return Some(failure);
    }
    report(&tally, arguments, began)
}

fn report(tally: &Tally, arguments: &Arguments, began: Instant) -> Option<Failure> {
    for line in tally.lines() {
        println!("{line}");
    }
    let (cases, seconds) = (tally.cases(), began.elapsed().as_secs_f64());
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let per_second = cases.saturating_mul(1000) / elapsed_ms.max(1);
    println!(
        "{cases} cases from seed {} in {seconds:.1} s, {per_second} a second",
        arguments.seed
    );
    let unseen = tally.unseen();
    for one in &unseen {
        println!("unseen: {one}");
    }
    let incomplete = cases >= COMPLETE_FROM && !unseen.is_empty();
    incomplete.then(|| Failure {
        scope: Scope::whole(arguments.seed),
        said: format!("{} classes were never seen", unseen.len()),
    })
}

/// Runs a scene; a panic in it is a failure like any other.
fn attempt(bases: &[Base; 2], scope: &Scope, tally: &mut Tally) -> Result<(), Failure> {
    let run = panic::catch_unwind(AssertUnwindSafe(|| scene::run(bases, scope, tally)));
    run.unwrap_or_else(|payload| {
        let said = payload.downcast_ref::<String>().cloned();
        let said = said.or_else(|| payload.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Err(Failure {
            scope: Scope {
                only: scene::at(),
                ..scope.clone()
            },
            said: format!("panics: {}", said.unwrap_or_default()),
        })
    })
}

/// Leaves out one step after the other, as long as the failure stays the same case.
fn shrunk(bases: &[Base; 2], failure: Failure) -> Failure {
    let mut least = failure;
    if matches!(&least.scope.only, Some((part, _)) if part == "bytes" || part == "digests") {
        return least;
    }
    for step in (0..scene::STEPS).rev() {
        let mut smaller = least.scope.clone();
        if !smaller.skipped.insert(step) {
            continue;
        }
        if let Err(failure) = attempt(bases, &smaller, &mut Tally::default()) {
            let same = failure.scope.only == least.scope.only;
            if same {
                least = failure;
            }
        }
    }
    least
}
