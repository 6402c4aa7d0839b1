//! What an engine does, in words short enough for a table of steps.

use plasma_consensus::{Effect, Kind, Message, Record, Statement, Target};

/// Effects in words; timers, statuses, reasons and hints are left out.
pub(crate) fn words(effects: &[Effect]) -> Vec<String> {
    effects.iter().filter_map(word).collect()
}

fn word(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Persist(Record::Vote(vote)) => format!("log {}", named(&vote.statement, false)),
        Effect::Persist(Record::MyProposal { container, .. }) => format!("log proposal {}", container.view),
        Effect::Persist(Record::Certificate(certified)) => {
            format!("log {}", named(&certified.statement, true))
        }
        Effect::Persist(Record::Amnesia { floor, .. }) => format!("log amnesia {floor}"),
        Effect::Persist(Record::Forgotten { view, .. }) => format!("log forgotten {view}"),
        Effect::Persist(Record::Floor(certified)) => format!("log floor {}", certified.statement.view()),
        Effect::Send {
            message: Message::Status(_),
            ..
        }
        | Effect::Timer(_)
        | Effect::Prepare { .. }
        | Effect::GaveUp { .. } => return None,
        Effect::Send { to, message, body } => format!("{}{}", sent(message, body.is_some()), aimed(*to)),
        Effect::Build { view, .. } => format!("build {view}"),
        Effect::Validate { view, .. } => format!("validate {view}"),
        Effect::Finalized { certificate, path } => format!("final {} +{}", certificate.view, path.len()),
        Effect::Behind { certificate } => format!("behind {}", certificate.view),
        Effect::Evidence(evidence) => format!("evidence {}", evidence.offender()),
        Effect::Penalize { peer, reason } => format!("penalize {peer} {reason:?}"),
        Effect::Refused(refusal) => format!("refused {refusal}"),
        Effect::Broken(violation) => format!("broken {violation}"),
    })
}

fn named(statement: &Statement, is_certified: bool) -> String {
    let kind = match (statement.kind(), is_certified) {
        (Kind::Notarize, false) => "notarize",
        (Kind::Nullify, false) => "nullify",
        (Kind::Finalize, false) => "finalize",
        (Kind::Notarize, true) => "notarization",
        (Kind::Nullify, true) => "nullification",
        (Kind::Finalize, true) => "finalization",
    };
    format!("{kind} {}", statement.view())
}

fn sent(message: &Message, has_body: bool) -> String {
    match message {
        Message::Vote(vote) => format!("send {}", named(&vote.statement, false)),
        Message::Certified(certified) => format!("send {}", named(&certified.statement, true)),
        Message::Proposal(proposal) => {
            let body = if has_body { " with body" } else { "" };
            format!(
                "propose {} on {}{body}",
                proposal.container.view, proposal.container.parent
            )
        }
        Message::Status(_) => "status".to_owned(),
    }
}

fn aimed(to: Target) -> String {
    match to {
        Target::All => String::new(),
        Target::One(peer) => format!(" to {peer}"),
    }
}
