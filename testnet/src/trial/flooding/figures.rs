//! What is measured of a federation while something is done to it, and how two such times compare.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use plasma_node::api::view::TrafficView;
use serde::Serialize;

use super::flood::Counted;
use crate::deadline::{Look, until};
use crate::testnet::Testnet;
use crate::trial::tail::Tail;
use crate::trial::{CATCH_UP_PATIENCE, Trial};

/// Looks at a federation, one time after the other.
#[derive(Debug)]
pub(super) struct Watch {
    logs: Tail,
}

/// What was seen in one time.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Window {
    pub(super) seconds: f64,
    /// What the users paid.
    pub(super) payments: usize,
    /// From sending to the promise, in milliseconds.
    pub(super) commit_ms: Half,
    /// From one block to the next by their own times: a proposal, and the votes that end its view.
    pub(super) block_ms: Half,
    pub(super) blocks: u32,
    /// Views that at least one operator gave up.
    pub(super) views_given_up: usize,
    /// Proposals and answers that an operator had no room to check.
    pub(super) payloads_dropped: usize,
    /// The most that each process held, in MiB.
    pub(super) resident_mib: Vec<f64>,
    /// How often a gossip message came to an operator, by those that were new to it.
    pub(super) gossip_copies: f64,
    /// The same of the payments in it; those that a client or a block brought first are not new.
    pub(super) payment_copies: f64,
    pub(super) votes_crowded_out: u64,
}

/// Half of them took at most so long, and all but one in a hundred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Half {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// An operator that caught up from nothing.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Returned {
    pub(super) blocks: u32,
    pub(super) seconds: f64,
    /// The most that its process ever held.
    pub(super) peak_mib: f64,
}

/// All that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) operators: usize,
    pub(super) calm: Window,
    pub(super) flooded: Window,
    pub(super) flood: Counted,
    pub(super) blocks: u32,
    pub(super) returned: Returned,
}

/// What all operators say of themselves at one moment.
struct Moment {
    at: Instant,
    height: u32,
    traffic: Vec<TrafficView>,
}

impl Moment {
    async fn look(trial: &Trial) -> Result<Self> {
        let mut traffic = Vec::new();
        for api in trial.testnet.cluster.apis() {
            traffic.push(api.status().await?.traffic);
        }
        Ok(Self {
            at: Instant::now(),
            height: trial.witness()?.status().await?.height,
            traffic,
        })
    }

    fn sum(&self, part: impl Fn(&TrafficView) -> u64) -> u64 {
        self.traffic.iter().map(part).sum()
    }
}

impl Watch {
    pub(super) fn new(testnet: &Testnet) -> Result<Self> {
        let mut logs = Tail::new(testnet);
        logs.read_on()?;
        Ok(Self { logs })
    }

    /// Lets something be done, and sees what becomes of the federation meanwhile.
    pub(super) async fn during<T>(
        &mut self,
        trial: &Trial,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(Window, T)> {
        self.logs.read_on()?;
        let before = Moment::look(trial).await?;
        let mut resident = resident(&trial.testnet);
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(SAMPLE);
        let done = loop {
            tokio::select! {
                done = &mut work => break done?,
                _ = tick.tick() => {
                    for (most, now) in resident.iter_mut().zip(self::resident(&trial.testnet)) {
                        *most = most.max(now);
                    }
                }
            }
        };
        let end = Instant::now();
        let after = Moment::look(trial).await?;
        // Whoever waited at the end counts with all of the wait.
        all_paid_since(trial, end).await?;
        let promises = trial.payers.told();
        let waits = promises
            .iter()
            .filter(|promise| promise.sent >= before.at && promise.sent < end);
        let waits: Vec<f64> = waits.map(|promise| ms(promise.took)).collect();
        let said = self.logs.read_on()?;
        let more = |part: fn(&TrafficView) -> u64| after.sum(part).saturating_sub(before.sum(part));
        let window = Window {
            seconds: tenths(end.duration_since(before.at).as_secs_f64()),
            payments: waits.len(),
            commit_ms: Half::of(waits),
            block_ms: Half::of(intervals(trial, &before, &after).await?),
            blocks: after.height.saturating_sub(before.height),
            views_given_up: given_up(&said),
            payloads_dropped: count(&said, "payload dropped, verification is overloaded"),
            resident_mib: resident,
            gossip_copies: ratio(
                more(|one| one.gossip_messages),
                more(|one| one.gossip_messages_new),
            ),
            payment_copies: ratio(
                more(|one| one.gossip_payments),
                more(|one| one.gossip_payments_new),
            ),
            votes_crowded_out: after.sum(|one| one.votes_crowded_out),
        };
        Ok((window, done))
    }
}

/// An operator that is level again: what its process held at most since it was started.
pub(super) fn returned(testnet: &Testnet, place: usize, blocks: u32, took: Duration) -> Result<Returned> {
    let process = testnet.cluster.process_ids().nth(place).flatten();
    let process = process.context("an operator that runs")?;
    Ok(Returned {
        blocks,
        seconds: tenths(took.as_secs_f64()),
        peak_mib: memory(process, "VmHWM:"),
    })
}

/// Waits until each user was promised a payment that it sent later than this.
async fn all_paid_since(trial: &Trial, moment: Instant) -> Result<()> {
    let lanes = usize::try_from(super::PAYERS)?.min(trial.testnet.users.len());
    until("a payment of every user", CATCH_UP_PATIENCE, || async {
        let told = trial.payers.told();
        let late = told.iter().filter(|promise| promise.sent >= moment);
        let paid: BTreeSet<usize> = late.map(|promise| promise.lane).collect();
        Ok(if paid.len() >= lanes {
            Look::Seen(())
        } else {
            Look::NotYet(format!("{} of {lanes} users were promised one", paid.len()))
        })
    })
    .await
}

/// Milliseconds between the blocks of a time, as their headers say.
async fn intervals(trial: &Trial, before: &Moment, after: &Moment) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for height in before.height..=after.height {
        times.push(trial.witness()?.block(height).await?.timestamp_ms);
    }
    let apart = times.windows(2).map(|pair| {
        let apart = pair[1].saturating_sub(pair[0]);
        f64::from(u32::try_from(apart).unwrap_or(u32::MAX))
    });
    Ok(apart.collect())
}

