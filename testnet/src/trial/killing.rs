//! The sweep: one operator of a federation is killed at every operation that changes its disk.
//!
//! First it runs under strace for a workload of some blocks, and every such operation is written down. Then it dies at
//! each of them, in a life of its own from the start of the process, while users pay at the others. After every death it
//! is started with its ordinary command and nothing else is done: it must run, be heard voting again, and hold every
//! payment that anybody was told is committed; all must hold the same blocks; nobody may raise an alarm.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::ballot::Ballot;
use super::strace::{self, Site};
use super::{CATCH_UP_PATIENCE, Trial, VICTIM, WITNESS, describe};
use crate::deadline::{Look, until};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::Plan;

/// What is swept.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The workload: operations of so many blocks are hit.
    pub blocks: u32,
    /// One in so many of them.
    pub every: u32,
    /// So many are left out before the first, so that several sweeps share the work.
    pub skip: u32,
    /// Only at places whose name contains this.
    pub place: Option<String>,
    /// At most so many lives.
    pub lives: Option<u32>,
    /// What is done wrong on purpose, so that the sweep must fail.
    pub planted: Option<Planted>,
}

/// Faults that no operator survives unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Planted {
    /// The vote log is gone when the operator comes back.
    LostLog,
    /// The vote log forgets its newest records, as on a disk that only says that it wrote them.
    OldLog,
}

/// Runs the sweep and shows its sum.
///
/// # Errors
/// The first thing that was not as it must be, or strace is missing.
pub async fn run(plan: &Plan, wish: &Wish, progress: Progress) -> Result<()> {
    strace::presence().await?;
    let plan = Plan {
        pace: Some(PACE),
        ..plan.clone()
    };
    let mut trial = Trial::begin(&plan, progress).await?;
    let told = Box::pin(sweep(&mut trial, wish, progress)).await;
    show(&trial.end(told, progress)?);
    Ok(())
}

async fn sweep(trial: &mut Trial, wish: &Wish, progress: Progress) -> Result<Tally> {
    let stage = progress.stage("Record", &format!("the disk's work in {} blocks", wish.blocks));
    let mut sites = record(trial, wish.blocks).await?;
    if let Some(part) = &wish.place {
        let known: Vec<String> = sites.iter().map(Site::to_string).collect();
        sites.retain(|site| site.to_string().contains(part));
        anyhow::ensure!(
            !sites.is_empty(),
            "no place is named {part}: there are {}",
            known.join(", ")
        );
    }
    let operations: u32 = sites.iter().map(|site| site.count).sum();
    stage.done(&format!("{operations} operations at {} places", sites.len()));

    let deaths = sites
        .iter()
        .flat_map(|site| (1..=site.count).map(move |when| (site, when)));
    let deaths = deaths.skip(usize::try_from(wish.skip)?);
    let deaths = deaths.step_by(usize::try_from(wish.every)?.max(1));
    let lives = usize::try_from(wish.lives.unwrap_or(u32::MAX))?;
    let deaths: Vec<(&Site, u32)> = deaths.take(lives).collect();
    let stage = progress.stage("Kill", &format!("{} lives", deaths.len()));
    let mut tally = Tally::new(operations);
    let begun = Instant::now();
    for (life, (site, when)) in deaths.iter().enumerate() {
        stage.doing(&format!(
            "life {} of {}: {site}, number {when}",
            life + 1,
            deaths.len()
        ));
        one(trial, wish, (site, *when), &mut tally)
            .await
            .with_context(|| {
                format!(
                    "life {} of {}, killed at {site} number {when}",
                    life + 1,
                    deaths.len()
                )
            })?;
    }
    tally.lived = begun.elapsed();
    stage.doing("every payment, on every operator");
    trial.payers.still_pay()?;
    trial.payers.rest().await;
    trial.revive(&[VICTIM])?;
    let everybody = trial.everybody();
    tally.payments = trial.look_up(0, &everybody).await?;
    stage.done("every payment is on every operator");
    Ok(tally)
}

