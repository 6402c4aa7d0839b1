//! How operators come to know a committee: their people install its document, what Ethereum says of it is looked up through
//! each operator's own endpoint, and connections follow.

use std::sync::Arc;

use futures::FutureExt as _;
use plasma_contracts_abi::federation;
use plasma_core::{Address, Epoch, Hash, L1Height};
use plasma_law::ethereum::Ethereum;
use plasma_node::{
    bridge::L1Error,
    operator::event::Event,
    runtime::registry::{self, Roll},
};

use crate::sim::{
    ethereum::{Eye, lock},
    host::{Arrival, POLL_MS},
    peers,
    world::{Happening, World},
};

/// A document that cannot be installed now is tried again after this time.
const INSTALL_MS: u64 = 700;
/// People who come late come so long after the calm, if their operator is still on its way.
const LATE_MS: u64 = 15_000;

impl World {
    /// An operator's people install the document of a coming committee, as `plasma committee install` does.
    pub(in crate::sim) fn install(&mut self, index: usize, number: usize) {
        let Some(change) = self.succession.changes.get(number) else {
            return;
        };
        let is_late = change.late.contains(&index);
        if is_late && self.may_wait(index, number) {
            return self.after(INSTALL_MS, Happening::Install { index, number });
        }
        let Some(change) = self.succession.changes.get(number) else {
            return;
        };
        let host = &mut self.hosts[index];
        let examined = host.is_up().then(|| {
            let examined = registry::examine(&*host.eye, &host.directory, &change.successor);
            examined.now_or_never().expect("nothing of ours waits")
        });
        if !matches!(examined, Some(Ok(()))) {
            return self.after(INSTALL_MS, Happening::Install { index, number });
        }
        let roster = change.successor.roster.clone();
        let committee = Arc::clone(&roster.committee);
        host.kept.push(change.successor.clone());
        if let Err(error) = host.directory.enter(roster) {
            return self.oracle.report("committees", error.to_string());
        }
        let epoch = committee.epoch();
        host.inbox.push_back(Arrival::Event(Event::Committee(committee)));
        self.note(&[b"install", &epoch.0.to_be_bytes()], || {
            format!("operator {index} enters the committee of epoch {}", epoch.0)
        });
        self.relink(index);
        self.turn_soon(index);
    }

    /// Whether people who come late wait on: their operator has not come to the end of its epoch, and there is time.
    fn may_wait(&mut self, index: usize, number: usize) -> bool {
        let ended = Epoch(u64::try_from(number).expect("few"));
        let has_come = self.hosts[index].is_up() && self.hosts[index].connected > ended;
        let calm_at = self.scenario.busy_ms.max(self.scenario.calm_at_ms);
        let is_done = number < self.succession.done;
        if has_come || (is_done && self.now >= calm_at + LATE_MS) {
            if !has_come {
                self.check_laggard(index, ended);
            }
            self.marks.hit("a committee was entered late");
            return false;
        }
        true
    }

    /// When an operator looks at Ethereum again. Where committees change, nobody looks in step with the others: who
    /// always looks last would never vote in time.
    pub(in crate::sim) fn poll_ms(&mut self) -> u64 {
        if self.succession.is_empty() {
            return POLL_MS;
        }
        self.succession.random.between(POLL_MS - 100, POLL_MS + 100)
    }

    /// Whether each of two has the other among those it is connected with.
    pub(in crate::sim) fn may_link(&self, one: usize, other: usize) -> bool {
        let has = |one: usize, other: usize| {
            let host = &self.hosts[one];
            let around = host.directory.around(host.connected);
            let name = peers::name(other);
            around
                .iter()
                .any(|roster| roster.committee.seat_of(name).is_some())
        };
        self.succession.is_empty() || (has(one, other) && has(other, one))
    }

    /// Connections follow the committees that an operator knows.
    fn relink(&mut self, index: usize) {
        for other in (0..self.hosts.len()).filter(|other| *other != index) {
            let (is_up, may) = (self.network.is_up[index][other], self.may_link(index, other));
            let pair = (index, other);
            if is_up && !may {
                self.connect(pair, false);
            } else if may && !is_up && self.hosts[other].is_up() {
                let delay = self.succession.random.between(1, 50);
                self.after(delay, Happening::Connect { pair, is_up: true });
            }
        }
    }

    /// After a turn: whether another committee decides now, and whether it is the right one.
    pub(in crate::sim) fn follow(&mut self, index: usize) {
        if self.succession.is_empty() {
            return;
        }
        let Some(operator) = &self.hosts[index].operator else {
            return;
        };
        let status = operator.status();
        let (epoch, height) = (status.epoch, status.height);
        if self.scenario.is_honest(index) {
            self.check_epoch(index, epoch, height);
        }
        let before = std::mem::replace(&mut self.hosts[index].connected, epoch);
        if before != epoch {
            let seat = |epoch| self.line.seat(epoch, index).is_some();
            match (seat(before), seat(epoch)) {
                (true, false) => self.marks.hit("an operator left"),
                (false, true) => self.marks.hit("an operator joined"),
                _ => self.marks.hit("an operator stayed"),
            }
            self.relink(index);
        }
    }
}

impl Eye {
    fn roll<T>(&self, question: impl FnOnce(&mut Ethereum, Address) -> T) -> Result<T, L1Error> {
        let sight = *lock(&self.sight);
        let silent = L1Error::UnknownBlock(L1Height(0));
        if sight.is_silent {
            return Err(silent);
        }
        let mut chain = lock(&self.ledger);
        let place = chain.federation();
        let state = chain.state_behind(sight.lag);
        state.map(|state| question(state, place)).ok_or(silent)
    }
}

impl Roll for Eye {
    async fn active(&self) -> Result<Epoch, L1Error> {
        let found = self.roll(|state, place| state.ask::<_, u64>(place, federation::ActiveEpochCall));
        std::future::ready(found.map(Epoch)).await
    }

    async fn hash_of(&self, epoch: Epoch) -> Result<Hash, L1Error> {
        let call = federation::CommitteeCall { epoch: epoch.0 };
        let found = self.roll(|state, place| state.ask::<_, (u16, u16, [u8; 32])>(place, call));
        std::future::ready(found.map(|(_, _, digest)| Hash(digest))).await
    }

    async fn announced(&self) -> Result<Option<Hash>, L1Error> {
        let found = self.roll(|state, place| {
            let waits: federation::Announcement = state.ask(place, federation::AnnouncementCall);
            (waits.size > 0).then_some(Hash(waits.digest))
        });
        std::future::ready(found).await
    }
}
