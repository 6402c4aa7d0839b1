//! The sweep of a wallet: it dies at every call with which it changes its disk or speaks with the world, and the same
//! command is run again.
//!
//! Each deposit, payment, payout and other [`acts`] is killed at its first such call, the next one at its second, and so on
//! until one lives to its end. After every death the command must succeed when it is run again, and what Ethereum and the
//! ledger hold must be what one such command makes, to the wei. In the end all operators are killed, and the wallet leaves
//! with what it keeps: it is paid on Ethereum by nobody's help, and killed while it is.

mod acts;

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use ethers_core::types::H160;
use plasma_core::{Address, Amount, Position};
use plasma_node::api::text::PositionText;
use plasma_node::api::view::OutputStatus;
use plasma_node::bridge::convert::from_u256;
use serde_json::Value;
use tokio::process::Command;

use self::acts::Act;
use super::strace;
use crate::deadline::{Look, until};
use crate::desk::Desk;
use crate::ether::eth;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet, total_of};

/// What is swept.
#[derive(Clone, Debug)]
pub struct Wish {
    /// One call in so many.
    pub every: u32,
    /// Of these kinds.
    pub calls: Vec<Call>,
}

/// A call that changes the wallet's disk or speaks with somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum Call {
    /// A line of the journal is on disk.
    Fdatasync,
    /// A file or a folder is.
    Fsync,
    /// A file takes its name.
    Rename,
    /// A door or Ethereum is called.
    Connect,
    /// And told something.
    Sendto,
    /// Or told more.
    Writev,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Fdatasync,
        Self::Fsync,
        Self::Rename,
        Self::Connect,
        Self::Sendto,
        Self::Writev,
    ];
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fdatasync => "fdatasync",
            Self::Fsync => "fsync",
            Self::Rename => "rename",
            Self::Connect => "connect",
            Self::Sendto => "sendto",
            Self::Writev => "writev",
        })
    }
}

/// A federation, and a wallet of its first user.
struct Trial {
    testnet: Testnet,
    desk: Desk,
    owner: Address,
    /// How many things were asked for: each has an amount and receivers of its own.
    asked: u32,
    /// Outputs that can leave without an operator.
    gathered: Vec<String>,
    tally: Tally,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    deaths: u32,
    deposits: u32,
    payments: u32,
    payouts: u32,
    merges: u32,
    papers: u32,
    exits: u32,
    flights: u32,
    paid: u32,
}

/// Runs the sweep and shows its sum.
///
/// # Errors
/// The first thing that was not as it must be, or strace is missing.
pub async fn run(plan: &Plan, wish: &Wish, progress: Progress) -> Result<()> {
    strace::presence().await?;
    let testnet = Testnet::start(plan, progress).await?;
    let mut trial = Trial::begin(testnet).await?;
    let told = Box::pin(trial.sweep(wish, progress)).await;
    if told.is_err() {
        let folder = trial.testnet.keep_folder();
        progress.say(&format!("  the wallet and the operators' logs stay in {folder}"));
    }
    told?;
    show(&trial.tally);
    Ok(())
}

impl Trial {
    async fn begin(testnet: Testnet) -> Result<Self> {
        let trial = Self {
            owner: testnet.user(0)?.address(),
            desk: Desk::prepare(&testnet)?,
            testnet,
            asked: 0,
            gathered: Vec::new(),
            tally: Tally::default(),
        };
        trial.must(&["deposit", "20eth"]).await?;
        Ok(trial)
    }

    async fn sweep(&mut self, wish: &Wish, progress: Progress) -> Result<()> {
        for act in Act::WITH_OPERATORS {
            self.sweep_one(act, wish, progress).await?;
        }
        let stage = progress.stage("Leave", "with all operators dead");
        self.gather(wish).await?;
        for place in 0..self.testnet.cluster.size() {
            self.testnet.cluster.kill(place).await?;
        }
        Box::pin(self.leave()).await?;
        stage.done("paid on Ethereum by nobody's help");
        self.sweep_one(Act::Finalize, wish, progress).await
    }

    async fn sweep_one(&mut self, act: Act, wish: &Wish, progress: Progress) -> Result<()> {
        let stage = progress.stage("Kill", &format!("{act:?} at every call"));
        let before = self.tally.deaths;
        for call in wish.calls.iter().copied() {
            let mut when = 1;
            stage.doing(&format!("{act:?} at {call}"));
            while Box::pin(self.one(act, call, when))
                .await
                .with_context(|| format!("{act:?}, killed at {call} number {when}, and run again"))?
            {
                when += wish.every;
            }
        }
        stage.done(&format!("{} deaths of {act:?}", self.tally.deaths - before));
        Ok(())
    }

