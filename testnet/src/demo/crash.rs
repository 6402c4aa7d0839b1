//! Step 10: the leader of the running view is killed with SIGKILL. Blocks go on; it restarts and catches up.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use plasma_node::api::view::StatusView;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::deadline::{Look, until};
use crate::ether::eth;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let before = story.testnet.cluster.api(0)?.status().await?;
    let leader = usize::from(before.consensus.leader.context("its view has a leader")?);
    story.testnet.cluster.kill(leader).await?;
    let witness = (0..story.testnet.cluster.size())
        .find(|index| *index != leader)
        .context("a federation of one")?;

    let mut heights = Vec::new();
    for _ in 0..PAYMENTS {
        heights.push(
            pay(story, witness)
                .await
                .context("a payment while the leader is down")?,
        );
    }
    let grown = heights.windows(2).all(|pair| pair[0] < pair[1]) && heights.first() > Some(&before.height);
    must(grown, || {
        format!("heights after {} were {heights:?}", before.height)
    })?;

    story.testnet.cluster.revive(leader)?;
    let (own, others) = until(
        &format!("operator {leader} to catch up"),
        CATCH_UP_PATIENCE,
        || async {
            let others = story.testnet.cluster.api(witness)?.status().await?;
            let Ok(own) = story.testnet.cluster.api(leader)?.status().await else {
                return Ok(Look::NotYet("it does not answer yet".into()));
            };
            let words = format!(
                "it is at height {} of {}, {}",
                own.height, others.height, own.state
            );
            Ok(if own.ready && own.height == others.height {
                Look::Seen((own, others))
            } else {
                Look::NotYet(words)
            })
        },
    )
    .await?;
    must(same(&own, &others), || {
        format!("at height {} it holds another block or ledger", own.height)
    })?;
    let last = heights
        .last()
        .copied()
        .ok_or_else(|| anyhow!("no payment was made"))?;
    must(own.height >= last, || {
        format!("it stopped at {} of {last}", own.height)
    })?;
    Ok(json!({
        "view": before.consensus.view,
        "leader": leader,
        "killed_at_height": before.height,
        "heights_without_it": heights,
        "caught_up_at_height": own.height,
        "block": own.block.to_string(),
        "output_commitment": own.output_commitment.to_string(),
    }))
}

fn same(one: &StatusView, other: &StatusView) -> bool {
    one.block == other.block && one.output_commitment == other.output_commitment
}

/// Bob pays a little to Alice at an operator that lives: the height of the block.
async fn pay(story: &Story, operator: usize) -> Result<u32> {
    let (alice, bob) = (story.alice()?, story.bob()?);
    let api = story.testnet.cluster.api(operator)?;
    let amount = eth(1) / plasma_core::Amount::from(10);
    let outputs = api.outputs(bob.address()).await?;
    let output = outputs
        .iter()
        .find(|output| output.amount.0 > amount)
        .context("Bob has nothing left")?;
    let submitted = api
        .pay(&bob.sign(bob.pay(output, alice.address(), amount)?, &story.testnet.domain()))
        .await?;
    Ok(submitted
        .block
        .context("a committed payment is in a block")?
        .height)
}

/// Enough that the dead operator's turn comes while it is down.
const PAYMENTS: usize = 5;
/// Starting, connecting and a few blocks.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(60);
