//! Step 6: two users exit unspent outputs, one of ETH and one of tokens. The ledger refuses to spend them, and before their
//! time nothing is paid.

use anyhow::{Context, Result, anyhow, bail};
use plasma_node::api::view::OutputStatus;
use serde_json::{Value, json};

use super::story::{Story, must, refused};
use crate::ether::show_asset;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let output = story
        .received
        .ok_or_else(|| anyhow!("Alice has received nothing"))?;
    let tokens = story
        .tokens
        .ok_or_else(|| anyhow!("Carol has received no tokens"))?;
    let (alice, carol) = (story.alice()?, story.carol()?);
    let both = futures::try_join!(story.start_exit(alice, output), story.start_exit(carol, tokens));
    let ((ether, receipt, data), (token, _, token_data)) = both?;
    let mut refusals = Vec::new();
    for (owner, data) in [(alice, &data), (carol, &token_data)] {
        story
            .everywhere(data.output.output.0, OutputStatus::Exiting)
            .await?;
        let spend = owner.sign(
            owner.pay(&data.output, story.bob()?.address(), data.output.amount.0)?,
            &story.testnet.domain(),
        );
        let api = story.testnet.cluster.api(0)?;
        refusals.push(refused(api, spend.encode(), 409, "input-exiting").await?);
    }

    let assets = [ether.asset, token.asset];
    story.process(&assets).await.context("processing too early")?;
    for leaving in [&ether, &token] {
        let open = story
            .testnet
            .contracts
            .exit(story.testnet.rpc(), &leaving.id)
            .await?;
        let Some(open) = open else {
            bail!("the exit of {} ended before its time", leaving.output);
        };
        let right = (open.owner, open.asset, open.amount) == (leaving.owner, leaving.asset, leaving.amount);
        must(right, || format!("the exit of {} is {open:?}", leaving.output))?;
    }
    let (_, now) = story.testnet.l1().head().await?;
    let wait = ether.id.due_s().max(token.id.due_s()).saturating_sub(now);
    must(wait > 0, || "the exits are due at once".into())?;
    let told = |leaving: &super::story::Leaving| {
        format!(
            "{} as output {}, exit {}",
            show_asset(leaving.asset, leaving.amount),
            leaving.output,
            leaving.id.0
        )
    };
    let evidence = json!({
        "alice": told(&ether),
        "carol": told(&token),
        "spending_it": refusals,
        "processed_before_their_time": "nothing was paid",
        "due_in_seconds_of_ethereum": wait,
    });
    story.gas.exit_start = receipt.gas_used.map(|gas| gas.as_u64());
    story.leaving = vec![ether, token];
    Ok(evidence)
}
