//! Catching up: which peer to ask for decided blocks, one request at a time.
//!
//! A peer whose answer held nothing may lack the blocks, or so many of them in a row have no certificate of their own that no
//! answer holds them all. So the next request is for a single block, the next one below what is here.
//!
//! There is no mode. The engine keeps processing certificates meanwhile; it cannot vote on what it cannot validate.

use std::{collections::BTreeSet, ops::Bound};

use plasma_core::{BlockId, Height, Millis, Peer, planted::planted};

use super::effect::Effect;

/// A peer that did not answer in this time is passed over for the next one. The transport's own deadline is shorter.
pub const ANSWER_MS: u64 = 12_000;
/// Pause after every peer failed or had nothing, so that a lagging federation is not flooded.
pub const PAUSE_MS: u64 = 250;

/// Who has no seat asks for what is new this often: members tell each other, nobody tells him.
pub const POLL_MS: u64 = 1_000;

/// The state of catching up.
#[derive(Debug, Default)]
pub struct Sync {
    connected: BTreeSet<Peer>,
    asked: Option<(Peer, Millis)>,
    last: Option<Peer>,
    not_before: Millis,
    /// Whether the last answer held nothing.
    in_vain: bool,
    /// Whether a peer is to be asked although nothing is known to be missing.
    polls: bool,
    polled_at: Option<Millis>,
}

impl Sync {
    /// The members connected now.
    #[must_use]
    pub fn connected(&self) -> &BTreeSet<Peer> {
        &self.connected
    }

    /// A member can be asked.
    pub fn on_peer_up(&mut self, peer: Peer) {
        self.connected.insert(peer);
    }

    /// A member can no longer be asked.
    pub fn on_peer_down(&mut self, peer: Peer) {
        self.connected.remove(&peer);
        if self.asked.is_some_and(|(asked, _)| asked == peer) {
            self.asked = None;
        }
    }

    /// A member answered; an answer without blocks makes the next one's turn, after a pause.
    pub fn on_answer(&mut self, now: Millis, from: Peer, useful: bool) {
        if self.asked.is_some_and(|(asked, _)| asked == from) {
            self.asked = None;
        }
        self.in_vain = !useful;
        if !useful {
            self.not_before = now.plus(PAUSE_MS);
        }
    }

    /// Somebody may be ahead who does not say so: asks now and then.
    pub fn poll(&mut self, now: Millis) {
        if self.polled_at.is_none_or(|at| now.since(at) >= POLL_MS) {
            self.polls = true;
            self.polled_at = Some(now);
        }
    }

    /// Whether a peer is to be asked although nothing is known to be missing.
    #[must_use]
    pub fn is_polling(&self) -> bool {
        self.polls
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
        self.polls = false;
        vec![match one.filter(|_| self.in_vain) {
            Some(block) => Effect::RequestBlock { from: peer, block },
            None => Effect::RequestBlocks {
                from: peer,
                after: height,
            },
        }]
    }

    /// The connected members in turn.
    pub fn next_peer(&mut self) -> Option<Peer> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        self.last = self
            .connected
            .range((after, Bound::Unbounded))
            .next()
            .or_else(|| self.connected.first())
            .filter(|_| !planted("operator: asks nobody"))
            .copied();
        self.last
    }

    /// Whether a member can be asked.
    #[must_use]
    pub fn is_connected(&self, peer: Peer) -> bool {
        self.connected.contains(&peer)
    }
}
