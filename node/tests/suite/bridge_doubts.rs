//! The bridge against an endpoint that leaves something out, or shows another fork for a while.

use std::sync::Arc;

use plasma_core::{L1Block, L1Height};
use plasma_node::bridge::{
    L1, L1Error, L1Fault,
    watcher::{Ask, Halt, STEADY, Sighting, Watcher, WatcherConfig},
};
use tokio::sync::mpsc;

use super::{
    bridge_stub::{Reader, deposit, deposited, next_confirmed, rpc, stays_silent, watch_stub},
    stub::{Spoilt, Stub, block},
};

/// A watcher that is told when to look; three looks are a minute.
fn looking(stubs: &[&Stub]) -> (Watcher<Reader>, mpsc::Receiver<Sighting>) {
    let (says, sightings) = mpsc::channel(64);
    let config = WatcherConfig {
        poll: STEADY / 3,
        confirmations: 1,
        after: block(0, 0),
    };
    let watcher = Watcher::new(Arc::new(Reader(rpc(stubs))), config, says);
    (watcher, sightings)
}

/// What a look says of confirmed blocks and faults.
async fn look(
    (watcher, sightings): &mut (Watcher<Reader>, mpsc::Receiver<Sighting>),
) -> (Result<(), Halt>, Vec<L1Block>, Vec<L1Fault>) {
    let looked = watcher.look().await;
    let (mut confirmed, mut faults) = (Vec::new(), Vec::new());
    while let Ok(sighting) = sightings.try_recv() {
        match sighting {
            Sighting::Confirmed(block) => confirmed.push(block.block),
            Sighting::Fault(fault) => faults.push(fault),
            _ => {}
        }
    }
    (looked, confirmed, faults)
}

#[tokio::test]
async fn a_block_of_which_a_log_is_missing_is_not_believed() {
    // The only one of its block, and one of two.
    for logs in [vec![deposit(0)], vec![deposit(0), deposit(1)]] {
        let stub = Stub::start().await;
        stub.mine(0, logs.clone());
        stub.mine(0, Vec::new());
        stub.spoil(Spoilt::MissingLog);
        let reader = Reader(rpc(&[&stub]));
        let told = reader.observe(L1Height(1)..=L1Height(1)).await.unwrap_err();
        assert!(
            matches!(
                &told,
                L1Error::Inconsistent {
                    height: L1Height(1),
                    ..
                }
            ) && told.to_string().contains("missing"),
            "{told}"
        );
        let mut sightings = watch_stub(&stub, 1);
        stays_silent(&stub, &mut sightings).await;
        stub.spoil(Spoilt::No);
        assert_eq!(next_confirmed(&mut sightings).await.events.len(), logs.len());
    }
}

#[tokio::test]
async fn when_an_endpoint_leaves_out_a_log_the_next_one_is_asked() {
    let (poor, sound) = (Stub::start().await, Stub::start().await);
    for stub in [&poor, &sound] {
        stub.mine(0, vec![deposit(0)]);
    }
    poor.spoil(Spoilt::MissingLog);
    let reader = Reader(rpc(&[&poor, &sound]));
    let range = || L1Height(1)..=L1Height(1);
    assert!(reader.observe(range()).await.is_err());
    assert_eq!(reader.observe(range()).await.unwrap()[0].events, [deposited(0)]);
    assert_eq!(reader.0.label(), sound.url);
}

#[tokio::test]
async fn another_fork_is_a_fault_only_when_every_look_of_a_minute_shows_it() {
    let stub = Stub::start().await;
    let mut eye = looking(&[&stub]);
    stub.reorganise(0, 0, vec![vec![]; 2]);
    assert_eq!(look(&mut eye).await.1, [block(1, 0)]);
    // For a moment, twice: what is confirmed in between begins the minute anew.
    for height in [3, 5] {
        stub.reorganise(height - 1, 1, vec![vec![]; height]);
        for _ in 0..2 {
            let (looked, confirmed, faults) = look(&mut eye).await;
            assert!(matches!(looked, Err(Halt::Failed(L1Error::Inconsistent { .. }))));
            assert_eq!((confirmed, faults), (vec![], vec![]));
        }
        stub.reorganise(height, 0, vec![vec![]; height + 1]);
        let newest = u64::try_from(height).unwrap();
        assert_eq!(look(&mut eye).await.1.last(), Some(&block(newest, 0)));
    }
    stub.reorganise(6, 1, vec![vec![]; 7]);
    for _ in 0..2 {
        assert_eq!(look(&mut eye).await.2, []);
    }
    let fault = L1Fault::DeepReorganisation {
        height: L1Height(5),
        delivered: block(5, 0).hash,
        found: block(5, 1).hash,
    };
    assert_eq!(look(&mut eye).await.2, [fault]);
    // Nothing more is said until it is asked for.
    let asked = stub.asked().len();
    let (looked, confirmed, faults) = look(&mut eye).await;
    assert!(looked.is_ok() && confirmed.is_empty() && faults.is_empty());
    assert_eq!(stub.asked().len(), asked);
    eye.0.ask(Ask::Follow(block(0, 0)));
    let again: Vec<L1Block> = (1..=6).map(|height| block(height, 1)).collect();
    assert_eq!(look(&mut eye).await.1, again);
}

#[tokio::test]
async fn another_fork_on_one_endpoint_of_two_is_no_fault() {
    let (poor, sound) = (Stub::start().await, Stub::start().await);
    for stub in [&poor, &sound] {
        stub.reorganise(0, 0, vec![vec![]; 2]);
    }
    let mut eye = looking(&[&poor, &sound]);
    assert_eq!(look(&mut eye).await.1, [block(1, 0)]);
    for height in 2..20 {
        poor.reorganise(height, 1, vec![vec![]; height + 1]);
        sound.mine(0, Vec::new());
        let (_, _, faults) = look(&mut eye).await;
        assert_eq!(faults, []);
    }
    look(&mut eye).await.0.unwrap();
}
