//! Building a block when it is our view: which origin, which transactions, then one pure call of the ledger.

use plasma_consensus::{Input, NotBuilt, scheme::OperatorKey};
use plasma_core::{
    AuthenticBlock, AuthenticTransaction, BlockId, Delta, L1Block, Millis, NewBlock, Reads, View, Wanted,
    ledger, planted::planted,
};

use super::{
    Operator,
    effect::{Build, Effect, Purpose, Record},
    validator::more,
};

/// Why there is no block.
#[derive(Debug)]
pub(super) enum Unbuilt {
    /// This must be read besides.
    Needs(Wanted),
    /// The engine's answer.
    Not(NotBuilt),
}

impl<S: OperatorKey> Operator<S> {
    /// Chooses what the block of this view could hold and asks for the reads, unless it was built ahead.
    pub(super) fn build(&mut self, now: Millis, view: View, parent: BlockId, effects: &mut Vec<Effect>) {
        let not_built = |reason| Input::NotBuilt { view, reason };
        let Some(build) = self.choose(Some(view), parent) else {
            return self.step(now, not_built(NotBuilt::Unable), effects);
        };
        if self.is_empty(&build) && !(self.needs_block() && parent == self.chain.decided().id) {
            return self.step(now, not_built(NotBuilt::Empty), effects);
        }
        if !self.propose_prepared(now, view, &build, effects) {
            let wanted = self.wanted(&build);
            effects.push(read(build, wanted));
        }
    }

    /// What a block on this parent could hold now; none while the state below it is not here.
    pub(super) fn choose(&self, view: Option<View>, parent: BlockId) -> Option<Build> {
        let state = self.chain.state(&parent)?;
        let header = &state.header;
        let origin = self.origins.choose(header.l1_height, self.l1_events_max);
        let candidates = if state.halted.is_some() {
            Vec::new()
        } else {
            let count = usize::try_from(self.rules.transactions_max).unwrap_or(usize::MAX);
            self.mempool.oldest(count, &self.chain.included(&parent))
        };
        let origin = origin.unwrap_or(L1Block {
            height: header.l1_height,
            hash: header.l1_hash,
            timestamp_s: 0,
        });
        Some(Build {
            view,
            parent,
            origin,
            candidates,
        })
    }

    /// Whether neither a payment nor an event of Ethereum would be in it.
    pub(super) fn is_empty(&self, build: &Build) -> bool {
        build.candidates.is_empty() && self.events(build).is_empty()
    }

    /// What storage is asked for first.
    pub(super) fn wanted(&self, build: &Build) -> Wanted {
        let transactions = build.candidates.iter().map(AuthenticTransaction::transaction);
        ledger::wanted(transactions, &self.events(build))
    }

    fn events(&self, build: &Build) -> Vec<plasma_core::L1Event> {
        let from = self
            .chain
            .state(&build.parent)
            .map(|state| state.header.l1_height);
        from.map(|from| self.origins.events(from, build.origin.height))
            .unwrap_or_default()
    }

    /// Builds the block with what storage held, and proposes it.
    pub(super) fn on_build(&mut self, now: Millis, build: Build, reads: Reads, effects: &mut Vec<Effect>) {
        let Some(view) = build.view else {
            return self.on_prepared(now, build, reads, effects);
        };
        match self.assemble(now, &build, reads) {
            Ok((block, delta)) => self.propose(now, view, block, delta, effects),
            Err(Unbuilt::Needs(wanted)) => effects.push(read(build, wanted)),
            Err(Unbuilt::Not(reason)) => self.step(now, Input::NotBuilt { view, reason }, effects),
        }
    }

    /// The block and what it changes.
    pub(super) fn assemble(
        &mut self,
        now: Millis,
        build: &Build,
        mut reads: Reads,
    ) -> Result<(AuthenticBlock, Delta), Unbuilt> {
        let state = self
            .chain
            .state(&build.parent)
            .ok_or(Unbuilt::Not(NotBuilt::Unable))?;
        if !planted("operator: builds without its undecided ancestors") {
            self.chain.overlay(&mut reads, &build.parent);
        }
        let events = self.events(build);
        if let Some(wanted) = more(&reads, &events) {
            return Err(Unbuilt::Needs(wanted));
        }
        let choice = NewBlock {
            origin: build.origin,
            timestamp_ms: now.max(state.header.timestamp_ms.plus(1)),
            candidates: build.candidates.clone(),
        };
        let built = ledger::build(state, choice, &events, &reads, &self.rules);
        let (block, delta, rejected) = built.map_err(|_| Unbuilt::Not(NotBuilt::Unable))?;
        if build.parent == self.chain.decided().id {
            rejected.iter().for_each(|(id, _)| self.mempool.forget(id));
        }
        if !build.candidates.is_empty() && block.transactions.is_empty() && events.is_empty() {
            return Err(Unbuilt::Not(NotBuilt::Empty));
        }
        Ok((block, delta))
    }

    /// Files, logs and proposes a block of ours.
    pub(super) fn propose(
        &mut self,
        now: Millis,
        view: View,
        block: AuthenticBlock,
        delta: Delta,
        effects: &mut Vec<Effect>,
    ) {
        let id = block.header.id();
        let seals = self.seals(&delta);
        self.file_proposed(block);
        if self.chain.block(&id).is_none() {
            // Blocks of one branch fill the room. Nobody votes for what it could not give.
            let reason = NotBuilt::Unable;
            return self.step(now, Input::NotBuilt { view, reason }, effects);
        }
        self.chain.applied(&id, delta);
        if let Some(bytes) = self.chain.log(&id) {
            effects.push(Effect::Persist(Record::Body(bytes)));
        }
        let built = Input::Built {
            view,
            block: id,
            seals,
        };
        self.step(now, built, effects);
    }
}

/// The question to storage for a block.
pub(super) fn read(build: Build, wanted: Wanted) -> Effect {
    Effect::Read {
        purpose: Purpose::Build(Box::new(build)),
        wanted,
    }
}
