//! Judges a run by what is seen from outside: decided blocks, votes on the wire, calls and logs on Ethereum.
//!
//! It shares no code with the ledger, the bridge or the engine. The first thing that is wrong ends the run.

pub(super) mod answers;
pub(super) mod facts;
mod flights;
pub(super) mod model;
mod money;

use std::collections::{BTreeMap, BTreeSet};

use plasma_consensus::{Statement, Vote};
use plasma_core::{Address, Amount, BlockId, Epoch, Hash, Header, Height, L1Height, SignedTransaction, View};

use facts::{Fact, Topics};
use model::Model;

use super::ethereum::Mined;

/// What was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the invariant.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Oracle {
    topics: Topics,
    /// Blocks whose finalization somebody handed on.
    pub(super) final_by_certificate: BTreeSet<BlockId>,
    /// Decided headers by height.
    pub(super) headers: Vec<Header>,
    pub(super) model: Model,
    /// Who signed what was submitted, by leaf.
    signers: BTreeMap<Hash, Address>,
    /// The last height that each operator decided in this life.
    tips: Vec<Height>,
    /// Blocks that sealed an epoch, in order.
    seals: Vec<Height>,
    /// Votes on the wire of honest operators, by epoch and view, over all their lives.
    votes: BTreeMap<(usize, Epoch, View), Vec<Statement>>,
    /// Facts by L1 block hash, read once.
    facts: BTreeMap<Hash, Vec<Fact>>,
    /// Anchors of heights that no honest operator has decided yet.
    pub(super) early: BTreeMap<Height, Hash>,
    /// Operators whose contradiction somebody has sent to Ethereum.
    pub(super) convicted: BTreeSet<usize>,
    pub(super) violation: Option<Violation>,
}

impl Oracle {
    pub(super) fn new(genesis: Header, n: usize) -> Self {
        Self {
            topics: Topics::new(),
            final_by_certificate: BTreeSet::new(),
            headers: vec![genesis],
            model: Model::new(genesis.l1_height),
            signers: BTreeMap::new(),
            tips: vec![Height(0); n],
            seals: Vec::new(),
            votes: BTreeMap::new(),
            facts: BTreeMap::new(),
            early: BTreeMap::new(),
            convicted: BTreeSet::new(),
            violation: None,
        }
    }

    /// Something is wrong; the first word counts.
    pub(super) fn report(&mut self, invariant: &'static str, what: String) {
        self.violation.get_or_insert(Violation { invariant, what });
    }

    /// The height of the newest block that anybody decided.
    pub(super) fn height(&self) -> Height {
        self.headers.last().map_or(Height(0), |header| header.height)
    }

    /// The last height that an operator decided in this life.
    pub(super) fn tip(&self, index: usize) -> Height {
        self.tips[index]
    }

    /// The epoch whose committee decides a height, as far as decided blocks tell.
    pub(super) fn epoch_of(&self, height: Height) -> Epoch {
        let before = self.seals.iter().filter(|seal| **seal < height).count();
        Epoch(u64::try_from(before).expect("few"))
    }

    /// A vote for a decided block in another epoch than its own.
    pub(super) fn strange_vote(&self) -> Option<String> {
        let heights: BTreeMap<BlockId, Height> = self
            .headers
            .iter()
            .map(|header| (header.id(), header.height))
            .collect();
        self.votes.iter().find_map(|((index, epoch, view), said)| {
            let blocks = said.iter().filter_map(Statement::block);
            let height = blocks
                .filter_map(|block| heights.get(&block))
                .find(|height| height.0 > 0 && self.epoch_of(**height) != *epoch)?;
            Some(format!(
                "operator {index} voted for {height} in view {view} of epoch {}",
                epoch.0
            ))
        })
    }

    /// Somebody signed a payment and showed it to an operator.
    pub(super) fn submitted(&mut self, leaf: Hash, signer: Address) {
        self.signers.insert(leaf, signer);
    }

    /// Who signed a payment.
    pub(super) fn signer(&self, signed: &SignedTransaction) -> Option<Address> {
        self.signers.get(&signed.leaf()).copied()
    }

    /// An operator begins again at this height.
    pub(super) fn restarted(&mut self, index: usize, height: Height) {
        self.tips[index] = height;
    }

    /// An honest operator decided a block.
    pub(super) fn decided(
        &mut self,
        index: usize,
        header: &Header,
        body: &[SignedTransaction],
        chain: &[Mined],
    ) {
        let height = header.height;
        if height.previous() != Some(self.tips[index]) {
            let what = format!("operator {index} decides {height} after {}", self.tips[index]);
            self.report("heights follow each other", what);
        }
        self.tips[index] = height;
        let place = usize::try_from(height.0).expect("small");
        if let Some(known) = self.headers.get(place) {
            if known.id() != header.id() {
                let what = format!("operator {index} decided another block of height {height}");
                self.report("agreement", what);
            }
            return;
        }
        let parent = self.headers.last().expect("genesis").id();
        if header.parent != parent || place != self.headers.len() {
            let what = format!("operator {index} decided {height} on another parent");
            return self.report("agreement", what);
        }
        if header.timestamp_ms <= self.headers.last().expect("genesis").timestamp_ms {
            self.report("clock", format!("block {height} is not later than its parent"));
        }
        match self.between(self.model.origin(), header, chain) {
            Ok(facts) => {
                for fact in &facts {
                    if let Fact::Activated { epoch } = fact {
                        self.seals.push(height);
                        if u64::try_from(self.seals.len()) != Ok(*epoch) {
                            self.report("epochs", format!("block {height} seals for epoch {epoch}"));
                        }
                    }
                }
                let signers = &self.signers;
                let told = self.model.decide(header, body, &facts, |signed| {
                    signers.get(&signed.leaf()).copied()
                });
                if let Err(wrong) = told {
                    self.report("ledger", format!("block {height}: {wrong}"));
                }
            }
            Err(wrong) => self.report("origin", format!("block {height}: {wrong}")),
        }
        if self
            .early
            .remove(&height)
            .is_some_and(|root| root != header.history_root)
        {
            self.report(
                "anchors",
                format!("the anchor of height {height} is of another block"),
            );
        }
        self.headers.push(*header);
    }

