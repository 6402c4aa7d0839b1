//! Handing certificates on (R9) and telling peers where we stand so that they send what we lack (R10).
//!
//! Nothing is ever sent again blindly: what a peer lacks is read from its own status, and answers to one peer keep a
//! least distance, so a peer that lies about itself costs only its own connection.

use plasma_core::planted::planted;
use plasma_core::{OperatorIndex, View};

use super::receive::VOTE_VIEWS;
use crate::{
    Certified, Engine, HELD_MAX, Held, Kind, Message, STATUS_VIEWS, Status, Target, chain::next,
    peer::is_over, scheme::Scheme, view::Round,
};

/// Certificates are handed on after up to this long: meanwhile most peers show by a vote that they have them.
const FORWARD_JITTER_MS: u64 = 50;

/// Between two reports out of turn.
const GAP_MS: u64 = 100;

/// A report out of turn leaves so long after what calls for it: an answer is many certificates, and the report that left at the first
/// of them would ask for all the others once more.
const GATHER_MS: u64 = 20;

/// Between two answers to one peer: shorter, for reports that left at that distance arrive a little closer.
const ANSWER_GAP_MS: u64 = 50;

/// Certificates in one answer: at n = 100 about 10 kB.
const ANSWER_CERTIFICATES_MAX: usize = 64;

impl<S: Scheme> Engine<S> {
    /// R9. The next leader gets it at once, the others after a jitter unless they show that they have it; each gets it once
    /// from each.
    ///
    /// Nothing shows that a peer has a finalization until its next report, so if all handed it on, it would be a third
    /// of all messages. f + 1 members whose turn it is, one of them honest, are enough; reports heal the rest.
    pub(super) fn forward_later(&mut self, view: View, kind: Kind) {
        let turn = self.turn(view);
        if kind == Kind::Finalize && turn > self.committee.faults() {
            return;
        }
        let leader = self.leader(next(view));
        if kind != Kind::Finalize && leader != self.me {
            self.forward_to(leader, view, kind);
        }
        let jitter = u64::try_from(turn)
            .unwrap_or(0)
            .saturating_add(1)
            .saturating_mul(FORWARD_JITTER_MS);
        let n = u64::try_from(self.committee.size()).unwrap_or(u64::MAX);
        let at = self.now.plus(jitter.checked_div(n).unwrap_or(0));
        self.forwards.insert((at, view, kind));
    }

    /// My place, from 0, among those that hand on the certificates of a view.
    fn turn(&self, view: View) -> usize {
        let place = usize::try_from(view.0)
            .unwrap_or(0)
            .wrapping_add(usize::from(self.me.0));
        place.checked_rem(self.committee.size()).unwrap_or(0)
    }

    pub(super) fn forward_due(&mut self) {
        while let Some(&(at, view, kind)) = self.forwards.first() {
            if at > self.now {
                break;
            }
            self.forwards.pop_first();
            for peer in self.others() {
                self.forward_to(peer, view, kind);
            }
        }
    }

    fn forward_to(&mut self, peer: OperatorIndex, view: View, kind: Kind) {
        let has_it = self.peers.get(usize::from(peer.0)).is_none_or(|entry| {
            entry.down_since.is_some()
                || entry.handed == Some((view, kind))
                || match kind {
                    Kind::Finalize => entry.floor >= view,
                    Kind::Notarize | Kind::Nullify => entry.view > view || entry.floor >= view,
                }
        });
        if has_it
            || self
                .chain
                .round(view)
                .is_some_and(|round| round.knows(kind, peer))
        {
            return;
        }
        if let Some(certified) = self.certificate(view, kind) {
            self.hand(peer, certified);
        }
    }

    /// Sends a certificate, and remembers it: one of these need not be handed on again.
    fn hand(&mut self, peer: OperatorIndex, certified: Certified) {
        if let Some(entry) = self.peers.get_mut(usize::from(peer.0)) {
            let statement = &certified.statement;
            entry.handed = entry.handed.max(Some((statement.view(), statement.kind())));
        }
        self.out.send(Target::One(peer), Message::Certified(certified));
    }

    /// A certificate of a view; a finalization only while it is the floor's.
    fn certificate(&self, view: View, kind: Kind) -> Option<Certified> {
        let floor = self.chain.floor();
        match kind {
            Kind::Finalize if view == floor.view => floor.certificate.clone().map(Certified::from),
            _ => self.chain.round(view)?.certificate(kind).cloned(),
        }
    }

    fn others(&self) -> impl Iterator<Item = OperatorIndex> + use<S> {
        let (me, n) = (self.me, self.committee.size());
        (0u16..)
            .take(n)
            .map(OperatorIndex)
            .filter(move |peer| *peer != me)
    }

