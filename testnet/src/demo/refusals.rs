//! Step 12: bad input is refused, each with an error that says what is wrong with it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};
use plasma_core::{Amount, SignedTransaction};
use plasma_node::api::view::OutputView;
use serde_json::{Value, json};

use super::story::{Story, must, refused};
use crate::account::User;
use crate::api::Api;
use crate::ether::eth;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let api = story.testnet.cluster.api(1)?;
    let alice = story.alice()?;
    let good = payment(story, api).await?;
    let height = api.status().await?.height;

    let double = refused(api, double_spend(story, alice)?.encode(), 409, "input-spent").await?;
    let signature = refused(api, with_bad_signature(&good).encode(), 422, "bad-signature").await?;
    let foreign = refused(api, signed_by_another(story, &good)?.encode(), 422, "not-owner").await?;
    let unbalanced = refused(api, unbalanced(&good)?.encode(), 422, "unbalanced").await?;
    let garbage = refused(
        api,
        b"this is no transaction".to_vec(),
        400,
        "unsupported-transaction-type",
    )
    .await?;
    let truncated = good
        .encode()
        .split_last()
        .map(|(_, rest)| rest.to_vec())
        .unwrap_or_default();
    let truncated = refused(api, truncated, 400, "malformed-transaction").await?;
    let empty = refused(api, Vec::new(), 400, "malformed-transaction").await?;
    let unknown = unknown_id(api).await?;

    let told = [
        &double,
        &signature,
        &foreign,
        &unbalanced,
        &garbage,
        &truncated,
        &empty,
        &unknown,
    ];
    must(told.iter().all(|detail| !detail.is_empty()), || {
        "a refusal says nothing".into()
    })?;
    let different: BTreeSet<&&String> = told.iter().collect();
    must(different.len() == told.len(), || {
        format!("two refusals say the same: {told:?}")
    })?;
    let after = story.everyone_else_untouched(&good).await?;
    Ok(json!({
        "double_spend": double,
        "bad_signature": signature,
        "signed_by_another": foreign,
        "unbalanced": unbalanced,
        "garbage": garbage,
        "truncated": truncated,
        "empty_body": empty,
        "unknown_id": unknown,
        "height_before": height,
        "height_after": after,
    }))
}

/// A payment that nothing is wrong with, not submitted.
async fn payment(story: &Story, api: &Api) -> Result<SignedTransaction> {
    let alice = story.alice()?;
    let outputs = api.outputs(alice.address()).await?;
    let output = outputs
        .iter()
        .find(|output| output.asset.0.is_zero() && output.amount.0 > eth(1))
        .context("Alice has nothing left")?;
    Ok(alice.sign(
        alice.pay(output, story.bob()?.address(), eth(1))?,
        &story.testnet.domain(),
    ))
}

/// Another payment of the deposit that Alice has spent in step 3.
fn double_spend(story: &Story, alice: &User) -> Result<SignedTransaction> {
    let spent: &OutputView = story
        .funded
        .first()
        .ok_or_else(|| anyhow!("Alice's deposit was not credited"))?;
    Ok(alice.sign(
        alice.pay(spent, alice.address(), eth(1))?,
        &story.testnet.domain(),
    ))
}

/// v may be 27 or 28 only.
fn with_bad_signature(good: &SignedTransaction) -> SignedTransaction {
    let mut bad = good.clone();
    bad.signature[64] = 99;
    bad
}

/// A sound signature, but not the owner's.
fn signed_by_another(story: &Story, good: &SignedTransaction) -> Result<SignedTransaction> {
    Ok(story
        .bob()?
        .sign(good.transaction.clone(), &story.testnet.domain()))
}

/// One wei out of nothing.
fn unbalanced(good: &SignedTransaction) -> Result<SignedTransaction> {
    let mut bad = good.clone();
    let output = bad
        .transaction
        .outputs
        .first_mut()
        .ok_or_else(|| anyhow!("a payment without outputs"))?;
    output.amount = output
        .amount
        .checked_add(Amount::from(1))
        .ok_or_else(|| anyhow!("the largest amount"))?;
    Ok(bad)
}

async fn unknown_id(api: &Api) -> Result<String> {
    let answer = api
        .get(&format!("/v1/transactions/0x{}", "ab".repeat(32)))
        .await?;
    let found = answer.status == 404 && answer.code() == Some("not-found");
    must(found, || {
        format!("an unknown id answered {} {}", answer.status, answer.body)
    })?;
    Ok(answer.detail().to_owned())
}

impl Story {
    /// None of it reached the ledger: what the good payment would spend is still there. The height now.
    async fn everyone_else_untouched(&self, good: &SignedTransaction) -> Result<u32> {
        let input = good
            .transaction
            .inputs
            .first()
            .ok_or_else(|| anyhow!("a payment without inputs"))?;
        self.everywhere(input.position, plasma_node::api::view::OutputStatus::Unspent)
            .await?;
        Ok(self.testnet.cluster.api(1)?.status().await?.height)
    }
}
