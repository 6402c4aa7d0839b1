//! What operators ask of each other, and what they are given.

use plasma_core::{BlockId, Height, Peer};
use plasma_node::{
    operator::event::{Event, Segment},
    runtime::{sync, wire},
    storage::Storage,
};

use super::{DELAY_MS, World, place};

impl World {
    pub(super) fn give_row(&mut self, index: usize, peer: Peer, after: Height) {
        let reader = self.nodes[place(peer)].storage.reader();
        let row = (!self.no_rows).then(|| sync::answer(&reader, after));
        self.answer(index, peer, &row.unwrap_or_else(|| wire::encode_answer(&[], &[])));
    }

    pub(super) fn give_block(&mut self, index: usize, peer: Peer, block: BlockId) {
        self.nodes[index].asked.push((self.now, place(peer)));
        let giver = &self.nodes[place(peer)];
        let undecided = giver.operator.as_ref().and_then(|o| o.encoded_block(&block));
        let known = undecided.or_else(|| sync::decided_block(&giver.storage.reader(), &block));
        let answer = wire::encode_answer(known.as_slice(), &[]);
        self.answer(index, peer, &answer);
    }

    fn answer(&mut self, to: usize, from: Peer, bytes: &[u8]) {
        if self.silent.contains(&place(from)) {
            return;
        }
        let (blocks, certificate) = wire::decode_answer(bytes, usize::MAX).expect("decodes");
        let domain = self.genesis.domain();
        let known = &self.nodes[to].committees;
        if certificate
            .as_ref()
            .is_some_and(|one| known.verify(one, &domain).is_err())
        {
            let segment = None;
            return self.push(to, 2 * DELAY_MS, Event::Blocks { from, segment });
        }
        let blocks = blocks
            .into_iter()
            .map(|block| block.authenticate(&domain).expect("authentic"))
            .collect();
        let segment = Some(Box::new(Segment {
            blocks,
            certificate,
            rotten: None,
        }));
        self.push(to, 2 * DELAY_MS, Event::Blocks { from, segment });
    }
}
