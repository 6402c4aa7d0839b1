//! How long things may take, in views, in time and in messages (L1 to L5 of `simulation.md` section 3).

use plasma_core::View;

use super::World;

/// What the bounds are judged by.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// The newest final view and when it came.
    newest: View,
    newest_at: u64,
    /// The highest view of any honest member at the calm, until something is final beyond it.
    healing: Option<View>,
    /// A member that came back: until when it must know which view final.
    returned: Vec<(u16, u64, View)>,
    /// The view in which every honest member had the last payment.
    offered: Option<View>,
    /// Messages of honest members since the calm.
    calm_messages: u64,
    calm_view: View,
    /// Views then that honest members lacked certificates of, together.
    calm_lag: u64,
    rest_messages: u64,
}

/// Messages of honest members per view and pair of members, reports aside: a proposal, two votes, and certificates
/// and answers to those who lack something.
const MESSAGES_PER_PAIR_MAX: u64 = 4;

impl World {
    pub(super) fn check_bounds(&mut self) {
        let newest = self.oracle.newest_final();
        if newest > self.bounds.newest {
            self.on_newest(newest);
        }
        self.check_finality();
        self.check_returned();
        self.check_last_payment();
    }

    fn on_newest(&mut self, newest: View) {
        let gap = newest.0 - self.bounds.newest.0;
        if self.scenario.gap_views > 0 && gap > self.scenario.gap_views {
            let what = format!(
                "{gap} views from final {:?} to final {newest:?}",
                self.bounds.newest
            );
            self.oracle.object("L1 views", what);
        }
        if let Some(healing) = self.bounds.healing.take()
            && self.scenario.heal_views > 0
            && newest.0 > healing.0 + self.scenario.heal_views
        {
            let what = format!("healed in {healing:?}, and only {newest:?} is final next");
            self.oracle.object("L1 heal", what);
        }
        self.bounds.newest = newest;
        self.bounds.newest_at = self.now;
    }

    /// L1: after the calm finality never stands still for longer than f + 1 bad leaders and a good one need, at the
    /// longest timeouts, once the last ones are back.
    fn check_finality(&mut self) {
        let scenario = &self.scenario;
        let settled = scenario.calm_at_ms + scenario.downtime_ms + 1_500;
        let patience = (scenario.faults() + 3) * scenario.view_ms_max() + 3 * scenario.config.status_ms;
        let since = self.bounds.newest_at.max(settled);
        if self.now > since + patience && self.done_at.is_none() && self.lacking() > 0 {
            let what = format!("nothing became final for {} ms", self.now - self.bounds.newest_at);
            self.oracle.object("L1", what);
        }
    }

    /// What every honest member has said since the calm, and while nothing is left to do.
    pub(super) fn count_message(&mut self, from: u16) {
        if self.is_calm() && self.is_honest(from) {
            self.bounds.calm_messages += 1;
            self.bounds.rest_messages += u64::from(self.is_resting());
        }
    }

    /// Some time after everything is final.
    fn is_resting(&self) -> bool {
        self.done_at
            .is_some_and(|done_at| self.now >= done_at + SETTLING_MS)
    }

    /// The world calms down: what heals is measured from here.
    pub(super) fn begin_calm(&mut self) {
        let (wanted, seen) = (self.scenario.halved_views, self.oracle.halved_in_a_row());
        if seen < wanted {
            let what = format!("{seen} views in a row ended in two ways, {wanted} should have");
            self.oracle.object("tame", what);
        }
        let view = self.highest_view();
        self.bounds.healing = Some(view);
        self.bounds.calm_view = view;
        let behind = |member: u16| {
            let floor = self
                .host(member)
                .engine
                .as_ref()
                .map(|engine| engine.floor().view.0);
            view.0.saturating_sub(floor.unwrap_or(0))
        };
        let honest = (0..self.scenario.n).filter(|member| self.is_honest(*member));
        self.bounds.calm_lag = honest.map(behind).sum();
    }

