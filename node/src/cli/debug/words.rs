//! Records of the vote log in words.

use plasma_consensus::{Certified, Kind, Record as Logged, Statement, Vote};
use plasma_core::{Block, View};

use crate::{operator::effect::Record, runtime::log, wal};

/// A record in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// What it is.
    pub(super) kind: &'static str,
    /// The view it is about, for what has one.
    pub(super) view: Option<u64>,
    /// What it says.
    pub(super) words: String,
}

/// What a record says; the error is that this program does not know it.
pub(super) fn tell(record: &wal::Record) -> Result<Told, log::RecordError> {
    Ok(match log::read_record(record)? {
        Record::Consensus(record) => {
            let (kind, words) = logged(&record);
            Told {
                kind,
                view: Some(record.view().0),
                words,
            }
        }
        Record::Body(bytes) => Told {
            kind: "body",
            view: None,
            words: body(&bytes),
        },
        Record::Case(case) => Told {
            kind: "case",
            view: Some(case.certificate.view.0),
            words: format!(
                "block {} at height {} is invalid, and a quorum finalized it",
                case.header.id(),
                case.header.height
            ),
        },
        Record::Contradiction(votes) => Told {
            kind: "contradiction",
            view: Some(votes[0].statement.view().0),
            words: format!(
                "seat {} contradicts itself: {}; {}",
                votes[0].signer,
                statement(&votes[0].statement),
                statement(&votes[1].statement)
            ),
        },
    })
}

fn logged(record: &Logged) -> (&'static str, String) {
    match record {
        Logged::Vote(vote) => ("vote", vote_words(vote)),
        Logged::MyProposal { container, .. } => (
            "proposal",
            format!("block {} on view {}", container.block, container.parent),
        ),
        Logged::Certificate(certified) | Logged::Floor(certified) => {
            let kind = match certified.statement.kind() {
                Kind::Notarize => "notarization",
                Kind::Nullify => "nullification",
                Kind::Finalize => "finalization",
            };
            (kind, certified_words(certified))
        }
        Logged::Amnesia { floor: View(0), .. } => (
            "epoch begun",
            "nothing is signed in the epochs before this one any more".to_owned(),
        ),
        Logged::Amnesia { floor, .. } => (
            "amnesia floor",
            format!("votes are missing; nothing up to view {floor} is voted on"),
        ),
        Logged::Forgotten { kind, .. } => (
            "forgotten vote",
            format!(
                "a certificate shows a vote to {} that is not in this log",
                verb(*kind)
            ),
        ),
    }
}

fn vote_words(vote: &Vote) -> String {
    format!("seat {} votes to {}", vote.signer, statement(&vote.statement))
}

fn certified_words(certified: &Certified) -> String {
    let seats: Vec<String> = certified.signers.iter().map(|seat| seat.to_string()).collect();
    format!("seats {} {}", seats.join(" "), statement(&certified.statement))
}

fn statement(statement: &Statement) -> String {
    let verb = verb(statement.kind());
    match statement {
        Statement::Notarize(container) => {
            format!("{verb} block {} on view {}", container.block, container.parent)
        }
        Statement::Nullify { view } => format!("{verb} view {view}"),
        Statement::Finalize { block, .. } => format!("{verb} block {block}"),
    }
}

fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Notarize => "notarize",
        Kind::Nullify => "nullify",
        Kind::Finalize => "finalize",
    }
}

fn body(bytes: &[u8]) -> String {
    // It was read before; an empty text would hide it.
    Block::decode(bytes, bytes.len()).map_or_else(
        |error| error.to_string(),
        |block| {
            format!(
                "block {} at height {}, {} transactions",
                block.header.id(),
                block.header.height,
                block.transactions.len()
            )
        },
    )
}
