//! The views above the highest finalization and what may be built on them.
//!
//! Certificates above the floor are never dropped: without them no leader could prove that its parent is eligible.
//! Source: `consensus.md` sections 4, 5 and 6.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use plasma_core::{BlockId, Certificate, View};

use crate::{Certified, Container, STATUS_VIEWS, Statement, Violation, view::Round};

/// The highest known finalization; view 0 is where an epoch starts and has no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    /// In which view the block was finalized.
    pub view: View,
    /// The block.
    pub block: BlockId,
    /// The proof.
    pub certificate: Option<Certificate>,
}

/// The floor and the rounds above it; a few below are kept for laggards and for evidence.
#[derive(Debug)]
pub(crate) struct Chain {
    floor: Floor,
    /// Boxed: rounds are big, and a tree moves its values about.
    rounds: BTreeMap<View, Box<Round>>,
    /// The blocks notarized above the floor, each with the highest view that did it.
    accepted: BTreeMap<BlockId, View>,
}

/// How a finalized container hangs together with the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// The new blocks with the views that proposed them, oldest first.
    Known(Vec<(View, BlockId)>),
    /// A notarization between floor and container is missing here.
    Unknown,
}

/// Views below the floor whose votes and certificates are still kept.
pub(crate) const RETAINED_VIEWS: u64 = 16;

impl Chain {
    pub(crate) fn new(floor: Floor) -> Self {
        Self {
            floor,
            rounds: BTreeMap::new(),
            accepted: BTreeMap::new(),
        }
    }

    pub(crate) fn floor(&self) -> &Floor {
        &self.floor
    }

    pub(crate) fn round(&self, view: View) -> Option<&Round> {
        self.rounds.get(&view).map(Box::as_ref)
    }

    /// The round of a view, opened if need be. Callers bound the view.
    pub(crate) fn open(&mut self, view: View) -> &mut Round {
        self.rounds.entry(view).or_default()
    }

    pub(crate) fn round_mut(&mut self, view: View) -> Option<&mut Round> {
        self.rounds.get_mut(&view).map(Box::as_mut)
    }

    /// The rounds of these views, as far as there are any.
    pub(crate) fn rounds_mut(&mut self, views: RangeInclusive<View>) -> impl Iterator<Item = &mut Round> {
        self.rounds.range_mut(views).map(|(_, round)| round.as_mut())
    }

    /// Rounds above the floor, ascending.
    pub(crate) fn above_floor(&self) -> impl DoubleEndedIterator<Item = (View, &Round)> {
        self.rounds
            .range(next(self.floor.view)..)
            .map(|(view, round)| (*view, round.as_ref()))
    }

    /// Rounds above the floor that a report covers which begins at this view, ascending.
    pub(crate) fn window(&self, from: View) -> impl Iterator<Item = (View, &Round)> {
        let (first, end) = (
            from.max(next(self.floor.view)),
            View(from.0.saturating_add(STATUS_VIEWS)),
        );
        let rounds = self.rounds.range(first.min(end)..end);
        rounds.map(|(view, round)| (*view, round.as_ref()))
    }

    /// Every round that is kept, ascending.
    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = (View, &Round)> + Clone {
        self.rounds.iter().map(|(view, round)| (*view, round.as_ref()))
    }

    /// The block at a view that may be a parent: the floor, or a notarized view above it.
    pub(crate) fn parent_block(&self, view: View) -> Option<BlockId> {
        if view == self.floor.view {
            return Some(self.floor.block);
        }
        if view < self.floor.view {
            return None;
        }
        self.round(view)?.notarized().map(|container| container.block)
    }

    /// Keeps a notarization: a quorum has accepted its block.
    pub(crate) fn notarize(&mut self, view: View, certified: Certified) {
        if let Some(block) = certified.statement.block() {
            let newest = self.accepted.entry(block).or_default();
            *newest = view.max(*newest);
        }
        self.open(view).notarization = Some(certified);
    }

    /// Whether a quorum has accepted a block: it is the final one, or notarized above.
    pub(crate) fn is_accepted(&self, block: BlockId) -> bool {
        block == self.floor.block || self.accepted.contains_key(&block)
    }

    /// The highest view above the floor that notarized a block.
    pub(crate) fn accepted_in(&self, block: BlockId) -> Option<View> {
        self.accepted.get(&block).copied()
    }

    /// The proof that goes into a proposal on this parent.
    pub(crate) fn parent_proof(&self, view: View) -> Option<Certified> {
        let notarization = self.round(view).and_then(|round| round.notarization.clone());
        let floor = || {
            self.floor
                .certificate
                .clone()
                .filter(|_| view == self.floor.view)
                .map(Certified::from)
        };
        notarization.or_else(floor)
    }

    pub(crate) fn is_nullified(&self, view: View) -> bool {
        self.round(view)
            .is_some_and(|round| round.nullification.is_some())
    }

    /// Whether the parent is certified and every view between is nullified.
    pub(crate) fn is_eligible(&self, container: &Container) -> bool {
        self.parent_block(container.parent).is_some()
            && self.nullifications(container.parent, container.view).is_some()
    }

