//! Fetching what is missing of a proposed block: whom to ask, when, and what their answers say of them.
//!
//! The leader, after one delay two members that voted for the block, then all of those, ever less often; from the fourth step on
//! one of them is asked for the whole block besides. It is known what the block must hold, so answers of several members add
//! up, and one with anything else is a lie. A block of which only the id is known is asked for elsewhere
//! (`operator/fetching.rs`), at the engine's pace.

use std::collections::BTreeSet;

use plasma_consensus::scheme::OperatorKey;
use plasma_core::{BlockId, Millis, OperatorIndex, Peer, planted::planted};

use super::{Assembly, Entry};
use crate::{
    operator::{Operator, effect::Effect},
    runtime::wire::body::map_of,
};

/// Who has not answered for so long may be asked again.
const ANSWER_MS: u64 = 2_000;

/// Requests for one block that are under way at once: answers of so many fill 4 MB.
const ASKED_MAX: usize = 16;

/// The second step asks so many of those who voted for the block.
const SECOND: usize = 2;

/// From this step on the whole block is asked for besides.
const WHOLE_FROM: u32 = 3;

const FIRST_ALONE: &str = "operator: trusts whoever named a block first";

/// Steps grow twice as far apart each, up to this one: at a delay of 100 ms the last are 3.2 s apart.
const STEPS_GROW: u32 = 6;

impl<S: OperatorKey> Operator<S> {
    /// A peer's answer to a request for transactions of a block.
    pub(in crate::operator) fn on_fetched(
        &mut self,
        now: Millis,
        from: Peer,
        block: BlockId,
        entries: Option<Vec<Entry>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(assembly) = self.payload.assemblies.get_mut(&block) else {
            return;
        };
        // Only who was asked is heard, once for each question.
        if assembly.search.asked.remove(&from).is_none() {
            return;
        }
        let taken = match entries {
            // Malformed or nothing at all: the network knows which.
            None => Some(0),
            Some(entries) => self.fill(&block, from, entries, effects),
        };
        match taken {
            None => {
                if let Some(assembly) = self.payload.assemblies.get_mut(&block) {
                    assembly.search.liars.insert(from);
                }
                let reason = format!("sent transactions for block {block} that are not in it");
                effects.push(Effect::Penalize { peer: from, reason });
            }
            Some(0) => {}
            // An answer holds no more than it may: the rest comes with the next one.
            Some(_) => self.ask_transactions(now, &block, from, effects),
        }
        self.complete(&block);
        if let Some(assembly) = self.payload.assemblies.get_mut(&block)
            && assembly.search.asked.is_empty()
            && assembly.search.step <= 2
        {
            // Nobody is left to wait for.
            assembly.search.next_at = now;
        }
    }

    /// The next step of every search whose time has come.
    pub(in crate::operator) fn fetch_missing(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let due = self.payload.assemblies.iter();
        let due: Vec<BlockId> = due
            .filter(|(_, assembly)| assembly.search.next_at <= now)
            .map(|(id, _)| *id)
            .collect();
        for block in due {
            self.search(now, &block, effects);
            // Where nobody could be asked the next step need not wait.
            let is_idle = |assembly: &Assembly| assembly.search.asked.is_empty() && assembly.search.step == 1;
            if self.payload.assemblies.get(&block).is_some_and(is_idle) {
                self.search(now, &block, effects);
            }
        }
        let next = self.payload.assemblies.values();
        let next = next.map(|assembly| assembly.search.next_at).min();
        effects.extend(next.map(Effect::Wake));
    }

