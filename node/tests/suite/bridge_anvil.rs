//! The bridge against a real Ethereum node and the real contracts.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    Address, Amount, DepositNumber, ExitId, Hash, Height, Input, Kind, L1Block, L1Event, L1Height, Payment,
    Position, SignedTransaction, SigningKey, Transaction,
};
use plasma_node::{
    bridge::{
        Contracts, L1, L1Error, L1Fault, SpendProof,
        account::Account,
        direct,
        ethereum::Ethereum,
        watcher::{Confirmed, Sighting, WatcherConfig, watch},
    },
    keystore::Secret,
};
use tokio::sync::mpsc;

use super::{
    anvil::{Anvil, CHAIN_ID},
    deployment::{EXIT_PERIOD_S, Federation, config, parameters},
    scratch::Scratch,
};

const ETHER: u64 = 1_000_000_000_000_000_000;

fn watch_from<L: L1>(l1: &Arc<L>, after: L1Block) -> mpsc::Receiver<Sighting> {
    watch(
        Arc::clone(l1),
        WatcherConfig {
            poll: Duration::from_millis(20),
            confirmations: 1,
            after,
        },
    )
}

async fn next(sightings: &mut mpsc::Receiver<Sighting>) -> Sighting {
    let next = tokio::time::timeout(Duration::from_secs(30), sightings.recv()).await;
    next.expect("the watcher says something")
        .expect("the watcher lives")
}

/// The next confirmed block in which something happened.
async fn next_events(sightings: &mut mpsc::Receiver<Sighting>) -> Confirmed {
    loop {
        if let Sighting::Confirmed(confirmed) = next(sightings).await
            && !confirmed.events.is_empty()
        {
            return confirmed;
        }
    }
}

async fn block(anvil: &Anvil, height: L1Height) -> L1Block {
    anvil.rpc.block_at(height).await.unwrap().unwrap()
}

fn fund(number: u64, owner: Address) -> SignedTransaction {
    Transaction::fund(DepositNumber(number), owner, Address::ZERO, Amount::from(ETHER)).unsigned()
}

fn payment(position: Position, owner: Address) -> Transaction {
    let amount = Amount::from(ETHER);
    Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(u32::MAX),
        inputs: vec![Input { position, amount }],
        outputs: vec![Payment { owner, amount }],
    }
}

fn at(block: u32, transaction: u32) -> Position {
    Position {
        block: Height(block),
        transaction,
        output: 0,
    }
}

struct Stage {
    anvil: Anvil,
    federation: Federation,
    alice: Account,
    bob: Account,
    bob_key: SigningKey,
    operator: Secret,
    folder: Scratch,
}

impl Stage {
    async fn set(name: &str) -> Self {
        let anvil = Anvil::start();
        let (_, deployer) = anvil.funded(99).await;
        let federation = Federation::deploy(&anvil, &deployer).await;
        let (operator, _) = anvil.funded(1).await;
        let (_, alice) = anvil.funded(10).await;
        let (_, bob) = anvil.funded(11).await;
        let bob_key = SigningKey::from_bytes(&[11; 32]).unwrap();
        Self {
            anvil,
            federation,
            alice,
            bob,
            bob_key,
            operator,
            folder: Scratch::new(name),
        }
    }

    fn contracts(&self) -> &Contracts {
        &self.federation.deployment.contracts
    }

    async fn connect(&self) -> Result<Ethereum, L1Error> {
        let config = config(&self.anvil, self.folder.path());
        Ethereum::connect(&config, &self.federation.genesis, &self.operator).await
    }

