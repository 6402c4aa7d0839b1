//! A member comes back from its log.

use plasma_consensus::{Engine, Mutation, Record, Start};
use plasma_core::{Hash, Millis, OperatorIndex, keccak};

use super::{Event, World};
use crate::sim::{byzantine::domain, crypto::Key};

impl World {
    pub(super) fn on_restart(&mut self, member: u16) {
        if self.breakage.has_amnesia && self.host(member).life > 0 {
            self.host_mut(member).disk.log.clear();
        }
        if self.host(member).rejoin.is_some() {
            return self.ask_for_claims(member);
        }
        let log = self.log_of(member);
        let start = self.start(member);
        let floor = start.floor.clone();
        self.oracle.on_restart(member, floor.view);
        let host = self.host_mut(member);
        host.followed = Some(floor.block);
        host.proposals_before = log
            .iter()
            .filter(|record| matches!(record, Record::MyProposal { .. }))
            .map(Record::view)
            .collect();
        let (mut engine, effects) = Engine::recover(start, &log);
        // A liar signs past its engine's ledger, so its engine must not mind.
        let liar = (!self.is_honest(member) && !self.restores(member)).then_some(Mutation::ForgetsSilently);
        if let Some(mutation) = liar.or(self.breakage.mutation) {
            engine.break_rule(mutation);
        }
        self.host_mut(member).engine = Some(engine);
        if self.scenario.back_at_ms > 0 && self.now >= self.scenario.back_at_ms {
            self.on_return(member);
        }
        self.perform(member, effects);
        for peer in 0..self.scenario.n {
            let delay = self.random.between(1, 300);
            self.schedule(
                delay,
                Event::Link {
                    member: peer,
                    peer: member,
                    is_up: true,
                },
            );
            self.schedule(
                delay,
                Event::Link {
                    member,
                    peer,
                    is_up: true,
                },
            );
        }
        self.tell_work(member);
    }

    pub(super) fn start(&self, member: u16) -> Start<Key> {
        let host = self.host(member);
        Start {
            config: self.scenario.config,
            committee: self.committee.clone(),
            domain: domain(),
            me: OperatorIndex(member),
            scheme: self.key(member),
            leaders: Hash(self.leaders()),
            floor: host.disk.floor.clone(),
            now: Millis(host.local(self.now)),
        }
    }

    /// What a member signs with.
    pub(crate) fn key(&self, member: u16) -> Key {
        if self.scenario.has_real_keys {
            Key::real(member, self.committee.clone())
        } else {
            Key::mock(member)
        }
    }

    fn leaders(&self) -> [u8; 32] {
        keccak(&[&self.scenario.seed.to_be_bytes()]).0
    }
}
