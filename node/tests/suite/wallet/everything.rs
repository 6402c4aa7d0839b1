//! What leaves when everything is to leave, whatever operators say.

use std::fs;

use plasma_core::{Amount, Hash, Position};
use plasma_node::{
    client::{Operators, Witness},
    wallet::{
        Purse, WalletError,
        exit::Help,
        purse::{Ethereum, Ways, folder_of},
        whole::Wish,
    },
};
use serde_json::{Value, json};

use super::{
    super::{
        chain::{Chain, user},
        doors::Doors,
        scratch::Scratch,
        stage::Stage,
    },
    Script,
};

/// A chain of a federation whose contracts are deployed, and a user with ETH for many bonds.
async fn rich(name: &str) -> (Stage, Chain) {
    let stage = Stage::set(name).await;
    let chain = Chain::new(stage.federation.genesis.clone());
    let ether = json!([user(1).address().to_string(), "0x56bc75e2d63100000"]);
    stage.anvil.ask("anvil_setBalance", ether).await;
    (stage, chain)
}

async fn purse(stage: &Stage, folder: &Scratch, doors: &[&Doors]) -> Purse<Script> {
    let genesis = stage.federation.genesis.clone();
    let ethereum = Ethereum::connect(std::slice::from_ref(&stage.anvil.url), &genesis)
        .await
        .unwrap();
    let bases: Vec<String> = doors.iter().map(|doors| doors.base.clone()).collect();
    let ways = Ways {
        operators: Some(Operators::new(&genesis, &bases).unwrap()),
        witness: Witness::new(&genesis).unwrap(),
        ethereum: Some(ethereum),
    };
    Purse::open(folder.path(), genesis, ways, Script::default()).unwrap()
}

/// All that would leave, the smallest too.
async fn everything(purse: &mut Purse<Script>, help: Help) -> Wish {
    let owner = user(1).address();
    purse.everything(owner, help, Some(Amount::ZERO)).await.unwrap()
}

fn is_list(path: &str) -> bool {
    path.starts_with("/v1/addresses/") && path.ends_with("/outputs")
}

/// One operator that hides the list, and calls single outputs what it likes.
async fn liar(chain: &Chain, status: &'static str) -> Doors {
    Doors::lying(chain, move |path, document| {
        if is_list(path) {
            document["items"] = json!([]);
        } else if path.starts_with("/v1/outputs/") && document["status"].is_string() {
            document["status"] = status.into();
            document["spent_by"] = match status {
                "spent" => json!({"height": 1, "index": 0, "input": 0, "id": Hash([7; 32]).to_string()}),
                _ => Value::Null,
            };
        }
    })
    .await
}

