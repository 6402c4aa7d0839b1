//! Step 5: an anchor that covers the payments is mined, and the contract checked its aggregate signature.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use ethers_core::types::{H160, H256, Transaction, TransactionReceipt, U256};
use futures::future::try_join_all;
use plasma_node::api::view::{BlockView, State};
use serde_json::{Value, json};

use super::story::{Story, must, topic};
use crate::api::Api;
use crate::deadline::{Look, until};

pub(super) async fn tell(story: &mut Story) -> Result<Value> {
    let wanted = story.paid_height;
    let latest = until(
        &format!("an anchor of height {wanted}"),
        ANCHOR_PATIENCE,
        || async {
            let latest = story.testnet.contracts.latest(story.testnet.rpc()).await?;
            let words = format!("height {} is anchored", latest.height);
            Ok(if latest.height.0 >= wanted {
                Look::Seen(latest)
            } else {
                Look::NotYet(words)
            })
        },
    )
    .await?;
    let receipt = mined(story, latest.number).await?;
    must(receipt.status == Some(1.into()), || {
        "the anchor's transaction failed".into()
    })?;
    story.gas.anchor = receipt.gas_used.map(|gas| gas.as_u64());
    let submitter = receipt.from;
    let duty = story
        .testnet
        .genesis
        .members
        .iter()
        .position(|member| member.operator.0 == submitter.0);
    let duty = duty.ok_or_else(|| anyhow!("{submitter:?} anchored and is no operator"))?;
    let refusal = forged(story, &receipt).await?;
    try_join_all(story.testnet.cluster.apis().map(|api| knows(api, wanted))).await?;
    Ok(json!({
        "anchor": latest.number,
        "height": latest.height.0,
        "covers": wanted,
        "transaction": receipt.transaction_hash,
        "submitted_by_operator": duty,
        "gas": story.gas.anchor,
        "same_anchor_with_one_header_byte_changed": refusal,
    }))
}

async fn mined(story: &Story, number: u32) -> Result<TransactionReceipt> {
    let topics = [
        topic("Anchored(uint32,uint32,uint32,bytes32,uint64,uint64)"),
        number_topic(number),
    ];
    let logs = story
        .testnet
        .l1()
        .logs(H160(story.testnet.contracts.federation.0), &topics)
        .await?;
    let transaction = logs.first().and_then(|log| log.transaction_hash);
    story
        .testnet
        .l1()
        .receipt(transaction.ok_or_else(|| anyhow!("no event tells of anchor {number}"))?)
        .await
}

fn number_topic(number: u32) -> H256 {
    let mut word = [0; 32];
    U256::from(number).to_big_endian(&mut word);
    H256(word)
}

/// The same call on the state before it, once as it was and once with another header: the first passes, the second
/// breaks at the signature, so the contract did check it.
async fn forged(story: &Story, receipt: &TransactionReceipt) -> Result<String> {
    let l1 = story.testnet.l1();
    let sent: Transaction = l1
        .call("eth_getTransactionByHash", json!([receipt.transaction_hash]))
        .await?;
    let before = receipt
        .block_number
        .ok_or_else(|| anyhow!("a receipt without a block"))?
        - 1;
    let attempt = async |data: Vec<u8>| {
        let call = json!({ "from": sent.from, "to": sent.to, "data": ethers_core::types::Bytes::from(data) });
        l1.call::<Value>("eth_call", json!([call, format!("0x{:x}", before.as_u64())]))
            .await
    };
    attempt(sent.input.to_vec())
        .await
        .context("the anchor on the state before it")?;
    let mut changed = sent.input.to_vec();
    let byte = changed
        .get_mut(HEADER_LAST_BYTE)
        .ok_or_else(|| anyhow!("calldata too short for an anchor"))?;
    *byte ^= 1;
    let refusal = attempt(changed)
        .await
        .err()
        .ok_or_else(|| anyhow!("the contract took a forged header"))?;
    let refusal = format!("{refusal:#}");
    must(refusal.contains(&refused_selector()), || {
        format!("the forged anchor was refused otherwise: {refusal}")
    })?;
    Ok("CertificateRefused".into())
}

fn refused_selector() -> String {
    let hash = topic("CertificateRefused(uint8)");
    plasma_node::hex::encode(hash.as_bytes().get(..4).unwrap_or_default())
}

async fn knows(api: &Api, height: u32) -> Result<()> {
    until(
        &format!("{} to see the anchor of height {height}", api.base()),
        ANCHOR_PATIENCE,
        || async {
            let block: BlockView = api.block(height).await?;
            Ok(if block.anchor.is_some() {
                Look::Seen(())
            } else {
                Look::NotYet(format!("{:?}", State::Committed))
            })
        },
    )
    .await
}

/// Anchors come every few seconds; a takeover adds as many.
const ANCHOR_PATIENCE: Duration = Duration::from_secs(45);
/// Calldata of `anchor`: selector 4, five words, the length of the header, its 184 bytes.
const HEADER_LAST_BYTE: usize = 4 + 5 * 32 + 32 + 184 - 1;