/// Runs the victim for a while with all its calls written down, and kills it.
async fn record(trial: &mut Trial, blocks: u32) -> Result<Vec<Site>> {
    trial.kill(&[VICTIM]).await?;
    let file = trial.testnet.folder().run().join("recording");
    let height = trial.witness()?.status().await?.height;
    let cluster = &mut trial.testnet.cluster;
    cluster.revive_under(VICTIM, &strace::recording(&file))?;
    let process = cluster.process_ids().nth(VICTIM).flatten();
    let process = process.context("the victim's process id")?;
    let folder = cluster.places().nth(VICTIM).context("the victim's folder")?;
    let folder = folder.folder.clone();
    reaches_while_alive(trial, height + blocks).await?;
    trial.kill(&[VICTIM]).await?;
    let record = until("the end of the recording", RECORD_PATIENCE, || async {
        let text = tokio::fs::read_to_string(&file).await.unwrap_or_default();
        Ok(if text.contains("+++ killed by SIGKILL +++") {
            Look::Seen(text)
        } else {
            Look::NotYet(format!("{} bytes", text.len()))
        })
    })
    .await?;
    let sites = strace::sites(&record, process, &folder);
    anyhow::ensure!(
        !sites.is_empty(),
        "the recording names no call in {}",
        folder.display()
    );
    Ok(sites)
}

