//! Blocks that peers give each other: which are taken, whether an answer brought anything, and what of the undecided ones is here.

use bytes::Bytes;
use plasma_consensus::scheme::OperatorKey;
use plasma_core::{AuthenticBlock, BlockId, Millis, Peer};

use super::{Operator, event::Segment};

impl<S: OperatorKey> Operator<S> {
    /// The bytes of an undecided block, for a peer that lacks it.
    #[must_use]
    pub fn encoded_block(&self, id: &BlockId) -> Option<Bytes> {
        self.chain.block(id).map(|known| known.encoded.clone())
    }

    /// How many undecided blocks are kept; never more than there is room for.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.chain.undecided()
    }

    /// A peer's answer to a request for blocks. Certified ones are taken, of others only those that were asked for.
    pub(super) fn on_blocks(&mut self, now: Millis, from: Peer, segment: Option<Box<Segment>>) {
        let useful = segment.as_ref().is_some_and(|segment| self.is_useful(segment));
        self.sync.on_answer(now, from, useful);
        let Some(mut segment) = segment else {
            return self.hear_headers(from, &[], None);
        };
        let rotten = segment.rotten.take();
        self.hear_headers(from, &segment.blocks, rotten.as_ref());
        let of_rotten = rotten.as_ref().and_then(|rotten| rotten.certificate.as_ref());
        let is_certified = segment.certificate.is_some() || of_rotten.is_some();
        for block in segment.blocks {
            if is_certified || self.is_asked_for(&block.header.id()) {
                self.file(block);
            }
        }
        if let Some(certificate) = segment.certificate {
            self.chain.on_final(certificate);
        }
        rotten.into_iter().for_each(|rotten| self.on_rotten(rotten));
    }

    /// Whether an answer brings something: what a quorum has finalized and is new, or what was asked for. Anything else is easily made
    /// up.
    fn is_useful(&self, segment: &Segment) -> bool {
        let decided = self.chain.decided().header.height;
        let brings = |block: &AuthenticBlock| {
            let is_news = segment.certificate.is_some() && block.header.height > decided;
            let id = block.header.id();
            is_news || (self.is_asked_for(&id) && self.chain.block(&id).is_none())
        };
        segment.rotten.is_some() || segment.blocks.iter().any(brings)
    }

    fn is_asked_for(&self, id: &BlockId) -> bool {
        let is_awaited = self.awaited.contains_key(id) || self.payload.awaits(id);
        is_awaited || self.chain.missing() == Some(*id)
    }
}
