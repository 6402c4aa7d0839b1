//! Members that lie from some moment on: chosen when their turn to lead comes, never more than the scenario allows.

use plasma_consensus::Mutation;
use plasma_core::View;

use super::{Event, World, rejoining::FORGETFUL};
use crate::sim::byzantine::Byzantine;

impl World {
    /// Gives a member the scripts of a liar.
    pub(super) fn teach(&mut self, member: u16) {
        let liar = Byzantine::new(member, self.scenario.scripts, self.key(member));
        self.scripts.insert(member, liar);
    }

    /// Corrupts the next leader, while there is anybody left to corrupt.
    pub(super) fn adapt(&mut self) {
        let budget = u32::from(self.scenario.byzantine + self.scenario.adaptive);
        if self.liars.count_ones() >= budget || !self.random.chance(1_000) {
            return;
        }
        let coming = View(self.highest_view().0 + 1);
        let leaders = self.hosts.iter().find_map(|host| host.engine.as_ref());
        let Some(leader) = leaders.map(|engine| engine.leader(coming).0) else {
            return;
        };
        let may_forget = leader == FORGETFUL && self.scenario.lost_disks > 0;
        if self.is_honest(leader) && !may_forget {
            self.corrupt(leader);
        }
    }

    fn corrupt(&mut self, member: u16) {
        self.marks.hit("leader corrupted");
        self.liars |= 1 << member;
        self.teach(member);
        self.oracle.corrupt(member, &self.blocks);
        if let Some(engine) = self.host_mut(member).engine.as_mut() {
            // It signs past its engine's ledger, so its engine must not mind.
            engine.break_rule(Mutation::ForgetsSilently);
        }
        self.is_counted = false;
        self.schedule(50, Event::Mischief { member });
    }
}
