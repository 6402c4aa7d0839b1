//! Step 13: on every operator the sum of all outputs of an asset is what was deposited less what exits were paid: the vault's
//! balance.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use plasma_core::{Address, Amount, DepositNumber};
use plasma_node::api::view::StatsView;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::deadline::{Look, until};
use crate::ether::{show, show_asset};
use crate::testnet::total_of;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let token = story.testnet.token;
    let in_tokens = token
        .balance(story.testnet.rpc(), story.testnet.contracts.vault)
        .await?;
    let ether = balanced(story, Address::ZERO, story.vault().await?, story.exited).await?;
    let tokens = balanced(story, token.address, in_tokens, story.exited_tokens).await?;
    let contracts = &story.testnet.contracts;
    for (name, game) in [
        ("ExitGame", contracts.exit_game),
        ("InFlightExits", contracts.in_flight),
    ] {
        let bonds = story.ether_of(game).await?;
        must(bonds.is_zero(), || {
            format!("no exit is open and {name} holds {}", show(bonds))
        })?;
    }
    Ok(json!({
        "ether": ether,
        "tokens": tokens,
        "bonds_in_the_exit_games": show(Amount::ZERO),
    }))
}

/// Of one asset: deposits less exits are the vault's balance, what each operator's outputs sum to, and what users own.
async fn balanced(story: &Story, asset: Address, vault: Amount, exited: Amount) -> Result<Value> {
    let show = |amount| show_asset(asset, amount);
    let deposited = deposited(story, asset).await?;
    let owed = deposited.checked_sub(exited);
    must(owed == Some(vault), || {
        format!(
            "the vault holds {}, {} were deposited and {} left",
            show(vault),
            show(deposited),
            show(exited)
        )
    })?;
    for index in 0..story.testnet.cluster.size() {
        let sum = settled(story, index, asset, vault).await?;
        let owned = owned(story, index, asset).await?;
        must(owned == sum, || {
            format!(
                "operator {index}: all users own {}, all outputs sum to {}",
                show(owned),
                show(sum)
            )
        })?;
    }
    let operators = story.testnet.cluster.size();
    Ok(format!(
        "{} deposited, {} paid to exits, {} in the vault and on each of {operators} operators",
        show(deposited),
        show(exited),
        show(vault)
    )
    .into())
}

/// What the vault recorded of an asset, deposit by deposit.
async fn deposited(story: &Story, asset: Address) -> Result<Amount> {
    let (contracts, rpc) = (&story.testnet.contracts, story.testnet.rpc());
    let count = contracts.deposit_count(rpc).await?;
    let mut sum = Amount::ZERO;
    for number in 0..count {
        let record = contracts.deposit(rpc, DepositNumber(number)).await?;
        if let Some(record) = record.filter(|record| record.asset == asset) {
            sum = sum
                .checked_add(record.amount)
                .ok_or_else(|| anyhow!("more was deposited than exists"))?;
        }
    }
    Ok(sum)
}

/// The sum of all outputs of an asset that an operator holds, once it equals what it must.
async fn settled(story: &Story, index: usize, asset: Address, vault: Amount) -> Result<Amount> {
    let api = story.testnet.cluster.api(index)?;
    let show = |amount| show_asset(asset, amount);
    until(
        &format!("operator {index} to hold what the vault holds, {}", show(vault)),
        SETTLE_PATIENCE,
        || async {
            let stats: StatsView = api.stats().await?;
            let found = stats.assets.iter().find(|one| one.asset.0 == asset);
            let sum = found.map_or(Amount::ZERO, |one| one.unspent_total.0);
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

/// What all test users own of an asset together.
async fn owned(story: &Story, index: usize, asset: Address) -> Result<Amount> {
    let api = story.testnet.cluster.api(index)?;
    let mut sum = Amount::ZERO;
    for user in &story.testnet.users {
        let owned = total_of(&api.balance(user.address()).await?, asset);
        sum = sum.checked_add(owned).context("users own more than exists")?;
    }
    Ok(sum)
}

/// The last exit's event is in every ledger within two blocks.
const SETTLE_PATIENCE: Duration = Duration::from_secs(20);
