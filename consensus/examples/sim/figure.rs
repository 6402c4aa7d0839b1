//! What agreement on one block costs, by size of the committee: messages and bytes on the simulated network, and the
//! processor's time with real keys.

use crate::sim::{Breakage, Scenario, Watch, run, world::Outcome};

/// Committees of the figure.
const SIZES: [u16; 4] = [4, 16, 49, 100];

/// Committees that also sign for real; a hundred members would take minutes.
const REAL_SIZES: [u16; 4] = [4, 16, 49, 100];

/// What a message costs around itself on a real connection: frame, noise, TCP and IP.
const FRAME_BYTES: u64 = 75;

/// Blocks of a sample: enough that start and end do not weigh.
const BLOCKS: u64 = 40;
const REAL_BLOCKS: u64 = 12;

fn scenario(n: u16, payments: u64, has_real_keys: bool) -> Scenario {
    Scenario {
        n,
        payments,
        has_real_keys,
        calm_at_ms: payments * 120,
        ..Scenario::default()
    }
}

fn sample(scenario: &Scenario) -> Outcome {
    let outcome = run(scenario, Breakage::default(), Watch::Sizes);
    assert_eq!(outcome.violation, None, "fair weather breaks nothing");
    outcome
}

/// The figure, line by line.
pub(crate) fn lines() -> Vec<String> {
    let mut lines = vec![
        "| n | blocks | messages per block | votes and proposals | certificates | kB per block | kB out per member | reports per second |".to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for n in SIZES {
        let outcome = sample(&scenario(n, BLOCKS, false));
        let blocks = u64::try_from(outcome.blocks).expect("small");
        let [votes, certificates, reports] = outcome.sent;
        let count = votes.count + certificates.count;
        let bytes = votes.bytes + certificates.bytes + count * FRAME_BYTES;
        let kilobytes = |bytes: u64| format!("{}.{}", bytes / 1_000, bytes % 1_000 / 100);
        lines.push(format!(
            "| {n} | {blocks} | {} | {} | {} | {} | {} | {} |",
            count / blocks,
            votes.count / blocks,
            certificates.count / blocks,
            kilobytes(bytes / blocks),
            kilobytes(bytes / blocks / u64::from(n)),
            reports.count * 1_000 / outcome.ended_at_ms,
        ));
    }
    lines.push(String::new());
    lines.push("| n | views | ms of one core per view and member, real keys |".to_owned());
    lines.push("|---|---|---|".to_owned());
    for n in REAL_SIZES {
        let before = on_core_us();
        let outcome = sample(&scenario(n, REAL_BLOCKS, true));
        let spent = on_core_us() - before;
        let each = spent / (outcome.views * u64::from(n));
        lines.push(format!(
            "| {n} | {} | {}.{:02} |",
            outcome.views,
            each / 1_000,
            each % 1_000 / 10
        ));
    }
    lines
}

/// How fast the simulation is: seeds with seven members each, in the weather they drew, per second that one core works.
pub(crate) fn speed() -> String {
    let before = on_core_us();
    let mut views = 0;
    for seed in 0..SPEED_SEEDS {
        let drawn = Scenario::from_seed(seed);
        let outcome = run(
            &Scenario {
                n: 7,
                byzantine: drawn.byzantine.min(2),
                adaptive: drawn.adaptive.min(2),
                lost_disks: 0,
                payments: SPEED_VIEWS,
                ..drawn
            },
            Breakage::default(),
            Watch::Plain,
        );
        assert_eq!(outcome.violation, None, "seed {seed}");
        views += outcome.views;
    }
    let spent_us = (on_core_us() - before).max(1);
    let tenths = views * 10_000_000 / SPEED_VIEWS / spent_us;
    format!(
        "{SPEED_SEEDS} seeds of 7 members, {views} views in {} ms on one core: {}.{} runs of {SPEED_VIEWS} views per second",
        spent_us / 1_000,
        tenths / 10,
        tenths % 10
    )
}

/// Seven members and sixty views are the measure of the design.
const SPEED_SEEDS: u64 = 200;
const SPEED_VIEWS: u64 = 60;

/// Microseconds that this thread has had a core: what others do on the machine does not count.
fn on_core_us() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text
        .split_whitespace()
        .next()
        .and_then(|word| word.parse::<u64>().ok());
    first.unwrap_or_default() / 1_000
}
