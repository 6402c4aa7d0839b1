//! The sweep of a wallet: it dies at every call with which it changes its disk or speaks with the world, and the same
//! command is run again.
//!
//! Each deposit, payment, payout and start of an exit is killed at its first such call, the next one at its second, and so on
//! until one lives to its end. After every death the command must succeed when it is run again, and what Ethereum and the
//! ledger hold must be what one such command makes, to the wei. In the end all operators are killed, and the wallet leaves
//! with what it keeps: it is paid on Ethereum by nobody's help.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use ethers_core::types::H160;
use plasma_core::{Address, Amount, Position};
use plasma_node::api::text::{AddressText, PositionText};
use plasma_node::api::view::OutputStatus;
use plasma_node::bridge::convert::from_u256;
use serde_json::Value;
use tokio::process::Command;

use super::strace;
use crate::deadline::{Look, until};
use crate::desk::Desk;
use crate::ether::eth;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet, total_of};

/// What is swept.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// One call in so many.
    pub every: u32,
}

/// A federation, and a wallet of its first user.
struct Trial {
    testnet: Testnet,
    desk: Desk,
    owner: Address,
    /// How many things were asked for: each has an amount and receivers of its own.
    asked: u32,
    tally: Tally,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    deaths: u32,
    deposits: u32,
    payments: u32,
    payouts: u32,
    exits: u32,
}

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Deposit,
    Send,
    Payout,
    Exit,
}

