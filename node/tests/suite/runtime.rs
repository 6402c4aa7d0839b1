//! One running shell: real socket, real log file, storage in memory, Ethereum through its channel.

mod away;
mod replaced;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use plasma_consensus::Bls;
use plasma_core::{
    Address, Amount, DepositNumber, Domain, Genesis, GenesisMember, Hash, Height, Input, Kind, L1Block,
    L1Event, L1Height, Payment, Position, SecretKey, SignedTransaction, SigningKey, State, Transaction,
};
use plasma_network as network;
use plasma_node::{
    api::{
        Books, Door, Wait,
        view::{self, Submitted},
    },
    directory::Directory,
    folder::Identity,
    operator::{
        Operator, Params,
        chain::Room,
        event::{ConfirmedBlock, Event},
        mempool::MempoolLimits,
    },
    runtime::{
        Ethereum, Fatal, Parts, Runtime,
        handle::{Handle, Known, Rejected},
        slots::Slots,
        snapshots::{self, Snapshots},
        timers::Clock,
        verify::Rules,
    },
    storage::{
        Moments, Read, Storage,
        memory::{MemoryReader, MemoryStorage},
    },
    wal::{LogSite, Wal},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::scratch::Scratch;

/// Far above what any wait here needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PEER_SECRET: [u8; 32] = [3; 32];

struct Alone<R = MemoryReader> {
    genesis: Genesis,
    handle: Handle,
    directory: Directory,
    reader: R,
    ethereum: mpsc::Sender<Event>,
    stop: watch::Sender<bool>,
    running: JoinHandle<Result<(), Fatal>>,
    folder: Scratch,
}

fn genesis(key: &SecretKey) -> Genesis {
    let domain = Domain {
        chain_id: 1,
        contract: Address([9; 20]),
    };
    let operator = Address([1; 20]);
    Genesis {
        version: Genesis::VERSION,
        chain_id: domain.chain_id,
        contract: domain.contract,
        deployment: L1Block {
            height: L1Height(1),
            hash: Hash([1; 32]),
            timestamp_s: 1_700_000_000,
        },
        name: "alone".to_owned(),
        confirmations: 1,
        origin_lag: 10,
        max_block_transactions: 2_000,
        max_block_bytes: 1 << 20,
        max_l1_events: 10,
        anchor_blocks: 100,
        anchor_seconds: 100,
        takeover_seconds: 10,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: false,
        members: vec![GenesisMember {
            operator,
            key: key.public(),
            possession: key.sign(&domain.possession(&operator, &key.public())),
            peer_id: network::peer_id(&PEER_SECRET).to_bytes(),
            addresses: Vec::new(),
        }],
    }
}

fn params(genesis: &Genesis) -> Params {
    Params {
        genesis: genesis.clone(),
        committees: Directory::new(genesis).expect("a committee").committees(),
        key: SecretKey::from_seed(&[5; 32]).public(),
        consensus: plasma_consensus::Config {
            pace_ms: 10,
            ..plasma_consensus::Config::default()
        },
        mempool: MempoolLimits {
            transactions_max: 10_000,
            bytes_max: 1 << 24,
            ttl_ms: 600_000,
        },
        room: Room::of(genesis.max_block_bytes),
        silence_s: u64::MAX,
        grace_s: 0,
        anchor: None,
        origin_time_s: genesis.deployment.timestamp_s,
    }
}

fn peer() -> network::Config {
    network::Config {
        secret: PEER_SECRET,
        genesis8: "00000000".to_owned(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
        peers: vec![network::Peer {
            slot: 0,
            peer_id: network::peer_id(&PEER_SECRET),
            addresses: Vec::new(),
        }],
        limits: network::Limits::default(),
    }
}

impl Alone {
    async fn start() -> Self {
        Self::start_on(MemoryStorage::new).await
    }
}

impl<R: Read + Moments + Clone + Send + Sync + 'static> Alone<R> {
    /// A federation of one: a quorum by itself, so that a single shell does everything that a shell does.
    async fn start_on<S: Storage<Reader = R> + 'static>(open: impl FnOnce(Identity, &State) -> S) -> Self {
        let key = SecretKey::from_seed(&[5; 32]);
        let genesis = genesis(&key);
        let committee = genesis.committee().expect("a committee");
        let folder = Scratch::new("runtime");
        let identity = Identity::new(genesis.hash(), &genesis.members[0].key);
        let storage = open(identity, &genesis.state());
        let saved = storage.recover().await.expect("recovers");
        let wal = Wal::open(LogSite::on_disk(folder.path(), identity, 1))
            .expect("opens")
            .wal;
        let mut clock = Clock::start();
        let params = params(&genesis);
        let scheme = Bls::new(key, committee.clone());
        let (operator, first) = Operator::recover(clock.now(), params, scheme, saved, Vec::new());
        let network = network::start(peer()).expect("listens");
        let directory = Directory::new(&genesis).expect("a committee");
        let mut slots = Slots::default();
        for (_, member) in committee.members() {
            slots.give(member.peer);
        }
        let rules = Rules {
            domain: genesis.domain(),
            directory: directory.clone(),
            block_bytes_max: 1 << 22,
        };
        let ((duties, _), (asks, _)) = (mpsc::channel(8), mpsc::channel(8));
        let (ethereum, events) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let reader = storage.reader();
        let parts = Parts {
            storage,
            wal,
            network,
            slots,
            ethereum: Ethereum { duties, asks, events },
            clock,
            snapshots: Snapshots::new(folder.path(), 2, 2),
        };
        let (runtime, handle, _) = Runtime::new(operator, parts, rules);
        let running = tokio::spawn(runtime.run(first, stopped));
        Self {
            genesis,
            handle,
            directory,
            reader,
            ethereum,
            stop,
            running,
            folder,
        }
    }

    /// One deposit for each owner, in one Ethereum block; gives their outputs.
    async fn deposit(&self, owners: &[SigningKey]) -> Vec<Position> {
        let events = (0u64..).zip(owners).map(|(number, owner)| L1Event::Deposited {
            number: DepositNumber(number),
            owner: owner.address(),
            asset: Address::ZERO,
            amount: Amount::from(100),
        });
        let block = L1Block {
            height: L1Height(2),
            hash: Hash([2; 32]),
            timestamp_s: 1_700_000_012,
        };
        let confirmed = ConfirmedBlock {
            block,
            events: events.collect(),
        };
        self.ethereum
            .send(Event::L1Confirmed(vec![confirmed]))
            .await
            .expect("runs");
        self.height(Height(1)).await;
        (0u32..)
            .zip(owners)
            .map(|(transaction, _)| Position {
                block: Height(1),
                transaction,
                output: 0,
            })
            .collect()
    }

    async fn height(&self, height: Height) {
        let mut status = self.handle.watch();
        let reached = status.wait_for(|status| status.height >= height);
        timeout(PATIENCE, reached).await.expect("in time").expect("runs");
    }

    fn payment(&self, from: &SigningKey, position: Position, to: u8) -> SignedTransaction {
        Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(1_000),
            inputs: vec![Input {
                position,
                amount: Amount::from(100),
            }],
            outputs: vec![Payment {
                owner: Address([to; 20]),
                amount: Amount::from(100),
            }],
        }
        .sign(&self.genesis.domain(), from)
    }
}

