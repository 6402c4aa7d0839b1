//! More than a federation can do: ordinary users pay while strangers send it payments without a pause, and rubbish beside them, over
//! HTTP and as clients of libp2p. What the users wait, what the processes hold and what the operators tell each other is measured
//! before and meanwhile, and shown with the ratio.
//!
//! Only what needs no clock is judged: no promise and no accepted payment is lost, rubbish is never taken, no vote finds its queue
//! full, every operator lives, and all hold one history. At the end one of them loses its storage and catches up with the flood.

mod figures;
mod flood;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use self::figures::{Report, Watch};
use self::flood::{Flood, Target};
use super::{PAYERS, Trial, VICTIM};
use crate::failure::Failure;
use crate::load::{audit, purse};
use crate::progress::Progress;
use crate::testnet::Plan;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How long the calm is measured, and how long the flood is poured at most.
    pub duration: Duration,
    /// Payments of the flood.
    pub payments: u32,
    /// Whom it meets.
    pub aim: Aim,
    /// One JSON document instead of a table.
    pub json: bool,
}

/// Whom a flood meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Aim {
    /// One operator, at which no user pays.
    One,
    /// All of them.
    All,
}

/// Measures, and shows what was found.
///
/// # Errors
/// When something was lost, taken that must not be, or is not there any more.
pub async fn run(plan: &Plan, wish: &Wish, progress: Progress) -> Result<()> {
    let mut trial = Trial::begin(plan, progress).await?;
    let told = Box::pin(measure(&mut trial, wish, progress)).await;
    trial.end(told, progress)?.show(wish.json)
}

async fn measure(trial: &mut Trial, wish: &Wish, progress: Progress) -> Result<Report> {
    let count = usize::try_from(wish.payments)?;
    let stage = progress.stage("Split", &format!("{count} outputs for the flood"));
    let strangers = usize::try_from(PAYERS)?..trial.testnet.users.len();
    let coins = purse::split(&trial.testnet, strangers, count, &stage).await?;
    let payments = purse::sign(&trial.testnet, coins).await?;
    stage.done(&format!("{} payments are signed", payments.len()));

    let mut watch = Watch::new(&trial.testnet)?;
    let stage = progress.stage("Calm", &format!("for {} s", wish.duration.as_secs()));
    let resting = async {
        tokio::time::sleep(wish.duration).await;
        Ok(())
    };
    let (calm, ()) = watch.during(trial, resting).await?;
    stage.done(&calm.to_string());

    let stage = progress.stage("Flood", &format!("{count} payments, and rubbish"));
    let first_height = trial.witness()?.status().await?.height.saturating_add(1);
    let pouring = flood::pour(targets(trial, wish.aim)?, payments, wish.duration);
    let (flooded, flood) = watch.during(trial, pouring).await?;
    stage.done(&flooded.to_string());
    judge(&flood, flooded.votes_crowded_out.max(calm.votes_crowded_out))?;

    let stage = progress.stage("Check", "every payment, on every operator");
    trial.payers.rest().await;
    trial.all_live()?;
    let audit = audit::audit(&trial.testnet, &flood.driven, first_height).await?;
    if audit.lost > 0 {
        bail!(Failure::Unseen(format!(
            "{} payments of the flood were accepted and lost",
            audit.lost
        )));
    }
    let everybody = trial.everybody();
    let promises = trial.look_up(0, &everybody).await?;
    stage.done(&format!(
        "{promises} promises and {} payments of the flood, none lost",
        flood.accepted()
    ));

    let stage = progress.stage("Catch up", "with an empty storage");
    let returned = catch_up(trial).await?;
    trial.look_up(0, &everybody).await?;
    trial.all_live()?;
    stage.done(&format!("{} MiB at most", returned.peak_mib));
    Ok(Report {
        operators: trial.testnet.cluster.size(),
        calm,
        flooded,
        flood: flood.counted(),
        blocks: audit.blocks,
        returned,
    })
}

/// What a flood must never reach.
fn judge(flood: &Flood, votes_crowded_out: u64) -> Result<()> {
    if votes_crowded_out > 0 {
        bail!(Failure::Unseen(format!(
            "{votes_crowded_out} votes found the queue to an operator full"
        )));
    }
    match flood.rubbish_taken() {
        0 => Ok(()),
        taken => bail!(Failure::Unseen(format!(
            "{taken} payments were taken that nobody signed"
        ))),
    }
}

fn targets(trial: &Trial, aim: Aim) -> Result<Vec<Target>> {
    let cluster = &trial.testnet.cluster;
    let chain = plasma_node::runtime::start::genesis8(&trial.testnet.genesis.hash());
    let all = cluster.places().zip(cluster.apis());
    let targets = all.map(|(place, api)| Target::new(api, &place.p2p, &chain));
    let targets: Vec<Target> = match aim {
        Aim::All => targets.collect(),
        Aim::One => targets.skip(VICTIM).take(1).collect(),
    };
    anyhow::ensure!(!targets.is_empty(), "nobody is flooded");
    Ok(targets)
}

/// The victim comes back without its storage, keeping its log; the most that its new process ever held.
async fn catch_up(trial: &mut Trial) -> Result<figures::Returned> {
    let height = trial.witness()?.status().await?.height;
    trial.kill(&[VICTIM]).await?;
    let place = trial.testnet.cluster.places().nth(VICTIM);
    let storage = place.context("the victim's folder")?.folder.join("data/db");
    std::fs::remove_dir_all(storage).context("removing the storage")?;
    let begun = std::time::Instant::now();
    trial.revive(&[VICTIM])?;
    trial.reaches_within(VICTIM, height, RETURN_PATIENCE).await?;
    figures::returned(&trial.testnet, VICTIM, height, begun.elapsed())
}

/// An operator that is far behind first asks each member for a snapshot, for ten seconds each; then come the blocks of the flood.
const RETURN_PATIENCE: Duration = Duration::from_secs(300);
