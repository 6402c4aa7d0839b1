//! Every rule that safety rests on is broken on purpose, and the simulation must notice.
//!
//! Each rule is broken twice: once with all checks on, and once with the oracle deaf to what single members do, so that
//! only broken agreement counts (two notarizations, a final and nullified view, a fork): the rule is then shown to be
//! load-bearing, not merely watched.

use plasma_consensus::Mutation;

use crate::sim::{Breakage, Scenario, Watch, byzantine::Script, run};

/// Runs seeds until one shows a violation; answers with the seed and the invariant.
fn hunt(breakage: Breakage, seeds: u64) -> Option<(u64, &'static str)> {
    (0..seeds).find_map(|seed| {
        let mut scenario = Scenario::from_seed(seed);
        if breakage.has_amnesia {
            // Forgetting shows only in restarts, so there are many, and short ones.
            scenario.crashes = 300;
            scenario.downtime_ms = 100;
        }
        if breakage.mutation == Some(Mutation::ParentUnchecked) {
            // Only a leader that proposes on what it must not build on shows who does not look.
            scenario.byzantine = (scenario.n - 1) / 3;
            scenario.adaptive = 0;
            scenario.scripts |= Script::SkipParent.bit() | Script::TwoParents.bit();
        }
        let outcome = run(&scenario, breakage, Watch::Plain);
        outcome.violation.map(|violation| (seed, violation.invariant))
    })
}

fn is_caught(breakage: Breakage, seeds: u64, agreement: &[&str]) {
    let seen = hunt(breakage, seeds);
    assert!(seen.is_some(), "{breakage:?} passes {seeds} seeds");
    let deaf = Breakage {
        is_deaf_to_members: true,
        ..breakage
    };
    let broken = hunt(deaf, seeds);
    let invariant = broken.map(|(_, invariant)| invariant);
    assert!(
        invariant.is_some_and(|it| agreement.contains(&it)),
        "{breakage:?}: {broken:?}"
    );
}

fn broken(mutation: Mutation) -> Breakage {
    Breakage {
        mutation: Some(mutation),
        ..Breakage::default()
    }
}

#[test]
fn finalize_that_ignores_my_nullify_is_caught() {
    is_caught(broken(Mutation::FinalizeIgnoresNullify), 200, &["S1", "S3", "S4"]);
}

#[test]
fn nullify_that_ignores_my_finalize_is_caught() {
    is_caught(broken(Mutation::NullifyIgnoresFinalize), 200, &["S1", "S3", "S4"]);
}

#[test]
fn unchecked_parent_is_caught() {
    is_caught(broken(Mutation::ParentUnchecked), 500, &["S1", "S2", "S4"]);
}

#[test]
fn two_notarize_votes_in_a_view_are_caught() {
    is_caught(broken(Mutation::NotarizesTwice), 200, &["S1", "S2", "S4"]);
}

#[test]
fn amnesia_is_caught() {
    // An engine that notices what it forgot stops in time, which costs progress and nothing else.
    let breakage = Breakage {
        has_amnesia: true,
        ..broken(Mutation::ForgetsSilently)
    };
    is_caught(breakage, 500, &["S1", "S2", "S3", "S4"]);
}