fn users(count: u16) -> Vec<SigningKey> {
    (1..=count)
        .map(|number| {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&number.to_be_bytes());
            SigningKey::from_bytes(&bytes).expect("a key")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_many_submits_is_answered_and_committed() {
    let alone = Alone::start().await;
    let users = users(900);
    let positions = alone.deposit(&users).await;
    let payments: Vec<_> = users
        .iter()
        .zip(positions)
        .map(|(user, position)| alone.payment(user, position, 7))
        .collect();
    let ids: Vec<_> = payments.iter().map(SignedTransaction::id).collect();
    let answers = join_all(payments.into_iter().map(|payment| alone.handle.submit(payment)));
    for answer in timeout(PATIENCE, answers).await.expect("in time") {
        assert_eq!(answer.map(|accepted| accepted.known), Ok(Known::New));
    }
    let mut status = alone.handle.watch();
    let decided = |id| alone.reader.transaction(id).expect("reads").is_some();
    let all = status.wait_for(|_| ids.iter().all(decided));
    timeout(PATIENCE, all).await.expect("in time").expect("runs");
    let snapshot = async {
        while snapshots::list(alone.folder.path()).expect("lists").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, snapshot)
        .await
        .expect("the running operator wrote one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_sent_again_after_its_commit_is_told_where_it_is() {
    let alone = Alone::start().await;
    let users = users(1);
    let positions = alone.deposit(&users).await;
    let payment = alone.payment(&users[0], positions[0], 7);
    let door = Door::new(
        alone.handle.clone(),
        alone.reader.clone(),
        Books::default(),
        (Arc::new(alone.genesis.clone()), alone.directory.clone()),
        "alone",
        None,
    );
    let mut places = Vec::new();
    for (wait, status) in [
        (Wait::Committed, 201),
        (Wait::Committed, 200),
        (Wait::Accepted, 200),
    ] {
        let answer = door.submit(payment.clone(), wait, PATIENCE).await.expect("taken");
        let submitted: Submitted = serde_json::from_slice(&answer.body).expect("a document");
        assert_eq!(
            (answer.status, submitted.state),
            (status, Some(view::State::Committed))
        );
        places.push(submitted.block.expect("a place"));
    }
    assert_eq!((places[1], places[2]), (places[0], places[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_signature_and_a_waiting_double_spend_are_refused_by_name() {
    let alone = Alone::start().await;
    let users = users(1);
    let positions = alone.deposit(&users).await;
    let mut forged = alone.payment(&users[0], positions[0], 7);
    forged.signature[64] = 99;
    assert!(matches!(
        alone.handle.submit(forged).await,
        Err(Rejected::Signature(_))
    ));
    let (first, second) = (
        alone.payment(&users[0], positions[0], 7),
        alone.payment(&users[0], positions[0], 8),
    );
    // Their signatures are checked side by side, so either may come first.
    let (first, second) = tokio::join!(alone.handle.submit(first), alone.handle.submit(second));
    let (taken, refused) = if first.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    assert!(taken.is_ok(), "{taken:?}");
    assert!(
        matches!(refused, Err(Rejected::Conflict { .. } | Rejected::Rule(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_when_told_and_answers_nobody_after() {
    let alone = Alone::start().await;
    alone.stop.send(true).expect("runs");
    timeout(PATIENCE, alone.running)
        .await
        .expect("in time")
        .expect("no panic")
        .expect("a clean end");
    let user = &users(1)[0];
    let position = Position {
        block: Height(1),
        transaction: 0,
        output: 0,
    };
    let late = Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(9),
        inputs: vec![Input {
            position,
            amount: Amount::from(1),
        }],
        outputs: vec![Payment {
            owner: Address([1; 20]),
            amount: Amount::from(1),
        }],
    };
    let answer = alone
        .handle
        .submit(late.sign(&alone.genesis.domain(), user))
        .await;
    assert_eq!(answer, Err(Rejected::Stopped));
}
