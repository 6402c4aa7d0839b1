//! `up`: a federation that stays until the user ends it, with a page that says where everything is.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use plasma_core::Amount;

use crate::desk::Desk;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet};
use crate::{deploy, ether};

/// Starts the testnet, funds its users, shows the page, and tells of every operator that ends, until ctrl-C or SIGTERM.
///
/// # Errors
/// When something does not come up in time, or Ethereum ends.
pub async fn run(plan: &Plan, deposit: Amount, progress: Progress) -> Result<()> {
    let mut testnet = Testnet::start(plan, progress).await?;
    let mut farewell = Farewell {
        words: farewell(&testnet),
        progress,
    };
    let ended = Box::pin(stay(&mut testnet, plan, deposit, progress)).await;
    // ctrl-C does not come here; whatever does is a failure, and the logs may say why.
    farewell.words = format!("\n  the logs stay in {}", testnet.keep_folder());
    ended
}

async fn stay(testnet: &mut Testnet, plan: &Plan, deposit: Amount, progress: Progress) -> Result<()> {
    let stage = progress.stage(
        "Fund",
        &format!("{} accounts × {}", plan.accounts, ether::show(deposit)),
    );
    testnet.fund_users(deposit).await?;
    testnet.fund_users_with_tokens(ether::eth(TOKENS)).await?;
    stage.done(&format!(
        "{} accounts × {} and {TOKENS} TEST deposited and credited",
        plan.accounts,
        ether::show(deposit)
    ));
    let script = Desk::prepare(testnet)?.script()?;
    show(&page(testnet, deposit, &script));
    loop {
        for words in testnet.ended()? {
            progress.say(&format!("  {words}"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Says at the end, however it comes, what becomes of the logs.
struct Farewell {
    words: String,
    progress: Progress,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.progress.say(&self.words);
    }
}

fn farewell(testnet: &Testnet) -> String {
    let folder = testnet.folder();
    let run = folder.run().display();
    if folder.is_kept() {
        format!("\n  everything that was written stays in {run}")
    } else {
        format!("\n  {run} is removed with the logs in it; `up --keep` leaves them")
    }
}

fn page(testnet: &Testnet, deposit: Amount, script: &Path) -> String {
    let mut page = String::new();
    let _infallible = write_page(&mut page, testnet, deposit, script);
    page
}

fn write_page(page: &mut String, testnet: &Testnet, deposit: Amount, script: &Path) -> std::fmt::Result {
    let contracts = &testnet.contracts;
    writeln!(page)?;
    writeln!(
        page,
        "  Ethereum    {}   chain {}",
        testnet.l1().url(),
        testnet.genesis.chain_id
    )?;
    writeln!(page, "  Federation  {}", contracts.federation)?;
    writeln!(page, "  Vault       {}", contracts.vault)?;
    writeln!(page, "  ExitGame    {}", contracts.exit_game)?;
    writeln!(page, "  InFlight    {}", contracts.in_flight)?;
    writeln!(page, "  FraudProofs {}", contracts.fraud_proofs)?;
    writeln!(
        page,
        "  TEST        {}   a token that anybody can mint, 18 decimals",
        testnet.token.address
    )?;
    writeln!(page)?;
    for (index, (place, api)) in testnet.cluster.places().zip(testnet.cluster.apis()).enumerate() {
        writeln!(page, "  operator {index}  {}", api.base())?;
        writeln!(page, "              {}", place.p2p)?;
        writeln!(page, "              log {}", place.log.display())?;
    }
    writeln!(page)?;
    writeln!(
        page,
        "  Accounts: {} and {TOKENS} TEST each in Plasma, anvil's ETH and {} TEST on Ethereum.",
        ether::show(deposit),
        deploy::TOKENS - TOKENS
    )?;
    writeln!(
        page,
        "  These are anvil's public test keys: never use them on a real network."
    )?;
    for (place, user) in testnet.users.iter().enumerate() {
        writeln!(page, "  ({place}) {}   key {}", user.address(), user.test_key())?;
    }
    writeln!(page)?;
    if let Some(api) = testnet.cluster.apis().next() {
        writeln!(page, "  Explorer    {}/", api.base())?;
    }
    writeln!(page, "  Wallet      . {}", script.display())?;
    writeln!(page, "              plasma wallet balance")?;
    let rules = deploy::parameters(testnet.genesis.members.len());
    let limit = rules.silence_s + 2 * rules.grace_s;
    writeln!(
        page,
        "  Bonds       every operator has {} to lose",
        ether::show(rules.operator_bond)
    )?;
    writeln!(
        page,
        "  Exits       paid {} s after they start, twice that for young payments",
        rules.exit_period_s
    )?;
    writeln!(
        page,
        "  Halt        {limit} s of Ethereum's clock without an anchor, as when this machine sleeps"
    )?;
    write_data(page, testnet)?;
    writeln!(page, "  Stop        ctrl-C")
}

fn write_data(page: &mut String, testnet: &Testnet) -> std::fmt::Result {
    let fate = if testnet.folder().is_kept() {
        "stays"
    } else {
        "removed at the end, unless started with --keep"
    };
    writeln!(
        page,
        "  Data        {}   {fate}",
        testnet.folder().run().display()
    )
}

#[expect(
    clippy::print_stdout,
    reason = "the page of endpoints is the result of the command"
)]
fn show(page: &str) {
    println!("{page}");
}

/// Whole tokens that each of them deposits; the rest of [`deploy::TOKENS`] stays with it on Ethereum.
const TOKENS: u64 = 100;
/// A user who misses an operator looks at the terminal a moment later.
const LOOK: Duration = Duration::from_secs(1);
