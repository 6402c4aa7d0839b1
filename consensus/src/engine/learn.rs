//! What a certificate changes: entering views (R0), notarization (R4), nullification (R6), finalization (R7); and
//! restoring all of it from the log.

use plasma_core::planted::planted;
use plasma_core::{BlockId, View};

use super::receive::{Tallied, VOTE_VIEWS};
use crate::{
    Certified, Effect, Engine, Floor, Kind, Record, Statement, Verdict, Violation,
    chain::{Path, RETAINED_VIEWS, next},
    scheme::Scheme,
    view::{Round, Slot},
};

impl<S: Scheme> Engine<S> {
    /// Takes in a verified certificate above the floor, once.
    pub(super) fn learn(&mut self, certified: Certified) {
        if self.has_forgotten(&certified) {
            return self.stop_forgetful(&certified.statement);
        }
        if let Some(violation) = self.chain.contradiction(&certified.statement) {
            return self.fail(violation);
        }
        let view = certified.statement.view();
        let kind = certified.statement.kind();
        let fills = self.fills_gap(view, kind);
        match certified.statement {
            Statement::Finalize { block, .. } => self.finalize(view, block, &certified),
            Statement::Notarize(_) | Statement::Nullify { .. } => {
                if planted("consensus: stores no certificates") {
                    return;
                }
                self.out.persist(Record::Certificate(certified.clone()));
                self.store(certified);
            }
        }
        if !self.is_broken {
            self.forward_later(view, kind);
            self.enter(next(view), kind);
            if fills {
                self.gather_soon();
            }
        }
    }

    /// My log is not the one that I spoke by: whatever I say now may contradict what I said. The record keeps me silent
    /// after a restart too, when the certificate may not be at hand.
    fn stop_forgetful(&mut self, statement: &Statement) {
        let (view, kind) = (statement.view(), statement.kind());
        let epoch = self.epoch();
        self.out.persist(Record::Forgotten { epoch, view, kind });
        self.fail(Violation::Forgotten { view, kind });
    }

    fn store(&mut self, certified: Certified) {
        let view = certified.statement.view();
        let oldest = self.oldest_votes();
        match certified.statement.kind() {
            Kind::Notarize => {
                self.chain.notarize(view, certified);
                if view >= oldest {
                    self.awaiting.insert(view);
                }
            }
            Kind::Nullify => self.chain.open(view).nullification = Some(certified),
            Kind::Finalize => {}
        }
    }

    fn finalize(&mut self, view: View, block: BlockId, certified: &Certified) {
        let path = match self.chain.path(view) {
            Ok(path) => path,
            Err(violation) => return self.fail(violation),
        };
        if let Path::Known(path) = &path
            && self.holds_invalid(path)
        {
            // The last word before the end is what its signers can be convicted with.
            if let Some(certificate) = certified.finalization() {
                self.out.push(Effect::Behind { certificate });
            }
            return self.fail(Violation::NonDeterminism(view));
        }
        self.out.persist(Record::Floor(certified.clone()));
        self.raise_floor(view, block, certified);
        self.report_final(path);
    }

    /// A block of the path that is invalid on the very parent it has there.
    fn holds_invalid(&self, path: &[(View, BlockId)]) -> bool {
        let parents = core::iter::once(self.chain.floor().block).chain(path.iter().map(|(_, block)| *block));
        path.iter()
            .zip(parents)
            .any(|((_, block), parent)| self.opinions.verdict(*block, parent) == Verdict::Invalid)
    }

    fn raise_floor(&mut self, view: View, block: BlockId, certified: &Certified) {
        if self.opinions.seals(block) {
            self.sealing = Some(block);
        }
        self.chain.raise_floor(Floor {
            view,
            block,
            certificate: certified.finalization(),
        });
        self.ledger.raise_floor(view);
        self.awaiting = self.awaiting.split_off(&next(view));
        self.opinions
            .retain(|asked, judged| asked > view || judged == block);
        self.finalized_at = self.now;
        self.rebuild_at = self.now;
    }