    /// A report to everybody, and the open questions, as soon as the gap since the last report allows.
    pub(super) fn report_soon(&mut self) {
        self.gather_soon();
        self.asks_at = self.asks_at.min(self.status_at);
    }

    /// A report alone, as soon: it is for what others hold, and our own operator knows no more than before.
    pub(super) fn gather_soon(&mut self) {
        let gathered = self.now.plus(GATHER_MS);
        let at = self.status_sent_at.map(|sent_at| sent_at.plus(GAP_MS));
        self.status_at = self.status_at.min(at.map_or(gathered, |at| at.max(gathered)));
    }

    /// The regular report, and with it the questions that are still open.
    pub(super) fn report_due(&mut self) {
        if self.now < self.status_at || planted("consensus: reports to nobody") {
            return;
        }
        self.status_at = self.now.plus(self.config.status_ms.max(1));
        self.status_sent_at = Some(self.now);
        self.window.move_on(self.first_gap(), self.view);
        self.out.send(Target::All, Message::Status(self.status()));
        if self.now >= self.asks_at {
            self.asks_at = self.status_at;
            self.ask_again();
        }
    }

    /// A report to one peer, out of turn.
    pub(super) fn report_to(&mut self, peer: OperatorIndex) {
        let now = self.now;
        if let Some(entry) = self.peers.get_mut(usize::from(peer.0))
            && is_over(entry.told_at, now, GAP_MS)
        {
            entry.told_at = Some(now);
            self.out.send(Target::One(peer), Message::Status(self.status()));
        }
    }

    fn status(&self) -> Status {
        let floor = self.chain.floor();
        let from = self.status_from();
        let mut status = Status {
            epoch: self.epoch(),
            floor: floor.view,
            block: floor.block,
            view: self.view,
            from,
            notarized: 0,
            nullified: 0,
            held: self.held(),
        };
        for (view, round) in self.chain.window(from) {
            if let Some(bit) = bit(view, from) {
                status.notarized |= if round.notarization.is_some() { bit } else { 0 };
                status.nullified |= if round.nullification.is_some() { bit } else { 0 };
            }
        }
        status
    }

    /// First view of the bitmaps.
    fn status_from(&self) -> View {
        let first = next(self.chain.floor().view);
        let open = self.view.0.saturating_sub(first.0);
        if open <= STATUS_VIEWS {
            return first;
        }
        let Some(turn) = self.window.turn else {
            return self.first_gap();
        };
        let turn = turn.checked_rem(open.div_ceil(STATUS_VIEWS)).unwrap_or(0);
        View(first.0.saturating_add(turn.saturating_mul(STATUS_VIEWS)))
    }

    /// The lowest view above the floor that nothing here shows to be over, or the present one.
    fn first_gap(&self) -> View {
        let mut gap = next(self.chain.floor().view);
        while gap < self.view && self.chain.round(gap).is_some_and(Round::is_over) {
            gap = next(gap);
        }
        gap
    }

    /// Whether a certificate helps to close a gap that takes more than one report: the view was not over, or the way to what is
    /// notarized above may lead through its notarization.
    pub(super) fn fills_gap(&self, view: View, kind: Kind) -> bool {
        let first = next(self.chain.floor().view);
        let has_notarization = self
            .chain
            .round(view)
            .is_some_and(|round| round.notarization.is_some());
        let is_missing = match kind {
            Kind::Notarize => !has_notarization,
            Kind::Nullify | Kind::Finalize => !self.chain.round(view).is_some_and(Round::is_over),
        };
        is_missing && view < self.view && self.view.0.saturating_sub(first.0) > STATUS_VIEWS
    }

    fn held(&self) -> Vec<Held> {
        let mut notarized = self
            .chain
            .above_floor()
            .filter(|(view, round)| *view >= self.oldest_votes() && round.notarization.is_some());
        let oldest = notarized.next().map(|(view, _)| view);
        let newest = notarized.next_back().map(|(view, _)| view);
        let mut views: Vec<View> = [oldest, newest, Some(self.view)].into_iter().flatten().collect();
        views.dedup();
        views.truncate(HELD_MAX);
        views
            .into_iter()
            .map(|view| {
                let round = self.chain.round(view);
                let held = |kind| round.map(|round| round.votes(kind).held()).unwrap_or_default();
                Held {
                    view,
                    notarize: held(Kind::Notarize),
                    nullify: held(Kind::Nullify),
                    finalize: held(Kind::Finalize),
                }
            })
            .collect()
    }