    /// A quorum has compared a block's time with its clocks, none of which is ahead of this.
    pub(super) fn timed(&mut self, header: &Header, latest_ms: u64) {
        let (height, time_ms) = (header.height, header.timestamp_ms.0);
        if time_ms > latest_ms {
            self.report(
                "clock",
                format!("block {height} is of {time_ms}, no clock of more than {latest_ms}"),
            );
        }
    }

    /// What Ethereum says between two origins, as its chain is now.
    fn between(&mut self, above: L1Height, header: &Header, chain: &[Mined]) -> Result<Vec<Fact>, String> {
        let first = chain
            .first()
            .map_or(0, |mined| mined.observed.link.block.height.0);
        let place = |height: L1Height| usize::try_from(height.0.saturating_sub(first)).expect("small");
        if header.l1_height < above {
            return Err("the origin moves back".to_owned());
        }
        let (from, to) = (place(above) + 1, place(header.l1_height));
        let named = chain.get(to).map(|mined| mined.observed.link.block.hash);
        if named != Some(header.l1_hash) {
            return Err("the origin is not on Ethereum's chain".to_owned());
        }
        let blocks = chain.get(from..=to).unwrap_or_default();
        let mut facts = Vec::new();
        for mined in blocks {
            facts.extend(self.facts_of(mined).iter().cloned());
        }
        Ok(facts)
    }

    fn facts_of(&mut self, mined: &Mined) -> &[Fact] {
        let topics = &self.topics;
        self.facts
            .entry(mined.observed.link.block.hash)
            .or_insert_with(|| mined.logs.iter().map(|log| topics.read(log)).collect())
    }

    /// Ethereum has a new block: what it anchors was decided.
    pub(super) fn mined(&mut self, mined: &Mined) -> Vec<Fact> {
        let facts = self.facts_of(mined).to_vec();
        for fact in &facts {
            if let Fact::Anchored { height, history_root } = fact {
                let place = usize::try_from(height.0).expect("small");
                match self.headers.get(place).map(|header| header.history_root) {
                    Some(root) if root == *history_root => {}
                    Some(_) => self.report(
                        "anchors",
                        format!("the anchor of height {height} is of another block"),
                    ),
                    // A liar may decide it first; the honest ones must follow.
                    None => {
                        self.early.insert(*height, *history_root);
                    }
                }
            }
        }
        facts
    }

    /// The vault holds what came in less what went out.
    pub(super) fn check_vault(&mut self, blocks: &[Mined], holds: Amount) {
        let mut facts = Vec::new();
        for mined in blocks {
            facts.extend(self.facts_of(mined).iter().cloned());
        }
        let expected = money::held(&facts, &self.model);
        if expected != Some(holds) {
            self.report("vault", format!("it holds {holds}, should hold {expected:?}"));
        }
    }

    /// How many honest operators have voted to finalize a block.
    pub(super) fn finalizers(&self, block: &BlockId) -> usize {
        let is_one = |said: &Vec<Statement>| {
            said.iter()
                .any(|one| matches!(one, Statement::Finalize { block: voted, .. } if voted == block))
        };
        let signers = self
            .votes
            .iter()
            .filter(|(_, said)| is_one(said))
            .map(|((signer, ..), _)| *signer);
        signers.collect::<BTreeSet<usize>>().len()
    }

    /// An honest operator speaks a vote.
    pub(super) fn spoke(&mut self, index: usize, vote: &Vote) {
        let said = self
            .votes
            .entry((index, vote.epoch, vote.statement.view()))
            .or_default();
        if said.contains(&vote.statement) {
            return;
        }
        let against = said
            .iter()
            .find(|other| contradict(other, &vote.statement))
            .copied();
        said.push(vote.statement);
        if let Some(other) = against {
            let what = format!("operator {index} said {other:?} and {:?}", vote.statement);
            self.report("contradiction", what);
        }
    }
}

/// Whether no honest operator says both of one view; the rule of the protocol, written again.
fn contradict(one: &Statement, other: &Statement) -> bool {
    match (one, other) {
        (Statement::Notarize(a), Statement::Notarize(b)) => a != b,
        (Statement::Finalize { block: a, .. }, Statement::Finalize { block: b, .. }) => a != b,
        (Statement::Finalize { .. }, Statement::Nullify { .. })
        | (Statement::Nullify { .. }, Statement::Finalize { .. }) => true,
        _ => false,
    }
}
