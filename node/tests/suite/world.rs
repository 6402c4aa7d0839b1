//! A world for pure operators: storage in memory, messages in a heap, time as a number.

mod claims;
mod clients;
mod committees;
mod disks;
pub(crate) mod wires;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::RangeInclusive,
};

use futures::executor::block_on;
use plasma_consensus::{Bls, Config, Reason};
use plasma_core::{
    Address, Amount, Committees, DepositNumber, Epoch, Genesis, Hash, Height, L1Event, L1Height, Millis,
    Peer, SigningKey, View, Wanted,
};
use plasma_node::{
    folder::Identity,
    intake,
    operator::{
        Operator, Params,
        chain::Room,
        effect::{Effect, Purpose, Record},
        event::{ConfirmedBlock, Event},
        mempool::MempoolLimits,
        report::{Accepted, AnchorSeen, Rejected},
    },
    runtime::wire::Ask,
    storage::{Read, Storage, memory::MemoryStorage},
};

use super::cast::{OPERATORS, START, genesis_of, l1_block, peer, secret};
use wires::Wires;

const DELAY_MS: u64 = 5;
pub(crate) const SILENCE_S: u64 = 100_000;
pub(crate) const GRACE_S: u64 = 1_000;

pub(crate) struct Node {
    pub(crate) operator: Option<Operator<Bls>>,
    pub(crate) storage: MemoryStorage,
    pub(crate) log: Vec<Record>,
    wake: Option<Millis>,
    /// For which views storage was read for a block; none ahead of them.
    pub(crate) builds: Vec<Option<View>>,
    /// Whom it asked for single blocks, and when.
    pub(crate) asked: Vec<(Millis, usize)>,
    pub(crate) replies: Vec<(u64, Result<Accepted, Rejected>)>,
    pub(crate) duties: Vec<Effect>,
    /// Why it stopped signing, each time it said so.
    pub(crate) stops: Vec<String>,
    /// Why it gave views up, oldest first.
    pub(crate) gave_up: Vec<Reason>,
    /// The committees that it was told of.
    committees: Committees,
    /// Of this life and those before.
    pub(crate) memory: claims::Memory,
}

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) now: Millis,
    pub(crate) queue: BTreeMap<(Millis, u64), (usize, Event)>,
    next: u64,
    pub(crate) nodes: Vec<Node>,
    l1: Vec<ConfirmedBlock>,
    /// Ethereum blocks that one operator sees otherwise than the others.
    own_l1: BTreeMap<(usize, u64), ConfirmedBlock>,
    /// What was announced last for each epoch: it is this that is activated.
    announced: BTreeMap<Epoch, Hash>,
    /// Bodies of proposals do not reach this operator.
    pub(crate) starved: Option<usize>,
    /// These answer no request.
    pub(crate) silent: Vec<usize>,
    /// These give their first blocks, whatever they are asked for.
    pub(crate) replaying: Vec<usize>,
    /// How long storage takes to read.
    pub(crate) read_ms: u64,
    /// Gossip is lost.
    pub(crate) is_mute: bool,
    /// No row of decided blocks that ends in a certified one fits into an answer.
    pub(crate) no_rows: bool,
    /// Some operators lie, so others may see invalid blocks and stop.
    pub(crate) lies: bool,
    /// Who was penalized by whom, and why, where some lie.
    pub(crate) penalties: Vec<(usize, Peer, String)>,
    /// What goes over the wires, and what becomes of it.
    pub(crate) wires: Wires,
    /// Limits of the mempools, for those that start from now on.
    pub(crate) mempool: MempoolLimits,
    /// What those keep undecided that start from now on.
    pub(crate) room: Room,
    /// What these are told of the newest Ethereum block when they read it once more, one after the other.
    pub(crate) readings: BTreeMap<usize, VecDeque<Vec<L1Event>>>,
    /// How often Ethereum was read once more.
    pub(crate) rereads: u32,
    /// What these answer when they are asked how far they are.
    pub(crate) claims: BTreeMap<usize, Option<bytes::Bytes>>,
}

/// The connection of the operator at a place.
pub(crate) fn name(place: usize) -> Peer {
    peer(u16::try_from(place).expect("small"))
}

