//! An Ethereum endpoint that can be made to misbehave: a handful of blocks behind JSON-RPC.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::Response,
    routing::post,
};
use ethers_core::{abi::ethereum_types::BloomInput, types::Bloom};
use plasma_core::{Address, Hash, L1Block, L1Height, keccak};
use plasma_node::bridge::{receipts, rpc::ANSWER_BYTES_MAX};
use serde_json::{Value, json};

/// How the next answers are spoilt, until it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    /// Not at all.
    No,
    /// HTTP status 503.
    Status,
    /// A web page.
    Garbage,
    /// The first half of the answer.
    Truncated,
    /// More bytes than anybody should read, announced.
    Oversize,
    /// The same without saying so before.
    Endless,
    /// Nothing, for a long time.
    Silent,
    /// `null` for every block above this height, while the head is told as it is.
    BlocksAbove(u64),
    /// Logs with the hash of another block, and receipts of another block.
    ForeignLogs,
    /// An error instead of logs and receipts.
    UnknownBlock,
    /// Logs and receipts without the last log of a block, consistently.
    MissingLog,
    /// Batches are refused as a whole.
    NoBatches,
}

/// A chain that a test writes.
#[derive(Debug)]
struct Chain {
    spoilt: Spoilt,
    blocks: Vec<(L1Block, Hash, Vec<Value>)>,
    asked: Vec<Value>,
}

/// A running stub; its port closes when it is dropped.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) url: String,
    chain: Arc<Mutex<Chain>>,
    server: tokio::task::JoinHandle<()>,
}

impl Stub {
    /// Serves a chain of one block on a port that the system chooses.
    pub(crate) async fn start() -> Self {
        let genesis = (block(0, 0), Hash::ZERO, Vec::new());
        let chain = Arc::new(Mutex::new(Chain {
            spoilt: Spoilt::No,
            blocks: vec![genesis],
            asked: Vec::new(),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&chain));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, chain, server }
    }

    /// Appends a block of a fork with some logs.
    pub(crate) fn mine(&self, fork: u8, logs: Vec<Value>) {
        self.reorganise(0, fork, vec![logs]);
    }

    /// Replaces the newest blocks by those of a fork, in one moment.
    pub(crate) fn reorganise(&self, depth: usize, fork: u8, blocks: Vec<Vec<Value>>) {
        let mut chain = self.chain.lock().unwrap();
        let left = chain.blocks.len() - depth;
        chain.blocks.truncate(left);
        for logs in blocks {
            let (parent, ..) = *chain.blocks.last().unwrap();
            let block = block(parent.height.0 + 1, fork);
            let logs = (0u64..)
                .zip(logs)
                .map(|(index, log)| placed(log, &block, index))
                .collect();
            chain.blocks.push((block, parent.hash, logs));
        }
    }

    /// Forgets the newest blocks.
    pub(crate) fn cut(&self, depth: usize) {
        let mut chain = self.chain.lock().unwrap();
        let left = chain.blocks.len() - depth;
        chain.blocks.truncate(left);
    }

    /// Changes how answers are spoilt.
    pub(crate) fn spoil(&self, spoilt: Spoilt) {
        self.chain.lock().unwrap().spoilt = spoilt;
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.chain.lock().unwrap().asked.clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A block that its height and fork determine.
pub(crate) fn block(height: u64, fork: u8) -> L1Block {
    let hash = keccak(&[&height.to_be_bytes(), &[fork]]);
    L1Block {
        height: L1Height(height),
        hash,
        timestamp_s: 1_000 + height,
    }
}

/// A log with its topics and data words.
pub(crate) fn log(emitter: Address, signature: &str, indexed: &[Hash], words: &[Hash]) -> Value {
    let mut topics = vec![keccak(&[signature.as_bytes()]).to_string()];
    topics.extend(indexed.iter().map(ToString::to_string));
    let data: String = words
        .iter()
        .map(|word| word.to_string().trim_start_matches("0x").to_owned())
        .collect();
    json!({"address": emitter.to_string(), "topics": topics, "data": format!("0x{data}")})
}

/// A number as a word.
pub(crate) fn word(number: u64) -> Hash {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    Hash(bytes)
}

fn placed(mut log: Value, block: &L1Block, index: u64) -> Value {
    log["blockHash"] = json!(block.hash.to_string());
    log["blockNumber"] = json!(format!("{:#x}", block.height.0));
    log["logIndex"] = json!(format!("{index:#x}"));
    log["removed"] = json!(false);
    log
}

async fn answer(State(chain): State<Arc<Mutex<Chain>>>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let spoilt = chain.lock().unwrap().spoilt;
    if spoilt == Spoilt::Silent {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    let answers = chain.lock().unwrap().answer(&request).to_string();
    let (status, text) = match spoilt {
        Spoilt::Status => (StatusCode::SERVICE_UNAVAILABLE, answers),
        Spoilt::Garbage => (StatusCode::OK, "<html>try later</html>".to_owned()),
        Spoilt::Truncated => (StatusCode::OK, answers[..answers.len() / 2].to_owned()),
        Spoilt::Oversize => (StatusCode::OK, " ".repeat(ANSWER_BYTES_MAX + 1)),
        _ => (StatusCode::OK, answers),
    };
    let body = if spoilt == Spoilt::Endless {
        let megabyte = Bytes::from(vec![b' '; 1024 * 1024]);
        Body::from_stream(futures::stream::repeat(Ok::<_, Infallible>(megabyte)))
    } else {
        Body::from(text)
    };
    Response::builder().status(status).body(body).unwrap()
}

impl Chain {
    fn answer(&mut self, request: &Value) -> Value {
        match request {
            Value::Array(_) if self.spoilt == Spoilt::NoBatches => {
                json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32_600, "message": "batches are disabled"}})
            }
            Value::Array(calls) => calls.iter().map(|call| self.answer(call)).collect(),
            call => {
                self.asked.push(call.clone());
                let mut answer = self.result(call["method"].as_str().unwrap(), &call["params"]);
                answer["jsonrpc"] = json!("2.0");
                answer["id"] = call["id"].clone();
                answer
            }
        }
    }

