//! What waits to be written to one stream of one peer: bounded in frames, bytes and age.
//!
//! Frames leave in the order of their arrival. When there is no room, the frame of the lowest rank goes first, the
//! oldest among equals, even if it is the newcomer: what serves the oldest work is worth least. A frame whose key is already queued
//! supersedes the queued one. Nothing here waits or reads a clock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::budget::Charge;

/// The bounds of one outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// One queued frame.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) rank: u64,
    pub(crate) replaces: Option<u64>,
    pub(crate) bytes: Bytes,
    pub(crate) at: Instant,
    /// Its share of the bound over all peers, given back when the last queue lets go of it.
    pub(crate) _charge: Option<Arc<Charge>>,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Bounds,
    next: u64,
    bytes: usize,
    frames: BTreeMap<u64, Queued>,
    ranks: BTreeSet<(u64, u64)>,
    keys: HashMap<u64, u64>,
    dropped: u64,
    /// Of these, for want of room.
    crowded_out: u64,
    is_shut: bool,
}

impl Outbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            next: 0,
            bytes: 0,
            frames: BTreeMap::new(),
            ranks: BTreeSet::new(),
            keys: HashMap::new(),
            dropped: 0,
            crowded_out: 0,
            is_shut: false,
        }
    }

    /// Forgets all that waits and takes nothing more.
    pub(crate) fn shut(&mut self) {
        *self = Self {
            is_shut: true,
            ..Self::new(self.bounds)
        };
    }

    /// Queues a frame, making room at the cost of the lowest ranks.
    pub(crate) fn push(&mut self, frame: Queued) {
        if self.is_shut {
            return;
        }
        self.expire(frame.at);
        if let Some(older) = frame.replaces.and_then(|key| self.keys.get(&key).copied()) {
            self.remove(older);
        }
        let sequence = self.next;
        self.next += 1;
        self.bytes += frame.bytes.len();
        self.ranks.insert((frame.rank, sequence));
        if let Some(key) = frame.replaces {
            self.keys.insert(key, sequence);
        }
        self.frames.insert(sequence, frame);
        while self.frames.len() > self.bounds.frames || self.bytes > self.bounds.bytes {
            let Some(&(_, lowest)) = self.ranks.first() else {
                break;
            };
            self.remove(lowest);
            self.dropped += 1;
            self.crowded_out += 1;
        }
    }

    /// The next frame to write; those that waited too long are dropped first.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Queued> {
        self.expire(now);
        let sequence = *self.frames.first_key_value()?.0;
        self.remove(sequence)
    }

    /// Drops what waited too long, so that a peer that is away does not hold the memory of all.
    fn expire(&mut self, now: Instant) {
        while let Some((&sequence, frame)) = self.frames.first_key_value() {
            if now.saturating_duration_since(frame.at) <= self.bounds.age {
                break;
            }
            self.remove(sequence);
            self.dropped += 1;
        }
    }

    /// Forgets everything of lower ranks.
    pub(crate) fn cancel_below(&mut self, rank: u64) {
        while let Some(&(lowest, sequence)) = self.ranks.first() {
            if lowest >= rank {
                break;
            }
            self.remove(sequence);
        }
    }

    /// Length in bytes of the next frame, if there is one.
    pub(crate) fn next_len(&self) -> Option<usize> {
        self.frames.first_key_value().map(|(_, frame)| frame.bytes.len())
    }

    /// Frames and bytes queued now, and frames dropped for want of room or for age since the start.
    pub(crate) fn usage(&self) -> (usize, usize, u64) {
        (self.frames.len(), self.bytes, self.dropped)
    }

    /// Frames dropped for want of room since the start.
    pub(crate) fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    fn remove(&mut self, sequence: u64) -> Option<Queued> {
        let frame = self.frames.remove(&sequence)?;
        self.bytes -= frame.bytes.len();
        self.ranks.remove(&(frame.rank, sequence));
        if let Some(key) = frame.replaces
            && self.keys.get(&key) == Some(&sequence)
        {
            self.keys.remove(&key);
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        frames: 3,
        bytes: 10,
        age: Duration::from_secs(10),
    };

    fn frame(rank: u64, bytes: &'static [u8], at: Instant) -> Queued {
        Queued {
            rank,
            replaces: None,
            bytes: Bytes::from_static(bytes),
            at,
            _charge: None,
        }
    }

    fn drain(outbox: &mut Outbox, now: Instant) -> Vec<Bytes> {
        std::iter::from_fn(|| outbox.pop(now).map(|frame| frame.bytes)).collect()
    }

    #[test]
    fn frames_leave_in_the_order_of_arrival_whatever_their_rank() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        outbox.push(frame(9, b"a", now));
        outbox.push(frame(1, b"b", now));
        outbox.push(frame(5, b"c", now));
        assert_eq!(drain(&mut outbox, now), ["a", "b", "c"]);
        assert_eq!(outbox.usage(), (0, 0, 0));
    }

    #[test]
    fn a_full_outbox_drops_the_lowest_rank_first_even_the_newcomer() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        for (rank, bytes) in [(5, b"a"), (4, b"b"), (6, b"c"), (3, b"d"), (7, b"e")] {
            outbox.push(frame(rank, bytes, now));
        }
        assert_eq!((outbox.usage(), outbox.crowded_out()), ((3, 3, 2), 2));
        assert_eq!(drain(&mut outbox, now), ["a", "c", "e"]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        outbox.push(frame(1, b"12345", now));
        outbox.push(frame(2, b"12345", now));
        outbox.push(frame(3, b"1", now));
        assert_eq!(outbox.usage(), (2, 6, 1));
        outbox.push(frame(4, b"12345678901", now));
        assert_eq!(
            outbox.usage(),
            (0, 0, 4),
            "a frame larger than the outbox leaves nothing behind"
        );
    }

    #[test]
    fn a_key_supersedes_the_queued_frame_with_that_key_only() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        outbox.push(Queued {
            replaces: Some(1),
            ..frame(1, b"old", now)
        });
        outbox.push(Queued {
            replaces: Some(2),
            ..frame(1, b"two", now)
        });
        outbox.push(Queued {
            replaces: Some(1),
            ..frame(1, b"new", now)
        });
        assert_eq!(drain(&mut outbox, now), ["two", "new"]);
        outbox.push(Queued {
            replaces: Some(1),
            ..frame(1, b"x", now)
        });
        assert_eq!(drain(&mut outbox, now), ["x"]);
    }

    #[test]
    fn lower_ranks_are_cancelled_and_equal_ones_stay() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        outbox.push(frame(1, b"a", now));
        outbox.push(frame(2, b"b", now));
        outbox.push(frame(3, b"c", now));
        outbox.cancel_below(2);
        assert_eq!(drain(&mut outbox, now), ["b", "c"]);
    }

    #[test]
    fn a_shut_outbox_holds_nothing_and_takes_nothing() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        outbox.push(frame(1, b"before", now));
        outbox.shut();
        assert_eq!(outbox.usage(), (0, 0, 0));
        outbox.push(frame(2, b"after", now));
        assert!(outbox.pop(now).is_none());
    }

    #[test]
    fn a_frame_that_waited_too_long_is_not_sent() {
        let now = Instant::now();
        let mut outbox = Outbox::new(BOUNDS);
        outbox.push(frame(1, b"old", now));
        let later = now + Duration::from_secs(11);
        outbox.push(frame(1, b"new", later));
        assert_eq!(outbox.usage(), (1, 3, 1), "not even its memory is kept");
        assert_eq!(outbox.crowded_out(), 0, "it was too old");
        assert_eq!(drain(&mut outbox, later), ["new"]);
        outbox.push(frame(1, b"late", later));
        assert!(outbox.pop(later + Duration::from_secs(11)).is_none());
    }
}
