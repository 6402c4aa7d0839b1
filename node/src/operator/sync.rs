//! Catching up: which peer to ask for decided blocks.
//!
//! One request at a time is waited for. Its deadline is short at first and follows the answers; when it passes, the next peer is
//! asked as well, and the late answer still counts when it comes. Each peer has one request at most, so a few answers at
//! most are on their way. A peer that was late or had nothing is passed over for a while, longer each time, so that it costs
//! its deadline and not one deadline in every round.
//!
//! How much one answer may hold follows the answers too: a link that is too slow for it would load the same bytes again and again
//! and never have them. It is halved with each deadline that passes, and doubled with each answer that came quickly.
//!
//! A peer whose answer held nothing may lack the blocks, or so many of them in a row have no certificate of their own that no
//! answer holds them all. So the next request is for a single block, the next one below what is here.
//!
//! There is no mode. The engine keeps processing certificates meanwhile; it cannot vote on what it cannot validate.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use plasma_core::{BlockId, Height, Millis, Peer, planted::planted};

use super::effect::Effect;

/// The first deadline: many round trips around the world and some megabytes.
pub const DEADLINE_MS: u64 = 1_000;
/// No deadline is longer: it is the transport's own.
pub const DEADLINE_MAX_MS: u64 = 10_000;
/// Requests on their way at most, late ones too. With 16 MB in an answer no more than 64 MB are.
pub const OPEN_MAX: usize = 4;
/// A request of which nothing was heard for so long is forgotten. The transport ends it long before; its answer may then
/// wait for the verification of signatures.
pub const FORGOTTEN_MS: u64 = 60_000;
/// A peer that failed is passed over for so long, and twice as long each time again.
pub const PASSED_MS: u64 = 10_000;
/// Nobody is passed over for longer: a peer that was down for an hour is good again.
pub const PASSED_MAX_MS: u64 = 320_000;
/// The most that is asked for at once: what an answer holds.
pub const WANTED_BYTES_MAX: u32 = 15 << 20;
/// The least: a few small blocks, or one. Where even that is late, single blocks are asked for.
pub const WANTED_BYTES_MIN: u32 = 64 << 10;
/// An answer that came within a quarter of the longest deadline was quick: twice as much comes in time too, with room for a worse
/// moment.
pub const QUICK_MS: u64 = DEADLINE_MAX_MS / 4;
/// Pause between requests while every peer is passed over, so that a lagging federation is not flooded.
pub const PAUSE_MS: u64 = 250;

/// Who has no seat asks for what is new this often: members tell each other, nobody tells him.
pub const POLL_MS: u64 = 1_000;

/// The state of catching up.
#[derive(Debug)]
pub struct Sync {
    connected: BTreeSet<Peer>,
    /// Requests without an answer, one for each peer at most.
    open: BTreeMap<Peer, Asked>,
    /// Peers that failed, and have not answered well since.
    passed: BTreeMap<Peer, Passed>,
    deadline_ms: u64,
    /// How much the next answer may hold.
    wanted_bytes: u32,
    last: Option<Peer>,
    not_before: Millis,
    /// Whether the last answer held nothing, or the least was too much.
    in_vain: bool,
    /// Whether a peer is to be asked although nothing is known to be missing.
    polls: bool,
    polled_at: Option<Millis>,
}

/// A request on its way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Millis,
    due: Millis,
    is_late: bool,
    /// Nothing is known to be missing, so an empty answer is no failure.
    is_poll: bool,
}

