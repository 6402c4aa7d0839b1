//! Step 9: Ethereum's clock moves on, and `process` pays what is due: an output, tokens, and a payment in flight. The exit
//! that was challenged is paid nothing.

use anyhow::{Context, Result, anyhow};
use ethers_core::abi::Token;
use ethers_core::types::{H160, H256};
use plasma_core::{Address, Amount, ExitId, Hash};
use plasma_node::api::view::OutputStatus;
use serde_json::{Value, json};

use super::story::{Flight, Leaving, Story, must, topic};
use crate::contract::Contract;
use crate::ether::{show, show_asset};

/// What everybody has on Ethereum that an exit can change.
#[derive(Clone, Copy, Debug)]
struct Purses {
    alice: Amount,
    bob: Amount,
    carol: Amount,
    carol_tokens: Amount,
    vault: Amount,
    vault_tokens: Amount,
}

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let [ether, tokens]: [Leaving; 2] = story
        .leaving
        .clone()
        .try_into()
        .map_err(|_| anyhow!("no exits wait"))?;
    let flight = story.flight.clone().context("nothing is in flight")?;
    let due = [&ether.id, &tokens.id, &flight.id]
        .map(ExitId::due_s)
        .into_iter()
        .max();
    let hops = story.advance_to(due.unwrap_or_default() + 1).await?;

    let before = purses(story, &tokens).await?;
    let gas = story
        .process(&[ether.asset, tokens.asset])
        .await
        .context("processing what is due")?;
    for leaving in [&ether, &tokens] {
        let (paid, _) = story.exit_ended(leaving.id).await?;
        must(paid, || format!("the exit of {} ended unpaid", leaving.output))?;
    }
    let (paid, consumed) = story.flight_ended(flight.id).await?;
    must((paid, consumed) == (0b11, 0b1), || {
        format!("in flight the outputs {paid:b} were paid and the inputs {consumed:b} consumed")
    })?;
    let in_flight = flight_sum(&flight)?;
    arrived(story, before, (&ether, &tokens, &flight)).await?;
    consumed_everywhere(story, (&ether, &tokens, &flight)).await?;
    challenged_once(story).await?;

    story.gas.process = Some(gas);
    story.exited = ether
        .amount
        .checked_add(in_flight)
        .context("more was paid than exists")?;
    story.exited_tokens = tokens.amount;
    Ok(json!({
        "hops_of_the_clock": hops,
        "alice": format!("{} and her bond", show(ether.amount)),
        "carol": format!("{} and her bond", show_asset(tokens.asset, tokens.amount)),
        "in_flight": format!("{} to Carol and Bob, and their three bonds", show(in_flight)),
        "challenged_exit": "paid nothing",
        "outputs": "exited, and the payment's input consumed, for every operator and for Ethereum",
    }))
}

async fn purses(story: &Story, tokens: &Leaving) -> Result<Purses> {
    let (token, rpc) = (story.testnet.token, story.testnet.rpc());
    Ok(Purses {
        alice: story.ether_of(story.alice()?.address()).await?,
        bob: story.ether_of(story.bob()?.address()).await?,
        carol: story.ether_of(tokens.owner).await?,
        carol_tokens: token.balance(rpc, tokens.owner).await?,
        vault: story.vault().await?,
        vault_tokens: token.balance(rpc, story.testnet.contracts.vault).await?,
    })
}

/// Everybody got what was due and the bonds of what they started, and the vault paid just that.
async fn arrived(story: &Story, before: Purses, paid: (&Leaving, &Leaving, &Flight)) -> Result<()> {
    let (ether, tokens, flight) = paid;
    let after = purses(story, tokens).await?;
    let bond = story.parameters().await?.exit_bond;
    let share = |owner: Address| {
        let own = flight.outputs.iter().filter(|(to, _, _)| *to == owner);
        own.fold(Amount::ZERO, |sum, (_, amount, _)| sum + *amount)
    };
    let (bob, carol) = (story.bob()?.address(), story.carol()?.address());
    // Carol holds three: her tokens' exit, the start of the one in flight, and her claim there.
    let expected = [
        ("Alice", before.alice, after.alice, ether.amount + bond),
        ("Bob", before.bob, after.bob, share(bob) + bond),
        (
            "Carol",
            before.carol,
            after.carol,
            share(carol) + bond + bond + bond,
        ),
        (
            "Carol in tokens",
            before.carol_tokens,
            after.carol_tokens,
            tokens.amount,
        ),
        (
            "the vault",
            after.vault,
            before.vault,
            ether.amount + flight_sum(flight)?,
        ),
        (
            "the vault in tokens",
            after.vault_tokens,
            before.vault_tokens,
            tokens.amount,
        ),
    ];
    for (whose, less, more, due) in expected {
        must(more.checked_sub(less) == Some(due), || {
            format!(
                "{whose}: {} became {}, {} are due",
                show(less),
                show(more),
                show(due)
            )
        })?;
    }
    Ok(())
}

/// What left is gone from every ledger and stands in Ethereum's registry, and so does what the payment in flight spent.
async fn consumed_everywhere(story: &Story, paid: (&Leaving, &Leaving, &Flight)) -> Result<()> {
    let (ether, tokens, flight) = paid;
    let positions = flight.outputs.iter().map(|(_, _, position)| *position);
    for position in positions.chain([ether.output, tokens.output]) {
        story.everywhere(position, OutputStatus::Exited).await?;
    }
    let (input, key) = flight.input;
    story.everywhere(input, OutputStatus::Spent).await?;
    let own = plasma_core::keccak(&[&flight.payment.id().0.0, &[0]]);
    for key in [key, own] {
        let block = consumed(story, key).await?;
        must(!block.is_zero(), || {
            format!("Ethereum's registry does not have {key}")
        })?;
    }
    Ok(())
}

/// What Ethereum's registry says of an output, zero when it was not paid.
async fn consumed(story: &Story, key: Hash) -> Result<Amount> {
    Contract::exit_game(&story.testnet.contracts)
        .number(
            story.testnet.rpc(),
            "consumed",
            &[Token::FixedBytes(key.0.to_vec())],
            0,
        )
        .await
}

/// The challenged exit ended once, unpaid; `process` found nothing of it.
async fn challenged_once(story: &Story) -> Result<()> {
    let id = story.challenged.context("no exit was challenged")?;
    let topics = [topic("ExitEnded(uint256,uint72,bool)"), H256(id.0.0)];
    let exit_game = H160(story.testnet.contracts.exit_game.0);
    let ends = story.testnet.l1().logs(exit_game, &topics).await?;
    let unpaid = ends.iter().all(|log| log.data.last() == Some(&0));
    must(ends.len() == 1 && unpaid, || {
        format!("the challenged exit ended {} times", ends.len())
    })
}

fn flight_sum(flight: &Flight) -> Result<Amount> {
    let sum = flight
        .outputs
        .iter()
        .try_fold(Amount::ZERO, |sum, (_, amount, _)| sum.checked_add(*amount));
    sum.context("more is in flight than exists")
}
