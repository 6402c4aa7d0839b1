//! Lost logs: what an operator said in its former lives, and what the others answer when it asks.

use std::collections::BTreeMap;

use bytes::Bytes;
use plasma_consensus::{Bls, Message};
use plasma_core::{Epoch, Millis, Peer, View};
use plasma_node::{
    folder::Identity,
    operator::{
        Operator, Params,
        effect::{Effect, Record},
        event::Event,
        rejoining::{Progress, confession},
    },
    runtime::wire,
    storage::{Saved, Storage, memory::MemoryStorage},
};

use super::{DELAY_MS, World, place};

/// How an operator begins.
pub(super) type Begin = fn(Millis, Params, Bls, Saved, Vec<Record>) -> (Operator<Bls>, Vec<Effect>);

/// What is known of an operator through all its lives.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The latest view that it voted in.
    pub(crate) said: Option<(Epoch, View)>,
    /// The same, when it lost its log.
    pub(crate) before: Option<(Epoch, View)>,
    /// How its rejoin went on.
    pub(crate) progress: Vec<Progress>,
}

impl Memory {
    /// Hears what it says; a life without the log of the one before must say nothing where that one did.
    pub(super) fn remember(&mut self, message: &Message) {
        let view = match message {
            Message::Vote(vote) => vote.statement.view(),
            Message::Proposal(proposal) => proposal.container.view,
            Message::Certified(_) | Message::Status(_) => return,
        };
        let at = (message.epoch(), view);
        assert!(
            self.before.is_none_or(|before| at > before),
            "it speaks of {at:?} and may have spoken up to {:?}",
            self.before
        );
        self.said = self.said.max(Some(at));
    }

    /// The floor that it found.
    pub(crate) fn floor(&self) -> Option<(Epoch, View)> {
        self.progress.iter().rev().find_map(|progress| match progress {
            Progress::Done { epoch, floor } => Some((*epoch, *floor)),
            _ => None,
        })
    }
}

impl World {
    /// An operator's log is gone, and with it all that it remembers of what it said; with its storage too, if `all`.
    pub(crate) fn lose_log(&mut self, index: usize, all: bool) {
        self.kill(index);
        let genesis = self.genesis.state();
        let node = &mut self.nodes[index];
        node.log.clear();
        node.memory.before = node.memory.said;
        if all {
            let key = super::secret(u16::try_from(index).expect("small")).public();
            node.storage = MemoryStorage::new(Identity::new(self.genesis.hash(), &key), &genesis);
        }
    }

    /// It starts as the flag makes it start: from a log that says that it lacks votes.
    pub(crate) fn rejoin(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let saved = futures::executor::block_on(node.storage.recover()).expect("recovers");
        node.log.push(Record::Consensus(confession(saved.state.epoch)));
        self.begin(index, Operator::rejoin_anew);
    }

    /// As [`Self::start`], with the flag, from the log as it is.
    pub(crate) fn rejoin_again(&mut self, index: usize) {
        self.begin(index, Operator::rejoin_anew);
    }

    pub(super) fn give_claim(&mut self, index: usize, from: Peer, epoch: Epoch) {
        if self.silent.contains(&place(from)) {
            return;
        }
        let operator = self.nodes[place(from)].operator.as_ref();
        let honest = || operator.and_then(|operator| operator.claim(epoch).map(wire::encode_claim));
        let said: Option<Bytes> = match self.claims.get(&place(from)) {
            Some(lie) => lie.clone(),
            None => honest(),
        };
        let claim = said.and_then(|bytes| wire::decode_claim(&bytes, epoch).ok());
        let claim = claim.map(|claim| claim.map(Box::new));
        self.push(index, 2 * DELAY_MS, Event::Claim { from, epoch, claim });
    }

    /// Liars claim what they like from here on.
    pub(crate) fn lie(&mut self, liars: impl IntoIterator<Item = (usize, Option<Bytes>)>) {
        self.claims = BTreeMap::from_iter(liars);
        self.lies = true;
    }
}
