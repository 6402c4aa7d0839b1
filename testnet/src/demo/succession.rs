//! Step 14: one operator leaves the committee and one joins it on Ethereum, while payments run. None is lost, and the new
//! committee anchors.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use plasma_core::genesis::GenesisMember;
use plasma_core::{Amount, BlockId, Certificate, Epoch, Hash, OperatorIndex, TransactionId, View, bls};
use plasma_node::api::view::TransactionView;
use plasma_node::bridge::deploy::NewMember;
use plasma_node::bridge::direct;
use plasma_node::config::committee::{CommitteeFile, Successor};
use plasma_node::directory::Roster;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::deadline::{Look, until};
use crate::deploy::joining;

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let newcomer = story.testnet.invite().await?;
    let (leaving, successor) = successor(story, newcomer.member)?;
    let document = story.testnet.folder().run().join("committee-1.toml");
    std::fs::write(&document, CommitteeFile::print(&successor)).context("writing the document")?;
    let joiner = story.testnet.cluster.add(newcomer.place)?;

    announce(story, &successor, &document, joiner).await?;
    story.testnet.cluster.revive(joiner)?;
    observes(story, joiner).await?;

    let goes_on = Cell::new(true);
    let (changed, paid) = futures::join!(
        async {
            let changed = change(story, &successor, (leaving, joiner)).await;
            goes_on.set(false);
            changed
        },
        pay(story, &goes_on)
    );
    let (hops, anchor) = changed?;
    let paid = paid?;
    none_is_lost(story, &paid).await?;
    Ok(json!({
        "left": leaving,
        "joined": joiner,
        "announced_with_sequence": successor.sequence,
        "hops_of_the_clock": hops,
        "payments_meanwhile": paid.len(),
        "lost": 0,
        "first_anchor_of_the_new_committee": anchor,
    }))
}

/// The committee of epoch 1: the last operator's seat is the newcomer's.
fn successor(story: &Story, newcomer: GenesisMember) -> Result<(usize, Successor)> {
    let mut members = story.testnet.genesis.members.clone();
    let leaving = members.len().saturating_sub(1);
    must(leaving != story.witness, || "the witness would leave".into())?;
    *members.last_mut().context("a committee of nobody")? = newcomer;
    let roster = Roster::new(Epoch(1), members)?;
    Ok((leaving, Successor { sequence: 1, roster }))
}

/// Announces the committee, and gives its document to everybody.
async fn announce(story: &Story, successor: &Successor, document: &Path, joiner: usize) -> Result<()> {
    let testnet = &story.testnet;
    let hash = successor.roster.committee.hash();
    let running: Vec<usize> = (0..joiner).collect();
    let (signers, signature) = signed(story, &running, &successor.change_digest(&testnet.domain()))?;
    let certificate = Certificate {
        epoch: Epoch(0),
        view: View(successor.sequence),
        block: BlockId(hash),
        signers,
        signature,
    };
    let members: Vec<NewMember> = successor.roster.members.iter().map(joining).collect();
    let call = testnet
        .contracts
        .announce_committee_call(&members, &certificate)?;
    // Operators keep count of their own transactions, so somebody else sends these.
    direct::transact(testnet.rpc(), story.alice()?.ethereum(), &call).await?;
    for index in 0..=joiner {
        testnet
            .cluster
            .tool(index, &["committee", "install"], document)
            .await?;
    }
    Ok(())
}

/// Lets the delay of the committee pass, and activates it.
async fn change(
    story: &Story,
    successor: &Successor,
    (leaving, joiner): (usize, usize),
) -> Result<(u64, u32)> {
    let (testnet, rpc) = (&story.testnet, story.testnet.rpc());
    let announced = testnet.contracts.announcement(rpc).await?;
    let from = announced.context("nothing is announced")?.active_from_s;
    let hops = story.advance_to(from).await?;
    let coming: Vec<usize> = (0..=joiner).filter(|index| *index != leaving).collect();
    let (ready, signature) = signed(story, &coming, &successor.readiness_digest(&testnet.domain()))?;
    let call = testnet.contracts.activate_committee_call(&ready, &signature)?;
    direct::transact(rpc, story.alice()?.ethereum(), &call).await?;
    let waits = (0..=joiner).map(|index| takes_over(story, index, index == leaving));
    try_join_all(waits).await?;
    Ok((hops, anchored(story).await?))
}

