//! How soon an operator votes again: it is killed and started many times while users pay, and each return is timed.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;

use super::ballot::Ballot;
use super::{Trial, VICTIM, describe};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::Plan;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How often the operator is killed and started.
    pub times: u32,
    /// How long it stays away.
    pub away: Duration,
    /// One JSON document instead of a table.
    pub json: bool,
}

/// Measures, and shows the distribution.
///
/// # Errors
/// When the operator does not come back, or forgot something.
pub async fn run(plan: &Plan, wish: &Wish, progress: Progress) -> Result<()> {
    let mut trial = Trial::begin(plan, progress).await?;
    let told = Box::pin(measure(&mut trial, wish, progress)).await;
    show(&trial.end(told, progress)?, wish)
}

async fn measure(trial: &mut Trial, wish: &Wish, progress: Progress) -> Result<Vec<Return>> {
    let stage = progress.stage("Restart", &format!("{} times", wish.times));
    let mut returns = Vec::new();
    for life in 1..=wish.times {
        // Not in step with the views of the others.
        tokio::time::sleep(STEP.saturating_mul(life % STEPS)).await;
        trial.kill(&[VICTIM]).await?;
        tokio::time::sleep(wish.away).await;
        let found = back(trial).await?;
        stage.doing(&format!("life {life}: {found}"));
        trial.looked_up = trial.look_up(trial.looked_up, &[VICTIM]).await?;
        returns.push(found);
    }
    stage.done("it came back every time");
    Ok(returns)
}

/// When a restarted operator was seen to do something for the first time, in milliseconds since its start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Return {
    /// Its HTTP API answers.
    answers_ms: u64,
    /// A quorum is connected, with itself.
    connected_ms: u64,
    /// It has decided what the others had decided when it started.
    level_ms: u64,
    /// Another operator holds a certificate with a vote of its new life.
    votes_ms: u64,
}

async fn back(trial: &mut Trial) -> Result<Return> {
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let height = trial.witness()?.status().await?.height;
    let own = trial.testnet.cluster.api(VICTIM)?.clone();
    let begun = Instant::now();
    trial.revive(&[VICTIM])?;
    let mut found = Return::default();
    while found.votes_ms == 0 || found.level_ms == 0 {
        trial.all_live()?;
        let status = own.status().await;
        let now = u64::try_from(begun.elapsed().as_millis())?.max(1);
        let first = |known: &mut u64, is_seen: bool| {
            if *known == 0 && is_seen {
                *known = now;
            }
        };
        first(&mut found.answers_ms, status.is_ok());
        if let Ok(status) = &status {
            let in_reach = status.peers.members.len().saturating_add(1);
            first(&mut found.connected_ms, in_reach >= status.peers.quorum);
            first(&mut found.level_ms, status.height >= height);
        }
        first(&mut found.votes_ms, ballot.look(trial.witness()?).await?);
        if begun.elapsed() > PATIENCE {
            let words = status.map_or_else(|error| format!("{error:#}"), |status| describe(&status));
            bail!(Failure::Unseen(format!(
                "the operator does not vote again: {words}"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(found)
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            answers_ms,
            connected_ms,
            level_ms,
            votes_ms,
        } = self;
        write!(
            f,
            "answers after {answers_ms} ms, connected {connected_ms}, level {level_ms}, votes {votes_ms}"
        )
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what was measured is the result of the command"
)]
fn show(returns: &[Return], wish: &Wish) -> Result<()> {
    if wish.json {
        println!("{}", serde_json::to_string_pretty(returns)?);
        return Ok(());
    }
    println!(
        "  {} returns, in ms      least   half  nine tenths   most",
        returns.len()
    );
    row("answers", returns.iter().map(|one| one.answers_ms));
    row(
        "a quorum is connected",
        returns.iter().map(|one| one.connected_ms),
    );
    row("level with the others", returns.iter().map(|one| one.level_ms));
    row("a vote was heard", returns.iter().map(|one| one.votes_ms));
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "what was measured is the result of the command"
)]
fn row(name: &str, found: impl Iterator<Item = u64>) {
    let mut sorted: Vec<u64> = found.collect();
    sorted.sort_unstable();
    let at = |tenths: usize| {
        let place = (sorted.len() * tenths / 10).min(sorted.len().saturating_sub(1));
        sorted.get(place).copied().unwrap_or_default()
    };
    println!(
        "  {name:<24} {:>6} {:>6} {:>12} {:>6}",
        at(0),
        at(5),
        at(9),
        at(10)
    );
}

/// Kills come this much later each time, over a span of [`STEPS`].
const STEP: Duration = Duration::from_millis(37);
const STEPS: u32 = 8;
/// Between two looks; what is measured is no finer.
const LOOK: Duration = Duration::from_millis(10);
/// Far above what is expected, so that a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);
