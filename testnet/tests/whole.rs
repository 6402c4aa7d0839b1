//! Whole federations from seeds: the step of the CI, seeds on record, and proof that the oracle sees what is planted.

use plasma_testnet::sim::{Family, Marks, Scenario, Watch, marks, run};

/// What the CI runs every time.
const SEEDS: std::ops::Range<u64> = 1..101;

/// `kind` is what the command takes besides the seed.
fn assert_sound(kind: &str, scenario: &Scenario) -> Marks {
    let outcome = run(scenario, Watch::Plain);
    assert_eq!(
        outcome.violation, None,
        "seed {}; replay with: cargo whole{kind} --seed {} --trace\n{scenario:#?}",
        scenario.seed, scenario.seed
    );
    outcome.marks
}

#[test]
fn a_hundred_federations_are_sound_and_none_of_it_is_tame() {
    let mut marks = Marks::default();
    for seed in SEEDS {
        marks.add(&assert_sound("", &Scenario::from_seed(seed)));
    }
    let missing: Vec<&str> = marks.missing(marks::SOMETIMES).collect();
    assert!(missing.is_empty(), "never: {missing:?}");
}

/// What each family is about happens, and nothing breaks.
#[test]
fn every_family_is_sound_and_about_something() {
    let about = |family| match family {
        Family::Forgetful => ["an old log was refused", "an operator rejoined"],
        Family::Greedy => [
            "a theft in flight was tried",
            "a block paid with what it set free",
        ],
        Family::Ending => ["a halt", "an unfunded deposit was asked back"],
        Family::Relapsing => ["a relapse", "a torn batch was dropped"],
        Family::Changing => ["an operator joined", "an older storage and a lost log in one run"],
        Family::Crowded => ["a room was full", "a block that nobody can judge was proposed"],
        Family::Hasty => [
            "a block of the future was proposed",
            "a block of the future was proposed again",
        ],
        Family::Split => [
            "some were shown a block as leaves",
            "a block that some had as leaves was proposed again",
        ],
    };
    for family in Family::ALL {
        let mut marks = Marks::default();
        let kind = format!(" --family {}", family.name());
        for seed in 0..8 {
            marks.add(&assert_sound(&kind, &family.scenario(seed)));
        }
        let about = about(family);
        let missing: Vec<&str> = marks.missing(&about).collect();
        assert!(missing.is_empty(), "{family:?} never shows {missing:?}");
    }
}

#[test]
fn four_operators_decide_a_hundred_blocks_and_anchor_them() {
    let outcome = run(&Scenario::default(), Watch::Plain);
    assert_eq!(outcome.violation, None);
    assert!(outcome.blocks >= 100, "{} blocks", outcome.blocks);
    assert!(outcome.payments > 100, "{} payments", outcome.payments);
    assert!(outcome.marks.0.contains_key("an anchor"), "{:?}", outcome.marks);
}

#[test]
fn a_seed_is_one_run_to_the_byte() {
    for seed in [1, 2, 6] {
        let scenario = Scenario::from_seed(seed);
        let [one, other] = [(); 2].map(|()| run(&scenario, Watch::Transcript));
        assert_eq!(one.violation, None);
        assert_eq!(one.transcript, other.transcript, "seed {seed}");
    }
}

/// Seeds that broke something once. They stay for ever.
#[test]
fn what_broke_once_holds() {
    for scenario in regressions() {
        assert_sound("", &scenario);
    }
}

/// A seed as it was before storages were put back, and logs lost in runs whose committee changes.
fn before_backups(scenario: &Scenario) -> Scenario {
    let lost_logs = if scenario.changes > 0 {
        0
    } else {
        scenario.lost_logs
    };
    Scenario {
        old_storages: 0,
        lost_logs,
        ..scenario.clone()
    }
}

fn regressions() -> Vec<Scenario> {
    let old = [
        // The simulator's own: an exit in a block of Ethereum that was reorganised away, and began again under another number.
        Scenario::from_seed(26),
        // The simulator's own: a liar anchored a block before any honest operator had decided it.
        Scenario::from_seed(79),
        // After a halt no operator showed the inputs of a payment that no anchor covers, so the exit of what it spent was paid.
        Scenario::from_seed(61),
        // The simulator's own: what was spent by a payment that names an output above the halt was spent by nothing.
        Scenario::from_seed(669),
        // The simulator's own: Ethereum's clock ran ahead of operators that had a reclaim to answer.
        Scenario::from_seed(1_941),
        // The simulator's own: a vote of an earlier life for a final block whose body a crash took.
        Scenario::from_seed(9_234),
        // The simulator's own: the exit of what was spent by such a payment, after a halt.
        Family::Ending.scenario(49),
    ];
    // The simulator's own: a second log was lost while the floor of the first, whose process died as it had written it, kept it silent.
    let written = Family::Forgetful.scenario(48);
    // The simulator's own: a log was shortened in the turn that decided the last block of an epoch, which the oracle did not know yet.
    let ended = Scenario::from_seed(292);
    old.iter().map(before_backups).chain([ended, written]).collect()
}

#[cfg(feature = "planted")]
#[test]
fn planted_bugs_are_found() {
    use plasma_core::planted::plant;
    for bug in [
        "consensus: finalizes what it nullified",
        "ledger: spent outputs can be spent",
        "bridge: credits the token",
    ] {
        plant(Some(bug));
        let found = (1..=200).any(|seed| run(&Scenario::from_seed(seed), Watch::Plain).violation.is_some());
        plant(None);
        assert!(found, "{bug} went unnoticed");
    }
}
