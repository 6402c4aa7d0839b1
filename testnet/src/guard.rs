//! A child that cannot outlive us, whatever kills us.
//!
//! Programs that do not watch their standard input (anvil, npm) run under a *guard*: this same executable, started as
//! `plasma-testnet guard -- program arguments…` with a pipe as its standard input. The kernel closes the pipe when we
//! die, even by SIGKILL; the guard then kills and reaps the program. Operator processes watch their input themselves.
//! Every child leads its own process group, so ctrl-C in the terminal reaches only us and we stop the others in order.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// A running child whose life hangs on a pipe that we hold.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
}

/// A command that runs `program` under a guard.
///
/// # Errors
/// When our own executable cannot be named.
pub fn guarded(program: &Path, arguments: &[OsString]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("our own executable")?);
    command.arg("guard").arg("--").arg(program).args(arguments);
    Ok(command)
}

impl Guarded {
    /// Starts a command that ends by itself when its standard input closes, with both outputs going to `log`.
    ///
    /// Dropping the value closes the input and waits.
    ///
    /// # Errors
    /// When the log cannot be opened or the command cannot be started.
    pub fn tied(mut command: Command, log: &Path) -> Result<Self> {
        let out = std::fs::File::options().create(true).append(true).open(log);
        let out = out.with_context(|| format!("opening {}", log.display()))?;
        let err = out.try_clone().context("the log for standard error")?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", command.as_std().get_program().display()))?;
        Ok(Self { child })
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("asking for a child's state")
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        // `Child::wait` would close the pipe first, and with it end the child.
        let stdin = self.child.stdin.take();
        let status = self.child.wait().await.context("waiting for a child");
        drop(stdin);
        status
    }

    /// SIGKILL, now. Not for guards.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("killing a child")
    }
}

impl Drop for Guarded {
    /// Closes its input and waits until it is gone; kills it when it does not go.
    ///
    /// This blocks, and may: whoever drops a child has nothing left to do but to leave nothing behind.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > STOP_PATIENCE {
                // It may be gone this very moment, which is what we want.
                let _gone = self.child.start_kill();
            }
            std::thread::sleep(STOP_LOOK);
        }
    }
}

/// The guard's own life: run the program, and kill it when our standard input ends.
#[must_use]
pub async fn watch(program: &[OsString]) -> ExitCode {
    let Some((name, arguments)) = program.split_first() else {
        return ExitCode::from(USAGE);
    };
    let child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut child) = child else {
        return ExitCode::from(NOT_STARTED);
    };
    let ended = tokio::select! {
        status = child.wait() => status.ok().and_then(|status| status.code()),
        () = input_ends() => None,
    };
    if ended.is_none() {
        // Both may fail only because the program is gone already, which is what we want.
        let _gone = child.kill().await;
    }
    ended
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::from(KILLED), ExitCode::from)
}

async fn input_ends() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 64];
    while matches!(input.read(&mut ignored).await, Ok(read) if read > 0) {}
}

/// An operator drains and syncs its log within a second or two; longer means it hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at a child that is about to end.
const STOP_LOOK: Duration = Duration::from_millis(10);
/// Exit codes of the guard itself, as shells use them.
const USAGE: u8 = 2;
const NOT_STARTED: u8 = 127;
const KILLED: u8 = 137;
