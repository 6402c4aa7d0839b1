//! Searches the abstract rules of agreement to the end: `cargo model` takes the big size, `cargo model --small` the one
//! that the tests search too. Ends with the six mutants, each with the shortest way to two histories.
#![expect(clippy::print_stdout, reason = "it is a command")]
#![expect(clippy::disallowed_types, reason = "only the speed is measured")]

use std::{process::ExitCode, time::Instant};

#[path = "../tests/support/model/model.rs"]
mod model;

use model::{Model, Mutant, Property, Size, search};

const MUTANTS: [Mutant; 6] = [
    Mutant::FinalizeIgnoresNullify,
    Mutant::NullifyIgnoresFinalize,
    Mutant::Amnesia,
    Mutant::NullificationsUnchecked,
    Mutant::NotarizesTwice,
    Mutant::ParentUnchecked,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let size = match words.as_slice() {
        [] => Size::Full,
        ["--small"] => Size::Small,
        _ => {
            println!("usage: cargo model [--small]");
            return ExitCode::FAILURE;
        }
    };
    let mut is_sound = is_safe(&Model::new(size, None));
    for mutant in MUTANTS {
        // Two rivals are enough to break a broken rule, and keep the way short to find.
        is_sound &= is_caught(mutant, &Model::new(Size::Small, Some(mutant)));
    }
    if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn is_safe(model: &Model) -> bool {
    let started = Instant::now();
    let report = search(model, &Property::ALL);
    println!(
        "{} containers, {} states, {} up to the names of members, {} up to all names, at most {} votes, {} with every view final; {:.0} s",
        model.container_count(),
        report.all,
        report.blocks_named,
        report.states,
        report.depth,
        report.whole,
        started.elapsed().as_secs_f64()
    );
    match &report.violation {
        None => println!("    exhausted, every property holds"),
        Some((property, way)) => println!("    BROKEN {property:?}\n    {}", way.join("\n    ")),
    }
    report.violation.is_none() && report.whole > 0
}

fn is_caught(mutant: Mutant, model: &Model) -> bool {
    let report = search(model, &[Property::Agreement]);
    match &report.violation {
        None => println!("{mutant:?}: NOT CAUGHT in {} states", report.states),
        Some((property, way)) => {
            println!(
                "{mutant:?}: breaks {property:?} after {} steps, {} states",
                way.len(),
                report.states
            );
            println!("    {}", way.join("\n    "));
        }
    }
    report.violation.is_some()
}