    fn search(&mut self, now: Millis, block: &BlockId, effects: &mut Vec<Effect>) {
        let Some(assembly) = self.payload.assemblies.get(block) else {
            return;
        };
        let leader = assembly.leader();
        let (step, second_at) = (assembly.search.step, assembly.search.since.plus(self.delta_ms));
        let givers = self.givers(step, block, leader);
        let Some(assembly) = self.payload.assemblies.get_mut(block) else {
            return;
        };
        let search = &mut assembly.search;
        if givers.is_empty() && now < second_at {
            // The leader has nothing, and nobody has voted yet.
            search.next_at = second_at;
            return;
        }
        search.step = step.saturating_add(1);
        let wait_ms = self
            .delta_ms
            .saturating_mul(1 << step.min(STEPS_GROW).saturating_sub(1));
        search.next_at = if step < 2 {
            search
                .since
                .plus(self.delta_ms.saturating_mul(u64::from(step) + 1))
        } else {
            now.plus(wait_ms)
        };
        if search.next_at <= now {
            search.next_at = now.plus(self.delta_ms);
        }
        for peer in &givers {
            self.ask_transactions(now, block, *peer, effects);
        }
        if step >= WHOLE_FROM {
            // Another one each time.
            let turn = usize::try_from(step).unwrap_or(0).checked_rem(givers.len());
            let from = turn.and_then(|turn| givers.get(turn).copied());
            effects.extend(from.map(|from| Effect::RequestBlock { from, block: *block }));
        }
    }

    /// Whom a step asks. So many that all of them may lie prove no honest one, and then everybody is asked besides: a leader's proposal is
    /// its own vote for it.
    fn givers(&self, step: u32, block: &BlockId, leader: Peer) -> Vec<Peer> {
        if step == 0 {
            return vec![leader];
        }
        let holders: Vec<Peer> = self.holders_of(block);
        if step == 1 {
            // Each operator begins with another, so that not all of them ask the same two.
            let me = self.epochs.me().map_or(0, |me| usize::from(me.0));
            let others: Vec<Peer> = holders.into_iter().filter(|peer| *peer != leader).collect();
            let skipped = me.checked_rem(others.len()).unwrap_or(0);
            return others.into_iter().cycle().skip(skipped).take(SECOND).collect();
        }
        let faults = self.epochs.committee().map_or(0, |committee| committee.faults());
        if holders.len() > faults || (planted(FIRST_ALONE) && !holders.is_empty()) {
            return holders;
        }
        let others = self
            .sync
            .connected()
            .iter()
            .filter(|peer| !holders.contains(peer));
        holders.iter().chain(others).copied().collect()
    }

    /// Who voted for a block: in the view in which it came first, in the one that the engine asks about, and in the one that made it
    /// accepted.
    fn holders_of(&self, block: &BlockId) -> Vec<Peer> {
        let Some(engine) = self.epochs.engine() else {
            return Vec::new();
        };
        let first = self.payload.assemblies.get(block).map(Assembly::view);
        let later = [self.view_awaiting(block), engine.accepted_in(*block)];
        let later = later.into_iter().filter(|_| !planted(FIRST_ALONE));
        let views = [first].into_iter().chain(later).flatten();
        let seats: BTreeSet<OperatorIndex> = views
            .flat_map(|view| engine.holders(view, *block).iter().collect::<Vec<_>>())
            .collect();
        seats
            .into_iter()
            .filter_map(|seat| self.epochs.peer_of(seat))
            .collect()
    }

    fn ask_transactions(&mut self, now: Millis, block: &BlockId, peer: Peer, effects: &mut Vec<Effect>) {
        let is_connected = self.sync.is_connected(peer);
        let Some(assembly) = self.payload.assemblies.get_mut(block) else {
            return;
        };
        let search = &mut assembly.search;
        search.asked.retain(|_, at| now.since(*at) < ANSWER_MS);
        let is_asked = search.asked.contains_key(&peer) || search.asked.len() >= ASKED_MAX;
        if !is_connected || is_asked || search.liars.contains(&peer) || assembly.is_complete() {
            return;
        }
        assembly.search.asked.insert(peer, now);
        effects.push(request(peer, *block, assembly));
    }
}

fn request(from: Peer, block: BlockId, assembly: &Assembly) -> Effect {
    let (gaps, count) = assembly.gaps();
    Effect::RequestTransactions {
        from,
        block,
        map: map_of(gaps, count),
    }
}
