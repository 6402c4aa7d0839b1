//! Questions between operators, and what a peer answers: blocks, transactions, claims.

use bytes::Bytes;
use plasma_core::{Block, Height};
use plasma_node::{
    intake::{self, Question},
    operator::event::Event,
    runtime::{
        sync,
        wire::{self, Ask},
    },
    storage::{Read, Storage as _},
};

use super::{
    host::Arrival,
    peers,
    world::{Happening, World},
};

/// A peer's time for an answer.
const ANSWER_MS: u64 = 10_000;

impl World {
    /// Asks a peer; whatever comes of it, the operator hears of it.
    pub(super) fn request(&mut self, index: usize, to: usize, ask: Ask) {
        self.next_ask += 1;
        let number = self.next_ask;
        self.note(&[b"ask"], || format!("operator {index} asks {to} for {ask:?}"));
        let bytes = ask.encode();
        self.hosts[index].asks.insert(number, ask);
        let lost = Happening::Answer {
            from: to,
            to: index,
            number,
            bytes: None,
        };
        self.after(ANSWER_MS, lost);
        let when = self
            .network
            .arrivals(self.now, (index, to), &self.scenario, &mut self.random);
        if let Some(at) = when.first() {
            let from = index;
            self.at(
                *at,
                Happening::Ask {
                    from,
                    to,
                    number,
                    bytes,
                },
            );
        }
    }

    /// A peer asks for blocks.
    pub(super) fn serve(&mut self, from: usize, to: usize, number: u64, bytes: &[u8]) {
        let (Some(operator), Ok(ask)) = (&self.hosts[to].operator, Ask::decode(bytes)) else {
            return;
        };
        let known = match &ask {
            Ask::Block(id) | Ask::Transactions { block: id, .. } => operator.encoded_block(id),
            Ask::After { .. } | Ask::Snapshots(_) | Ask::Chunk { .. } => None,
            Ask::Claim(epoch) => match operator.claim(*epoch) {
                Some(claim) => Some(wire::encode_claim(claim)),
                None => return,
            },
        };
        let reader = self.hosts[to].storage.reader();
        let answer = match (&ask, known) {
            (Ask::Claim(_), claim) => claim.and_then(|claim| self.doctored_claim(to, claim)),
            (_, known) => {
                let answer = match &ask {
                    Ask::After { height, bytes } => self.blocks_after((*height, *bytes), &reader),
                    other => sync::serve(other, &reader, known),
                };
                if matches!(ask, Ask::After { .. }) {
                    self.judge_answer(to, &answer);
                }
                let answer = self.crowding_answer(to, &ask).unwrap_or(answer);
                self.doctored(to, answer)
            }
        };
        let when = self
            .network
            .arrivals(self.now, (to, from), &self.scenario, &mut self.random);
        if let (Some(at), Some(bytes)) = (when.first().copied(), answer) {
            let bytes = Some(bytes);
            self.at(
                at,
                Happening::Answer {
                    from: to,
                    to: from,
                    number,
                    bytes,
                },
            );
        }
    }

    /// The blocks after a height as a peer gives them: no more than half of a room holds, as in production.
    pub(super) fn blocks_after(&self, (height, bytes): (Height, u32), reader: &impl Read) -> Bytes {
        let answer = sync::serve(&Ask::After { height, bytes }, reader, None);
        let most = self.scenario.room / 2;
        if most >= wire::ANSWER_BLOCKS_MAX {
            return answer;
        }
        let blocks = wire::decode_answer(&answer, usize::MAX).map_or(Vec::new(), |(blocks, _)| blocks);
        if blocks.len() <= most {
            return answer;
        }
        let own = |block: &Block| reader.block(block.header.height).ok()??.certificate;
        let ends = (1..=most).rev().filter_map(|count| blocks.get(..count));
        let mut ends = ends.filter_map(|some| Some((some, own(some.last()?)?)));
        let Some((blocks, certificate)) = ends.next() else {
            return wire::encode_answer(&[], &[]);
        };
        let blocks: Vec<Bytes> = blocks.iter().map(|block| block.encode().into()).collect();
        wire::encode_answer(&blocks, &certificate.to_bytes())
    }

    pub(super) fn answered(&mut self, from: usize, to: usize, number: u64, bytes: Option<Bytes>) {
        if !self.hosts[to].is_up() {
            return;
        }
        let event = match self.hosts[to].asks.remove(&number) {
            None => return,
            Some(Ask::Transactions { block, map }) => {
                let host = &self.hosts[to];
                let operator = host.operator.as_ref();
                let asked = operator.map_or(Vec::new(), |one| one.asked_leaves(&block, &map));
                // In production nobody is asked for a block that is not put together any more.
                let bytes = bytes.filter(|_| !asked.is_empty());
                let entries = bytes.and_then(|bytes| intake::transactions(&bytes, &asked, &host.proof));
                peers::fetched(from, block, entries)
            }
            // Snapshots are taken between starts.
            Some(Ask::Snapshots(_) | Ask::Chunk { .. }) => return,
            Some(Ask::Claim(epoch)) => {
                let claim = bytes.and_then(|bytes| wire::decode_claim(&bytes, epoch).ok());
                let (from, claim) = (peers::name(from), claim.map(|claim| claim.map(Box::new)));
                Event::Claim { from, epoch, claim }
            }
            Some(Ask::After { height, .. }) => self.brought(from, to, Question::After(height), bytes),
            Some(Ask::Block(block)) => self.brought(from, to, Question::Block(block), bytes),
        };
        self.hosts[to].inbox.push_back(Arrival::Event(event));
        self.turn_soon(to);
    }

    fn brought(&mut self, from: usize, to: usize, question: Question, bytes: Option<Bytes>) -> Event {
        let proof = &self.hosts[to].proof;
        let segment = bytes.and_then(|bytes| intake::answer(&bytes, question, proof));
        let brought = segment.as_ref().map(|segment| segment.blocks.len());
        self.note(&[b"answer"], || {
            format!("{from} -> {to} answer of blocks: {brought:?}")
        });
        peers::blocks(from, segment)
    }
}
