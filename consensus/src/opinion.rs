//! What the operator thinks of blocks, as far as it has said so.
//!
//! A verdict belongs to a block *and* the parent it was judged on: a leader that proposes a good block in a wrong
//! place must not spoil it for the right one. Valid and Invalid are final; Pending is asked about again.

use std::{collections::BTreeMap, ops::RangeInclusive};

use plasma_core::{BlockId, Hash, View};

use crate::{Verdict, Waits};

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
    /// It was found to be the last of its epoch, and that stays so.
    seals: bool,
}

impl Opinions {
    /// Notes that a verdict is wanted; `true` when it was not asked for before.
    pub(crate) fn ask(&mut self, view: View, block: BlockId, parent: BlockId) -> bool {
        let mut new = false;
        let entry = self.entries.entry((block, parent)).or_insert_with(|| {
            new = true;
            Opinion {
                view,
                verdict: UNANSWERED,
                seals: false,
            }
        });
        entry.view = entry.view.max(view);
        new
    }

    /// Files an answer; one that nobody asked for is dropped, and a final one stays.
    pub(crate) fn answer(&mut self, block: BlockId, parent: BlockId, verdict: Verdict) {
        if let Some(opinion) = self.entries.get_mut(&(block, parent))
            && is_open(opinion.verdict)
        {
            opinion.verdict = verdict;
            opinion.seals |= verdict == Verdict::Valid { seals: true };
        }
    }

    /// The verdict on a block on this parent; Pending when unknown.
    pub(crate) fn verdict(&self, block: BlockId, parent: BlockId) -> Verdict {
        self.entries
            .get(&(block, parent))
            .map_or(UNANSWERED, |opinion| opinion.verdict)
    }

    /// Whether the block is valid on the parent that its header names.
    pub(crate) fn is_valid(&self, block: BlockId) -> bool {
        self.of(block)
            .any(|opinion| matches!(opinion.verdict, Verdict::Valid { .. }))
    }

    /// Whether a verdict on the block was wanted on any parent.
    pub(crate) fn is_asked(&self, block: BlockId) -> bool {
        self.of(block).next().is_some()
    }

    /// Whether the block was found to be the last of its epoch.
    pub(crate) fn seals(&self, block: BlockId) -> bool {
        self.of(block).any(|opinion| opinion.seals)
    }

    /// The operator holds a block no more that was valid: nobody votes for what it could not give, so it is asked about anew.
    pub(crate) fn reopen(&mut self, block: BlockId) {
        for (_, opinion) in self.entries.range_mut(any_parent(block)) {
            if matches!(opinion.verdict, Verdict::Valid { .. }) {
                opinion.verdict = UNANSWERED;
            }
        }
    }

    fn of(&self, block: BlockId) -> impl Iterator<Item = &Opinion> {
        self.entries.range(any_parent(block)).map(|(_, opinion)| opinion)
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

fn any_parent(block: BlockId) -> RangeInclusive<(BlockId, BlockId)> {
    (block, BlockId(Hash::ZERO))..=(block, BlockId(Hash([0xff; 32])))
}

/// A verdict that may still change.
pub(crate) fn is_open(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pending(_))
}

/// The verdict before there is one.
pub(crate) const UNANSWERED: Verdict = Verdict::Pending(Waits::Answer);
