//! Step 2: two users deposit in one Ethereum block, and every operator credits both.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use plasma_core::{Address, Amount, DepositNumber, Hash};
use plasma_node::api::view::{DepositView, OutputStatus, OutputView};
use plasma_node::bridge::direct;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::api::Api;
use crate::deadline::{Look, until};
use crate::ether::{eth, show};

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let people = [
        (story.alice()?.address(), eth(10)),
        (story.bob()?.address(), eth(6)),
    ];
    let l1 = story.testnet.l1();
    l1.set_interval(0).await?;
    let sent = send_both(story, people.map(|(_, amount)| amount)).await;
    let mined = l1.mine().await;
    l1.set_interval(1).await?;
    mined?;
    let mut receipts = Vec::new();
    for hash in sent? {
        receipts.push(direct::mined(story.testnet.rpc(), "Vault.deposit", hash).await?);
    }
    let blocks: Vec<u64> = receipts.iter().map(|receipt| receipt.block.0).collect();
    must(receipts.iter().all(|receipt| receipt.succeeded), || {
        "a deposit reverted".into()
    })?;
    must(blocks.first() == blocks.last(), || {
        format!("the deposits lie in the blocks {blocks:?}")
    })?;
    story.gas.deposit = receipts.iter().map(|receipt| receipt.gas_used).min();

    for (owner, amount) in people {
        story
            .funded
            .push(credited(story, owner, Address::ZERO, amount).await?);
    }
    let outputs: Vec<String> = story
        .funded
        .iter()
        .map(|output| output.output.to_string())
        .collect();
    Ok(json!({
        "l1_block": blocks.first(),
        "deposits": people.map(|(owner, amount)| format!("{} by {owner}", show(amount))),
        "outputs": outputs,
        "credited_by": story.testnet.cluster.size(),
        "vault": show(story.vault().await?),
    }))
}

async fn send_both(story: &Story, amounts: [Amount; 2]) -> Result<Vec<Hash>> {
    let mut sent = Vec::new();
    for (user, amount) in story.testnet.users.iter().zip(amounts) {
        let call = story.testnet.contracts.deposit_call(amount);
        sent.push(
            direct::submit(story.testnet.rpc(), user.ethereum(), &call)
                .await
                .context("a deposit")?,
        );
    }
    Ok(sent)
}

/// The output that every operator credits for the one deposit of an owner in an asset: the same one everywhere.
pub(super) async fn credited(
    story: &Story,
    owner: Address,
    asset: Address,
    amount: Amount,
) -> Result<OutputView> {
    let number = number_of(story, owner, asset).await?;
    let looks = story.testnet.cluster.apis().map(|api| credited_at(api, number));
    let found = try_join_all(looks).await?;
    let first = found.first().context("a federation of nobody")?.clone();
    must(found.iter().all(|output| *output == first), || {
        format!("operators differ on deposit {number}")
    })?;
    let held = (first.owner.0, first.asset.0, first.amount.0);
    let right = held == (owner, asset, amount) && first.status == OutputStatus::Unspent;
    must(right, || format!("deposit {number} became {first:?}"))?;
    Ok(first)
}

/// The vault's number of an owner's first deposit in an asset.
pub(super) async fn number_of(story: &Story, owner: Address, asset: Address) -> Result<DepositNumber> {
    let (contracts, rpc) = (&story.testnet.contracts, story.testnet.rpc());
    let count = contracts.deposit_count(rpc).await?;
    for number in 0..count {
        let record = contracts.deposit(rpc, DepositNumber(number)).await?;
        if record.is_some_and(|record| (record.owner, record.asset) == (owner, asset)) {
            return Ok(DepositNumber(number));
        }
    }
    anyhow::bail!("the vault recorded no such deposit of {owner}")
}

async fn credited_at(api: &Api, number: DepositNumber) -> Result<OutputView> {
    let what = format!("{} to credit deposit {number}", api.base());
    let position = until(&what, CREDIT_PATIENCE, || async {
        let answer = api.get(&format!("/v1/deposits/{number}")).await?;
        let view: Option<DepositView> = serde_json::from_value(answer.body.clone()).ok();
        let output = view.and_then(|view| view.output);
        Ok(output.map_or_else(|| Look::NotYet(format!("it answers {}", answer.body)), Look::Seen))
    })
    .await?;
    api.document(&format!("/v1/outputs/{position}")).await
}

/// Two Ethereum blocks and one of ours, on a busy machine.
const CREDIT_PATIENCE: Duration = Duration::from_secs(30);
