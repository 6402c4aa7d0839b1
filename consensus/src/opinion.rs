//! What the operator thinks of blocks, as far as it has said so.
//!
//! A verdict belongs to a block *and* the parent it was judged on: a leader that proposes a good block in a wrong
//! place must not spoil it for the right one. Valid and Invalid are final; Pending is asked about again.

use std::collections::BTreeMap;

use plasma_core::{BlockId, Hash, View};

use crate::Verdict;

/// Verdicts by block and parent.
#[derive(Debug, Default)]
pub(crate) struct Opinions {
    entries: BTreeMap<(BlockId, BlockId), Opinion>,
}

#[derive(Debug)]
struct Opinion {
    /// The highest view that asked.
    view: View,
    verdict: Verdict,
}

impl Opinions {
    /// Notes that a verdict is wanted; `true` when it was not asked for before.
    pub(crate) fn ask(&mut self, view: View, block: BlockId, parent: BlockId) -> bool {
        let mut new = false;
        let entry = self.entries.entry((block, parent)).or_insert_with(|| {
            new = true;
            Opinion {
                view,
                verdict: Verdict::Pending,
            }
        });
        entry.view = entry.view.max(view);
        new
    }

    /// Files an answer; one that nobody asked for is dropped, and a final one stays.
    pub(crate) fn answer(&mut self, block: BlockId, parent: BlockId, verdict: Verdict) {
        if let Some(opinion) = self.entries.get_mut(&(block, parent))
            && opinion.verdict == Verdict::Pending
        {
            opinion.verdict = verdict;
        }
    }

    /// The verdict on a block on this parent; Pending when unknown.
    pub(crate) fn verdict(&self, block: BlockId, parent: BlockId) -> Verdict {
        self.entries
            .get(&(block, parent))
            .map_or(Verdict::Pending, |opinion| opinion.verdict)
    }

    /// Whether the block is valid on the parent that its header names.
    pub(crate) fn is_valid(&self, block: BlockId) -> bool {
        let any_parent = (block, BlockId(Hash::ZERO))..=(block, BlockId(Hash([0xff; 32])));
        self.entries
            .range(any_parent)
            .any(|(_, opinion)| opinion.verdict == Verdict::Valid)
    }

    /// Keeps only what `wanted` says of (view, block).
    pub(crate) fn retain(&mut self, wanted: impl Fn(View, BlockId) -> bool) {
        self.entries
            .retain(|(block, _), opinion| wanted(opinion.view, *block));
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
