//! Step 3: a user deposits tokens of a real ERC-20 contract, every operator credits them, and another is paid with them.

use anyhow::{Context, Result};
use plasma_node::api::view::OutputStatus;
use serde_json::{Value, json};

use super::deposits::credited;
use super::story::{Story, must};
use crate::contract::{Contract, address};
use crate::ether::{eth, show_asset};

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let (token, contracts) = (story.testnet.token, story.testnet.contracts);
    let (deposited, paid) = (eth(600), eth(250));
    let (alice, carol) = (story.alice()?, story.carol()?);
    let before = token.balance(story.testnet.rpc(), alice.address()).await?;
    story
        .transact(alice, &token.approve_call(&contracts, deposited)?)
        .await?;
    let call = token.deposit_call(&contracts, alice.address(), deposited)?;
    let receipt = story.transact(alice, &call).await?;

    let output = credited(story, alice.address(), token.address, deposited).await?;
    let left = token.balance(story.testnet.rpc(), alice.address()).await?;
    let vault = token.balance(story.testnet.rpc(), contracts.vault).await?;
    let held = Contract::vault(&contracts)
        .number(story.testnet.rpc(), "held", &[address(token.address)], 0)
        .await?;
    let moved = before.checked_sub(left) == Some(deposited) && vault == deposited && held == deposited;
    must(moved, || {
        format!("the vault has {vault} units and counts {held}, Alice {left} of {before}")
    })?;

    let payment = alice.sign(
        alice.pay(&output, carol.address(), paid)?,
        &story.testnet.domain(),
    );
    let submitted = story.testnet.cluster.api(0)?.pay(&payment).await?;
    let told = story.decided_everywhere(payment.id()).await?;
    must(told.asset.0 == token.address, || {
        "the payment moved another asset".into()
    })?;
    let received = submitted
        .outputs
        .iter()
        .find(|one| one.owner.0 == carol.address());
    let received = received
        .and_then(|one| one.output)
        .context("Carol got no output")?
        .0;
    story.everywhere(received, OutputStatus::Unspent).await?;
    story.everywhere(output.output.0, OutputStatus::Spent).await?;

    story.gas.token_deposit = receipt.gas_used.map(|gas| gas.as_u64());
    story.tokens = Some(received);
    story.paid_height = submitted
        .block
        .context("a committed payment is in a block")?
        .height;
    let show = |amount| show_asset(token.address, amount);
    Ok(json!({
        "token": token.address.to_string(),
        "deposited": format!("{} by Alice, after she let the vault take them", show(deposited)),
        "credited_as": output.output.to_string(),
        "paid": format!("{} to Carol, output {received}, on Ethereum nothing moved", show(paid)),
        "vault": show(vault),
    }))
}
