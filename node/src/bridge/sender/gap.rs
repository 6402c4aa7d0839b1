//! Nonces that nobody has used, below the lowest that waits: nothing above them is ever mined.
//!
//! A count that was believed too high leaves such a gap, and so does a reorganisation below what was final. One that lags
//! looks the same for a while, so only what lasts while the chain grows is one.

use std::time::Duration;

use plasma_core::L1Height;
use tokio::time::Instant;

/// Since when, and at which head, every look has shown a gap.
#[derive(Debug, Default)]
pub(super) struct Gap(Option<(Instant, L1Height)>);

impl Gap {
    /// Notes what a look shows at this head; says whether it lasts.
    pub(super) fn lasts(
        &mut self,
        is_seen: bool,
        (now, head): (Instant, L1Height),
        patience: Duration,
    ) -> bool {
        if !is_seen {
            self.0 = None;
            return false;
        }
        let (since, at) = *self.0.get_or_insert((now, head));
        now.duration_since(since) >= patience && head > at
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Gap, Instant, L1Height};

    #[test]
    fn only_a_gap_that_lasts_while_the_chain_grows_is_one() {
        let (begin, patience) = (Instant::now(), Duration::from_secs(10));
        let mut gap = Gap::default();
        let mut look = |is_seen, after_s, head| {
            let at = (begin + Duration::from_secs(after_s), L1Height(head));
            gap.lasts(is_seen, at, patience)
        };
        assert!(!look(true, 0, 5) && !look(true, 9, 6));
        assert!(!look(false, 10, 6), "a single look that shows none begins anew");
        assert!(!look(true, 11, 6) && !look(true, 20, 7));
        assert!(!look(true, 30, 6), "the endpoint stands still");
        assert!(look(true, 30, 7));
    }
}
