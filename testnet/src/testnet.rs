//! A whole federation, started in order and stopped in order.
//!
//! Whoever holds a [`Testnet`] holds every process of it. Dropping it, or dying, ends them all:
//! the operators first, then Ethereum, then the run's folder unless it is kept.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::future::try_join_all;
use plasma_core::genesis::Genesis;
use plasma_core::{Address, Amount, Domain};
use plasma_node::api::view::AddressView;
use plasma_node::bridge::account::{Account, Call};
use plasma_node::bridge::contracts::Contracts;
use plasma_node::bridge::direct;
use plasma_node::bridge::methods::Receipt;
use plasma_node::bridge::rpc::Rpc;
use plasma_node::config::{Config, StorageKeys};

use crate::account::User;
use crate::anvil::Anvil;
use crate::api::Api;
use crate::cluster::{Cluster, Program};
use crate::deadline::{Look, until};
use crate::deploy::{Deployment, Newcomer, deploy, invite};
use crate::failure::{DEPENDENCY_MISSING, Failure, exit_code};
use crate::folder::{Ending, Folder};
use crate::l1::L1;
use crate::ports::Ports;
use crate::progress::Progress;
use crate::token::TestToken;
use crate::wires::{Ends, Wires};

/// What a testnet is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many operators, 4 to 100.
    pub operators: u16,
    /// How many test users.
    pub accounts: u32,
    /// The data folder, when not the default one.
    pub data_dir: Option<PathBuf>,
    /// What becomes of the run's folder.
    pub ending: Ending,
    /// The binary `plasma` to run as operators, when not ourselves.
    pub plasma_bin: Option<PathBuf>,
    /// Where every operator keeps its rows.
    pub storage: StorageKeys,
    /// How many operators, the first ones, lie about marked deposits (`plasma_node::runtime::forging`).
    pub forgers: u16,
    /// The least time between two blocks, when not the operators' own default.
    pub pace: Option<Duration>,
    /// Whether the connections between operators pass through wires that can be cut.
    pub wired: bool,
    /// Tells this testnet's folder from those of others in one process.
    pub label: Option<&'static str>,
}

/// A running testnet.
#[derive(Debug)]
pub struct Testnet {
    /// The operator processes.
    pub cluster: Cluster,
    /// Where its contracts lie.
    pub contracts: Contracts,
    /// What its operators agreed on.
    pub genesis: Genesis,
    /// Its test users.
    pub users: Vec<User>,
    /// Its operators' accounts on Ethereum.
    pub operators: Vec<Account>,
    /// The token that its vault takes beside ETH.
    pub token: TestToken,
    /// What its operators are connected by, where the plan asked for it.
    pub wires: Option<Wires>,
    common: Config,
    anvil: Anvil,
    rpc: Rpc,
    folder: Folder,
}

impl Testnet {
    /// Starts everything and waits until every operator is ready.
    ///
    /// # Errors
    /// When a part cannot be had or does not come up in time.
    pub async fn start(plan: &Plan, progress: Progress) -> Result<Self> {
        let mut folder = Folder::create(plan.data_dir.as_deref(), plan.label, plan.ending)?;
        match Self::start_in(&mut folder, plan, progress).await {
            Ok((anvil, rpc, deployment, (cluster, wires), users)) => Ok(Self {
                cluster,
                wires,
                contracts: deployment.contracts,
                genesis: deployment.genesis,
                users,
                operators: deployment.accounts,
                token: deployment.token,
                common: deployment.common,
                anvil,
                rpc,
                folder,
            }),
            // Nothing has run that could have left a log.
            Err(error) if exit_code(&error) == DEPENDENCY_MISSING => Err(error),
            Err(error) => Err(error.context(format!(
                "starting the testnet; logs are in {}",
                folder.keep().display()
            ))),
        }
    }

    async fn start_in(
        folder: &mut Folder,
        plan: &Plan,
        progress: Progress,
    ) -> Result<(Anvil, Rpc, Deployment, (Cluster, Option<Wires>), Vec<User>)> {
        let program = program(plan)?;
        let mut ports = Ports::new();
        let anvil = Anvil::start(folder, &mut ports, plan.accounts.max(1), progress).await?;
        let rpc = Rpc::new(&[anvil.l1().url().to_owned()], L1_PATIENCE)?;

        let stage = progress.stage("Deploy", "keys, contracts, bonds and the genesis document");
        let deployment = deploy(plan, anvil.l1(), &rpc, folder, &mut ports).await?;
        stage.done(&format!(
            "Federation {}, {} members with a bond each",
            deployment.contracts.federation, plan.operators
        ));

        let stage = progress.stage("Operators", &format!("starting {} processes", plan.operators));
        let ends: Vec<Ends> = deployment.places.iter().filter_map(|place| place.wire).collect();
        let wires = if plan.wired {
            Some(Wires::lay(&ends).await?)
        } else {
            None
        };
        let mut cluster = Cluster::start(program, deployment.places.clone(), plan.forgers)?;
        cluster.ready().await?;
        stage.done(&format!("{0}/{0} ready and connected", plan.operators));

        let users = (0..plan.accounts).map(User::at).collect::<Result<_>>()?;
        Ok((anvil, rpc, deployment, (cluster, wires), users))
    }

