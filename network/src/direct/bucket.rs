//! A token bucket: how much a peer may send, and how long it must wait when it sent more.
//!
//! Debt is allowed once: an amount larger than the level is accepted and the next one waits until the debt is paid.
//! So a frame larger than the burst passes, slowly, instead of never. Time is an argument.

use std::time::{Duration, Instant};

use crate::config::Rate;

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
        Self { per_second, burst, level: burst, at: now }
    }

    /// Takes `amount` and says how long to wait before going on; zero while the rate is kept.
    pub(crate) fn take(&mut self, now: Instant, amount: u32) -> Duration {
        let past = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = past.mul_add(self.per_second, self.level).min(self.burst) - f64::from(amount);
        if self.level >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-self.level / self.per_second)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    #[test]
    fn a_burst_passes_at_once_and_the_rest_waits_at_the_rate() {
        let now = Instant::now();
        let mut bucket = Bucket::full(RATE, now);
        assert_eq!(bucket.take(now, 20), Duration::ZERO);
        assert_eq!(bucket.take(now, 5), Duration::from_millis(500));
        assert_eq!(bucket.take(now + Duration::from_millis(500), 0), Duration::ZERO);
        assert_eq!(bucket.take(now + Duration::from_millis(500), 10), Duration::from_secs(1));
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