/// Waits until the victim has decided a height; it may not end before.
async fn reaches_while_alive(trial: &mut Trial, height: u32) -> Result<()> {
    let api = trial.testnet.cluster.api(VICTIM)?.clone();
    let begun = Instant::now();
    loop {
        trial.all_live()?;
        if api.status().await.is_ok_and(|status| status.height >= height) {
            return Ok(());
        }
        if begun.elapsed() > CATCH_UP_PATIENCE + WORK_PATIENCE {
            bail!(Failure::Unseen(format!(
                "the victim did not reach height {height}"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// One life that ends at an operation, and the next one, which must be as if nothing had happened.
async fn one(trial: &mut Trial, wish: &Wish, (site, when): (&Site, u32), tally: &mut Tally) -> Result<()> {
    let born = Instant::now();
    match wish.planted {
        Some(Planted::OldLog) => forget(trial).await?,
        _ if die(trial, wish, site, when).await? => *tally.killed.entry(site.to_string()).or_default() += 1,
        _ => tally.unharmed += 1,
    }
    if wish.planted == Some(Planted::LostLog) {
        std::fs::remove_dir_all(vote_log(trial)?).context("removing the vote log")?;
    }
    tally.dying += born.elapsed();
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let begun = Instant::now();
    trial.revive(&[VICTIM])?;
    votes(trial, &mut ballot, begun).await?;
    tally.votes_again.push(begun.elapsed());
    trial.looked_up = trial.look_up(trial.looked_up, &[VICTIM]).await?;
    let everybody = trial.everybody();
    let height = trial.witness()?.status().await?.height;
    for place in &everybody {
        trial.reaches(*place, height).await?;
    }
    trial.agree(&everybody, height).await?;
    trial.all_live()?;
    trial.kill(&[VICTIM]).await
}

/// Starts the victim with its death waiting for it; whether it came before the workload was over.
async fn die(trial: &mut Trial, wish: &Wish, site: &Site, when: u32) -> Result<bool> {
    trial.testnet.cluster.revive_under(VICTIM, &site.killing(when))?;
    let process = trial.testnet.cluster.process_ids().nth(VICTIM).flatten();
    site.attach(process.context("the victim's process id")?, when)
        .await?;
    let api = trial.testnet.cluster.api(VICTIM)?.clone();
    let begun = Instant::now();
    // Where its own work ends: it counts from the blocks that it missed, however long its start took.
    let mut enough = None;
    loop {
        if let Some(status) = ended(trial)? {
            if status.signal() == Some(SIGKILL) {
                return Ok(true);
            }
            bail!(Failure::Unseen(format!(
                "the victim ended by itself with {status}"
            )));
        }
        if let Ok(status) = api.status().await {
            let others = trial.witness()?.status().await?.height;
            // Runs differ a little in how many calls a block takes.
            let end = *enough.get_or_insert(others + wish.blocks + wish.blocks / 2 + SLACK);
            if status.height > end {
                trial.kill(&[VICTIM]).await?;
                return Ok(false);
            }
        }
        if begun.elapsed() > WORK_PATIENCE {
            let words = enough.map_or("answer".into(), |end| format!("reach height {end}"));
            bail!(Failure::Unseen(format!(
                "the victim neither died nor came to {words}"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A life of which the vote log remembers only the beginning, though all of it was written.
async fn forget(trial: &mut Trial) -> Result<()> {
    let mut ballot = Ballot::open(trial.witness()?, VICTIM).await?;
    let begun = Instant::now();
    trial.revive(&[VICTIM])?;
    votes(trial, &mut ballot, begun).await?;
    let log = vote_log(trial)?;
    let copy = log.with_extension("copy");
    std::fs::create_dir_all(&copy)?;
    for file in std::fs::read_dir(&log)?.flatten() {
        std::fs::copy(file.path(), copy.join(file.file_name())).context("copying the vote log")?;
    }
    let enough = trial.witness()?.status().await?.height + FORGOTTEN_BLOCKS;
    trial.reaches(WITNESS, enough).await?;
    trial.kill(&[VICTIM]).await?;
    std::fs::remove_dir_all(&log).context("removing the vote log")?;
    std::fs::rename(&copy, &log).context("putting the older vote log back")
}

fn vote_log(trial: &Trial) -> Result<PathBuf> {
    let place = trial.testnet.cluster.places().nth(VICTIM);
    Ok(place.context("the victim's folder")?.folder.join("data/log"))
}

/// Waits until the witness has heard the victim vote in this life.
async fn votes(trial: &mut Trial, ballot: &mut Ballot, begun: Instant) -> Result<()> {
    loop {
        if let Some(status) = ended(trial)? {
            bail!(Failure::Unseen(format!(
                "the victim came back and ended with {status}"
            )));
        }
        if ballot.look(trial.witness()?).await? {
            return Ok(());
        }
        trial.alarms.stay_silent()?;
        if begun.elapsed() > VOTE_PATIENCE {
            let status = trial.testnet.cluster.api(VICTIM)?.status().await;
            let words = status.map_or_else(|error| format!("{error:#}"), |status| describe(&status));
            bail!(Failure::Unseen(format!(
                "the victim came back and votes no more: {words}"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How the victim ended, if it has; another's end is an end of the trial.
fn ended(trial: &mut Trial) -> Result<Option<ExitStatus>> {
    let mut found = None;
    for (place, status) in trial.testnet.cluster.ended()? {
        if place != VICTIM {
            bail!(Failure::Unseen(format!("operator {place} ended with {status}")));
        }
        found = Some(status);
    }
    Ok(found)
}

/// What was done and seen.
#[derive(Debug)]
struct Tally {
    operations: u32,
    killed: BTreeMap<String, u32>,
    unharmed: u32,
    votes_again: Vec<Duration>,
    payments: usize,
    /// All lives together.
    lived: Duration,
    /// The part of it from starts to deaths.
    dying: Duration,
}

impl Tally {
    fn new(operations: u32) -> Self {
        Self {
            operations,
            killed: BTreeMap::new(),
            unharmed: 0,
            votes_again: Vec::new(),
            payments: 0,
            lived: Duration::ZERO,
            dying: Duration::ZERO,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let killed: u32 = self.killed.values().sum();
        let lives = u32::try_from(self.votes_again.len()).unwrap_or(u32::MAX);
        let longest = self.votes_again.iter().max().copied().unwrap_or_default();
        let back: Duration = self.votes_again.iter().sum();
        let each = |all: Duration| all.as_secs_f64() / f64::from(lives.max(1));
        let never = self.unharmed;
        writeln!(f, "  operations           {} in the workload", self.operations)?;
        writeln!(
            f,
            "  lives                {lives}: {killed} killed at their operation, {never} never came to it"
        )?;
        for (site, count) in &self.killed {
            writeln!(f, "    {count:>6} at {site}")?;
        }
        writeln!(
            f,
            "  votes again          after every death, {:.1} s after its start, at most {:.1} s",
            each(back),
            longest.as_secs_f64()
        )?;
        writeln!(
            f,
            "  payments             {}, none lost; no contradiction, no alarm",
            self.payments
        )?;
        write!(
            f,
            "  took                 {:.0} s, {:.1} s a life, of it {:.1} s to the death",
            self.lived.as_secs_f64(),
            each(self.lived),
            each(self.dying)
        )
    }
}

#[expect(clippy::print_stdout, reason = "the sum is the result of the command")]
fn show(tally: &Tally) {
    println!("{tally}");
}

/// Blocks come as fast as two cores make them: the time of a sweep is that of its blocks.
const PACE: Duration = Duration::from_millis(10);
/// The signal that strace sends.
const SIGKILL: i32 = 9;
/// Between two looks at a victim that may die at any moment.
const LOOK: Duration = Duration::from_millis(20);
/// Blocks more than the workload, whose calls a shorter one may lack.
const SLACK: u32 = 10;
/// Hundreds of blocks, with view changes where the dead one leads, on a busy machine.
const WORK_PATIENCE: Duration = Duration::from_secs(180);
/// Far above what a restart takes, so that a busy machine is no failure.
const VOTE_PATIENCE: Duration = Duration::from_secs(60);
/// Enough that a vote of the forgotten time was heard.
const FORGOTTEN_BLOCKS: u32 = 5;
/// strace writes its last lines when the process is gone.
const RECORD_PATIENCE: Duration = Duration::from_secs(20);
