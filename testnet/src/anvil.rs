//! The Ethereum node of a testnet: a real anvil, found or fetched, tied to our life.

mod binary;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;

use crate::deadline::{Look, until};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::guard::{Guarded, guarded};
use crate::l1::L1;
use crate::ports::Ports;
use crate::progress::Progress;

/// A running anvil.
#[derive(Debug)]
pub struct Anvil {
    l1: L1,
    guard: Guarded,
}

impl Anvil {
    /// Finds anvil (fetching it if need be) and starts it with a block every second.
    ///
    /// # Errors
    /// [`Failure::Missing`] when there is no way to get an anvil or a port.
    pub async fn start(
        folder: &Folder,
        ports: &mut Ports,
        accounts: u32,
        progress: Progress,
    ) -> Result<Self> {
        let binary = binary::find(folder, progress).await?;
        let stage = progress.stage("L1", "starting anvil");
        let home = folder.sub("l1")?;
        let log = home.join("anvil.log");
        for _ in 0..PORT_RACES_MAX {
            let port = ports.free()?;
            let mut command = guarded(&binary, &arguments(port, accounts, &home))?;
            // Whatever it would write into the user's home lands in the run's folder.
            command.env("HOME", &home).current_dir(&home);
            let mut guard = Guarded::tied(command, &log)?;
            let l1 = L1::new(&format!("http://127.0.0.1:{port}"))?;
            if let Some(version) = answers(&mut guard, &l1).await? {
                stage.done(&format!("{version} at {}, chain {CHAIN_ID}", l1.url()));
                return Ok(Self { l1, guard });
            }
        }
        Err(Failure::Missing(format!(
            "anvil ended as soon as it started; its last words:\n{}\n  ways out: {}",
            last_lines(&log),
            binary::WAYS_OUT
        ))
        .into())
    }

    /// Its JSON-RPC.
    #[must_use]
    pub fn l1(&self) -> &L1 {
        &self.l1
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.guard.ended()
    }

    /// The process that guards it while it runs.
    #[must_use]
    pub fn guard_id(&self) -> Option<u32> {
        self.guard.id()
    }
}

/// Its version once it answers; `None` when it ended instead, as it does when the port was taken in the meantime.
async fn answers(guard: &mut Guarded, l1: &L1) -> Result<Option<String>> {
    let guard = std::cell::RefCell::new(guard);
    until("anvil to answer", START_PATIENCE, || async {
        if guard.borrow_mut().ended()?.is_some() {
            return Ok(Look::Seen(None));
        }
        Ok(
            match l1
                .call::<String>("web3_clientVersion", serde_json::json!([]))
                .await
            {
                Ok(version) => Look::Seen(Some(version)),
                Err(error) => Look::NotYet(format!("{error:#}")),
            },
        )
    })
    .await
}

fn arguments(port: u16, accounts: u32, home: &Path) -> Vec<OsString> {
    let port = port.to_string();
    let accounts = accounts.to_string();
    let chain = CHAIN_ID.to_string();
    let mut arguments: Vec<OsString> = ["--port", &port, "--accounts", &accounts, "--chain-id", &chain]
        .iter()
        .chain(&[
            "--block-time",
            "1",
            "--hardfork",
            "prague",
            "--enable-tx-gas-limit",
            "--silent",
        ])
        .map(OsString::from)
        .collect();
    arguments.push("--cache-path".into());
    arguments.push(home.join("states").into());
    arguments
}

fn last_lines(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// The chain id of every local testnet, anvil's own default.
pub const CHAIN_ID: u64 = 31_337;
/// Loading anvil from a cold disk took 2 s; a busy two-core machine may need several times that.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Somebody else may take a free port between our look and anvil's; three times in a row they will not.
const PORT_RACES_MAX: usize = 3;
/// Enough of a log to see why something ended.
const LAST_LINES: usize = 5;
