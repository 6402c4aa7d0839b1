//! A few seeds of the simulation in every test run; `cargo sim` runs as many as there is time for.

use crate::sim::{Breakage, Marks, Scenario, Watch, marks::SOMETIMES, run, world::Outcome};

/// Few enough for the development profile.
const SEEDS: u64 = 80;

#[test]
fn no_seed_breaks_an_invariant_and_every_mark_is_hit() {
    let mut marks = Marks::default();
    for seed in 0..SEEDS {
        let outcome = run(&Scenario::from_seed(seed), Breakage::default(), Watch::Plain);
        assert_eq!(
            outcome.violation, None,
            "seed {seed}; replay with: cargo sim --seed {seed} --trace"
        );
        assert!(outcome.blocks > 0, "seed {seed} decides nothing");
        marks.add(&outcome.marks);
    }
    assert_eq!(
        marks.missing(SOMETIMES),
        Vec::<&str>::new(),
        "the simulation has become tame"
    );
}

#[test]
fn the_worst_weather_breaks_nothing() {
    for seed in 0..10 {
        let outcome = run(
            &Scenario::from_seed(seed).harshened(),
            Breakage::default(),
            Watch::Plain,
        );
        assert_eq!(
            outcome.violation, None,
            "replay with: cargo sim --harsh --seed {seed} --trace"
        );
    }
}

#[test]
fn the_same_seed_does_the_same() {
    for seed in [3, 11] {
        let transcript =
            || run(&Scenario::from_seed(seed), Breakage::default(), Watch::Transcript).transcript;
        let (first, second) = (transcript(), transcript());
        assert_eq!(first, second, "seed {seed}");
        assert_ne!(first, 0);
    }
}

#[test]
fn looking_closely_changes_nothing() {
    let scenario = Scenario::from_seed(5);
    let plain = run(&scenario, Breakage::default(), Watch::Plain);
    let traced = run(&scenario, Breakage::default(), Watch::Trace);
    let figures = |outcome: &Outcome| {
        (
            outcome.views,
            outcome.blocks,
            outcome.messages,
            outcome.ended_at_ms,
        )
    };
    assert_eq!(figures(&plain), figures(&traced));
    assert!(plain.trace.is_empty() && traced.trace.len() > 1_000);
}
