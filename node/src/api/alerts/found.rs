//! What there is to be told of an operator at one moment.

use std::collections::BTreeMap;

use plasma_core::{ExitId, Height, L1Height, Millis, OperatorIndex, Position};

use super::super::{
    exits::number,
    status::blockers,
    text::rfc3339,
    view::{AlertKind, AlertSeverity},
};
use crate::runtime::handle::{Concern, Status};

/// What an alert is about: two of one subject are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) kind: AlertKind,
    pub(super) operator: Option<OperatorIndex>,
    pub(super) exit: Option<ExitId>,
    pub(super) output: Option<Position>,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) height: Option<Height>,
}

impl Subject {
    fn of(kind: AlertKind) -> Self {
        Self {
            kind,
            operator: None,
            exit: None,
            output: None,
        }
    }
}

impl AlertKind {
    pub(super) fn severity(self) -> AlertSeverity {
        match self {
            Self::InvalidExit | Self::WithheldBlock | Self::Equivocation | Self::L1Stalled => {
                AlertSeverity::Warning
            }
            Self::UnchallengedExit
            | Self::InvalidBlock
            | Self::Halted
            | Self::Stopped
            | Self::NoProgress
            | Self::NoQuorum => AlertSeverity::Critical,
        }
    }

    /// How long it must be found before it is told: members connect one after the other, and answer again after a moment.
    pub(super) fn patience_ms(self) -> u64 {
        match self {
            Self::NoQuorum | Self::WithheldBlock => 10_000,
            _ => 0,
        }
    }

    /// What keeps an operator from its work, as far as its people must be called for it.
    fn of_blocker(code: &str) -> Option<Self> {
        match code {
            "stopped" => Some(Self::Stopped),
            "halted" => Some(Self::Halted),
            "blocks-unavailable" => Some(Self::WithheldBlock),
            "no-quorum" => Some(Self::NoQuorum),
            "no-progress" => Some(Self::NoProgress),
            _ => None,
        }
    }
}

/// All of it. `still` is since when Ethereum was not seen to go on.
pub(super) fn found(
    status: &Status,
    (now, still): (Millis, Millis),
    head: Option<L1Height>,
) -> BTreeMap<Subject, Found> {
    let mut all = BTreeMap::new();
    for blocker in blockers(status) {
        if let Some(kind) = AlertKind::of_blocker(&blocker.code) {
            let height = match kind {
                AlertKind::Halted => status.halted,
                AlertKind::WithheldBlock => status.height.next(),
                _ => None,
            };
            let text = blocker.text;
            all.insert(Subject::of(kind), Found { text, height });
        }
    }
    if now.since(still) >= STALLED_MS {
        let newest = head.map_or_else(|| "no block".to_owned(), |head| format!("block {head}"));
        let text = format!(
            "Ethereum shows nothing newer than {newest} since {}",
            rfc3339(still.0)
        );
        all.insert(Subject::of(AlertKind::L1Stalled), Found { text, height: None });
    }
    for concern in &status.concerns {
        note(concern, &mut all);
    }
    all
}

fn note(concern: &Concern, all: &mut BTreeMap<Subject, Found>) {
    let mut add = |subject, text, height| {
        all.insert(subject, Found { text, height });
    };
    match *concern {
        Concern::InvalidBlock { height } => {
            let text = format!(
                "a quorum finalized block {height}, which breaks a rule of the ledger; it is being proven on Ethereum"
            );
            add(Subject::of(AlertKind::InvalidBlock), text, Some(height));
        }
        Concern::Contradiction { epoch, offender } => {
            let text = format!(
                "operator {offender} of epoch {epoch} signed two votes that contradict each other; it is being convicted on Ethereum"
            );
            let subject = Subject {
                operator: Some(offender),
                ..Subject::of(AlertKind::Equivocation)
            };
            add(subject, text, None);
        }
        Concern::DishonestExit {
            exit,
            output,
            is_late,
        } => {
            let of = |kind| Subject {
                exit: Some(exit),
                output: Some(output),
                ..Subject::of(kind)
            };
            let number = number(&exit);
            let text = format!(
                "exit {number} is of output {output}, which was spent; the operators on duty challenge it"
            );
            add(of(AlertKind::InvalidExit), text, None);
            if is_late {
                let text = format!(
                    "every operator had its turn, and nobody challenged exit {number} of the spent output {output}; anybody can, with /v1/outputs/{output}/challenge-data"
                );
                add(of(AlertKind::UnchallengedExit), text, None);
            }
        }
    }
}

/// Ethereum makes a block every twelve seconds; endpoints that restart come back in less.
const STALLED_MS: u64 = 300_000;
