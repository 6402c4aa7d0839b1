//! Step 7: a payment that no operator was ever sent. Its receiver shows it to Ethereum, the federation must include it, and
//! its outputs leave from there.

use anyhow::{Context, Result, anyhow, bail};
use ethers_core::abi::Token;
use plasma_core::{Amount, Hash, SignedTransaction, keccak};
use plasma_node::api::view::{OutputStatus, OutputView, TransactionView};
use serde_json::{Value, json};

use super::story::{Flight, Story, must, refused, started};
use crate::account::User;
use crate::contract::{Contract, address, number};
use crate::ether::{eth, show};

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let (bob, carol) = (story.bob()?, story.carol()?);
    let input = spendable(story, bob).await?;
    let payment = bob.sign(bob.pay(&input, carol.address(), eth(1))?, &story.testnet.domain());
    unknown_to_all(story, &payment).await?;

    let bond = story.parameters().await?.exit_bond;
    let in_flight = Contract::in_flight(&story.testnet.contracts);
    let arguments = [evidence_of(&payment), proofs(story, &input).await?];
    let call = in_flight.call("startInFlightExit", &arguments, bond)?;
    let receipt = story.transact(carol, &call).await?;
    let id = started(&receipt, "InFlightExitStarted(uint256,bytes)")?;

    // The federation has no choice: what Ethereum shows and is valid is in the block that reads it.
    let told = story.decided_everywhere(payment.id()).await?;
    let place = told.block.context("a decided payment is in a block")?;
    story.everywhere(input.output.0, OutputStatus::Spent).await?;
    let double = bob.sign(
        bob.pay(&input, bob.address(), input.amount.0)?,
        &story.testnet.domain(),
    );
    let api = story.testnet.cluster.api(2)?;
    let refusal = refused(api, double.encode(), 409, "input-spent").await?;

    let key = keccak(&[&input.created_by.0.0, &[input.output.0.output]]);
    let pending = pending(&payment, bob, key);
    let claim = async |owner: &User, output: u64| {
        let arguments = [exit_number(id.0), pending.clone(), number(output)];
        let call = in_flight.call("piggybackOutput", &arguments, bond)?;
        story.transact(owner, &call).await
    };
    futures::try_join!(claim(carol, 0), claim(bob, 1)).context("claiming the outputs")?;
    let outputs = outputs(&told)?;
    for (_, _, position) in &outputs {
        story.everywhere(*position, OutputStatus::Exiting).await?;
    }
    let shown: Vec<String> = outputs
        .iter()
        .map(|(owner, amount, position)| format!("{} to {owner}, output {position}", show(*amount)))
        .collect();
    let evidence = json!({
        "payment": payment.id().to_string(),
        "known_before": "to no operator",
        "exit": id.0.to_string(),
        "started_by": "Carol, who holds the signed bytes",
        "included_by_all_in_block": place.height,
        "input_spent_everywhere": input.output.to_string(),
        "spending_it_again": refusal,
        "claimed": shown,
    });
    story.gas.in_flight_start = receipt.gas_used.map(|gas| gas.as_u64());
    story.flight = Some(Flight {
        id,
        payment,
        input: (input.output.0, key),
        outputs,
    });
    Ok(evidence)
}

/// What Bob got of Alice: an output that is anchored and in no exit.
async fn spendable(story: &Story, bob: &User) -> Result<OutputView> {
    let outputs = story.witness()?.outputs(bob.address()).await?;
    let found = outputs
        .into_iter()
        .find(|one| one.status == OutputStatus::Unspent && one.amount.0 == eth(3));
    found.context("Bob does not have what Alice paid him")
}

async fn unknown_to_all(story: &Story, payment: &SignedTransaction) -> Result<()> {
    for api in story.testnet.cluster.apis() {
        let answer = api.get(&format!("/v1/transactions/{}", payment.id())).await?;
        must(answer.code() == Some("not-found"), || {
            format!("{} knows the withheld payment: {}", api.base(), answer.body)
        })?;
    }
    Ok(())
}

/// The payment alone, in no block: no inclusion, no header, no certificate.
fn evidence_of(payment: &SignedTransaction) -> Token {
    let word = || Token::FixedBytes(vec![0; 32]);
    let anchor = Token::Tuple(vec![
        number(0),
        number(0),
        number(0),
        word(),
        number(0),
        number(0),
    ]);
    let inclusion = Token::Tuple(vec![
        number(0),
        number(0),
        number(0),
        word(),
        number(0),
        Token::Array(Vec::new()),
        Token::Array(Vec::new()),
        anchor,
    ]);
    let certificate = Token::Tuple(vec![number(0), number(0), number(0), Token::Bytes(Vec::new())]);
    Token::Tuple(vec![
        Token::Bytes(payment.encode()),
        inclusion,
        Token::Bytes(Vec::new()),
        certificate,
    ])
}

/// The proof of the one input: what an operator gives for an exit of it.
async fn proofs(story: &Story, input: &OutputView) -> Result<Token> {
    let data = story.exit_data(input.output.0).await?;
    let calldata = data.calldata.context("the exit data hold no calldata")?.0;
    let arguments = Contract::exit_game(&story.testnet.contracts).arguments("startExit", &calldata)?;
    let proof = arguments.into_iter().next().context("an exit without a proof")?;
    Ok(Token::Array(vec![proof]))
}

/// The payment as callers bring it back; the contract keeps its hash.
fn pending(payment: &SignedTransaction, owner: &User, input: Hash) -> Token {
    Token::Tuple(vec![
        Token::Bytes(payment.encode()),
        address(owner.address()),
        Token::Array(vec![Token::FixedBytes(input.0.to_vec())]),
    ])
}

/// What the payment created, as the operators tell it.
fn outputs(told: &TransactionView) -> Result<Vec<(plasma_core::Address, Amount, plasma_core::Position)>> {
    let one = |payment: &plasma_node::api::view::PaymentView| {
        let position = payment
            .output
            .ok_or_else(|| anyhow!("an output without a place"))?;
        Ok((payment.owner.0, payment.amount.0, position.0))
    };
    let outputs: Vec<_> = told.outputs.iter().map(one).collect::<Result<_>>()?;
    if outputs.len() != OUTPUTS {
        bail!("the payment has {} outputs", outputs.len());
    }
    Ok(outputs)
}

fn exit_number(id: Hash) -> Token {
    Token::Uint(ethers_core::types::U256::from_big_endian(&id.0))
}

/// Carol's and Bob's change.
const OUTPUTS: usize = 2;