/// Runs the sweep and shows its sum.
///
/// # Errors
/// The first thing that was not as it must be, or strace is missing.
pub async fn run(plan: &Plan, wish: Wish, progress: Progress) -> Result<()> {
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
            tally: Tally::default(),
        };
        trial.must(&["deposit", "20eth"]).await?;
        Ok(trial)
    }

    async fn sweep(&mut self, wish: Wish, progress: Progress) -> Result<()> {
        for act in [Act::Deposit, Act::Send, Act::Payout, Act::Exit] {
            let stage = progress.stage("Kill", &format!("{act:?} at every call"));
            let before = self.tally.deaths;
            for call in CALLS {
                let mut when = 1;
                stage.doing(&format!("{act:?} at {call}"));
                while self
                    .one(act, call, when)
                    .await
                    .with_context(|| format!("{act:?}, killed at {call} number {when}, and run again"))?
                {
                    when += wish.every;
                }
            }
            stage.done(&format!("{} deaths of {act:?}", self.tally.deaths - before));
        }
        let stage = progress.stage("Leave", "with all operators dead");
        Box::pin(self.leave()).await?;
        stage.done("paid on Ethereum by nobody's help");
        Ok(())
    }

    /// One thing is asked for, dies at a call, and is asked for again; whether it died.
    async fn one(&mut self, act: Act, call: &str, when: u32) -> Result<bool> {
        self.asked += 1;
        let place = self.asked;
        match act {
            Act::Deposit => {
                let before = (self.total().await?, self.deposits().await?);
                let (id, amount) = (format!("deposit-{place}"), eth(1) + Amount::from(place));
                let died = self
                    .twice(&["deposit", &wei(amount), "--id", &id], call, when)
                    .await?;
                let after = (self.total().await?, self.deposits().await?);
                ensure!(
                    after == (before.0 + amount, before.1 + 1),
                    "a deposit of {amount} made {before:?} to {after:?}"
                );
                self.tally.deposits += 1;
                Ok(died)
            }
            Act::Send => {
                let (to, amount) = (somebody(place, 0), Amount::from(place));
                let (to_text, id) = (AddressText(to).to_string(), format!("payment-{place}"));
                let died = self
                    .twice(&["send", &to_text, &wei(amount), "--id", &id], call, when)
                    .await?;
                self.has(to, amount).await?;
                self.tally.payments += 1;
                Ok(died)
            }
            Act::Payout => {
                let rows: Vec<(Address, Amount)> = (1..=ROWS)
                    .map(|row| (somebody(place, row), Amount::from(row)))
                    .collect();
                let file = self.desk.folder.join(format!("payout-{place}.csv"));
                let text = rows
                    .iter()
                    .map(|(to, amount)| format!("{},{}\n", AddressText(*to), wei(*amount)));
                std::fs::write(&file, format!("to,amount\n{}", text.collect::<String>()))?;
                let died = self
                    .twice(&["send", "--file", &file.display().to_string()], call, when)
                    .await?;
                for (to, amount) in rows {
                    self.has(to, amount).await?;
                }
                self.tally.payouts += 1;
                Ok(died)
            }
            Act::Exit => {
                let output = self.output_to_leave().await?;
                let open = self.exits_of_owner().await?;
                let died = self
                    .twice(&["exit", &PositionText(output).to_string()], call, when)
                    .await?;
                let now = self.exits_of_owner().await?;
                ensure!(
                    now == open + 1,
                    "{now} exits were started, there were {open} before"
                );
                self.tally.exits += 1;
                Ok(died)
            }
        }
    }

    /// Runs a command that dies at its `when`-th call of a kind, and then again as it is; whether it died.
    async fn twice(&mut self, words: &[&str], call: &str, when: u32) -> Result<bool> {
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

    /// All operators die, and the wallet leaves with what it keeps.
    async fn leave(&mut self) -> Result<()> {
        let output = self.output_to_leave().await?;
        self.must(&["balance"]).await?;
        for place in 0..self.testnet.cluster.size() {
            self.testnet.cluster.kill(place).await?;
        }
        let output_text = PositionText(output).to_string();
        let told = self.must(&["exit", &output_text, "--emergency"]).await?;
        let due = told["exits"][0]["due_s"].as_u64().context("a due time")?;
        let amount = self.kept_amount(output)?;
        let (_, now) = self.testnet.l1().head().await?;
        self.testnet.l1().advance(due.saturating_sub(now) + 1).await?;
        let before = self.ether().await?;
        let told = self.must(&["exit", "finalize", &output_text]).await?;
        ensure!(told["paid"] == Value::Bool(true), "{told}");
        let gained = self.ether().await?.saturating_sub(before);
        // Less than a thousandth of an ether is gas.
        ensure!(
            gained > amount && gained + eth(1) / Amount::from(1_000) > amount,
            "{gained} wei came for an exit of {amount} and its bond"
        );
        let paid = self.ether().await?;
        let again = self.must(&["exit", "finalize", &output_text]).await?;
        ensure!(again == told, "{again} is told again, first it was {told}");
        ensure!(self.ether().await? == paid, "an exit was paid twice");
        Ok(())
    }

    /// An unspent output under an anchor, of which the wallet has all that an exit takes.
    async fn output_to_leave(&self) -> Result<Position> {
        // A deposit of its own: payments of others stay as they are.
        let told = self.must(&["deposit", "0.5eth"]).await?;
        let output = told["output"].as_str().context("an output")?.to_owned();
        let position: PositionText = output.parse()?;
        until("an anchor over the deposit", ANCHOR_PATIENCE, || async {
            let listed = self.must(&["utxos"]).await?;
            let all = listed["outputs"].as_array().cloned().unwrap_or_default();
            let can_leave = all
                .iter()
                .any(|one| one["output"] == output.as_str() && one["can_leave"] == Value::Bool(true));
            Ok(if can_leave {
                Look::Seen(())
            } else {
                Look::NotYet("it cannot leave yet".into())
            })
        })
        .await?;
        Ok(position.0)
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
        ensure!(
            leaving <= logs.len(),
            "more outputs leave than exits were started"
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
            "{} deaths; {} deposits, {} payments, {} payouts and {} exits were each made once; paid on Ethereum with all \
             operators dead",
            self.deaths, self.deposits, self.payments, self.payouts, self.exits
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

/// Calls that change the wallet's disk or speak with somebody.
const CALLS: [&str; 6] = ["fdatasync", "fsync", "rename", "connect", "sendto", "writev"];
const KILL: i32 = 9;
/// Two payments: three rows, and one.
const ROWS: u32 = 4;
/// Two Ethereum blocks, an anchor and a password that takes a second, on a busy machine.
const COMMAND_PATIENCE: Duration = Duration::from_secs(120);
const ANCHOR_PATIENCE: Duration = Duration::from_secs(60);
