//! Step 8: a user exits an output that he has spent. The operator on duty challenges by itself, and the exit is over.

use anyhow::{Result, anyhow};
use plasma_node::api::view::OutputStatus;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::ether::show;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let output = story
        .funded
        .get(1)
        .ok_or_else(|| anyhow!("Bob's deposit was not credited"))?
        .output
        .0;
    story.everywhere(output, OutputStatus::Spent).await?;
    let (leaving, _, _) = story.start_exit(story.bob()?, output).await?;
    let id = leaving.id;
    let (paid, receipt) = story.exit_ended(id).await?;
    must(!paid, || "the exit of a spent output was paid".into())?;
    let challenger = story
        .testnet
        .genesis
        .members
        .iter()
        .position(|member| member.operator.0 == receipt.from.0);
    let challenger = challenger.ok_or_else(|| anyhow!("{:?} challenged and is no operator", receipt.from))?;
    story.gas.challenge = receipt.gas_used.map(|gas| gas.as_u64());

    let open = story.testnet.contracts.exit(story.testnet.rpc(), &id).await?;
    must(open.is_none(), || "the challenged exit is still open".into())?;
    story.everywhere(output, OutputStatus::Spent).await?;
    story.challenged = Some(id);
    Ok(json!({
        "exit": id.0.to_string(),
        "output": output.to_string(),
        "challenged_by_operator": challenger,
        "transaction": receipt.transaction_hash,
        "gas": story.gas.challenge,
        "bond": format!("{} went to the challenger", show(story.parameters().await?.exit_bond)),
    }))
}
