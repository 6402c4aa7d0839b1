//! The abstract rules, searched to the end; `cargo model` searches a bigger size of them.

use crate::model::{Model, Mutant, Property, Size, search};

#[test]
fn the_rules_are_safe_in_every_order_of_votes() {
    let model = Model::new(Size::Small, None);
    let report = search(&model, &Property::ALL);
    assert_eq!(report.violation, None);
    // The figures of the design's own search of these rules, and a sign that whole histories are among them.
    assert_eq!((model.container_count(), report.blocks_named), (22, 35_749_874));
    assert_eq!((report.depth, report.whole), (18, 79_892));
}

/// Only agreement is looked at: each rule carries it, and is not merely watched.
fn shortest_way(mutant: Mutant) -> usize {
    let report = search(&Model::new(Size::Small, Some(mutant)), &[Property::Agreement]);
    let (_, way) = report
        .violation
        .unwrap_or_else(|| panic!("{mutant:?} passes {} states", report.states));
    way.len()
}

#[test]
fn finalizing_what_i_nullified_forks() {
    assert_eq!(shortest_way(Mutant::FinalizeIgnoresNullify), 10);
}

#[test]
fn nullifying_what_i_finalized_forks() {
    assert_eq!(shortest_way(Mutant::NullifyIgnoresFinalize), 10);
}

#[test]
fn forgetting_forks() {
    assert_eq!(shortest_way(Mutant::Amnesia), 9);
}

#[test]
fn skipping_a_view_that_is_not_nullified_forks() {
    assert_eq!(shortest_way(Mutant::NullificationsUnchecked), 8);
}

#[test]
fn notarizing_twice_forks() {
    assert_eq!(shortest_way(Mutant::NotarizesTwice), 10);
}

#[test]
fn building_on_what_is_not_notarized_forks() {
    assert_eq!(shortest_way(Mutant::ParentUnchecked), 8);
}
