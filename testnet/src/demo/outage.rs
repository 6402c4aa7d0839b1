//! Step 11: one operator more is killed than the federation can miss. It stands still, says why, and goes on when one is back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use plasma_core::SignedTransaction;
use plasma_node::api::view::{State, TransactionView};
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::deadline::{Look, until};
use crate::ether::eth;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let size = story.testnet.cluster.size();
    let fault = size.saturating_sub(1) / 3;
    // The witness stays, with as many others as are one too few for a quorum.
    let gone: Vec<usize> = (0..size)
        .filter(|index| *index != story.witness)
        .take(fault + 1)
        .collect();
    for index in &gone {
        story.testnet.cluster.kill(*index).await?;
    }
    let reason = why_it_stands(story).await?;
    let height = story.witness()?.status().await?.height;

    let payment = payment(story).await?;
    let answer = story
        .witness()?
        .post("/v1/transactions?wait=committed&timeout=3s", payment.encode())
        .await?;
    must(answer.status == 202, || {
        format!(
            "a payment that no quorum can decide was answered with {}",
            answer.status
        )
    })?;
    let seen: TransactionView = state(story, &payment).await?;
    must(seen.state == State::Accepted, || {
        format!("without a quorum the payment is {:?}", seen.state)
    })?;
    let stood = story.witness()?.status().await?.height;
    must(stood == height, || {
        format!("without a quorum the height went from {height} to {stood}")
    })?;

    // A quorum needs the one that comes back, so the payment is committed when it votes.
    let (first, rest) = gone.split_first().context("somebody was killed")?;
    let begun = Instant::now();
    story.testnet.cluster.revive(*first)?;
    let committed = until("the operator that is back to vote", VOTE_PATIENCE, || async {
        let seen = state(story, &payment).await?;
        Ok(match seen.block {
            Some(block) => Look::Seen(block.height),
            None => Look::NotYet(format!("the payment is {:?}", seen.state)),
        })
    })
    .await?;
    let votes_again = begun.elapsed();
    for index in rest {
        story.testnet.cluster.revive(*index)?;
    }
    story.testnet.cluster.ready().await?;
    Ok(json!({
        "killed": gone,
        "said": reason,
        "stood_at_height": height,
        "votes_again_after_ms": u64::try_from(votes_again.as_millis()).unwrap_or(u64::MAX),
        "committed_at_height": committed,
    }))
}

/// The witness says that no quorum is in reach.
async fn why_it_stands(story: &Story) -> Result<String> {
    let api = story.witness()?;
    until("the witness to say why it stands", SAY_PATIENCE, || async {
        let status = api.status().await?;
        let found = status.blockers.iter().find(|one| one.code == "no-quorum");
        Ok(match found {
            Some(blocker) if !status.ready => Look::Seen(blocker.text.clone()),
            _ => Look::NotYet(format!("it says {:?}", status.blockers)),
        })
    })
    .await
}

async fn payment(story: &Story) -> Result<SignedTransaction> {
    let (alice, bob) = (story.alice()?, story.bob()?);
    let amount = eth(1) / plasma_core::Amount::from(10);
    let outputs = story.witness()?.outputs(bob.address()).await?;
    let output = outputs
        .iter()
        .find(|output| output.amount.0 > amount)
        .context("Bob has nothing left")?;
    Ok(bob.sign(bob.pay(output, alice.address(), amount)?, &story.testnet.domain()))
}

async fn state(story: &Story, payment: &SignedTransaction) -> Result<TransactionView> {
    let path = format!("/v1/transactions/{}", payment.id());
    story.witness()?.document(&path).await
}

/// Lines to the dead break at once; one that hangs is given up after ten seconds.
const SAY_PATIENCE: Duration = Duration::from_secs(20);
/// Starting, connecting and a view whose leader was gone.
const VOTE_PATIENCE: Duration = Duration::from_secs(60);
