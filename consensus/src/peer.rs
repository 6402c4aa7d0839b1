//! What an engine remembers of each other member: a fixed number of words per member, whatever it sends.

use plasma_core::{Millis, View};

use crate::message::Kind;

/// One peer.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Since when its connection is down; none while it stands.
    pub(crate) down_since: Option<Millis>,
    /// When it last said anything.
    pub(crate) heard_at: Millis,
    /// The highest view it voted in or reported.
    pub(crate) view: View,
    /// The highest floor it reported.
    pub(crate) floor: View,
    /// The newest certificate of a view that it was sent.
    pub(crate) handed: Option<(View, Kind)>,
    /// When its status was last answered.
    pub(crate) answered_at: Option<Millis>,
    /// When it was last sent my proposal again.
    pub(crate) repeated_at: Option<Millis>,
    /// When it was last told our status out of turn.
    pub(crate) told_at: Option<Millis>,
    /// How often it sent something that does not verify: a vote, a certificate, a proposal in another's name.
    pub(crate) strikes: u32,
    /// Until when its votes are kept and not counted, and its certificates are not looked at; see [`Peer::doubt`].
    pub(crate) doubted_until: Option<Millis>,
}

/// How long a member's votes wait outside, and its certificates are not looked at, after its first bad one; twice as long
/// after each further one.
///
/// An honest member never sends a bad vote or certificate, so a doubted one is one of the f that agreement does without. A member
/// whose key was mended counts again by itself, within this time at first.
const DOUBT_MS: u64 = 10_000;

/// The doubt grows so often: to 640 s, when one liar costs a dozen verifications in ten minutes.
const DOUBLINGS_MAX: u32 = 6;

impl Peer {
    pub(crate) fn new(now: Millis) -> Self {
        Self {
            down_since: Some(now),
            heard_at: now,
            view: View(0),
            floor: View(0),
            handed: None,
            answered_at: None,
            repeated_at: None,
            told_at: None,
            strikes: 0,
            doubted_until: None,
        }
    }

    /// It sent a bad vote, or something else that does not verify.
    pub(crate) fn doubt(&mut self, now: Millis) {
        let doublings = self.strikes.min(DOUBLINGS_MAX);
        let long = DOUBT_MS.saturating_mul(1u64.checked_shl(doublings).unwrap_or(u64::MAX));
        self.doubted_until = Some(now.plus(long));
        self.strikes = self.strikes.saturating_add(1);
    }
}

/// Whether `gap_ms` passed since an instant, if it ever came.
pub(crate) fn is_over(since: Option<Millis>, now: Millis, gap_ms: u64) -> bool {
    since.is_none_or(|since| now.since(since) >= gap_ms)
}
