//! What becomes of logs and storages.

use plasma_consensus::Bls;
use plasma_core::Height;
use plasma_node::{
    folder::Identity,
    operator::{Operator, effect::Record},
    storage::{Storage as _, memory::MemoryStorage},
};

use super::World;
use crate::suite::cast::secret;

impl World {
    /// From now on nothing that storage is told is durable, as on a disk that never finishes a barrier.
    pub(crate) fn make_storage_lazy(&mut self) {
        for node in &mut self.nodes {
            node.storage = node.storage.clone().into_lazy();
        }
    }

    /// Cuts an operator's power: its log was shortened the moment before, and storage forgets what was not durable.
    pub(crate) fn cut_power(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let durable = node.storage.durable().expect("memory does not fail");
        if let Some(operator) = &node.operator {
            shorten(&mut node.log, operator, durable);
        }
        self.kill(index);
        self.nodes[index].storage.crash();
    }

    /// Writes the log of an operator anew without what it needs no more.
    pub(crate) fn shorten(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let durable = node.storage.durable().expect("memory does not fail");
        let operator = node.operator.as_ref().expect("it runs");
        shorten(&mut node.log, operator, durable);
    }

    /// Gives an operator that does not run a storage that holds the genesis block alone.
    pub(crate) fn empty_storage(&mut self, index: usize) {
        let key = secret(u16::try_from(index).expect("small")).public();
        let identity = Identity::new(self.genesis.hash(), &key);
        self.nodes[index].storage = MemoryStorage::new(identity, &self.genesis.state());
    }
}

/// Writes a log anew as the runtime does.
fn shorten(log: &mut Vec<Record>, operator: &Operator<Bls>, durable: Height) {
    log.retain(|record| operator.needs(record, durable));
    let mark = operator.mark(durable).filter(|mark| !log.contains(mark));
    log.extend(mark);
}
