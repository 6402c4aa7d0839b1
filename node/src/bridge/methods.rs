//! The dozen JSON-RPC methods that the bridge uses, with typed answers.
//!
//! Logs are always asked for by block hash: a node that does not know the block says so, while for a
//! range of heights some answer with an empty list. What must be complete comes from [`super::receipts`].

use std::ops::RangeInclusive;

use ethers_core::types::{Bloom, Bytes, H160, H256, U64, U256};
use plasma_core::{Address, Amount, Hash, L1Block, L1Height};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account::{Call, Fees},
    convert,
    cursor::Link,
    decode::Log,
    error::L1Error,
    receipts::Sealed,
    rpc::Rpc,
};

/// What became of a mined transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its hash.
    pub transaction: Hash,
    /// Where it was mined.
    pub block: L1Height,
    /// Hash of that block.
    pub block_hash: Hash,
    /// Whether it had an effect; otherwise it reverted.
    pub succeeded: bool,
    /// What it used.
    pub gas_used: u64,
    /// The contract it made.
    pub created: Option<Address>,
}

/// Which state a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After the newest block.
    Latest,
    /// Including what waits to be mined.
    Pending,
    /// After this block.
    Height(L1Height),
}

impl At {
    fn tag(self) -> String {
        match self {
            Self::Latest => "latest".to_owned(),
            Self::Pending => "pending".to_owned(),
            Self::Height(height) => quantity(height.0),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockAnswer {
    number: U64,
    hash: H256,
    parent_hash: H256,
    timestamp: U256,
    base_fee_per_gas: Option<U256>,
}

#[derive(Deserialize)]
struct WholeAnswer {
    transactions: Vec<SenderAnswer>,
}

#[derive(Deserialize)]
struct SenderAnswer {
    from: H160,
    to: Option<H160>,
    nonce: U256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SealedAnswer {
    #[serde(flatten)]
    block: BlockAnswer,
    logs_bloom: Bloom,
    receipts_root: H256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogAnswer {
    address: H160,
    topics: Vec<H256>,
    data: Bytes,
    block_hash: Option<H256>,
    block_number: Option<U64>,
    log_index: Option<U256>,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptAnswer {
    transaction_hash: H256,
    block_number: U64,
    block_hash: H256,
    status: U64,
    gas_used: U256,
    contract_address: Option<H160>,
}

impl Rpc {
    /// The chain that the endpoint serves.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn chain_id(&self) -> Result<u64, L1Error> {
        self.call::<U64>(CHAIN_ID, json!([])).await.map(|id| id.as_u64())
    }

    /// The newest block.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn newest(&self) -> Result<L1Block, L1Error> {
        let block: BlockAnswer = self.call(BLOCK, json!(["latest", false])).await?;
        self.link(&block).map(|link| link.block)
    }

    /// The block at a height, `None` when the endpoint does not have it (yet).
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn block_at(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        let block: Option<BlockAnswer> = self.call(BLOCK, json!([quantity(height.0), false])).await?;
        block
            .map(|block| self.link(&block).map(|link| link.block))
            .transpose()
    }

    /// Who made contracts in a block, each with the nonce of it; none when the endpoint does not keep the block's transactions.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn makers(&self, height: L1Height) -> Result<Vec<(Address, u64)>, L1Error> {
        let block: Option<WholeAnswer> = self.call(BLOCK, json!([quantity(height.0), true])).await?;
        let transactions = block.into_iter().flat_map(|block| block.transactions);
        let made = transactions.filter(|one| one.to.is_none());
        Ok(made
            .filter_map(|one| Some((Address(one.from.0), u64::try_from(one.nonce).ok()?)))
            .collect())
    }

    /// The blocks of a range, in order.
    ///
    /// # Errors
    /// [`L1Error::UnknownBlock`] when the endpoint lacks one; [`L1Error`] of the endpoint.
    pub async fn sealed(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Sealed>, L1Error> {
        let heights: Vec<u64> = (range.start().0..=range.end().0).collect();
        let params = heights
            .iter()
            .map(|height| json!([quantity(*height), false]))
            .collect();
        let answers = self.batch(BLOCK, params).await?;
        let mut blocks = Vec::with_capacity(heights.len());
        for (height, answer) in heights.into_iter().zip(answers) {
            let height = L1Height(height);
            let found: Option<SealedAnswer> = self.parse(BLOCK, answer?)?;
            let found = found.ok_or(L1Error::UnknownBlock(height))?;
            let link = self.link(&found.block)?;
            if link.block.height != height {
                let reason = format!("asked for this height, got {}", link.block.height);
                return Err(L1Error::Inconsistent { height, reason });
            }
            blocks.push(Sealed {
                link,
                bloom: found.logs_bloom,
                receipts_root: Hash(found.receipts_root.0),
            });
        }
        Ok(blocks)
    }

    /// The logs that some contracts emitted in these very blocks, each list in log order, as the endpoint finds them: one
    /// may be missing.
    ///
    /// # Errors
    /// [`L1Error::Inconsistent`] when a log belongs to another block; [`L1Error`] of the endpoint.
    pub async fn logs(&self, blocks: &[Sealed], emitters: &[Address]) -> Result<Vec<Vec<Log>>, L1Error> {
        let emitters: Vec<String> = emitters.iter().map(ToString::to_string).collect();
        let blocks: Vec<L1Block> = blocks.iter().map(|sealed| sealed.link.block).collect();
        let filter = |block: &L1Block| json!([{"blockHash": block.hash.to_string(), "address": emitters}]);
        let answers = self.batch(LOGS, blocks.iter().map(filter).collect()).await?;
        blocks
            .iter()
            .zip(answers)
            .map(|(block, answer)| ordered_logs(block, self.parse(LOGS, answer?)?))
            .collect()
    }

    /// The logs of one contract with this first topic in a range of heights, oldest first. Only for
    /// looking back at what is certainly there: an empty answer proves nothing.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn logs_in(
        &self,
        range: RangeInclusive<L1Height>,
        emitter: Address,
        topic: Hash,
    ) -> Result<Vec<Log>, L1Error> {
        self.logs_of(range, &[emitter], &[topic]).await
    }

    /// The logs of some contracts with any of these first topics in a range of heights, oldest first; see [`Rpc::logs_in`].
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn logs_of(
        &self,
        range: RangeInclusive<L1Height>,
        emitters: &[Address],
        topics: &[Hash],
    ) -> Result<Vec<Log>, L1Error> {
        let (from, to) = (quantity(range.start().0), quantity(range.end().0));
        let emitters: Vec<String> = emitters.iter().map(ToString::to_string).collect();
        let topics: Vec<String> = topics.iter().map(ToString::to_string).collect();
        let filter = json!([{"fromBlock": from, "toBlock": to, "address": emitters, "topics": [topics]}]);
        let mut logs: Vec<LogAnswer> = self.call(LOGS, filter).await?;
        logs.retain(|log| !log.removed);
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        Ok(logs.into_iter().map(log).collect())
    }

    /// The code at an address; empty when there is none.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn code(&self, address: Address) -> Result<Vec<u8>, L1Error> {
        self.call::<Bytes>("eth_getCode", json!([address.to_string(), "latest"]))
            .await
            .map(|code| code.to_vec())
    }

    /// What an address owns, in wei.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn balance(&self, address: Address) -> Result<Amount, L1Error> {
        let balance: U256 = self
            .call("eth_getBalance", json!([address.to_string(), "latest"]))
            .await?;
        Ok(convert::from_u256(balance))
    }

    /// Runs a call without a transaction and returns its answer.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] when the contract refuses; [`L1Error`] of the endpoint.
    pub async fn eth_call(&self, from: Option<Address>, call: &Call, at: At) -> Result<Vec<u8>, L1Error> {
        let answer = self
            .call::<Bytes>(CALL, json!([fields(from, call), at.tag()]))
            .await;
        answer
            .map(|bytes| bytes.to_vec())
            .map_err(|error| reverted(&call.label, error))
    }

    /// Runs several calls without a transaction, all about one state; their answers in the order asked.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint, and the first refusal.
    pub async fn eth_calls(&self, calls: &[Call], at: At) -> Result<Vec<Vec<u8>>, L1Error> {
        let params = calls.iter().map(|call| json!([fields(None, call), at.tag()]));
        let answers = self.batch(CALL, params.collect()).await?;
        let bytes = |answer: Result<Value, L1Error>| self.parse::<Bytes>(CALL, answer?);
        answers
            .into_iter()
            .map(|answer| bytes(answer).map(|bytes| bytes.to_vec()))
            .collect()
    }

    /// What a call will use.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] when it would revert; [`L1Error`] of the endpoint.
    pub async fn gas(&self, from: Address, call: &Call) -> Result<u64, L1Error> {
        let answer = self
            .call::<U64>("eth_estimateGas", json!([fields(Some(from), call)]))
            .await;
        answer
            .map(|gas| gas.as_u64())
            .map_err(|error| reverted(&call.label, error))
    }

    /// How many transactions an account has sent.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn nonce(&self, account: Address, at: At) -> Result<u64, L1Error> {
        let count: U64 = self
            .call("eth_getTransactionCount", json!([account.to_string(), at.tag()]))
            .await?;
        Ok(count.as_u64())
    }

