//! One engine on a bench: inputs go in by hand, effects come out as short words.

mod words;

use std::cell::Cell;

use plasma_consensus::{
    Certified, Config, Container, Effect, Engine, Floor, Held, Input, Message, Proposal, Reason, Record,
    Schedule, Start, Statement, Status, Target, Verdict, Vote, Waits,
    scheme::{Scheme, Verifier},
};
use plasma_core::{
    Bitmap, BlockId, Certificate, Epoch, Hash, Millis, OperatorIndex, Signature, View, keccak,
};

use crate::sim::{blocks::Blocks, byzantine::domain, crypto::Mock, world::committee};

pub(crate) use words::words;

/// A mock that counts what it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Counting<'a> {
    mock: Mock,
    pub(crate) singles: &'a Cell<usize>,
    pub(crate) aggregates: &'a Cell<usize>,
}

impl<'a> Counting<'a> {
    pub(crate) fn new(mock: Mock, singles: &'a Cell<usize>, aggregates: &'a Cell<usize>) -> Self {
        Self {
            mock,
            singles,
            aggregates,
        }
    }
}

impl Verifier for Counting<'_> {
    fn verify_one(&self, signer: OperatorIndex, digest: &Hash, signature: &Signature) -> bool {
        self.singles.set(self.singles.get() + 1);
        self.mock.verify_one(signer, digest, signature)
    }

    fn verify_aggregate(&self, signers: &Bitmap, digest: &Hash, signature: &Signature) -> bool {
        self.aggregates.set(self.aggregates.get() + 1);
        self.mock.verify_aggregate(signers, digest, signature)
    }

    fn aggregate(&self, signatures: &[Signature]) -> Option<Signature> {
        self.mock.aggregate(signatures)
    }
}

impl Scheme for Counting<'_> {
    fn sign(&self, digest: &Hash) -> Signature {
        self.mock.sign(digest)
    }
}

/// Members of the bench's committee: n = 4, f = 1, q = 3.
pub(crate) const N: u16 = 4;

/// Durations of the bench: proposal due 400 ms and view over 700 ms after work came; no heartbeat.
pub(crate) const CONFIG: Config = Config {
    delta_ms: 100,
    pace_ms: 100,
    alpha_percent: 150,
    cap: 16,
    build_ms: 100,
    validate_ms: 200,
    heartbeat_ms: 0,
    status_ms: 1_000,
    down_ms: 2_000,
    silence_ms: 5_000,
};

/// A good block that seals nothing.
pub(crate) const VALID: Verdict = Verdict::Valid { seals: false };

/// A block whose body is still missing.
pub(crate) const PENDING: Verdict = Verdict::Pending(Waits::Body);

/// An engine, the time, and its log.
#[derive(Debug)]
pub(crate) struct Bench<S: Scheme = Mock> {
    pub(crate) engine: Engine<S>,
    pub(crate) me: u16,
    pub(crate) now: u64,
    pub(crate) log: Vec<Record>,
    /// Everything the last call made the engine say, in order.
    pub(crate) effects: Vec<Effect>,
}

/// The member that leads a view.
pub(crate) fn leader(view: u64) -> u16 {
    Schedule::new(&keccak(&[b"bench"]), usize::from(N))
        .leader(View(view))
        .0
}

/// The block called `name`; "genesis" is the floor.
pub(crate) fn block(name: &str) -> BlockId {
    if name == "genesis" {
        Blocks::genesis()
    } else {
        BlockId(keccak(&[name.as_bytes()]))
    }
}

pub(crate) fn container(view: u64, parent: u64, name: &str) -> Container {
    Container {
        view: View(view),
        parent: View(parent),
        block: block(name),
    }
}

pub(crate) fn notarize(view: u64, parent: u64, name: &str) -> Statement {
    Statement::Notarize(container(view, parent, name))
}

pub(crate) fn nullify(view: u64) -> Statement {
    Statement::Nullify { view: View(view) }
}

pub(crate) fn finalize(view: u64, name: &str) -> Statement {
    Statement::Finalize {
        view: View(view),
        block: block(name),
    }
}

/// A vote of a member.
pub(crate) fn vote(signer: u16, statement: Statement) -> Vote {
    let signer = OperatorIndex(signer);
    let signature = Mock { me: signer }.sign(&statement.digest(&domain(), Epoch(0)));
    Vote {
        epoch: Epoch(0),
        signer,
        statement,
        signature,
    }
}

