//! One member twice with one key: a part of all scenarios; `cargo sim --twins` runs every one.

use plasma_consensus::Mutation;

use crate::sim::{
    Marks,
    twins::{SCENARIOS, run_twins},
};

/// Prime to the number of scenarios, so that the sample has every partition in every view.
const STRIDE: u64 = 37;

fn sample() -> impl Iterator<Item = u64> {
    (0..SCENARIOS).step_by(usize::try_from(STRIDE).expect("small"))
}

#[test]
fn no_twins_break_agreement_or_stop_it() {
    let mut marks = Marks::default();
    for number in sample() {
        let ending = run_twins(number, None);
        assert_eq!(ending.violation, None, "replay with: cargo sim --twins {number}");
        marks.add(&ending.marks);
    }
    let wanted = ["evidence", "past the partitions"];
    assert_eq!(marks.missing(&wanted), Vec::<&str>::new());
}

#[test]
fn twins_show_who_breaks_a_rule() {
    for mutation in [Mutation::FinalizeIgnoresNullify, Mutation::NotarizesTwice] {
        let caught = sample().find(|number| run_twins(*number, Some(mutation)).violation.is_some());
        assert!(caught.is_some(), "{mutation:?} passes all twins");
    }
}
