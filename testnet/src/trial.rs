//! Trials by fire: real operators are killed, frozen and cut off while payments run, and everything that was promised
//! meanwhile is looked up afterwards.
//!
//! [`killing`] kills one operator at every operation that changes its disk; [`restarting`] measures how soon a killed
//! operator votes again; [`rejoining`] takes its vote log from it, [`joining`] its storage; [`outages`] takes away more operators than the federation can miss, and gives them back;
//! [`flooding`] sends them more than they can do; [`leading`] kills whoever leads before it can propose what a client waits for;
//! [`wallet`] kills a user's wallet instead.

pub mod flooding;
pub mod joining;
pub mod killing;
pub mod leading;
pub mod outages;
pub mod rejoining;
pub mod restarting;
pub mod wallet;

mod alarms;
mod ballot;
mod payers;
mod promises;
mod strace;
mod tail;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use plasma_node::api::view::StatusView;

use self::alarms::Alarms;
use self::payers::Payers;
use crate::deadline::{Look, until};
use crate::ether::eth;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet};

/// A federation under trial: its users pay all the time at every operator but the victim.
#[derive(Debug)]
struct Trial {
    testnet: Testnet,
    payers: Payers,
    alarms: Alarms,
    /// So many promises were looked up already.
    looked_up: usize,
}

impl Trial {
    /// Starts a federation, funds its users and lets them pay.
    async fn begin(plan: &Plan, progress: Progress) -> Result<Self> {
        let testnet = Testnet::start(plan, progress).await?;
        let stage = progress.stage("Fund", "one deposit per account");
        testnet.fund_users(eth(1)).await?;
        stage.done(&format!("{} accounts pay without a pause", testnet.users.len()));
        let doors: Vec<usize> = (0..testnet.cluster.size())
            .filter(|index| *index != VICTIM)
            .collect();
        let payers = Payers::start(&testnet, &doors)?;
        let alarms = Alarms::new(&testnet);
        Ok(Self {
            testnet,
            payers,
            alarms,
            looked_up: 0,
        })
    }

    /// Waits until the operators of these places agree on a height that covers every promise made so far, and looks up
    /// all promises from the `first` on at each of them; how many there are now.
    async fn look_up(&mut self, first: usize, places: &[usize]) -> Result<usize> {
        self.payers.still_pay()?;
        let promises = self.payers.told();
        let new = promises.get(first..).unwrap_or_default();
        let height = new.iter().map(|promise| promise.height).max().unwrap_or(0);
        for place in places {
            self.reaches(*place, height).await?;
            promises::hold(self.testnet.cluster.api(*place)?, *place, new).await?;
        }
        self.agree(places, height).await?;
        self.alarms.stay_silent()?;
        Ok(promises.len())
    }

    /// Waits until an operator has decided a height.
    async fn reaches(&self, place: usize, height: u32) -> Result<StatusView> {
        self.reaches_within(place, height, CATCH_UP_PATIENCE).await
    }

    /// The same with another patience.
    async fn reaches_within(&self, place: usize, height: u32, patience: Duration) -> Result<StatusView> {
        let what = format!("operator {place} to reach height {height}");
        until(&what, patience, || async {
            Ok(match self.testnet.cluster.api(place)?.status().await {
                Ok(status) if status.height >= height => Look::Seen(status),
                Ok(status) => Look::NotYet(describe(&status)),
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        })
        .await
    }

    /// All of these hold one and the same block at a height, and with it one and the same history below it.
    async fn agree(&self, places: &[usize], height: u32) -> Result<()> {
        let mut ids = Vec::new();
        for place in places {
            ids.push(self.testnet.cluster.api(*place)?.block(height).await?.id);
        }
        if ids.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        bail!(Failure::Unseen(format!(
            "operators {places:?} hold different blocks at height {height}: {ids:?}"
        )))
    }

    /// SIGKILL of every operator of these places.
    async fn kill(&mut self, places: &[usize]) -> Result<()> {
        for place in places {
            self.testnet.cluster.kill(*place).await?;
        }
        Ok(())
    }

    fn revive(&mut self, places: &[usize]) -> Result<()> {
        places
            .iter()
            .try_for_each(|place| self.testnet.cluster.revive(*place))
    }

    /// No operator may end by itself.
    fn all_live(&mut self) -> Result<()> {
        match self.testnet.ended()?.first() {
            Some(words) => bail!(Failure::Unseen(words.clone())),
            None => Ok(()),
        }
    }

    /// Ends the federation; its logs stay for whoever wants to know why something was not as it must be.
    fn end<T>(mut self, told: Result<T>, progress: Progress) -> Result<T> {
        if told.is_err() {
            let folder = self.testnet.keep_folder();
            progress.say(&format!("  the operators' logs stay in {folder}"));
        }
        told
    }

    fn everybody(&self) -> Vec<usize> {
        (0..self.testnet.cluster.size()).collect()
    }

    fn witness(&self) -> Result<&crate::api::Api> {
        self.testnet.cluster.api(WITNESS).context("the witness")
    }
}

/// What an operator says of itself, in a few words.
fn describe(status: &StatusView) -> String {
    let codes: Vec<&str> = status.blockers.iter().map(|one| one.code.as_str()).collect();
    format!(
        "it is {} at height {}, view {} after {}, with {} peers, blockers {codes:?}",
        status.state,
        status.height,
        status.consensus.view,
        status.consensus.final_view,
        status.peers.members.len(),
    )
}

/// The operator that dies.
const VICTIM: usize = 1;
/// The operator that lives, and whose word counts.
const WITNESS: usize = 0;
/// Users; each waits for its last payment before it makes the next one, so there is work for every block.
pub const PAYERS: u32 = 4;
/// Starting, connecting, and the blocks that were missed, on a busy machine.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(60);
