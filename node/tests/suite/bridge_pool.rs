//! Durable sending against a node that counts wrongly, or takes nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, routing::post};
use ethers_core::{
    types::{Bloom, Bytes, U256, transaction::eip2718::TypedTransaction},
    utils::rlp::Rlp,
};
use plasma_core::{Address, Amount, Hash, keccak};
use plasma_node::{
    bridge::{
        L1Error,
        account::{Account, Call},
        rpc::Rpc,
        sender::{Sender, SenderConfig},
    },
    keystore::Secret,
};
use serde_json::{Value, json};

use super::scratch::Scratch;

const CHAIN_ID: u64 = 31_337;
const BUMP_AFTER: Duration = Duration::from_millis(20);

/// What a node knows of one account, and how it lies.
#[derive(Default)]
struct Pool {
    /// The next nonce that is mined.
    next: u64,
    height: u64,
    /// Told instead of it, once each; after them the last one for ever.
    counts: VecDeque<u64>,
    count: Option<u64>,
    /// In these words everything is refused.
    refusal: Option<&'static str>,
    /// Nonce and fee of all that was offered, taken or not.
    offered: Vec<(u64, u64)>,
    mined: BTreeMap<String, Value>,
}

type Shared = Arc<Mutex<Pool>>;

async fn answer(State(pool): State<Shared>, body: String) -> String {
    let request: Value = serde_json::from_str(&body).unwrap();
    let mut pool = pool.lock().unwrap();
    match request {
        Value::Array(calls) => calls.iter().map(|call| pool.answer(call)).collect::<Value>(),
        call => pool.answer(&call),
    }
    .to_string()
}

impl Pool {
    fn answer(&mut self, call: &Value) -> Value {
        let mut answer = self.result(call["method"].as_str().unwrap(), &call["params"]);
        answer["jsonrpc"] = json!("2.0");
        answer["id"] = call["id"].clone();
        answer
    }

    fn result(&mut self, method: &str, params: &Value) -> Value {
        match method {
            "eth_estimateGas" => json!({"result": "0x5208"}),
            "eth_maxPriorityFeePerGas" => json!({"result": "0x64"}),
            "eth_getTransactionCount" => {
                let count = self.counts.pop_front().or(self.count).unwrap_or(self.next);
                json!({"result": format!("{count:#x}")})
            }
            "eth_getTransactionReceipt" => {
                json!({"result": self.mined.get(params[0].as_str().unwrap())})
            }
            "eth_sendRawTransaction" => self.send(params[0].as_str().unwrap()),
            "eth_getBlockByNumber" => self.block(),
            _ => json!({"error": {"code": -32_601, "message": "no such method"}}),
        }
    }

    /// Another one each time.
    fn block(&mut self) -> Value {
        self.height += 1;
        json!({"result": {
            "number": format!("{:#x}", 100 + self.height),
            "hash": Hash([1; 32]).to_string(),
            "parentHash": Hash([2; 32]).to_string(),
            "timestamp": "0x1",
            "baseFeePerGas": "0x64",
            "logsBloom": format!("{:#x}", Bloom::default()),
            "receiptsRoot": Hash([3; 32]).to_string(),
        }})
    }

    fn send(&mut self, raw: &str) -> Value {
        let bytes: Bytes = raw.parse().unwrap();
        let (sent, _) = TypedTransaction::decode_signed(&Rlp::new(&bytes)).unwrap();
        let TypedTransaction::Eip1559(request) = &sent else {
            panic!("{sent:?}")
        };
        let nonce = request.nonce.unwrap().as_u64();
        self.offered
            .push((nonce, request.max_fee_per_gas.unwrap().as_u64()));
        if let Some(message) = self.refusal {
            return json!({"error": {"code": -32_000, "message": message}});
        }
        let hash = keccak(&[&bytes]).to_string();
        if nonce == self.next {
            self.next += 1;
            self.mined.insert(
                hash.clone(),
                json!({
                    "transactionHash": hash,
                    "blockNumber": "0x63",
                    "blockHash": Hash([4; 32]).to_string(),
                    "status": "0x1",
                    "gasUsed": U256::from(21_000),
                    "contractAddress": null,
                }),
            );
        }
        json!({"result": hash})
    }
}

