//! People: they deposit, pay and submit again until they are answered, leave through Ethereum; and two of them steal.

mod flights;
mod halts;
mod over;
mod reclaims;
mod thieves;

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{
    Address, Amount, AuthenticTransaction, ExitId, Height, Input, Kind, Payment, Position, SignedTransaction,
    Transaction, TransactionId, TransactionRejected,
};
use plasma_node::operator::{
    event::{Offered, Source},
    report::{Accepted, Rejected},
};

use self::{flights::Flights, halts::End, reclaims::Reclaims};
use super::{
    ethereum::lock,
    host::Arrival,
    oracle::{
        facts::Fact,
        model::{Lot, Model},
    },
    random::Random,
    scenario::Scenario,
    site::USERS,
    world::{Happening, World},
};

/// Clients that show a payment to one operator only, as long as that one lives, per ten thousand.
const TRUSTING: u64 = 4_000;
/// A client submits again after this time.
const RETRY_MS: u64 = 2_000;
/// Time between two looks of people at what else they might do.
const ACTION_MS: u64 = 500;
/// A payment that ends expires so many blocks above the newest.
const EXPIRY_BLOCKS: u32 = 40;
/// People who steal: the last ones.
const THIEVES: u8 = 2;
/// How long an output that left is tried: until every operator has heard of it.
const TRIES_MS: u64 = 6_000;
/// Never.
pub(super) const NEVER: Height = Height(u32::MAX);

/// A payment that is not decided.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) signed: SignedTransaction,
    /// Its owner is honest, so it must be decided in the end.
    pub(super) is_honest: bool,
    /// An operator has answered that it waits, in this life of it.
    pub(super) accepted: Option<(usize, u64)>,
    /// Its owner trusts that operator and shows it to no other.
    is_trusting: bool,
}

/// An exit that somebody began.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    /// Whether it must be paid; `None` when its owner may have spent it meanwhile.
    must_pay: Option<bool>,
    /// `None` while it is open.
    paid: Option<bool>,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) pending: BTreeMap<TransactionId, Pending>,
    /// Payments that enter no block above a height.
    pub(super) brief: BTreeMap<TransactionId, Height>,
    /// Inputs of payments that are not decided, and outputs that leave.
    reserved: BTreeSet<Position>,
    /// Exits by output, as they were sent; Ethereum may not have them yet.
    leaving: BTreeMap<Position, Option<bool>>,
    exits: BTreeMap<ExitId, (Position, Leaving)>,
    /// An exit ended since somebody last tried to spend what left.
    ended: bool,
    tried_at: u64,
    deposits_left: u64,
    exits_left: u64,
    doubles_left: u64,
    thefts_left: u64,
    paying_until: u64,
    /// When exits were last processed.
    processed_at: u64,
    flights: Flights,
    reclaims: Reclaims,
    end: End,
    random: Random,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario, _: &mut Random) -> Self {
        Self {
            pending: BTreeMap::new(),
            brief: BTreeMap::new(),
            reserved: BTreeSet::new(),
            leaving: BTreeMap::new(),
            exits: BTreeMap::new(),
            ended: false,
            tried_at: 0,
            deposits_left: scenario.deposits,
            exits_left: scenario.exits,
            doubles_left: scenario.double_spends,
            thefts_left: scenario.thefts,
            paying_until: scenario
                .halt_at_ms
                .unwrap_or(scenario.busy_ms)
                .min(scenario.busy_ms),
            processed_at: 0,
            flights: Flights::new(scenario),
            reclaims: Reclaims::new(scenario),
            end: End::default(),
            random: Random::new(scenario.seed, 3),
        }
    }

    /// People pay until then.
    pub(super) fn pay_until(&mut self, until: u64) {
        self.paying_until = until;
    }

    /// Ethereum was reorganised: what it says about exits is told again.
    pub(super) fn forget_exits(&mut self) {
        self.exits.clear();
        self.flights.forget();
        self.reclaims.forget();
        self.end.last_valid = None;
    }

    /// What a block of Ethereum says about exits.
    pub(super) fn on_facts(&mut self, facts: &[Fact]) {
        for fact in facts {
            self.flights.on_fact(fact);
            self.reclaims.on_fact(fact);
            match fact {
                Fact::ExitStarted { id, position } => {
                    if let Some(position) = Position::unpack(*position) {
                        let must_pay = self.leaving.get(&position).copied().unwrap_or(Some(false));
                        let leaving = Leaving { must_pay, paid: None };
                        self.exits.insert(*id, (position, leaving));
                    }
                }
                Fact::ExitEnded { id, paid, .. } => {
                    self.ended = true;
                    if let Some((_, leaving)) = self.exits.get_mut(id) {
                        leaving.paid = Some(*paid);
                    }
                }
                Fact::FlightEnded { .. } => self.ended = true,
                Fact::Halted { last_valid } => {
                    let known = self.end.last_valid.unwrap_or(*last_valid);
                    self.end.last_valid = Some(known.min(*last_valid));
                }
                _ => {}
            }
        }
    }

    /// Whether only Ethereum's clock is waited for.
    pub(super) fn is_waiting_for_exits(&self, now: u64) -> bool {
        let is_paying = self.pending.values().any(|pending| pending.is_honest);
        now > self.paying_until && !is_paying && self.has_open_exits() && !self.reclaims.is_open()
    }

    /// When the last exit that ended so far did, and what left with it was tried.
    pub(super) fn ended_at(&self) -> Option<u64> {
        (self.tried_at > 0).then_some(self.tried_at)
    }

    pub(super) fn has_open_exits(&self) -> bool {
        self.exits.values().any(|(_, leaving)| leaving.paid.is_none())
            || self.flights.is_open()
            || self.reclaims.is_open()
    }

    /// Exits that ended as they must not.
    pub(super) fn wrong_exit(&self, model: &Model) -> Option<String> {
        let is_nobodys = |position: &Position| {
            let last_valid = self.end.last_valid;
            last_valid.is_some_and(|last_valid| model.is_spent_by_nothing(position, last_valid))
        };
        self.exits.values().find_map(|(position, leaving)| {
            let is_wrong = leaving
                .must_pay
                .zip(leaving.paid)
                .is_some_and(|(must, paid)| must != paid);
            (is_wrong && !is_nobodys(position)).then(|| format!("the exit of {position}: {leaving:?}"))
        })
    }

    pub(super) fn is_thief(user: usize) -> bool {
        user >= usize::from(USERS - THIEVES)
    }
}

