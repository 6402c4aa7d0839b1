//! Step 14: a second federation, three of whose four operators lie. Its honest users deposit, pay, and are anchored before
//! anything is wrong.

use std::time::Duration;

use anyhow::{Context, Result};
use plasma_core::{Amount, Position};
use serde_json::{Value, json};

use super::deposits::credited;
use super::story::{Story, must};
use crate::deadline::{Look, until};
use crate::ether::{eth, show};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::testnet::{Plan, Testnet};

/// What the honest users own before the lie.
#[derive(Debug)]
pub(super) struct Honest {
    /// Alice's change.
    pub(super) alice: (Position, Amount),
    /// Bob's deposit, and what Alice paid him.
    pub(super) bob: [(Position, Amount); 2],
}

pub(super) async fn begin(plan: &Plan, progress: Progress) -> Result<((Story, Honest), Value)> {
    if !cfg!(feature = "forging") {
        let words = "this plasma-testnet was built without operators that can lie: build it with `--features forging`";
        return Err(Failure::Missing(words.to_owned()).into());
    }
    let plan = Plan {
        operators: OPERATORS,
        forgers: OPERATORS - 1,
        label: Some("liars"),
        ..plan.clone()
    };
    let testnet = Testnet::start(&plan, progress).await?;
    let mut story = Story::new(testnet, HONEST);
    match prepare(&story).await {
        Ok((honest, evidence)) => Ok(((story, honest), evidence)),
        Err(error) => {
            let folder = story.testnet.keep_folder();
            Err(error.context(format!("logs are in {folder}")))
        }
    }
}

/// Users deposit and pay, and an anchor covers it all.
async fn prepare(story: &Story) -> Result<(Honest, Value)> {
    let (to_bob, deposits) = (eth(3), [eth(10), eth(6)]);
    let (alice, bob) = (story.alice()?, story.bob()?);
    let [alices, bobs] = deposits.map(|amount| story.testnet.contracts.deposit_call(amount));
    futures::try_join!(story.transact(alice, &alices), story.transact(bob, &bobs))?;
    let mut funded = Vec::new();
    for (owner, amount) in [alice.address(), bob.address()].into_iter().zip(deposits) {
        funded.push(credited(story, owner, plasma_core::Address::ZERO, amount).await?);
    }
    let [of_alice, of_bob] = funded.as_slice() else {
        anyhow::bail!("two deposits became {} outputs", funded.len());
    };
    let payment = alice.sign(
        alice.pay(of_alice, bob.address(), to_bob)?,
        &story.testnet.domain(),
    );
    let submitted = story.witness()?.pay(&payment).await?;
    let told = story.decided_everywhere(payment.id()).await?;
    let born = |owner| {
        let found = told.outputs.iter().find(|one| one.owner.0 == owner);
        let found = found.and_then(|one| Some((one.output?.0, one.amount.0)));
        found.context("an output without a place")
    };
    let honest = Honest {
        alice: born(alice.address())?,
        bob: [(of_bob.output.0, of_bob.amount.0), born(bob.address())?],
    };
    let height = submitted
        .block
        .context("a committed payment is in a block")?
        .height;
    let anchor = anchored(story, height).await?;
    let vault = story.vault().await?;
    must(vault == eth(16), || format!("the vault holds {}", show(vault)))?;
    let evidence = json!({
        "federation": story.testnet.contracts.federation.to_string(),
        "liars": "operators 0, 1 and 2: a quorum",
        "honest": "operator 3, alone",
        "deposits": "10 ETH by Alice, 6 ETH by Bob",
        "paid": format!("{} by Alice to Bob, in block {height}", show(to_bob)),
        "anchored_up_to": anchor,
    });
    Ok((honest, evidence))
}

/// Waits until an anchor covers a height: the height of the last anchor.
pub(super) async fn anchored(story: &Story, height: u32) -> Result<u32> {
    until(
        &format!("an anchor of height {height}"),
        ANCHOR_PATIENCE,
        || async {
            let latest = story.testnet.contracts.latest(story.testnet.rpc()).await?;
            Ok(if latest.height.0 >= height {
                Look::Seen(latest.height.0)
            } else {
                Look::NotYet(format!("height {} is anchored", latest.height))
            })
        },
    )
    .await
}

/// The smallest federation: with three that lie, one is left that does not.
const OPERATORS: u16 = 4;
/// The one that does not.
pub(super) const HONEST: usize = 3;
/// Anchors come every few seconds; a takeover adds as many.
const ANCHOR_PATIENCE: Duration = Duration::from_secs(45);
