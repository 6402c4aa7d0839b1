//! Every operator must have its turn at a duty before the contract closes the door.

use plasma_core::Genesis;
use plasma_node::{
    bridge::{L1Error, contracts::Parameters, rota},
    cli::StartError,
    runtime::start::RunError,
};

use super::{cast::genesis, deployment::parameters};

/// Four operators with turns of five seconds, and an event that counts after two blocks of three.
fn federation() -> (Genesis, Parameters) {
    let genesis = Genesis {
        takeover_seconds: 5,
        confirmations: 2,
        ..genesis()
    };
    let times = Parameters {
        l1_block_time_s: 3,
        reclaim_window_s: 26,
        exit_period_s: 52,
        ..parameters()
    };
    (genesis, times)
}

fn refused(genesis: &Genesis, times: &Parameters) -> (String, &'static str, u64) {
    match rota::check(genesis, times) {
        Err(error @ L1Error::RotaTooSlow { limit, fit_s, .. }) => (error.to_string(), limit, fit_s),
        other => panic!("{other:?}"),
    }
}

#[test]
fn turns_of_all_operators_fit_to_the_second() {
    let (genesis, times) = federation();
    assert_eq!(rota::check(&genesis, &times), Ok(()));
}

#[test]
fn one_second_less_of_either_time_is_refused_by_its_name() {
    let (genesis, times) = federation();
    let reclaims = Parameters {
        reclaim_window_s: 25,
        ..times
    };
    let (text, limit, fit_s) = refused(&genesis, &reclaims);
    assert_eq!((limit, fit_s), ("reclaimWindow", 4));
    let fix = "takeover_seconds of at most 4, or deploy with a longer reclaimWindow";
    assert!(text.contains(fix), "{text}");
    let exits = Parameters {
        exit_period_s: 51,
        ..times
    };
    assert_eq!(refused(&genesis, &exits).1, "half of exitPeriod");
}

#[test]
fn one_more_of_anything_that_takes_time_is_refused() {
    let (genesis, times) = federation();
    let mut slow = genesis.clone();
    slow.takeover_seconds += 1;
    let mut deep = genesis.clone();
    deep.confirmations += 1;
    let mut many = genesis.clone();
    many.members.push(genesis.members[0].clone());
    for worse in [slow, deep, many] {
        assert_eq!(refused(&worse, &times).1, "reclaimWindow");
    }
    let hopeless = Parameters {
        reclaim_window_s: 1,
        ..times
    };
    assert_eq!(refused(&genesis, &hopeless).2, 0, "no turn is short enough");
}

#[test]
fn a_person_must_mend_it_and_no_restart_does() {
    let (genesis, times) = federation();
    let short = Parameters {
        reclaim_window_s: 25,
        ..times
    };
    let error = rota::check(&genesis, &short).unwrap_err();
    let start = StartError::from(RunError::L1(error));
    assert!(matches!(start, StartError::Settings(_)), "{start:?}");
}
