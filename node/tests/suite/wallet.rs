//! A wallet before operators that are honest, away, or liars: what it signs, and what it believes.

mod batches;
mod believing;
mod bonds;
mod calls;
mod commands;
mod copies;
mod everything;
mod flights;
mod holder;
mod leaving;
mod papers;
mod reclaims;
mod single;
mod standing;

use std::{cell::Cell, path::Path, time::Duration};

use plasma_core::{Address, Amount, Hash, Height, Position, SigningKey, signature};
use plasma_node::{
    api::text::{AddressText, AmountText},
    choice::{Coin, Terms, payment},
    client::{ClientError, Operators, Witness},
    keystore::Secret,
    typed_data,
    wallet::{
        Purse, WalletError,
        book::{Fate, Intent, Row},
        pay::Paid,
        purse::{Patience, Person, Ways},
    },
};
use serde_json::json;

use super::{
    anvil::Anvil,
    chain::{Chain, genesis, user},
    doors::{Doors, absent},
    scratch::Scratch,
};

/// Says yes, and counts.
#[derive(Default)]
struct Script {
    asked: Cell<u32>,
}

impl Person for Script {
    fn tell(&self, _: &str) {}

    fn agree(&self, _: &str) -> Result<(), WalletError> {
        self.asked.set(self.asked.get() + 1);
        Ok(())
    }

    fn key(&self, owner: Address) -> Result<Secret, WalletError> {
        assert_eq!(owner, user(1).address());
        Ok(Secret::new(user(1).to_bytes()))
    }
}

fn purse(folder: &Path, addresses: &[&str]) -> Purse<Script> {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let ways = Ways {
        operators: Some(Operators::new(&genesis(), &addresses).unwrap()),
        witness: Witness::new(&genesis()).unwrap(),
        ethereum: None,
    };
    let patience = Patience {
        commit: Duration::from_secs(20),
        poll: Duration::from_millis(10),
        ..Patience::default()
    };
    Purse::open(folder, genesis(), ways, Script::default())
        .unwrap()
        .with_patience(patience)
}

fn pay(amounts: &[u64], id: Option<&str>) -> Intent {
    let row = |amount: &u64| Row {
        to: AddressText(user(2).address()),
        amount: AmountText(Amount::from(*amount)),
        asset: AddressText(Address::ZERO),
    };
    Intent::Pay {
        from: AddressText(user(1).address()),
        rows: amounts.iter().map(row).collect(),
        file: None,
        id: id.map(str::to_owned),
    }
}

/// Pays while blocks are sealed.
async fn paid(chain: &mut Chain, purse: &mut Purse<Script>, intent: &Intent) -> Result<Paid, WalletError> {
    let mut paying = Box::pin(purse.pay(intent));
    loop {
        tokio::select! {
            done = &mut paying => return done,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        chain.seal(&[]).await;
    }
}

fn owned(chain: &Chain, owner: &SigningKey) -> Amount {
    use plasma_node::storage::{Read as _, Storage as _};
    let rows = chain
        .storage
        .reader()
        .outputs_of(&owner.address(), None, 500)
        .unwrap();
    rows.iter()
        .fold(Amount::ZERO, |sum, (_, row)| sum + row.output.amount)
}

#[tokio::test]
async fn rows_are_paid_once_and_what_has_a_name_is_paid_once_for_ever() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-once");
    let intent = pay(&[1, 2, 3, 4], Some("invoice 7"));
    let mut purse = purse(folder.path(), &[&absent().await, &doors.base]);
    let first = paid(&mut chain, &mut purse, &intent).await.unwrap();
    assert_eq!(first.payments.len(), 2, "three rows and their change, then one");
    // Not told yet: the same command goes on, and finds everything done.
    assert_eq!(paid(&mut chain, &mut purse, &intent).await.unwrap(), first);
    purse.end(first.action).unwrap();
    assert_eq!(paid(&mut chain, &mut purse, &intent).await.unwrap(), first);
    assert_eq!(owned(&chain, &user(2)), Amount::from(10));
    let other = pay(&[1, 2, 3, 5], Some("invoice 7"));
    let error = paid(&mut chain, &mut purse, &other).await.unwrap_err();
    assert!(matches!(error, WalletError::Usage(_)), "{error}");
    assert!(error.to_string().contains("is the name of a payment"), "{error}");
    assert_eq!(owned(&chain, &user(2)), Amount::from(10), "a name is of one wish");
    let unnamed = pay(&[5], None);
    for _ in 0..2 {
        let done = paid(&mut chain, &mut purse, &unnamed).await.unwrap();
        purse.end(done.action).unwrap();
    }
    assert_eq!(
        owned(&chain, &user(2)),
        Amount::from(20),
        "another wish, each time it was told"
    );
}

