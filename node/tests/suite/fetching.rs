//! A body that does not come is asked of its leader, then of two that voted for it, then of all that did.

use plasma_consensus::{
    Bls, Config, Container, Kind, Message, Proposal, Reason, Schedule, Scheme, Statement, Vote,
};
use plasma_core::{
    AuthenticBlock, BlockId, Committees, Epoch, Genesis, Hash, Header, Height, Millis, OperatorIndex, Peer,
    View,
};
use plasma_node::{
    folder::Identity,
    operator::{
        Operator, Params, chain::Room, effect::Effect, event::Event, mempool::MempoolLimits, payload::Carried,
    },
    storage::{Storage, memory::MemoryStorage},
};

use super::{
    cast::{START, genesis, member, peer, secret},
    federation::funded,
};

/// f = 2 and q = 5.
const MEMBERS: u16 = 7;

/// The bound on a delay in the default configuration.
const DELTA_MS: u64 = 100;

/// One operator of seven, and the words of the others.
struct Lone {
    genesis: Genesis,
    operator: Operator<Bls>,
    now: Millis,
    leader: u16,
    me: u16,
}

/// The number of an operator.
fn place(name: Peer) -> u16 {
    (0..MEMBERS)
        .find(|number| peer(*number) == name)
        .expect("one of the seven")
}

impl Lone {
    /// In view 1, connected to everybody, and not its leader.
    fn new() -> Self {
        let mut genesis = genesis();
        genesis.members = (0..MEMBERS).map(member).collect();
        let committee = genesis.committee().expect("a committee");
        let seed = genesis.state().id.0;
        let leader = Schedule::new(&seed, usize::from(MEMBERS)).leader(View(1)).0;
        let me = (leader + 1) % MEMBERS;
        let identity = Identity::new(genesis.hash(), &secret(me).public());
        let storage = MemoryStorage::new(identity, &genesis.state());
        let saved = futures::executor::block_on(storage.recover()).expect("recovers");
        let params = Params {
            genesis: genesis.clone(),
            committees: Committees::new(committee.clone()).expect("that of epoch 0"),
            key: secret(me).public(),
            consensus: Config::default(),
            mempool: MempoolLimits {
                transactions_max: 10,
                bytes_max: 1 << 16,
                ttl_ms: 600_000,
            },
            room: Room::of(genesis.max_block_bytes),
            silence_s: 1_000,
            grace_s: 1_000,
            anchor: None,
            origin_time_s: START.0 / 1_000,
        };
        let scheme = Bls::new(secret(me), committee);
        let (operator, _) = Operator::recover(START, params, scheme, saved, Vec::new());
        let mut lone = Self {
            genesis,
            operator,
            now: START,
            leader,
            me,
        };
        for other in (0..MEMBERS).filter(|other| *other != me) {
            lone.handle(Event::PeerUp(peer(other)));
        }
        lone
    }

    /// Whom it asks for a block, as answer to an event.
    fn handle(&mut self, event: Event) -> Vec<u16> {
        let effects = self.operator.handle(self.now, event);
        let asked = effects.iter().filter_map(|effect| match effect {
            Effect::RequestBlock { from, .. } => Some(place(*from)),
            _ => None,
        });
        asked.collect()
    }

    fn wait(&mut self, ms: u64) -> Vec<u16> {
        self.now = self.now.plus(ms);
        let mut asked = self.handle(Event::Tick);
        asked.sort_unstable();
        asked
    }

    fn vote(&self, signer: u16) -> Vote {
        self.vote_for(container(), signer)
    }

    fn vote_for(&self, container: Container, signer: u16) -> Vote {
        let committee = self.genesis.committee().expect("a committee");
        let statement = Statement::Notarize(container);
        assert_eq!(statement.kind(), Kind::Notarize);
        let digest = statement.digest(&self.genesis.domain(), Epoch(0));
        Vote {
            epoch: Epoch(0),
            signer: OperatorIndex(signer),
            statement,
            signature: Bls::new(secret(signer), committee).sign(&digest),
        }
    }

    fn hear(&mut self, from: u16, message: Message) -> Vec<u16> {
        self.handle(Event::Consensus {
            from: peer(from),
            message: Box::new(message),
            block: None,
        })
    }

    /// The leader's proposal comes without its body.
    fn propose(&mut self) -> Vec<u16> {
        let proposal = Proposal {
            epoch: Epoch(0),
            container: container(),
            signature: self.vote(self.leader).signature,
            parent: None,
            nullifications: Vec::new(),
        };
        self.hear(self.leader, Message::Proposal(Box::new(proposal)))
    }

    /// These vote for it.
    fn votes(&mut self, signers: &[u16]) {
        for signer in signers {
            let vote = Message::Vote(self.vote(*signer));
            assert!(self.hear(*signer, vote).is_empty());
        }
    }

