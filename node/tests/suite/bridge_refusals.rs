//! What the bridge refuses, and what the contracts refuse it, on a real Ethereum node.

use std::sync::Arc;

use plasma_core::{Address, Amount, Hash, Height, L1Event, Transaction};
use plasma_node::bridge::{
    L1, L1Error, L1Fault, SpendProof, direct,
    ethereum::Ethereum,
    watcher::{STEADY, Sighting, Watcher, WatcherConfig},
};
use tokio::sync::mpsc;

use super::{
    anvil::CHAIN_ID,
    bridge_anvil::{at, block, next, payment, watch_from},
    deployment::{config, parameters},
    stage::{ETHER, Stage, fund},
};

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
async fn a_rota_that_outlasts_the_contract_s_deadlines_is_turned_away() {
    let stage = Stage::set("rota").await;
    let config = config(&stage.anvil, stage.folder.path());
    let mut genesis = stage.federation.genesis.clone();
    // Four turns of three seconds behind one confirmation are longer than the ten seconds of a reclaim.
    genesis.takeover_seconds = 3;
    let connected = Ethereum::connect(&config, &genesis, &stage.operator).await;
    let refused = connected.map(drop).unwrap_err();
    assert!(
        matches!(
            refused,
            L1Error::RotaTooSlow {
                limit: "reclaimWindow",
                fit_s: 2,
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorganisation_below_the_confirmations_goes_unnoticed_and_a_deeper_one_that_stays_is_a_fault() {
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
    drop(sightings);
    let (says, mut sightings) = mpsc::channel(64);
    let config = WatcherConfig {
        poll: STEADY / 2,
        confirmations: 1,
        after: newest,
    };
    let mut watcher = Watcher::new(Arc::clone(&ethereum), config, says);
    stage.anvil.reorganise(3).await;
    stage.anvil.mine(2).await;
    for _ in 0..2 {
        assert!(watcher.look().await.is_err());
    }
    let fault = sightings.try_recv().unwrap();
    assert!(
        matches!(&fault, Sighting::Fault(L1Fault::DeepReorganisation { height, delivered, .. })
            if (*height, *delivered) == (newest.height, newest.hash)),
        "{fault:?}"
    );
    watcher.look().await.unwrap();
    assert!(sightings.try_recv().is_err(), "nothing comes after a fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_payment_challenges_an_exit_only_with_its_place_in_history() {
    let mut stage = Stage::set("expired").await;
    let (contracts, rpc) = (*stage.contracts(), Arc::clone(&stage.anvil.rpc));
    let ethereum = stage.connect().await.unwrap();
    let deposit = contracts.deposit_for_call(stage.bob.address(), Amount::from(ETHER));
    let mined = direct::transact(&rpc, &stage.alice, &deposit).await.unwrap();
    stage.anvil.mine(1).await;
    let origin = block(&stage.anvil, mined.block).await;
    // Decided in block 2, its last chance; the anchor stands at height 3.
    let short_lived = Transaction {
        expiry: Height(2),
        ..payment(at(1, 0), stage.alice.address())
    };
    let spender = short_lived.sign(&stage.federation.genesis.domain(), &stage.bob_key);
    stage.federation.seal(vec![fund(0, stage.bob.address())], &origin);
    stage.federation.seal(vec![spender.clone()], &origin);
    let header = stage.federation.seal(Vec::new(), &origin);
    ethereum
        .anchor(&stage.federation.certify(&header, &[1, 2, 3]))
        .await
        .unwrap();
    let anchored = ethereum.last_anchor().await.unwrap().unwrap();

    let spent = stage.federation.inclusion(Height(1), 0, anchored);
    let start = contracts.start_exit_call(&spent, 0, parameters().exit_bond);
    let started = direct::transact(&rpc, &stage.bob, &start).await.unwrap();
    let events = ethereum.events(started.block..=started.block).await.unwrap();
    let [L1Event::ExitStarted { id: exit, .. }] = *events.as_slice() else {
        panic!("{events:?}")
    };

    let bare = SpendProof {
        exit,
        spender,
        input: 0,
        inclusion: None,
        inputs: Vec::new(),
    };
    let refused = ethereum.challenge(&bare).await.unwrap_err();
    assert!(
        matches!(&refused, L1Error::Reverted { reason, .. } if reason.contains("SpendingExpired")),
        "{refused}"
    );
    let inclusion = Some(stage.federation.inclusion(Height(2), 0, anchored));
    ethereum
        .challenge(&SpendProof { inclusion, ..bare })
        .await
        .unwrap();
    assert!(contracts.exit(&rpc, &exit).await.unwrap().is_none());
}
