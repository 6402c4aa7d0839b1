//! Transactions that gossip has to carry more than once.
//!
//! Gossip loses messages, and an operator refuses what spends an output of a block that it has not decided yet. A transaction
//! that one operator alone holds would then wait until that one leads: the others see no work and do not hurry a leader
//! that proposes nothing. So what waits for long is handed on again, and what came too early is offered again.

use plasma_core::planted::planted;
use std::collections::VecDeque;

use bytes::Bytes;
use plasma_consensus::scheme::OperatorKey;
use plasma_core::{AuthenticTransaction, Millis};

use super::{
    Operator,
    effect::Effect,
    event::{Offered, Source},
    report::Gossiped,
};

/// What waits this long is handed on again, and then as often: longer than a view takes when all is well, so nothing is sent
/// twice while blocks are made.
const HAND_ON_MS: u64 = 2_000;

/// As much is handed on at a time, the oldest first: about what one gossip message holds. What comes after it is
/// handed on when that is decided.
const HAND_ON_BYTES: usize = 50_000;

/// Transactions that came too early are kept, at most this many; a client's retry brings back what is dropped.
const EARLY_MAX: usize = 1_024;

/// So many blocks ahead an output may be that is waited for. Who is further behind is told again later.
const EARLY_BLOCKS: u32 = 16;

/// What is to be told again.
#[derive(Debug, Default)]
pub(super) struct Handing {
    ours_told: Millis,
    all_told: Millis,
    /// They spend outputs of blocks that are not decided here.
    early: VecDeque<AuthenticTransaction>,
    /// What gossip brought, told again or for the first time.
    pub(super) gossiped: Gossiped,
}

impl Handing {
    /// Keeps a gossiped transaction that may be valid after the next block.
    pub(super) fn keep(&mut self, transaction: AuthenticTransaction) {
        if self.early.len() >= EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(transaction);
    }
}

impl<S: OperatorKey> Operator<S> {
    /// Whether one of the next decided blocks makes an output that the transaction spends, and none further ahead does.
    pub(super) fn is_early(&self, transaction: &AuthenticTransaction) -> bool {
        let decided = self.chain.decided().header.height.0;
        let inputs = &transaction.transaction().inputs;
        let youngest = inputs.iter().map(|input| input.position.block.0).max();
        youngest.is_some_and(|block| block > decided && block <= decided.saturating_add(EARLY_BLOCKS))
    }

    /// A block was decided: what came too early may be valid now.
    pub(super) fn offer_early(&mut self, effects: &mut Vec<Effect>) {
        let early = std::mem::take(&mut self.handing.early);
        if !early.is_empty() {
            let source = Source::Gossip;
            let offered = early
                .into_iter()
                .map(|transaction| Offered { transaction, source })
                .collect();
            self.on_offered(offered, effects);
        }
    }

    /// Each operator hands on what its own clients gave it; what came by gossip so much seldomer as there are operators,
    /// because all of them hold it.
    pub(super) fn hand_on(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if planted("operator: tells of a payment once") {
            return;
        }
        let operators = self.epochs.committee().map_or(1, |committee| committee.size());
        let everybodys_ms = HAND_ON_MS.saturating_mul(u64::try_from(operators).unwrap_or(u64::MAX));
        let is_all = now.since(self.handing.all_told) >= everybodys_ms;
        if !is_all && now.since(self.handing.ours_told) < HAND_ON_MS {
            return;
        }
        self.handing.ours_told = now;
        if is_all {
            self.handing.all_told = now;
        }
        let waiting = self.mempool.waiting(now, HAND_ON_MS, HAND_ON_BYTES, !is_all);
        effects.extend(
            waiting
                .into_iter()
                .map(|bytes| Effect::Gossip(Bytes::from(bytes))),
        );
    }
}