/// A certificate signed by these members.
pub(crate) fn certified_by(signers: &[u16], statement: Statement) -> Certified {
    let votes: Vec<Vote> = signers.iter().map(|signer| vote(*signer, statement)).collect();
    let signatures: Vec<Signature> = votes.iter().map(|vote| vote.signature).collect();
    Certified {
        epoch: Epoch(0),
        statement,
        signers: votes.iter().map(|vote| vote.signer).collect(),
        signature: Mock { me: OperatorIndex(0) }
            .aggregate(&signatures)
            .expect("not empty"),
    }
}

/// A certificate signed by members 0 to 2.
pub(crate) fn certified(statement: Statement) -> Certified {
    certified_by(&[0, 1, 2], statement)
}

/// The leader's proposal with nullifications for what it skips.
pub(crate) fn proposal(container: Container, parent: Option<Certified>) -> Proposal {
    let signature = vote(leader(container.view.0), Statement::Notarize(container)).signature;
    let skipped = (container.parent.0 + 1..container.view.0).map(|view| certified(nullify(view)));
    Proposal {
        epoch: Epoch(0),
        container,
        signature,
        parent,
        nullifications: skipped.collect(),
    }
}

/// The floor at view 0.
pub(crate) fn genesis() -> Floor {
    Floor {
        view: View(0),
        block: Blocks::genesis(),
        certificate: None,
    }
}

pub(crate) fn start(me: u16, floor: Floor, now: u64) -> Start<Mock> {
    Start {
        config: CONFIG,
        committee: committee(N),
        domain: domain(),
        me: OperatorIndex(me),
        scheme: Mock {
            me: OperatorIndex(me),
        },
        leaders: keccak(&[b"bench"]),
        floor,
        now: Millis(now),
    }
}

impl Bench {
    /// A fresh engine whose peers are all connected.
    pub(crate) fn new(me: u16) -> Self {
        Self::from_log(me, Vec::new(), genesis(), 0)
    }

    /// One that leads none of the first three views.
    pub(crate) fn follower() -> Self {
        Self::new(leader(4))
    }

    /// An engine restored from a log.
    pub(crate) fn from_log(me: u16, log: Vec<Record>, floor: Floor, now: u64) -> Self {
        let (engine, effects) = Engine::recover(start(me, floor, now), &log);
        Self {
            engine,
            me,
            now,
            log,
            effects: Vec::new(),
        }
        .keep(effects)
        .connected()
    }

    /// The same operator after a crash that lost nothing durable.
    pub(crate) fn restarted(self) -> Self {
        let floor = genesis();
        Self::from_log(self.me, self.log, floor, self.now)
    }
}

impl<'a> Bench<Counting<'a>> {
    /// A fresh engine that counts verifications.
    pub(crate) fn counting(me: u16, singles: &'a Cell<usize>, aggregates: &'a Cell<usize>) -> Self {
        let Start {
            config,
            committee,
            domain,
            me,
            scheme,
            leaders,
            floor,
            now,
        } = start(me, genesis(), 0);
        let scheme = Counting {
            mock: scheme,
            singles,
            aggregates,
        };
        let start = Start {
            config,
            committee,
            domain,
            me,
            scheme,
            leaders,
            floor,
            now,
        };
        let (engine, effects) = Engine::recover(start, &[]);
        Self {
            engine,
            me: me.0,
            now: 0,
            log: Vec::new(),
            effects: Vec::new(),
        }
        .keep(effects)
        .connected()
    }
}

impl<S: Scheme> Bench<S> {
    fn keep(mut self, effects: Vec<Effect>) -> Self {
        self.note(effects);
        self
    }

    fn connected(mut self) -> Self {
        let recovered = std::mem::take(&mut self.effects);
        for peer in self.peers() {
            self.input(Input::PeerUp(OperatorIndex(peer)));
        }
        self.effects = recovered;
        self
    }

    fn note(&mut self, effects: Vec<Effect>) {
        let records = effects.iter().filter_map(|effect| match effect {
            Effect::Persist(record) => Some(record.clone()),
            _ => None,
        });
        self.log.extend(records);
        self.effects = effects;
    }

