//! Operators away: two of four, all of them, one that hangs, one that nobody reaches. The federation goes on where it
//! can, stands and says why where it cannot, and needs no hand when they are back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::ballot::Ballot;
use super::{CATCH_UP_PATIENCE, Trial, VICTIM, WITNESS};
use crate::deadline::{Look, until};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::Plan;

/// Runs them one after the other on one federation.
///
/// # Errors
/// The first thing that was not as it must be.
pub async fn run(plan: &Plan, away: Duration, progress: Progress) -> Result<()> {
    let plan = Plan {
        wired: true,
        ..plan.clone()
    };
    let mut trial = Trial::begin(&plan, progress).await?;
    let told = Box::pin(tell(&mut trial, away, progress)).await;
    trial.end(told, progress)
}

async fn tell(trial: &mut Trial, away: Duration, progress: Progress) -> Result<()> {
    let more = beyond(trial)?;
    let stage = progress.stage("Outage", "one operator away");
    stage.done(&one_away(trial).await.context("one operator away")?);
    let stage = progress.stage("Outage", "one more than can be missed away, back one by one");
    stage.done(
        &too_many_away(trial, &more, Back::OneByOne)
            .await
            .context("back one by one")?,
    );
    let stage = progress.stage("Outage", "one more than can be missed away, back together");
    stage.done(
        &too_many_away(trial, &more, Back::Together)
            .await
            .context("back together")?,
    );
    let stage = progress.stage("Outage", "all killed at once");
    stage.done(&all_away(trial).await.context("all killed at once")?);
    let stage = progress.stage("Outage", &format!("one hangs for {} s", away.as_secs()));
    stage.done(&hanging(trial, away).await.context("one hangs")?);
    let stage = progress.stage("Outage", &format!("one is cut off for {} s", away.as_secs()));
    stage.done(&cut_off(trial, away).await.context("one is cut off")?);
    let stage = progress.stage("Check", "every payment, on every operator");
    trial.payers.rest().await;
    let everybody = trial.everybody();
    let payments = trial.look_up(0, &everybody).await?;
    stage.done(&format!("{payments} payments, none lost"));
    Ok(())
}

/// One operator more than the federation can miss; never the witness.
fn beyond(trial: &Trial) -> Result<Vec<usize>> {
    let size = trial.testnet.cluster.size();
    let fault = size.saturating_sub(1) / 3;
    let others = (0..size).filter(|place| *place != WITNESS);
    let more: Vec<usize> = others.take(fault + 1).collect();
    anyhow::ensure!(more.contains(&VICTIM), "the victim is among the first");
    Ok(more)
}

async fn one_away(trial: &mut Trial) -> Result<String> {
    trial.kill(&[VICTIM]).await?;
    goes_on(trial).await?;
    let status = trial.witness()?.status().await?;
    if !status.ready {
        bail!(Failure::Unseen(format!(
            "with one away the witness is not ready: {:?}",
            status.blockers
        )));
    }
    let took = returns(trial, &[VICTIM]).await?;
    Ok(format!("goes on; votes again {} after its start", ms(took)))
}

/// How those that were killed come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// The first makes a quorum; then the others.
    OneByOne,
    /// All in one moment.
    Together,
}

async fn too_many_away(trial: &mut Trial, more: &[usize], back: Back) -> Result<String> {
    trial.kill(more).await?;
    let begun = Instant::now();
    blocked(trial, WITNESS, "no-quorum").await?;
    let said = begun.elapsed();
    let height = stands(trial).await?;

    let first = more.get(..1).unwrap_or(more);
    let begun = Instant::now();
    match back {
        Back::OneByOne => trial.revive(first)?,
        Back::Together => trial.revive(more)?,
    }
    goes_on(trial).await?;
    let on = begun.elapsed();
    if back == Back::OneByOne {
        trial.revive(more.get(1..).unwrap_or_default())?;
    }
    settled(trial).await?;
    Ok(format!(
        "{more:?} away: no-quorum said after {}, stood at height {height}; went on {} after a start",
        ms(said),
        ms(on)
    ))
}

async fn all_away(trial: &mut Trial) -> Result<String> {
    let everybody = trial.everybody();
    trial.kill(&everybody).await?;
    let begun = Instant::now();
    trial.revive(&everybody)?;
    goes_on(trial).await?;
    let on = begun.elapsed();
    settled(trial).await?;
    Ok(format!("went on {} after their start", ms(on)))
}

async fn hanging(trial: &mut Trial, away: Duration) -> Result<String> {
    trial.testnet.cluster.freeze(VICTIM).await?;
    let ended = Instant::now() + away;
    goes_on(trial).await?;
    tokio::time::sleep(ended.saturating_duration_since(Instant::now())).await;
    let missed = trial.witness()?.status().await?.height;
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let begun = Instant::now();
    trial.testnet.cluster.thaw(VICTIM).await?;
    heard(trial, &mut ballot).await?;
    let took = begun.elapsed();
    trial.reaches(VICTIM, missed).await?;
    settled(trial).await?;
    Ok(format!(
        "the others went on to height {missed}; votes again after {}",
        ms(took)
    ))
}

