//! `load`: how many payments a second a federation commits, how fast, and whether any is lost.
//!
//! Every payment spends an output of its own, made before the clock starts, and is signed before the clock starts: the
//! generator shares the machine with the federation and must not take its processor time. A payment counts as committed
//! when the operator that took it tells the client so; times are the client's.

pub(crate) mod audit;
pub(crate) mod drive;
pub(crate) mod purse;
mod report;

use std::time::Duration;

use anyhow::Result;

use self::drive::Pace;
use crate::ether::eth;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet};

/// What the user wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How long to measure.
    pub duration: Duration,
    /// Payments a second, or as many as are taken.
    pub tps: Option<u32>,
    /// One JSON document instead of a table.
    pub json: bool,
}

/// Measures.
///
/// # Errors
/// When the federation does not come up, or a payment is lost.
pub async fn run(plan: &Plan, wish: &Wish, progress: Progress) -> Result<()> {
    let mut testnet = Testnet::start(plan, progress).await?;
    let measured = measure(&testnet, wish, progress).await;
    if measured.is_err() {
        progress.say(&format!(
            "  the operators' logs stay in {}",
            testnet.keep_folder()
        ));
    }
    let report = measured?;
    report.show(wish.json)?;
    report.judge()
}

async fn measure(testnet: &Testnet, wish: &Wish, progress: Progress) -> Result<report::Report> {
    let stage = progress.stage("Fund", "one deposit per account");
    testnet.fund_users(eth(DEPOSIT_ETH)).await?;
    stage.done(&format!("{} accounts", testnet.users.len()));

    let pace = wish.tps.map_or(Pace::Flood, Pace::Steady);
    let time = WARM_UP + wish.duration;
    let count = usize::try_from(u64::from(wish.tps.unwrap_or(FLOOD_TPS)) * time.as_secs().max(1))?;
    let stage = progress.stage("Split", &format!("{count} outputs"));
    let outputs = purse::split(testnet, 0..testnet.users.len(), count, &stage).await?;
    stage.done(&format!("{} outputs, one for each payment", outputs.len()));

    let stage = progress.stage("Sign", &format!("{count} payments"));
    let payments = purse::sign(testnet, outputs).await?;
    stage.done(&format!("{} payments", payments.len()));

    let stage = progress.stage("Load", &format!("{pace} for {} s", time.as_secs()));
    let before = report::processor_time(testnet);
    let first_height = testnet.cluster.api(0)?.status().await?.height + 1;
    let driven = drive::drive(testnet, payments, pace, time).await?;
    let used = report::processor_time(testnet).since(&before);
    stage.done(&format!("{} payments answered", driven.answers.len()));

    let stage = progress.stage("Check", "every accepted payment, on every operator");
    let audit = audit::audit(testnet, &driven, first_height).await?;
    stage.done(&format!(
        "{} blocks read from each of {} operators",
        audit.blocks,
        testnet.cluster.size()
    ));
    Ok(report::Report::new(
        testnet, wish, WARM_UP, &driven, &audit, &used,
    ))
}

/// More than any payment of the test needs.
const DEPOSIT_ETH: u64 = 1_000;
/// Connections open, caches fill and the operators' patience settles in the first seconds.
const WARM_UP: Duration = Duration::from_secs(3);
/// Outputs made for every second of a flood: above what two cores can do, so that the federation is the limit.
const FLOOD_TPS: u32 = 3_500;