    fn report_final(&mut self, path: Path) {
        let Some(certificate) = self.chain.floor().certificate.clone() else {
            return;
        };
        self.out.push(match path {
            Path::Known(path) => Effect::Finalized { certificate, path },
            Path::Unknown => Effect::Behind { certificate },
        });
    }

    /// R0. Entering is idempotent and only ever goes up.
    fn enter(&mut self, view: View, because: Kind) {
        if view <= self.view {
            return;
        }
        let is_jump = view > next(self.view);
        let left = core::mem::replace(&mut self.view, view);
        self.entered_at = self.now;
        self.rebuild_at = self.now;
        self.building = None;
        self.forget_old_views(left);
        if is_jump || because == Kind::Nullify {
            self.report_soon();
        }
    }

    /// Votes and verdicts of long gone views cannot matter, those of views that were passed by on the way from `left` among them;
    /// certificates above the floor always do.
    fn forget_old_views(&mut self, left: View) {
        let oldest = self.oldest_votes();
        let since = View(left.0.saturating_sub(VOTE_VIEWS));
        self.chain
            .rounds_mut(since..=oldest)
            .for_each(Round::forget_votes);
        self.awaiting = self.awaiting.split_off(&oldest);
        let recent = View(self.view.0.saturating_sub(RETAINED_VIEWS));
        // What is accepted matters in whichever view somebody proposed it last.
        let chain = &self.chain;
        self.opinions
            .retain(|view, block| view >= recent || chain.is_accepted(block));
    }

    /// Folds the log. Certificates in it were verified before they were written.
    pub(super) fn restore(&mut self, records: &[Record]) {
        let epoch = self.epoch();
        let own = || records.iter().filter(move |record| record.epoch() == epoch);
        let mut floor: Option<&Certified> = None;
        let mut forgotten: Option<Violation> = None;
        for record in own() {
            self.ledger.restore(record);
            match record {
                Record::Forgotten { view, kind, .. } => {
                    let (view, kind) = (*view, *kind);
                    forgotten = Some(Violation::Forgotten { view, kind });
                }
                Record::Amnesia { floor, .. } => {
                    let is_covered = |violation: &Violation| matches!(violation, Violation::Forgotten { view, .. } if view <= floor);
                    forgotten = forgotten.filter(|violation| !is_covered(violation));
                }
                Record::Certificate(certified) if certified.statement.view() > self.chain.floor().view => {
                    self.store(certified.clone());
                }
                Record::Floor(certified) if floor.is_none_or(|f| f.statement.view() < record.view()) => {
                    floor = Some(certified);
                }
                _ => {}
            }
        }
        if let Some(violation) = forgotten {
            return self.fail(violation);
        }
        let logged = floor.map(|certified| certified.statement.view());
        if let Some(certified) = floor {
            self.restore_floor(certified);
        }
        if let Some(stored) = self.chain.floor().certificate.clone()
            && logged.is_none_or(|logged| logged < stored.view)
        {
            // The log must know the floor by itself: what lies below it may be dropped from the log.
            self.out.persist(Record::Floor(Certified::from(stored)));
        }
        let start = self.chain.floor().view;
        self.ledger.raise_floor(start);
        let certified = self.chain.above_floor().map(|(view, _)| next(view)).next_back();
        let highest = certified.max(self.ledger.highest()).unwrap_or_default();
        self.view = next(start).max(highest);
        self.restore_votes();
        self.forget_old_views(View(0));
    }

    fn restore_floor(&mut self, certified: &Certified) {
        let Statement::Finalize { view, block } = certified.statement else {
            return;
        };
        if view <= self.chain.floor().view {
            return;
        }
        match self.chain.path(view) {
            Ok(path) => {
                self.raise_floor(view, block, certified);
                self.report_final(path);
            }
            Err(violation) => self.fail(violation),
        }
    }

    /// My votes count again, and my own proposal stands in its slot.
    fn restore_votes(&mut self) {
        let votes: Vec<_> = self.ledger.votes().cloned().collect();
        for vote in votes {
            let view = vote.statement.view();
            if let Some(container) = self.ledger.proposal(view) {
                self.chain.open(view).slot = Slot::Seen(container);
            }
            self.file(&vote, Tallied::Verified);
        }
    }
}