async fn cut_off(trial: &mut Trial, away: Duration) -> Result<String> {
    let process = trial.testnet.cluster.process_ids().nth(VICTIM).flatten();
    let process = process.context("the victim's process")?;
    wires(trial)?.cut(VICTIM, process);
    let begun = Instant::now();
    goes_on(trial).await?;
    blocked(trial, VICTIM, "no-quorum").await?;
    let said = begun.elapsed();
    tokio::time::sleep(away.saturating_sub(begun.elapsed())).await;
    let missed = trial.witness()?.status().await?.height;
    let own = trial.testnet.cluster.api(VICTIM)?.status().await?.height;
    if own >= missed {
        bail!(Failure::Unseen(format!(
            "cut off, it decided height {own} of {missed} all the same"
        )));
    }
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let begun = Instant::now();
    wires(trial)?.mend();
    heard(trial, &mut ballot).await?;
    let took = begun.elapsed();
    trial.reaches(VICTIM, missed).await?;
    settled(trial).await?;
    Ok(format!(
        "it said no-quorum after {} and stood at {own} of {missed}; votes again after {}",
        ms(said),
        ms(took)
    ))
}

fn wires(trial: &Trial) -> Result<&crate::wires::Wires> {
    trial
        .testnet
        .wires
        .as_ref()
        .context("this federation has no wires")
}

/// Starts those again and waits until the first was heard voting, and all are level.
async fn returns(trial: &mut Trial, gone: &[usize]) -> Result<Duration> {
    let first = *gone.first().context("somebody was away")?;
    let mut ballot = Ballot::open(trial.witness()?, first).await?;
    let begun = Instant::now();
    trial.revive(gone)?;
    heard(trial, &mut ballot).await?;
    let took = begun.elapsed();
    settled(trial).await?;
    Ok(took)
}

async fn heard(trial: &Trial, ballot: &mut Ballot) -> Result<()> {
    let witness = trial.witness()?;
    let ballot = tokio::sync::Mutex::new(ballot);
    until(
        "a vote of the operator that is back",
        CATCH_UP_PATIENCE,
        || async {
            Ok(if ballot.lock().await.look(witness).await? {
                Look::Seen(())
            } else {
                Look::NotYet("no certificate names it".into())
            })
        },
    )
    .await
}

/// Every user's payments are committed that were not yet.
async fn goes_on(trial: &mut Trial) -> Result<()> {
    trial.payers.still_pay()?;
    let before = trial.payers.told().len();
    let payers = &trial.payers;
    until(
        "payments of every user to be committed",
        CATCH_UP_PATIENCE,
        || async {
            let told = payers.told();
            let new = told.get(before..).unwrap_or_default();
            let of = |user| new.iter().filter(|promise| promise.lane == user).count();
            let counts: Vec<usize> = (0..payers.count()).map(of).collect();
            Ok(if counts.iter().all(|count| *count >= ENOUGH) {
                Look::Seen(())
            } else {
                Look::NotYet(format!(
                    "each user had {counts:?} of {ENOUGH}{}",
                    payers.waiting()
                ))
            })
        },
    )
    .await
    .or_else(|late| trial.payers.still_pay().and(Err(late)))
}

/// An operator says of itself that it is not ready, and why.
async fn blocked(trial: &Trial, place: usize, code: &str) -> Result<()> {
    let api = trial.testnet.cluster.api(place)?;
    until(
        &format!("operator {place} to say {code}"),
        CATCH_UP_PATIENCE,
        || async {
            let status = api.status().await?;
            let says = !status.ready && status.blockers.iter().any(|one| one.code == code);
            Ok(if says {
                Look::Seen(())
            } else {
                Look::NotYet(format!("it says {:?}", status.blockers))
            })
        },
    )
    .await
}

/// Without a quorum nothing is decided, however long payments wait.
async fn stands(trial: &Trial) -> Result<u32> {
    let height = trial.witness()?.status().await?.height;
    let promises = trial.payers.told().len();
    tokio::time::sleep(STAND).await;
    let later = trial.witness()?.status().await?.height;
    let told = trial.payers.told().len();
    if later != height || told > promises + trial.payers.count() {
        bail!(Failure::Unseen(format!(
            "without a quorum the height went from {height} to {later}, and {told} promises became of {promises}"
        )));
    }
    Ok(height)
}

/// All operators live, are ready, hold one history and every promise in it, and nobody raised an alarm.
async fn settled(trial: &mut Trial) -> Result<()> {
    trial.all_live()?;
    trial.testnet.cluster.ready().await?;
    let everybody = trial.everybody();
    trial.looked_up = trial.look_up(trial.looked_up, &everybody).await?;
    Ok(())
}

fn ms(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A user's payment that was under way, and a new one.
const ENOUGH: usize = 2;
/// Several views of a federation that could decide.
const STAND: Duration = Duration::from_secs(3);
