//! One federation at work: Ethereum, the ledger of its honest operators, the chain, and what is on the way between.

use std::sync::Arc;

use plasma_core::{
    Address, AuthenticTransaction, ExitId, Header, L1Block, L1Event, L1Height, Millis, NewBlock,
    OutputRecord, Position,
};
use plasma_node::bridge::{
    Anchor,
    account::Call,
    decode::{Anchored, Decoded, decode},
};

use crate::{
    books::{Books, authentic},
    chain::{Chain, Decided, Made},
    ethereum::{Ethereum, Outcome},
    forms::Place,
    site::{ANCHOR_EVERY_MAX, Site},
};

/// Everything; a clone is a fork of the world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// What never changes.
    pub(crate) site: Arc<Site>,
    /// The contracts.
    pub(crate) ethereum: Ethereum,
    /// The ledger.
    pub(crate) books: Books,
    /// The blocks.
    pub(crate) chain: Chain,
    /// Every event of the contracts with its L1 block, in log order.
    pub(crate) events: Vec<(L1Height, L1Event)>,
    /// Payments that somebody signed, in a block or not: what a challenger may have heard of.
    pub(crate) heard: Vec<Vec<u8>>,
    /// When the last anchor was mined.
    anchored_at_s: u64,
}

impl World {
    /// Nothing has happened yet.
    pub(crate) fn new(site: &Arc<Site>, ethereum: &Ethereum) -> Self {
        let books = Books::new(site);
        Self {
            site: Arc::clone(site),
            ethereum: ethereum.clone(),
            chain: Chain::new(books.state.header),
            books,
            events: Vec::new(),
            heard: Vec::new(),
            anchored_at_s: ethereum.time_s,
        }
    }

    /// Whether a proof or silence ended the federation.
    pub(crate) fn is_halted(&self) -> bool {
        self.events
            .iter()
            .any(|(_, event)| matches!(event, L1Event::Halted { .. }))
    }

    /// Mines a call and files its events; what the contract said when it refused.
    pub(crate) fn send(&mut self, from: Address, call: &Call) -> Result<(), Vec<u8>> {
        let logs = match self.ethereum.send(from, call) {
            Outcome::Done { logs, .. } => logs,
            Outcome::Refused(reason) => return Err(reason),
        };
        let height = L1Height(self.ethereum.number);
        for log in logs {
            if let Some(Decoded::Event(event)) = decode(&self.site.contracts, &log) {
                self.events.push((height, event));
            }
        }
        Ok(())
    }

    /// The events of (the head's origin, this one].
    pub(crate) fn events_to(&self, origin: L1Height) -> Vec<L1Event> {
        let from = self.books.state.header.l1_height;
        let due = self
            .events
            .iter()
            .filter(|(height, _)| *height > from && *height <= origin);
        due.map(|(_, event)| event.clone()).collect()
    }

    /// What an honest leader would propose now.
    pub(crate) fn choice(&self, origin: L1Block, candidates: &[Vec<u8>]) -> NewBlock {
        let read = |bytes: &Vec<u8>| authentic(bytes, &self.books.params);
        NewBlock {
            origin,
            timestamp_ms: Millis(self.books.state.header.timestamp_ms.0 + 1),
            candidates: candidates.iter().filter_map(read).collect(),
        }
    }

    /// Honest operators decide a block that takes every event up to the newest L1 block.
    pub(crate) fn decide(&mut self, candidates: &[Vec<u8>]) {
        let origin = self.ethereum.newest();
        let events = self.events_to(origin.height);
        let (block, delta) = self.books.build(self.choice(origin, candidates), &events);
        let judged = self.books.apply(&block, &events);
        assert_eq!(judged.as_ref(), Ok(&delta), "voters agree with the leader");
        self.books.commit(delta);
        let body = block.transactions.iter().map(AuthenticTransaction::signed);
        let body: Vec<Vec<u8>> = body.map(plasma_core::SignedTransaction::encode).collect();
        self.heard.extend(body.iter().cloned());
        self.chain.blocks.push(Decided::new(block.header, body));
    }

    /// The newest header goes to Ethereum; `false` when the contract refuses it.
    pub(crate) fn anchor(&mut self, quorum: usize) -> bool {
        let Some(header) = self.chain.blocks.last().map(|block| block.header) else {
            return false;
        };
        let certificate = self.site.certify(&header, quorum);
        let anchor = Anchor {
            header,
            certificate: certificate.clone(),
        };
        let call = self
            .site
            .contracts
            .anchor_call(&anchor)
            .expect("the aggregate is a point");
        let Some(logs) = self.ethereum.send(Address::ZERO, &call).logs() else {
            return false;
        };
        let recorded = logs
            .iter()
            .find_map(|log| match decode(&self.site.contracts, log) {
                Some(Decoded::Anchored(anchored)) => Some(anchored),
                _ => None,
            });
        let anchored: Anchored = recorded.expect("an anchor is an event");
        self.chain.anchors.push(Made {
            anchored,
            header,
            certificate,
        });
        self.anchored_at_s = self.ethereum.time_s;
        true
    }

    /// Time goes by; the federation anchors as often as it must.
    pub(crate) fn advance(&mut self, seconds: u64) {
        let mut left = seconds;
        while left > 0 {
            let room = (self.anchored_at_s + ANCHOR_EVERY_MAX).saturating_sub(self.ethereum.time_s + 2);
            if room == 0 && !self.is_halted() {
                self.decide(&[]);
                assert!(
                    self.anchor(usize::try_from(left).unwrap_or(0)),
                    "an honest anchor in time is taken"
                );
                continue;
            }
            let step = if room == 0 { left } else { left.min(room) };
            self.ethereum.advance(step);
            left -= step;
        }
    }

    /// Where a transaction lies, by its bytes.
    pub(crate) fn place_of(&self, bytes: &[u8]) -> Option<Place> {
        let blocks = (0u32..).zip(&self.chain.blocks);
        blocks
            .flat_map(|(height, block)| {
                (0u32..)
                    .zip(&block.body)
                    .map(move |(index, body)| (Place { height, index }, body))
            })
            .find_map(|(place, body)| (body == bytes).then_some(place))
    }

    /// The bytes that lie at a place.
    pub(crate) fn bytes_at(&self, place: Place) -> Option<&Vec<u8>> {
        self.chain
            .block(place.height)?
            .body
            .get(crate::chain::index(place.index))
    }

    /// The outputs that are under an anchor.
    pub(crate) fn anchored_outputs(&self) -> Vec<(Position, OutputRecord)> {
        let top = self.chain.anchored_to();
        let outputs = self
            .books
            .outputs
            .iter()
            .filter(|(position, _)| position.block.0 <= top);
        outputs.map(|(position, record)| (*position, *record)).collect()
    }

    /// Every exit that ever started, standard ones and those in flight with their bytes.
    pub(crate) fn started(&self) -> Vec<(ExitId, Option<Vec<u8>>)> {
        let started = self.events.iter().filter_map(|(_, event)| match event {
            L1Event::ExitStarted { id, .. } => Some((*id, None)),
            L1Event::InFlightExitStarted { id, transaction } => Some((*id, Some(transaction.clone()))),
            _ => None,
        });
        started.collect()
    }

    /// The head's header.
    pub(crate) fn head(&self) -> &Header {
        &self.books.state.header
    }
}
