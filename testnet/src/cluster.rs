//! The operator processes of a testnet: real ones, each with its own folder, keys, ports and log.
//!
//! A process is this executable again, as `plasma-testnet plasma node start …`, or the binary that the user names. It
//! stops by itself when its standard input closes, so it cannot outlive us.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use plasma_node::api::view::StatusView;
use tokio::process::Command;

use crate::api::Api;
use crate::deadline::{Look, until};
use crate::guard::Guarded;
use crate::wires::Ends;

/// Where one operator lives, fixed when the federation is made.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its folder.
    pub folder: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// Port of its HTTP API.
    pub api_port: u16,
    /// Its multiaddress with the peer id.
    pub p2p: String,
    /// The wire to it, when its address is the end of one.
    pub wire: Option<Ends>,
}

/// What runs an operator.
#[derive(Clone, Debug)]
pub enum Program {
    /// This executable itself.
    Ourselves,
    /// A binary `plasma`.
    Binary(PathBuf),
}

/// All operators of a federation, running or not.
#[derive(Debug)]
pub struct Cluster {
    program: Program,
    operators: Vec<Operator>,
    /// The first so many lie.
    forgers: usize,
}

#[derive(Debug)]
struct Operator {
    place: Place,
    api: Api,
    running: Option<Guarded>,
}

impl Cluster {
    /// Starts every operator, the first `forgers` of them as liars; they are not ready yet.
    ///
    /// # Errors
    /// When a process cannot be started.
    pub fn start(program: Program, places: Vec<Place>, forgers: u16) -> Result<Self> {
        let operator = |place: Place| {
            let api = Api::new(&format!("http://127.0.0.1:{}", place.api_port))?;
            Ok(Operator {
                place,
                api,
                running: None,
            })
        };
        let operators = places.into_iter().map(operator).collect::<Result<_>>()?;
        let mut cluster = Self {
            program,
            operators,
            forgers: forgers.into(),
        };
        for index in 0..cluster.operators.len() {
            cluster.revive(index)?;
        }
        Ok(cluster)
    }

    /// One more operator; it does not run yet. Gives its number.
    ///
    /// # Errors
    /// When its port makes no address.
    pub fn add(&mut self, place: Place) -> Result<usize> {
        let api = Api::new(&format!("http://127.0.0.1:{}", place.api_port))?;
        self.operators.push(Operator {
            place,
            api,
            running: None,
        });
        Ok(self.operators.len().saturating_sub(1))
    }

    /// Runs a command of an operator's own program on a file, with its settings.
    ///
    /// # Errors
    /// When it cannot be run, takes too long or fails; with what it said.
    pub async fn tool(&self, index: usize, words: &[&str], file: &Path) -> Result<String> {
        let place = &self.operators.get(index).ok_or_else(|| unknown(index))?.place;
        let mut command = self.program(false, &[])?;
        command.args(words).arg(file).arg("--config").arg(&place.config);
        command.current_dir(&place.folder).kill_on_drop(true);
        let output = tokio::time::timeout(TOOL_PATIENCE, command.output());
        let output = output
            .await
            .with_context(|| format!("plasma {}", words.join(" ")))??;
        anyhow::ensure!(
            output.status.success(),
            "plasma {} at operator {index} ended with {}: {}",
            words.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// How many operators there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.operators.len()
    }

    /// The API of every operator, in order.
    pub fn apis(&self) -> impl Iterator<Item = &Api> {
        self.operators.iter().map(|operator| &operator.api)
    }

    /// The API of one operator.
    ///
    /// # Errors
    /// When there is no such operator.
    pub fn api(&self, index: usize) -> Result<&Api> {
        Ok(&self.operators.get(index).ok_or_else(|| unknown(index))?.api)
    }

    /// The process id of every operator that runs.
    pub fn process_ids(&self) -> impl Iterator<Item = Option<u32>> {
        self.operators
            .iter()
            .map(|operator| operator.running.as_ref().and_then(Guarded::id))
    }

    /// Where every operator lives, in order.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.operators.iter().map(|operator| &operator.place)
    }

    /// Starts an operator that does not run.
    ///
    /// # Errors
    /// When there is no such operator or it cannot be started.
    pub fn revive(&mut self, index: usize) -> Result<()> {
        self.revive_under(index, &[])
    }

    /// The same with the operator's own command behind the words of another one, which must become the operator.
    ///
    /// # Errors
    /// When there is no such operator or it cannot be started.
    pub fn revive_under(&mut self, index: usize, wrap: &[OsString]) -> Result<()> {
        let command = self.command(index, wrap)?;
        let operator = self.operators.get_mut(index).ok_or_else(|| unknown(index))?;
        operator.running = Some(Guarded::tied(command, &operator.place.log)?);
        Ok(())
    }

    /// SIGKILL, as a power cut would.
    ///
    /// # Errors
    /// When there is no such operator or it does not run.
    pub async fn kill(&mut self, index: usize) -> Result<()> {
        let operator = self.operators.get_mut(index).ok_or_else(|| unknown(index))?;
        let mut running = operator
            .running
            .take()
            .ok_or_else(|| anyhow!("operator {index} does not run"))?;
        running.kill().await
    }