/// What every process holds now; nothing where it is gone or the system does not tell.
fn resident(testnet: &Testnet) -> Vec<f64> {
    let held = |process: Option<u32>| process.map_or(0.0, |process| memory(process, "VmRSS:"));
    testnet.cluster.process_ids().map(held).collect()
}

/// A line of `/proc/<id>/status`, in MiB.
fn memory(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    tenths(kilobytes.unwrap_or_default() / 1024.0)
}

fn given_up(said: &[String]) -> usize {
    let lines = said.iter().flat_map(|text| text.lines());
    let given_up = lines.filter(|line| line.contains("view given up"));
    let view = |line: &str| {
        let (_, rest) = line.split_once("view=")?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    given_up.filter_map(view).collect::<BTreeSet<_>>().len()
}

fn count(said: &[String], words: &str) -> usize {
    said.iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.contains(words))
        .count()
}

impl Half {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
            tenths(values.get(place).copied().unwrap_or_default())
        };
        Self {
            p50: at(50),
            p99: at(99),
        }
    }
}

impl Window {
    fn most_resident(&self) -> f64 {
        self.resident_mib.iter().copied().fold(0.0, f64::max)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} s, {} blocks; users paid {} times, {} / {} ms (p50 / p99)",
            self.seconds, self.blocks, self.payments, self.commit_ms.p50, self.commit_ms.p99
        )
    }
}

impl Report {
    /// Shows the figures on standard output.
    #[expect(
        clippy::print_stdout,
        reason = "what was measured is the result of the command"
    )]
    pub(super) fn show(&self, json: bool) -> Result<()> {
        let text = if json {
            serde_json::to_string(self).context("the report as JSON")?
        } else {
            self.table()
        };
        println!("{text}");
        Ok(())
    }

    fn table(&self) -> String {
        let (calm, flooded, flood) = (&self.calm, &self.flooded, &self.flood);
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let rows = [
            (
                "a payment is committed, p50 ms",
                calm.commit_ms.p50,
                flooded.commit_ms.p50,
            ),
            (
                "a payment is committed, p99 ms",
                calm.commit_ms.p99,
                flooded.commit_ms.p99,
            ),
            ("block to block, p50 ms", calm.block_ms.p50, flooded.block_ms.p50),
            ("block to block, p99 ms", calm.block_ms.p99, flooded.block_ms.p99),
            ("blocks", f64::from(calm.blocks), f64::from(flooded.blocks)),
            (
                "views given up",
                number(calm.views_given_up),
                number(flooded.views_given_up),
            ),
            (
                "the largest process, MiB",
                calm.most_resident(),
                flooded.most_resident(),
            ),
            (
                "copies of a gossip message",
                calm.gossip_copies,
                flooded.gossip_copies,
            ),
            (
                "copies of a gossiped payment",
                calm.payment_copies,
                flooded.payment_copies,
            ),
        ];
        let mut lines = vec![format!(
            "  {:<32} {:>10} {:>10} {:>8}",
            "", "calm", "flood", "ratio"
        )];
        lines.extend(rows.map(|(name, calm, flood)| {
            let ratio = if calm > 0.0 {
                format!("{:.2}", flood / calm)
            } else {
                "-".to_owned()
            };
            format!("  {name:<32} {calm:>10.1} {flood:>10.1} {ratio:>8}")
        }));
        lines.push(format!(
            "  poured: {} payments in {} s, {} accepted and {} refused; rubbish: {} by HTTP, {} by libp2p, {} unanswered",
            flood.payments_sent,
            flooded.seconds,
            flood.payments_accepted,
            flood.payments_refused,
            flood.http_rubbish,
            flood.libp2p_rubbish,
            flood.rubbish_unanswered
        ));
        lines.push(format!(
            "  proposals and answers without room to be checked: {} and {}; votes without room: {}",
            calm.payloads_dropped, flooded.payloads_dropped, flooded.votes_crowded_out
        ));
        lines.push(format!(
            "  catching up {} blocks from an empty storage: {} s, {} MiB at most",
            self.returned.blocks, self.returned.seconds, self.returned.peak_mib
        ));
        lines.join("\n")
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// How many of one for each of another; zero where there are none.
fn ratio(all: u64, new: u64) -> f64 {
    let float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if new == 0 {
        return 0.0;
    }
    (100.0 * float(all) / float(new)).round() / 100.0
}

/// Between two looks at the memory of the processes.
const SAMPLE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::{Half, given_up, ratio};

    #[test]
    fn a_view_that_several_operators_gave_up_counts_once() {
        let said = [
            "INFO plasma_node: view given up view=7 reason=a\nINFO plasma_node: block committed height=7\n",
            "INFO plasma_node: view given up view=7 reason=b\nINFO plasma_node: view given up view=8 reason=b\n",
        ];
        assert_eq!(given_up(&said.map(str::to_owned)), 2);
    }

    #[test]
    fn figures_are_values_that_were_measured_and_ratios_of_what_there_is() {
        let half = Half::of((1..=200_u32).rev().map(f64::from).collect());
        assert_eq!(
            half,
            Half {
                p50: 100.0,
                p99: 198.0
            }
        );
        assert_eq!((ratio(5, 2), ratio(0, 0)), (2.5, 0.0));
    }
}