/// How often a peer failed in a row, and until when it is passed over.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    failures: u32,
    until: Millis,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            connected: BTreeSet::new(),
            open: BTreeMap::new(),
            passed: BTreeMap::new(),
            deadline_ms: DEADLINE_MS,
            wanted_bytes: WANTED_BYTES_MAX,
            last: None,
            not_before: Millis::default(),
            in_vain: false,
            polls: false,
            polled_at: None,
        }
    }
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

    /// A member can no longer be asked. That it failed is remembered: whoever reconnects is not asked sooner for it.
    pub fn on_peer_down(&mut self, peer: Peer) {
        self.connected.remove(&peer);
        self.open.remove(&peer);
    }

    /// A member answered, and the answer had something new or not.
    pub fn on_answer(&mut self, now: Millis, from: Peer, useful: bool) {
        let Some(mut asked) = self.open.remove(&from) else {
            return;
        };
        if !useful && !asked.is_late && asked.due <= now {
            // The transport gave up in the moment in which the deadline passed.
            self.be_late(now, from);
            asked.is_late = true;
        }
        if useful {
            self.passed.remove(&from);
            self.in_vain = false;
            let took = now.since(asked.at);
            self.deadline_ms = took.saturating_mul(2).clamp(DEADLINE_MS, DEADLINE_MAX_MS);
            if took <= QUICK_MS && !asked.is_late {
                self.wanted_bytes = self.wanted_bytes.saturating_mul(2).min(WANTED_BYTES_MAX);
            }
        } else if !asked.is_poll && !asked.is_late {
            self.in_vain = true;
            self.fail(now, from);
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

    /// Whether every member that is connected has failed again and again: what is missing is not to be had from them.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        let has_failed = |peer: &Peer| {
            self.passed
                .get(peer)
                .is_some_and(|passed| passed.failures >= STARVED)
        };
        !self.connected.is_empty() && self.connected.iter().all(has_failed)
    }

    /// The next request when blocks after `height` are missing, `one` for certain.
    pub fn ask(&mut self, now: Millis, height: Height, one: Option<BlockId>) -> Vec<Effect> {
        if let Some(wait) = self.waits(now) {
            return wait;
        }
        let Some(from) = self.next_to_ask(now) else {
            return Vec::new();
        };
        let is_poll = std::mem::take(&mut self.polls) && one.is_none();
        self.note_asked(now, from, is_poll);
        vec![match one.filter(|_| self.in_vain) {
            Some(block) => Effect::RequestBlock { from, block },
            None => self.blocks(from, height),
        }]
    }

    /// The next request for blocks that must all come from one peer: of who gave the `last` for what follows it, or of the
    /// next for what follows `first`.
    pub fn ask_on(&mut self, now: Millis, last: Option<(Peer, Height)>, first: Height) -> Vec<Effect> {
        if let Some(wait) = self.waits(now) {
            return wait;
        }
        let can_go_on = |(peer, _): &(Peer, Height)| {
            self.connected.contains(peer) && !self.open.contains_key(peer) && !self.is_passed(now, *peer)
        };
        let next = last.filter(can_go_on);
        let Some((from, after)) = next.or_else(|| Some((self.next_to_ask(now)?, first))) else {
            return Vec::new();
        };
        self.note_asked(now, from, false);
        vec![self.blocks(from, after)]
    }

    /// Why nobody is asked now, and what is to be done instead.
    fn waits(&mut self, now: Millis) -> Option<Vec<Effect>> {
        self.note_late(now);
        let is_waiting = self.open.values().any(|asked| !asked.is_late);
        if is_waiting || self.open.len() >= OPEN_MAX {
            return Some(Vec::new());
        }
        (now < self.not_before).then(|| vec![Effect::Wake(self.not_before)])
    }

    fn blocks(&self, from: Peer, after: Height) -> Effect {
        Effect::RequestBlocks {
            from,
            after,
            bytes: self.wanted_bytes,
        }
    }

    fn note_asked(&mut self, now: Millis, peer: Peer, is_poll: bool) {
        let asked = Asked {
            at: now,
            due: now.plus(self.deadline_ms),
            is_late: false,
            is_poll,
        };
        self.open.insert(peer, asked);
    }

    /// The connected members in turn.
    pub fn next_peer(&mut self) -> Option<Peer> {
        self.next_of(|_, _| true)
    }

    /// Whether a member can be asked.
    #[must_use]
    pub fn is_connected(&self, peer: Peer) -> bool {
        self.connected.contains(&peer)
    }

    /// Requests whose deadline passed are no longer waited for.
    fn note_late(&mut self, now: Millis) {
        self.open.retain(|_, asked| now.since(asked.at) < FORGOTTEN_MS);
        let is_late = |asked: &Asked| !asked.is_late && asked.due <= now;
        let late = self.open.iter_mut().filter(|(_, asked)| is_late(asked));
        let peers: Vec<Peer> = late
            .map(|(peer, asked)| {
                asked.is_late = true;
                *peer
            })
            .collect();
        for peer in peers {
            self.be_late(now, peer);
        }
    }

    /// A deadline passed.
    fn be_late(&mut self, now: Millis, peer: Peer) {
        self.deadline_ms = self.deadline_ms.saturating_mul(2).min(DEADLINE_MAX_MS);
        // Not even the least came in time: one block is less.
        self.in_vain |= self.wanted_bytes == WANTED_BYTES_MIN;
        self.wanted_bytes = (self.wanted_bytes / 2).max(WANTED_BYTES_MIN);
        self.fail(now, peer);
    }

    /// A peer failed: it is passed over, and the others come first.
    fn fail(&mut self, now: Millis, peer: Peer) {
        let known = self.passed.get(&peer).copied().unwrap_or_default();
        let span = PASSED_MS.saturating_mul(1 << known.failures.min(PASSED_DOUBLINGS));
        let passed = Passed {
            failures: known.failures.saturating_add(1),
            until: now.plus(span.min(PASSED_MAX_MS)),
        };
        self.passed.insert(peer, passed);
        let is_good = |peer: &Peer| !self.is_passed(now, *peer);
        if !self.connected.iter().any(is_good) {
            self.not_before = now.plus(PAUSE_MS);
        }
    }

    fn is_passed(&self, now: Millis, peer: Peer) -> bool {
        self.passed.get(&peer).is_some_and(|passed| now < passed.until)
    }

    /// The next in turn that has no request and is not passed over; when all are, the next that has no request.
    fn next_to_ask(&mut self, now: Millis) -> Option<Peer> {
        self.next_of(|sync, peer| !sync.open.contains_key(&peer) && !sync.is_passed(now, peer))
            .or_else(|| self.next_of(|sync, peer| !sync.open.contains_key(&peer)))
    }

    fn next_of(&mut self, suits: impl Fn(&Self, Peer) -> bool) -> Option<Peer> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let turn = self.connected.range((after, Bound::Unbounded));
        let mut turn = turn.chain(&self.connected);
        let suits = |peer: &&Peer| suits(self, **peer) && !planted("operator: asks nobody");
        let next = turn.find(suits).copied();
        self.last = next.or(self.last);
        next
    }
}

/// Failures in a row of every peer after which nobody is expected to help: one may be bad luck.
const STARVED: u32 = 2;
/// Beyond so many doublings the span has reached its bound.
const PASSED_DOUBLINGS: u32 = 5;