    /// Runs a command that dies at its `when`-th call of a kind, and then again as it is; whether it died.
    async fn twice(&mut self, words: &[&str], (call, when): (Call, u32)) -> Result<bool> {
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let tracer = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        let first = self.wallet(&tracer, words).await?;
        let died = first.status.signal() == Some(KILL);
        if !died {
            ensure!(first.status.success(), "{words:?}: {}", said(&first));
        }
        self.tally.deaths += u32::from(died);
        // Again in either case: what is done is done once.
        self.must(words).await?;
        Ok(died)
    }

    /// Lays outputs by that can leave when all operators are dead; the last one is the largest.
    async fn gather(&mut self, wish: &Wish) -> Result<()> {
        self.asked += 1;
        self.must(&["deposit", "0.5eth"]).await?;
        let rows = usize::try_from(FINALIZE_CALLS_MAX / wish.every)? + 2 * wish.calls.len();
        let file = self.rows(&vec![(self.owner, Amount::from(1)); rows])?;
        self.must(&["send", "--file", &file]).await?;
        // Behind the payments, which would take it.
        let output = PositionText(self.output_to_leave().await?).to_string();
        self.gathered = self.all_can_leave().await?;
        self.gathered.retain(|other| *other != output);
        self.gathered.push(output);
        Ok(())
    }

    /// The wallet leaves with what it keeps.
    async fn leave(&mut self) -> Result<()> {
        let output = self.gathered.pop().context("an output")?;
        let told = self.must(&["exit", &output, "--emergency"]).await?;
        self.pass(&told).await?;
        let amount = self.kept_amount(output.parse::<PositionText>()?.0)?;
        let before = self.ether().await?;
        let told = self.must(&["exit", "finalize", &output]).await?;
        ensure!(told["paid"] == Value::Bool(true), "{told}");
        let paid = self.ether().await?;
        // Less than a thousandth of an ether is gas.
        ensure!(
            paid > before + amount && paid - before + eth(1) / Amount::from(1_000) > amount,
            "{before} wei became {paid}, for an exit of {amount} and its bond"
        );
        let again = self.must(&["exit", "finalize", &output]).await?;
        ensure!(again == told, "{again} is told again, first it was {told}");
        ensure!(self.ether().await? == paid, "an exit was paid twice");
        Ok(())
    }

    /// An unspent output under an anchor, of which the wallet has all that an exit takes.
    async fn output_to_leave(&self) -> Result<Position> {
        // A deposit of its own: payments of others stay as they are.
        let told = self.must(&["deposit", "0.5eth"]).await?;
        let output = told["output"].as_str().context("an output")?.to_owned();
        let is_it = |one: &Value| one["output"] == output.as_str();
        self.until_it_can_leave(is_it).await?;
        Ok(output.parse::<PositionText>()?.0)
    }

    /// All free outputs, once each of them can leave.
    async fn all_can_leave(&self) -> Result<Vec<String>> {
        self.until_it_can_leave(|_| true).await
    }

    /// The free outputs of a kind, once each of them is under an anchor.
    async fn until_it_can_leave(&self, is_meant: impl Fn(&Value) -> bool) -> Result<Vec<String>> {
        until("an anchor over the outputs", ANCHOR_PATIENCE, || async {
            let free = self.outputs().await?;
            let meant: Vec<&Value> = free.iter().filter(|one| is_meant(one)).collect();
            let can_leave = |one: &&Value| one["can_leave"] == Value::Bool(true);
            let names = meant.iter().filter_map(|one| one["output"].as_str());
            Ok(if !meant.is_empty() && meant.iter().all(can_leave) {
                Look::Seen(names.map(str::to_owned).collect())
            } else {
                Look::NotYet("not all can leave yet".into())
            })
        })
        .await
    }

    /// Outputs that are neither leaving nor in a payment.
    async fn outputs(&self) -> Result<Vec<Value>> {
        let listed = self.must(&["utxos"]).await?;
        let all = listed["outputs"].as_array().cloned().unwrap_or_default();
        let is_free = |one: &Value| one["is_reserved"] == Value::Bool(false) && one["status"] == "unspent";
        Ok(all.into_iter().filter(is_free).collect())
    }

