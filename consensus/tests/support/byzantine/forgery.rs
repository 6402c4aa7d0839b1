//! What was heard is said again, or turned into what nobody said.

use std::rc::Rc;

use plasma_consensus::{Certified, Message, Statement};
use plasma_core::View;

use super::World;
use crate::sim::crypto::shifted;

impl World {
    pub(super) fn replay(&mut self, member: u16) {
        let heard = &self.liar(member).heard;
        if heard.is_empty() {
            return;
        }
        let place = self.random.index(heard.len());
        let message = Rc::clone(&self.liar(member).heard[place]);
        let peer = u16::try_from(self.random.below(u64::from(self.scenario.n))).expect("below n");
        if peer != member {
            self.transmit(member, peer, &message, None);
        }
    }

    /// A vote or certificate that somebody else never made.
    pub(super) fn forge(&mut self, member: u16) {
        let certificates = self
            .liar(member)
            .heard
            .iter()
            .filter_map(|message| match &**message {
                Message::Certified(certified) => Some(certified.clone()),
                _ => None,
            });
        let certificates: Vec<Certified> = certificates.collect();
        if certificates.is_empty() {
            return;
        }
        let mut forged = certificates[self.random.index(certificates.len())].clone();
        let next = |view: View| View(view.0 + 1);
        forged.statement = match forged.statement {
            Statement::Notarize(c) => Statement::Finalize {
                view: c.view,
                block: c.block,
            },
            Statement::Nullify { view } => Statement::Nullify { view: next(view) },
            Statement::Finalize { view, .. } => Statement::Nullify { view },
        };
        let mask = self.random.mask();
        self.spread(member, mask, Message::Certified(forged), None);
        let view = self
            .host(member)
            .engine
            .as_ref()
            .map_or(View(1), |engine| engine.view());
        let mut vote = self.liar(member).sign(Statement::Nullify { view });
        vote.signature = shifted(&vote.signature, 1);
        self.spread(member, mask, Message::Vote(vote), None);
    }
}
