//! Step 9: on every operator the sum of all outputs is what was deposited less what exits were paid: the vault's balance.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use plasma_core::{Address, Amount, DepositNumber};
use plasma_node::api::view::StatsView;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::deadline::{Look, until};
use crate::ether::show;
use crate::testnet::total_eth;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let deposited = deposited(story).await?;
    let vault = story.vault().await?;
    let owed = deposited.checked_sub(story.exited);
    must(owed == Some(vault), || {
        format!(
            "the vault holds {}, {} were deposited",
            show(vault),
            show(deposited)
        )
    })?;
    let mut sums = Vec::new();
    for index in 0..story.testnet.cluster.size() {
        let sum = settled(story, index, vault).await?;
        let owned = owned(story, index).await?;
        must(owned == sum, || {
            format!(
                "operator {index}: all users own {}, all outputs sum to {}",
                show(owned),
                show(sum)
            )
        })?;
        sums.push(show(sum));
    }
    let exit_game = story.ether_of(story.testnet.contracts.exit_game).await?;
    must(exit_game.is_zero(), || {
        format!("no exit is open and ExitGame holds {}", show(exit_game))
    })?;
    Ok(json!({
        "deposited": show(deposited),
        "paid_to_exits": show(story.exited),
        "vault": show(vault),
        "operators": sums,
        "bonds_in_exit_game": show(exit_game),
    }))
}

/// What the vault recorded, deposit by deposit.
async fn deposited(story: &Story) -> Result<Amount> {
    let (contracts, rpc) = (&story.testnet.contracts, story.testnet.rpc());
    let count = contracts.deposit_count(rpc).await?;
    let mut sum = Amount::ZERO;
    for number in 0..=count {
        if let Some(record) = contracts.deposit(rpc, DepositNumber(number)).await? {
            sum = sum
                .checked_add(record.amount)
                .ok_or_else(|| anyhow!("more was deposited than exists"))?;
        }
    }
    Ok(sum)
}

/// The sum of all outputs that an operator holds, once it equals what it must.
async fn settled(story: &Story, index: usize, vault: Amount) -> Result<Amount> {
    let api = story.testnet.cluster.api(index)?;
    until(
        &format!("operator {index} to hold what the vault holds, {}", show(vault)),
        SETTLE_PATIENCE,
        || async {
            let stats: StatsView = api.stats().await?;
            let eth = stats.assets.iter().find(|asset| asset.asset.0 == Address::ZERO);
            let sum = eth.map_or(Amount::ZERO, |asset| asset.unspent_total.0);
            let words = format!("its outputs sum to {} at height {}", show(sum), stats.height);
            Ok(if sum == vault {
                Look::Seen(sum)
            } else {
                Look::NotYet(words)
            })
        },
    )
    .await
}

/// What all test users own together.
async fn owned(story: &Story, index: usize) -> Result<Amount> {
    let api = story.testnet.cluster.api(index)?;
    let mut sum = Amount::ZERO;
    for user in &story.testnet.users {
        let owned = total_eth(&api.balance(user.address()).await?);
        sum = sum.checked_add(owned).context("users own more than exists")?;
    }
    Ok(sum)
}

/// The last exit's event is in every ledger within two blocks.
const SETTLE_PATIENCE: Duration = Duration::from_secs(20);
