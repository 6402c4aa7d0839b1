//! What became of one transaction, with everything that our contracts said in it.

use ethers_core::types::{Bytes, H160, H256, U64};
use plasma_core::{Address, Hash, L1Event, L1Height};
use serde::Deserialize;
use serde_json::json;

use super::{
    contracts::Contracts,
    decode::{Decoded, Log, decode},
    error::L1Error,
    rpc::Rpc,
};

/// A mined transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it was mined.
    pub block: L1Height,
    /// Hash of that block.
    pub block_hash: Hash,
    /// Whether it had an effect.
    pub succeeded: bool,
    /// Events of the ledger in it, in order.
    pub events: Vec<L1Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    transaction_hash: H256,
    block_number: U64,
    block_hash: H256,
    status: U64,
    logs: Vec<LogAnswer>,
}

#[derive(Deserialize)]
struct LogAnswer {
    address: H160,
    topics: Vec<H256>,
    data: Bytes,
}

impl Contracts {
    /// What became of a transaction; `None` while it is not mined.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint; [`L1Error::Malformed`] when it answers about another transaction.
    pub async fn outcome(&self, rpc: &Rpc, transaction: Hash) -> Result<Option<Outcome>, L1Error> {
        let answer: Option<Answer> = rpc.call(RECEIPT, json!([transaction.to_string()])).await?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        if answer.transaction_hash.0 != transaction.0 {
            return Err(rpc.malformed(RECEIPT, "the receipt of another transaction".to_owned()));
        }
        let events = answer.logs.into_iter().filter_map(|log| {
            let log = Log {
                address: Address(log.address.0),
                topics: log.topics.into_iter().map(|topic| Hash(topic.0)).collect(),
                data: log.data.to_vec(),
            };
            match decode(self, &log) {
                Some(Decoded::Event(event)) => Some(event),
                _ => None,
            }
        });
        Ok(Some(Outcome {
            block: L1Height(answer.block_number.as_u64()),
            block_hash: Hash(answer.block_hash.0),
            succeeded: answer.status == U64::one(),
            events: events.collect(),
        }))
    }
}

const RECEIPT: &str = "eth_getTransactionReceipt";
