//! Whether an operator still holds what was promised.

use anyhow::{Result, bail};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use plasma_node::api::view::TransactionView;

use super::payers::Promise;
use crate::api::Api;
use crate::failure::Failure;

/// Every promise stands at this operator, at its height.
pub(super) async fn hold(api: &Api, place: usize, promises: &[Promise]) -> Result<()> {
    let asked = promises.iter().map(|promise| holds(api, place, promise));
    stream::iter(asked)
        .buffer_unordered(ASKED_AT_ONCE)
        .try_collect()
        .await
}

async fn holds(api: &Api, place: usize, promise: &Promise) -> Result<()> {
    let answer = api.get(&format!("/v1/transactions/{}", promise.id)).await?;
    let found: Option<TransactionView> = serde_json::from_value(answer.body.clone()).ok();
    let stands = found.is_some_and(|found| {
        found.state.is_decided() && found.block.is_some_and(|block| block.height == promise.height)
    });
    if stands {
        return Ok(());
    }
    bail!(Failure::Unseen(format!(
        "a payment was lost: {} was committed at height {}, and operator {place} says {}: {}",
        promise.id, promise.height, answer.status, answer.body
    )))
}

/// Enough that no processor waits for an answer on its way.
const ASKED_AT_ONCE: usize = 8;