    /// The nullifications of all views strictly between; `None` when one is missing.
    pub(crate) fn nullifications(&self, after: View, before: View) -> Option<Vec<&Certified>> {
        let mut skipped = Vec::new();
        let mut view = next(after);
        while view < before {
            skipped.push(self.round(view)?.nullification.as_ref()?);
            view = next(view);
        }
        Some(skipped)
    }

    /// The highest notarized view above the floor, or the floor.
    pub(crate) fn tip(&self) -> View {
        let notarized = |(view, round): (View, &Round)| round.notarization.is_some().then_some(view);
        self.above_floor()
            .rev()
            .find_map(notarized)
            .unwrap_or(self.floor.view)
    }

    /// The container notarized in a view and those that it stands on, down to the floor, or to where a notarization is missing
    /// here.
    pub(crate) fn down(&self, view: View) -> impl Iterator<Item = Container> {
        let notarized = |view: View| self.round(view).and_then(Round::notarized);
        let is_above = |container: &Container| container.view > self.floor.view;
        std::iter::successors(notarized(view).filter(is_above), move |above| {
            let below = notarized(above.parent).filter(is_above);
            below.filter(|below| below.view < above.view)
        })
    }

    /// Fresh blocks between the floor and the container of a view, at least: as many as are known.
    pub(crate) fn known_depth(&self, view: View) -> usize {
        let blocks = self.down(view).map(|container| container.block);
        let blocks: BTreeSet<BlockId> = blocks.filter(|block| *block != self.floor.block).collect();
        blocks.len()
    }

    /// The containers that first proposed the blocks which the one of a notarized view stands on, its own first, each with the block
    /// below it, as far down as is known here. What repeats its parent is passed by.
    pub(crate) fn fresh(&self, view: View) -> impl Iterator<Item = (Container, BlockId)> {
        self.down(view).filter_map(|container| {
            let parent = self.parent_block(container.parent)?;
            (parent != container.block).then_some((container, parent))
        })
    }

    /// The block that the one of a notarized view was proposed on when it was fresh.
    pub(crate) fn ground(&self, view: View) -> Option<BlockId> {
        self.fresh(view).next().map(|(_, parent)| parent)
    }

    /// Fresh blocks between the floor and the container of a view: those not final yet.
    pub(crate) fn depth(&self, view: View) -> usize {
        match self.path(view) {
            Ok(Path::Known(path)) => path.len(),
            _ => usize::MAX,
        }
    }

    /// Walks from the container notarized in a view down to the floor.
    ///
    /// # Errors
    /// [`Violation::Fork`] when the walk passes the floor by.
    pub(crate) fn path(&self, last: View) -> Result<Path, Violation> {
        let mut path: Vec<(View, BlockId)> = Vec::new();
        let mut at = last;
        while at > self.floor.view {
            let Some(container) = self.round(at).and_then(Round::notarized) else {
                return Ok(Path::Unknown);
            };
            // A re-proposal repeats its parent's block: the lower view is the one that first proposed it.
            match path.last_mut() {
                Some((view, block)) if *block == container.block => *view = at,
                _ => path.push((at, container.block)),
            }
            at = container.parent;
        }
        if at < self.floor.view {
            return Err(Violation::Fork(last));
        }
        path.pop_if(|(_, block)| *block == self.floor.block);
        path.reverse();
        Ok(Path::Known(path))
    }

    /// What speaks against a certificate, given those already here.
    pub(crate) fn contradiction(&self, statement: &Statement) -> Option<Violation> {
        let view = statement.view();
        let round = self.round(view);
        let notarized = round.and_then(Round::notarized);
        let final_block = (view == self.floor.view).then_some(self.floor.block);
        match statement {
            Statement::Notarize(container) => {
                let two = notarized.is_some_and(|other| other != *container);
                let other = final_block.is_some_and(|block| block != container.block);
                two.then_some(Violation::TwoNotarizations(view))
                    .or_else(|| other.then_some(Violation::FinalizedOther(view)))
            }
            Statement::Nullify { .. } => final_block.map(|_| Violation::FinalizedAndNullified(view)),
            Statement::Finalize { block, .. } => {
                let two = final_block.is_some_and(|other| other != *block);
                let other = notarized.is_some_and(|container| container.block != *block);
                two.then_some(Violation::TwoFinalizations(view))
                    .or_else(|| other.then_some(Violation::FinalizedOther(view)))
                    .or_else(|| {
                        self.is_nullified(view)
                            .then_some(Violation::FinalizedAndNullified(view))
                    })
            }
        }
    }

    /// Moves the floor up and drops rounds far below it.
    pub(crate) fn raise_floor(&mut self, floor: Floor) {
        let keep = View(floor.view.0.saturating_sub(RETAINED_VIEWS));
        self.rounds = self.rounds.split_off(&keep);
        self.accepted.retain(|_, view| *view > floor.view);
        self.floor = floor;
    }
}

/// The view after this one.
pub(crate) fn next(view: View) -> View {
    View(view.0.saturating_add(1))
}