struct Counter {
    pool: Shared,
    sender: Sender,
    _folder: Scratch,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Counter {
    async fn open(name: &str, pool: Pool, wait: Duration) -> Self {
        let pool = Arc::new(Mutex::new(pool));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&pool));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = Scratch::new(name);
        let config = SenderConfig {
            journal: folder.path().join("nonces.json"),
            confirmations: 1,
            poll: Duration::from_millis(5),
            bump_after: BUMP_AFTER,
            wait,
            fee_wei_max: 500_000,
        };
        let rpc = Arc::new(Rpc::new(&[url], Duration::from_secs(60)).unwrap());
        let account = Account::new(&Secret::new([1; 32]), CHAIN_ID).unwrap();
        Self {
            pool,
            sender: Sender::start(rpc, account, config).unwrap(),
            _folder: folder,
            server,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Pool) -> T) -> T {
        look(&mut self.pool.lock().unwrap())
    }

    /// Until so much was offered to the node.
    async fn offered(&self, count: usize) -> Vec<(u64, u64)> {
        for _ in 0..3_000 {
            let offered = self.with(|pool| pool.offered.clone());
            if offered.len() >= count {
                return offered;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it is not offered so often");
    }
}

fn gift(wei: u64) -> Call {
    Call {
        label: "gift".to_owned(),
        to: Some(Address([7; 20])),
        value: Amount::from(wei),
        data: Vec::new(),
    }
}

#[tokio::test]
async fn a_count_that_is_too_high_once_is_not_believed() {
    let pool = Pool {
        counts: [1_000].into(),
        ..Pool::default()
    };
    let counter = Counter::open("pool-once", pool, Duration::from_secs(5)).await;
    counter.sender.send(gift(1)).await.unwrap();
    assert_eq!(counter.with(|pool| pool.offered[0].0), 0);
}

#[tokio::test]
async fn the_first_transaction_of_a_used_account_takes_the_next_nonce() {
    let pool = Pool {
        next: 9,
        ..Pool::default()
    };
    let counter = Counter::open("pool-used", pool, Duration::from_secs(5)).await;
    counter.sender.send(gift(1)).await.unwrap();
    assert_eq!(counter.with(|pool| pool.offered[0].0), 9);
}

#[tokio::test]
async fn a_gap_that_a_false_count_left_is_closed_and_its_calls_are_asked_for_again() {
    let pool = Pool {
        count: Some(1_000),
        ..Pool::default()
    };
    let counter = Counter::open("pool-gap", pool, Duration::from_secs(20)).await;
    let sending = tokio::spawn({
        let sender = counter.sender.clone();
        async move { sender.send(gift(1)).await }
    });
    assert_eq!(counter.offered(1).await[0].0, 1_000);
    counter.with(|pool| pool.count = None);
    let told = sending.await.unwrap().unwrap_err();
    assert!(
        !matches!(told, L1Error::StillPending { .. }) && told.to_string().contains("nonce 1000"),
        "{told}"
    );
    counter.sender.send(gift(1)).await.unwrap();
    counter.sender.send(gift(2)).await.unwrap();
    assert_eq!(counter.with(|pool| pool.next), 2, "each nonce is used once");
}

#[tokio::test]
async fn what_the_node_refuses_for_another_reason_than_its_price_is_not_made_dearer() {
    let pool = Pool {
        refusal: Some("insufficient funds for gas * price + value"),
        ..Pool::default()
    };
    let counter = Counter::open("pool-poor", pool, Duration::from_secs(20)).await;
    let sending = tokio::spawn({
        let sender = counter.sender.clone();
        async move { sender.send(gift(1)).await }
    });
    let offered = counter.offered(20).await;
    assert!(offered.iter().all(|offer| *offer == offered[0]), "{offered:?}");
    counter.with(|pool| pool.refusal = None);
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_the_node_refuses_for_its_price_is_made_dearer() {
    let pool = Pool {
        refusal: Some("replacement transaction underpriced"),
        ..Pool::default()
    };
    let counter = Counter::open("pool-cheap", pool, Duration::from_secs(20)).await;
    let sending = tokio::spawn({
        let sender = counter.sender.clone();
        async move { sender.send(gift(1)).await }
    });
    let offered = counter.offered(4).await;
    assert!(
        offered.windows(2).all(|pair| pair[0].1 < pair[1].1),
        "{offered:?}"
    );
    counter.with(|pool| pool.refusal = None);
    sending.await.unwrap().unwrap();
}
