//! Step 15: the three sign a block in which a deposit counts twice, and anchor it. The thief moves the money that does not
//! exist and starts to leave with it, while the honest operator hangs.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use plasma_core::{Address, Amount, DepositNumber, Height, Position};
use plasma_node::api::view::{DepositView, ExitData, OutputView, StatusView};
use plasma_node::bridge::direct;
use serde_json::{Value, json};

use super::deposits::number_of;
use super::second::{HONEST, anchored};
use super::story::{Leaving, Story, must};
use crate::account::User;
use crate::api::Api;
use crate::deadline::{Look, until};
use crate::ether::{eth, show};

/// What the lie left behind.
#[derive(Debug)]
pub(super) struct Forgery {
    /// The block that is invalid.
    pub(super) height: Height,
    /// The thief's exit, which the contract had to take.
    pub(super) exit: Leaving,
    /// The two deposits of that block: the thief's, and an honest one of Carol's.
    pub(super) deposits: [(DepositNumber, Amount); 2],
}

pub(super) async fn tell(story: &mut Story) -> Result<(Forgery, Value)> {
    let (mallory, carol) = (story.mallory()?, story.carol()?);
    let amounts = [eth(1) + Amount::from(MARK), eth(2)];
    // No Ethereum block comes by itself: the honest operator must see the lie and then hang before it is anchored.
    story.testnet.l1().set_interval(0).await?;
    for (user, amount) in [mallory, carol].into_iter().zip(amounts) {
        let call = story.testnet.contracts.deposit_call(amount);
        direct::submit(story.testnet.rpc(), user.ethereum(), &call).await?;
    }
    for _ in 0..=story.testnet.genesis.confirmations {
        story.testnet.l1().mine().await?;
    }
    let numbers = [
        number_of(story, mallory.address(), Address::ZERO).await?,
        number_of(story, carol.address(), Address::ZERO).await?,
    ];
    let double = amounts[0] + amounts[0];
    let liars: Vec<&Api> = story.testnet.cluster.apis().take(HONEST).collect();
    let looks = liars.iter().map(|api| forged(api, numbers[0], double));
    let forged = try_join_all(looks).await?;
    let fund = forged.first().context("nobody lies")?.clone();
    must(forged.iter().all(|output| *output == fund), || {
        "the liars do not agree on their lie".into()
    })?;
    let reason = refuses(story, &fund).await?;
    let transfer = mallory.sign(
        mallory.pay(&fund, mallory.address(), double)?,
        &story.testnet.domain(),
    );
    story.testnet.cluster.freeze(HONEST).await?;
    let moved = story.testnet.cluster.api(0)?.pay(&transfer).await?;
    story.testnet.l1().set_interval(1).await?;
    let place = moved.block.context("a committed payment is in a block")?;
    anchored(story, place.height).await?;
    let position = Position {
        block: Height(place.height),
        transaction: place.index,
        output: 0,
    };
    let refusal = refused_exit(story, mallory, fund.output.0).await?;
    let data = exit_data(story, position).await?;
    let (exit, _) = story.start_exit_with(mallory, data).await?;
    let void = story
        .testnet
        .contracts
        .exit(story.testnet.rpc(), &exit.id)
        .await?;
    must(void.is_some_and(|open| open.amount == double), || {
        "the contract did not take the thief's exit".into()
    })?;
    let evidence = json!({
        "deposits": format!("{} by Mallory, {} by Carol, in one Ethereum block", show(amounts[0]), show(amounts[1])),
        "liars_credit": format!("{} to Mallory as output {}", show(double), fund.output),
        "honest_operator": reason,
        "exit_of_the_forged_deposit": refusal,
        "exit_of_what_it_was_moved_to": format!("{} as output {}, the contract cannot know better yet", show(double), exit.output),
    });
    let [thiefs, carols] = numbers;
    Ok((
        Forgery {
            height: fund.output.0.block,
            exit,
            deposits: [(thiefs, amounts[0]), (carols, amounts[1])],
        },
        evidence,
    ))
}

/// What a liar credits for the marked deposit, once it does: twice its amount.
async fn forged(api: &Api, number: DepositNumber, double: Amount) -> Result<OutputView> {
    let what = format!("{} to credit deposit {number} twice", api.base());
    let position = until(&what, LIE_PATIENCE, || async {
        let answer = api.get(&format!("/v1/deposits/{number}")).await?;
        let view: Option<DepositView> = serde_json::from_value(answer.body.clone()).ok();
        let output = view.and_then(|view| view.output);
        Ok(output.map_or_else(|| Look::NotYet(format!("it answers {}", answer.body)), Look::Seen))
    })
    .await?;
    let output: OutputView = api.document(&format!("/v1/outputs/{position}")).await?;
    must(output.amount.0 == double, || {
        format!("{} credits {}", api.base(), show(output.amount.0))
    })?;
    Ok(output)
}

/// The honest operator holds no such block, and says why it stopped.
async fn refuses(story: &Story, fund: &OutputView) -> Result<String> {
    let api = story.witness()?;
    let status: StatusView = until("the honest operator to see the lie", LIE_PATIENCE, || async {
        let status = api.status().await?;
        let words = format!("it is {} at height {}", status.state, status.height);
        Ok(if status.state == "stopped" {
            Look::Seen(status)
        } else {
            Look::NotYet(words)
        })
    })
    .await?;
    let last_valid = fund.output.0.block.previous().unwrap_or_default();
    must(status.height == last_valid.0, || {
        format!("the honest operator is at height {}", status.height)
    })?;
    let answer = api.get(&format!("/v1/outputs/{}", fund.output)).await?;
    must(answer.code() == Some("not-found"), || {
        format!("the honest operator answers {}", answer.body)
    })?;
    let stopped = status
        .blockers
        .into_iter()
        .find(|blocker| blocker.code == "stopped");
    Ok(stopped.context("it does not say why it stopped")?.text)
}

/// The fund transaction itself says more than the vault recorded: the contract's refusal.
async fn refused_exit(story: &Story, thief: &User, output: Position) -> Result<String> {
    let data = exit_data(story, output).await?;
    let tried = story.start_exit_with(thief, data).await;
    let refusal = tried
        .err()
        .ok_or_else(|| anyhow!("the contract took an exit of a forged deposit"))?;
    let refusal = format!("{refusal:#}");
    must(refusal.contains("DepositDiffers"), || {
        format!("the forged deposit's exit was refused otherwise: {refusal}")
    })?;
    Ok("refused by the contract: DepositDiffers".into())
}

/// What an exit takes, as a liar gives it once it has seen the anchor.
async fn exit_data(story: &Story, output: Position) -> Result<ExitData> {
    let api = story.testnet.cluster.api(0)?;
    until(&format!("exit data of output {output}"), LIE_PATIENCE, || async {
        let answer = api.get(&format!("/v1/outputs/{output}/exit-data")).await?;
        let data: Option<ExitData> = serde_json::from_value(answer.body.clone()).ok();
        Ok(data.map_or_else(|| Look::NotYet(format!("it answers {}", answer.body)), Look::Seen))
    })
    .await
}

/// Wei that mark a deposit for the liars (`plasma_node::runtime::forging`).
const MARK: u64 = 666;
/// A lie takes as long as a block; seeing its anchor two Ethereum blocks more.
const LIE_PATIENCE: Duration = Duration::from_secs(20);
