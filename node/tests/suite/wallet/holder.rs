//! A wallet beside a ledger whose blocks are anchored on a real test chain, with what it keeps laid into its folder.

use std::{cell::RefCell, path::Path, rc::Rc, time::Duration};

use axum::{Router, body::Bytes};
use plasma_core::{
    Address, Amount, EXPIRY_NEVER, Input, Kind, Payment, Position, SignedTransaction, SigningKey, Transaction,
};
use plasma_node::{
    bridge::methods::At,
    client::{Operators, Witness},
    keystore::Secret,
    wallet::{
        Purse, WalletError,
        book::Record,
        journal::Journal,
        purse::{Ethereum, Patience, Person, Ways, folder_of},
        receipts::Receipts,
    },
};
use serde_json::Value;

use crate::suite::{doors::Doors, duties::court::Court, stage::Stage};

/// All that was agreed to.
pub(crate) type Agreed = Rc<RefCell<Vec<String>>>;

/// Says yes, and remembers to what.
pub(crate) struct Holder {
    key: SigningKey,
    agreed: Agreed,
}

impl Holder {
    pub(crate) fn new(key: &SigningKey, agreed: &Agreed) -> Self {
        Self {
            key: key.clone(),
            agreed: Rc::clone(agreed),
        }
    }
}

impl Person for Holder {
    fn tell(&self, _: &str) {}

    fn agree(&self, words: &str) -> Result<(), WalletError> {
        self.agreed.borrow_mut().push(words.to_owned());
        Ok(())
    }

    fn key(&self, owner: Address) -> Result<Secret, WalletError> {
        assert_eq!(owner, self.key.address());
        Ok(Secret::new(self.key.to_bytes()))
    }
}

/// A wallet that knows nobody but Ethereum.
pub(crate) async fn purse(stage: &Stage, folder: &Path, key: &SigningKey, agreed: &Agreed) -> Purse<Holder> {
    asking(stage, folder, (key, agreed), &[]).await
}

/// A wallet that asks these operators too.
pub(crate) async fn asking(
    stage: &Stage,
    folder: &Path,
    (key, agreed): (&SigningKey, &Agreed),
    doors: &[&Doors],
) -> Purse<Holder> {
    let bases: Vec<String> = doors.iter().map(|doors| doors.base.clone()).collect();
    let genesis = stage.federation.genesis.clone();
    let ethereum = Ethereum::connect(std::slice::from_ref(&stage.anvil.url), &genesis)
        .await
        .unwrap();
    let witness = Witness::new(&genesis).unwrap();
    let ways = Ways {
        operators: Operators::new(&genesis, &bases).ok(),
        witness: witness.with_ethereum(ethereum.rpc.clone(), ethereum.contracts),
        ethereum: Some(ethereum),
    };
    Purse::open(folder, genesis, ways, Holder::new(key, agreed))
        .unwrap()
        .with_patience(patience(Duration::from_secs(20)))
}

pub(crate) fn patience(ethereum: Duration) -> Patience {
    Patience {
        ethereum,
        poll: Duration::from_millis(10),
        ..Patience::default()
    }
}

/// Lays the receipt of an output into a wallet's folder, as if it had been gathered.
pub(crate) fn keep(court: &Court, folder: &Path, output: Position) {
    let own = folder_of(folder, &court.stage.federation.genesis);
    let kept = Receipts::open(&own).unwrap();
    kept.keep_output(output, &court.inclusion(output).receipt)
        .unwrap();
    // Who gathered it has a journal.
    let journal = Journal::open::<Record>(&own.join("journal"));
    journal.unwrap();
}

/// A payment of ETH that never expires.
pub(crate) fn payment(
    court: &Court,
    from: &SigningKey,
    spent: (Position, u64),
    outputs: &[(Address, u64)],
) -> SignedTransaction {
    let output = |(owner, amount): &(Address, u64)| Payment {
        owner: *owner,
        amount: Amount::from(*amount),
    };
    let transaction = Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: EXPIRY_NEVER,
        inputs: vec![Input {
            position: spent.0,
            amount: Amount::from(spent.1),
        }],
        outputs: outputs.iter().map(output).collect(),
    };
    transaction.sign(&court.stage.federation.genesis.domain(), from)
}

/// How many Ethereum transactions of an account were mined.
pub(crate) async fn mined(court: &Court, account: Address) -> u64 {
    court.rpc().nonce(account, At::Latest).await.unwrap()
}

/// A road to an Ethereum endpoint on which somebody changes results; batches pass as they are.
pub(crate) async fn road(
    target: &str,
    lie: impl Fn(&Value, &mut Value) + Clone + Send + Sync + 'static,
) -> String {
    let target = target.to_owned();
    let forward = move |body: Bytes| {
        let (target, lie) = (target.clone(), lie.clone());
        async move {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
            let request = builder.build().unwrap().post(target);
            let request = request.header("content-type", "application/json").body(body);
            let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
            if let Some(result) = answer.get_mut("result") {
                lie(&asked, result);
            }
            answer.to_string()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(forward);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