/// A quorum of these operators signs a digest, each in its place of the list.
fn signed(
    story: &Story,
    operators: &[usize],
    digest: &Hash,
) -> Result<(plasma_core::Bitmap, bls::Signature)> {
    let quorum = plasma_core::quorum(operators.len());
    let places: Vec<PathBuf> = story
        .testnet
        .cluster
        .places()
        .map(|place| place.folder.clone())
        .collect();
    let mut signatures = Vec::new();
    for index in operators.iter().take(quorum) {
        let folder = places
            .get(*index)
            .ok_or_else(|| anyhow!("there is no operator {index}"))?;
        let keys = plasma_node::keystore::OperatorKeys::read(&folder.join("keys"))?;
        let secret = bls::SecretKey::from_bytes(keys.bls.expose()).context("a BLS key out of range")?;
        signatures.push(secret.sign(digest));
    }
    let signature = bls::aggregate(&signatures).context("no signatures")?;
    let seats = (0..).map(OperatorIndex).take(quorum).collect();
    Ok((seats, signature))
}

/// The newcomer runs and has caught up, before it has a seat.
async fn observes(story: &Story, joiner: usize) -> Result<()> {
    let (api, witness) = (story.testnet.cluster.api(joiner)?, story.witness()?);
    until("the newcomer to catch up", CATCH_UP_PATIENCE, || async {
        let there = witness.status().await?.height;
        Ok(match api.status().await {
            Ok(status) if status.state == "observing" && status.height.saturating_add(NEAR) >= there => {
                Look::Seen(())
            }
            Ok(status) => Look::NotYet(format!(
                "it is {} at height {} of {there}",
                status.state, status.height
            )),
            Err(error) => Look::NotYet(format!("{error:#}")),
        })
    })
    .await
}

/// An operator is in the new epoch: ready in its seat, or without one.
async fn takes_over(story: &Story, index: usize, leaves: bool) -> Result<()> {
    let api = story.testnet.cluster.api(index)?;
    until(
        &format!("operator {index} to follow the change"),
        CHANGE_PATIENCE,
        || async {
            let status = api.status().await?;
            let is_there = status.consensus.epoch == 1 && status.operator.is_none() == leaves;
            Ok(if is_there && (leaves || status.ready) {
                Look::Seen(())
            } else {
                Look::NotYet(format!(
                    "it is {} in epoch {} with seat {:?}",
                    status.state, status.consensus.epoch, status.operator
                ))
            })
        },
    )
    .await
}

/// The first anchor that the new committee signed.
async fn anchored(story: &Story) -> Result<u32> {
    until("the new committee to anchor", CHANGE_PATIENCE, || async {
        let latest = story.testnet.contracts.latest(story.testnet.rpc()).await?;
        Ok(if latest.epoch == Epoch(1) {
            Look::Seen(latest.number)
        } else {
            Look::NotYet(format!("anchor {} is of epoch {}", latest.number, latest.epoch.0))
        })
    })
    .await
}

/// Bob pays Alice again and again, at one operator after the other, the one that leaves among them.
async fn pay(story: &Story, goes_on: &Cell<bool>) -> Result<Vec<TransactionId>> {
    let (alice, bob) = (story.alice()?, story.bob()?);
    let apis: Vec<_> = story
        .testnet
        .cluster
        .apis()
        .take(story.testnet.genesis.members.len())
        .collect();
    let mut paid = Vec::new();
    for api in apis.iter().cycle() {
        if !goes_on.get() {
            break;
        }
        let outputs = api.outputs(bob.address()).await?;
        let output = outputs
            .iter()
            .filter(|output| output.asset.0.is_zero())
            .max_by_key(|output| output.amount.0)
            .context("Bob has nothing left")?;
        let payment = bob.sign(
            bob.pay(output, alice.address(), Amount::from(1))?,
            &story.testnet.domain(),
        );
        api.pay(&payment)
            .await
            .with_context(|| format!("paying at {}", api.base()))?;
        paid.push(payment.id());
        tokio::time::sleep(BETWEEN_PAYMENTS).await;
    }
    Ok(paid)
}

/// Every operator has every payment in a block, the one that left and the one that joined among them.
async fn none_is_lost(story: &Story, paid: &[TransactionId]) -> Result<()> {
    must(paid.len() >= PAYMENTS_LEAST, || {
        format!("only {} payments were made", paid.len())
    })?;
    for api in story.testnet.cluster.apis() {
        for id in paid {
            until(
                &format!("{} to have payment {id}", api.base()),
                CATCH_UP_PATIENCE,
                || async {
                    let seen: TransactionView = api.document(&format!("/v1/transactions/{id}")).await?;
                    Ok(match seen.block {
                        Some(_) => Look::Seen(()),
                        None => Look::NotYet(format!("it is {:?}", seen.state)),
                    })
                },
            )
            .await?;
        }
    }
    Ok(())
}

/// Blocks that an observer may be behind while payments run.
const NEAR: u32 = 20;
/// Starting, connecting and a few hundred blocks.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(60);
/// Confirmed by Ethereum, sealed, and handed over, on a busy machine.
const CHANGE_PATIENCE: Duration = Duration::from_secs(60);
/// Ten payments a second at most.
const BETWEEN_PAYMENTS: Duration = Duration::from_millis(100);
/// The clock alone takes longer than that.
const PAYMENTS_LEAST: usize = 10;