    /// Two users deposit one ether each in one L1 block.
    async fn deposit(&self) {
        self.anvil.automine(false).await;
        let call = self.contracts().deposit_call(Amount::from(ETHER));
        let first = direct::submit(&self.anvil.rpc, &self.alice, &call).await.unwrap();
        let second = direct::submit(&self.anvil.rpc, &self.bob, &call).await.unwrap();
        self.anvil.mine(1).await;
        self.anvil.automine(true).await;
        let receipts = self.anvil.rpc.receipts(&[first, second]).await.unwrap();
        assert!(
            receipts
                .iter()
                .all(|receipt| receipt.is_some_and(|receipt| receipt.succeeded))
        );
        self.anvil.mine(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deposits_anchors_exits_and_challenges_run_through_the_real_contracts() {
    let mut stage = Stage::set("story").await;
    let contracts = *stage.contracts();
    let ethereum = Arc::new(stage.connect().await.unwrap());
    assert_eq!(ethereum.contracts(), &contracts);
    let mut sightings = watch_from(&ethereum, stage.federation.deployment.block);

    stage.deposit().await;
    let confirmed = next_events(&mut sightings).await;
    let owners: Vec<(u64, Address)> = confirmed
        .events
        .iter()
        .map(|event| match event {
            L1Event::Deposited {
                number,
                owner,
                asset,
                amount,
            } => {
                assert_eq!((*asset, *amount), (Address::ZERO, Amount::from(ETHER)));
                (number.0, *owner)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        owners.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        [0, 1]
    );
    assert!(owners.iter().any(|(_, owner)| *owner == stage.alice.address()));
    assert_eq!(block(&stage.anvil, confirmed.block.height).await, confirmed.block);
    let deposit = contracts
        .deposit(&stage.anvil.rpc, DepositNumber(0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (deposit.owner, deposit.l1_height),
        (owners[0].1, confirmed.block.height)
    );

    // Block 1 credits both; in block 2 bob spends what he got.
    let funds = owners
        .iter()
        .map(|(number, owner)| fund(*number, *owner))
        .collect();
    let (alices, bobs) = if owners[0].1 == stage.alice.address() {
        (0, 1)
    } else {
        (1, 0)
    };
    stage.federation.seal(funds, &confirmed.block);
    let domain = stage.federation.genesis.domain();
    let spending = payment(at(1, bobs), stage.alice.address()).sign(&domain, &stage.bob_key);
    let header = stage.federation.seal(vec![spending.clone()], &confirmed.block);
    assert!(ethereum.last_anchor().await.unwrap().is_none());

    let anchor = stage.federation.certify(&header, &[0, 1, 3]);
    let verify = async |anchor| {
        let plasma_node::bridge::Anchor { header, certificate } = anchor;
        contracts
            .verify(&stage.anvil.rpc, &header, &certificate)
            .await
            .unwrap()
    };
    assert!(verify(anchor.clone()).await);
    assert!(
        !verify(stage.federation.certify(&header, &[0, 1])).await,
        "two of four are no quorum"
    );
    let refused = ethereum
        .anchor(&stage.federation.certify(&header, &[0, 1]))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, L1Error::Reverted { call, reason } if call == "Federation.anchor" && reason.contains("CertificateRefused")),
        "{refused}"
    );
    ethereum.anchor(&anchor).await.unwrap();
    let anchored = ethereum.last_anchor().await.unwrap().unwrap();
    assert_eq!(
        (anchored.number, anchored.previous, anchored.height),
        (1, Height(0), Height(2))
    );
    assert_eq!(anchored.history_root, header.history_root);
    ethereum
        .anchor(&anchor)
        .await
        .expect("anchored already is success");
    let latest = contracts.latest(&stage.anvil.rpc).await.unwrap();
    assert_eq!((latest.number, latest.height), (1, Height(2)));
    loop {
        if let Sighting::Anchored(seen) = next(&mut sightings).await {
            assert_eq!(seen, anchored);
            break;
        }
    }

    // Alice exits honestly, bob tries what he has spent.
    let bond = parameters().exit_bond;
    let honest = stage.federation.inclusion(Height(1), alices, anchored);
    let call = contracts.start_exit_call(&honest, 0, bond);
    direct::transact(&stage.anvil.rpc, &stage.alice, &call)
        .await
        .unwrap();
    let stolen = contracts.start_exit_call(&honest, 0, bond);
    let refused = direct::transact(&stage.anvil.rpc, &stage.bob, &stolen)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("NotOwner"), "{refused}");
    let spent = stage.federation.inclusion(Height(1), bobs, anchored);
    let call = contracts.start_exit_call(&spent, 0, bond);
    direct::transact(&stage.anvil.rpc, &stage.bob, &call)
        .await
        .unwrap();
    stage.anvil.mine(1).await;
    let (alices_exit, bobs_exit) = two_exits(&mut sightings, alices, bobs).await;

    let proof = SpendProof {
        exit: bobs_exit,
        spender: spending,
        input: 0,
        inclusion: None,
    };
    let wrong = SpendProof {
        exit: alices_exit,
        ..proof.clone()
    };
    let refused = ethereum.challenge(&wrong).await.unwrap_err();
    assert!(
        matches!(&refused, L1Error::Reverted { reason, .. } if reason.contains("InputDiffers")),
        "{refused}"
    );
    ethereum.challenge(&proof).await.unwrap();
    assert!(
        contracts
            .exit(&stage.anvil.rpc, &bobs_exit)
            .await
            .unwrap()
            .is_none()
    );
    ethereum
        .challenge(&proof)
        .await
        .expect("challenged already is success");
    loop {
        if let Sighting::ExitSettled(id) = next(&mut sightings).await {
            assert_eq!(id, bobs_exit);
            break;
        }
    }
    stage.anvil.mine(1).await;
    let ended = next_events(&mut sightings).await.events;
    assert_eq!(
        ended,
        [L1Event::ExitEnded {
            id: bobs_exit,
            position: at(1, bobs),
            paid: false
        }]
    );

    // Alice's exit pays when its time has come.
    let open = contracts
        .exit(&stage.anvil.rpc, &alices_exit)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (open.owner, open.amount),
        (stage.alice.address(), Amount::from(ETHER))
    );
    let before = stage.anvil.rpc.balance(contracts.vault).await.unwrap();
    stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
    let call = contracts.process_call(Address::ZERO, 10);
    direct::transact(&stage.anvil.rpc, &stage.bob, &call)
        .await
        .unwrap();
    stage.anvil.mine(1).await;
    let ended = next_events(&mut sightings).await.events;
    assert_eq!(
        ended,
        [L1Event::ExitEnded {
            id: alices_exit,
            position: at(1, alices),
            paid: true
        }]
    );
    let after = stage.anvil.rpc.balance(contracts.vault).await.unwrap();
    assert_eq!((before, after), (Amount::from(2 * ETHER), Amount::from(ETHER)));

    // Asked for as a range, the events are the same.
    let head = ethereum.head().await.unwrap().height;
    let all = ethereum
        .events(stage.federation.deployment.block.height..=head)
        .await
        .unwrap();
    assert_eq!(all.len(), 6);
}

async fn two_exits(sightings: &mut mpsc::Receiver<Sighting>, alices: u32, bobs: u32) -> (ExitId, ExitId) {
    let mut found = [None, None];
    while found.contains(&None) {
        for event in next_events(sightings).await.events {
            let L1Event::ExitStarted { id, position, .. } = event else {
                panic!("{event:?}")
            };
            assert!([at(1, alices), at(1, bobs)].contains(&position));
            found[usize::from(position == at(1, bobs))] = Some(id);
        }
    }
    (found[0].unwrap(), found[1].unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_of_another_federation_is_turned_away() {
    let stage = Stage::set("identity").await;
    let config = config(&stage.anvil, stage.folder.path());
    let genesis = &stage.federation.genesis;
    let connect = async |genesis| {
        Ethereum::connect(&config, &genesis, &stage.operator)
            .await
            .map(drop)
            .unwrap_err()
    };

    let mut other = genesis.clone();
    other.chain_id = 1;
    assert_eq!(
        connect(other).await,
        L1Error::WrongChain {
            expected: 1,
            found: CHAIN_ID
        }
    );
    let mut other = genesis.clone();
    other.contract = Address([7; 20]);
    assert!(matches!(
        connect(other).await,
        L1Error::NoCode {
            contract: "Federation",
            ..
        }
    ));
    let mut other = genesis.clone();
    other.members.swap(0, 1);
    assert!(matches!(
        connect(other).await,
        L1Error::Mismatch {
            field: "the committee",
            ..
        }
    ));
    let mut other = genesis.clone();
    other.members.pop();
    assert!(matches!(
        connect(other).await,
        L1Error::Mismatch {
            field: "the size of the committee",
            ..
        }
    ));
    let mut other = genesis.clone();
    other.legacy_transactions = false;
    assert!(matches!(
        connect(other).await,
        L1Error::Mismatch {
            field: "legacy_transactions",
            ..
        }
    ));
    let mut other = genesis.clone();
    other.deployment.hash = Hash([1; 32]);
    assert!(matches!(
        connect(other).await,
        L1Error::Mismatch {
            field: "the hash of the deployment block",
            ..
        }
    ));
    assert!(stage.connect().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorganisation_below_the_confirmations_goes_unnoticed_and_a_deeper_one_is_a_fault() {
    let stage = Stage::set("reorganisation").await;
    let ethereum = Arc::new(stage.connect().await.unwrap());
    let after = stage.federation.deployment.block;
    let mut sightings = watch_from(&ethereum, after);
    // The deposit is in the newest block and unconfirmed; it vanishes and is never told.
    let call = stage.contracts().deposit_call(Amount::from(ETHER));
    direct::transact(&stage.anvil.rpc, &stage.alice, &call)
        .await
        .unwrap();
    stage.anvil.reorganise(1).await;
    stage.anvil.mine(4).await;
    let mut newest = after;
    let head = ethereum.head().await.unwrap();
    while newest.height.0 + 1 < head.height.0 {
        if let Sighting::Confirmed(confirmed) = next(&mut sightings).await {
            assert_eq!(confirmed.block.height, newest.height.next().unwrap());
            assert_eq!(confirmed.events, []);
            newest = confirmed.block;
        }
    }
    stage.anvil.reorganise(3).await;
    stage.anvil.mine(2).await;
    let fault = loop {
        match next(&mut sightings).await {
            Sighting::Fault(fault) => break fault,
            Sighting::Confirmed(confirmed) => panic!("{confirmed:?}"),
            _ => {}
        }
    };
    let L1Fault::DeepReorganisation {
        height, delivered, ..
    } = fault;
    assert_eq!((height, delivered), (newest.height, newest.hash));
    assert!(sightings.recv().await.is_none(), "nothing comes after a fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_a_crash_is_mined_once_after_it() {
    let mut stage = Stage::set("crash").await;
    stage.deposit().await;
    let origin = stage.anvil.rpc.newest().await.unwrap();
    stage.anvil.mine(1).await;
    let header = stage
        .federation
        .seal(vec![fund(0, stage.alice.address())], &origin);
    let anchor = stage.federation.certify(&header, &[0, 1, 2, 3]);

    stage.anvil.automine(false).await;
    let before = Arc::new(stage.connect().await.unwrap());
    let account = before.account();
    let sending = tokio::spawn({
        let (ethereum, anchor) = (Arc::clone(&before), anchor.clone());
        async move { ethereum.anchor(&anchor).await }
    });
    let waiting = until_waiting(&stage.anvil).await;
    // The process dies: its task is gone, and the node forgot the transaction as well.
    sending.abort();
    drop(before);
    let hash: [u8; 32] = ethers_core::types::H256::to_fixed_bytes(waiting.parse().unwrap());
    stage.anvil.drop_transaction(Hash(hash)).await;

    let after = stage.connect().await.unwrap();
    assert_eq!(
        until_waiting(&stage.anvil).await,
        waiting,
        "the very same bytes are sent again"
    );
    let again = tokio::spawn(async move { after.anchor(&anchor).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        stage.anvil.waiting().await.len(),
        1,
        "asking again joins what is in the journal"
    );
    stage.anvil.mine(1).await;
    stage.anvil.automine(true).await;
    again.await.unwrap().unwrap();
    let nonce = stage
        .anvil
        .rpc
        .nonce(account, plasma_node::bridge::methods::At::Pending)
        .await
        .unwrap();
    assert_eq!(nonce, 1);
    assert_eq!(
        stage.contracts().latest(&stage.anvil.rpc).await.unwrap().height,
        Height(1)
    );
}

async fn until_waiting(anvil: &Anvil) -> String {
    for _ in 0..500 {
        if let [hash] = anvil.waiting().await.as_slice() {
            return hash.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was sent");
}
