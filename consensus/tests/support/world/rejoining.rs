//! A member whose disk is lost: it asks the others how far its former life may have voted, and is silent up to there.

use std::rc::Rc;

use plasma_consensus::{Certified, Message, Rejoin};
use plasma_core::OperatorIndex;

use super::{Event, World};
use crate::sim::{byzantine::domain, host::Disk};

/// The member whose disk may be lost. One at a time is what the rule is made for.
pub(super) const FORGETFUL: u16 = 0;

/// Between two questions to the others.
const ASK_MS: u64 = 300;

impl World {
    /// The disk may go with the power.
    pub(super) fn lose_disk(&mut self, member: u16) {
        if member != FORGETFUL || !self.random.chance(self.scenario.lost_disks) {
            return;
        }
        self.marks.hit("disk lost");
        let (committee, me) = (self.committee.clone(), OperatorIndex(member));
        let host = self.host_mut(member);
        host.disk = Disk::new();
        host.rejoin = Some(Rejoin::new(committee, domain(), me));
    }

    /// Its former life is certainly over when it comes to ask.
    pub(super) fn ask_for_claims(&mut self, member: u16) {
        let life = self.host(member).life;
        self.schedule(0, Event::Ask { member, life });
    }

    pub(super) fn on_ask(&mut self, member: u16, life: u32) {
        if self.host(member).life != life || self.host(member).rejoin.is_none() {
            return;
        }
        for from in (0..self.scenario.n).filter(|peer| *peer != member) {
            let (now, network) = (self.now, &self.network);
            let is_open = network.is_open(now, from, member) && network.is_open(now, member, from);
            if !is_open || self.host(from).engine.is_none() || self.random.chance(self.scenario.loss) {
                continue;
            }
            let claim = self.claim(from).map(Rc::new);
            let delay = self.scenario.delay_ms + self.random.below(50);
            let answer = Event::Claimed {
                member,
                life,
                from,
                claim,
            };
            self.schedule(delay, answer);
        }
        self.schedule(ASK_MS, Event::Ask { member, life });
    }

    /// What a member shows of its view. A liar shows less than it could, or nothing.
    fn claim(&mut self, from: u16) -> Option<Certified> {
        let honest = self.host(from).engine.as_ref().and_then(|engine| engine.claim());
        if self.is_honest(from) {
            return honest;
        }
        let old = self.scripts.get(&from).and_then(|liar| {
            liar.heard().find_map(|message| match message {
                Message::Certified(certified) => Some(certified.clone()),
                _ => None,
            })
        });
        old.filter(|_| self.random.chance(5_000))
    }

    pub(super) fn on_claimed(&mut self, member: u16, life: u32, from: u16, claim: Option<&Certified>) {
        if self.host(member).life != life {
            return;
        }
        let key = self.key(member);
        let Some(rejoin) = self.host_mut(member).rejoin.as_mut() else {
            return;
        };
        let is_heard = rejoin.hear(OperatorIndex(from), claim, &key);
        let record = rejoin.record();
        if !is_heard && self.is_honest(from) {
            self.oracle
                .object("Rejoin", format!("the claim of honest {from} counts for nothing"));
        }
        if let Some(record) = record {
            self.marks.hit("rejoined after a lost disk");
            let host = self.host_mut(member);
            host.disk.log.push(record);
            host.rejoin = None;
            self.on_restart(member);
        }
    }
}
