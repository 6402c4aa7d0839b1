//! A token bucket: how much a peer may send, and how long it must wait when it sent more.
//!
//! Debt is allowed once: an amount larger than the level is accepted and the next one waits until the debt is paid.
//! So a frame larger than the burst passes, slowly, instead of never. Time is an argument.

use std::time::{Duration, Instant};

use crate::config::{Limits, Rate};

/// One bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    /// Negative while in debt.
    level: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        let (per_second, burst) = (f64::from(rate.per_second), f64::from(rate.burst));
        Self {
            per_second,
            burst,
            level: burst,
            at: now,
        }
    }

    /// Takes `amount` and says how long to wait before going on; zero while the rate is kept.
    pub(crate) fn take(&mut self, now: Instant, amount: u32) -> Duration {
        self.refill(now);
        self.level -= f64::from(amount);
        if self.level >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-self.level / self.per_second)
        }
    }

    /// Takes one token if there is one; a refusal costs nothing.
    pub(crate) fn try_take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let has = self.level >= 1.0;
        if has {
            self.level -= 1.0;
        }
        has
    }

    fn refill(&mut self, now: Instant) {
        let past = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = past.mul_add(self.per_second, self.level).min(self.burst);
    }

    /// Whether half of the burst is there again: its owner has stayed below the rate for a while.
    fn is_rested(&self) -> bool {
        self.level * 2.0 >= self.burst
    }
}

/// What a peer may send on one class of frames, and when its patience is used up.
#[derive(Debug)]
pub(crate) struct Intake {
    frames: Option<Bucket>,
    bytes: Bucket,
    /// Since when it has not rested.
    throttled_since: Option<Instant>,
    /// Only control is ended for flooding: a long stream of bodies can be honest.
    patience: Option<Duration>,
}

/// What to do before reading a frame's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Read on after this pause.
    Wait(Duration),
    /// It was over its rate for too long.
    Flood,
}

impl Intake {
    pub(crate) fn control(limits: &Limits, now: Instant) -> Self {
        Self {
            frames: Some(Bucket::full(limits.control_frames_rate, now)),
            bytes: Bucket::full(limits.control_bytes_rate, now),
            throttled_since: None,
            patience: Some(limits.flood_patience),
        }
    }

    pub(crate) fn payload(limits: &Limits, now: Instant) -> Self {
        let bytes = Bucket::full(limits.payload_bytes_rate, now);
        Self {
            frames: None,
            bytes,
            throttled_since: None,
            patience: None,
        }
    }

    /// Accounts for a frame of so many bytes.
    pub(crate) fn take(&mut self, now: Instant, bytes: u32) -> Pace {
        let by_frames = self
            .frames
            .as_mut()
            .map_or(Duration::ZERO, |bucket| bucket.take(now, 1));
        let wait = self
            .bytes
            .take(now, bytes.saturating_add(FRAME_COST_BYTES))
            .max(by_frames);
        if self.bytes.is_rested() && self.frames.as_ref().is_none_or(Bucket::is_rested) {
            self.throttled_since = None;
        }
        if wait.is_zero() {
            return Pace::Wait(wait);
        }
        let since = *self.throttled_since.get_or_insert(now);
        if self
            .patience
            .is_some_and(|patience| now.saturating_duration_since(since) >= patience)
        {
            Pace::Flood
        } else {
            Pace::Wait(wait)
        }
    }
}

/// What handling a frame costs besides its bytes, so that a stream of tiny frames is not free.
const FRAME_COST_BYTES: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_over_its_rate_is_slowed_and_ended_only_when_it_does_not_stop() {
        let start = Instant::now();
        let rate = Rate {
            per_second: 10,
            burst: 10,
        };
        let limits = Limits {
            control_frames_rate: rate,
            ..Limits::default()
        };
        let mut intake = Intake::control(&limits, start);
        let mut now = start;
        for _ in 0..10 {
            assert_eq!(intake.take(now, 1), Pace::Wait(Duration::ZERO));
        }
        // A busy machine wakes late; that must not look like good behaviour.
        while let Pace::Wait(wait) = intake.take(now, 1) {
            now += wait + Duration::from_millis(50);
        }
        let throttled = now - start;
        assert!(throttled >= limits.flood_patience && throttled < limits.flood_patience * 2);
        now += Duration::from_secs(1);
        assert_eq!(
            intake.take(now, 1),
            Pace::Wait(Duration::ZERO),
            "a pause clears it"
        );
    }

    #[test]
    fn payload_is_slowed_but_never_ended() {
        let mut now = Instant::now();
        let rate = Rate {
            per_second: 1_000,
            burst: 1_000,
        };
        let mut intake = Intake::payload(
            &Limits {
                payload_bytes_rate: rate,
                ..Limits::default()
            },
            now,
        );
        for _ in 0..100 {
            let Pace::Wait(wait) = intake.take(now, 936) else {
                panic!("payload was ended")
            };
            now += wait;
        }
    }

    const RATE: Rate = Rate {
        per_second: 10,
        burst: 20,
    };

    #[test]
    fn a_burst_passes_at_once_and_the_rest_waits_at_the_rate() {
        let now = Instant::now();
        let mut bucket = Bucket::full(RATE, now);
        assert_eq!(bucket.take(now, 20), Duration::ZERO);
        assert_eq!(bucket.take(now, 5), Duration::from_millis(500));
        assert_eq!(bucket.take(now + Duration::from_millis(500), 0), Duration::ZERO);
        assert_eq!(
            bucket.take(now + Duration::from_millis(500), 10),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn refusals_cost_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::full(RATE, now);
        let taken = (0..100).filter(|_| bucket.try_take(now)).count();
        assert_eq!(taken, 20);
        assert!(bucket.try_take(now + Duration::from_millis(100)));
        assert!(!bucket.try_take(now + Duration::from_millis(100)));
    }

    #[test]
    fn tokens_never_exceed_the_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::full(RATE, now);
        let later = now + Duration::from_secs(3_600);
        assert_eq!(bucket.take(later, 20), Duration::ZERO);
        assert_eq!(bucket.take(later, 10), Duration::from_secs(1));
    }

    #[test]
    fn time_going_backwards_gives_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::full(RATE, now);
        assert_eq!(bucket.take(now + Duration::from_secs(1), 20), Duration::ZERO);
        assert!(bucket.take(now, 10) > Duration::ZERO);
    }
}
