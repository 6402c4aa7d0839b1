//! Scenarios about one thing each, held to their bound in views, time and messages.

use crate::sim::{Breakage, Family, Marks, Scenario, Watch, run};

/// Few enough for the development profile; `cargo sim --family NAME` runs more.
const SEEDS: u64 = 10;

fn holds(family: Family) -> Marks {
    holds_in(family, SEEDS)
}

fn holds_in(family: Family, seeds: u64) -> Marks {
    let mut marks = Marks::default();
    for seed in 0..seeds {
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

/// Each seed has rows of views that one side knows notarized and the other nullified, or it fails as tame.
#[test]
fn views_that_end_in_two_ways_again_and_again_hold_nobody_up_afterwards() {
    let marks = holds(Family::Halved);
    assert!(marks.0["view both notarized and nullified"] > 1_000, "{marks:?}");
}

#[test]
fn whoever_comes_back_catches_up_within_a_few_reports() {
    let marks = holds_in(Family::Returning, 40);
    assert_eq!(marks.missing(&["came back and caught up"]), Vec::<&str>::new());
}

#[test]
fn an_idle_committee_only_reports() {
    let marks = holds(Family::Idle);
    assert_eq!(marks.missing(&["idle with everything final"]), Vec::<&str>::new());
}

#[test]
fn an_old_log_stops_or_is_accused() {
    // One in twenty contradicts itself before it notices.
    let marks = holds_in(Family::RestoredLog, 80);
    let wanted = [
        "old log stopped",
        "old log contradicted itself",
        "old log accused",
    ];
    assert_eq!(marks.missing(&wanted), Vec::<&str>::new());
}

/// Safety may be lost then, and the oracle must say so in every seed.
#[test]
fn more_than_f_liars_never_pass() {
    let family = Family::TooManyLiars;
    assert!(family.must_break());
    for seed in 0..SEEDS {
        let scenario = family.scenario(seed);
        assert!(u64::from(scenario.byzantine) > scenario.faults());
        let outcome = run(&scenario, Breakage::default(), Watch::Plain);
        let broken = outcome.violation.map(|violation| violation.invariant);
        assert!(
            broken.is_some_and(|invariant| ["S1", "S2", "S3", "S4", "Broken"].contains(&invariant)),
            "seed {seed}: {broken:?}"
        );
    }
}

/// In fair weather a view is a proposal and two votes of everybody to everybody, and certificates to those who have not
/// shown that they have them.
#[test]
fn agreement_costs_no_more_messages_than_all_to_all() {
    for n in [4, 16] {
        let scenario = Scenario {
            n,
            ..Scenario::default()
        };
        let outcome = run(&scenario, Breakage::default(), Watch::Sizes);
        let [votes, certificates, _] = outcome.sent;
        let others = u64::from(n) - 1;
        assert!(
            votes.count <= outcome.views * (others + 2 * u64::from(n) * others),
            "{votes:?}"
        );
        assert!(
            certificates.count <= outcome.views * u64::from(n) * others,
            "{certificates:?}"
        );
        // The longest are proposals: about 400 bytes without a body.
        assert!(
            votes.bytes > votes.count * 100 && votes.bytes < votes.count * 200,
            "{votes:?}"
        );
    }
}