#[tokio::test]
async fn a_signed_payment_is_sent_again_and_never_signed_again() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let folder = Scratch::new("wallet-again");
    // It lists and proves, and takes nothing.
    let deaf = Doors::lying(&chain, |path, document| {
        if path == "/v1/transactions" {
            *document = json!({"type": "x", "title": "x", "status": 503, "code": "overloaded", "detail": "x", "retryable": true});
        }
    })
    .await;
    let mut first = purse(folder.path(), &[&deaf.base]).with_patience(Patience {
        commit: Duration::from_millis(50),
        ..Patience::default()
    });
    let intent = pay(&[30], None);
    let error = first.pay(&intent).await.unwrap_err();
    assert!(matches!(error, WalletError::Waiting(_)), "{error}");
    let signed = first.book().action(0).unwrap().payments.clone();
    drop(first);
    // Now another output would be chosen: it fits exactly.
    chain.deposit(&user(1), 30).await;
    let doors = Doors::open(&chain).await;
    let mut second = purse(folder.path(), &[&doors.base]);
    let done = paid(&mut chain, &mut second, &intent).await.unwrap();
    assert_eq!(done.payments[0].id, signed[0].signed.id());
    assert_eq!(second.book().action(0).unwrap().payments.len(), 1);
    assert_eq!(owned(&chain, &user(2)), Amount::from(30));
}

#[tokio::test]
async fn an_output_that_no_receipt_proves_is_not_spent() {
    let mut chain = Chain::new(genesis());
    chain.deposit(&user(1), 100).await;
    let rich = Doors::lying(&chain, |path, document| {
        if path.ends_with("/outputs") {
            document["items"][0]["amount"] = json!("1000000");
        }
    })
    .await;
    let folder = Scratch::new("wallet-rich");
    let mut purse = purse(folder.path(), &[&rich.base]);
    let error = purse.pay(&pay(&[500], None)).await.unwrap_err();
    assert!(matches!(error, WalletError::Funds(_)), "{error}");
    assert_eq!(purse.book().next(), 0, "nothing was begun");
    let holdings = purse.holdings(user(1).address()).await.unwrap();
    assert!(!holdings[0].is_proven);
}

#[tokio::test]
async fn a_payment_is_given_up_only_when_a_receipt_shows_who_spent_its_input() {
    let mut chain = Chain::new(genesis());
    let coin = chain.deposit(&user(1), 100).await;
    let folder = Scratch::new("wallet-dead");
    let intent = pay(&[30], None);
    // Somebody says that it is spent, by nobody who can be shown.
    let bogus = Hash([7; 32]).to_string();
    let liar = Doors::lying(&chain, move |path, document| {
        if path == "/v1/transactions" {
            *document = json!({"type": "x", "title": "x", "status": 409, "code": "input-spent", "detail": "x",
                "retryable": false, "spent_by": bogus});
        }
    })
    .await;
    let mut first = purse(folder.path(), &[&liar.base]);
    let error = first.pay(&intent).await.unwrap_err();
    assert!(
        matches!(error, WalletError::Client(ClientError::Problem(_))),
        "{error}"
    );
    assert_eq!(first.book().action(0).unwrap().payments[0].fate, Fate::Open);
    drop(first);
    // The same key pays elsewhere, and a block holds it.
    chain.include(chain.payment(&user(1), (coin, 100), &user(3), 60));
    chain.seal(&[]).await;
    let doors = Doors::open(&chain).await;
    let mut second = purse(folder.path(), &[&doors.base]);
    let error = second.pay(&intent).await.unwrap_err();
    assert!(
        matches!(error, WalletError::Dead { input, .. } if input == coin),
        "{error}"
    );
    assert_eq!(owned(&chain, &user(2)), Amount::ZERO);
    paid(&mut chain, &mut second, &intent).await.unwrap();
    assert_eq!(
        owned(&chain, &user(2)),
        Amount::from(30),
        "with the change of the other"
    );
}

#[tokio::test]
async fn typed_data_has_the_digest_that_another_implementation_signs() {
    let anvil = Anvil::start();
    let accounts: Vec<String> = anvil.rpc.call("eth_accounts", json!([])).await.unwrap();
    let owner = accounts[0].parse::<AddressText>().unwrap().0;
    let coin = |block: u32, amount: u64| Coin {
        position: Position {
            block: Height(block),
            transaction: 17,
            output: 3,
        },
        amount: Amount::from(amount),
    };
    let terms = Terms {
        from: owner,
        asset: Address([7; 20]),
        fee: None,
    };
    let to = plasma_core::Payment {
        owner: user(2).address(),
        amount: Amount::MAX >> 1,
    };
    let coins = [
        coin(1, 5),
        Coin {
            amount: Amount::MAX >> 1,
            ..coin(u32::MAX - 1, 0)
        },
    ];
    let transaction = payment(&terms, &coins, &[to]).unwrap();
    let more = payment(&terms, &[coin(1, 50), coin(2, 60)], &[to.with(3), to.with(100)]).unwrap();
    for transaction in [transaction, more] {
        let domain = genesis().domain();
        let document = typed_data::document(&transaction, &domain);
        let signed: String = anvil
            .rpc
            .call("eth_signTypedData_v4", json!([accounts[0], document]))
            .await
            .unwrap();
        let bytes = plasma_node::hex::decode_array::<65>(&signed).unwrap();
        let signer = signature::recover(&transaction.signing_digest(&domain), &bytes);
        assert_eq!(signer, Ok(owner), "{document}");
    }
}

trait With {
    fn with(self, amount: u64) -> Self;
}

impl With for plasma_core::Payment {
    fn with(self, amount: u64) -> Self {
        Self {
            amount: Amount::from(amount),
            ..self
        }
    }
}