    fn result(&self, method: &str, params: &Value) -> Value {
        match method {
            "eth_chainId" => json!({"result": "0x7a69"}),
            "eth_getBlockByNumber" => json!({"result": self.block(params[0].as_str().unwrap())}),
            "eth_getLogs" => self.logs(&params[0]),
            "eth_getBlockReceipts" => self.receipts(&params[0]),
            _ => json!({"error": {"code": -32_601, "message": "no such method"}}),
        }
    }

    fn block(&self, tag: &str) -> Value {
        let height = match tag {
            "latest" => self.blocks.len() - 1,
            number => usize::from_str_radix(number.trim_start_matches("0x"), 16).unwrap(),
        };
        let is_hidden =
            matches!(self.spoilt, Spoilt::BlocksAbove(known) if height > usize::try_from(known).unwrap());
        match self.blocks.get(height) {
            Some((block, parent, logs)) if tag == "latest" || !is_hidden => json!({
                "number": format!("{:#x}", block.height.0),
                "hash": block.hash.to_string(),
                "parentHash": parent.to_string(),
                "timestamp": format!("{:#x}", block.timestamp_s),
                "baseFeePerGas": "0x1",
                "logsBloom": bloom(logs),
                "receiptsRoot": root(logs).to_string(),
            }),
            _ => Value::Null,
        }
    }

    /// Like a node whose index lags: a range gives an empty list, an unknown hash an error.
    fn logs(&self, filter: &Value) -> Value {
        let Some(hash) = filter["blockHash"].as_str() else {
            return json!({"result": []});
        };
        match (self.logs_of(hash), self.spoilt) {
            (None, _) | (_, Spoilt::UnknownBlock) => unknown_block(),
            (Some(logs), Spoilt::ForeignLogs) => {
                let mut logs = logs.to_vec();
                logs.iter_mut()
                    .for_each(|log| log["blockHash"] = json!(Hash([9; 32]).to_string()));
                json!({"result": logs})
            }
            (Some(logs), _) => json!({"result": logs}),
        }
    }

    /// One transaction emitted all logs of a block.
    fn receipts(&self, hash: &Value) -> Value {
        match (self.logs_of(hash.as_str().unwrap()), self.spoilt) {
            (None, _) => json!({"result": null}),
            (_, Spoilt::UnknownBlock) => unknown_block(),
            (_, Spoilt::ForeignLogs) => json!({"result": receipts_of(&[])}),
            (Some(logs), _) => json!({"result": receipts_of(logs)}),
        }
    }

    /// What is shown of a block's logs.
    fn logs_of(&self, hash: &str) -> Option<&[Value]> {
        let mut blocks = self.blocks.iter();
        let (.., logs) = blocks.find(|(block, ..)| block.hash.to_string() == hash)?;
        let hidden = usize::from(self.spoilt == Spoilt::MissingLog);
        logs.get(..logs.len().saturating_sub(hidden))
    }
}

fn unknown_block() -> Value {
    json!({"error": {"code": -32_000, "message": "unknown block"}})
}

fn receipts_of(logs: &[Value]) -> Value {
    json!([{"type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x5208", "logsBloom": bloom(logs), "logs": logs}])
}

fn root(logs: &[Value]) -> Hash {
    receipts::root(&serde_json::from_value::<Vec<receipts::Receipt>>(receipts_of(logs)).unwrap())
}

fn bloom(logs: &[Value]) -> String {
    let mut bloom = Bloom::default();
    for log in logs {
        let topics = log["topics"].as_array().unwrap();
        for word in std::iter::once(&log["address"]).chain(topics) {
            let word: ethers_core::types::Bytes = serde_json::from_value(word.clone()).unwrap();
            bloom.accrue(BloomInput::Raw(&word));
        }
    }
    format!("{bloom:#x}")
}
