//! A leader that dies between a submit and its commit: whoever asked is told how far the payment is, asks again with the same
//! bytes, and the money moves once.
//!
//! The leader is frozen before the payment comes, so it can propose nothing, and killed once the client's wait is over. Every
//! other time the client asks the leader itself, and its connection breaks.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use plasma_core::{Address, Amount, SignedTransaction};
use plasma_node::api::view::{State, Submitted};

use crate::api::{Answer, Api};
use crate::deadline::{Look, until};
use crate::ether::eth;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet, total_of};

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How many leaders die.
    pub times: u32,
}

/// Kills leaders, and counts the money.
///
/// # Errors
/// When an answer is another one than promised, or money moved never or twice.
pub async fn run(plan: &Plan, wish: Wish, progress: Progress) -> Result<()> {
    let mut testnet = Testnet::start(plan, progress).await?;
    let told = Box::pin(kill_leaders(&mut testnet, wish, progress)).await;
    if told.is_err() {
        let folder = testnet.keep_folder();
        progress.say(&format!("  the operators' logs stay in {folder}"));
    }
    told
}

async fn kill_leaders(testnet: &mut Testnet, wish: Wish, progress: Progress) -> Result<()> {
    testnet.fund_users(eth(1)).await?;
    let stage = progress.stage("Lead", &format!("{} leaders die", wish.times));
    let mut overdue = 0_u32;
    for life in 1..=wish.times {
        let payee = Address([u8::try_from(life % 250)?.saturating_add(1); 20]);
        let leader = leader(testnet).await?;
        let door = testnet
            .cluster
            .api((leader + 1) % testnet.cluster.size())?
            .clone();
        let payment = payment(testnet, &door, payee).await?;
        testnet.cluster.freeze(leader).await?;
        if life.is_multiple_of(2) {
            let asked = testnet.cluster.api(leader)?.clone();
            let bytes = payment.encode();
            let broken = tokio::spawn(async move { asked.post(WAITING, bytes).await });
            testnet.cluster.kill(leader).await?;
            if let Ok(answer) = broken.await? {
                bail!(unseen(&format!("a dead leader answered {}", answer.status)));
            }
        } else {
            let answer = door.post(WAITING, payment.encode()).await?;
            overdue += u32::from(is_overdue(&answer, &payment)?);
            testnet.cluster.kill(leader).await?;
        }
        settle(&door, &payment).await?;
        testnet.cluster.revive(leader)?;
        for api in testnet.cluster.apis() {
            paid_once(api, payee).await?;
        }
        stage.doing(&format!("life {life}: operator {leader} led"));
    }
    if overdue == 0 {
        bail!(unseen("no wait for a dead leader ran out"));
    }
    stage.done(&format!("{overdue} waits ran out, every payment was made once"));
    Ok(())
}

/// Who must propose next.
async fn leader(testnet: &Testnet) -> Result<usize> {
    let mut leads = None;
    for index in 0..testnet.cluster.size() {
        let status = testnet.cluster.api(index)?.status().await?;
        leads = leads.or(status.consensus.leader);
    }
    Ok(usize::from(leads.context("nobody leads")?))
}

async fn payment(testnet: &Testnet, door: &Api, payee: Address) -> Result<SignedTransaction> {
    let user = testnet.user(0)?;
    let outputs = door.outputs(user.address()).await?;
    let largest = outputs.iter().max_by_key(|output| output.amount.0);
    let payment = user.pay(largest.context("a user without money")?, payee, Amount::from(WEI))?;
    Ok(user.sign(payment, &testnet.domain()))
}

/// 202 with the id and the state when the wait ran out; 201 when the leader was another one by then.
fn is_overdue(answer: &Answer, payment: &SignedTransaction) -> Result<bool> {
    let submitted: Submitted = serde_json::from_value(answer.body.clone())
        .with_context(|| format!("a submit was answered {}: {}", answer.status, answer.detail()))?;
    let is_whole = submitted.id.0 == payment.id().0;
    match (answer.status, submitted.state) {
        (202, Some(State::Accepted)) if is_whole => Ok(true),
        (201, Some(State::Committed)) if is_whole => Ok(false),
        (status, state) => bail!(unseen(&format!("a submit was answered {status}, {state:?}"))),
    }
}

/// Sends the same bytes until they are committed; each answer is of the same payment, and none refuses it.
async fn settle(door: &Api, payment: &SignedTransaction) -> Result<()> {
    until("the payment to be committed", PATIENCE, || async {
        let answer = door.post(WAITING, payment.encode()).await?;
        let submitted: Submitted = serde_json::from_value(answer.body.clone()).with_context(|| {
            format!(
                "a resubmission was answered {}: {}",
                answer.status,
                answer.detail()
            )
        })?;
        if submitted.id.0 != payment.id().0 {
            bail!(unseen("a resubmission was answered with another payment"));
        }
        Ok(match submitted.state {
            Some(State::Accepted) | None => Look::NotYet("it is accepted".to_owned()),
            Some(_) => Look::Seen(()),
        })
    })
    .await
}

async fn paid_once(api: &Api, payee: Address) -> Result<()> {
    until("every operator to show the payment", PATIENCE, || async {
        let has = match api.balance(payee).await {
            Ok(view) => total_of(&view, Address::ZERO),
            Err(error) => return Ok(Look::NotYet(format!("{error:#}"))),
        };
        if has > Amount::from(WEI) {
            bail!(unseen(&format!("{payee} was paid more than once")));
        }
        Ok(if has == Amount::from(WEI) {
            Look::Seen(())
        } else {
            Look::NotYet(format!("{has} of {WEI} wei"))
        })
    })
    .await
}

fn unseen(what: &str) -> Failure {
    Failure::Unseen(what.to_owned())
}

/// Shorter than a view lasts whose leader says nothing.
const WAITING: &str = "/v1/transactions?wait=committed&timeout=100ms";
/// Views without a leader, and a start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What each payment moves.
const WEI: u64 = 1_000;
