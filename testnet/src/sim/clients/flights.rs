//! People who leave in flight: with a payment that no operator was shown, or that is decided only later. Thieves do so too (`grabs`).

mod grabs;

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{
    Address, Amount, ExitId, Height, Input, Kind, Payment, Position, SignedTransaction, Transaction,
    TransactionId,
};
use plasma_node::{
    answers,
    bridge::{
        account::Call,
        convert::Inclusion,
        evidence::{Evidence, Pending as Shown, output_key},
    },
    storage::Storage as _,
};

use super::{Clients, NEVER};
use crate::sim::{
    ethereum::lock,
    oracle::{
        facts::Fact,
        model::{Lot, Model},
    },
    random::Random,
    scenario::Scenario,
    site::{BOND, USERS},
    world::{Happening, World},
};

/// A call that Ethereum has not shown done is sent again after this time.
const AGAIN_MS: u64 = 6_000;
/// How late a payment comes to the operators that leaves in flight.
const LATE_MS: u64 = 8_000;
/// Payments that a thief looks at before he takes one of them.
const LOOKS_MAX: usize = 12;
/// The claim of all inputs, beside the bits of the outputs.
const INPUTS: u8 = 1 << 4;

/// A payment that leaves.
#[derive(Clone, Debug)]
struct Flight {
    signed: SignedTransaction,
    shown: Shown,
    /// Who claims what: bits of outputs, and `INPUTS`.
    claims: u8,
    /// Who stands for honest owners of outputs was decided.
    is_joined: bool,
    /// What its sender shows against it.
    against: Option<SignedTransaction>,
    id: Option<ExitId>,
    claimed: u8,
    is_contested: bool,
    has_ended: bool,
    sent_at: Option<u64>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Flights {
    open: BTreeMap<TransactionId, Flight>,
    names: BTreeMap<ExitId, TransactionId>,
    left: u64,
    thefts_left: u64,
    random: Random,
}

impl Flights {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            open: BTreeMap::new(),
            names: BTreeMap::new(),
            left: scenario.flights,
            thefts_left: scenario.grabs,
            random: Random::new(scenario.seed, 22),
        }
    }

    /// Ethereum was reorganised.
    pub(super) fn forget(&mut self) {
        self.names.clear();
        for flight in self.open.values_mut() {
            (flight.id, flight.claimed, flight.is_contested, flight.has_ended) = (None, 0, false, false);
        }
    }

    pub(super) fn on_fact(&mut self, fact: &Fact) {
        let (Fact::FlightStarted { id, .. }
        | Fact::OutputClaimed { id, .. }
        | Fact::InputsClaimed { id }
        | Fact::Contested { id }
        | Fact::FlightEnded { id, .. }) = fact
        else {
            return;
        };
        if let Fact::FlightStarted { bytes, .. } = fact
            && let Ok(signed) = SignedTransaction::decode(bytes)
        {
            self.names.insert(*id, signed.id());
        }
        let name = self.names.get(id);
        let Some(flight) = name.and_then(|name| self.open.get_mut(name)) else {
            return;
        };
        match fact {
            Fact::FlightStarted { .. } => flight.id = Some(*id),
            Fact::OutputClaimed { output, .. } => flight.claimed |= 1 << output,
            Fact::InputsClaimed { .. } => flight.claimed |= INPUTS,
            Fact::Contested { .. } => flight.is_contested = true,
            _ => flight.has_ended = true,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        let mut known = self.open.values();
        known.any(|flight| flight.id.is_some() && !flight.has_ended)
    }

    /// What leaves or is claimed on Ethereum: honest owners do not spend it.
    pub(super) fn claimed(&self, model: &Model) -> BTreeSet<Position> {
        let open = self.open.iter().filter(|(_, flight)| !flight.has_ended);
        let inputs = open
            .clone()
            .flat_map(|(_, flight)| &flight.signed.transaction.inputs);
        let inputs = inputs.map(|input| input.position);
        let placed = open.filter_map(|(id, flight)| Some((model.decided.get(id)?, flight.claims)));
        placed
            .flat_map(|((block, transaction), claims)| {
                let outputs = (0..4u8).filter(move |output| claims >> output & 1 == 1);
                outputs.map(|output| Position {
                    block: *block,
                    transaction: *transaction,
                    output,
                })
            })
            .chain(inputs)
            .collect()
    }
}

impl World {
    /// Somebody leaves in flight, now and then.
    pub(super) fn leave_in_flight(&mut self) {
        if self.now < self.scenario.flights_from_ms {
            return;
        }
        let flights = &mut self.clients.flights;
        let is_time = flights.left > 0 && flights.random.chance(4_000);
        if is_time && self.fly() {
            self.clients.flights.left -= 1;
        }
        let flights = &mut self.clients.flights;
        let is_time = flights.thefts_left > 0 && flights.random.chance(4_000);
        let kind = flights.random.below(5);
        if is_time && self.grab(kind) {
            self.clients.flights.thefts_left -= 1;
        }
    }

