//! Building ahead: while a block is being certified the next leader's operator may already build on it.
//!
//! A hint and no more. It is given once per view and parent, nothing waits for its answer, and no vote rests on it: the
//! block is asked for again by [`Effect::Build`] when its view has come and its parent is certified, so a wrong guess costs
//! the operator some work and nothing else. Source: `consensus.md` section 8.

use plasma_core::{BlockId, View};

use super::act::UNFINAL_BLOCKS_MAX;
use crate::{Effect, Engine, Kind, Statement, chain::next, scheme::Scheme};

impl<S: Scheme> Engine<S> {
    /// Names the parent that my next block will most likely have, once.
    pub(super) fn prepare(&mut self) {
        if !self.work || self.is_sealed() {
            return;
        }
        let Some(coming) = self.own_view().or_else(|| self.next_view()) else {
            return;
        };
        if self.prepared != Some(coming) {
            self.prepared = Some(coming);
            self.out.push(Effect::Prepare { parent: coming.1 });
        }
    }

    /// The present view is mine, and only the pace keeps me from building.
    fn own_view(&self) -> Option<(View, BlockId)> {
        if !self.may_propose() || self.ledger.proposal(self.view).is_some() {
            return None;
        }
        let parent = self.parent().filter(|parent| !self.must_repeat(*parent))?;
        let block = self.chain.parent_block(parent)?;
        (self.now < self.build_at(parent)).then_some((self.view, block))
    }

    /// The next view is mine, and I voted for what stands in the present one: it was valid here, so it can be built on.
    fn next_view(&self) -> Option<(View, BlockId)> {
        let coming = next(self.view);
        if self.leader(coming) != self.me
            || coming <= self.ledger.amnesia()
            || self.ledger.vote(self.view, Kind::Nullify).is_some()
        {
            return None;
        }
        let vote = self.ledger.vote(self.view, Kind::Notarize)?;
        let Statement::Notarize(container) = vote.statement else {
            return None;
        };
        let is_fresh = self.chain.parent_block(container.parent) != Some(container.block);
        let depth = self
            .chain
            .depth(container.parent)
            .saturating_add(usize::from(is_fresh));
        let may_be_built_on = depth < UNFINAL_BLOCKS_MAX && !self.seals(container.block);
        may_be_built_on.then_some((coming, container.block))
    }
}
