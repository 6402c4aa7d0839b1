//! Why an operator gave no answer, or none that helps.

use crate::api::Problem;

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The operator refused, and says why.
    #[error(transparent)]
    Problem(Problem),
    /// No operator answered. A submitted transaction may have arrived; sending the same bytes again is harmless.
    #[error("{operator} does not answer: {reason}")]
    Unreachable {
        /// Whom we asked.
        operator: String,
        /// What happened.
        reason: String,
    },
    /// Something answered that is no operator of ours.
    #[error("{operator} answered something else: {reason}")]
    Foreign {
        /// Whom we asked.
        operator: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An operator of another federation.
    #[error(
        "{operator} is of another federation: its {field} is {found}, the federation file says {expected}; name an operator \
         of this federation"
    )]
    OtherFederation {
        /// Whom we asked.
        operator: String,
        /// What was compared.
        field: &'static str,
        /// Of the federation file.
        expected: String,
        /// Of the operator.
        found: String,
    },
    /// An answer that proves nothing: it is not believed.
    #[error(
        "what {operator} answered is not believed: {reason}; ask another operator, and tell this one's people"
    )]
    Untrue {
        /// Whom we asked.
        operator: String,
        /// Which check failed.
        reason: String,
    },
    /// What was answered may be true, and cannot be judged from here.
    #[error("what {operator} answered cannot be checked: {reason}")]
    Unjudged {
        /// Whom we asked.
        operator: String,
        /// What is missing.
        reason: String,
    },
    /// The address is none.
    #[error("{address:?} is no address: {reason}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody who was asked gave an answer that helps.
    #[error("no operator gave an answer that helps: {}", reasons.join("; "))]
    Nobody {
        /// What each of them said, or why it was not asked.
        reasons: Vec<String>,
    },
}

impl ClientError {
    /// The operator's own words, when it had some.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// An error about the connection, with its causes: they say more than the outermost words ("error sending request").
pub(super) fn unreachable(operator: &str, error: &dyn std::error::Error) -> ClientError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    ClientError::Unreachable {
        operator: operator.to_owned(),
        reason,
    }
}
