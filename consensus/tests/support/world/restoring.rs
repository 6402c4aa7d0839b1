//! A member that runs on from an old copy of its disk. It counts as a liar: two votes of it that nobody hears together show
//! nothing. But it stops by itself when a certificate holds a vote that it does not know, and whoever hears both sides of a
//! contradiction in time accuses it.

use std::collections::BTreeSet;

use plasma_consensus::{Evidence, Message, Statement, Violation};
use plasma_core::OperatorIndex;

use super::{Event, World};
use crate::sim::host::Disk;

/// The copy, and what became of whoever runs on from it.
#[derive(Debug, Default)]
pub(super) struct Backup {
    disk: Option<Disk>,
    said: BTreeSet<Statement>,
    /// By hearer.
    heard: BTreeSet<(u16, Statement)>,
    is_overheard: bool,
    is_accused: bool,
}

impl World {
    /// Whether a member is the one whose disk is restored.
    pub(super) fn restores(&self, member: u16) -> bool {
        self.scenario.restored_at_ms > 0 && member == self.scenario.n - 1
    }

    pub(super) fn on_backup(&mut self) {
        let last = self.scenario.n - 1;
        self.backup.disk = Some(self.host(last).disk.clone());
    }

    pub(super) fn on_restore(&mut self) {
        let member = self.scenario.n - 1;
        let Some(disk) = self.backup.disk.take() else {
            return;
        };
        self.stop(member);
        self.host_mut(member).disk = disk;
        let delay = self.random.between(10, 500);
        self.schedule(delay, Event::Restart { member });
    }

    /// What the restored member says in public, in both of its lives.
    pub(super) fn listen_to_restored(&mut self, member: u16, message: &Message) {
        if !self.restores(member) {
            return;
        }
        let vote = match message {
            Message::Vote(vote) => vote.clone(),
            Message::Proposal(proposal) => proposal.vote(OperatorIndex(member)),
            _ => return,
        };
        let said = &mut self.backup.said;
        let contradicts = said
            .iter()
            .any(|earlier| is_contradiction(earlier, &vote.statement));
        said.insert(vote.statement);
        if contradicts {
            self.marks.hit("old log contradicted itself");
        }
    }

    /// A vote of the restored member arrives where it counts.
    pub(super) fn hear_restored(&mut self, from: u16, to: u16, message: &Message) {
        let Message::Vote(vote) = message else { return };
        let Some(engine) = self.host(to).engine.as_ref().filter(|_| self.restores(from)) else {
            return;
        };
        let view = vote.statement.view();
        if view <= engine.floor().view || view.0 > engine.view().0 + 1 {
            return;
        }
        let heard = self.backup.heard.iter().filter(|(hearer, _)| *hearer == to);
        let contradicts = heard
            .clone()
            .any(|(_, earlier)| is_contradiction(earlier, &vote.statement));
        self.backup.is_overheard |= contradicts;
        self.backup.heard.insert((to, vote.statement));
    }

    pub(super) fn on_stopped(&mut self, member: u16, violation: &Violation) {
        if self.restores(member) && matches!(violation, Violation::Forgotten { .. }) {
            self.marks.hit("old log stopped");
        }
    }

    pub(super) fn on_accused(&mut self, evidence: &Evidence) {
        if self.restores(evidence.offender().0) {
            self.backup.is_accused = true;
            self.marks.hit("old log accused");
        }
    }

    /// A contradiction that somebody heard is known as one.
    pub(super) fn check_restored(&mut self) {
        if self.backup.is_overheard && !self.backup.is_accused {
            let what = "an old log contradicted itself before others, and nobody noticed".to_owned();
            self.oracle.object("Q22", what);
        }
    }
}

fn is_contradiction(one: &Statement, other: &Statement) -> bool {
    match (one, other) {
        (Statement::Notarize(a), Statement::Notarize(b)) => a.view == b.view && a != b,
        (Statement::Finalize { view: a, block: x }, Statement::Finalize { view: b, block: y }) => {
            a == b && x != y
        }
        (Statement::Nullify { view: a }, Statement::Finalize { view: b, .. })
        | (Statement::Finalize { view: a, .. }, Statement::Nullify { view: b }) => a == b,
        _ => false,
    }
}
