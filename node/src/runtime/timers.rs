//! The operator's clock: milliseconds since the Unix epoch that never step back and never jump.
//!
//! It starts at the wall clock, runs with the monotonic one and is drawn towards the wall clock by at most one part in a
//! hundred, so a corrected or wrong wall clock bends time instead of breaking timers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use plasma_core::Millis;

/// Least time between two corrections.
const CORRECT_EVERY: Duration = Duration::from_secs(1);
/// Largest correction: one part in a hundred of [`CORRECT_EVERY`].
const CORRECTION_MAX_MS: u64 = 10;

/// A clock that can be read as [`Millis`].
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    base_ms: u64,
    corrected: Instant,
    bend: Bend,
}

/// How far an operator's clock is from its machine's. Clones share it: the doors read the operator's time by it.
#[derive(Clone, Debug, Default)]
pub struct Bend(Arc<AtomicI64>);

impl Bend {
    /// The operator's time, as it was compared last.
    #[must_use]
    pub fn now(&self) -> Millis {
        Millis(wall_ms().saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }

    /// Notes that an operator's clock shows so many milliseconds more than its machine's.
    pub fn set(&self, ahead_ms: i64) {
        self.0.store(ahead_ms, Ordering::Relaxed);
    }
}

impl Clock {
    /// Starts at the wall clock.
    #[must_use]
    pub fn start() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            base_ms: wall_ms(),
            corrected: now,
            bend: Bend::default(),
        }
    }

    /// For who must know the time and does not hold the clock.
    #[must_use]
    pub fn bend(&self) -> Bend {
        self.bend.clone()
    }

    /// The time now.
    pub fn now(&mut self) -> Millis {
        if self.corrected.elapsed() >= CORRECT_EVERY {
            self.corrected = Instant::now();
            let (ours, wall) = (self.read(), wall_ms());
            if wall > ours {
                self.base_ms = self.base_ms.saturating_add((wall - ours).min(CORRECTION_MAX_MS));
            } else {
                self.base_ms = self.base_ms.saturating_sub((ours - wall).min(CORRECTION_MAX_MS));
            }
            let ahead = i128::from(self.read()) - i128::from(wall);
            self.bend.set(i64::try_from(ahead).unwrap_or(i64::MAX));
        }
        Millis(self.read())
    }

    /// The instant at which this clock will show a time, as nearly as corrections allow.
    #[must_use]
    pub fn instant(&self, at: Millis) -> Instant {
        Instant::now() + Duration::from_millis(at.0.saturating_sub(self.read()))
    }

    fn read(&self) -> u64 {
        self.base_ms
            .saturating_add(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// The machine's clock.
#[must_use]
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
