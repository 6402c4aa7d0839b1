//! How fast one member is given what it asks for. Whoever asks without an end waits at its own cost: its streams stay open, and
//! nothing is read for them before their time. Nobody is refused, so nobody who only lags fails.
//!
//! What an agreement waits for does not wait behind what a laggard loads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::wire::Ask;

/// Given to one member in a second, of each kind: half of a link of 100 Mbit, and more than the fastest pace at which a snapshot is
/// asked for ([`super::snapshot_sync::download::PACES`]).
const BYTES_PER_SECOND: u64 = 6 << 20;
/// Given at once before the rate counts: two whole answers of a federation that sleeps most of the time.
const BURST: Duration = Duration::from_secs(5);
/// Counted for an answer beside its bytes: finding that there is nothing costs a look into storage.
const ANSWER_COST_BYTES: u64 = 8 << 10;

/// What one member is given, an answer of each kind at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Giving {
    /// Rows of blocks and parts of snapshots.
    bulk: Arc<Mutex<Allowance>>,
    /// A block, or transactions of one.
    urgent: Arc<Mutex<Allowance>>,
}

/// When all that was given will have been given at the rate.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    paid: Option<Instant>,
}

impl Giving {
    /// Waits until it is the turn of what is asked for; who holds the allowance gives.
    pub(super) async fn turn(self, ask: &Ask) -> OwnedMutexGuard<Allowance> {
        let kind = match ask {
            Ask::After { .. } | Ask::Snapshots(_) | Ask::Chunk { .. } => self.bulk,
            Ask::Block(_) | Ask::Transactions { .. } | Ask::Claim(_) => self.urgent,
        };
        let allowance = kind.lock_owned().await;
        tokio::time::sleep(allowance.wait(Instant::now())).await;
        allowance
    }
}

impl Allowance {
    /// How long nothing is given.
    fn wait(&self, now: Instant) -> Duration {
        let ahead = self.paid.map(|paid| paid.saturating_duration_since(now));
        ahead.unwrap_or_default().saturating_sub(BURST)
    }

    /// So many bytes were given.
    pub(super) fn spend(&mut self, now: Instant, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let cost_us = bytes.saturating_add(ANSWER_COST_BYTES).saturating_mul(1_000_000) / BYTES_PER_SECOND;
        let from = self.paid.map_or(now, |paid| paid.max(now));
        self.paid = from.checked_add(Duration::from_micros(cost_us));
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::Height;

    use super::*;

    const ROWS: Ask = Ask::After {
        height: Height(1),
        bytes: u32::MAX,
    };

    /// How many answers of this size a member that asks without an end gets in a minute.
    fn given(bytes: usize) -> u32 {
        let (mut allowance, begun) = (Allowance::default(), Instant::now());
        let (mut now, mut answers) = (begun, 0);
        while now.duration_since(begun) < Duration::from_secs(60) {
            allowance.spend(now, bytes);
            answers += 1;
            now += allowance.wait(now).max(Duration::from_millis(1));
        }
        answers
    }

    #[test]
    fn one_member_gets_so_much_in_a_minute_and_no_more() {
        let (whole, most) = (15 << 20, 6 * 65);
        assert!((20..=most / 15 + 1).contains(&given(whole)), "{}", given(whole));
        let small = given(0);
        assert!(small <= most * 130, "{small} looks into storage");
    }

    #[test]
    fn who_asks_now_and_then_never_waits() {
        let (mut allowance, mut now) = (Allowance::default(), Instant::now());
        for _ in 0..100 {
            allowance.spend(now, 15 << 20);
            now += Duration::from_secs(3);
            assert_eq!(allowance.wait(now), Duration::ZERO);
        }
    }

    #[tokio::test]
    async fn what_an_agreement_waits_for_does_not_wait_for_a_laggard() {
        let giving = Giving::default();
        giving.clone().turn(&ROWS).await.spend(Instant::now(), 120 << 20);
        let laggard = giving.clone();
        let rows = tokio::spawn(async move { drop(laggard.turn(&ROWS).await) });
        tokio::task::yield_now().await;
        let block = Ask::Block(plasma_core::BlockId(plasma_core::Hash([1; 32])));
        let begun = Instant::now();
        giving.turn(&block).await.spend(Instant::now(), 1 << 20);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "the laggard waits for 15"
        );
        assert!(!rows.is_finished());
        rows.abort();
    }
}