/// The place of a connection's operator.
fn place(peer: Peer) -> usize {
    (0..100).find(|place| name(*place) == peer).expect("one of ours")
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(OPERATORS)
    }

    /// A world of so many operators.
    pub(crate) fn of(operators: u16) -> Self {
        Self::under(genesis_of(operators))
    }

    /// A world of the operators of this document.
    pub(crate) fn under(genesis: Genesis) -> Self {
        let operators = genesis.members.len();
        let mut world = Self {
            room: Room::of(genesis.max_block_bytes),
            genesis,
            now: START,
            queue: BTreeMap::new(),
            next: 0,
            nodes: Vec::new(),
            l1: Vec::new(),
            own_l1: BTreeMap::new(),
            announced: BTreeMap::new(),
            starved: None,
            silent: Vec::new(),
            replaying: Vec::new(),
            read_ms: 0,
            is_mute: false,
            no_rows: false,
            lies: false,
            penalties: Vec::new(),
            wires: Wires::default(),
            mempool: MempoolLimits {
                transactions_max: 10_000,
                bytes_max: 1 << 24,
                ttl_ms: 600_000,
            },
            claims: BTreeMap::new(),
            readings: BTreeMap::new(),
            rereads: 0,
        };
        for _ in 0..operators {
            world.add();
        }
        world
    }

    /// One more operator, whether or not it has a seat.
    pub(crate) fn add(&mut self) {
        let index = self.nodes.len();
        let key = secret(u16::try_from(index).expect("small")).public();
        let identity = Identity::new(self.genesis.hash(), &key);
        let storage = MemoryStorage::new(identity, &self.genesis.state());
        let (replies, duties, stops) = (Vec::new(), Vec::new(), Vec::new());
        let first = self.genesis.committee().expect("a committee");
        self.nodes.push(Node {
            committees: Committees::new(first).expect("that of epoch 0"),
            operator: None,
            storage,
            log: Vec::new(),
            wake: None,
            builds: Vec::new(),
            asked: Vec::new(),
            replies,
            duties,
            stops,
            gave_up: Vec::new(),
            memory: claims::Memory::default(),
        });
        self.start(index);
    }

    /// Starts an operator from what its storage and log hold, and connects it to all that run.
    pub(crate) fn start(&mut self, index: usize) {
        self.begin(index, Operator::recover);
    }

    /// The operator that storage and such a log make.
    pub(crate) fn recover(&self, index: usize, log: Vec<Record>) -> (Operator<Bls>, Vec<Effect>) {
        self.make(index, log, Operator::recover)
    }

    fn make(&self, index: usize, log: Vec<Record>, make: claims::Begin) -> (Operator<Bls>, Vec<Effect>) {
        let node = &self.nodes[index];
        let me = u16::try_from(index).expect("small");
        let saved = block_on(node.storage.recover()).expect("recovers");
        let origin_time_s = l1_block(saved.state.header.l1_height.0).timestamp_s;
        let params = Params {
            genesis: self.genesis.clone(),
            committees: node.committees.clone(),
            key: secret(me).public(),
            consensus: Config::default(),
            mempool: self.mempool,
            room: self.room,
            silence_s: SILENCE_S,
            grace_s: GRACE_S,
            anchor: None,
            origin_time_s,
        };
        let scheme = Bls::new(secret(me), self.genesis.committee().expect("a committee"));
        make(self.now, params, scheme, saved, log)
    }

    fn begin(&mut self, index: usize, begin: claims::Begin) {
        let (operator, effects) = self.make(index, self.nodes[index].log.clone(), begin);
        let saved = block_on(self.nodes[index].storage.recover()).expect("recovers");
        let from = usize::try_from(saved.state.header.l1_height.0).expect("small");
        let node = &mut self.nodes[index];
        let durable = node.storage.durable().expect("memory does not fail");
        let mark = operator.mark(durable).filter(|mark| !node.log.contains(mark));
        node.log.extend(mark);
        node.operator = Some(operator);
        self.perform(index, effects);
        let known = self.seen_by(index, from);
        self.push_confirmed(index, 0, known);
        for other in 0..self.nodes.len() {
            if other != index && self.nodes[other].operator.is_some() {
                self.push(index, 1, Event::PeerUp(name(other)));
                self.push(other, 1, Event::PeerUp(name(index)));
            }
        }
    }

    /// The Ethereum blocks above a height as an operator's endpoint shows them.
    fn seen_by(&self, index: usize, above: usize) -> Vec<ConfirmedBlock> {
        let seen = self.l1.get(above..).unwrap_or_default().iter();
        let shown = seen.map(|block| self.own_l1.get(&(index, block.block.height.0)).unwrap_or(block));
        shown.cloned().collect()
    }

    /// Tells an operator once more what its endpoint shows of a range, or what was written down for that.
    fn reread(&mut self, index: usize, range: &RangeInclusive<L1Height>) {
        let from = usize::try_from(range.start().0).expect("small");
        let mut read = self.seen_by(index, from - 1);
        read.retain(|block| range.contains(&block.block.height));
        let scripted = self.readings.get_mut(&index).and_then(VecDeque::pop_front);
        if let Some((newest, events)) = read.last_mut().zip(scripted) {
            newest.events = events;
        }
        self.rereads += 1;
        self.push(index, 10, Event::L1Reread(read));
    }

    /// Kills an operator: what is not in its storage or log is gone.
    pub(crate) fn kill(&mut self, index: usize) {
        self.nodes[index].operator = None;
        self.nodes[index].wake = None;
        self.queue.retain(|_, (to, _)| *to != index);
        for other in 0..self.nodes.len() {
            self.push(other, 1, Event::PeerDown(name(index)));
        }
    }

    fn push(&mut self, to: usize, delay: u64, event: Event) {
        self.next += 1;
        self.queue.insert((self.now.plus(delay), self.next), (to, event));
    }

    pub(crate) fn handle(&mut self, index: usize, event: Event) {
        let now = self.now;
        let Some(operator) = self.nodes[index].operator.as_mut() else {
            return;
        };
        let effects = operator.handle(now, event);
        self.perform(index, effects);
    }

    fn perform(&mut self, index: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.nodes[index].log.push(record),
                Effect::Commit(commit) => {
                    block_on(self.nodes[index].storage.commit(&commit.decided, &commit.delta))
                        .expect("commits");
                }
                Effect::Read { purpose, wanted } => self.read(index, purpose, &wanted),
                Effect::Send { to, message, block } => self.send(index, to, &message, block.as_deref()),
                Effect::Gossip(bytes) => self.gossip(index, &bytes),
                Effect::Reply { ticket, result } => self.nodes[index].replies.push((ticket, result)),
                Effect::RequestBlocks { from, after, bytes } => {
                    self.request(index, from, &Ask::After { height: after, bytes });
                }
                Effect::RequestBlock { from, block } => self.request(index, from, &Ask::Block(block)),
                Effect::RequestTransactions { from, block, map } => {
                    self.request(index, from, &Ask::Transactions { block, map });
                }
                Effect::Prove { from, certificate } => {
                    let proven = intake::finalization(from, certificate, &self.checks(index));
                    self.push(index, 1, Event::Proven(proven));
                }
                Effect::AskClaim { from, epoch } => self.give_claim(index, from, epoch),
                Effect::Rejoin(progress) => self.nodes[index].memory.progress.push(progress),
                Effect::Anchor { header, certificate } => {
                    let anchor = AnchorSeen {
                        number: u64::from(header.height.0),
                        height: header.height,
                        history_root: header.history_root,
                        l1_height: header.l1_height,
                        time_s: self.now.0 / 1_000,
                    };
                    self.nodes[index]
                        .duties
                        .push(Effect::Anchor { header, certificate });
                    for other in 0..self.nodes.len() {
                        self.push(other, 20, Event::Anchored(anchor));
                    }
                }
                duty @ (Effect::Challenge { .. }
                | Effect::Answer(_)
                | Effect::Convict(_)
                | Effect::ProveFraud(_)) => self.nodes[index].duties.push(duty),
                Effect::RereadL1(range) => self.reread(index, &range),
                Effect::FollowL1(after) => {
                    let above = usize::try_from(after.height.0).expect("small");
                    let seen = self.seen_by(index, above);
                    self.push_confirmed(index, 3, seen);
                }
                Effect::Timer(at) => self.nodes[index].wake = Some(at),
                Effect::Wake(at) => self.push(index, at.since(self.now), Event::Tick),
                Effect::Stop(reason) if self.lies => self.nodes[index].stops.push(reason),
                Effect::Penalize { peer, reason } if self.lies => self.penalties.push((index, peer, reason)),
                Effect::Invalid { .. } | Effect::Accuse(_) | Effect::Odd(_) if self.lies => {}
                Effect::Stop(reason) => panic!("operator {index} stopped: {reason}"),
                Effect::Invalid { broken, .. } => panic!("operator {index} saw an invalid block: {broken}"),
                Effect::Accuse(evidence) => panic!("operator {index} accuses: {evidence:?}"),
                Effect::Refused(refusal) => panic!("operator {index} refused to sign: {refusal:?}"),
                Effect::Penalize { peer, reason } => panic!("operator {index} penalizes {peer:?}: {reason}"),
                Effect::GaveUp { reason, .. } => self.nodes[index].gave_up.push(reason),
                Effect::CancelBelow(..) => {}
                Effect::Odd(what) => panic!("operator {index}: {what}"),
            }
        }
    }

    fn read(&mut self, index: usize, purpose: Purpose, wanted: &Wanted) {
        let reads = self.nodes[index].storage.reader().reads(wanted).expect("reads");
        if let Purpose::Build(build) = &purpose {
            self.nodes[index].builds.push(build.view);
        }
        let read = Event::Read { purpose, reads };
        match self.read_ms {
            0 => self.handle(index, read),
            delay => self.push(index, delay, read),
        }
    }

    /// Runs until the condition holds; panics when it does not within a time.
    pub(crate) fn run_until(&mut self, what: &str, limit_ms: u64, condition: impl Fn(&Self) -> bool) {
        let end = self.now.plus(limit_ms);
        let mut tick = self.now;
        while !condition(self) {
            let wake = self.nodes.iter().filter_map(|node| node.wake).min();
            let due = self.queue.keys().next().map(|(at, _)| *at);
            let next = [wake, due, Some(tick.plus(250))]
                .into_iter()
                .flatten()
                .min()
                .expect("the tick");
            self.now = self.now.max(next);
            assert!(
                self.now <= end,
                "not within {limit_ms} ms: {what}; {:?}; {:#?}",
                self.wires,
                self.statuses()
            );
            while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to, event) = entry.remove();
                self.handle(to, event);
            }
            let all = self.now >= tick.plus(250);
            if all {
                tick = self.now;
            }
            for index in 0..self.nodes.len() {
                let woken = self.nodes[index].wake.is_some_and(|at| at <= self.now);
                if woken || all {
                    if woken {
                        self.nodes[index].wake = None;
                    }
                    self.handle(index, Event::Tick);
                }
            }
        }
    }

    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.now.plus(ms);
        self.run_until("time", ms + 1_000, |world| world.now >= end);
    }

    fn statuses(&self) -> Vec<Option<plasma_node::operator::report::Status>> {
        self.nodes
            .iter()
            .map(|node| node.operator.as_ref().map(Operator::status))
            .collect()
    }

    pub(crate) fn heights(&self) -> Vec<Option<Height>> {
        self.nodes
            .iter()
            .map(|node| node.operator.as_ref().map(|o| o.status().height))
            .collect()
    }

    /// Mines an Ethereum block and confirms it for everybody who runs.
    pub(crate) fn mine(&mut self, events: Vec<L1Event>) {
        let everybody: Vec<usize> = (0..self.nodes.len()).collect();
        self.mine_for(events, &everybody);
    }

    /// Mines an Ethereum block that only some see as it is told here; the others are told by [`Self::confirm`].
    pub(crate) fn mine_for(&mut self, events: Vec<L1Event>, who: &[usize]) {
        let height = u64::try_from(self.l1.len()).expect("small") + 1;
        let confirmed = ConfirmedBlock {
            block: l1_block(height),
            events,
        };
        self.l1.push(confirmed.clone());
        for index in who.iter().copied() {
            if self.nodes[index].operator.is_some() {
                self.push_confirmed(index, 3, vec![confirmed.clone()]);
            }
        }
    }

    /// One operator sees the newest Ethereum block with other events than those who were told of it; it does so again
    /// after a restart.
    pub(crate) fn confirm(&mut self, index: usize, events: Vec<L1Event>) {
        let block = self.l1.last().expect("a mined block").block;
        let confirmed = ConfirmedBlock { block, events };
        self.own_l1.insert((index, block.height.0), confirmed.clone());
        self.push_confirmed(index, 3, vec![confirmed]);
    }

    /// From now on an operator's endpoint shows what the others see.
    pub(crate) fn mend_endpoint(&mut self, index: usize) {
        self.own_l1.retain(|(whose, _), _| *whose != index);
    }

    /// One operator sees Ethereum run ahead of what the others see.
    pub(crate) fn run_ahead(&mut self, index: usize, blocks: u64) {
        let from = u64::try_from(self.l1.len()).expect("small") + 1;
        let ahead = (from..from + blocks).map(|height| ConfirmedBlock {
            block: l1_block(height),
            events: Vec::new(),
        });
        self.push(index, 0, Event::L1Confirmed(ahead.collect()));
    }

    pub(crate) fn deposit(&mut self, number: u64, owner: &SigningKey, amount: u64) {
        self.mine(vec![L1Event::Deposited {
            number: DepositNumber(number),
            owner: owner.address(),
            asset: Address::ZERO,
            amount: Amount::from(amount),
        }]);
    }
}
