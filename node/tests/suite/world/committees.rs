//! Committees to come: who hears of which, and what Ethereum tells when it activates one.

use std::sync::Arc;

use plasma_core::{Committee, L1Event};
use plasma_node::operator::event::{ConfirmedBlock, Event};

use super::World;

impl World {
    /// Everybody hears of a committee that Ethereum announced.
    pub(crate) fn announce(&mut self, committee: &Committee) {
        for index in 0..self.nodes.len() {
            self.tell(index, committee.clone());
        }
    }

    /// One operator hears of a committee, and knows it also after a restart. It is announced now, whatever was before.
    pub(crate) fn tell(&mut self, index: usize, committee: Committee) {
        self.announced.insert(committee.epoch(), committee.hash());
        let committee = Arc::new(committee);
        let node = &mut self.nodes[index];
        node.committees.replace(Arc::clone(&committee)).expect("the next");
        if node.operator.is_some() {
            self.push(index, 1, Event::Committee(committee));
        }
    }

    /// Tells an operator of confirmed blocks, behind what they activate.
    pub(super) fn push_confirmed(&mut self, index: usize, delay: u64, blocks: Vec<ConfirmedBlock>) {
        for event in blocks.iter().flat_map(|block| &block.events) {
            if let L1Event::CommitteeActivated { epoch } = event
                && let Some(hash) = self.announced.get(epoch).copied()
            {
                let epoch = *epoch;
                self.push(index, delay, Event::Activated { epoch, hash });
            }
        }
        self.push(index, delay, Event::L1Confirmed(blocks));
    }
}
