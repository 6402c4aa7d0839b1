//! Step 4: one user pays over HTTP, the other over libp2p; the contract's own `verify` accepts both certificates.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use plasma_core::{Certificate, Hash, Header, Receipt, SignedTransaction};
use plasma_node::api::Wait;
use plasma_node::api::view::{PaymentView, ProofView, Submitted};
use plasma_node::client::Client;
use plasma_node::hex;
use serde_json::{Value, json};

use super::story::{Story, must};
use crate::ether::{eth, show};

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let [to_bob, to_alice] = [eth(3), eth(2)];
    let (alice, bob) = (story.alice()?, story.bob()?);
    let output = |place: usize| {
        story
            .funded
            .get(place)
            .ok_or_else(|| anyhow!("no deposit was credited"))
    };
    let domain = story.testnet.domain();
    let first = alice.sign(alice.pay(output(0)?, bob.address(), to_bob)?, &domain);
    let second = bob.sign(bob.pay(output(1)?, alice.address(), to_alice)?, &domain);

    let over_http = story
        .testnet
        .cluster
        .api(HTTP_OPERATOR)?
        .pay(&first)
        .await
        .context("Alice's payment over HTTP")?;
    let over_libp2p = pay_over_libp2p(story, &second)
        .await
        .context("Bob's payment over libp2p")?;
    let heights = [
        committed(story, &first, &over_http).await?,
        committed(story, &second, &over_libp2p).await?,
    ];
    let received = received(&over_libp2p.outputs, alice.address());
    story.paid_height = heights
        .into_iter()
        .max()
        .unwrap_or_default()
        .max(story.paid_height);
    story.received = received;
    must(story.received.is_some(), || {
        "Bob's payment shows no output of Alice".into()
    })?;
    Ok(json!({
        "http": format!("{} at operator {HTTP_OPERATOR}, {} to Bob, height {}", over_http.id, show(to_bob), heights[0]),
        "libp2p": format!("{} at operator {P2P_OPERATOR}, {} to Alice, height {}", over_libp2p.id, show(to_alice), heights[1]),
        "certificates_accepted_by_the_contract": heights.len(),
        "changed_header_refused_by_the_contract": true,
    }))
}

fn received(outputs: &[PaymentView], owner: plasma_core::Address) -> Option<plasma_core::Position> {
    outputs
        .iter()
        .find(|payment| payment.owner.0 == owner)
        .and_then(|payment| payment.output)
        .map(|output| output.0)
}

/// Every operator holds the payment, its receipt proves it, and the contract accepts the certificate: its height.
async fn committed(story: &Story, transaction: &SignedTransaction, submitted: &Submitted) -> Result<u32> {
    let height = submitted
        .block
        .ok_or_else(|| anyhow!("{} is in no block", submitted.id))?
        .height;
    story.decided_everywhere(transaction.id()).await?;
    let path = format!("/v1/transactions/{}/proof", submitted.id);
    let proof: ProofView = story.testnet.cluster.api(WITNESS)?.document(&path).await?;
    let receipt = Receipt::decode(&proof.raw.0).ok_or_else(|| anyhow!("the receipt does not decode"))?;
    let committee = story.testnet.genesis.committee().context("the committee")?;
    receipt
        .verify(&story.testnet.domain(), &committee)
        .context("the receipt")?;
    must(receipt.transaction == *transaction, || {
        "the receipt is about another transaction".into()
    })?;
    accepted(story, &receipt.header, &receipt.certificate).await?;
    Ok(height)
}

/// `Federation.verify` by `eth_call`: true for what was certified, false once a bit of it differs.
async fn accepted(story: &Story, header: &Header, certificate: &Certificate) -> Result<()> {
    let (contracts, rpc) = (&story.testnet.contracts, story.testnet.rpc());
    let accepts = contracts.verify(rpc, header, certificate).await?;
    must(accepts, || {
        format!("the contract refuses the certificate of height {}", header.height)
    })?;
    let mut other = *header;
    other.output_commitment = Hash::ZERO;
    let fooled = contracts.verify(rpc, &other, certificate).await?;
    must(!fooled, || {
        "the contract accepts a certificate for another header".into()
    })
}

/// A client that is no member: it knows the operator's address and the chain, nothing else.
async fn pay_over_libp2p(story: &Story, transaction: &SignedTransaction) -> Result<Submitted> {
    let genesis = hex::encode(&story.testnet.genesis.hash().0);
    let genesis8 = genesis
        .trim_start_matches("0x")
        .get(..GENESIS_DIGITS)
        .unwrap_or_default();
    let place = story
        .testnet
        .cluster
        .places()
        .nth(P2P_OPERATOR)
        .ok_or_else(|| anyhow!("too few operators"))?;
    let client = Client::libp2p(&place.p2p, genesis8).await?;
    let submitted = client
        .submit(transaction, Wait::Committed, COMMIT_PATIENCE)
        .await?;
    must(submitted.block.is_some(), || {
        format!("{} was not committed in time", submitted.id)
    })?;
    Ok(submitted)
}

/// Where Alice knocks.
const HTTP_OPERATOR: usize = 0;
/// Where Bob knocks.
const P2P_OPERATOR: usize = 2;
/// Who is asked for the receipts: none of the two.
const WITNESS: usize = 3;
/// Digits of the genesis hash in the names of libp2p protocols.
const GENESIS_DIGITS: usize = 8;
/// A block takes a few hundred milliseconds.
const COMMIT_PATIENCE: Duration = Duration::from_secs(20);
