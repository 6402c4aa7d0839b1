//! Scenarios that once broke something, written down whole so that they survive changes of the generator. Kept for ever.

use plasma_consensus::Config;

use crate::sim::{Breakage, Scenario, Watch, run};

fn passes(scenario: &Scenario) {
    assert_eq!(
        run(scenario, Breakage::default(), Watch::Plain).violation,
        None,
        "{scenario:?}"
    );
}

/// A leader that had given its view up got the answer "nothing to build" and asked its ledger to propose anyway.
#[test]
fn an_empty_answer_after_the_leader_gave_up() {
    passes(&Scenario {
        seed: 2_634,
        n: 10,
        byzantine: 1,
        scripts: 856_435_752,
        calm_at_ms: 11_985,
        delay_ms: 50,
        jitter_ms: 1,
        loss: 0,
        duplicates: 0,
        stragglers: 0,
        partitions: 0,
        cuts: 600,
        pauses: 400,
        crashes: 0,
        blackouts: 0,
        downtime_ms: 5_000,
        pending: 0,
        drift: 20,
        payments: 9,
        syncs: false,
        encodes: false,
        config: Config {
            delta_ms: 100,
            pace_ms: 100,
            alpha_percent: 120,
            cap: 4,
            build_ms: 30,
            validate_ms: 50,
            heartbeat_ms: 20_000,
            status_ms: 1_000,
            down_ms: 2_000,
            silence_ms: 5_000,
        },
        ..Scenario::default()
    });
}

/// The certificate that moves a laggard into our view stood twice in one answer, and stragglers made that too many messages.
#[test]
fn an_answer_that_held_one_certificate_twice() {
    passes(&Scenario {
        seed: 21_009_081,
        n: 4,
        byzantine: 0,
        scripts: 0,
        calm_at_ms: 153,
        delay_ms: 50,
        jitter_ms: 30,
        loss: 0,
        duplicates: 0,
        stragglers: 2_000,
        partitions: 0,
        cuts: 0,
        pauses: 0,
        crashes: 0,
        blackouts: 0,
        downtime_ms: 1_000,
        pending: 0,
        drift: 0,
        payments: 10,
        syncs: false,
        encodes: false,
        config: Config {
            delta_ms: 100,
            pace_ms: 20,
            alpha_percent: 200,
            cap: 8,
            build_ms: 30,
            validate_ms: 50,
            heartbeat_ms: 3_000,
            status_ms: 500,
            down_ms: 2_000,
            silence_ms: 1_500,
        },
        ..Scenario::default()
    });
}
