//! The bridge against an endpoint that lags, lies, breaks off and starts anew.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use plasma_core::{Address, Amount, DepositNumber, Epoch, ExitId, Hash, L1Block, L1Event, L1Height};
use plasma_node::bridge::{
    Anchor, Anchored, Contracts, L1, L1Error, Observed, SpendProof,
    rpc::Rpc,
    watcher::{Confirmed, Sighting, WatcherConfig, watch},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::stub::{Spoilt, Stub, block, log, word};

pub(crate) const CONTRACTS: Contracts = Contracts {
    federation: Address([1; 20]),
    vault: Address([2; 20]),
    exit_game: Address([3; 20]),
    in_flight: Address([4; 20]),
    fraud_proofs: Address([5; 20]),
};
const DEPOSITED: &str = "Deposited(uint64,address,address,uint256)";

/// The reading half of the bridge.
pub(crate) struct Reader(pub(crate) Rpc);

impl L1 for Reader {
    async fn head(&self) -> Result<L1Block, L1Error> {
        self.0.newest().await
    }
    async fn block(&self, height: L1Height) -> Result<Option<L1Block>, L1Error> {
        self.0.block_at(height).await
    }
    async fn observe(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        CONTRACTS.observe(&self.0, range).await
    }
    async fn glimpse(&self, range: RangeInclusive<L1Height>) -> Result<Vec<Observed>, L1Error> {
        CONTRACTS.glimpse(&self.0, range).await
    }
    async fn events(&self, _: RangeInclusive<L1Height>) -> Result<Vec<L1Event>, L1Error> {
        Err(L1Error::Stopped)
    }
    fn turn_away(&self) {
        self.0.turn_away();
    }
    async fn activated(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        CONTRACTS.activated(&self.0, epoch).await
    }
    async fn last_anchor(&self) -> Result<Option<Anchored>, L1Error> {
        Err(L1Error::Stopped)
    }
    async fn anchor(&self, _: &Anchor) -> Result<(), L1Error> {
        Err(L1Error::Stopped)
    }
    async fn challenge(&self, _: &SpendProof) -> Result<(), L1Error> {
        Err(L1Error::Stopped)
    }
}

pub(crate) fn rpc(urls: &[&Stub]) -> Rpc {
    let urls: Vec<String> = urls.iter().map(|stub| stub.url.clone()).collect();
    Rpc::new(&urls, Duration::from_secs(60)).unwrap()
}

pub(crate) fn watch_stub(stub: &Stub, confirmations: u32) -> mpsc::Receiver<Sighting> {
    let config = WatcherConfig {
        poll: Duration::from_millis(5),
        confirmations,
        after: block(0, 0),
    };
    watch(Arc::new(Reader(rpc(&[stub]))), config).1
}

pub(crate) fn deposit(number: u64) -> Value {
    log(
        CONTRACTS.vault,
        DEPOSITED,
        &[word(number), word(7), word(0)],
        &[word(9)],
    )
}

pub(crate) fn deposited(number: u64) -> L1Event {
    let mut owner = Address::ZERO;
    owner.0[19] = 7;
    L1Event::Deposited {
        number: DepositNumber(number),
        owner,
        asset: Address::ZERO,
        amount: Amount::from(9),
    }
}

pub(crate) async fn next_confirmed(sightings: &mut mpsc::Receiver<Sighting>) -> Confirmed {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), sightings.recv()).await;
        match next
            .expect("the watcher says something")
            .expect("the watcher lives")
        {
            Sighting::Confirmed(confirmed) => return confirmed,
            Sighting::Fault(fault) => panic!("{fault}"),
            _ => {}
        }
    }
}

/// Nothing is confirmed although the watcher looks many times.
pub(crate) async fn stays_silent(stub: &Stub, sightings: &mut mpsc::Receiver<Sighting>) {
    let before = stub.asked().len();
    while stub.asked().len() < before + 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while let Ok(sighting) = sightings.try_recv() {
        assert!(
            !matches!(sighting, Sighting::Confirmed(_) | Sighting::Fault(_)),
            "{sighting:?}"
        );
    }
}

