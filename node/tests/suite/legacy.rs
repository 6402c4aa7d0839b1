//! The old paths: what a wallet of go-plasma asks and looks at.

use axum::Router;
use plasma_core::{Address, Amount, DepositNumber, L1Event};
use plasma_node::{
    api::{self, Code},
    config::HttpKeys,
};
use serde_json::{Value, json};

use super::{
    chain::{Chain, genesis, user},
    http::{BYTES, JSON, TEXT, door, post},
};

fn old_door(chain: &Chain) -> Router {
    let keys = HttpKeys {
        legacy_go_plasma: true,
        ..HttpKeys::default()
    };
    api::router(chain.door.clone(), &keys)
}

async fn list(router: &Router, from: (u32, u32, u8), limit: usize) -> Value {
    let asked = json!({
        "for": user(1).address().to_string(),
        "blockNumber": from.0,
        "transactionNumber": from.1,
        "outputNumber": from.2,
        "limit": limit,
    });
    post(router, "/listUTXOs", JSON, asked.to_string())
        .await
        .document()
}

#[tokio::test]
async fn a_wallet_of_the_seed_lists_what_it_has_and_sends_it() {
    let mut chain = Chain::new(genesis());
    let alice = user(1);
    let first = chain.deposit(&alice, 100).await;
    for amount in [200, 300] {
        chain.deposit(&alice, amount).await;
    }
    // The seed knew no tokens.
    let token = L1Event::Deposited {
        number: DepositNumber(3),
        owner: alice.address(),
        asset: Address([7; 20]),
        amount: Amount::from(400),
    };
    chain.seal(&[token]).await;
    let router = old_door(&chain);
    let all = list(&router, (1, 0, 0), 50).await;
    let utxo = |block: u32, value: &str| json!({"blockNumber": block, "transactionNumber": 0, "outputNumber": 0, "value": value});
    assert_eq!(
        all,
        json!({"error": false, "utxos": [utxo(1, "100"), utxo(2, "200"), utxo(3, "300")]})
    );
    assert_eq!(list(&router, (0, 0, 0), 50).await, all);
    // From a position on, that one included.
    let some = list(&router, (2, 0, 0), 1).await;
    assert_eq!(some["utxos"], json!([utxo(2, "200")]));
    assert_eq!(list(&router, (3, 0, 1), 50).await["utxos"], json!([]));

    let signed = chain.payment(&alice, (first, 100), &user(2), 100);
    let body = json!({"tx": format!("0x{}", hex(&signed.encode()))}).to_string();
    for _ in 0..2 {
        let answered = post(&router, "/sendRawTX", JSON, body.clone()).await;
        assert_eq!(
            answered.document::<Value>(),
            json!({"error": false, "accepted": true})
        );
    }
    chain.seal(&[]).await;
    let left = list(&router, (1, 0, 0), 50).await;
    assert_eq!(left["utxos"], json!([utxo(2, "200"), utxo(3, "300")]));
}

/// What a stranger sends does not hide what is there: the old wallets have no word for a list that goes on.
#[tokio::test]
async fn what_this_list_does_not_show_hides_nothing_behind_it() {
    let mut rules = genesis();
    rules.max_l1_events = 5_000;
    let mut chain = Chain::new(rules);
    let token = |number| L1Event::Deposited {
        number: DepositNumber(number),
        owner: user(1).address(),
        asset: Address([7; 20]),
        amount: Amount::from(1),
    };
    let dust: Vec<L1Event> = (0..4_100).map(token).collect();
    chain.seal(&dust).await;
    let ether = L1Event::Deposited {
        number: DepositNumber(4_100),
        owner: user(1).address(),
        asset: Address::ZERO,
        amount: Amount::from(300),
    };
    chain.seal(&[ether]).await;
    let listed = list(&old_door(&chain), (0, 0, 0), 500).await;
    assert_eq!(listed["utxos"][0]["value"], "300", "{listed}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_error_is_one_of_ours_with_what_the_old_wallets_look_at() {
    let chain = Chain::new(genesis());
    let router = old_door(&chain);
    let owner = user(1).address();
    let asked = |limit: usize| {
        format!(
            "{{\"for\":\"{owner}\",\"blockNumber\":1,\"transactionNumber\":0,\"outputNumber\":0,\"limit\":{limit}}}"
        )
    };
    for (path, kind, body, code) in [
        (
            "/sendRawTX",
            JSON,
            "{\"tx\":\"0x05\"}".to_owned(),
            Code::MalformedTransaction,
        ),
        ("/sendRawTX", JSON, "{}".to_owned(), Code::MalformedRequest),
        (
            "/listUTXOs",
            JSON,
            "{\"for\":\"me\"}".to_owned(),
            Code::MalformedRequest,
        ),
        ("/listUTXOs", JSON, asked(0), Code::MalformedRequest),
        ("/listUTXOs", JSON, asked(501), Code::MalformedRequest),
        ("/listUTXOs", TEXT, asked(1), Code::UnsupportedMediaType),
        ("/listUTXOs", BYTES, asked(1), Code::UnsupportedMediaType),
    ] {
        let problem = post(&router, path, kind, body).await.problem(code);
        assert_eq!(problem.members["error"], true, "{path}");
        assert_eq!(problem.members["reason"], *problem.detail, "{path}");
    }
    for path in ["/sendRawTX", "/listUTXOs"] {
        post(&door(&chain), path, JSON, "{}")
            .await
            .problem(Code::NotFound);
    }
}
