//! What goes wrong besides messages: operators crash and come back, connections break, endpoints of Ethereum fall silent or lag,
//! Ethereum is reorganised.

use std::sync::Arc;

use plasma_consensus::{Statement, Vote};
use plasma_core::{Epoch, Header, L1Event};

use super::{
    ethereum::{Sight, lock},
    site::CONFIRMATIONS,
    world::{Happening, World},
};

/// Longest time in which nobody hears of an epoch's end: views are given up in less.
const HUSH_MS_MAX: u64 = 3_000;

impl World {
    /// Starts an operator and connects it to all that run.
    pub(super) fn start(&mut self, index: usize) {
        if self.hosts[index].is_up() {
            return;
        }
        let (site, scenario, now) = (Arc::clone(&self.site), self.scenario.clone(), self.now);
        self.hosts[index].turn_at = None;
        self.trouble_start(index);
        let first = match self.hosts[index].start(index, &site, &scenario, now) {
            Ok(first) => first,
            Err(why) => return self.not_started(index, why),
        };
        self.relapse(index);
        self.network.renew(index);
        let host = &self.hosts[index];
        let life = host.life;
        let status = host
            .operator
            .as_ref()
            .map(plasma_node::operator::Operator::status);
        let height = status.map(|status| status.height).unwrap_or_default();
        if self.is_watched() {
            self.check_restart(index, &first);
        }
        self.note(&[b"start", &height.0.to_be_bytes()], || {
            format!("operator {index} starts at height {height}, life {life}")
        });
        self.oracle.restarted(index, height);
        self.first_turn(index, first);
        self.after(0, Happening::Look { index, life });
        for other in (0..self.hosts.len()).filter(|other| *other != index) {
            if self.hosts[other].is_up() {
                let delay = self.random.below(50) + 1;
                self.after(
                    delay,
                    Happening::Connect {
                        pair: (index, other),
                        is_up: true,
                    },
                );
            }
        }
    }

    /// The same disk gives the same operator.
    fn check_restart(&mut self, index: usize, first: &[plasma_node::operator::effect::Effect]) {
        let again = self.hosts[index].rehearse(index, &self.site, &self.scenario, self.now);
        if again.as_deref() != Some(format!("{first:?}").as_str()) {
            let what = format!("operator {index} starts in two ways from one disk");
            self.oracle.report("restart", what);
        }
    }

    /// An operator is gone; perhaps the power of its machine too.
    pub(super) fn crash(&mut self, index: usize) {
        if !self.hosts[index].is_up() {
            return;
        }
        let has_power = !self.random.chance(self.scenario.power_cuts);
        self.marks.hit(if has_power { "a crash" } else { "a power cut" });
        self.note(&[b"crash", &[u8::from(has_power)]], || {
            format!("operator {index} crashes, power {has_power}")
        });
        self.hosts[index].crash(has_power);
        self.harm_log(index);
        self.harm_storage(index);
        for other in (0..self.hosts.len()).filter(|other| *other != index) {
            self.connect((index, other), false);
        }
        let away = self.random.between(50, self.scenario.downtime_ms.max(50));
        self.after(away, Happening::Start { index });
    }

    /// A connection is made or broken; both ends hear of it if they run.
    pub(super) fn connect(&mut self, (one, other): (usize, usize), is_up: bool) {
        let can_be = self.hosts[one].is_up() && self.hosts[other].is_up() && self.may_link(one, other);
        if self.network.is_up[one][other] == is_up || (is_up && !can_be) {
            return;
        }
        self.network.is_up[one][other] = is_up;
        self.network.is_up[other][one] = is_up;
        for (host, peer) in [(one, other), (other, one)] {
            if self.hosts[host].is_up() {
                let event = super::peers::connection(peer, is_up);
                self.hosts[host]
                    .inbox
                    .push_back(super::host::Arrival::Event(event));
                self.turn_soon(host);
            }
        }
    }