#[tokio::test]
async fn confirmed_blocks_come_once_each_in_order_with_their_events() {
    let stub = Stub::start().await;
    let mut sightings = watch_stub(&stub, 2);
    // Every fiftieth block holds two deposits.
    let numbers = |height: u64| {
        if height.is_multiple_of(50) {
            2 * height / 50..2 * height / 50 + 2
        } else {
            0..0
        }
    };
    for height in 1..=300 {
        stub.mine(0, numbers(height).map(deposit).collect());
    }
    for height in 1..=298 {
        let confirmed = next_confirmed(&mut sightings).await;
        assert_eq!(confirmed.block, block(height, 0));
        assert_eq!(
            confirmed.events,
            numbers(height).map(deposited).collect::<Vec<_>>()
        );
    }
    stays_silent(&stub, &mut sightings).await;
    let filters = stub
        .asked()
        .into_iter()
        .filter(|call| call["method"] == "eth_getLogs");
    assert!(filters.clone().count() > 0);
    for call in filters {
        assert!(
            call["params"][0]["blockHash"].is_string(),
            "ranges may be answered with an empty list: {call}"
        );
    }
    // The bloom of the others says that nothing is in them.
    assert_eq!(asked_for_receipts(&stub), 5);
}

fn asked_for_receipts(stub: &Stub) -> usize {
    let asked = stub.asked().into_iter();
    asked
        .filter(|call| call["method"] == "eth_getBlockReceipts")
        .count()
}

