//! Step 17: everybody leaves with the proofs of the honest operator. What was theirs is paid in full, deposits that were
//! credited by the invalid block go back, the thief's exit is void, and the vault is empty.

use anyhow::{Context, Result, anyhow};
use ethers_core::types::H256;
use plasma_core::{Address, Amount, DepositNumber};
use plasma_node::bridge::direct;
use serde_json::{Value, json};

use super::forgery::Forgery;
use super::second::{HONEST, Honest};
use super::story::{Leaving, Story, must};
use crate::account::User;
use crate::contract::{Contract, address, number};
use crate::ether::{eth, show};

pub(super) async fn tell(story: &mut Story, honest: &Honest, forgery: &Forgery) -> Result<Value> {
    let parameters = story.parameters().await?;
    let [(thiefs, stolen_from_none), (carols, carols_amount)] = forgery.deposits;
    let (alice, bob, carol, mallory) = (story.alice()?, story.bob()?, story.carol()?, story.mallory()?);
    let bobs = async {
        let first = leave(story, bob, honest.bob[0]).await?;
        Ok((first, leave(story, bob, honest.bob[1]).await?))
    };
    let started = futures::try_join!(
        leave(story, alice, honest.alice),
        bobs,
        reclaim(story, carol, carols, parameters.exit_bond),
        reclaim(story, mallory, thiefs, parameters.exit_bond),
    );
    let (alices, (first, second), (), ()) = started?;

    // Nobody anchors any more, so the clock may jump at once: past every exit, and past the time that bonds are held.
    let (_, now) = story.testnet.l1().head().await?;
    let exits = [alices, first, second, forgery.exit];
    let due = exits.iter().map(|exit| exit.id.due_s()).max().unwrap_or_default();
    let target = due.max(now + parameters.committee_delay_s) + 1;
    story.testnet.l1().advance(target.saturating_sub(now)).await?;
    let people = [alice, bob, carol, mallory].map(User::address);
    let before = purses(story, people).await?;
    story.process(&[Address::ZERO]).await?;
    for deposit in [thiefs, carols] {
        let vault = Contract::vault(&story.testnet.contracts);
        let call = vault.call("finalizeReclaim", &[number(deposit.0)], Amount::ZERO)?;
        story.transact(story.dave()?, &call).await?;
    }
    let after = purses(story, people).await?;
    let bond = parameters.exit_bond;
    let dues = [
        alices.amount + bond,
        first.amount + second.amount + bond + bond,
        carols_amount + bond,
        stolen_from_none + bond + bond,
    ];
    for (person, (due, (less, more))) in people
        .iter()
        .zip(dues.into_iter().zip(before.into_iter().zip(after)))
    {
        must(more.checked_sub(less) == Some(due), || {
            format!(
                "{person}: {} became {}, {} are due",
                show(less),
                show(more),
                show(due)
            )
        })?;
    }
    for exit in [alices, first, second] {
        let (paid, _) = story.exit_ended(exit.id).await?;
        must(paid, || format!("the exit of {} ended unpaid", exit.output))?;
    }
    let (paid, _) = story.exit_ended(forgery.exit.id).await?;
    must(!paid, || "the thief was paid".into())?;
    empty(story).await?;
    let reward = honest_operator(story).await?;
    Ok(json!({
        "alice": format!("{} and her bond", show(alices.amount)),
        "bob": format!("{} and his two bonds", show(first.amount + second.amount)),
        "carol": format!("{}, her deposit, back by reclaim", show(carols_amount)),
        "mallory": format!("{}, what he deposited; his exit of {} was void", show(stolen_from_none), show(forgery.exit.amount)),
        "vault": show(Amount::ZERO),
        "honest_operator": format!("has its bond back, and {} more", show(reward)),
    }))
}

/// Starts an exit with the honest operator's proof; it is of what its owner had before the lie.
async fn leave(story: &Story, user: &User, own: (plasma_core::Position, Amount)) -> Result<Leaving> {
    let (leaving, _, _) = story.start_exit(user, own.0).await?;
    must(leaving.amount == own.1, || {
        format!("output {} holds {}", own.0, show(leaving.amount))
    })?;
    Ok(leaving)
}

async fn reclaim(story: &Story, user: &User, deposit: DepositNumber, bond: Amount) -> Result<()> {
    let vault = Contract::vault(&story.testnet.contracts);
    let call = vault.call("startReclaim", &[number(deposit.0)], bond)?;
    story.transact(user, &call).await.map(drop)
}

async fn purses(story: &Story, people: [Address; 4]) -> Result<Vec<Amount>> {
    futures::future::try_join_all(people.map(|person| story.ether_of(person))).await
}

/// No ETH is left in the vault, counted or not, and no bond in either game.
async fn empty(story: &Story) -> Result<()> {
    let contracts = &story.testnet.contracts;
    let held = Contract::vault(contracts)
        .number(story.testnet.rpc(), "held", &[address(Address::ZERO)], 0)
        .await?;
    let mut left = held;
    for place in [contracts.vault, contracts.exit_game, contracts.in_flight] {
        left += story.ether_of(place).await?;
    }
    must(left.is_zero(), || format!("{} are left behind", show(left)))
}

/// The honest operator takes its bond and its reward to a new purse; no liar has a bond to take.
async fn honest_operator(story: &Story) -> Result<Amount> {
    let (rpc, federation) = (
        story.testnet.rpc(),
        Contract::federation(&story.testnet.contracts),
    );
    let bond = story.parameters().await?.operator_bond;
    let seat = |index: usize| -> Result<_> {
        let arguments = [number(0), number(u64::try_from(index)?), address(PURSE)];
        federation.call("withdrawBond", &arguments, Amount::ZERO)
    };
    let account = |index: usize| {
        let accounts = &story.testnet.operators;
        accounts
            .get(index)
            .ok_or_else(|| anyhow!("there is no operator {index}"))
    };
    for liar in 0..HONEST {
        let tried = direct::transact(rpc, account(liar)?, &seat(liar)?).await;
        let refusal = tried.err().context("a liar took a bond")?.to_string();
        must(refusal.contains("NoBond"), || {
            format!("a liar's bond was refused otherwise: {refusal}")
        })?;
    }
    direct::transact(rpc, account(HONEST)?, &seat(HONEST)?).await?;
    let call = federation.call("withdrawReward", &[address(PURSE)], Amount::ZERO)?;
    let mined = direct::transact(rpc, account(HONEST)?, &call).await?;
    story.testnet.l1().receipt(H256(mined.transaction.0)).await?;
    let purse = story.ether_of(PURSE).await?;
    let left = story.ether_of(story.testnet.contracts.federation).await?;
    must(left.is_zero(), || {
        format!("the federation still holds {}", show(left))
    })?;
    purse
        .checked_sub(bond)
        .filter(|reward| *reward > eth(0))
        .context("no reward came")
}

/// An address that nobody has used before.
const PURSE: Address = Address([0xb0; 20]);
