//! An operator with an empty storage joins a federation that went on without it: block by block where the others keep
//! them, by a snapshot where they do not. It keeps its vote log, as whoever replaces a disk for rows does.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use plasma_node::config::KeepBlocks;

use super::ballot::Ballot;
use super::{CATCH_UP_PATIENCE, Trial, VICTIM, describe};
use crate::deadline::{Look, until};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::Plan;

/// What it joins.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// So many blocks are anchored before it comes.
    pub blocks: u32,
    /// Whether the others have dropped the old bodies, and write snapshots.
    pub pruned: bool,
}

/// Lets the federation go on, empties one operator's storage, and times its way back.
///
/// # Errors
/// When it does not come back, comes back by another way than it had to, or holds another history.
pub async fn run(plan: &Plan, wish: Wish, progress: Progress) -> Result<()> {
    let mut plan = Plan {
        pace: Some(PACE),
        ..plan.clone()
    };
    if wish.pruned {
        plan.storage.keep_blocks = KeepBlocks::Newest(KEPT);
        plan.storage.snapshot_every = EVERY;
        plan.storage.snapshots_kept = SNAPSHOTS_KEPT;
    }
    let mut trial = Trial::begin(&plan, progress).await?;
    let told = Box::pin(join(&mut trial, wish, progress)).await;
    trial.end(told, progress)
}

async fn join(trial: &mut Trial, wish: Wish, progress: Progress) -> Result<()> {
    let stage = progress.stage("Go on", &format!("until block {} is anchored", wish.blocks));
    let last = anchored(trial, wish.blocks).await?;
    stage.done(&format!("block {last} is"));

    let stage = progress.stage("Join", "with an empty storage");
    trial.kill(&[VICTIM]).await?;
    let place = trial.testnet.cluster.places().nth(VICTIM);
    let storage = place.context("the victim's folder")?.folder.join("data/db");
    std::fs::remove_dir_all(storage).context("removing the storage")?;
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let missing = trial.witness()?.status().await?.height;
    let begun = Instant::now();
    trial.revive(&[VICTIM])?;
    let joined = trial.reaches(VICTIM, missing).await?.height;
    // What the snapshot held, whenever it was taken, is out of a pruned operator's reach.
    let promises = trial.payers.told();
    let last = promises.iter().rposition(|promise| promise.height <= joined);
    trial.looked_up = last.map_or(0, |last| last + 1);
    let level = begun.elapsed();
    while !ballot.look(trial.witness()?).await? {
        trial.all_live()?;
        if begun.elapsed() > CATCH_UP_PATIENCE {
            let status = trial.testnet.cluster.api(VICTIM)?.status().await?;
            bail!(Failure::Unseen(format!(
                "it does not vote: {}",
                describe(&status)
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
    let votes = begun.elapsed();
    let way = way(trial, wish.pruned).await?;
    trial.looked_up = trial.look_up(trial.looked_up, &[VICTIM]).await?;
    stage.done(&format!(
        "{missing} blocks {way} in {:.1} s ({:.0} blocks/s); heard voting {:.1} s after its start",
        level.as_secs_f64(),
        f64::from(missing) / level.as_secs_f64(),
        votes.as_secs_f64(),
    ));
    Ok(())
}

/// Waits until a block is anchored on Ethereum; the newest that is.
async fn anchored(trial: &Trial, height: u32) -> Result<u32> {
    let witness = trial.witness()?;
    let patience = BLOCK_PATIENCE
        .saturating_mul(height)
        .saturating_add(CATCH_UP_PATIENCE);
    until(&format!("an anchor of block {height}"), patience, || async {
        let status = witness.status().await?;
        let anchor = status.l1.last_anchor.as_ref().map_or(0, |anchor| anchor.height);
        Ok(if anchor >= height {
            Look::Seen(anchor)
        } else {
            Look::NotYet(format!("block {anchor} of {} is anchored", status.height))
        })
    })
    .await
}

/// How the blocks came: whoever took a snapshot has no transactions below it.
async fn way(trial: &Trial, pruned: bool) -> Result<&'static str> {
    let first = trial
        .payers
        .told()
        .into_iter()
        .min_by_key(|promise| promise.height);
    let first = first.context("a payment was made")?;
    let own = trial.testnet.cluster.api(VICTIM)?;
    let answer = own.get(&format!("/v1/transactions/{}", first.id)).await?;
    match (answer.status, pruned) {
        (200, false) => Ok("one by one"),
        (404, true) => Ok("by a snapshot"),
        (status, _) => bail!(Failure::Unseen(format!(
            "of the first payment it says {status}: {}",
            answer.body
        ))),
    }
}

/// As fast as views go.
const PACE: Duration = Duration::from_millis(20);
/// Bodies that a pruned federation keeps: as few as the settings allow. The newest snapshot lies among them.
const KEPT: u32 = 1_000;
const EVERY: u32 = 200;
const SNAPSHOTS_KEPT: u32 = 3;
/// A block takes no longer on a busy machine.
const BLOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(10);
