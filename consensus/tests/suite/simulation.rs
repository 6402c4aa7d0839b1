//! A few seeds of the simulation in every test run; `cargo sim` runs as many as there is time for.

use plasma_consensus::Mutation;

use crate::sim::{Breakage, Marks, Scenario, Watch, marks::SOMETIMES, run, shrink::shrink, world::Outcome};

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
        assert_ne!(first, plasma_core::Hash::default());
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

#[test]
fn real_keys_break_nothing() {
    for seed in 0..3 {
        let scenario = Scenario::from_seed(seed).with_real_keys();
        let outcome = run(&scenario, Breakage::default(), Watch::Plain);
        assert_eq!(outcome.violation, None, "seed {seed} with real keys");
        assert!(outcome.blocks > 0, "seed {seed} decides nothing");
    }
}

/// What is left of a failing seed still fails the same way, and less happens in it.
#[test]
fn a_failing_seed_shrinks() {
    let breakage = Breakage {
        mutation: Some(Mutation::NotarizesTwice),
        ..Breakage::default()
    };
    let broken = |scenario: &Scenario| {
        let outcome = run(scenario, breakage, Watch::Plain);
        Some((outcome.violation?.invariant, outcome.messages))
    };
    let drawn = (0..200)
        .map(Scenario::from_seed)
        .filter(|scenario| scenario.n > 4);
    let big = drawn
        .into_iter()
        .find(|scenario| broken(scenario).is_some())
        .expect("it is caught");
    let small = shrink(&big, breakage);
    let (before, after) = (broken(&big).expect("found so"), broken(&small).expect("kept so"));
    assert_eq!(before.0, after.0);
    let scripts = |scenario: &Scenario| scenario.scripts.count_ones() + scenario.tricks.count_ones();
    assert!(small.n < big.n && small.loss == 0, "{small:?}");
    assert!(scripts(&small) < scripts(&big), "{small:?}");
    assert!(after.1 < before.1, "{before:?} {after:?}");
}
