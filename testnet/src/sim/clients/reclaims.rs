//! Owners who ask for a deposit back: thieves for one that was funded, and everybody for one that never will be.

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{Address, Amount, DepositNumber};

use super::Clients;
use crate::sim::{
    ethereum::lock, oracle::facts::Fact, random::Random, scenario::Scenario, site::BOND, world::World,
};

/// A call that Ethereum has not shown done is sent again after this time.
const AGAIN_MS: u64 = 5_000;

/// What Ethereum shows of deposits and their way back.
#[derive(Debug)]
pub(super) struct Reclaims {
    deposits: BTreeMap<u64, (Address, Amount)>,
    open: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    /// When something was last sent about a deposit.
    sent_at: BTreeMap<u64, u64>,
    thefts_left: u64,
    random: Random,
}

impl Reclaims {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            deposits: BTreeMap::new(),
            open: BTreeSet::new(),
            ended: BTreeSet::new(),
            sent_at: BTreeMap::new(),
            thefts_left: scenario.reclaims,
            random: Random::new(scenario.seed, 23),
        }
    }

    /// Ethereum was reorganised.
    pub(super) fn forget(&mut self) {
        self.deposits.clear();
        self.open.clear();
        self.ended.clear();
    }

    pub(super) fn on_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Deposited {
                number,
                owner,
                amount,
            } => {
                self.deposits.insert(*number, (*owner, *amount));
            }
            Fact::ReclaimStarted { number } => {
                self.open.insert(*number);
            }
            Fact::ReclaimChallenged { number } => {
                self.open.remove(number);
            }
            Fact::Reclaimed { number } => {
                self.open.remove(number);
                self.ended.insert(*number);
            }
            _ => {}
        }
    }

    /// Deposits that did not go back and are not about to.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u64, Address)> + '_ {
        let known = self
            .deposits
            .iter()
            .filter(|(number, _)| !self.ended.contains(number));
        known.map(|(number, (owner, _))| (*number, *owner))
    }

    /// Whether somebody waits for the end of a reclaim: Ethereum's clock must leave the operators their time.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }
}

impl World {
    /// A thief asks for a deposit back that is in a block.
    pub(super) fn take_back(&mut self) {
        let reclaims = &mut self.clients.reclaims;
        if reclaims.thefts_left == 0 || !reclaims.random.chance(3_000) {
            return;
        }
        let users = &self.site.users;
        let is_thief = |owner: &Address| {
            let user = users.iter().position(|key| key.address() == *owner);
            user.is_some_and(Clients::is_thief)
        };
        let funded = self.oracle.model.funded();
        let known = reclaims.deposits.iter();
        let theirs = known.filter(|(number, (owner, _))| **number < funded && is_thief(owner));
        let theirs: Vec<(u64, Address)> = theirs.map(|(number, (owner, _))| (*number, *owner)).collect();
        if theirs.is_empty() {
            return;
        }
        let (number, owner) = reclaims.random.pick(&theirs);
        self.start_reclaim(number, owner);
        self.marks.hit("a funded deposit was asked back");
        self.clients.reclaims.thefts_left -= 1;
    }

    /// An owner asks for a deposit that no block funds, until Ethereum shows that he did.
    pub(super) fn ask_back(&mut self, number: u64, owner: Address) {
        let reclaims = &self.clients.reclaims;
        let sent_at = reclaims.sent_at.get(&number);
        if !reclaims.open.contains(&number) && sent_at.is_none_or(|at| self.now >= at + AGAIN_MS) {
            self.start_reclaim(number, owner);
            self.marks.hit("an unfunded deposit was asked back");
        }
    }

    fn start_reclaim(&mut self, number: u64, owner: Address) {
        let bond = Amount::from(BOND);
        let call = self
            .site
            .contracts
            .start_reclaim_call(DepositNumber(number), bond);
        lock(&self.chain).send(owner, call);
        self.clients.reclaims.sent_at.insert(number, self.now);
    }

    /// Whoever waits for a deposit takes it as soon as Ethereum pays.
    pub(in crate::sim) fn follow_reclaims(&mut self) {
        let open: Vec<u64> = self.clients.reclaims.open.iter().copied().collect();
        for number in open {
            let sent_at = self.clients.reclaims.sent_at.get(&number).copied();
            if sent_at.is_some_and(|at| self.now < at + AGAIN_MS) {
                continue;
            }
            let call = self.site.contracts.finalize_reclaim_call(DepositNumber(number));
            let from = self.site.users[0].address();
            let mut chain = lock(&self.chain);
            if chain.would_do(from, &call) {
                chain.send(from, call);
                self.clients.reclaims.sent_at.insert(number, self.now);
            }
        }
    }
}
