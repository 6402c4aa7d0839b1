//! Step 5: a user exits an unspent output. The ledger refuses to spend it, and when its time has come it is paid.

use anyhow::{Context, Result, anyhow};
use plasma_node::api::view::OutputStatus;
use serde_json::{Value, json};

use super::story::{Story, must, refused};
use crate::ether::show;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let output = story
        .received
        .ok_or_else(|| anyhow!("Alice has received nothing"))?;
    let alice = story.alice()?;
    let parameters = story.testnet.contracts.parameters(story.testnet.rpc()).await?;
    let (id, started, data) = story.start_exit(alice, output).await?;
    story.everywhere(output, OutputStatus::Exiting).await?;

    let spend = alice.sign(
        alice.pay(&data.output, story.bob()?.address(), data.output.amount.0)?,
        &story.testnet.domain(),
    );
    let refusal = refused(
        story.testnet.cluster.api(0)?,
        spend.encode(),
        409,
        "input-exiting",
    )
    .await?;

    let (_, now) = story.testnet.l1().head().await?;
    let due = (now + parameters.exit_period_s).max(data.anchor.time_s + 2 * parameters.exit_period_s);
    let early = story.process().await;
    let open = story.testnet.contracts.exit(story.testnet.rpc(), &id).await?;
    must(open.is_some(), || "the exit ended before its time".into())?;
    let hops = story.advance_to(due + 1).await?;

    let (vault, purse) = (story.vault().await?, story.ether_of(alice.address()).await?);
    let gas = story.process().await.context("processing the exit that is due")?;
    let (paid, _) = story.exit_ended(id).await?;
    must(paid, || "the exit ended unpaid".into())?;
    let amount = data.output.amount.0;
    let left = vault.checked_sub(story.vault().await?);
    must(left == Some(amount), || {
        format!("the vault paid {left:?} instead of {}", show(amount))
    })?;
    let got = story.ether_of(alice.address()).await?.checked_sub(purse);
    let due_to_alice = amount.checked_add(parameters.exit_bond);
    must(got == due_to_alice, || {
        format!("Alice got {got:?}, not {} and her bond", show(amount))
    })?;
    story.everywhere(output, OutputStatus::Exited).await?;

    story.gas.exit_start = started.gas_used.map(|gas| gas.as_u64());
    story.gas.process = Some(gas);
    story.exited = story
        .exited
        .checked_add(amount)
        .ok_or_else(|| anyhow!("more was paid than exists"))?;
    Ok(json!({
        "exit": id.0.to_string(),
        "output": output.to_string(),
        "spending_it": refusal,
        "before_its_time": early.map_or_else(|error| format!("refused: {error:#}"), |_| "nothing was paid".into()),
        "hops_of_the_clock": hops,
        "paid": show(amount),
        "bond_returned": show(parameters.exit_bond),
    }))
}
