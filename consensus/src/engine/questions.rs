//! What the operator's own house is asked to judge: blocks that were proposed in live views, notarized ones that wait for a
//! finalize vote, and whatever the next block would stand on. Each is asked about once, however many views repeat it.

use std::collections::BTreeMap;

use plasma_core::{BlockId, View};

use super::receive::VOTE_VIEWS;
use crate::{Container, Effect, Engine, opinion::is_open, scheme::Scheme, view::Round};

/// A block on its parent, and the newest view that holds it.
type Question = (View, BlockId, BlockId);

impl<S: Scheme> Engine<S> {
    /// Asks for the verdicts that were not asked for before.
    pub(super) fn ask(&mut self) {
        for (view, block, parent) in self.unjudged() {
            if self.opinions.ask(view, block, parent) {
                self.out.push(Effect::Validate { view, block, parent });
            }
        }
    }

    /// Asks again about everything that is still pending.
    pub(super) fn ask_again(&mut self) {
        for (view, block, parent) in self.unjudged() {
            self.opinions.ask(view, block, parent);
            self.out.push(Effect::Validate { view, block, parent });
        }
    }

    /// Blocks with a likely parent and no final verdict, in the order of their views.
    fn unjudged(&self) -> Vec<Question> {
        let mut questions: BTreeMap<(BlockId, BlockId), View> = BTreeMap::new();
        // What stands is asked about for ever, unlike the votes of its views.
        if self.view.0.saturating_sub(self.chain.floor().view.0) > VOTE_VIEWS {
            let standing = self.chain.fresh(self.chain.tip());
            questions.extend(standing.map(|(container, parent)| ((container.block, parent), container.view)));
        }
        let mut grounds: BTreeMap<View, BlockId> = BTreeMap::new();
        for container in self.waiting() {
            if let Some(ground) = self.ground(&container, &grounds) {
                grounds.insert(container.view, ground);
                questions.insert((container.block, ground), container.view);
            }
        }
        let is_open = |((block, parent), view): ((BlockId, BlockId), View)| {
            // On the last block of an epoch nothing fresh can be valid.
            let is_open = !self.seals(parent) && is_open(self.opinions.verdict(block, parent));
            is_open.then_some((view, block, parent))
        };
        let mut open: Vec<Question> = questions.into_iter().filter_map(is_open).collect();
        open.sort_unstable();
        open
    }

    /// Notarized containers whose finalize vote is open, and those proposed in live views.
    fn waiting(&self) -> impl Iterator<Item = Container> {
        let notarized = |view: &View| self.chain.round(*view).and_then(Round::notarized);
        let live = self
            .chain
            .above_floor()
            .rev()
            .take_while(|(view, _)| *view >= self.view);
        let proposed = live.filter_map(|(_, round)| round.seen());
        self.awaiting.iter().filter_map(notarized).chain(proposed)
    }

    /// What a container is to be judged on. A re-proposal is asked about as the block that it repeats, on what that was proposed
    /// on: the operator may hold it no more. `known` are the grounds of views below.
    fn ground(&self, container: &Container, known: &BTreeMap<View, BlockId>) -> Option<BlockId> {
        let parent = self.likely_parent(container.parent)?;
        if parent != container.block {
            return Some(parent);
        }
        let known = known.get(&container.parent).copied();
        known.or_else(|| self.chain.ground(container.parent))
    }

    /// The block of a container's parent, certified or only proposed so far. Enough to judge what stands on it while the
    /// votes for it are under way; no vote rests on it, because only a certified parent makes a container eligible.
    fn likely_parent(&self, view: View) -> Option<BlockId> {
        let proposed = || {
            let round = self
                .chain
                .round(view)
                .filter(|_| view > self.chain.floor().view)?;
            round.seen().map(|container| container.block)
        };
        self.chain.parent_block(view).or_else(proposed)
    }
}