    /// Furnishes one more operator, which no committee knows yet.
    ///
    /// # Errors
    /// When Ethereum refuses, or a file cannot be written.
    pub async fn invite(&self) -> Result<Newcomer> {
        let document = (&self.genesis, &self.common);
        invite(self.cluster.size(), document, self.anvil.l1(), &self.folder).await
    }

    /// Words about every operator that ended by itself since this was asked last.
    ///
    /// # Errors
    /// When the Ethereum node ended: without it there is no testnet.
    pub fn ended(&mut self) -> Result<Vec<String>> {
        if let Some(status) = self.anvil.ended()? {
            bail!("anvil, the Ethereum node, ended with {status}");
        }
        let ended = self.cluster.ended()?;
        let logs: Vec<&Path> = self.cluster.places().map(|place| place.log.as_path()).collect();
        let word = |(index, status): (usize, ExitStatus)| {
            let log = logs.get(index).map(|log| log.display().to_string());
            format!(
                "operator {index} ended with {status}; see {}",
                log.unwrap_or_default()
            )
        };
        Ok(ended.into_iter().map(word).collect())
    }

    /// The Ethereum node.
    #[must_use]
    pub fn l1(&self) -> &L1 {
        self.anvil.l1()
    }

    /// The process that guards the Ethereum node.
    #[must_use]
    pub fn anvil_guard(&self) -> Option<u32> {
        self.anvil.guard_id()
    }

    /// The operators' own client of the Ethereum node.
    #[must_use]
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// What signatures of this deployment are about.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.genesis.domain()
    }

    /// The data folder of this run.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A test user.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn user(&self, place: usize) -> Result<&User> {
        self.users
            .get(place)
            .ok_or_else(|| anyhow!("there is no test user {place}"))
    }

    /// Deposits ETH for every user at once and waits until every operator has credited all of them.
    ///
    /// # Errors
    /// When a deposit is refused or not credited in time.
    pub async fn fund_users(&self, amount: Amount) -> Result<Vec<Receipt>> {
        let receipts = self.all_send(|_| Ok(self.contracts.deposit_call(amount))).await?;
        for user in &self.users {
            self.credited(user.address(), Address::ZERO, amount).await?;
        }
        Ok(receipts)
    }

    /// Deposits tokens for every user at once and waits until every operator has credited all of them.
    ///
    /// # Errors
    /// When a deposit is refused or not credited in time.
    pub async fn fund_users_with_tokens(&self, units: Amount) -> Result<()> {
        let (token, contracts) = (&self.token, &self.contracts);
        self.all_send(|_| token.approve_call(contracts, units)).await?;
        self.all_send(|user| token.deposit_call(contracts, user.address(), units))
            .await?;
        for user in &self.users {
            self.credited(user.address(), token.address, units).await?;
        }
        Ok(())
    }

    /// Every user sends a call of its own; all are mined.
    async fn all_send(&self, call: impl Fn(&User) -> Result<Call>) -> Result<Vec<Receipt>> {
        let sent = self.users.iter().map(async |user| {
            let call = call(user)?;
            let hash = direct::submit(&self.rpc, user.ethereum(), &call).await?;
            anyhow::Ok(direct::mined(&self.rpc, &call.label, hash).await?)
        });
        let receipts = try_join_all(sent).await.context("depositing")?;
        anyhow::ensure!(
            receipts.iter().all(|receipt| receipt.succeeded),
            "a deposit reverted"
        );
        Ok(receipts)
    }

    /// Waits until every operator says that an address owns this much of an asset.
    ///
    /// # Errors
    /// When one does not in time.
    pub async fn credited(&self, owner: Address, asset: Address, amount: Amount) -> Result<()> {
        let waits = self
            .cluster
            .apis()
            .map(|api| credited_at(api, owner, asset, amount));
        try_join_all(waits).await.map(drop)
    }

    /// Keeps the run's folder, for whoever wants to know why something went wrong.
    pub fn keep_folder(&mut self) -> String {
        self.folder.keep().display().to_string()
    }
}

/// What runs as an operator; a path is made absolute, because operators start in folders of their own.
fn program(plan: &Plan) -> Result<Program> {
    let Some(path) = &plan.plasma_bin else {
        return Ok(Program::Ourselves);
    };
    let absent = |error| Failure::Missing(format!("--plasma-bin {}: {error}", path.display()));
    Ok(Program::Binary(path.canonicalize().map_err(absent)?))
}

async fn credited_at(api: &Api, owner: Address, asset: Address, amount: Amount) -> Result<()> {
    let what = format!(
        "{} to show {} for {owner}",
        api.base(),
        crate::ether::show_asset(asset, amount)
    );
    until(&what, CREDIT_PATIENCE, || async {
        let total = total_of(&api.balance(owner).await?, asset);
        Ok(if total == amount {
            Look::Seen(())
        } else {
            Look::NotYet(format!("it shows {}", crate::ether::show_asset(asset, total)))
        })
    })
    .await
}

/// All that an address owns of an asset, exiting outputs included.
#[must_use]
pub fn total_of(view: &AddressView, asset: Address) -> Amount {
    let found = view.balances.iter().find(|balance| balance.asset.0 == asset);
    found.map_or(Amount::ZERO, |balance| balance.total.0)
}

/// Our own node on the same machine.
const L1_PATIENCE: Duration = Duration::from_secs(10);
/// Two Ethereum blocks and one of ours, on a busy machine.
const CREDIT_PATIENCE: Duration = Duration::from_secs(30);
