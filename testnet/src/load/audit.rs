//! Nothing is lost: every payment that any operator accepted stands in the blocks of every operator.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use serde::Deserialize;

use super::drive::{Driven, text};
use crate::api::Api;
use crate::deadline::{Look, until};
use crate::testnet::Testnet;

/// What the blocks say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audit {
    /// Blocks in the measured time.
    pub(crate) blocks: u32,
    /// Accepted payments that are missing on some operator.
    pub(crate) lost: usize,
}

/// The one field of a listed transaction that we look at.
#[derive(Deserialize)]
struct Listed {
    id: String,
}

#[derive(Deserialize)]
struct Listing {
    items: Vec<Listed>,
    next_cursor: Option<String>,
}

/// Reads every block since `first_height` from every operator.
pub(crate) async fn audit(testnet: &Testnet, driven: &Driven, first_height: u32) -> Result<Audit> {
    let last_height = level(testnet).await?;
    let accepted: Vec<String> = driven
        .answers
        .iter()
        .filter(|answer| answer.accepted)
        .map(|answer| text(&answer.id))
        .collect();
    let mut lost = 0;
    for api in testnet.cluster.apis() {
        let held = held(api, first_height, last_height).await?;
        lost = lost.max(accepted.iter().filter(|id| !held.contains(*id)).count());
    }
    Ok(Audit {
        blocks: (last_height + 1).saturating_sub(first_height),
        lost,
    })
}

/// Waits until all operators stand at one height with nothing waiting: that height.
async fn level(testnet: &Testnet) -> Result<u32> {
    until(
        "all operators to finish what was accepted",
        LEVEL_PATIENCE,
        || async {
            let statuses = try_join_all(testnet.cluster.apis().map(Api::status)).await?;
            let heights: Vec<u32> = statuses.iter().map(|status| status.height).collect();
            let waiting: usize = statuses.iter().map(|status| status.mempool).sum();
            let level = heights.windows(2).all(|pair| pair[0] == pair[1]) && waiting == 0;
            let words = format!("heights {heights:?}, {waiting} transactions waiting");
            Ok(heights
                .first()
                .filter(|_| level)
                .map_or(Look::NotYet(words), |height| Look::Seen(*height)))
        },
    )
    .await
}

async fn held(api: &Api, first: u32, last: u32) -> Result<HashSet<String>> {
    let mut held = HashSet::new();
    for height in first..=last {
        let mut cursor = String::new();
        loop {
            let page: Listing = api
                .document(&format!("/v1/blocks/{height}/transactions?limit=500{cursor}"))
                .await?;
            held.extend(page.items.into_iter().map(|listed| listed.id));
            let Some(next) = page.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
    }
    Ok(held)
}

/// A flood leaves a few seconds of work.
const LEVEL_PATIENCE: Duration = Duration::from_secs(60);