    /// So many members that are neither the leader nor this one, in the order after this one.
    fn others(&self, count: usize) -> Vec<u16> {
        let order = (1..MEMBERS).map(|step| (self.me + step) % MEMBERS);
        order.filter(|peer| *peer != self.leader).take(count).collect()
    }
}

fn container() -> Container {
    Container {
        view: View(1),
        parent: View(0),
        block: BlockId(Hash([5; 32])),
    }
}

fn sorted(mut peers: Vec<u16>) -> Vec<u16> {
    peers.sort_unstable();
    peers
}

#[test]
fn the_leader_is_asked_first_and_alone() {
    let mut lone = Lone::new();
    assert_eq!(lone.propose(), [lone.leader]);
    lone.votes(&lone.others(3));
    assert!(lone.wait(DELTA_MS - 1).is_empty());
}

#[test]
fn two_that_voted_are_asked_after_a_delay_and_the_rest_of_them_after_two() {
    let mut lone = Lone::new();
    lone.propose();
    let voters = lone.others(3);
    lone.votes(&voters);
    let first = lone.wait(DELTA_MS);
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|peer| voters.contains(peer)));
    let rest: Vec<u16> = voters
        .iter()
        .copied()
        .filter(|peer| !first.contains(peer))
        .collect();
    assert!(lone.wait(DELTA_MS - 1).is_empty());
    assert_eq!(lone.wait(1), rest);
    assert!(lone.wait(DELTA_MS).is_empty(), "until the engine wants it again");
}

#[test]
fn all_that_voted_are_asked_again_while_the_engine_wants_the_body() {
    let mut lone = Lone::new();
    lone.propose();
    let voters = lone.others(3);
    lone.votes(&voters);
    lone.wait(DELTA_MS);
    lone.wait(DELTA_MS);
    let asked = lone.wait(Config::default().status_ms);
    assert_eq!(asked, sorted([voters, vec![lone.leader]].concat()));
}

#[test]
fn a_leader_that_is_not_connected_is_not_waited_for() {
    let mut lone = Lone::new();
    lone.handle(Event::PeerDown(peer(lone.leader)));
    let voters = lone.others(3);
    lone.votes(&voters);
    let asked = sorted(lone.propose());
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|peer| voters.contains(peer)));
}

#[test]
fn where_nobody_is_known_to_have_it_the_members_are_asked_in_turn() {
    let mut lone = Lone::new();
    lone.handle(Event::PeerDown(peer(lone.leader)));
    let (first, second, third) = (lone.propose(), lone.wait(DELTA_MS), lone.wait(2 * DELTA_MS));
    assert_eq!([first.len(), second.len(), third.len()], [1, 1, 0]);
    assert_ne!(first, second);
}

/// Its header names another block than its container: nobody waits for what it stands on.
#[test]
fn a_body_that_names_another_parent_than_its_leader_is_invalid_at_once() {
    let mut lone = Lone::new();
    let header = Header {
        height: Height(1),
        parent: BlockId(Hash([6; 32])),
        ..Header::default()
    };
    let container = Container {
        block: header.id(),
        ..container()
    };
    let proposal = Proposal {
        epoch: Epoch(0),
        container,
        signature: lone.vote_for(container, lone.leader).signature,
        parent: None,
        nullifications: Vec::new(),
    };
    let transactions = Vec::new();
    let body = Carried::Whole(AuthenticBlock { header, transactions });
    let effects = lone.operator.handle(
        lone.now,
        Event::Consensus {
            from: peer(lone.leader),
            message: Box::new(Message::Proposal(Box::new(proposal))),
            block: Some(Box::new(body)),
        },
    );
    let gives_up = |effect: &Effect| {
        matches!(
            effect,
            Effect::GaveUp {
                view: View(1),
                reason: Reason::Invalid
            }
        )
    };
    let blames =
        |effect: &Effect| matches!(effect, Effect::Penalize { peer: from, .. } if *from == peer(lone.leader));
    assert!(
        effects.iter().any(gives_up) && effects.iter().any(blames),
        "{effects:?}"
    );
    let asks = |effect: &Effect| matches!(effect, Effect::RequestBlock { .. });
    assert!(!effects.iter().any(asks), "{effects:?}");
}

/// Three of four run, so nothing is decided without the one that bodies do not reach.
#[test]
fn a_leader_that_withholds_its_body_costs_little_more_than_a_delay() {
    let (mut world, alice, bob, position) = funded();
    world.kill(1);
    world.starved = Some(3);
    world.silent = vec![0, 2];
    let payment = world.pay(&alice, (position, 1_000), &bob, 300);
    world.submit(0, 1, payment);
    world.run_until("a body is asked for", 20_000, |world| {
        !world.nodes[3].asked.is_empty()
    });
    let (from, leader) = world.nodes[3].asked[0];
    world.silent = vec![leader];
    world.run_until("all that run have it", 1_000, |world| world.all_hold(&bob, 300));
    let lost_ms = world.now.since(from);
    assert!(lost_ms < 200, "{lost_ms} ms");
    world.check_agreement();
}
