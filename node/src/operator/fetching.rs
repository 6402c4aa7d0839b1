//! A body that did not come with its proposal: whom to ask for it, and when to ask more of them.
//!
//! The leader first, because it has the body for certain. After one delay two members that voted to notarize the block,
//! because a body is durable before such a vote; after two delays all of them, f + 1 of which have it and give it. As long as
//! the engine wants a verdict it asks again, and then all are asked again. So a leader that withholds bodies costs a
//! delay, and nobody is flooded for one that is only late. Where no vote is known the connected members are asked in turn.
//! Source: `consensus.md` section 8.
//!
//! This is for a block of which nothing is here but its id, on the word of votes. A proposal that came without all of its
//! transactions has a search of its own (`payload/fetching.rs`): there each answer changes what is asked for next and may show
//! a liar, the request goes on by its own clock, and the round ends with the block. Here an answer is the block or nothing, and
//! the engine is the clock: it drops what it no longer wants, so nobody is asked for it once more. Both begin with the leader and
//! two holders, and have no other rule in common.

use std::collections::BTreeSet;

use plasma_consensus::scheme::OperatorKey;
use plasma_core::{BlockId, Millis, OperatorIndex, Peer, View, planted::planted};

use super::{Operator, effect::Effect};

/// One missing body.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    view: View,
    turn: Turn,
    /// When its turn comes.
    due: Millis,
    /// Who was asked since the engine wanted it last.
    asked: BTreeSet<Peer>,
}

/// Who is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Leader,
    TwoHolders,
    AllHolders,
    /// Nobody, until the engine wants it again.
    Nobody,
}

impl<S: OperatorKey> Operator<S> {
    /// The engine wants a verdict on a block whose body is not here; it says so again once in a while.
    pub(super) fn fetch(&mut self, now: Millis, view: View, block: BlockId, effects: &mut Vec<Effect>) {
        if planted("operator: never asks for a body") {
            return;
        }
        let turn = match self.fetching.get(&block) {
            None => Turn::Leader,
            Some(fetch) if fetch.turn == Turn::Nobody => Turn::AllHolders,
            Some(_) => return,
        };
        let fetch = Fetch {
            view,
            turn,
            due: now,
            asked: BTreeSet::new(),
        };
        self.fetching.insert(block, fetch);
        self.fetch_due(now, effects);
    }

    /// Asks whoever's turn has come, for every body that is still missing.
    pub(super) fn fetch_due(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let (chain, awaited) = (&self.chain, &self.awaited);
        self.fetching
            .retain(|block, _| awaited.contains_key(block) && chain.block(block).is_none());
        let due: Vec<(BlockId, Fetch)> = self
            .fetching
            .iter()
            .filter(|(_, fetch)| fetch.turn != Turn::Nobody && fetch.due <= now)
            .map(|(block, fetch)| (*block, fetch.clone()))
            .collect();
        for (block, mut fetch) in due {
            self.ask_for(now, block, &mut fetch, effects);
            self.fetching.insert(block, fetch);
        }
    }

    fn ask_for(&mut self, now: Millis, block: BlockId, fetch: &mut Fetch, effects: &mut Vec<Effect>) {
        let leader = self.epochs.engine().map(|engine| engine.leader(fetch.view));
        let leader = leader
            .and_then(|leader| self.epochs.peer_of(leader))
            .filter(|leader| self.sync.is_connected(*leader));
        if fetch.turn == Turn::Leader && leader.is_none() {
            fetch.turn = Turn::TwoHolders;
        }
        let (mut whom, next) = match fetch.turn {
            Turn::Leader => (leader.into_iter().collect(), Turn::TwoHolders),
            Turn::TwoHolders => (self.holders(block, fetch, HOLDERS_FIRST), Turn::AllHolders),
            Turn::AllHolders | Turn::Nobody => (self.holders(block, fetch, usize::MAX), Turn::Nobody),
        };
        if whom.is_empty() {
            whom.extend(self.sync.next_peer());
        }
        for from in whom {
            fetch.asked.insert(from);
            effects.push(Effect::RequestBlock { from, block });
        }
        fetch.turn = next;
        fetch.due = now.plus(self.delta_ms);
        if next != Turn::Nobody {
            effects.push(Effect::Wake(fetch.due));
        }
    }

    /// Connected members that voted for the block and were not asked, at most so many; those that come after us first, so
    /// that not all who lack it ask the same two.
    fn holders(&self, block: BlockId, fetch: &Fetch, most: usize) -> Vec<Peer> {
        let Some(engine) = self.epochs.engine() else {
            return Vec::new();
        };
        let me = self.epochs.me();
        let holders = engine.holders(fetch.view, block);
        let (after, before): (Vec<OperatorIndex>, Vec<_>) =
            holders.iter().partition(|holder| Some(*holder) > me);
        let open = |holder: &Peer| self.sync.is_connected(*holder) && !fetch.asked.contains(holder);
        let ordered = after.into_iter().chain(before);
        let peers = ordered.filter_map(|holder| self.epochs.peer_of(holder));
        peers.filter(open).take(most).collect()
    }
}

/// So many of those that voted are asked before all of them are.
const HOLDERS_FIRST: usize = 2;
