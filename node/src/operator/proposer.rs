//! Building a block when it is our view: which origin, which transactions, then one pure call of the ledger.

use plasma_consensus::{Input, NotBuilt, scheme::OperatorKey};
use plasma_core::{AuthenticTransaction, BlockId, L1Block, Millis, NewBlock, Reads, View, ledger};

use super::{
    Operator,
    effect::{Build, Effect, Purpose, Record},
    validator::more,
};

impl<S: OperatorKey> Operator<S> {
    /// Chooses what the block of this view could hold and asks for the reads.
    pub(super) fn build(&mut self, now: Millis, view: View, parent: BlockId, effects: &mut Vec<Effect>) {
        let Some(state) = self.chain.state(&parent) else {
            return self.step(
                now,
                Input::NotBuilt {
                    view,
                    reason: NotBuilt::Unable,
                },
                effects,
            );
        };
        let origin = self.origins.choose(state.header.l1_height, self.l1_events_max);
        let events = origin
            .as_ref()
            .map(|origin| self.origins.events(state.header.l1_height, origin.height));
        let candidates = if state.halted.is_some() {
            Vec::new()
        } else {
            let count = usize::try_from(self.rules.transactions_max).unwrap_or(usize::MAX);
            self.mempool.oldest(count, &self.chain.included(&parent))
        };
        let events = events.unwrap_or_default();
        if candidates.is_empty()
            && events.is_empty()
            && !(self.needs_block() && parent == self.chain.decided().id)
        {
            return self.step(
                now,
                Input::NotBuilt {
                    view,
                    reason: NotBuilt::Empty,
                },
                effects,
            );
        }
        let origin = origin.unwrap_or(L1Block {
            height: state.header.l1_height,
            hash: state.header.l1_hash,
            timestamp_s: 0,
        });
        let wanted = ledger::wanted(candidates.iter().map(AuthenticTransaction::transaction), &events);
        let build = Build {
            view,
            parent,
            origin,
            candidates,
        };
        effects.push(Effect::Read {
            purpose: Purpose::Build(Box::new(build)),
            wanted,
        });
    }

    /// Builds the block with what storage held, and proposes it.
    pub(super) fn on_build(
        &mut self,
        now: Millis,
        build: Build,
        mut reads: Reads,
        effects: &mut Vec<Effect>,
    ) {
        let unable = Input::NotBuilt {
            view: build.view,
            reason: NotBuilt::Unable,
        };
        let Some(state) = self.chain.state(&build.parent) else {
            return self.step(now, unable, effects);
        };
        self.chain.overlay(&mut reads, &build.parent);
        let events = self.origins.events(state.header.l1_height, build.origin.height);
        if let Some(wanted) = more(&reads, &events) {
            return effects.push(Effect::Read {
                purpose: Purpose::Build(Box::new(build)),
                wanted,
            });
        }
        let Build {
            view,
            parent,
            origin,
            candidates,
        } = build;
        let had_candidates = !candidates.is_empty();
        let timestamp_ms = now.max(state.header.timestamp_ms.plus(1));
        let choice = NewBlock {
            origin,
            timestamp_ms,
            candidates,
        };
        let built = ledger::build(state, choice, &events, &reads, &self.rules);
        let Ok((block, delta, rejected)) = built else {
            return self.step(now, unable, effects);
        };
        if parent == self.chain.decided().id {
            rejected.iter().for_each(|(id, _)| self.mempool.forget(id));
        }
        if had_candidates && block.transactions.is_empty() && events.is_empty() {
            return self.step(
                now,
                Input::NotBuilt {
                    view,
                    reason: NotBuilt::Empty,
                },
                effects,
            );
        }
        let id = block.header.id();
        let seals = self.seals(&delta);
        self.file(block);
        self.chain.applied(&id, delta);
        if let Some(bytes) = self.chain.log(&id) {
            effects.push(Effect::Persist(Record::Body(bytes)));
        }
        self.step(
            now,
            Input::Built {
                view,
                block: id,
                seals,
            },
            effects,
        );
    }
}