fn left(wish: &Wish) -> Vec<Position> {
    wish.left.iter().map(|left| left.output).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_dishonest_operator_keeps_nothing_in_without_a_word() {
    let (stage, mut chain) = rich("wallet-everything").await;
    let first = chain.deposit(&user(1), 100).await;
    let second = chain.deposit(&user(1), 50).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-everything-user");
    let mut honest = purse(&stage, &folder, &[&doors]).await;
    let all = everything(&mut honest, Help::Operators).await;
    assert_eq!((all.outputs, all.left), (vec![first, second], Vec::new()));
    drop(honest);
    let hiding = liar(&chain, "unspent").await;
    let mut hidden = purse(&stage, &folder, &[&hiding]).await;
    assert_eq!(
        everything(&mut hidden, Help::Operators).await.outputs,
        [first, second]
    );
    drop(hidden);
    for (status, words) in [
        ("spent", "it may be spent"),
        ("exiting", "an exit of it is open"),
        ("exited", "paid it out"),
    ] {
        let lying = liar(&chain, status).await;
        let mut alone = purse(&stage, &folder, &[&lying]).await;
        let told = everything(&mut alone, Help::Operators).await;
        assert_eq!(
            (told.outputs.len(), left(&told)),
            (0, vec![first, second]),
            "{status}"
        );
        let why = told.left[0].to_string();
        assert!(why.contains(words) && why.contains("plasma wallet exit"), "{why}");
        let error = WalletError::Behind {
            leaving: 0,
            left: told.left,
        };
        assert_eq!(error.code(), 9);
        assert!(error.to_string().contains(&first.to_string()), "{error}");
    }
    let lying = liar(&chain, "spent").await;
    let mut both = purse(&stage, &folder, &[&lying, &doors]).await;
    assert_eq!(
        everything(&mut both, Help::Operators).await.outputs,
        [first, second],
        "the next one is asked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_another_machine_spent_does_not_leave() {
    let (stage, mut chain) = rich("wallet-elsewhere").await;
    let spent = chain.deposit(&user(1), 100).await;
    let other = chain.deposit(&user(1), 50).await;
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-elsewhere-user");
    let mut here = purse(&stage, &folder, &[&doors]).await;
    here.holdings(user(1).address()).await.unwrap();
    let payment = chain.payment(&user(1), (spent, 100), &user(3), 100);
    chain.include(payment.clone());
    chain.seal(&[]).await;
    let started = here
        .exit(user(1).address(), &[spent], Help::Operators)
        .await
        .unwrap();
    let refused = started.failure.unwrap();
    assert!(matches!(refused, WalletError::Refused(_)), "{refused}");
    let words = format!("spent by payment {}", payment.id());
    assert!(refused.to_string().contains(&words), "{refused}");
    assert_eq!(here.book().next(), 0, "nothing was begun");
    let all = everything(&mut here, Help::Operators).await;
    assert_eq!(
        (all.outputs, all.left),
        (vec![other], Vec::new()),
        "it is not there any more"
    );
}

/// One that lists a spent output of user 1 as unspent, to have the bond of its exit.
async fn favourable(chain: &Chain, before: Value) -> Doors {
    Doors::lying(chain, move |path, document| {
        if is_list(path) {
            let listed = document["items"].as_array_mut().unwrap();
            listed.insert(0, before.clone());
        } else if path.starts_with("/v1/outputs/") && document["status"] == "spent" {
            document["status"] = "unspent".into();
            document["spent_by"] = Value::Null;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_favourable_operator_loses_nobody_a_bond() {
    let (stage, mut chain) = rich("wallet-favourable").await;
    let spent = chain.deposit(&user(1), 100).await;
    let other = chain.deposit(&user(1), 50).await;
    let honest = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-favourable-user");
    let mut here = purse(&stage, &folder, &[&honest]).await;
    let holdings = here.holdings(user(1).address()).await.unwrap();
    let listed = serde_json::to_value(&holdings[0].output).unwrap();
    drop(here);
    let payment = chain.payment(&user(1), (spent, 100), &user(3), 100);
    chain.include(payment.clone());
    chain.seal(&[]).await;
    let favourable = favourable(&chain, listed).await;
    for doors in [[&favourable, &honest], [&honest, &favourable]] {
        let mut here = purse(&stage, &folder, &doors).await;
        let all = everything(&mut here, Help::Operators).await;
        assert_eq!((all.outputs, all.left), (vec![other], Vec::new()));
        let started = here
            .exit(user(1).address(), &[spent], Help::Operators)
            .await
            .unwrap();
        let refused = started.failure.unwrap().to_string();
        let words = format!("spent by payment {}", payment.id());
        assert!(refused.contains(&words), "{refused}");
        assert_eq!(here.book().next(), 0, "nothing was begun");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_says_and_does_not_prove_keeps_nobody_in_whom_others_let_go() {
    let (stage, mut chain) = rich("wallet-outvoted").await;
    let coin = chain.deposit(&user(1), 100).await;
    let honest = [Doors::open(&chain).await, Doors::open(&chain).await];
    let lying = liar(&chain, "exiting").await;
    let folder = Scratch::new("wallet-outvoted-user");
    let mut here = purse(&stage, &folder, &[&honest[0], &lying]).await;
    let all = everything(&mut here, Help::Operators).await;
    assert_eq!(left(&all), [coin], "one says this, the other that");
    drop(here);
    let mut here = purse(&stage, &folder, &[&lying, &honest[0], &honest[1]]).await;
    let all = everything(&mut here, Help::Operators).await;
    assert_eq!((all.outputs, all.left), (vec![coin], Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_payment_holds_and_what_is_damaged_stays_behind_by_name() {
    let (stage, mut chain) = rich("wallet-behind").await;
    let held = chain.deposit(&user(1), 100).await;
    let damaged = chain.deposit(&user(1), 50).await;
    let other = chain.deposit(&user(1), 30).await;
    let deaf = Doors::lying(&chain, |path, document| {
        if path == "/v1/transactions" {
            *document = json!({"type": "x", "title": "x", "status": 422, "code": "invalid", "detail": "x", "retryable": false});
        }
    })
    .await;
    let folder = Scratch::new("wallet-behind-user");
    let mut here = purse(&stage, &folder, &[&deaf]).await;
    here.pay(&super::pay(&[90], None)).await.unwrap_err();
    let id = here.book().action(0).unwrap().payments[0].signed.id();
    let kept = folder_of(folder.path(), here.genesis()).join("outputs");
    let file = |position: Position| kept.join(format!("{}.receipt", position.to_string().replace(':', "-")));
    fs::write(file(damaged), b"x").unwrap();
    let all = everything(&mut here, Help::Nobody).await;
    assert_eq!(
        (all.outputs.clone(), left(&all)),
        (vec![other], vec![held, damaged])
    );
    let words = format!("plasma wallet exit payment {id}");
    assert!(all.left[0].to_string().contains(&words), "{}", all.left[0]);
    assert!(all.left[1].to_string().contains("damaged"), "{}", all.left[1]);
    let partly = WalletError::Behind {
        leaving: 1,
        left: all.left,
    };
    assert_eq!(partly.code(), 11);
    // An operator gives the receipt again.
    let all = everything(&mut here, Help::Operators).await;
    assert_eq!(
        (all.outputs.clone(), left(&all)),
        (vec![damaged, other], vec![held])
    );
}
