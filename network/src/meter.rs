//! What is counted since the start: how often gossip arrives that was here before, and how many votes found no room.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::lines::Lines;

/// What was counted, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Gossip messages that came in, each as often as it came.
    pub gossip_arrived: u64,
    /// Those among them that had not come before.
    pub gossip_new: u64,
    /// Control frames for the present peers that were dropped because their queue was full. What waited too long is not among
    /// them.
    pub control_crowded_out: u64,
}

/// Counts for as long as the network runs.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The library names a message when it arrives, before it knows whether it came before, and when it is published.
    named: AtomicU64,
    published: AtomicU64,
    new: AtomicU64,
}

/// Reads what is counted, and keeps no network running.
#[derive(Clone, Debug)]
pub struct Gauge {
    pub(crate) meter: Arc<Meter>,
    pub(crate) lines: Arc<Lines>,
}

impl Meter {
    pub(crate) fn on_named(&self) {
        self.named.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_publish(&self) {
        self.published.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_new(&self) {
        self.new.fetch_add(1, Ordering::Relaxed);
    }
}

impl Gauge {
    /// What was counted up to now.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Meter {
            named,
            published,
            new,
        } = &*self.meter;
        let crowded_out = self
            .lines
            .status()
            .into_iter()
            .map(|peer| peer.control_crowded_out);
        Traffic {
            // A message may be named between the two looks.
            gossip_arrived: count(named).saturating_sub(count(published)),
            gossip_new: count(new),
            control_crowded_out: crowded_out.sum(),
        }
    }
}
