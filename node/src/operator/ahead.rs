//! The block of a coming view, built while its parent is still being certified.
//!
//! At most one, and it changes nothing until it is proposed: it is not filed, not logged, and forgotten when the engine
//! names another parent. It is proposed only when a block built at that moment would hold the same: the same parent, the
//! same origin, the same candidates. So a payment that comes meanwhile never waits for a block longer than it would
//! without this; under a load that fills blocks, where the time counts, the oldest candidates stay the same. The
//! block's time is then the one when it was built, which any later proposal may have.

use plasma_consensus::{Input, scheme::OperatorKey};
use plasma_core::{
    AuthenticBlock, AuthenticTransaction, BlockId, Delta, L1Block, Millis, TransactionId, View,
};

use super::{
    Operator,
    effect::{Build, Effect},
    proposer::Unbuilt,
};

/// A block built ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    parent: BlockId,
    origin: L1Block,
    candidates: Vec<TransactionId>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Storage is read for it; the view that asked for it meanwhile.
    Reading(Option<View>),
    /// It stands.
    Built(Box<(AuthenticBlock, Delta)>),
}

impl Ahead {
    fn of(build: &Build) -> Self {
        Self {
            parent: build.parent,
            origin: build.origin,
            candidates: build.candidates.iter().map(AuthenticTransaction::id).collect(),
            stage: Stage::Reading(None),
        }
    }

    fn is_for(&self, build: &Build) -> bool {
        let ids = build.candidates.iter().map(AuthenticTransaction::id);
        self.parent == build.parent && self.origin == build.origin && ids.eq(self.candidates.iter().copied())
    }
}

impl<S: OperatorKey> Operator<S> {
    /// Begins to build on a block whose turn will most likely come. An older attempt is worthless from here on.
    pub(super) fn prepare(&mut self, parent: BlockId, effects: &mut Vec<Effect>) {
        self.ahead = None;
        let Some(build) = self.choose(None, parent).filter(|build| !self.is_empty(build)) else {
            return;
        };
        self.ahead = Some(Ahead::of(&build));
        let wanted = self.wanted(&build);
        effects.push(super::proposer::read(build, wanted));
    }

    /// Gives what was built ahead if it is what would be built now; `false` when it is not, and then it is gone.
    pub(super) fn propose_prepared(
        &mut self,
        now: Millis,
        view: View,
        build: &Build,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(ahead) = self.ahead.take().filter(|ahead| ahead.is_for(build)) else {
            return false;
        };
        match ahead.stage {
            Stage::Built(built) => {
                let (block, delta) = *built;
                self.propose(now, view, block, delta, effects);
            }
            Stage::Reading(_) => {
                self.ahead = Some(Ahead {
                    stage: Stage::Reading(Some(view)),
                    ..ahead
                });
            }
        }
        true
    }

    /// What storage held for the block ahead; an answer for an older attempt is dropped.
    pub(super) fn on_prepared(
        &mut self,
        now: Millis,
        build: Build,
        reads: plasma_core::Reads,
        effects: &mut Vec<Effect>,
    ) {
        let asked = match self.ahead.as_ref().filter(|ahead| ahead.is_for(&build)) {
            Some(Ahead {
                stage: Stage::Reading(asked),
                ..
            }) => *asked,
            _ => return,
        };
        let result = self.assemble(now, &build, reads);
        match (result, asked) {
            (Err(Unbuilt::Needs(wanted)), _) => effects.push(super::proposer::read(build, wanted)),
            (Err(Unbuilt::Not(reason)), asked) => {
                self.ahead = None;
                if let Some(view) = asked {
                    self.step(now, Input::NotBuilt { view, reason }, effects);
                }
            }
            (Ok((block, delta)), Some(view)) => {
                self.ahead = None;
                self.propose(now, view, block, delta, effects);
            }
            (Ok(built), None) => {
                self.ahead = Some(Ahead {
                    stage: Stage::Built(Box::new(built)),
                    ..Ahead::of(&build)
                });
            }
        }
    }
}