    /// R10: push what the peer lacks; tell it where we stand when it is ahead.
    pub(super) fn on_status(&mut self, from: OperatorIndex, status: &Status) {
        self.hear_of(from, status.view);
        let now = self.now;
        let Some(peer) = self.peers.get_mut(usize::from(from.0)) else {
            return;
        };
        peer.floor = peer.floor.max(status.floor);
        let may_answer = is_over(peer.answered_at, now, ANSWER_GAP_MS);
        if may_answer {
            peer.answered_at = Some(now);
        }
        if status.floor > self.chain.floor().view || status.view > self.view {
            self.report_to(from);
        }
        if may_answer {
            for certified in self.lacking(status) {
                self.hand(from, certified);
            }
            self.push_votes(from, status);
        }
    }

    /// The certificates that the sender of a status lacks: what proves the way to our floor, then what moves it into
    /// our view, then both kinds for every view of its window.
    fn lacking(&self, status: &Status) -> Vec<Certified> {
        let floor = self.chain.floor();
        let mut lacking = Vec::new();
        if status.floor < floor.view {
            let passed = self
                .chain
                .kept()
                .filter(|(view, _)| *view > status.floor && *view <= floor.view);
            lacking.extend(passed.filter_map(|(_, round)| round.notarization.clone()));
            lacking.extend(floor.certificate.clone().map(Certified::from));
        }
        let last = self.view.previous();
        let last = last.filter(|last| status.view <= *last && *last > floor.view);
        let round = last.and_then(|last| self.chain.round(last));
        let way_in = round.and_then(|round| round.notarization.clone().or(round.nullification.clone()));
        lacking.extend(way_in.clone());
        for (view, round) in self.chain.window(status.from) {
            let Some(bit) = bit(view, status.from) else {
                continue;
            };
            for (certified, has) in [
                (&round.notarization, status.notarized),
                (&round.nullification, status.nullified),
            ] {
                // What moves it into our view is in the answer once.
                if has & bit == 0 && *certified != way_in {
                    lacking.extend(certified.clone());
                }
            }
        }
        lacking.truncate(ANSWER_CERTIFICATES_MAX);
        lacking
    }

    /// My own votes that the peer lacks and counts; my proposal instead of its notarize vote while its view lasts, with its body once
    /// per regular report. Who is behind is led out of its view by certificates, and asks for bodies.
    fn push_votes(&mut self, to: OperatorIndex, status: &Status) {
        let oldest = View(status.view.0.saturating_sub(VOTE_VIEWS));
        for held in status.held.iter().filter(|held| held.view >= oldest) {
            for (kind, has) in [
                (Kind::Notarize, &held.notarize),
                (Kind::Nullify, &held.nullify),
                (Kind::Finalize, &held.finalize),
            ] {
                let Some(vote) = self
                    .ledger
                    .vote(held.view, kind)
                    .filter(|_| !has.contains(self.me))
                    .cloned()
                else {
                    continue;
                };
                match self.ledger.proposal(held.view) {
                    Some(mine) if kind == Kind::Notarize && held.view == self.view => {
                        if self.may_repeat_to(to) {
                            self.send_proposal(Target::One(to), mine, &vote);
                        }
                    }
                    _ => self.out.send(Target::One(to), Message::Vote(vote)),
                }
            }
        }
    }

    /// Whether a peer may have my proposal once more: a body is long, and a report short.
    fn may_repeat_to(&mut self, peer: OperatorIndex) -> bool {
        let (now, gap) = (self.now, self.config.status_ms / 2);
        let entry = self.peers.get_mut(usize::from(peer.0));
        let entry = entry.filter(|entry| is_over(entry.repeated_at, now, gap));
        entry.map(|entry| entry.repeated_at = Some(now)).is_some()
    }
}

/// Where the bitmaps of a report begin when more views are open than they cover: at the first gap while that moves up. While it does
/// not, every other report goes round instead, for nobody may have what that view lacks; and where all views are over every report
/// does, for any of them may lack one of its two certificates.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The first gap when the last report was made.
    gap: View,
    /// How many reports went round so far.
    turns: u64,
    /// Which of them the present report is, if it is one.
    turn: Option<u64>,
}

impl Window {
    /// The next report, which is made in a view.
    fn move_on(&mut self, gap: View, view: View) {
        let is_stuck = core::mem::replace(&mut self.gap, gap) == gap;
        let goes_round = gap >= view || is_stuck && self.turn.is_none();
        self.turn = goes_round.then_some(self.turns);
        self.turns = self.turns.wrapping_add(u64::from(self.turn.is_some()));
    }
}

/// The bit of a view in a status bitmap that begins at `from`.
fn bit(view: View, from: View) -> Option<u64> {
    let offset = view.0.checked_sub(from.0)?;
    1u64.checked_shl(u32::try_from(offset).ok()?)
}
