//! Three running shells, and a fourth operator that is played by the test: what it hears, asks and is asked over sockets.

use std::time::Duration;

use bytes::Bytes;
use plasma_consensus::{Bls, Message};
use plasma_core::{
    Address, Amount, BlockId, DepositNumber, Genesis, GenesisMember, Hash, Header, Height, Input, Kind,
    L1Block, L1Event, L1Height, OperatorIndex, Payment, Position, SignedTransaction, SigningKey, Transaction,
    View, keccak, merkle,
};
use plasma_network as network;
use plasma_node::{
    directory::Directory,
    folder::Identity,
    operator::{
        Operator, Params,
        chain::Room,
        event::{ConfirmedBlock, Event},
        mempool::MempoolLimits,
    },
    runtime::{
        Ethereum, Parts, Runtime,
        handle::Handle,
        slots::Slots,
        snapshots::Snapshots,
        timers::Clock,
        verify::Rules,
        wire::{
            self, Ask, Carrier,
            body::{Body, decode_body, encode_leaves, map_of, split_entries},
        },
    },
    storage::{
        Read, Storage,
        memory::{MemoryReader, MemoryStorage},
    },
    wal::{LogSite, Wal},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{bodies::nullify, unsound::proposal};
use crate::suite::{
    cast::{genesis_of, l1_block, secret, user},
    scratch::Scratch,
};

/// Far above what any wait here needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The place of the operator that the test plays.
const ME: u16 = 3;
const BLOCK_MAX: usize = 1 << 22;

struct Shell {
    handle: Handle,
    reader: MemoryReader,
    ethereum: mpsc::Sender<Event>,
    _stop: watch::Sender<bool>,
    _folder: Scratch,
}

struct Federation {
    genesis: Genesis,
    shells: Vec<Shell>,
    network: network::Handle,
    events: network::Events,
}

fn transport(index: u16) -> [u8; 32] {
    let number = u8::try_from(index).expect("small");
    [100 + number; 32]
}

fn genesis() -> Genesis {
    let mut genesis = genesis_of(4);
    genesis.max_l1_events = 500;
    for (index, member) in (0u16..).zip(&mut genesis.members) {
        let peer_id = network::peer_id(&transport(index)).to_bytes();
        *member = GenesisMember {
            peer_id,
            ..member.clone()
        };
    }
    genesis
}

/// One operator's network, and where it listens.
async fn listen(index: u16) -> (network::Handle, network::Events, network::Multiaddr) {
    let config = network::Config {
        secret: transport(index),
        genesis8: "00000000".to_owned(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
        peers: Vec::new(),
        limits: network::Limits::default(),
    };
    let (handle, mut events) = network::start(config).expect("listens");
    let listening = async {
        loop {
            if let Some(network::Event::Listening(address)) = events.recv().await {
                return address;
            }
        }
    };
    let address = timeout(PATIENCE, listening).await.expect("in time");
    (handle, events, address)
}

impl Federation {
    async fn start() -> Self {
        let genesis = genesis();
        let mut networks = Vec::new();
        for index in 0..4 {
            networks.push(listen(index).await);
        }
        let peers: Vec<network::Peer> = (0u16..)
            .zip(&networks)
            .map(|(slot, (.., address))| network::Peer {
                slot,
                peer_id: network::peer_id(&transport(slot)),
                addresses: vec![address.clone()],
            })
            .collect();
        for (handle, ..) in &networks {
            handle.set_peers(peers.clone()).expect("takes them");
        }
        let (network, events, _) = networks.pop().expect("four");
        let mut shells = Vec::new();
        for (index, (handle, events, _)) in (0u16..).zip(networks) {
            shells.push(shell(index, &genesis, (handle, events)).await);
        }
        Self {
            genesis,
            shells,
            network,
            events,
        }
    }

    async fn confirm(&self, height: u64, events: &[L1Event]) {
        let block = L1Block {
            height: L1Height(height),
            ..l1_block(height)
        };
        for shell in &self.shells {
            let confirmed = ConfirmedBlock {
                block,
                events: events.to_vec(),
            };
            let told = shell.ethereum.send(Event::L1Confirmed(vec![confirmed]));
            told.await.expect("runs");
        }
    }

    async fn height(&self, height: u32) {
        for shell in &self.shells {
            let mut status = shell.handle.watch();
            let reached = status.wait_for(|status| status.height >= Height(height));
            timeout(PATIENCE, reached).await.expect("in time").expect("runs");
        }
    }

    /// The next body that a leader sends, and which leader.
    async fn body(&mut self) -> (u16, Message, Body) {
        let heard = async {
            loop {
                let (from, payload) = match self.events.recv().await.expect("runs") {
                    network::Event::Control { from, bytes } => (from, wire::payload_in_control(&bytes)),
                    network::Event::Payload { from, bytes } => (from, Some(bytes)),
                    _ => continue,
                };
                let parted = payload.map(|bytes| wire::split_payload(&bytes).expect("decodes"));
                if let Some((message, body)) = parted.filter(|(_, body)| !body.is_empty()) {
                    return (from, message, decode_body(&body, BLOCK_MAX).expect("decodes"));
                }
            }
        };
        timeout(PATIENCE, heard).await.expect("in time")
    }

    /// Waits for an event.
    async fn event(&mut self, is_it: impl Fn(&network::Event) -> bool) {
        let comes = async { while !is_it(&self.events.recv().await.expect("runs")) {} };
        timeout(PATIENCE, comes).await.expect("in time");
    }

    /// The next question for transactions.
    async fn question(&mut self) -> (Ask, network::Responder) {
        let asked = async {
            loop {
                if let network::Event::Request { bytes, reply, .. } = self.events.recv().await.expect("runs")
                    && let Ok(ask @ Ask::Transactions { .. }) = Ask::decode(&bytes)
                {
                    return (ask, reply);
                }
            }
        };
        timeout(PATIENCE, asked).await.expect("in time")
    }
}

async fn shell(index: u16, genesis: &Genesis, network: (network::Handle, network::Events)) -> Shell {
    let key = secret(index);
    let committee = genesis.committee().expect("a committee");
    let folder = Scratch::new("sockets");
    let identity = Identity::new(genesis.hash(), &key.public());
    let storage = MemoryStorage::new(identity, &genesis.state());
    let saved = storage.recover().await.expect("recovers");
    let directory = Directory::new(genesis).expect("a committee");
    let mut clock = Clock::start();
    let params = Params {
        genesis: genesis.clone(),
        committees: directory.committees(),
        key: key.public(),
        consensus: plasma_consensus::Config::default(),
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
    };
    let scheme = Bls::new(key, committee.clone());
    let (operator, first) = Operator::recover(clock.now(), params, scheme, saved, Vec::new());
    let mut slots = Slots::default();
    for (_, member) in committee.members() {
        slots.give(member.peer);
    }
    let rules = Rules {
        domain: genesis.domain(),
        directory,
        block_bytes_max: BLOCK_MAX,
    };
    let ((duties, _), (asks, _)) = (mpsc::channel(8), mpsc::channel(8));
    let (ethereum, events) = mpsc::channel(8);
    let (stop, stopped) = watch::channel(false);
    let reader = storage.reader();
    let parts = Parts {
        wal: Wal::open(LogSite::on_disk(folder.path(), identity, 1))
            .expect("opens")
            .wal,
        storage,
        network,
        slots,
        ethereum: Ethereum { duties, asks, events },
        clock,
        snapshots: Snapshots::new(folder.path(), 1_000, 1),
    };
    let (runtime, handle, _) = Runtime::new(operator, parts, rules);
    tokio::spawn(runtime.run(first, stopped));
    Shell {
        handle,
        reader,
        ethereum,
        _stop: stop,
        _folder: folder,
    }
}

fn payment(genesis: &Genesis, from: &SigningKey, number: u32) -> SignedTransaction {
    let position = Position {
        block: Height(1),
        transaction: number,
        output: 0,
    };
    let amount = Amount::from(100);
    Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(1_000),
        inputs: vec![Input { position, amount }],
        outputs: vec![Payment {
            owner: Address([7; 20]),
            amount,
        }],
    }
    .sign(&genesis.domain(), from)
}

fn leaf(entry: &[u8]) -> Hash {
    keccak(&[&[0], entry])
}

/// Outputs of one owner in block 1.
async fn funded() -> (Federation, SigningKey) {
    let (federation, owner) = (Federation::start().await, user(1));
    let deposits: Vec<L1Event> = (0..OUTPUTS)
        .map(|number| L1Event::Deposited {
            number: DepositNumber(number),
            owner: owner.address(),
            asset: Address::ZERO,
            amount: Amount::from(100),
        })
        .collect();
    federation.confirm(1, &deposits).await;
    federation.height(1).await;
    (federation, owner)
}

const OUTPUTS: u64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_travel_as_leaves_and_their_transactions_are_given_over_sockets() {
    let (mut federation, owner) = funded().await;
    let mut number = 0;
    let (leader, header, leaves) = loop {
        for _ in 0..20 {
            assert!(u64::from(number) < OUTPUTS, "no block travelled as leaves");
            let one = payment(&federation.genesis, &owner, number);
            let door = &federation.shells[usize::try_from(number).expect("small") % 3];
            door.handle.submit(one).await.expect("is taken");
            number += 1;
        }
        if let (
            from,
            _,
            Body::Leaves {
                header,
                leaves,
                prefilled,
            },
        ) = federation.body().await
            && prefilled.len() < leaves.len()
        {
            break (from, header, leaves);
        }
    };
    assert_eq!(merkle::root(&leaves), header.transactions_root);
    let ask = Ask::Transactions {
        block: header.id(),
        map: map_of(0..leaves.len(), leaves.len()),
    };
    let answer = federation.network.request(leader, ask.encode(), PATIENCE).await;
    let answer = answer.expect("answers");
    let given = split_entries(&answer).expect("entries").into_iter().map(leaf);
    assert_eq!(given.collect::<Vec<_>>(), leaves);
}

/// What a block took out of the mempool is in storage before anybody is told that it waits no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_taken_can_be_found_at_every_moment_until_it_is_committed() {
    let (federation, owner) = funded().await;
    for number in 0..20 {
        let one = payment(&federation.genesis, &owner, number);
        let door = &federation.shells[0];
        let id = one.id();
        door.handle.submit(one).await.expect("is taken");
        let is_decided = || door.reader.transaction(&id).expect("reads").is_some();
        let looks = async {
            while !is_decided() {
                let waits = door.handle.pending(id).await.expect("runs").is_some();
                assert!(waits || is_decided(), "payment {number} was nowhere");
            }
        };
        timeout(PATIENCE, looks).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_operator_asks_for_what_a_proposal_names_and_it_lacks() {
    let (mut federation, owner) = funded().await;
    let mut number = 0;
    // The view that the test leads: after the next block, or the one after that, and so on.
    let status = loop {
        let status = federation.shells[0].handle.watch().borrow().clone();
        if status.leader == Some(OperatorIndex(ME)) {
            break status;
        }
        let one = payment(&federation.genesis, &owner, number);
        number += 1;
        federation.shells[0].handle.submit(one).await.expect("is taken");
        federation.height(status.height.0 + 1).await;
    };
    let unknown = payment(&federation.genesis, &owner, 399).encode();
    let header = Header {
        height: Height(status.height.0 + 1),
        parent: status.block,
        transaction_count: 1,
        transactions_root: merkle::root(&[leaf(&unknown)]),
        ..Header::default()
    };
    let block: BlockId = header.id();
    let body = encode_leaves(&header, &[leaf(&unknown)], &[]);
    let Carrier::Control(bytes) = wire::encode_message(&proposal(ME, status.view, block), Some(&body)) else {
        panic!("it is small")
    };
    federation
        .network
        .send(network::To::All, network::Frame::control(0, bytes));
    let map = map_of([0].into_iter(), 1);
    for _ in 0..3 {
        let (ask, reply) = federation.question().await;
        assert_eq!(
            ask,
            Ask::Transactions {
                block,
                map: map.clone()
            }
        );
        let length = u32::try_from(unknown.len()).expect("small").to_be_bytes();
        let answer: Bytes = [&length[..], &unknown].concat().into();
        reply.send(answer).expect("waits");
    }
}

/// Frames that no honest operator sends, each to an operator of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_where_none_belong_cost_their_sender_the_connection() {
    let (mut federation, _) = funded().await;
    for _ in 0..3 {
        federation
            .event(|event| matches!(event, network::Event::PeerUp(_)))
            .await;
    }
    let vote = nullify(ME, View(9_000));
    let Carrier::Control(beside_a_vote) = wire::encode_message(&vote, Some(b"body")) else {
        panic!("it is small")
    };
    let frames = [
        network::Frame::control(0, beside_a_vote),
        network::Frame::payload(0, wire::encode_payload(&vote.encode(), &[])),
    ];
    for (slot, frame) in (0..).zip(frames) {
        federation.network.send(network::To::One(slot), frame);
        let is_down =
            |event: &network::Event| matches!(event, network::Event::PeerDown(down) if *down == slot);
        federation.event(is_down).await;
    }
}