    /// Stops an operator where it stands, as a machine does that hangs.
    ///
    /// # Errors
    /// When there is no such operator or it does not run.
    pub async fn freeze(&self, index: usize) -> Result<()> {
        self.signal(index, "STOP").await
    }

    /// Lets an operator go on where it was stopped.
    ///
    /// # Errors
    /// When there is no such operator or it does not run.
    pub async fn thaw(&self, index: usize) -> Result<()> {
        self.signal(index, "CONT").await
    }

    async fn signal(&self, index: usize, name: &str) -> Result<()> {
        let operator = self.operators.get(index).ok_or_else(|| unknown(index))?;
        let process = operator.running.as_ref().and_then(Guarded::id);
        let process = process.ok_or_else(|| anyhow!("operator {index} does not run"))?;
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &process.to_string()])
            .status();
        let status = sent.await.context("the program `kill`")?;
        anyhow::ensure!(status.success(), "operator {index} did not get the signal {name}");
        Ok(())
    }

    /// Operators that ended by themselves since this was asked last, each with how.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Vec<(usize, ExitStatus)>> {
        let mut found = Vec::new();
        for (index, operator) in self.operators.iter_mut().enumerate() {
            if let Some(status) = operator.ended()? {
                operator.running = None;
                found.push((index, status));
            }
        }
        Ok(found)
    }

    /// Waits until every operator answers, is ready and sees all others.
    ///
    /// # Errors
    /// When one ends instead, or they are not ready in time.
    pub async fn ready(&mut self) -> Result<()> {
        let others = self.size().saturating_sub(1);
        for index in 0..self.size() {
            let what = format!("operator {index} to be ready");
            let operator =
                std::cell::RefCell::new(self.operators.get_mut(index).ok_or_else(|| unknown(index))?);
            until(&what, READY_PATIENCE, || async {
                operator.borrow_mut().still_runs()?;
                let api = operator.borrow().api.clone();
                Ok(match api.status().await {
                    Ok(status) if status.ready && status.peers.members.len() == others => Look::Seen(()),
                    Ok(status) => Look::NotYet(describe(&status)),
                    Err(error) => Look::NotYet(format!("{error:#}")),
                })
            })
            .await?;
        }
        Ok(())
    }

    /// The program that operators run, or one that can lie, as the last words of another command.
    fn program(&self, lies: bool, wrap: &[OsString]) -> Result<Command> {
        let mut words = wrap.to_vec();
        match &self.program {
            // A binary that is shipped cannot lie; we can.
            Program::Binary(path) if !lies => words.push(path.into()),
            Program::Binary(_) | Program::Ourselves => {
                words.push(std::env::current_exe().context("our own executable")?.into());
                words.push("plasma".into());
            }
        }
        let (program, arguments) = words.split_first().context("a program")?;
        let mut command = Command::new(program);
        command.args(arguments);
        // The user's own settings for an operator are not the testnet's.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PLASMA_"))
        {
            command.env_remove(name);
        }
        Ok(command)
    }

    fn command(&self, index: usize, wrap: &[OsString]) -> Result<Command> {
        let place = &self.operators.get(index).ok_or_else(|| unknown(index))?.place;
        let lies = index < self.forgers;
        let mut command = self.program(lies, wrap)?;
        command
            .args(["node", "start", "--exit-on-stdin-close", "--config"])
            .arg(&place.config);
        command.current_dir(&place.folder);
        if lies {
            command.env(FORGING, FORGING_DEPOSITS);
        }
        Ok(command)
    }
}

impl Operator {
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.running.as_mut().map(Guarded::ended).transpose()?.flatten())
    }

    fn still_runs(&mut self) -> Result<()> {
        match self.ended()? {
            Some(status) => bail!(
                "an operator ended with {status}; its last words:\n{}",
                last_words(&self.place.log)
            ),
            None => Ok(()),
        }
    }
}

fn describe(status: &StatusView) -> String {
    let blockers: Vec<&str> = status
        .blockers
        .iter()
        .map(|blocker| blocker.text.as_str())
        .collect();
    format!(
        "it is {} with peers {:?}; {}",
        status.state,
        status.peers.members,
        blockers.join("; ")
    )
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(LAST_LINES)..)
        .unwrap_or_default()
        .join("\n")
}

fn unknown(index: usize) -> anyhow::Error {
    anyhow!("there is no operator {index}")
}

/// Asks an operator of a build with the feature `forging` to take marked deposits for twice what they are.
const FORGING: &str = "PLASMA_FORGING";
const FORGING_DEPOSITS: &str = "deposits";
/// Starting four processes on two busy cores takes a few seconds.
const READY_PATIENCE: Duration = Duration::from_secs(60);
/// A command of one operator reads a few files and asks Ethereum once.
const TOOL_PATIENCE: Duration = Duration::from_secs(30);
/// Enough of a log to see why a process ended.
const LAST_LINES: usize = 8;