/// Gossiped transactions, as the runtime offers them.
pub(super) fn gossiped(transactions: Vec<AuthenticTransaction>) -> Vec<Arrival> {
    let offered = transactions.into_iter().map(|transaction| Offered {
        transaction,
        source: Source::Gossip,
    });
    offered.map(Arrival::Offered).collect()
}

impl World {
    /// Everybody begins with some deposits.
    pub(super) fn deposit_first(&mut self) {
        for user in 0..usize::from(USERS) {
            for _ in 0..3 {
                self.deposit(user);
            }
        }
    }

    fn deposit(&mut self, user: usize) {
        let amount = Amount::from(1_000 + self.clients.random.below(1_000_000));
        let call = self.site.contracts.deposit_call(amount);
        lock(&self.chain).send(self.site.users[user].address(), call);
    }

    /// Somebody pays somebody.
    pub(super) fn pay(&mut self) {
        if self.now > self.clients.paying_until {
            return;
        }
        self.pay_once();
        let every = self.scenario.payment_every_ms;
        let pause = self.clients.random.between(every / 2, every * 3 / 2);
        self.after(pause, Happening::Pay);
    }

    /// Somebody pays somebody once.
    pub(super) fn pay_once(&mut self) {
        let user = self.clients.random.index(usize::from(USERS));
        if let Some(signed) = self.payment(user, None) {
            self.submit(signed, user);
        }
    }

    /// Outputs of a user that could be spent, oldest first.
    pub(super) fn purse(&self, user: usize) -> Vec<(Position, Amount)> {
        let owner = self.site.users[user].address();
        let claimed = self.clients.flights.claimed(&self.oracle.model);
        let mine = self.oracle.model.coins.iter().filter(|(position, coin)| {
            coin.owner == owner
                && coin.state == Lot::Free
                && coin.locks == 0
                && !self.clients.reserved.contains(position)
                && (Clients::is_thief(user) || !claimed.contains(position))
        });
        mine.map(|(position, coin)| (*position, coin.amount)).collect()
    }

