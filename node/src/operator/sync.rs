//! Catching up: which peer to ask for decided blocks, one request at a time.
//!
//! A peer whose answer held nothing may lack the blocks, or so many of them in a row have no certificate of their own that no
//! answer holds them all. So the next request is for a single block, the next one below what is here.
//!
//! There is no mode. The engine keeps processing certificates meanwhile; it cannot vote on what it cannot validate.

use std::collections::BTreeSet;

use plasma_core::{BlockId, Height, Millis, OperatorIndex};

use super::effect::Effect;

/// A peer that did not answer in this time is passed over for the next one. The transport's own deadline is shorter.
pub const ANSWER_MS: u64 = 12_000;
/// Pause after every peer failed or had nothing, so that a lagging federation is not flooded.
pub const PAUSE_MS: u64 = 250;

/// The state of catching up.
#[derive(Debug, Default)]
pub struct Sync {
    connected: BTreeSet<OperatorIndex>,
    asked: Option<(OperatorIndex, Millis)>,
    last: Option<OperatorIndex>,
    not_before: Millis,
    /// Whether the last answer held nothing.
    in_vain: bool,
}

impl Sync {
    /// The members connected now.
    #[must_use]
    pub fn connected(&self) -> &BTreeSet<OperatorIndex> {
        &self.connected
    }

    /// A member can be asked.
    pub fn on_peer_up(&mut self, peer: OperatorIndex) {
        self.connected.insert(peer);
    }

    /// A member can no longer be asked.
    pub fn on_peer_down(&mut self, peer: OperatorIndex) {
        self.connected.remove(&peer);
        if self.asked.is_some_and(|(asked, _)| asked == peer) {
            self.asked = None;
        }
    }

    /// A member answered; an answer without blocks makes the next one's turn, after a pause.
    pub fn on_answer(&mut self, now: Millis, from: OperatorIndex, useful: bool) {
        if self.asked.is_some_and(|(asked, _)| asked == from) {
            self.asked = None;
        }
        self.in_vain = !useful;
        if !useful {
            self.not_before = now.plus(PAUSE_MS);
        }
    }

    /// The next request when blocks after `height` are missing, `one` for certain.
    pub fn ask(&mut self, now: Millis, height: Height, one: Option<BlockId>) -> Vec<Effect> {
        if self.asked.is_some_and(|(_, at)| now.since(at) < ANSWER_MS) {
            return Vec::new();
        }
        if now < self.not_before {
            return vec![Effect::Wake(self.not_before)];
        }
        let Some(peer) = self.next_peer() else {
            return Vec::new();
        };
        self.asked = Some((peer, now));
        vec![match one.filter(|_| self.in_vain) {
            Some(block) => Effect::RequestBlock { from: peer, block },
            None => Effect::RequestBlocks {
                from: peer,
                after: height,
            },
        }]
    }

    /// The connected members in turn.
    pub fn next_peer(&mut self) -> Option<OperatorIndex> {
        let after = self.last.and_then(OperatorIndex::next).unwrap_or_default();
        self.last = self
            .connected
            .range(after..)
            .next()
            .or_else(|| self.connected.first())
            .copied();
        self.last
    }

    /// Whether a member can be asked.
    #[must_use]
    pub fn is_connected(&self, peer: OperatorIndex) -> bool {
        self.connected.contains(&peer)
    }
}