    /// What an output holds that the wallet keeps a receipt of.
    fn kept_amount(&self, output: Position) -> Result<Amount> {
        let genesis = plasma_node::wallet::purse::folder_of(&self.desk.folder, &self.testnet.genesis);
        let kept = plasma_node::wallet::receipts::Receipts::open(&genesis)?.output(output)?;
        let kept = kept.ok_or_else(|| anyhow!("no receipt of {output} is kept"))?;
        let payments = kept.transaction.transaction.outputs;
        let payment = payments.get(usize::from(output.output)).context("the output")?;
        Ok(payment.amount)
    }

    async fn total(&self) -> Result<Amount> {
        let view = self.testnet.cluster.api(0)?.balance(self.owner).await?;
        Ok(total_of(&view, Address::ZERO))
    }

    async fn deposits(&self) -> Result<u64> {
        Ok(self.testnet.contracts.deposit_count(self.testnet.rpc()).await?)
    }

    async fn ether(&self) -> Result<Amount> {
        Ok(from_u256(self.testnet.l1().balance(H160(self.owner.0)).await?))
    }

    /// How many exits were ever started by the wallet's owner.
    async fn exits_of_owner(&self) -> Result<usize> {
        let outputs = self.testnet.cluster.api(0)?.outputs(self.owner).await?;
        let contract = H160(self.testnet.contracts.exit_game.0);
        let topic = plasma_core::keccak(&[b"ExitStarted(uint256,uint72,address)"]);
        let logs = self.testnet.l1().logs(contract, &[topic.0.into()]).await?;
        let leaving = outputs
            .iter()
            .filter(|one| one.status == OutputStatus::Exiting)
            .count();
        // With a payment in flight its one input leaves, or the change.
        let started = logs.len() + self.flights_started().await?;
        ensure!(
            leaving <= started,
            "{leaving} outputs leave, and {started} exits were started"
        );
        Ok(logs.len())
    }

    async fn has(&self, owner: Address, amount: Amount) -> Result<()> {
        let view = self.testnet.cluster.api(0)?.balance(owner).await?;
        let total = total_of(&view, Address::ZERO);
        ensure!(total == amount, "{owner} was paid {total}, not {amount}");
        Ok(())
    }

    /// Runs a command that must succeed: its document.
    async fn must(&self, words: &[&str]) -> Result<Value> {
        let output = self.wallet(&[], words).await?;
        ensure!(output.status.success(), "{words:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?}: {}", said(&output)))
    }

    async fn wallet(&self, tracer: &[&str], words: &[&str]) -> Result<Output> {
        let own = std::env::current_exe().context("our own executable")?;
        let own = own.to_str().context("a path in UTF-8")?;
        let program = [tracer, &[own, "plasma", "wallet"], words].concat();
        let (first, rest) = program.split_first().context("a program")?;
        let mut command = Command::new(first);
        command
            .args(rest)
            .args(["--json", "--yes"])
            .envs(self.desk.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_PATIENCE, command.output());
        Ok(output
            .await
            .with_context(|| format!("{words:?} does not end"))??)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} deaths; {} deposits, {} payments, {} payouts, {} mergers of outputs, {} papers, {} exits and {} exits in flight \
             were each made once; {} exits were paid on Ethereum with all operators dead",
            self.deaths,
            self.deposits,
            self.payments,
            self.payouts,
            self.merges,
            self.papers,
            self.exits,
            self.flights,
            self.paid
        )
    }
}

#[expect(clippy::print_stdout, reason = "the sum is the result of the command")]
fn show(tally: &Tally) {
    println!("{tally}");
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    format!("{}: {}", output.status, String::from_utf8_lossy(&both))
}

fn wei(amount: Amount) -> String {
    format!("{amount}wei")
}

/// An address that nothing else pays.
fn somebody(place: u32, row: u32) -> Address {
    let mut bytes = [0xaa; 20];
    let (head, _) = bytes.split_at_mut(8);
    head.copy_from_slice(&[place.to_be_bytes(), row.to_be_bytes()].concat());
    Address(bytes)
}

const KILL: i32 = 9;
/// Having an exit paid makes fewer of them.
const FINALIZE_CALLS_MAX: u32 = 80;
/// Two payments: three rows, and one.
const ROWS: u32 = 4;
/// Two Ethereum blocks, an anchor and a password that takes a second, on a busy machine.
const COMMAND_PATIENCE: Duration = Duration::from_secs(120);
const ANCHOR_PATIENCE: Duration = Duration::from_secs(60);