#[tokio::test]
async fn a_spoilt_answer_is_never_taken_for_an_empty_block() {
    for spoilt in [
        Spoilt::Status,
        Spoilt::Garbage,
        Spoilt::Truncated,
        Spoilt::BlocksAbove(0),
        Spoilt::ForeignLogs,
        Spoilt::UnknownBlock,
        Spoilt::MissingLog,
    ] {
        let stub = Stub::start().await;
        stub.mine(0, vec![deposit(0)]);
        stub.mine(0, vec![deposit(1)]);
        stub.spoil(spoilt);
        let mut sightings = watch_stub(&stub, 1);
        stays_silent(&stub, &mut sightings).await;
        stub.spoil(Spoilt::No);
        let confirmed = next_confirmed(&mut sightings).await;
        assert_eq!(
            (confirmed.block, confirmed.events),
            (block(1, 0), vec![deposited(0)]),
            "{spoilt:?}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_without_batches_is_read_block_by_block() {
    let stub = Stub::start().await;
    (0..20u64).for_each(|number| stub.mine(0, vec![deposit(number)]));
    stub.spoil(Spoilt::NoBatches);
    let mut sightings = watch_stub(&stub, 0);
    for number in 0..20 {
        assert_eq!(next_confirmed(&mut sightings).await.events, [deposited(number)]);
    }
}

#[tokio::test]
async fn a_missing_deposit_stops_the_bridge() {
    let stub = Stub::start().await;
    stub.mine(0, vec![deposit(0)]);
    stub.mine(0, vec![deposit(2)]);
    let mut sightings = watch_stub(&stub, 0);
    assert_eq!(next_confirmed(&mut sightings).await.events, [deposited(0)]);
    stays_silent(&stub, &mut sightings).await;
}

#[tokio::test]
async fn a_shallow_reorganisation_is_never_told() {
    let stub = Stub::start().await;
    stub.mine(0, Vec::new());
    stub.mine(0, vec![deposit(0)]);
    let mut sightings = watch_stub(&stub, 1);
    assert_eq!(next_confirmed(&mut sightings).await.block, block(1, 0));
    stub.cut(1);
    stub.mine(1, Vec::new());
    stub.mine(1, Vec::new());
    let confirmed = next_confirmed(&mut sightings).await;
    assert_eq!((confirmed.block, confirmed.events), (block(2, 1), Vec::new()));

    // A shorter chain alone is lag, not a reorganisation.
    stub.cut(2);
    stays_silent(&stub, &mut sightings).await;
}

/// An anchor of this number and height.
fn anchor(number: u64, height: u64) -> Value {
    log(
        CONTRACTS.federation,
        "Anchored(uint32,uint32,uint32,bytes32,uint64,uint64)",
        &[word(number), word(height)],
        &[word(50), Hash([5; 32]), word(60), word(1_002)],
    )
}

/// Whether the next word about an anchor is that it stands, with its height.
async fn next_anchor(sightings: &mut mpsc::Receiver<Sighting>) -> (bool, u32) {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(30), sightings.recv()).await;
        match next
            .expect("the watcher says something")
            .expect("the watcher lives")
        {
            Sighting::Anchored(anchored) => return (true, anchored.height.0),
            Sighting::AnchorLost(anchored) => return (false, anchored.height.0),
            Sighting::Fault(fault) => panic!("{fault}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_anchor_that_a_reorganisation_takes_away_is_told_to_be_lost() {
    // As long as before, longer, and so long that the new block is confirmed when it is first seen.
    for length in [1, 2, 5] {
        let stub = Stub::start().await;
        stub.reorganise(0, 0, vec![vec![], vec![anchor(1, 60)], vec![anchor(2, 70)]]);
        let mut sightings = watch_stub(&stub, 2);
        for height in [60, 70] {
            assert_eq!(next_anchor(&mut sightings).await, (true, height), "{length}");
        }
        stub.reorganise(1, 1, vec![vec![]; length]);
        let mut told = next_anchor(&mut sightings).await;
        while told == (true, 60) {
            // It stands, and that may be told again.
            told = next_anchor(&mut sightings).await;
        }
        assert_eq!(told, (false, 70), "{length}");
    }
}

#[tokio::test]
async fn an_anchor_in_the_place_of_a_lost_one_is_told_after_it() {
    let stub = Stub::start().await;
    stub.reorganise(0, 0, vec![vec![], vec![anchor(1, 60)], vec![anchor(2, 70)]]);
    let mut sightings = watch_stub(&stub, 9);
    for height in [60, 70] {
        assert_eq!(next_anchor(&mut sightings).await, (true, height));
    }
    stub.reorganise(2, 1, vec![vec![anchor(1, 60)], vec![anchor(2, 65)]]);
    let mut book = BTreeMap::from([(60, true), (70, true)]);
    while book.get(&65) != Some(&true) {
        let (stands, height) = next_anchor(&mut sightings).await;
        book.insert(height, stands);
    }
    assert_eq!(book, BTreeMap::from([(60, true), (65, true), (70, false)]));
}

#[tokio::test]
async fn signs_at_the_head_come_before_they_are_confirmed() {
    let stub = Stub::start().await;
    stub.mine(0, Vec::new());
    let anchored = anchor(3, 70);
    let ended = log(
        CONTRACTS.exit_game,
        "ExitEnded(uint256,uint72,bool)",
        &[word(8), word(1 << 40)],
        &[word(0)],
    );
    stub.mine(0, vec![anchored, ended]);
    let mut sightings = watch_stub(&stub, 1);
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(sightings.recv().await.unwrap());
    }
    let [
        Sighting::Confirmed(first),
        Sighting::Anchored(anchored),
        Sighting::ExitSettled(exit),
        Sighting::Head(head),
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert_eq!((first.block, *head), (block(1, 0), block(2, 0)));
    assert_eq!(
        (anchored.number, anchored.previous.0, anchored.height.0),
        (3, 50, 70)
    );
    assert_eq!(
        (anchored.history_root, anchored.l1_height.0, anchored.time_s),
        (Hash([5; 32]), 60, 1_002)
    );
    assert_eq!(*exit, ExitId(word(8)));
}

#[tokio::test]
async fn every_fault_of_an_endpoint_has_its_own_error() {
    let stub = Stub::start().await;
    let rpc = rpc(&[&stub]);
    assert_eq!(rpc.chain_id().await, Ok(31_337));
    let mut failed = Vec::new();
    for spoilt in [
        Spoilt::Status,
        Spoilt::Garbage,
        Spoilt::Truncated,
        Spoilt::Oversize,
        Spoilt::Endless,
    ] {
        stub.spoil(spoilt);
        failed.push(rpc.chain_id().await.unwrap_err());
    }
    stub.spoil(Spoilt::Silent);
    let impatient = Rpc::new(std::slice::from_ref(&stub.url), Duration::from_millis(50)).unwrap();
    failed.push(impatient.chain_id().await.unwrap_err());
    for error in &failed {
        assert!(
            error.is_transient() && error.to_string().contains(&stub.url),
            "{error}"
        );
    }
    assert!(matches!(
        failed.as_slice(),
        [
            L1Error::Status { status: 503, .. },
            L1Error::Malformed { .. },
            L1Error::Malformed { .. },
            L1Error::Oversize { .. },
            L1Error::Oversize { .. },
            L1Error::Timeout { deadline_ms: 50, .. }
        ]
    ));
    stub.spoil(Spoilt::No);
    let refused = rpc.call::<Value>("eth_unheardOf", json!([])).await.unwrap_err();
    assert!(matches!(refused, L1Error::Refused { code: -32_601, .. }));
    drop(stub);
    assert!(matches!(rpc.chain_id().await, Err(L1Error::Unreachable { .. })));
}

#[tokio::test]
async fn the_next_endpoint_answers_when_one_fails() {
    let (broken, sound) = (Stub::start().await, Stub::start().await);
    broken.spoil(Spoilt::Garbage);
    let rpc = rpc(&[&broken, &sound]);
    assert_eq!(rpc.chain_id().await, Ok(31_337));
    assert_eq!(rpc.label(), sound.url);
    assert_eq!(rpc.chain_id().await, Ok(31_337));
    assert_eq!(broken.asked().len(), 1, "the endpoint that works is kept");
    sound.spoil(Spoilt::Status);
    broken.spoil(Spoilt::No);
    assert_eq!(rpc.chain_id().await, Ok(31_337));
    assert_eq!(rpc.label(), broken.url);
}
