//! Liars that fill the rooms of others: leaders whose blocks nobody can judge, and peers that give what nobody asked for.

use bytes::Bytes;
use plasma_consensus::Proposal;
use plasma_core::{BlockId, Hash, Header, Height};
use plasma_node::{
    operator::sync::WANTED_BYTES_MAX,
    runtime::wire::{self, Ask},
    storage::Storage as _,
};

use super::Script;
use crate::sim::world::{Frame, World};

/// How often a liar lies so when it could, per ten thousand.
const CROWDS: u64 = 9_000;
/// How far above the tip a block may say that it is.
const FAR: u64 = 1_000;
/// Blocks that nobody can judge and that a liar remembers.
const MADE_MAX: usize = 16;

impl World {
    /// The same proposal with a block that nobody can judge.
    pub(super) fn crowding(&mut self, index: usize, proposal: &Proposal, bytes: &Bytes) -> Option<Frame> {
        if !self.crowds(index) {
            return None;
        }
        let decided: Vec<Header> = self.oracle.headers.iter().rev().take(4).copied().collect();
        let made = self.liars.made.last().map(|block| block.header);
        let near = u64::try_from(self.scenario.room / 2).unwrap_or(u64::MAX);
        let mut lying = None;
        let frame = self.other_block(index, proposal, bytes, |header, block, random| {
            let stranger = BlockId(Hash(std::array::from_fn(|_| random.byte())));
            let above = |header: &Header, by: u64| Height(header.height.0.saturating_add(narrow(by)));
            (header.parent, header.height) = match (random.below(11), made) {
                (0..8, _) => (stranger, above(header, FAR + random.below(FAR))),
                (8, _) => (stranger, above(header, 1 + random.below(near))),
                (9, Some(last)) => (last.id(), above(&last, 1)),
                // It stands on another block than its proposal says.
                _ => (random.pick(&decided).id(), header.height),
            };
            block.header = *header;
            lying = Some(block.clone());
        });
        self.liars.made.extend(lying);
        if self.liars.made.len() > MADE_MAX {
            self.liars.made.remove(0);
        }
        self.marks.hit("a block that nobody can judge was proposed");
        frame
    }

    /// What a liar answers instead: blocks that are decided, of another height, or some that nobody can judge.
    pub(in crate::sim) fn crowding_answer(&mut self, index: usize, ask: &Ask) -> Option<Bytes> {
        let is_for_blocks = matches!(ask, Ask::After { .. } | Ask::Block(_));
        if !is_for_blocks || !self.crowds(index) {
            return None;
        }
        if self.liars.random.chance(3_000) {
            let made = self.liars.made.last()?;
            self.marks.hit("an answer held what nobody can judge");
            return Some(wire::encode_answer(&[made.encode().into()], &[]));
        }
        let from = match ask {
            Ask::After { height, .. } => u64::from(height.0),
            _ => u64::from(self.oracle.height().0) / 2,
        };
        let room = u64::try_from(self.scenario.room).unwrap_or(u64::MAX);
        let after = Height(narrow(from + 1 + self.liars.random.below(room)));
        let reader = self.hosts[index].storage.reader();
        let answer = self.blocks_after((after, WANTED_BYTES_MAX), &reader);
        if wire::decode_answer(&answer, usize::MAX).is_ok_and(|(blocks, _)| !blocks.is_empty()) {
            self.marks.hit("an answer was of another height");
            return Some(answer);
        }
        None
    }

    fn crowds(&mut self, index: usize) -> bool {
        let is_crowd = self.liars.scripts & Script::Crowd.bit() != 0 && !self.scenario.is_honest(index);
        is_crowd && self.liars.random.chance(CROWDS)
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
