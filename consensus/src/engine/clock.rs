//! R8: when to stop waiting. Timers are computed from state; the world holds only the next instant to wake at.

use plasma_core::planted::planted;
use plasma_core::{Millis, OperatorIndex};

use crate::{
    Effect, Engine, Kind, Reason, Statement, Verdict,
    scheme::Scheme,
    view::{Round, Slot},
};

impl<S: Scheme> Engine<S> {
    /// Notes since when something waits to be decided. While nothing does, no timer runs.
    pub(super) fn arm(&mut self) {
        if !self.is_work_pending() {
            self.armed_at = None;
        } else if self.armed_at.is_none() {
            self.armed_at = Some(self.now);
        }
    }

    fn is_work_pending(&self) -> bool {
        // An unfinal last block of the epoch is an unfinal tip; once it is final, all other work is the next committee's.
        let waits = self.work || self.is_tip_unfinal() || self.is_heartbeat_due() || self.is_nullify_seen();
        waits && !self.is_sealed()
    }

    /// f + 1 nullify votes contain an honest one: somebody has work that did not reach us.
    fn is_nullify_seen(&self) -> bool {
        self.chain
            .round(self.view)
            .is_some_and(|round| round.nullify.len() > self.committee.faults())
    }

    pub(super) fn is_heartbeat_due(&self) -> bool {
        self.config.heartbeat_ms > 0 && self.now >= self.heartbeat_at()
    }

    fn heartbeat_at(&self) -> Millis {
        self.finalized_at.plus(self.config.heartbeat_ms)
    }

    /// From when the timers of this view run.
    fn timers_start(&self) -> Option<Millis> {
        self.armed_at.map(|armed_at| armed_at.max(self.entered_at))
    }

    /// How long this leader waits for a parent that it lacks.
    pub(super) fn patience_deadline(&self) -> Option<Millis> {
        let floor = self.chain.floor().view;
        Some(
            self.config
                .patience_deadline(self.timers_start()?, self.view, floor),
        )
    }

    /// Nullifies the view when a timer or a sign says that it comes to nothing.
    pub(super) fn try_give_up(&mut self) {
        let at = self
            .give_up_at()
            .filter(|_| !planted("consensus: never gives a view up"));
        if let Some((_, reason)) = at.filter(|(at, _)| *at <= self.now) {
            self.give_up(reason);
            let is_broken = planted("consensus: nullifies what it finalized");
            if self.ledger.rules().nullify_ignores_finalize() || is_broken {
                self.give_up_stale_view();
            }
        }
    }

    /// What a timer that outlived its view would do. The ledger refuses it once the view is finalized, so only a test
    /// that breaks the ledger gets here.
    fn give_up_stale_view(&mut self) {
        let Some(view) = self.view.previous() else { return };
        let statement = Statement::Nullify { view };
        if self.ledger.permits(&statement).is_ok() {
            self.vote(statement);
        }
    }

    /// When the current view is to be given up if nothing else happens, and why then; none when it is not, or cannot be
    /// any more.
    fn give_up_at(&self) -> Option<(Millis, Reason)> {
        let statement = Statement::Nullify { view: self.view };
        self.ledger.permits(&statement).ok()?;
        let leader = self.leader(self.view);
        let round = self.chain.round(self.view);
        if leader != self.me && round.is_some_and(|round| round.nullify.vote(leader).is_some()) {
            return Some((self.now, Reason::Leader));
        }
        let start = self.timers_start()?;
        let floor = self.chain.floor().view;
        if round.and_then(Round::seen).is_some() {
            let deadline = self.config.view_deadline(start, self.view, floor);
            return Some((deadline, self.hindrance()));
        }
        let deadline = self.config.lead_deadline(start, self.view, floor);
        let is_spoilt = round.is_some_and(|round| round.slot == Slot::Conflict);
        let late = if is_spoilt {
            Reason::TwoProposals
        } else {
            Reason::NoProposal
        };
        let absent = self.absent_at(leader).filter(|_| leader != self.me);
        let absent = absent
            .map(|(at, reason)| (at.max(start), reason))
            .filter(|(at, _)| *at < deadline);
        Some(absent.unwrap_or((deadline, late)))
    }

    /// What keeps a view with a proposal from its notarization.
    fn hindrance(&self) -> Reason {
        let Some(container) = self.chain.round(self.view).and_then(Round::seen) else {
            return Reason::NoProposal;
        };
        match self.verdict(&container) {
            _ if self.ledger.vote(self.view, Kind::Notarize).is_some() => Reason::NoQuorum,
            _ if !self.chain.is_eligible(&container) => Reason::NoAncestry,
            Verdict::Pending(waits) => Reason::Unjudged(waits),
            Verdict::Invalid => Reason::Invalid,
            Verdict::Valid { .. } => Reason::NoQuorum,
        }
    }

    /// From when a leader without a proposal counts as absent: its connection is down, or it alone is silent.
    fn absent_at(&self, leader: OperatorIndex) -> Option<(Millis, Reason)> {
        let peer = self.peers.get(usize::from(leader.0))?;
        if let Some(down_since) = peer.down_since {
            return Some((down_since.plus(self.config.down_ms), Reason::LeaderDown));
        }
        let silence_ms = self.config.silence_ms;
        let is_heard = |heard_at: Millis| self.now.since(heard_at) < silence_ms;
        let heard = (0u16..).zip(&self.peers).filter(|(index, _)| *index != self.me.0);
        let heard = heard.filter(|(_, peer)| is_heard(peer.heard_at)).count();
        // I speak for myself.
        (heard.saturating_add(1) >= self.committee.quorum())
            .then(|| (peer.heard_at.plus(silence_ms), Reason::LeaderSilent))
    }

    /// Asks to be woken when the next thing is due.
    pub(super) fn set_timer(&mut self) {
        if self.timer.is_some_and(|timer| timer <= self.now) {
            self.timer = None;
        }
        let heartbeat = (self.config.heartbeat_ms > 0).then(|| self.heartbeat_at());
        let due = [
            Some(self.status_at),
            self.forwards.first().map(|(at, _, _)| *at),
            self.give_up_at().map(|(at, _)| at),
            self.propose_at(),
            self.patience_deadline()
                .filter(|_| self.leader(self.view) == self.me),
            heartbeat,
            self.peers.iter().filter_map(|peer| peer.doubted_until).min(),
        ];
        let next = due.into_iter().flatten().filter(|at| *at > self.now).min();
        if let Some(at) = next
            && self.timer != Some(at)
        {
            self.timer = Some(at);
            self.out.push(Effect::Timer(at));
        }
    }
}
