//! An operator whose vote log is gone, or all but its keys: it is refused, rejoins by what the others can prove, and votes again.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::ballot::Ballot;
use super::{Trial, VICTIM, describe};
use crate::deadline::{Look, until};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::Plan;

/// Kills it, takes its log, and brings it back.
///
/// # Errors
/// When it starts without its log, does not vote again, or contradicts what it said before.
pub async fn run(plan: &Plan, progress: Progress) -> Result<()> {
    let mut trial = Trial::begin(plan, progress).await?;
    let told = Box::pin(rejoin(&mut trial, progress)).await;
    trial.end(told, progress)
}

async fn rejoin(trial: &mut Trial, progress: Progress) -> Result<()> {
    for (loss, words) in [
        (Loss::Log, "an operator whose vote log is gone"),
        (Loss::Everything, "an operator of which only the keys are left"),
    ] {
        let stage = progress.stage("Rejoin", words);
        let (refused, rejoined) = back_from(trial, loss).await?;
        stage.done(&format!(
            "refused with {refused}; votes again {} ms after the start with the flag",
            rejoined.as_millis()
        ));
    }
    let stage = progress.stage("Rejoin", "an operator whose log is good");
    trial.kill(&[VICTIM]).await?;
    trial.testnet.cluster.revive_under(VICTIM, &with_flag())?;
    let needless = end(trial).await?;
    if needless.code() != Some(SETTINGS) {
        bail!(Failure::Unseen(format!(
            "a needless rejoin was not refused, it ended with {needless}"
        )));
    }
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    trial.revive(&[VICTIM])?;
    votes(trial, &mut ballot, Instant::now()).await?;
    trial.looked_up = trial.look_up(trial.looked_up, &[VICTIM]).await?;
    stage.done(&format!("refused with {needless}; votes without the flag"));
    Ok(())
}

/// What an operator loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Its vote log.
    Log,
    /// Its data folder, and the mark beside its key.
    Everything,
}

/// Kills the victim, takes this from it, and sees it refused and come back by the flag; how it was refused, and how soon it
/// voted again.
async fn back_from(trial: &mut Trial, loss: Loss) -> Result<(ExitStatus, Duration)> {
    if loss == Loss::Everything {
        // Only Ethereum can tell then.
        until("an anchor", PATIENCE, || async {
            let status = trial.witness()?.status().await?;
            Ok(match status.l1.last_anchor {
                Some(_) => Look::Seen(()),
                None => Look::NotYet(describe(&status)),
            })
        })
        .await?;
    }
    trial.kill(&[VICTIM]).await?;
    let place = trial.testnet.cluster.places().nth(VICTIM);
    let folder = place.context("the victim's folder")?.folder.clone();
    take(&folder, loss).context("taking it from the victim")?;
    trial.revive(&[VICTIM])?;
    let refused = end(trial).await?;
    if refused.code() != Some(FORGOTTEN) {
        bail!(Failure::Unseen(format!(
            "it was not refused, it ended with {refused}"
        )));
    }
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let begun = Instant::now();
    trial.testnet.cluster.revive_under(VICTIM, &with_flag())?;
    votes(trial, &mut ballot, begun).await?;
    let rejoined = begun.elapsed();
    trial.looked_up = trial.look_up(trial.looked_up, &[VICTIM]).await?;
    Ok((refused, rejoined))
}

fn take(folder: &Path, loss: Loss) -> io::Result<()> {
    if loss == Loss::Log {
        return fs::remove_dir_all(folder.join("data/log"));
    }
    fs::remove_dir_all(folder.join("data"))?;
    let mut marks = 0;
    for entry in fs::read_dir(folder.join("keys"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == "voted") {
            fs::remove_file(path)?;
            marks += 1;
        }
    }
    if marks == 1 {
        Ok(())
    } else {
        Err(io::Error::other(format!("{marks} marks beside the key")))
    }
}

/// The operator's command, and the flag behind it.
fn with_flag() -> [OsString; 4] {
    ["sh", "-c", "exec \"$@\" --amnesia-rejoin", "sh"].map(OsString::from)
}

/// How the victim ends by itself.
async fn end(trial: &mut Trial) -> Result<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match trial.testnet.cluster.ended()?.first() {
            Some((VICTIM, status)) => return Ok(*status),
            Some((place, status)) => {
                bail!(Failure::Unseen(format!("operator {place} ended with {status}")))
            }
            None => {}
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!(Failure::Unseen("the operator goes on without its log".to_owned()))
}

/// Waits until the witness has heard it vote in this life.
async fn votes(trial: &mut Trial, ballot: &mut Ballot, begun: Instant) -> Result<()> {
    while !ballot.look(trial.witness()?).await? {
        trial.all_live()?;
        trial.alarms.stay_silent()?;
        if begun.elapsed() > PATIENCE {
            let status = trial.testnet.cluster.api(VICTIM)?.status().await;
            let words = status.map_or_else(|error| format!("{error:#}"), |status| describe(&status));
            bail!(Failure::Unseen(format!("it does not vote again: {words}")));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The exit code of an operator that may have forgotten votes.
const FORGOTTEN: i32 = 6;
/// The exit code of settings that do not fit.
const SETTINGS: i32 = 3;
const LOOK: Duration = Duration::from_millis(10);
/// Far above what is expected, so that a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);