    /// Fees that are good for the next blocks: twice the base fee and the tip that the node proposes.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn fees(&self) -> Result<Fees, L1Error> {
        let tip: U256 = self.call(TIP, json!([])).await?;
        let block: BlockAnswer = self.call(BLOCK, json!(["latest", false])).await?;
        let wei = |value: U256| {
            u128::try_from(value).map_err(|_| self.malformed(TIP, "a fee above 128 bits".to_owned()))
        };
        let (base_wei, priority_wei) = (wei(block.base_fee_per_gas.unwrap_or_default())?, wei(tip)?);
        let max_wei = base_wei.saturating_mul(2).saturating_add(priority_wei).max(1);
        Ok(Fees {
            max_wei,
            priority_wei,
        })
    }

    /// Hands over a signed transaction.
    ///
    /// # Errors
    /// [`L1Error::Refused`] with the node's words; [`L1Error`] of the endpoint.
    pub async fn send_raw(&self, raw: &[u8]) -> Result<(), L1Error> {
        let raw = Bytes::from(raw.to_vec()).to_string();
        self.call::<H256>("eth_sendRawTransaction", json!([raw]))
            .await
            .map(|_| ())
    }

    /// The receipts of some transactions; `None` for those that are not mined.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn receipts(&self, hashes: &[Hash]) -> Result<Vec<Option<Receipt>>, L1Error> {
        let params = hashes.iter().map(|hash| json!([hash.to_string()])).collect();
        let answers = self.batch(RECEIPT, params).await?;
        answers
            .into_iter()
            .map(|answer| {
                Ok(self
                    .parse::<Option<ReceiptAnswer>>(RECEIPT, answer?)?
                    .as_ref()
                    .map(receipt))
            })
            .collect()
    }

    fn link(&self, answer: &BlockAnswer) -> Result<Link, L1Error> {
        let timestamp_s = u64::try_from(answer.timestamp)
            .map_err(|_| self.malformed(BLOCK, "a timestamp above 64 bits".to_owned()))?;
        let height = L1Height(answer.number.as_u64());
        Ok(Link {
            block: L1Block {
                height,
                hash: Hash(answer.hash.0),
                timestamp_s,
            },
            parent: Hash(answer.parent_hash.0),
        })
    }
}

