//! How long to wait before a view is given up (rule R8). Local, never part of validity.

use plasma_core::{Millis, View};

/// Durations in milliseconds. Local configuration: operators may differ, only speed suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Assumed bound on the delay of one message between honest operators.
    pub delta_ms: u64,
    /// Least time between the proposals of two consecutive blocks.
    pub pace_ms: u64,
    /// Growth of timeouts per view without finality, in percent; 150 is the 1.5 of the paper page.
    pub alpha_percent: u64,
    /// Timeouts never grow beyond this multiple.
    pub cap: u64,
    /// Time a leader needs to build a block.
    pub build_ms: u64,
    /// Time a voter needs to validate a block.
    pub validate_ms: u64,
    /// An idle chain re-proposes its tip after this long; 0 never does.
    pub heartbeat_ms: u64,
    /// Between two status reports to every peer.
    pub status_ms: u64,
    /// A leader whose connection is down for longer is not waited for.
    pub down_ms: u64,
    /// A leader that said nothing for longer, while a quorum did, is not waited for.
    pub silence_ms: u64,
}

impl Default for Config {
    /// A local network: 100 ms between blocks.
    fn default() -> Self {
        Self {
            delta_ms: 100,
            pace_ms: 100,
            alpha_percent: 150,
            cap: 16,
            build_ms: 100,
            validate_ms: 200,
            heartbeat_ms: 60_000,
            status_ms: 1_000,
            down_ms: 2_000,
            silence_ms: 5_000,
        }
    }
}

impl Config {
    /// Until when a proposal must be here, in a view whose timers started at `start`.
    pub(crate) fn lead_deadline(&self, start: Millis, view: View, floor: View) -> Millis {
        start.plus(self.scaled(self.lead_ms(), view, floor))
    }

    /// Until when the view must be over, in a view whose timers started at `start`.
    pub(crate) fn view_deadline(&self, start: Millis, view: View, floor: View) -> Millis {
        start.plus(self.scaled(self.view_ms(), view, floor))
    }

    /// How long a leader waits for what its parent lacks: half of what the others wait for it.
    pub(crate) fn patience_deadline(&self, start: Millis, view: View, floor: View) -> Millis {
        start.plus(self.scaled(self.lead_ms(), view, floor) / 2)
    }

    /// From when a leader repeats what is not final, in a view that it entered at `entered`: one delay, and longer like all that is
    /// waited for while nothing becomes final. So members that agree without ever finishing open no more views than others do.
    pub(crate) fn repeat_at(&self, entered: Millis, view: View, floor: View) -> Millis {
        entered.plus(self.scaled(self.delta_ms, view, floor))
    }

    /// When a leader asks for a block again whose operator had nothing to put into one: each question looks through all that waits
    /// there.
    pub(crate) fn rebuild_at(&self, now: Millis, view: View, floor: View) -> Millis {
        now.plus(self.scaled(self.pace_ms.max(REBUILD_GAP_MS), view, floor))
    }

    /// How long a view lasts at most while finality is near: the timeout before it grows.
    #[must_use]
    pub fn view_ms(&self) -> u64 {
        self.lead_ms()
            .saturating_add(self.delta_ms)
            .saturating_add(self.validate_ms)
    }

    fn lead_ms(&self) -> u64 {
        self.pace_ms
            .saturating_add(self.delta_ms.saturating_mul(2))
            .saturating_add(self.build_ms)
    }

    /// `base · min(α^k, cap)` where k counts the consecutive views without finality.
    fn scaled(&self, base: u64, view: View, floor: View) -> u64 {
        let limit = base.saturating_mul(self.cap.max(1));
        let mut k = view
            .0
            .saturating_sub(floor.0)
            .saturating_sub(2)
            .min(GROWTH_STEPS_MAX);
        let mut scaled = base;
        while k > 0 && scaled < limit {
            scaled = scaled.saturating_mul(self.alpha_percent.max(100)) / 100;
            k = k.saturating_sub(1);
        }
        scaled.min(limit)
    }
}

/// Between two questions for a block after an empty answer, whatever the pace.
const REBUILD_GAP_MS: u64 = 20;

/// Enough for any sensible growth to reach its cap (1.1^64 is above 400); bounds the loop for α = 1.
const GROWTH_STEPS_MAX: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = Millis(1_000);

    #[test]
    fn timeouts_grow_by_alpha_after_two_views_without_finality() {
        let config = Config::default();
        let wait = |view| config.lead_deadline(START, View(view), View(10)).since(START);
        assert_eq!([wait(11), wait(12), wait(13), wait(14)], [400, 400, 600, 900]);
    }

    #[test]
    fn timeouts_stop_at_the_cap() {
        let config = Config {
            cap: 4,
            ..Config::default()
        };
        assert_eq!(
            config.lead_deadline(START, View(500), View(0)).since(START),
            1_600
        );
        let still = Config {
            alpha_percent: 100,
            ..config
        };
        assert_eq!(still.lead_deadline(START, View(500), View(0)).since(START), 400);
    }

    #[test]
    fn the_view_lasts_longer_than_the_leader_and_its_patience_is_half() {
        let config = Config::default();
        let (view, floor) = (View(3), View(2));
        assert_eq!(config.view_deadline(START, view, floor).since(START), 700);
        assert_eq!(config.patience_deadline(START, view, floor).since(START), 200);
    }
}
