//! The end of a federation that Ethereum hears nothing of any more: deposits come too late, and when the chain is halted everybody
//! leaves with what counts, and takes back what was never funded by a block that counts.

use plasma_core::{Address, Height};

use super::{NEVER, THIEVES};
use crate::sim::{
    site::USERS,
    world::{CHECK_MS, World},
};

/// Deposits that come after Ethereum heard the last of the federation.
const LATE_DEPOSITS: u32 = 3;
/// So many looks at the end long thieves go on paying, four a second: until every operator has heard of it.
const STUBBORN: u32 = 60;
/// Payments between two looks: blocks follow each other at once, and some payment waits for the next one.
const AT_ONCE: usize = 6;
/// So many looks no operator knows of it yet, since Ethereum must confirm it first.
const UNAWARE: u32 = 16;
/// Exits of outputs that count, after the halt.
const LEAVING: u32 = 4;

/// What became of the federation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    late: u32,
    looks: u32,
    left: u32,
    stolen: u32,
    /// The last height that counts, once Ethereum says so.
    pub(super) last_valid: Option<Height>,
    /// When that was seen first.
    pub(super) seen_at: Option<u64>,
}

impl World {
    /// Whether Ethereum takes no anchor any more.
    pub(in crate::sim) fn is_cut_off(&self) -> bool {
        self.scenario.halt_at_ms.is_some_and(|at| self.now >= at)
    }

    /// When people saw that the federation is over.
    pub(in crate::sim) fn ended_for_good(&self) -> Option<u64> {
        self.clients.end.seen_at
    }

    /// What people do when the federation ends.
    pub(in crate::sim) fn follow_end(&mut self) {
        if !self.is_cut_off() {
            return;
        }
        if self.clients.end.late < LATE_DEPOSITS {
            self.clients.end.late += 1;
            let user = self.clients.random.index(usize::from(USERS));
            self.deposit(user);
        }
        let Some(last_valid) = self.clients.end.last_valid else {
            return self.pay_to_the_end();
        };
        if self.clients.end.seen_at.is_none() {
            self.clients.end.seen_at = Some(self.now);
            self.marks.hit("a halt");
            self.note(&[b"halt"], || format!("nothing above {last_valid} counts"));
            // Nobody decides them any more. What they spend stays put: a block that does not count may hold them.
            self.clients.pending.clear();
        }
        self.clients.end.looks += 1;
        if self.clients.end.looks < UNAWARE {
            self.pay_to_the_end();
        }
        if self.clients.end.looks < STUBBORN && self.clients.end.looks.is_multiple_of(8) {
            self.pay_on();
        }
        if self.clients.end.left < LEAVING {
            self.clients.end.left += 1;
            self.leave(true);
        }
        if self.clients.end.stolen < self.scenario.late_thefts && self.leave(false) {
            self.clients.end.stolen += 1;
        }
        for (number, owner) in self.unfunded_deposits(last_valid) {
            self.ask_back(number, owner);
        }
    }

    /// A thief pays to himself until the operators halt the chain: so something waits when they do.
    fn pay_to_the_end(&mut self) {
        if !self.scenario.pays_to_the_end {
            return;
        }
        let user = usize::from(USERS) - 1 - self.clients.random.index(usize::from(THIEVES));
        let purse = self.purse(user);
        for coin in purse.into_iter().take(AT_ONCE) {
            let signed = self.pay_oneself(user, coin, NEVER);
            // At any moment between two blocks of Ethereum, not only when people look.
            let delay = self.clients.random.between(1, CHECK_MS);
            self.show_later(signed, user, delay);
        }
    }

    /// A thief pays although the chain is halted.
    fn pay_on(&mut self) {
        let user = usize::from(USERS) - 1;
        if let Some(signed) = self.payment(user, None) {
            let owner = self.site.users[user].address();
            self.oracle.submitted(signed.leaf(), owner);
            self.show_later(signed, user, 1);
        }
    }

    /// Deposits that no block funds which counts, and that did not go back.
    fn unfunded_deposits(&self, last_valid: Height) -> Vec<(u64, Address)> {
        let model = &self.oracle.model;
        let waiting = self.clients.reclaims.waiting();
        waiting
            .filter(|(number, _)| !model.is_funded(*number, last_valid))
            .collect()
    }

    /// What is not back yet of what the federation swallowed.
    pub(in crate::sim) fn swallowed(&self) -> Option<String> {
        let last_valid = self.clients.end.last_valid?;
        let open = self.unfunded_deposits(last_valid);
        let (number, owner) = open.first()?;
        Some(format!("deposit {number} of {owner} did not go back"))
    }

    /// Whether nothing but Ethereum's clock stands between a federation and its end: a reclaim leaves operators their time.
    pub(in crate::sim) fn may_hurry(&self) -> bool {
        self.awaits_halt() && !self.clients.reclaims.is_open()
    }

    /// What a user who was promised the end of a silent federation still waits for.
    pub(in crate::sim) fn awaits_halt(&self) -> bool {
        self.is_cut_off() && self.clients.end.seen_at.is_none()
    }
}