fn ordered_logs(block: &L1Block, mut answers: Vec<LogAnswer>) -> Result<Vec<Log>, L1Error> {
    answers.sort_by_key(|log| log.log_index);
    let is_foreign =
        |log: &LogAnswer| log.removed || log.block_hash.is_none_or(|hash| hash.0 != block.hash.0);
    let is_repeated = |pair: &[LogAnswer]| matches!(pair, [a, b] if a.log_index == b.log_index);
    if answers.iter().any(is_foreign) || answers.windows(2).any(is_repeated) {
        let reason = "a log of another block, a removed one or one named twice".to_owned();
        return Err(L1Error::Inconsistent {
            height: block.height,
            reason,
        });
    }
    Ok(answers.into_iter().map(log).collect())
}

fn log(answer: LogAnswer) -> Log {
    Log {
        address: Address(answer.address.0),
        topics: answer.topics.into_iter().map(|topic| Hash(topic.0)).collect(),
        data: answer.data.to_vec(),
    }
}

fn receipt(answer: &ReceiptAnswer) -> Receipt {
    Receipt {
        transaction: Hash(answer.transaction_hash.0),
        block: L1Height(answer.block_number.as_u64()),
        block_hash: Hash(answer.block_hash.0),
        succeeded: answer.status == U64::one(),
        gas_used: u64::try_from(answer.gas_used).unwrap_or(u64::MAX),
        created: answer.contract_address.map(|address| Address(address.0)),
    }
}

fn fields(from: Option<Address>, call: &Call) -> Value {
    let mut fields = serde_json::Map::new();
    fields.extend(from.map(|from| ("from".to_owned(), json!(from.to_string()))));
    fields.extend(call.to.map(|to| ("to".to_owned(), json!(to.to_string()))));
    fields.insert("value".to_owned(), json!(format!("{:#x}", call.value)));
    fields.insert(
        "data".to_owned(),
        json!(Bytes::from(call.data.clone()).to_string()),
    );
    Value::Object(fields)
}

/// A refusal that carries revert bytes, or says so, is the contract's answer and not the endpoint's.
fn reverted(label: &str, error: L1Error) -> L1Error {
    match error {
        L1Error::Refused {
            code,
            message,
            revert,
            ..
        } if code == REVERT_CODE || message.contains("revert") => {
            let reason = convert::revert_reason(&revert).unwrap_or(message);
            L1Error::Reverted {
                call: label.to_owned(),
                reason,
            }
        }
        other => other,
    }
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

const CHAIN_ID: &str = "eth_chainId";
const CALL: &str = "eth_call";
const BLOCK: &str = "eth_getBlockByNumber";
const LOGS: &str = "eth_getLogs";
const TIP: &str = "eth_maxPriorityFeePerGas";
const RECEIPT: &str = "eth_getTransactionReceipt";
/// JSON-RPC code of geth, reth and anvil for "execution reverted".
const REVERT_CODE: i64 = 3;
