//! Thieves who leave in flight with what they spent, or with a payment that they signed another way meanwhile.

use super::{INPUTS, LATE_MS};
use crate::sim::{oracle::model::Lot, site::USERS, world::World};

impl World {
    /// A thief leaves in flight with what is not his any more.
    pub(super) fn grab(&mut self, kind: u64) -> bool {
        let user = usize::from(USERS) - 1 - self.clients.flights.random.index(2);
        let done = match kind {
            // A second payment of what is spent, perhaps together with what is not.
            0 => self.grab_spent(user),
            // The payment that was decided, though its outputs went on.
            1 => self.grab_again(user, false),
            // The payment that was decided, against which its sender then shows another.
            2 => self.grab_again(user, true),
            // A payment that is too late for any block, so that it locks what it spends.
            3 => self.freeze(user),
            // Two payments of one output, one for the operators and one for Ethereum.
            _ => self.grab_in_a_race(user),
        };
        if done {
            self.marks.hit("a theft in flight was tried");
        }
        done
    }

    fn grab_spent(&mut self, user: usize) -> bool {
        let (owner, anchored) = (self.site.users[user].address(), self.anchored());
        let coins = self.oracle.model.coins.iter();
        let spent = coins.filter(|(position, coin)| {
            coin.owner == owner && coin.state == Lot::Spent && position.block <= anchored
        });
        let mut spent: Vec<_> = spent.map(|(position, coin)| (*position, coin.amount)).collect();
        let flights = &mut self.clients.flights;
        flights.random.shuffle(&mut spent);
        spent.truncate(1);
        let is_mixed = flights.random.chance(5_000);
        let claims_inputs = flights.random.chance(5_000);
        if spent.is_empty() {
            return false;
        }
        if is_mixed {
            let mut free = self.purse(user);
            free.retain(|(position, _)| position.block <= anchored);
            spent.extend(free.first());
        }
        let signed = self.signed_over(user, &spent);
        let done = self.start_flight(&signed, user);
        if done && claims_inputs {
            self.claim(&signed.id(), INPUTS);
        }
        done
    }

    fn grab_again(&mut self, user: usize, contests: bool) -> bool {
        let Some((signed, sender)) = self.decided_payment(user, contests) else {
            return false;
        };
        if self.clients.flights.open.contains_key(&signed.id()) {
            return false;
        }
        let first = signed.transaction.inputs[0];
        let done = self.start_flight(&signed, sender);
        if done && contests {
            let other = self.signed_over(sender, &[(first.position, first.amount)]);
            self.claim(&signed.id(), INPUTS);
            if let Some(flight) = self.clients.flights.open.get_mut(&signed.id()) {
                flight.against = Some(other);
            }
        }
        done
    }

    fn freeze(&mut self, user: usize) -> bool {
        let anchored = self.anchored();
        let mut purse = self.purse(user);
        purse.retain(|(position, _)| position.block <= anchored);
        let Some((position, amount)) = purse.first().copied() else {
            return false;
        };
        let signed = self.pay_oneself(user, (position, amount), anchored);
        let done = self.start_flight(&signed, user);
        if let Some(flight) = self.clients.flights.open.get_mut(&signed.id()) {
            flight.is_joined = true;
        }
        done
    }

    fn grab_in_a_race(&mut self, user: usize) -> bool {
        let anchored = self.anchored();
        let mut purse = self.purse(user);
        purse.retain(|(position, _)| position.block <= anchored);
        purse.truncate(1);
        if purse.is_empty() {
            return false;
        }
        let (one, other) = (self.signed_over(user, &purse), self.signed_over(user, &purse));
        let done = self.start_flight(&one, user);
        let delay = self.clients.flights.random.below(LATE_MS / 2);
        self.show_later(other.clone(), user, delay);
        if done && self.clients.flights.random.chance(5_000) {
            self.claim(&one.id(), INPUTS);
            if let Some(flight) = self.clients.flights.open.get_mut(&one.id()) {
                flight.against = Some(other);
            }
        }
        done
    }
}
