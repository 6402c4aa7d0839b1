//! The figures: a table for people, one JSON document for programs.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::Wish;
use super::audit::Audit;
use super::drive::Driven;
use crate::failure::Failure;
use crate::testnet::Testnet;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    operators: usize,
    seconds: f64,
    target_per_second: Option<u32>,
    sent: usize,
    committed: usize,
    committed_per_second: f64,
    latency_ms: Latency,
    blocks: u32,
    processor_seconds: ProcessorTime,
    refused: usize,
    refusals: Vec<String>,
    unanswered: usize,
    ran_dry: bool,
    lost: usize,
    ok: bool,
}

#[derive(Debug, Default, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// Processor time used, in seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ProcessorTime {
    operators: Vec<f64>,
    ethereum: f64,
    generator: f64,
}

impl Report {
    pub(super) fn new(
        testnet: &Testnet,
        wish: &Wish,
        warm_up: Duration,
        driven: &Driven,
        audit: &Audit,
        used: &ProcessorTime,
    ) -> Self {
        let end = warm_up + wish.duration;
        let measured = |at: Duration| at >= warm_up && at < end;
        let sent: Vec<_> = driven
            .answers
            .iter()
            .filter(|answer| measured(answer.sent))
            .collect();
        let committed = driven
            .answers
            .iter()
            .filter(|answer| answer.committed.is_some_and(measured))
            .count();
        let mut waits: Vec<f64> = sent
            .iter()
            .filter_map(|answer| {
                answer
                    .committed
                    .map(|told| (told - answer.sent).as_secs_f64() * 1_000.0)
            })
            .collect();
        waits.sort_by(f64::total_cmp);
        let refused = driven.answers.iter().filter(|answer| !answer.accepted).count();
        let unanswered = driven
            .answers
            .iter()
            .filter(|answer| answer.accepted && answer.committed.is_none())
            .count();
        Self {
            operators: testnet.cluster.size(),
            seconds: wish.duration.as_secs_f64(),
            target_per_second: wish.tps,
            sent: sent.len(),
            committed,
            committed_per_second: tenths(as_float(committed) / wish.duration.as_secs_f64()),
            latency_ms: Latency::of(&waits),
            blocks: audit.blocks,
            processor_seconds: used.clone(),
            refused,
            refusals: driven.refusals.clone(),
            unanswered,
            ran_dry: driven.ran_dry,
            lost: audit.lost,
            ok: audit.lost == 0 && refused == 0 && committed > 0,
        }
    }

    /// Shows the figures on standard output.
    pub(super) fn show(&self, json: bool) -> Result<()> {
        let text = if json {
            serde_json::to_string(self).context("the report as JSON")?
        } else {
            self.table()
        };
        print(&text);
        Ok(())
    }

    /// # Errors
    /// [`Failure::Unseen`] when something was lost or refused.
    pub(super) fn judge(&self) -> Result<()> {
        if self.ok {
            return Ok(());
        }
        let words = format!(
            "{} payments lost, {} refused, {} committed",
            self.lost, self.refused, self.committed
        );
        Err(Failure::Unseen(words).into())
    }

    fn table(&self) -> String {
        let rate = self
            .target_per_second
            .map_or("as many as are taken".into(), |tps| format!("{tps} a second"));
        let processor = &self.processor_seconds;
        let operators: Vec<String> = processor
            .operators
            .iter()
            .map(|one| format!("{one:.1}"))
            .collect();
        let rows = [
            ("payments offered", rate),
            (
                "measured",
                format!("{:.0} s with {} operators", self.seconds, self.operators),
            ),
            (
                "committed",
                format!("{} = {:.1} a second", self.committed, self.committed_per_second),
            ),
            ("submit to committed", self.latency_ms.to_string()),
            ("blocks", self.blocks.to_string()),
            (
                "processor",
                format!(
                    "operators {} s, Ethereum {:.1} s, generator {:.1} s",
                    operators.join(" + "),
                    processor.ethereum,
                    processor.generator
                ),
            ),
            (
                "refused",
                format!("{} {}", self.refused, self.refusals.join("; ")),
            ),
            ("told too late", self.unanswered.to_string()),
            (
                "ran dry",
                if self.ran_dry {
                    "yes: the federation could have taken more"
                } else {
                    "no"
                }
                .into(),
            ),
            ("lost", self.lost.to_string()),
        ];
        rows.map(|(name, value)| format!("  {name:<20} {value}"))
            .join("\n")
    }
}

impl Latency {
    fn of(sorted: &[f64]) -> Self {
        Self {
            p50: percentile(sorted, 50),
            p95: percentile(sorted, 95),
            p99: percentile(sorted, 99),
            max: tenths(sorted.last().copied().unwrap_or_default()),
        }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "p50 {} ms, p95 {} ms, p99 {} ms, max {} ms",
            self.p50, self.p95, self.p99, self.max
        )
    }
}

impl ProcessorTime {
    /// What was used since an earlier look.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let operators = self.operators.iter().zip(&earlier.operators);
        Self {
            operators: operators.map(|(now, then)| tenths(now - then)).collect(),
            ethereum: tenths(self.ethereum - earlier.ethereum),
            generator: tenths(self.generator - earlier.generator),
        }
    }
}

/// What every process has used so far; zero where the system does not tell.
pub(super) fn processor_time(testnet: &Testnet) -> ProcessorTime {
    let ethereum = testnet.anvil_guard().map(child_of).unwrap_or_default();
    ProcessorTime {
        operators: testnet
            .cluster
            .process_ids()
            .map(|id| id.map_or(0.0, used_by))
            .collect(),
        ethereum: ethereum.map_or(0.0, used_by),
        generator: used_by(std::process::id()),
    }
}

fn child_of(id: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// User and system time of a process from `/proc/<id>/stat`: the 12th and 13th field behind its name.
fn used_by(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// The smallest value that so many percent do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    tenths(sorted.get(place).copied().unwrap_or_default())
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn as_float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print(text: &str) {
    println!("{text}");
}

/// Linux counts processor time in hundredths of a second on every common configuration.
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(
            [50, 95, 99].map(|percent| percentile(&sorted, percent)),
            [100.0, 190.0, 198.0]
        );
    }

    #[test]
    fn no_measurement_gives_no_latency() {
        assert_eq!(
            Latency::of(&[]).to_string(),
            "p50 0 ms, p95 0 ms, p99 0 ms, max 0 ms"
        );
    }
}
