//! Whom a wallet believes when committees have changed, and to whom it entrusts no deposit.

use std::{sync::Arc, time::Duration};

use plasma_core::{Address, Amount, Epoch, Height};
use plasma_node::{
    api::text::{AddressText, AmountText},
    bridge::{Contracts, L1Error, rpc::Rpc},
    client::{Operators, Witness},
    wallet::{
        Purse, WalletError,
        book::Intent,
        purse::{Ethereum, Ways},
    },
};

use super::{
    super::{
        bridge_committees::Chamber,
        chain::{Chain, genesis, user},
        deployment::parameters,
        doors::{Doors, absent},
        duties::court::Court,
        scratch::Scratch,
    },
    Script,
    holder::{Agreed, Holder, patience, road},
};

/// Above every height that the first committee anchors while it waits for its successor.
const LATER: Height = Height(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_later_committees_are_believed_on_ethereums_word_alone() {
    let mut chamber = Chamber::set("wallet-epochs").await;
    let genesis = chamber.stage.federation.genesis.clone();
    let mut chain = Chain::new(genesis.clone());
    let early = chain.deposit(&user(1), 100).await;
    chamber.hand_over().await;
    while chain.state().header.height < LATER {
        chain.seal(&[]).await;
    }
    chain.hand_over(Epoch(1), &chamber.heirs);
    let late = chain.deposit(&user(1), 50).await;
    let doors = Doors::open(&chain).await;
    let proven = async |with_ethereum: bool, doors: &Doors| {
        let folder = Scratch::new("wallet-epochs-user");
        let witness = Witness::new(&genesis).unwrap();
        let contracts = chamber.stage.federation.deployment.contracts;
        let rpc = Arc::clone(&chamber.stage.anvil.rpc);
        let ways = Ways {
            operators: Some(Operators::new(&genesis, std::slice::from_ref(&doors.base)).unwrap()),
            witness: if with_ethereum {
                witness.with_ethereum(rpc, contracts)
            } else {
                witness
            },
            ethereum: None,
        };
        let mut purse = Purse::open(folder.path(), genesis.clone(), ways, Script::default()).unwrap();
        let holdings = purse.holdings(user(1).address()).await.unwrap();
        let proven = holdings.iter().filter(|one| one.is_proven);
        proven.map(|one| one.output.output.0).collect::<Vec<_>>()
    };
    assert_eq!(proven(true, &doors).await, [early, late]);
    assert_eq!(
        proven(false, &doors).await,
        [early],
        "nobody here knows the later committee"
    );
    // Who left signs no block of the next epoch.
    let old: Vec<_> = (0..4).map(super::super::chain::secret).collect();
    chain.hand_over(Epoch(1), &old);
    chain.deposit(&user(1), 7).await;
    assert_eq!(proven(true, &doors).await, [early, late]);
}

#[tokio::test]
async fn nothing_is_deposited_while_the_operator_that_answers_is_not_ready() {
    let chain = Chain::new(genesis());
    let doors = Doors::open(&chain).await;
    let folder = Scratch::new("wallet-not-ready");
    // Ethereum is asked for nothing before the operator is.
    let rpc = Rpc::new(&[absent().await], Duration::from_millis(500)).unwrap();
    let nowhere = Address([9; 20]);
    let ethereum = Ethereum {
        rpc: Arc::new(rpc),
        contracts: Contracts {
            federation: nowhere,
            vault: nowhere,
            exit_game: nowhere,
            in_flight: nowhere,
            fraud_proofs: nowhere,
        },
        parameters: parameters(),
    };
    let ways = Ways {
        operators: Some(Operators::new(&genesis(), std::slice::from_ref(&doors.base)).unwrap()),
        witness: Witness::new(&genesis()).unwrap(),
        ethereum: Some(ethereum),
    };
    let agreed = Agreed::default();
    let mut purse = Purse::open(folder.path(), genesis(), ways, Holder::new(&user(1), &agreed))
        .unwrap()
        .with_patience(patience(Duration::from_millis(100)));
    let own = AddressText(user(1).address());
    let intent = Intent::Deposit {
        from: own,
        owner: own,
        asset: AddressText(Address::ZERO),
        amount: AmountText(Amount::from(5)),
        id: None,
    };
    chain.say(|status| status.peers.clear());
    let error = purse.deposit(&intent).await.unwrap_err();
    assert!(matches!(error, WalletError::Refused(_)), "{error}");
    assert!(error.to_string().contains("is not ready"), "{error}");
    assert!(
        agreed.borrow().is_empty() && purse.book().next() == 0,
        "nothing was begun"
    );
    chain.say(|status| status.peers = [1, 2, 3].map(plasma_core::OperatorIndex).to_vec());
    let error = purse.deposit(&intent).await.unwrap_err();
    assert!(
        matches!(error, WalletError::L1(L1Error::Unreachable { .. })),
        "{error}"
    );
    assert_eq!(purse.book().next(), 0, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_deposited_into_a_vault_that_the_endpoint_alone_names() {
    let court = Court::set("wallet-vault").await;
    let (federation, bob) = (court.stage.federation.genesis.clone(), court.stage.bob.address());
    let contracts = court.contracts();
    let word = |address: Address| serde_json::json!(format!("0x{:0>64}", &address.to_string()[2..]));
    let (vault, other) = (word(contracts.vault), word(contracts.exit_game));
    // One that has code.
    let named = road(&court.stage.anvil.url, move |_, result| {
        if *result == vault {
            *result = other.clone();
        }
    })
    .await;
    let forgetful = road(&court.stage.anvil.url, |_, result| {
        if result["transactions"].is_array() {
            result["transactions"] = serde_json::json!([]);
        }
    })
    .await;
    let doors = Doors::of(court.door()).await;
    let own = AddressText(bob);
    let intent = Intent::Deposit {
        from: own,
        owner: own,
        asset: AddressText(Address::ZERO),
        amount: AmountText(Amount::from(5)),
        id: None,
    };
    for (url, words) in [
        (named, "who made Federation made the vault"),
        (forgetful, "name an endpoint that keeps all blocks"),
    ] {
        let (folder, agreed) = (Scratch::new("wallet-vault-bob"), Agreed::default());
        let ethereum = Ethereum::connect(&[url], &federation).await.unwrap();
        let ways = Ways {
            operators: Some(Operators::new(&federation, std::slice::from_ref(&doors.base)).unwrap()),
            witness: Witness::new(&federation).unwrap(),
            ethereum: Some(ethereum),
        };
        let person = Holder::new(&court.stage.bob_key, &agreed);
        let mut purse = Purse::open(folder.path(), federation.clone(), ways, person).unwrap();
        let error = purse.deposit(&intent).await.unwrap_err();
        assert!(matches!(error, WalletError::Refused(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(agreed.borrow().is_empty() && purse.book().next() == 0);
    }
}
