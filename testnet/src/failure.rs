//! Why a command of `plasma-testnet` ended early, and the exit code that says so to scripts.

use std::time::Duration;

/// Endings that scripts may want to tell apart; everything else exits with [`UNEXPECTED`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something was awaited and did not come.
    #[error("waited {waited:?} for {what}; {last}")]
    TimedOut {
        /// What should have happened.
        what: String,
        /// How long we waited.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
    /// A step of a check was not as it must be.
    #[error("{0}")]
    Unseen(String),
    /// A program or port that we need is not there; the text names the ways out.
    #[error("{0}")]
    Missing(String),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::TimedOut { .. } => TIMED_OUT,
            Self::Unseen(_) => CHECK_FAILED,
            Self::Missing(_) => DEPENDENCY_MISSING,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// The exit code for an error: that of the first [`Failure`] in its chain.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
        .map_or(UNEXPECTED, Failure::code)
}

/// A bug or an input/output error.
pub const UNEXPECTED: u8 = 1;
/// A wait ran out.
pub const TIMED_OUT: u8 = 8;
/// Something was checked and is wrong.
pub const CHECK_FAILED: u8 = 11;
/// No anvil, no npm, no free port.
pub const DEPENDENCY_MISSING: u8 = 12;
/// Stopped by ctrl-C before it was done.
pub const INTERRUPTED: u8 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_below_added_context() {
        let error = anyhow::Error::from(Failure::Missing("no anvil".into())).context("starting L1");
        assert_eq!(exit_code(&error), DEPENDENCY_MISSING);
    }

    #[test]
    fn other_errors_are_unexpected() {
        assert_eq!(exit_code(&anyhow::anyhow!("disk full")), UNEXPECTED);
    }
}
