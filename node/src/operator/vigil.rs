//! Whether the operator gets anywhere, and what it saw go wrong last: an operator must not look healthy while nothing is decided.

use plasma_consensus::Reason;
use plasma_core::{Height, Millis, View};

use super::report::GivenUp;

/// Watches decisions come while there is work for them.
#[derive(Debug)]
pub(super) struct Vigil {
    /// So long without a decision is too long.
    patience_ms: u64,
    /// What was decided, and what was final, when one of them moved last.
    reached: (Height, View),
    /// Since then there is work, or since it came.
    waits_since: Option<Millis>,
    stalled_since: Option<Millis>,
    given_up: Option<GivenUp>,
}

impl Vigil {
    pub(super) fn new(consensus: &plasma_consensus::Config) -> Self {
        Self {
            patience_ms: consensus.view_ms().saturating_mul(VIEWS),
            reached: (Height(0), View(0)),
            waits_since: None,
            stalled_since: None,
            given_up: None,
        }
    }

    /// A look after every event.
    pub(super) fn look(&mut self, now: Millis, is_working: bool, reached: (Height, View)) {
        if reached != self.reached || !is_working {
            self.reached = reached;
            self.waits_since = None;
            self.stalled_since = None;
        }
        if is_working {
            let since = *self.waits_since.get_or_insert(now);
            if now.since(since) >= self.patience_ms {
                self.stalled_since = Some(since);
            }
        }
    }

    pub(super) fn on_given_up(&mut self, view: View, reason: Reason) {
        self.given_up = Some(GivenUp { view, reason });
    }

    /// Since when there was work and nothing was decided, once that is too long.
    pub(super) fn stalled_since(&self) -> Option<Millis> {
        self.stalled_since
    }

    /// The view that was given up last, and why.
    pub(super) fn given_up(&self) -> Option<GivenUp> {
        self.given_up
    }
}

/// View timeouts without a decision. A few leaders in a row may be away in a federation that is well.
const VIEWS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: (Height, View) = (Height(7), View(9));

    fn vigil() -> (Vigil, u64) {
        let vigil = Vigil::new(&plasma_consensus::Config::default());
        let patience = vigil.patience_ms;
        (vigil, patience)
    }

    #[test]
    fn an_idle_operator_waits_for_nothing() {
        let (mut vigil, patience) = vigil();
        vigil.look(Millis(0), false, NOTHING);
        vigil.look(Millis(patience * 5), false, NOTHING);
        assert_eq!(vigil.stalled_since(), None);
        // Work that came now has waited for no time.
        vigil.look(Millis(patience * 5), true, NOTHING);
        vigil.look(Millis(patience * 6 - 1), true, NOTHING);
        assert_eq!(vigil.stalled_since(), None);
        vigil.look(Millis(patience * 6), true, NOTHING);
        assert_eq!(vigil.stalled_since(), Some(Millis(patience * 5)));
    }

    #[test]
    fn a_decision_a_finalization_and_the_end_of_work_are_progress() {
        let (mut vigil, patience) = vigil();
        for reached in [(Height(8), View(9)), (Height(7), View(10)), NOTHING] {
            vigil.look(Millis(0), true, NOTHING);
            vigil.look(Millis(patience), true, NOTHING);
            assert!(vigil.stalled_since().is_some());
            vigil.look(Millis(patience), reached != NOTHING, reached);
            assert_eq!(vigil.stalled_since(), None, "{reached:?}");
            vigil.look(Millis(0), false, NOTHING);
        }
    }
}
