//! What can be seen of the world of pure operators from outside: storage, logs, replies and duties.

use std::collections::BTreeSet;

use plasma_core::{Amount, Position, SigningKey};
use plasma_node::{
    operator::{
        effect::{Effect, Record},
        report::{Accepted, Rejected},
    },
    storage::{Read, Storage},
};

use super::world::World;

impl World {
    /// How many votes of a kind an operator's log holds.
    pub(crate) fn votes(&self, index: usize, kind: plasma_consensus::Kind) -> usize {
        let is_vote = |record: &&Record| matches!(record, Record::Consensus(plasma_consensus::Record::Vote(vote)) if vote.statement.kind() == kind);
        self.nodes[index].log.iter().filter(is_vote).count()
    }

    pub(crate) fn verdict(&self, node: usize, ticket: u64) -> &Result<Accepted, Rejected> {
        let found = self.nodes[node]
            .replies
            .iter()
            .find(|(known, _)| *known == ticket);
        &found.expect("a reply").1
    }

    pub(crate) fn holdings(&self, node: usize, owner: &SigningKey) -> Vec<(Position, Amount)> {
        let reader = self.nodes[node].storage.reader();
        let outputs = reader.outputs_of(&owner.address(), None, 1_000).expect("reads");
        outputs
            .into_iter()
            .map(|(position, record)| (position, record.output.amount))
            .collect()
    }

    pub(crate) fn all_hold(&self, owner: &SigningKey, sum: u64) -> bool {
        (0..self.nodes.len()).all(|node| self.nodes[node].operator.is_none() || self.holds(node, owner, sum))
    }

    pub(crate) fn holds(&self, node: usize, owner: &SigningKey, sum: u64) -> bool {
        let held = self.holdings(node, owner).into_iter();
        held.fold(Amount::ZERO, |sum, (_, amount)| sum + amount) == Amount::from(sum)
    }

    /// One block id and one commitment per height, on all operators.
    pub(crate) fn check_agreement(&self) {
        let lowest = self.heights().into_iter().flatten().min().expect("one runs");
        let ids: BTreeSet<_> = self
            .nodes
            .iter()
            .filter(|node| node.operator.is_some())
            .map(|node| {
                node.storage
                    .reader()
                    .header(lowest)
                    .expect("reads")
                    .expect("decided")
                    .id()
            })
            .collect();
        assert_eq!(ids.len(), 1, "operators disagree at height {lowest}");
    }

    pub(crate) fn duties(&self) -> Vec<&Effect> {
        self.nodes.iter().flat_map(|node| &node.duties).collect()
    }
}
