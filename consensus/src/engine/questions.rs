//! What the operator's own house is asked to judge: blocks that were proposed in live views, notarized ones that wait for a
//! finalize vote, and whatever the next block would stand on. Each is asked about once, however many views repeat it.

use std::collections::BTreeMap;

use plasma_core::{BlockId, View};

use super::receive::VOTE_VIEWS;
use crate::{Container, Effect, Engine, opinion::is_open, scheme::Scheme, view::Round};

/// A block on its parent, and a view that holds it.
type Question = (View, BlockId, BlockId);

/// Which questions are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those that may be new, in every step: what has a question already is passed by where finding it again is a long walk.
    New,
    /// All.
    All,
}

impl<S: Scheme> Engine<S> {
    /// Asks for the verdicts that were not asked for before.
    pub(super) fn ask(&mut self) {
        for (view, block, parent) in self.unjudged(Wanted::New) {
            if self.opinions.ask(view, block, parent) {
                self.out.push(Effect::Validate { view, block, parent });
            }
        }
    }

    /// Asks again about everything that is still pending.
    pub(super) fn ask_again(&mut self) {
        for (view, block, parent) in self.unjudged(Wanted::All) {
            self.opinions.ask(view, block, parent);
            self.out.push(Effect::Validate { view, block, parent });
        }
    }

    /// Blocks with a likely parent and no final verdict, in the order of their views. Of several views a notarized one names the
    /// block, for those who signed it hold it, and the newest of these.
    fn unjudged(&self, wanted: Wanted) -> Vec<Question> {
        let mut questions: BTreeMap<(BlockId, BlockId), View> = BTreeMap::new();
        if wanted == Wanted::All {
            questions.extend(self.foundations());
        }
        let mut grounds: BTreeMap<View, Option<BlockId>> = BTreeMap::new();
        let mut ground = |container: &Container| {
            let ground = self.ground(container, &grounds, wanted);
            grounds.insert(container.view, ground);
            Some((container.block, ground?))
        };
        for container in self.awaited() {
            questions.extend(ground(&container).map(|question| (question, container.view)));
        }
        for container in self.proposed() {
            if let Some(question) = ground(&container) {
                questions.entry(question).or_insert(container.view);
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

    /// What the tip and the proposals stand on. It is asked about for ever, unlike the votes of its views, which keep their blocks in
    /// `awaiting` for a while.
    fn foundations(&self) -> impl Iterator<Item = ((BlockId, BlockId), View)> {
        let is_deep = self.view.0.saturating_sub(self.chain.floor().view.0) > VOTE_VIEWS;
        let parents = self.proposed().map(|container| container.parent);
        let tops = parents.chain([self.chain.tip()]).filter(move |_| is_deep);
        let is_unjudged = |top: &View| {
            let block = self.chain.parent_block(*top);
            block.is_some_and(|block| !self.opinions.is_valid(block))
        };
        tops.filter(is_unjudged)
            .flat_map(|top| self.chain.fresh(top))
            .map(|(container, parent)| ((container.block, parent), container.view))
    }

    /// Notarized containers whose finalize vote is open.
    fn awaited(&self) -> impl Iterator<Item = Container> {
        let notarized = |view: &View| self.chain.round(*view).and_then(Round::notarized);
        self.awaiting.iter().filter_map(notarized)
    }

    /// What was proposed in live views.
    fn proposed(&self) -> impl Iterator<Item = Container> {
        let rounds = self.chain.above_floor().rev();
        let live = rounds.take_while(|(view, _)| *view >= self.view);
        live.filter_map(|(_, round)| round.seen())
    }

    /// What a container is to be judged on. A re-proposal is asked about as the block that it repeats, on what that was proposed
    /// on: the operator may hold it no more. `known` are the grounds of views below.
    fn ground(
        &self,
        container: &Container,
        known: &BTreeMap<View, Option<BlockId>>,
        wanted: Wanted,
    ) -> Option<BlockId> {
        let parent = self.likely_parent(container.parent)?;
        if parent != container.block {
            return Some(parent);
        }
        if wanted == Wanted::New && self.opinions.is_asked(container.block) {
            return None;
        }
        let walk = || self.chain.ground(container.parent);
        known.get(&container.parent).copied().unwrap_or_else(walk)
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
