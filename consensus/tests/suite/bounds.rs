//! Scenarios about one thing each, held to their bound in views, time and messages.

use crate::sim::{Breakage, Family, Marks, Watch, run};

/// Few enough for the development profile; `cargo sim --family NAME` runs more.
const SEEDS: u64 = 10;

fn holds(family: Family) -> Marks {
    let mut marks = Marks::default();
    for seed in 0..SEEDS {
        let outcome = run(&family.scenario(seed), Breakage::default(), Watch::Plain);
        let name = family.name();
        assert_eq!(
            outcome.violation, None,
            "seed {seed}; replay with: cargo sim --family {name} --seed {seed} --trace"
        );
        assert!(outcome.blocks > 0, "seed {seed} decides nothing");
        marks.add(&outcome.marks);
    }
    marks
}

#[test]
fn f_crashed_leaders_cost_at_most_f_and_one_views() {
    holds(Family::CrashedLeaders);
}

#[test]
fn a_healed_partition_is_final_within_f_and_two_views() {
    holds(Family::Healing);
}

#[test]
fn so_is_one_that_heals_without_f_members() {
    holds(Family::HealingWithoutSome);
}

#[test]
fn whoever_comes_back_catches_up_within_a_few_reports() {
    let marks = holds(Family::Returning);
    assert_eq!(marks.missing(&["came back and caught up"]), Vec::<&str>::new());
}

#[test]
fn an_idle_committee_only_reports() {
    let marks = holds(Family::Idle);
    assert_eq!(marks.missing(&["idle with everything final"]), Vec::<&str>::new());
}
