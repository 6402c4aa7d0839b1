//! What an engine remembers of each other member: a fixed number of words per member, whatever it sends.

use plasma_core::{Millis, View};

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
    /// When its status was last answered.
    pub(crate) answered_at: Option<Millis>,
    /// When it was last told our status out of turn.
    pub(crate) told_at: Option<Millis>,
}

impl Peer {
    pub(crate) fn new(now: Millis) -> Self {
        Self {
            down_since: Some(now),
            heard_at: now,
            view: View(0),
            floor: View(0),
            answered_at: None,
            told_at: None,
        }
    }
}

/// Whether `gap_ms` passed since an instant, if it ever came.
pub(crate) fn is_over(since: Option<Millis>, now: Millis, gap_ms: u64) -> bool {
    since.is_none_or(|since| now.since(since) >= gap_ms)
}