    /// Ten times a second: what may go wrong now.
    pub(super) fn stir(&mut self) {
        if self.now >= self.scenario.calm_at_ms {
            return self.network.heal();
        }
        let scenario = self.scenario.clone();
        if self.network.stir(self.now, &scenario, &mut self.random) {
            self.marks.hit("a partition");
            self.note(&[b"partition"], || "a partition".to_owned());
        }
        if self.random.chance(scenario.flaps) {
            self.flap();
        }
        if self.random.chance(scenario.blackouts) {
            self.marks.hit("a blackout");
            (0..self.hosts.len()).for_each(|index| self.crash(index));
        }
        if self.random.chance(scenario.silences) {
            self.blind(scenario.lag_max);
        }
        if self.random.chance(scenario.reorgs) {
            self.reorganise();
        }
        self.stir_machines();
    }

    /// Somebody votes to finalize the block that seals an epoch. Nobody may hear of it: whoever has voted on by the time that they
    /// do was in views above the end.
    pub(super) fn hush_end(&mut self, index: usize, vote: &Vote) {
        let is_due = self.scenario.hushed_ends > 0 && self.now < self.scenario.calm_at_ms;
        let next = Epoch(vote.epoch.0 + 1);
        if !is_due || self.hushed >= next || !self.seals(index, vote, next) {
            return;
        }
        self.hushed = next;
        if self.random.chance(self.scenario.hushed_ends) {
            let until = self.now + self.random.between(500, HUSH_MS_MAX);
            self.network.hush(until);
            self.marks.hit("nobody heard an epoch end");
            self.note(&[b"hush"], || "nobody hears anybody".to_owned());
        }
    }

    /// Whether the block that an operator votes to finalize activates the committee of an epoch.
    fn seals(&self, index: usize, vote: &Vote, next: Epoch) -> bool {
        let Statement::Finalize { block, .. } = vote.statement else {
            return false;
        };
        let operator = self.hosts[index].operator.as_ref();
        let encoded = operator.and_then(|operator| operator.encoded_block(&block));
        let header = encoded.and_then(|bytes| Header::decode(bytes.get(..Header::SIZE)?));
        let activates =
            |event: &L1Event| matches!(event, L1Event::CommitteeActivated { epoch } if *epoch == next);
        let chain = lock(&self.chain);
        let mut blocks = chain.blocks.iter().map(|mined| &mined.observed);
        let active = blocks.find(|observed| observed.events.iter().any(activates));
        let origin = header.map(|header| header.l1_height);
        active.is_some_and(|observed| Some(observed.link.block.height) <= origin)
    }

    fn flap(&mut self) {
        let n = self.hosts.len();
        let pair = (self.random.index(n), self.random.index(n));
        if pair.0 != pair.1 && self.network.is_up[pair.0][pair.1] {
            self.marks.hit("a broken connection");
            self.connect(pair, false);
            let back = self.random.between(20, 3_000);
            self.after(back, Happening::Connect { pair, is_up: true });
        }
    }

    fn blind(&mut self, lag_max: u64) {
        let index = self.random.index(self.hosts.len());
        let is_silent = self.random.chance(5_000);
        let lag = usize::try_from(self.random.below(lag_max + 1)).expect("small");
        *lock(&self.hosts[index].eye.sight) = Sight { is_silent, lag };
        self.marks.hit(if is_silent {
            "a silent endpoint"
        } else {
            "a lagging endpoint"
        });
        let back = self.random.between(200, self.scenario.silence_ms);
        let sight = Sight::default();
        self.after(back, Happening::Sight { index, sight });
    }

    pub(super) fn reorganise(&mut self) {
        let most = usize::try_from(CONFIRMATIONS).expect("few");
        let depth = 1 + self.random.index(most);
        let chain = Arc::clone(&self.chain);
        let mut chain = lock(&chain);
        let depth = chain.reorganise(depth, &mut self.random);
        if depth == 0 {
            return;
        }
        let mut facts = Vec::new();
        for mined in &chain.blocks {
            facts.extend(self.oracle.mined(mined));
        }
        let hash = chain.head().observed.link.block.hash;
        drop(chain);
        self.clients.forget_exits();
        self.clients.on_facts(&facts);
        self.marks.hit("a reorganisation");
        self.note(&[b"reorg", &hash.0], || {
            format!("Ethereum reorganises {depth} blocks")
        });
    }
}
