//! A body that does not come is asked of its leader, then of two that voted for it, then of all that did.

use plasma_consensus::{
    Bls, Certified, Config, Container, Kind, Message, Proposal, Reason, Schedule, Scheme, Statement, Vote,
    scheme::Verifier as _,
};
use plasma_core::{
    AuthenticBlock, BlockId, Committees, Epoch, Genesis, Hash, Header, Height, Millis, OperatorIndex, Peer,
    Reads, View,
};
use plasma_node::{
    folder::Identity,
    operator::{
        Operator, Params,
        chain::Room,
        effect::Effect,
        event::{Event, Segment},
        mempool::MempoolLimits,
        payload::Carried,
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
pub(super) struct Lone {
    pub(super) genesis: Genesis,
    pub(super) operator: Operator<Bls>,
    pub(super) now: Millis,
    pub(super) leader: u16,
    me: u16,
}

/// The number of an operator.
pub(super) fn place(name: Peer) -> u16 {
    (0..MEMBERS)
        .find(|number| peer(*number) == name)
        .expect("one of the seven")
}

impl Lone {
    /// In view 1, connected to everybody, and not its leader.
    pub(super) fn new() -> Self {
        let mut genesis = genesis();
        genesis.members = (0..MEMBERS).map(member).collect();
        let committee = genesis.committee().expect("a committee");
        let seed = genesis.state().id.0;
        let leader = Schedule::new(&seed, usize::from(MEMBERS)).leader(View(1)).0;
        // The leaders of the next two views are others too.
        let me = (leader + 3) % MEMBERS;
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

    pub(super) fn vote_for(&self, container: Container, signer: u16) -> Vote {
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

    /// What five of the others have signed.
    pub(super) fn certified(&self, statement: Statement) -> Certified {
        let committee = self.genesis.committee().expect("a committee");
        let digest = statement.digest(&self.genesis.domain(), Epoch(0));
        let signers: Vec<u16> = (0..MEMBERS).filter(|one| *one != self.me).take(5).collect();
        let key = |signer: &u16| Bls::new(secret(*signer), committee.clone());
        let signatures: Vec<_> = signers.iter().map(|signer| key(signer).sign(&digest)).collect();
        let signature = key(&0).aggregate(&signatures).expect("a sum");
        Certified {
            epoch: Epoch(0),
            statement,
            signers: signers.into_iter().map(OperatorIndex).collect(),
            signature,
        }
    }

    fn leads(&self, view: View) -> bool {
        let seed = self.genesis.state().id.0;
        Schedule::new(&seed, usize::from(MEMBERS)).leader(view).0 == self.me
    }

    /// The leader of a view proposes a container, with its body or without.
    pub(super) fn lead(&mut self, container: Container, body: Option<Header>) -> Vec<Effect> {
        let transactions = Vec::new();
        let body = body.map(|header| Carried::Whole(AuthenticBlock { header, transactions }));
        self.lead_with(container, body)
    }

    pub(super) fn lead_with(&mut self, container: Container, body: Option<Carried>) -> Vec<Effect> {
        let seed = self.genesis.state().id.0;
        let leader = Schedule::new(&seed, usize::from(MEMBERS))
            .leader(container.view)
            .0;
        assert_ne!(leader, self.me);
        let proposal = Proposal {
            epoch: Epoch(0),
            container,
            signature: self.vote_for(container, leader).signature,
            parent: None,
            nullifications: Vec::new(),
        };
        let event = Event::Consensus {
            from: peer(leader),
            message: Box::new(Message::Proposal(Box::new(proposal))),
            block: body.map(Box::new),
        };
        self.operator.handle(self.now, event)
    }

    pub(super) fn hear(&mut self, from: u16, message: Message) -> Vec<u16> {
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
    pub(super) fn others(&self, count: usize) -> Vec<u16> {
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

fn gives_up(effects: &[Effect], view: u64) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::GaveUp { view: found, reason } => *found == View(view) && *reason == Reason::Invalid,
        _ => false,
    })
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
    let block = header.id();
    let effects = lone.lead(Container { block, ..container() }, Some(header));
    let leader = peer(lone.leader);
    let blames = |effect: &Effect| matches!(effect, Effect::Penalize { peer, .. } if *peer == leader);
    assert!(gives_up(&effects, 1) && effects.iter().any(blames), "{effects:?}");
    let asks = |effect: &Effect| matches!(effect, Effect::RequestBlock { .. });
    assert!(!effects.iter().any(asks), "{effects:?}");
}

/// The leader of the next view proposes the same block where it does not belong, while it is judged for this one.
#[test]
fn a_misplaced_proposal_takes_no_verdict_away_from_the_right_one() {
    for is_misplaced in [false, true] {
        let mut lone = Lone::new();
        for statement in [
            Statement::Notarize(container()),
            Statement::Nullify { view: View(1) },
        ] {
            let certified = lone.certified(statement);
            lone.hear(lone.leader, Message::Certified(certified));
        }
        let header = Header {
            height: Height(1),
            parent: lone.genesis.state().id,
            ..Header::default()
        };
        let at = |view: u64, parent: u64| Container {
            view: View(view),
            parent: View(parent),
            block: header.id(),
        };
        let effects = lone.lead(at(2, 0), Some(header));
        let purpose = effects.into_iter().find_map(|effect| match effect {
            Effect::Read { purpose, .. } => Some(purpose),
            _ => None,
        });
        let purpose = purpose.expect("it is judged");
        if is_misplaced {
            lone.lead(at(3, 1), None);
        }
        let reads = Reads::default();
        let effects = lone.operator.handle(lone.now, Event::Read { purpose, reads });
        assert!(gives_up(&effects, 2), "its header holds nothing: {effects:?}");
    }
}

/// While nothing is final each view can bring another block that nobody has.
#[test]
fn blocks_that_no_quorum_accepted_are_asked_for_no_longer_than_the_engine_does() {
    let mut lone = Lone::new();
    for view in 1..=100u8 {
        let container = Container {
            view: View(view.into()),
            parent: View(0),
            block: BlockId(Hash([view; 32])),
        };
        if !lone.leads(container.view) {
            lone.lead(container, None);
        }
        let over = lone.certified(Statement::Nullify { view: container.view });
        lone.hear(lone.leader, Message::Certified(over));
    }
    let questions = lone.operator.questions();
    assert!((1..=16).contains(&questions), "{questions}");
}

/// A row without certificates of its own, too long for one answer: blocks come one by one, and a liar always brings something.
#[test]
fn who_brings_what_nobody_asked_for_is_passed_over() {
    let mut lone = Lone::new();
    let block = BlockId(Hash([7; 32]));
    let view = View(1);
    let last = lone.certified(Statement::Finalize { view, block });
    let (liar, made_up) = (
        lone.others(1)[0],
        Header {
            height: Height(1_000_000),
            ..Header::default()
        },
    );
    let mut effects = lone.operator.handle(
        lone.now,
        Event::Consensus {
            from: peer(lone.leader),
            message: Box::new(Message::Certified(last)),
            block: None,
        },
    );
    let (mut told, mut lied) = (0, 0);
    for _ in 0..12_000 {
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::RequestBlocks { from, .. } => Some((*from, false)),
            Effect::RequestBlock { from, block: one } => Some((*from, *one == block)),
            _ => None,
        });
        let event = match asked {
            None => {
                lone.now = lone.now.plus(5);
                Event::Tick
            }
            Some((from, _)) if from == peer(liar) => {
                lied += 1;
                let blocks = vec![AuthenticBlock {
                    header: made_up,
                    transactions: Vec::new(),
                }];
                let segment = Segment {
                    blocks,
                    certificate: None,
                    rotten: None,
                };
                let segment = Some(Box::new(segment));
                Event::Blocks { from, segment }
            }
            Some((from, is_single)) => {
                told += u32::from(is_single);
                Event::Blocks { from, segment: None }
            }
        };
        effects = lone.operator.handle(lone.now, event);
    }
    assert!(
        told > 100 && told > 3 * lied,
        "{told} questions for the block itself, {lied} to the liar"
    );
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