    pub(super) fn highest_view(&self) -> View {
        let honest = (0..self.scenario.n).filter(|member| self.is_honest(*member));
        let views = honest.filter_map(|member| Some(self.host(member).engine.as_ref()?.view()));
        views.max().unwrap_or_default()
    }

    /// A member is back: it must soon know what the others know now.
    pub(super) fn on_return(&mut self, member: u16) {
        let config = &self.scenario.config;
        let until = self.now + 3 * config.status_ms + 10 * config.delta_ms;
        let floors = self
            .hosts
            .iter()
            .filter_map(|host| Some(host.engine.as_ref()?.floor().view));
        let floor = floors.max().unwrap_or_default();
        self.bounds.returned.push((member, until, floor));
    }

    /// L3: whoever comes back knows in time what was final then.
    fn check_returned(&mut self) {
        let Some((member, until, floor)) = self.bounds.returned.last().copied() else {
            return;
        };
        let known = self
            .host(member)
            .engine
            .as_ref()
            .map(|engine| engine.floor().view);
        if known >= Some(floor) {
            self.bounds.returned.pop();
            self.marks.hit("came back and caught up");
        } else if self.now > until {
            let what = format!("{member} came back and knows {known:?}, not {floor:?}");
            self.oracle.object("L3", what);
        }
    }

    /// L2: a payment that every honest member has is final within n views, f bad leaders and lost votes included; the
    /// last payment comes first in every honest leader's block.
    fn check_last_payment(&mut self) {
        if !self.is_calm() || self.done_at.is_some() {
            return;
        }
        let honest = (0..self.scenario.n).filter(|member| self.stays(*member));
        match self.bounds.offered {
            None => {
                let mut hosts = honest.map(|member| self.host(member));
                if hosts.all(|host| host.payments & 1 == 1 && host.engine.is_some()) {
                    self.bounds.offered = Some(self.highest_view());
                }
            }
            Some(View(offered)) => {
                let limit = offered + u64::from(self.scenario.n) + LATE_VIEWS;
                if self.bounds.newest.0 > limit && self.blocks.block(self.oracle.tip()).payments & 1 == 0 {
                    let what =
                        format!("the last payment, offered in view {offered}, is not final in view {limit}");
                    self.oracle.object("L2", what);
                }
            }
        }
    }

    /// L4 and L5, at the end: no more messages than the views and the reports need.
    pub(super) fn check_messages(&mut self) {
        let (n, status_ms) = (u64::from(self.scenario.n), self.scenario.config.status_ms);
        let pairs = n * (n - 1);
        let lasted = self.now.saturating_sub(self.scenario.calm_at_ms);
        let views = self.highest_view().0.saturating_sub(self.bounds.calm_view.0) + 1;
        // A report brings an answer of certificates and votes to whoever lacks some.
        let limit = pairs
            * (views * MESSAGES_PER_PAIR_MAX + REPORTS_PER_PERIOD_MAX * (lasted / status_ms + 1))
            + self.bounds.calm_lag * (n - 1) * ANSWERS_PER_LAG_MAX;
        let sent = self.bounds.calm_messages;
        if sent > limit {
            self.oracle.object(
                "L4",
                format!("{sent} messages in {views} views and {lasted} ms, above {limit}"),
            );
        }
        let limit = pairs * (REST_MS / status_ms + 1);
        let sent = self.bounds.rest_messages;
        if self.can_rest() && sent > limit {
            self.oracle.object(
                "L5",
                format!("{sent} messages in {REST_MS} ms of rest, above {limit}"),
            );
        }
    }
}

/// After everything is final the last certificates still travel for so long.
const SETTLING_MS: u64 = 2_000;

/// How long the rest is then watched.
const REST_MS: u64 = 2_000;

/// Views after the calm that fail because members are apart or votes are lost.
const LATE_VIEWS: u64 = 4;

/// What a laggard lacks at the calm comes from every other member, and again when two of its reports cross the answers.
const ANSWERS_PER_LAG_MAX: u64 = 2;

/// Reports and answers per pair of members and status period.
const REPORTS_PER_PERIOD_MAX: u64 = 3;