    /// An honest payment leaves; the operators hear of it from Ethereum alone, or also from its sender, now or late.
    fn fly(&mut self) -> bool {
        let user = self.clients.flights.random.index(usize::from(USERS) - 2);
        let anchored = self.anchored();
        let mut purse = self.purse(user);
        purse.retain(|(position, _)| position.block <= anchored);
        self.clients.flights.random.shuffle(&mut purse);
        purse.truncate(1 + self.clients.flights.random.index(2));
        if purse.is_empty() {
            return false;
        }
        let Some(mut signed) = self.payment(user, Some(purse)) else {
            return false;
        };
        if self.clients.flights.random.chance(3_000) {
            // Too late for a block, as it may turn out, but not for Ethereum.
            let ahead = u32::try_from(self.clients.flights.random.below(8)).expect("small");
            let expiry = Height(anchored.0 + ahead);
            let content = Transaction {
                expiry,
                ..signed.transaction
            };
            signed = content.sign(&self.site.domain, &self.site.users[user]);
        }
        self.oracle
            .submitted(signed.leaf(), self.site.users[user].address());
        if !self.start_flight(&signed, user) {
            return false;
        }
        let delay = match self.clients.flights.random.below(3) {
            0 => None,
            1 => Some(1),
            _ => Some(self.clients.flights.random.below(LATE_MS)),
        };
        if let Some(delay) = delay {
            self.show_later(signed, user, delay);
        }
        self.marks.hit("an exit in flight began");
        true
    }

    /// A payment comes to an operator.
    pub(super) fn show_later(&mut self, signed: SignedTransaction, user: usize, delay: u64) {
        let id = signed.id();
        let pending = super::Pending {
            signed,
            is_honest: !Clients::is_thief(user),
            accepted: None,
            is_trusting: false,
        };
        self.clients.pending.insert(id, pending);
        self.after(delay, Happening::Retry { id });
    }

    /// Sends the start of an exit, when it can be shown where the inputs lie.
    fn start_flight(&mut self, signed: &SignedTransaction, user: usize) -> bool {
        let index = self.clients.flights.random.index(self.hosts.len());
        let host = &self.hosts[index];
        let reader = host.storage.reader();
        let mut inputs: Vec<Inclusion> = Vec::new();
        for input in &signed.transaction.inputs {
            let Position {
                block, transaction, ..
            } = input.position;
            match answers::inclusion(&reader, &host.books.anchors, block, transaction) {
                Ok(Some(found)) => inputs.push(found),
                _ => return false,
            }
        }
        let owner = self.site.users[user].address();
        let keys = signed.transaction.inputs.iter().zip(&inputs);
        let keys = keys.map(|(input, made)| output_key(made.receipt.transaction.id(), input.position.output));
        let shown = Shown {
            transaction: signed.clone(),
            owner,
            inputs: keys.collect(),
        };
        let payment = Evidence::Bare(signed.clone());
        let bond = Amount::from(BOND);
        let Ok(call) = self.site.contracts.start_in_flight_call(&payment, &inputs, bond) else {
            return false;
        };
        lock(&self.chain).send(owner, call);
        for input in &signed.transaction.inputs {
            self.clients.reserved.insert(input.position);
        }
        let flight = Flight {
            signed: signed.clone(),
            shown,
            claims: 0,
            is_joined: false,
            against: None,
            id: None,
            claimed: 0,
            is_contested: false,
            has_ended: false,
            sent_at: None,
        };
        self.clients.flights.open.insert(signed.id(), flight);
        true
    }

    /// Whoever has something to claim in an exit, or against it, does so until Ethereum shows it.
    pub(in crate::sim) fn follow_flights(&mut self) {
        let names: Vec<TransactionId> = self.clients.flights.open.keys().copied().collect();
        for name in names {
            self.join(&name);
            let flight = &self.clients.flights.open[&name];
            let is_resting = flight.sent_at.is_some_and(|at| self.now < at + AGAIN_MS);
            let Some(id) = flight.id.filter(|_| !flight.has_ended && !is_resting) else {
                continue;
            };
            let flight = flight.clone();
            for (from, call) in self.claims_of(&id, &flight) {
                // Half of the period may be over, or the order of things is another after a reorganisation.
                let mut chain = lock(&self.chain);
                if chain.would_do(from, &call) {
                    chain.send(from, call);
                }
            }
            if let Some(flight) = self.clients.flights.open.get_mut(&name) {
                flight.sent_at = Some(self.now);
            }
        }
    }