    /// A valid payment of a user; over exactly these outputs if they are named.
    fn payment(&mut self, user: usize, of: Option<Vec<(Position, Amount)>>) -> Option<SignedTransaction> {
        let purse = of.unwrap_or_else(|| {
            let mut purse = self.purse(user);
            let random = &mut self.clients.random;
            if random.chance(5_000) {
                // The youngest: perhaps not every operator has decided its block yet.
                purse.reverse();
            } else {
                random.shuffle(&mut purse);
            }
            purse.truncate(1 + random.index(3));
            purse
        });
        let random = &mut self.clients.random;
        let total = purse.iter().fold(Amount::ZERO, |sum, (_, amount)| sum + *amount);
        if purse.is_empty() || total < Amount::from(4u8) {
            return None;
        }
        let mut outputs = Vec::new();
        let mut left = total;
        for _ in 0..random.below(3) {
            let part = left / Amount::from(2 + random.below(3));
            if part.is_zero() {
                break;
            }
            let owner = self.site.users[random.index(usize::from(USERS))].address();
            outputs.push(Payment { owner, amount: part });
            left -= part;
        }
        let owner = self.site.users[random.index(usize::from(USERS))].address();
        outputs.push(Payment { owner, amount: left });
        let expiry = if random.chance(1_000) {
            Height(
                self.oracle.height().0
                    + 1
                    + u32::try_from(random.below(u64::from(EXPIRY_BLOCKS))).expect("small"),
            )
        } else {
            NEVER
        };
        let transaction = Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry,
            inputs: purse
                .into_iter()
                .map(|(position, amount)| Input { position, amount })
                .collect(),
            outputs,
        };
        Some(transaction.sign(&self.site.domain, &self.site.users[user]))
    }

    fn submit(&mut self, signed: SignedTransaction, user: usize) {
        let id = signed.id();
        self.oracle
            .submitted(signed.leaf(), self.site.users[user].address());
        for input in &signed.transaction.inputs {
            self.clients.reserved.insert(input.position);
        }
        if signed.transaction.expiry != NEVER {
            self.clients.brief.insert(id, signed.transaction.expiry);
        }
        let pending = Pending {
            signed,
            is_honest: !Clients::is_thief(user),
            accepted: None,
            is_trusting: self.clients.random.chance(TRUSTING),
        };
        self.clients.pending.insert(id, pending);
        self.retry(id);
    }

    /// A client shows its payment to some operator, and comes again.
    pub(super) fn retry(&mut self, id: TransactionId) {
        let Some(pending) = self.clients.pending.get(&id) else {
            return;
        };
        let waits = pending.accepted.is_some_and(|(index, life)| {
            let host = &self.hosts[index];
            host.life == life && host.is_up() && self.scenario.is_honest(index) && self.is_inside(index)
        });
        if waits && pending.is_trusting {
            return self.after(RETRY_MS, Happening::Retry { id });
        }
        let index = self.clients.random.index(self.hosts.len());
        let delay = self.clients.random.between(1, 20);
        self.after(delay, Happening::Offer { index, id });
        self.after(RETRY_MS, Happening::Retry { id });
    }

    /// A payment reaches an operator's door.
    pub(super) fn offer(&mut self, index: usize, id: TransactionId) {
        let Some(pending) = self.clients.pending.get(&id) else {
            return;
        };
        if !self.hosts[index].is_up() {
            return;
        }
        let signed = pending.signed.clone();
        let Ok(transaction) = plasma_node::intake::Proof::authenticate(&self.proof, signed) else {
            if pending.is_honest {
                self.oracle.report("signatures", format!("{id} is not authentic"));
            }
            return;
        };
        let host = &mut self.hosts[index];
        host.next_ticket += 1;
        let ticket = host.next_ticket;
        host.tickets.insert(ticket, id);
        let source = Source::Client(ticket);
        host.inbox
            .push_back(Arrival::Offered(Offered { transaction, source }));
        self.turn_soon(index);
    }

    /// An operator answers a client. It may know less than others do; it must not tell of spends that never were.
    pub(super) fn reply(&mut self, index: usize, ticket: u64, result: &Result<Accepted, Rejected>) {
        let Some(id) = self.hosts[index].tickets.remove(&ticket) else {
            return;
        };
        let told = format!("{result:?}");
        self.note(&[b"reply", &id.0.0], || {
            format!("operator {index} says of {id}: {told}")
        });
        if !self.scenario.is_honest(index) {
            return;
        }
        match result {
            Ok(_) => {
                if let Some(pending) = self.clients.pending.get_mut(&id) {
                    pending.accepted = Some((index, self.hosts[index].life));
                }
            }
            Err(Rejected::Rule(TransactionRejected::InputSpent { position, .. })) => {
                self.marks.hit("a spent input was refused");
                let coin = self.oracle.model.coins.get(position);
                if coin.is_none_or(|coin| coin.state == Lot::Free) {
                    let what = format!("operator {index} says that {position} is spent, and it is not");
                    self.oracle.report("answers", what);
                }
            }
            Err(Rejected::Rule(
                TransactionRejected::InputForeign { .. } | TransactionRejected::InputAmount { .. },
            )) if self
                .clients
                .pending
                .get(&id)
                .is_some_and(|pending| pending.is_honest) =>
            {
                let what = format!("operator {index} refuses {id}: {told}");
                self.oracle.report("answers", what);
            }
            Err(Rejected::Conflict { .. }) => self.marks.hit("a conflicting payment was refused"),
            Err(_) => self.marks.hit("a payment was refused for now"),
        }
    }

    /// Deposits, exits, double spends, and thieves' exits.
    pub(super) fn act(&mut self) {
        let is_paying = self.now <= self.clients.paying_until;
        if is_paying {
            self.after(ACTION_MS, Happening::Action);
        }
        if self.now < 4_000 || !is_paying {
            return;
        }
        if self.clients.deposits_left > 0 && self.clients.random.chance(5_000) {
            self.clients.deposits_left -= 1;
            let user = self.clients.random.index(usize::from(USERS));
            self.deposit(user);
        }
        if self.scenario.double_spends > 0 && self.clients.random.chance(6_000) {
            self.cheat();
        }
        if self.clients.doubles_left > 0 && self.clients.random.chance(6_000) {
            self.double_spend();
        }
        if self.clients.exits_left > 0 && self.clients.random.chance(4_000) && self.leave(true) {
            self.clients.exits_left -= 1;
        }
        if self.clients.thefts_left > 0 && self.clients.random.chance(4_000) {
            let spends_later = self.clients.random.chance(5_000);
            if self.leave(spends_later) {
                self.clients.thefts_left -= 1;
            }
        }
        if self.scenario.thefts > 0 {
            self.spend_what_leaves();
        }
        self.leave_in_flight();
        self.take_back();
    }
}
