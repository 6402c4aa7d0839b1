//! Step 16: the honest operator goes on where it hung, and proves on Ethereum what the others signed. The chain is halted
//! below the invalid block, their bonds are gone, and half of them is the honest operator's.

use std::time::Duration;

use anyhow::{Context, Result};
use ethers_core::types::{H160, Log, U256};
use plasma_core::{Address, Amount, Height};
use plasma_node::api::view::{OutputView, State, TransactionView};
use serde_json::{Value, json};

use super::forgery::Forgery;
use super::second::{HONEST, Honest};
use super::story::{Story, must, refused, topic};
use crate::api::Api;
use crate::contract::{Contract, address, number};
use crate::deadline::{Look, until};
use crate::ether::show;

pub(super) async fn tell(story: &mut Story, honest: &Honest, forgery: &Forgery) -> Result<Value> {
    let rpc = story.testnet.rpc();
    let contracts = story.testnet.contracts;
    let posted = rpc.balance(contracts.federation).await?;
    story.testnet.cluster.thaw(HONEST).await?;
    let last_valid = halted(story).await?;
    must(Some(last_valid) == forgery.height.previous(), || {
        format!(
            "the last valid height is {last_valid}, block {} is invalid",
            forgery.height
        )
    })?;

    let log = proven(story).await?;
    let proof = log.transaction_hash.context("a log without a transaction")?;
    let receipt = story.testnet.l1().receipt(proof).await?;
    let reporter = story
        .testnet
        .operators
        .get(HONEST)
        .context("no honest operator")?
        .address();
    must(receipt.from == H160(reporter.0), || {
        format!("{:?} proved it, not the honest operator", receipt.from)
    })?;
    let fraud = log.data.get(31).copied().context("an event without data")?;
    let height = log
        .topics
        .get(1)
        .map(|word| U256::from_big_endian(word.as_bytes()));
    must(
        fraud == BAD_FUND && height == Some(forgery.height.0.into()),
        || format!("fraud {fraud} was proven, of block {height:?}"),
    )?;

    let (lost, reward) = slashed(story, reporter, posted).await?;
    let states = told_by_all(story, forgery).await?;
    let refusal = nobody_pays(story, honest).await?;
    story.gas.fraud_proof = receipt.gas_used.map(|gas| gas.as_u64());
    Ok(json!({
        "proven_by": "operator 3, by its own duty",
        "fraud": "a fund transaction for more than its deposit",
        "transaction": proof,
        "halted": format!("the last height that counts is {last_valid}, block {} is invalid", forgery.height),
        "bonds": format!("{} of the three liars are gone: {} to the reporter, the rest destroyed", show(lost), show(reward)),
        "operators_say": states,
        "paying_now": refusal,
        "gas": story.gas.fraud_proof,
    }))
}

/// What the liars lost and what of it is the reporter's; the rest has left the contract, which held `posted` before.
async fn slashed(story: &Story, reporter: Address, posted: Amount) -> Result<(Amount, Amount)> {
    let (rpc, contracts) = (story.testnet.rpc(), story.testnet.contracts);
    let bond = story.parameters().await?.operator_bond;
    let federation = Contract::federation(&contracts);
    let bonded = federation.number(rpc, "bonds", &[number(0)], 0).await?;
    let convicted = federation.number(rpc, "bonds", &[number(0)], 1).await?;
    must(
        bonded == Amount::from(0b1000) && convicted == Amount::from(0b0111),
        || format!("seats {bonded:b} have a bond, {convicted:b} are convicted"),
    )?;
    let lost = bond * Amount::from(3);
    let reward = federation.number(rpc, "reward", &[address(reporter)], 0).await?;
    let left = rpc.balance(contracts.federation).await?;
    let burned = lost.checked_sub(reward);
    must(
        reward == lost / Amount::from(2) && posted.checked_sub(left) == burned,
        || {
            format!(
                "of {} lost {} are a reward, the contract went from {} to {}",
                show(lost),
                show(reward),
                show(posted),
                show(left)
            )
        },
    )?;
    Ok((lost, reward))
}

/// Waits for the contract to say how far the chain is valid.
async fn halted(story: &Story) -> Result<Height> {
    until(
        "the honest operator to prove the fraud",
        PROOF_PATIENCE,
        || async {
            let latest = story.testnet.contracts.latest(story.testnet.rpc()).await?;
            Ok(if latest.last_valid == Height(u32::MAX) {
                Look::NotYet(format!("anchor {} is the last, and counts", latest.number))
            } else {
                Look::Seen(latest.last_valid)
            })
        },
    )
    .await
}

async fn proven(story: &Story) -> Result<Log> {
    let topics = [topic("FraudProven(uint32,uint32,uint8,address)")];
    let of = H160(story.testnet.contracts.fraud_proofs.0);
    story.first_log(of, &topics).await
}

/// Liars say that their chain is halted and what the thief has is void; the honest operator never had it.
async fn told_by_all(story: &Story, forgery: &Forgery) -> Result<Vec<String>> {
    let mut states = Vec::new();
    for (index, api) in story.testnet.cluster.apis().enumerate() {
        let wanted: &[&str] = if index == HONEST {
            &["halted", "stopped"]
        } else {
            &["halted"]
        };
        let status = until(
            &format!("operator {index} to see the halt"),
            SEEN_PATIENCE,
            || async {
                let status = api.status().await?;
                let is_told = wanted.contains(&status.state.as_str())
                    && status.blockers.iter().any(|blocker| blocker.code == "halted");
                let words = format!("it is {}: {:?}", status.state, status.blockers);
                Ok(if is_told {
                    Look::Seen(status)
                } else {
                    Look::NotYet(words)
                })
            },
        )
        .await?;
        if index != HONEST {
            void(api, forgery).await?;
        }
        states.push(format!(
            "operator {index}: {} at height {}",
            status.state, status.height
        ));
    }
    Ok(states)
}

async fn void(api: &Api, forgery: &Forgery) -> Result<()> {
    let output: OutputView = api
        .document(&format!("/v1/outputs/{}", forgery.exit.output))
        .await?;
    let view: TransactionView = api
        .document(&format!("/v1/transactions/{}", output.created_by))
        .await?;
    must(view.state == State::Void, || {
        format!("{} calls the thief's transaction {:?}", api.base(), view.state)
    })
}

/// A sound payment of Bob's is refused: the chain is over.
async fn nobody_pays(story: &Story, honest: &Honest) -> Result<String> {
    let (bob, alice) = (story.bob()?, story.alice()?);
    let [(position, _), _] = honest.bob;
    let api = story.testnet.cluster.api(0)?;
    let output: OutputView = api.document(&format!("/v1/outputs/{position}")).await?;
    let payment = bob.pay(&output, alice.address(), output.amount.0)?;
    refused(
        api,
        bob.sign(payment, &story.testnet.domain()).encode(),
        503,
        "halted",
    )
    .await
}

/// How the contract numbers a fund transaction that is not what the vault recorded.
const BAD_FUND: u8 = 4;
/// The proof takes an Ethereum block or two; when the liars' headers must be fetched first, a few seconds more.
const PROOF_PATIENCE: Duration = Duration::from_secs(60);
/// What Ethereum shows is known to every operator two blocks later.
const SEEN_PATIENCE: Duration = Duration::from_secs(20);
