//! People who leave through Ethereum, and people who steal: double spends, payments that break a rule, exits of what was spent,
//! spends of what leaves.

use plasma_core::{Address, Amount, Height, Input, Kind, Payment, Position, SignedTransaction, Transaction};
use plasma_node::{answers, storage::Storage as _};

use super::{Clients, NEVER, Pending, THIEVES, TRIES_MS};
use crate::sim::{
    ethereum::lock,
    oracle::model::Lot,
    site::{BOND, USERS},
    world::{Happening, World},
};

impl World {
    /// A payment of one output to its own owner.
    pub(in crate::sim) fn pay_oneself(
        &mut self,
        user: usize,
        (position, amount): (Position, Amount),
        expiry: Height,
    ) -> SignedTransaction {
        let owner = self.site.users[user].address();
        let transaction = Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry,
            inputs: vec![Input { position, amount }],
            outputs: vec![Payment { owner, amount }],
        };
        let signed = transaction.sign(&self.site.domain, &self.site.users[user]);
        self.oracle.submitted(signed.leaf(), owner);
        signed
    }

    /// A thief shows two payments of one output to two operators.
    pub(super) fn double_spend(&mut self) {
        let user = usize::from(USERS) - 1 - self.clients.random.index(usize::from(THIEVES));
        let purse = self.purse(user);
        let Some(coin) = purse.first().copied() else {
            return;
        };
        self.clients.doubles_left -= 1;
        for _ in 0..2 {
            if let Some(signed) = self.payment(user, Some(vec![coin])) {
                self.submit(signed, user);
            }
        }
        self.marks.hit("a double spend was tried");
    }

    /// A thief shows a payment that breaks a rule.
    pub(super) fn cheat(&mut self) {
        let kind = self.clients.random.below(6);
        self.cheat_in(kind);
    }

    /// Somebody spends what has left, or is about to.
    pub(super) fn spend_what_leaves(&mut self) {
        self.cheat_in(1);
    }

    fn cheat_in(&mut self, kind: u64) {
        let mut user = usize::from(USERS) - 1 - self.clients.random.index(usize::from(THIEVES));
        let mut owner = self.site.users[user].address();
        let leaving = &self.clients.leaving;
        let coins = self
            .oracle
            .model
            .coins
            .iter()
            .filter(|(position, coin)| match kind {
                0 => coin.owner != owner && coin.state == Lot::Free,
                1 => match coin.state {
                    Lot::Exited => true,
                    Lot::Free => {
                        let is_leaving = leaving.get(position) == Some(&None);
                        is_leaving || (coin.locks > 0 && coin.owner == owner)
                    }
                    Lot::Spent => false,
                },
                2 => coin.owner == owner && coin.state == Lot::Spent,
                _ => coin.owner == owner && coin.state == Lot::Free && coin.locks == 0,
            });
        let coins: Vec<(Position, Amount)> = coins.map(|(position, coin)| (*position, coin.amount)).collect();
        if coins.is_empty() {
            return;
        }
        let (position, amount) = self.clients.random.pick(&coins);
        if kind == 1 {
            owner = self.oracle.model.coins[&position].owner;
            let users = &self.site.users;
            user = users
                .iter()
                .position(|key| key.address() == owner)
                .unwrap_or(user);
        }
        let double = amount + amount;
        let (mut stated, mut paid, mut expiry) = (amount, amount, NEVER);
        match kind {
            3 => (stated, paid) = (double, double),
            4 => paid = double,
            5 => expiry = Height(self.oracle.height().0.saturating_sub(2)),
            _ => {}
        }
        let transaction = Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry,
            inputs: vec![Input {
                position,
                amount: stated,
            }],
            outputs: vec![Payment { owner, amount: paid }],
        };
        let signed = transaction.sign(&self.site.domain, &self.site.users[user]);
        self.oracle.submitted(signed.leaf(), owner);
        let id = signed.id();
        let pending = Pending {
            signed,
            is_honest: false,
            accepted: None,
            is_trusting: false,
        };
        self.clients.pending.insert(id, pending);
        let index = self.clients.random.index(self.hosts.len());
        self.after(1, Happening::Offer { index, id });
        self.marks.hit("a cheat was tried");
    }

    /// Somebody leaves with an output that is anchored: an honest one with what is his, a thief with what he spent.
    pub(super) fn leave(&mut self, is_honest: bool) -> bool {
        let anchored = self.anchored();
        let clients = &self.clients;
        let claimed = clients.flights.claimed(&self.oracle.model);
        let candidates: Vec<(Position, Address)> = self
            .oracle
            .model
            .coins
            .iter()
            .filter(|(position, coin)| {
                let user = self.site.users.iter().position(|key| key.address() == coin.owner);
                let is_theirs = user.is_some_and(|user| is_honest || Clients::is_thief(user));
                let lot = if is_honest { Lot::Free } else { Lot::Spent };
                position.block <= anchored
                    && is_theirs
                    && coin.state == lot
                    && coin.locks == 0
                    && !clients.reserved.contains(position)
                    && !claimed.contains(position)
                    && !clients.leaving.contains_key(position)
            })
            .map(|(position, coin)| (*position, coin.owner))
            .collect();
        if candidates.is_empty() {
            return false;
        }
        let (position, owner) = self.clients.random.pick(&candidates);
        let index = self.clients.random.index(self.hosts.len());
        let host = &self.hosts[index];
        let found = answers::inclusion(
            &host.storage.reader(),
            &host.books.anchors,
            position.block,
            position.transaction,
        );
        let Ok(Some(inclusion)) = found else {
            return false;
        };
        let bond = Amount::from(BOND);
        let call = self
            .site
            .contracts
            .start_exit_call(&inclusion, position.output, bond);
        lock(&self.chain).send(owner, call);
        self.clients.reserved.insert(position);
        let is_thief = self
            .site
            .users
            .iter()
            .position(|key| key.address() == owner)
            .is_some_and(Clients::is_thief);
        let must_pay = (!is_honest || !is_thief).then_some(is_honest);
        self.clients.leaving.insert(position, must_pay);
        self.marks.hit(if is_honest {
            "an exit began"
        } else {
            "a theft was tried"
        });
        true
    }

    /// After an exit ended somebody tries for a while to spend what left with it; whether that goes on.
    pub(in crate::sim) fn tries_what_left(&mut self) -> bool {
        if std::mem::take(&mut self.clients.ended) {
            self.clients.tried_at = self.now + TRIES_MS;
        }
        let goes_on = self.now < self.clients.tried_at;
        if goes_on {
            self.spend_what_leaves();
        }
        goes_on
    }

    /// Somebody pays exits that are due, now and then.
    pub(in crate::sim) fn process_exits(&mut self) {
        if self.now < self.clients.processed_at + 5_000 || !self.clients.has_open_exits() {
            return;
        }
        self.clients.processed_at = self.now;
        let call = self.site.contracts.process_call(Address::ZERO, 8);
        lock(&self.chain).send(self.site.users[0].address(), call);
    }
}
