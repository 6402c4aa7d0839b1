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

use plasma_core::{Millis, planted::planted};

/// Least time between two corrections.
const CORRECT_EVERY_MS: u64 = 1_000;
/// Largest correction: one part in a hundred of [`CORRECT_EVERY_MS`].
const CORRECTION_MAX_MS: u64 = 10;

/// A clock that can be read as [`Millis`].
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    drawn: Drawn,
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
        Self {
            started: Instant::now(),
            drawn: Drawn::start(wall_ms()),
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
        let mut wall = None;
        let shown = self.drawn.now(self.elapsed_ms(), || *wall.insert(wall_ms()));
        if let Some(wall) = wall {
            let ahead = i128::from(shown.0) - i128::from(wall);
            self.bend.set(i64::try_from(ahead).unwrap_or(i64::MAX));
        }
        shown
    }

    /// The instant at which this clock will show a time, as nearly as corrections allow.
    #[must_use]
    pub fn instant(&self, at: Millis) -> Instant {
        Instant::now() + Duration::from_millis(self.drawn.left_ms(at, self.elapsed_ms()))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a clock shows, given the time since its start and the wall clock. Pure, so that simulators keep the operators' time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drawn {
    base_ms: u64,
    corrected_ms: u64,
    /// The latest that it showed: while it is drawn back it stands still.
    shown_ms: u64,
}

impl Drawn {
    /// Starts at the wall clock.
    #[must_use]
    pub fn start(wall_ms: u64) -> Self {
        Self {
            base_ms: wall_ms,
            corrected_ms: 0,
            shown_ms: 0,
        }
    }

    /// The time so many milliseconds after the start; the wall clock is read only when it is due.
    pub fn now(&mut self, elapsed_ms: u64, wall_ms: impl FnOnce() -> u64) -> Millis {
        if elapsed_ms.saturating_sub(self.corrected_ms) >= CORRECT_EVERY_MS {
            self.corrected_ms = elapsed_ms;
            let (ours, wall) = (self.read(elapsed_ms), wall_ms());
            if wall > ours {
                self.base_ms = self.base_ms.saturating_add((wall - ours).min(CORRECTION_MAX_MS));
            } else {
                self.base_ms = self.base_ms.saturating_sub((ours - wall).min(CORRECTION_MAX_MS));
            }
        }
        let least = if planted("runtime: the clock steps back") {
            0
        } else {
            self.shown_ms
        };
        self.shown_ms = self.read(elapsed_ms).max(least);
        Millis(self.shown_ms)
    }

    /// How long until it shows a time, without corrections.
    #[must_use]
    pub fn left_ms(&self, at: Millis, elapsed_ms: u64) -> u64 {
        at.0.saturating_sub(self.read(elapsed_ms))
    }

    fn read(&self, elapsed_ms: u64) -> u64 {
        self.base_ms.saturating_add(elapsed_ms)
    }
}

/// The machine's clock.
#[must_use]
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Drawn, Millis};

    #[test]
    fn a_clock_that_is_drawn_back_stands_still_and_never_steps_back() {
        let mut clock = Drawn::start(1_000_000);
        let mut last = Millis(0);
        for elapsed in 0..30_000 {
            // The wall clock was set back by a minute.
            let now = clock.now(elapsed, || 940_000 + elapsed);
            assert!(now >= last, "{last:?}, then {now:?} after {elapsed} ms");
            last = now;
        }
        assert_eq!(last, Millis(1_000_000 + 29_999 - 29 * 10));
    }

    #[test]
    fn a_wall_clock_that_jumps_bends_time_by_one_part_in_a_hundred() {
        let mut clock = Drawn::start(0);
        for elapsed in 0..=10_000 {
            clock.now(elapsed, || elapsed + 3_600_000);
        }
        assert_eq!(clock.now(10_500, || 0), Millis(10_600));
        assert_eq!(clock.left_ms(Millis(10_700), 10_500), 100);
    }
}