    /// Owners of outputs decide whether they claim them.
    fn join(&mut self, name: &TransactionId) {
        let flights = &mut self.clients.flights;
        let Some(flight) = flights.open.get_mut(name) else {
            return;
        };
        if flight.is_joined || flight.id.is_none() {
            return;
        }
        flight.is_joined = true;
        let place = self.oracle.model.decided.get(name).copied();
        for (output, payment) in (0u8..).zip(&flight.signed.transaction.outputs) {
            let key = self
                .site
                .users
                .iter()
                .position(|key| key.address() == payment.owner);
            let is_thief = key.is_some_and(Clients::is_thief);
            // Somebody spends it already: an honest owner keeps his hands off it.
            let is_busy = place.is_some_and(|(block, transaction)| {
                let position = Position {
                    block,
                    transaction,
                    output,
                };
                let coin = self.oracle.model.coins.get(&position);
                self.clients.reserved.contains(&position) || coin.is_none_or(|coin| coin.state != Lot::Free)
            });
            if flights.random.chance(7_000) && (is_thief || !is_busy) {
                flight.claims |= 1 << output;
            }
        }
    }

    /// What is still to be said, with who says it.
    fn claims_of(&self, id: &ExitId, flight: &Flight) -> Vec<(Address, Call)> {
        let (contracts, bond) = (self.site.contracts, Amount::from(BOND));
        let mut calls = Vec::new();
        let missing = flight.claims & !flight.claimed;
        for (output, payment) in (0u8..).zip(&flight.signed.transaction.outputs) {
            if missing >> output & 1 == 1 {
                let call = contracts.piggyback_output_call(id, &flight.shown, output, bond);
                calls.push((payment.owner, call));
            }
        }
        if missing & INPUTS != 0 {
            let call = contracts.piggyback_input_call(id, &flight.shown, bond);
            calls.push((flight.shown.owner, call));
        }
        if let Some(other) = flight.against.as_ref().filter(|_| !flight.is_contested) {
            let spent = &flight.signed.transaction.inputs;
            let input = spent
                .iter()
                .position(|input| input.position == other.transaction.inputs[0].position);
            let input = input.and_then(|input| u8::try_from(input).ok()).unwrap_or(0);
            let evidence = Evidence::Bare(other.clone());
            let call = contracts.challenge_not_canonical_call(
                id,
                &flight.shown,
                input,
                (&evidence, 0),
                Amount::ZERO,
            );
            calls.extend(call.ok().map(|call| (flight.shown.owner, call)));
        }
        calls
    }

    fn claim(&mut self, name: &TransactionId, bits: u8) {
        if let Some(flight) = self.clients.flights.open.get_mut(name) {
            flight.claims |= bits;
        }
    }

    /// A payment of a thief over these outputs; no two are the same.
    fn signed_over(&mut self, user: usize, coins: &[(Position, Amount)]) -> SignedTransaction {
        let total: Amount = coins.iter().map(|(_, amount)| *amount).sum();
        let random = &mut self.clients.flights.random;
        let part = Amount::from(1 + random.below(200)).min(total);
        let owners = [user, random.index(usize::from(USERS))].map(|user| self.site.users[user].address());
        let mut outputs: Vec<Payment> = [(owners[0], part), (owners[1], total - part)]
            .into_iter()
            .map(|(owner, amount)| Payment { owner, amount })
            .collect();
        outputs.retain(|payment| !payment.amount.is_zero());
        let inputs = coins.iter();
        let transaction = Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: NEVER,
            inputs: inputs
                .map(|(position, amount)| Input {
                    position: *position,
                    amount: *amount,
                })
                .collect(),
            outputs,
        };
        let signed = transaction.sign(&self.site.domain, &self.site.users[user]);
        self.oracle
            .submitted(signed.leaf(), self.site.users[user].address());
        signed
    }

    /// A decided payment that a thief made, or that paid him something which he spent on; with who made it.
    fn decided_payment(&mut self, user: usize, is_own: bool) -> Option<(SignedTransaction, usize)> {
        let thief = self.site.users[user].address();
        let model = &self.oracle.model;
        let mut places: Vec<(Height, u32)> = if is_own {
            model.decided.values().copied().collect()
        } else {
            let coins = model.coins.iter();
            let spent = coins.filter(|(_, coin)| coin.owner == thief && coin.state == Lot::Spent);
            spent
                .map(|(position, _)| (position.block, position.transaction))
                .collect()
        };
        self.clients.flights.random.shuffle(&mut places);
        places.truncate(LOOKS_MAX);
        let host = &self.hosts[self.clients.flights.random.index(self.hosts.len())];
        let reader = host.storage.reader();
        let anchored = self.anchored();
        let mut found = Vec::new();
        for (height, index) in places {
            let Ok(Some(signed)) = answers::transaction(&reader, height, index) else {
                continue;
            };
            let maker = self.oracle.signer(&signed);
            let maker = maker.and_then(|maker| self.site.users.iter().position(|key| key.address() == maker));
            let is_anchored = signed
                .transaction
                .inputs
                .iter()
                .all(|input| input.position.block <= anchored);
            if let Some(maker) = maker
                && (!is_own || maker == user)
                && is_anchored
                && signed.transaction.kind == Kind::Transfer
                && signed.transaction.expiry == NEVER
            {
                found.push((signed, maker));
            }
        }
        if found.is_empty() {
            return None;
        }
        let place = self.clients.flights.random.index(found.len());
        Some(found.swap_remove(place))
    }
}
