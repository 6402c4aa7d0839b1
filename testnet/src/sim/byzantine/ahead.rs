//! Leaders whose blocks lie ahead of everybody's clock: whoever lets one pass builds nothing for as long. What one could not get
//! votes for, the next that leads proposes again.

use bytes::Bytes;
use plasma_consensus::Proposal;
use plasma_core::{Block, Header};

use super::Script;
use crate::sim::world::{Frame, World};

/// How far such a block is ahead: ten years.
const AHEAD_MS: u64 = 10 * 365 * 86_400_000;

impl World {
    /// The same proposal with a block that lies ahead, and perhaps a vote to nullify it at once, so that nobody thinks about it for
    /// long.
    pub(super) fn ahead(&mut self, index: usize, proposal: &Proposal, bytes: &Bytes) -> Option<Vec<Frame>> {
        if !self.liars.does(Script::Ahead) {
            return None;
        }
        let parent = bytes.get(..Header::SIZE).and_then(Header::decode)?.parent;
        let before = self
            .liars
            .early
            .take()
            .filter(|block| block.header.parent == parent);
        let is_again = before.is_some();
        let mut early = None;
        let frame = self.other_block(index, proposal, bytes, |header, block, _| {
            if let Some(before) = before {
                *header = before.header;
                *block = before;
            } else {
                header.timestamp_ms = header.timestamp_ms.plus(AHEAD_MS);
            }
            early = Some(Block {
                header: *header,
                ..block.clone()
            });
        })?;
        self.liars.early = early;
        if is_again {
            self.marks.hit("a block of the future was proposed again");
            return Some(vec![frame]);
        }
        self.marks.hit("a block of the future was proposed");
        let nullify = self.nullify(index, proposal)?;
        Some(vec![frame, nullify])
    }
}
