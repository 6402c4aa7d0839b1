//! Bringing an archive here from one member, chunk after chunk, and whom to ask when one is too slow.
//!
//! Nobody can tell a slow link from a member that gives just enough not to be dropped. So every giver is first asked to be fast;
//! only when none is, they may take longer. Who stalls costs no more than the time in which an honest one would be done.

use std::{fs::File, future::Future, io::Write as _, path::Path, time::Duration};

use futures::{StreamExt as _, stream};
use plasma_core::Height;
use plasma_network as network;
use tokio::time::{Instant, timeout_at};

use crate::runtime::wire::Ask;

use super::{Refused, offer::CHUNK_BYTES};

/// Time for one chunk.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(10);
/// Before the pace counts: connections open, and the first chunks are on their way.
const GRACE: Duration = Duration::from_secs(15);

/// How fast a giver must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// What it brings in a second.
    pub bytes_per_second: u64,
    /// Chunks on their way, which is all that a download holds in memory. At this pace all come within the time of one chunk.
    pub ahead: usize,
}

/// From what a good link brings down to 256 KiB in a second: with less a snapshot of some gigabytes takes days.
pub const PACES: [Pace; 3] = [
    Pace {
        bytes_per_second: 4 << 20,
        ahead: 4,
    },
    Pace {
        bytes_per_second: 1 << 20,
        ahead: 4,
    },
    Pace {
        bytes_per_second: 256 << 10,
        ahead: 2,
    },
];

/// What came of asking one giver.
#[derive(Debug)]
pub enum Turn<T> {
    /// It is done.
    Done(T),
    /// It may be better at a slower pace.
    Slow,
    /// It is not asked again.
    Bad,
}

/// What of a member is fetched.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whose.
    pub slot: u16,
    /// Which snapshot.
    pub height: Height,
    /// Its size, as announced.
    pub bytes: u64,
}

impl Pace {
    /// When more than so many bytes must be here.
    #[must_use]
    pub fn due(self, received: u64) -> Duration {
        GRACE.saturating_add(Duration::from_secs(received / self.bytes_per_second))
    }
}

/// Tries all givers in their order at one pace before any at the next.
///
/// # Errors
/// Those of an attempt; they end all.
pub async fn in_turns<G, T, E, F>(
    mut givers: Vec<G>,
    mut attempt: impl FnMut(G, Pace) -> F,
) -> Result<Option<T>, E>
where
    G: Clone,
    F: Future<Output = Result<Turn<T>, E>>,
{
    for pace in PACES {
        let mut slow = Vec::new();
        for giver in givers {
            match attempt(giver.clone(), pace).await? {
                Turn::Done(done) => return Ok(Some(done)),
                Turn::Slow => slow.push(giver),
                Turn::Bad => {}
            }
        }
        givers = slow;
    }
    Ok(None)
}

/// Brings an archive into a file.
pub(super) async fn fetch(
    network: &network::Handle,
    wanted: Wanted,
    to: &Path,
    pace: Pace,
) -> Result<(), Refused> {
    let mut file = File::create(to)?;
    let (begun, mut received) = (Instant::now(), 0);
    let step = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    let offsets = (0..wanted.bytes.div_ceil(step)).map(|number| number * step);
    let chunks = stream::iter(offsets).map(|offset| async move {
        let height = wanted.height;
        let ask = Ask::Chunk { height, offset }.encode();
        (offset, network.request(wanted.slot, ask, CHUNK_TIMEOUT).await)
    });
    let mut chunks = std::pin::pin!(chunks.buffered(pace.ahead));
    loop {
        let next = timeout_at(begun + pace.due(received), chunks.next()).await;
        let Some((offset, chunk)) = next.map_err(|_| Refused::Slow(received))? else {
            return Ok(());
        };
        let chunk = chunk?;
        let due = step.min(wanted.bytes - offset);
        if u64::try_from(chunk.len()) != Ok(due) {
            return Err(Refused::Chunk(chunk.len()));
        }
        file.write_all(&chunk)?;
        received += due;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, convert::Infallible};

    use super::*;

    /// Whom it asks, with the rate, when each gives at most so much and the liars give nonsense.
    async fn asked(rates: &[(char, u64)], liars: &str) -> (Vec<(char, u64)>, Option<char>) {
        let asked = RefCell::new(Vec::new());
        let attempt = |(name, rate): (char, u64), pace: Pace| {
            asked.borrow_mut().push((name, pace.bytes_per_second >> 10));
            let turn = if rate < pace.bytes_per_second {
                Turn::Slow
            } else if liars.contains(name) {
                Turn::Bad
            } else {
                Turn::Done(name)
            };
            async move { Ok::<_, Infallible>(turn) }
        };
        let done = in_turns(rates.to_vec(), attempt).await;
        (asked.into_inner(), done.unwrap())
    }

    #[tokio::test]
    async fn who_gives_just_enough_costs_no_more_than_a_fast_one_needs() {
        let (stalls, good) = (300 << 10, 8 << 20);
        let fast = 4 << 10;
        let (turns, done) = asked(&[('a', stalls), ('b', stalls), ('c', good)], "ab").await;
        assert_eq!(turns, [('a', fast), ('b', fast), ('c', fast)]);
        assert_eq!(done, Some('c'));
    }

    #[tokio::test]
    async fn slow_ones_are_asked_again_and_liars_are_not() {
        let (slow, good) = (300 << 10, 8 << 20);
        let (turns, done) = asked(&[('a', good), ('b', slow)], "a").await;
        assert_eq!(
            turns,
            [('a', 4 << 10), ('b', 4 << 10), ('b', 1 << 10), ('b', 256)]
        );
        assert_eq!(done, Some('b'));
        let (turns, done) = asked(&[('a', 0), ('b', 0)], "").await;
        assert_eq!((turns.len(), done), (2 * PACES.len(), None));
    }

    #[test]
    fn a_pace_is_asked_for_all_the_way_and_a_whole_chunk_fits_into_it() {
        for pace in PACES {
            assert_eq!(pace.due(0), GRACE);
            assert_eq!(
                pace.due(pace.bytes_per_second * 60),
                GRACE + Duration::from_secs(60)
            );
            let ahead = u64::try_from(pace.ahead * CHUNK_BYTES).unwrap();
            assert!(
                CHUNK_TIMEOUT.as_secs() * pace.bytes_per_second >= ahead,
                "{pace:?}"
            );
        }
    }
}