    /// The other members.
    pub(crate) fn peers(&self) -> Vec<u16> {
        (0..N).filter(|peer| *peer != self.me).collect()
    }

    /// One input at the present time; the answer in words.
    pub(crate) fn input(&mut self, input: Input) -> Vec<String> {
        let effects = self.engine.step(Millis(self.now), input);
        self.note(effects);
        words(&self.effects)
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ms: u64) -> Vec<String> {
        self.now += ms;
        self.input(Input::Tick)
    }

    pub(crate) fn work(&mut self) -> Vec<String> {
        self.input(Input::Work(true))
    }

    pub(crate) fn hear(&mut self, from: u16, message: Message) -> Vec<String> {
        self.input(Input::Message {
            from: OperatorIndex(from),
            message,
        })
    }

    /// A vote over its signer's own connection.
    pub(crate) fn vote(&mut self, signer: u16, statement: Statement) -> Vec<String> {
        self.hear(signer, Message::Vote(vote(signer, statement)))
    }

    /// The same vote from all the others.
    pub(crate) fn votes(&mut self, statement: Statement) -> Vec<String> {
        let mut said = Vec::new();
        for signer in self.peers() {
            said.extend(self.vote(signer, statement));
        }
        said
    }

    /// A certificate of all the others, from one of them. I am not among its signers: what I did not say I would have
    /// forgotten.
    pub(crate) fn learn(&mut self, statement: Statement) -> Vec<String> {
        let from = (self.me + 1) % N;
        self.hear(from, Message::Certified(certified_by(&self.peers(), statement)))
    }

    /// A proposal from its leader.
    pub(crate) fn propose(&mut self, container: Container, parent: Option<Certified>) -> Vec<String> {
        self.hear(
            leader(container.view.0),
            Message::Proposal(Box::new(proposal(container, parent))),
        )
    }

    pub(crate) fn judge(&mut self, name: &str, parent: &str, verdict: Verdict) -> Vec<String> {
        self.input(Input::Verdict {
            block: block(name),
            parent: block(parent),
            verdict,
        })
    }

    /// The statuses that the last call sent.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        let statuses = self.effects.iter().filter_map(|effect| match effect {
            Effect::Send {
                message: Message::Status(status),
                ..
            } => Some(status.clone()),
            _ => None,
        });
        statuses.collect()
    }

    /// Why the last call gave its view up.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::GaveUp { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    /// The parents that the last call told the operator of, before it asks for a block on them.
    pub(crate) fn prepared(&self) -> Vec<BlockId> {
        let parents = self.effects.iter().filter_map(|effect| match effect {
            Effect::Prepare { parent } => Some(*parent),
            _ => None,
        });
        parents.collect()
    }

    /// What the last call says to one peer.
    pub(crate) fn spoken_to(&self, peer: u16) -> Vec<Message> {
        let messages = self.effects.iter().filter_map(|effect| match effect {
            Effect::Send {
                to: Target::All,
                message,
                ..
            } => Some(message.clone()),
            Effect::Send {
                to: Target::One(to),
                message,
                ..
            } if to.0 == peer => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    pub(crate) fn view(&self) -> u64 {
        self.engine.view().0
    }

    pub(crate) fn floor(&self) -> u64 {
        self.engine.floor().view.0
    }

    /// A view with container `name` proposed, judged valid, notarized and finalized by all.
    pub(crate) fn decide(&mut self, view: u64, parent: u64, name: &str, parent_name: &str) {
        self.propose(container(view, parent, name), None);
        self.judge(name, parent_name, VALID);
        self.votes(notarize(view, parent, name));
        self.votes(finalize(view, name));
        assert_eq!((self.view(), self.floor()), (view + 1, view), "{name} is decided");
    }
}

/// A status of a peer that has nothing.
pub(crate) fn poor_status(view: u64) -> Status {
    Status {
        epoch: Epoch(0),
        floor: View(0),
        block: Blocks::genesis(),
        view: View(view),
        from: View(1),
        notarized: 0,
        nullified: 0,
        held: vec![Held {
            view: View(view),
            notarize: Bitmap::default(),
            nullify: Bitmap::default(),
            finalize: Bitmap::default(),
        }],
    }
}

/// The finalize certificate of a block.
pub(crate) fn certificate(view: u64, name: &str) -> Certificate {
    certified(finalize(view, name)).finalization().expect("it is one")
}
