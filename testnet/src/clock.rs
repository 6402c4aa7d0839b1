//! Ethereum's clock, moved as only a development chain can, in hops that leave the federation time to anchor in between.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use plasma_node::bridge::Contracts;
use plasma_node::bridge::rpc::Rpc;
use plasma_node::config::FederationFile;

use crate::deadline::{Look, until};
use crate::deploy::{GRACE_S, SILENCE_S};
use crate::l1::L1;
use crate::progress::Progress;

/// Moves the clock of a federation that another process keeps running.
///
/// # Errors
/// As [`advance_to`], or when Ethereum does not hold this federation's contracts.
pub async fn forward(time: Duration, url: &str, federation: &Path, progress: Progress) -> Result<()> {
    let genesis = FederationFile::load(federation)?;
    let (l1, rpc) = (L1::new(url)?, Rpc::new(&[url.to_owned()], ANSWER_PATIENCE)?);
    let contracts = Contracts::check_identity(&rpc, &genesis).await?;
    let stage = progress.stage("Clock", &format!("{} s on", time.as_secs()));
    let (_, now) = l1.head().await?;
    let hops = advance_to(&l1, &rpc, &contracts, now.saturating_add(time.as_secs())).await?;
    stage.done(&format!(
        "{} s on, in {hops} hops with an anchor after each",
        time.as_secs()
    ));
    Ok(())
}

/// Moves the clock to `target`, and says in how many hops.
///
/// # Errors
/// When Ethereum does not answer or cannot move its clock, or the federation does not anchor in time.
pub async fn advance_to(l1: &L1, rpc: &Rpc, contracts: &Contracts, target: u64) -> Result<u64> {
    let mut hops = 0;
    loop {
        let (_, now) = l1.head().await?;
        if now >= target {
            return Ok(hops);
        }
        let step = (target - now).min(HOP_S);
        l1.advance(step).await?;
        hops += 1;
        // An anchor that was mined just before the clock moved is none after it.
        let moved = now + step / 2;
        until(
            "an idle federation to anchor after Ethereum's clock moved",
            ANCHOR_PATIENCE,
            || async {
                let latest = contracts.latest(rpc).await?;
                let words = format!(
                    "the last anchor is of {}, Ethereum's clock was {now} and moved by {step}",
                    latest.time_s
                );
                Ok(if latest.time_s > moved {
                    Look::Seen(())
                } else {
                    Look::NotYet(words)
                })
            },
        )
        .await?;
    }
}

/// Seconds by which Ethereum's clock moves at once. With the quarter of `silence` that may have passed since the last
/// anchor it stays half a minute below the contract's limit of silence + 2 grace.
const HOP_S: u64 = SILENCE_S / 2 + 2 * GRACE_S - ANCHOR_SLACK_S;
const _: () = assert!(HOP_S + SILENCE_S / 4 + ANCHOR_SLACK_S <= SILENCE_S + 2 * GRACE_S);
/// Seconds that an anchor may take after a hop, when it comes late and somebody else must take over.
const ANCHOR_SLACK_S: u64 = 15;
/// An anchor takes two or three Ethereum blocks, and a takeover as many again.
const ANCHOR_PATIENCE: Duration = Duration::from_secs(45);
/// A call to a node on the same machine that takes longer hangs.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
