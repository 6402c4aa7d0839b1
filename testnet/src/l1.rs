//! The Ethereum node as a test user sees it: plain JSON-RPC with anvil's own methods.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use ethers_core::types::{Address, H256, Log, TransactionReceipt, U256};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A client of one Ethereum node.
#[derive(Clone, Debug)]
pub struct L1 {
    http: reqwest::Client,
    url: String,
}

impl L1 {
    /// A client of the node at `url`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_PATIENCE)
            .build()
            .context("an HTTP client")?;
        Ok(Self {
            http,
            url: url.to_owned(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// One call.
    ///
    /// # Errors
    /// When the node does not answer, answers an error, or something of another shape.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = self.http.post(&self.url).json(&request).send().await;
        let answer: Value = answer
            .with_context(|| format!("{method} at {}", self.url))?
            .json()
            .await?;
        if let Some(error) = answer.get("error") {
            let message = error
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or("unknown error");
            bail!(
                "{method}: {message} {}",
                error.get("data").and_then(Value::as_str).unwrap_or_default()
            );
        }
        let result = answer.get("result").cloned().unwrap_or(Value::Null);
        serde_json::from_value(result).with_context(|| format!("{method} answered something unexpected"))
    }

    /// Number and time of the newest block.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn head(&self) -> Result<(u64, u64)> {
        let block: Value = self
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await?;
        let number = |field: &str| -> Result<u64> {
            let value: U256 = serde_json::from_value(block.get(field).cloned().unwrap_or_default())?;
            Ok(value.as_u64())
        };
        Ok((number("number")?, number("timestamp")?))
    }

    /// The balance of an account or contract.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn balance(&self, of: Address) -> Result<U256> {
        self.call("eth_getBalance", json!([of, "latest"])).await
    }

    /// Logs of a contract with these topics, oldest first.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn logs(&self, of: Address, topics: &[H256]) -> Result<Vec<Log>> {
        self.call(
            "eth_getLogs",
            json!([{"address": of, "topics": topics, "fromBlock": "0x0", "toBlock": "latest"}]),
        )
        .await
    }

    /// A transaction's receipt, which must be there.
    ///
    /// # Errors
    /// When it is not mined.
    pub async fn receipt(&self, transaction: H256) -> Result<TransactionReceipt> {
        let receipt: Option<TransactionReceipt> = self
            .call("eth_getTransactionReceipt", json!([transaction]))
            .await?;
        receipt.with_context(|| format!("{transaction:?} is not mined"))
    }

    /// Mines a block now.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn mine(&self) -> Result<()> {
        self.call::<Value>("evm_mine", json!([])).await.map(drop)
    }

    /// Mines a block every so many seconds; with 0 only [`L1::mine`] makes blocks.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn set_interval(&self, seconds: u64) -> Result<()> {
        self.call::<Value>("evm_setIntervalMining", json!([seconds]))
            .await
            .map(drop)
    }

    /// Moves Ethereum's clock forward and mines a block at the new time.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn advance(&self, seconds: u64) -> Result<()> {
        self.call::<Value>("evm_increaseTime", json!([seconds])).await?;
        self.mine().await
    }

    /// Sets an account's balance, as only a development chain can.
    ///
    /// # Errors
    /// See [`L1::call`].
    pub async fn set_balance(&self, of: Address, balance: U256) -> Result<()> {
        self.call::<Value>("anvil_setBalance", json!([of, balance]))
            .await
            .map(drop)
    }
}

/// A call to a node on the same machine that takes longer hangs.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
