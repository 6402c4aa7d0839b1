//! What no operator may ever say, whatever is done to one of them.

use anyhow::{Result, bail};

use super::tail::Tail;
use crate::failure::Failure;
use crate::testnet::Testnet;

/// The logs of all operators, read up to a place.
#[derive(Debug)]
pub(super) struct Alarms(Tail);

impl Alarms {
    pub(super) fn new(testnet: &Testnet) -> Self {
        Self(Tail::new(testnet))
    }

    /// Reads on in every log: none may raise an alarm.
    pub(super) fn stay_silent(&mut self) -> Result<()> {
        for (operator, text) in self.0.read_on()?.iter().enumerate() {
            if let Some(line) = text.lines().find(|line| is_alarm(line)) {
                bail!(Failure::Unseen(format!(
                    "operator {operator} raised an alarm: {line}"
                )));
            }
        }
        Ok(())
    }
}

fn is_alarm(line: &str) -> bool {
    ALARMS.iter().any(|alarm| line.contains(alarm))
}

/// An error is a broken promise, of ours or of a peer; so is a peer that broke the protocol, for here all are honest.
const ALARMS: [&str; 4] = [
    " ERROR ",
    "panicked at",
    "broke the protocol",
    "invalid block proposed",
];

#[cfg(test)]
mod tests {
    use super::is_alarm;

    #[test]
    fn contradictions_and_refusals_are_alarms_and_given_up_views_are_not() {
        for line in [
            "2026-01-01T00:00:00Z ERROR plasma_node::runtime::perform: an operator contradicted itself evidence=..",
            "2026-01-01T00:00:00Z ERROR plasma_node::runtime::perform: stopped signing; proofs are still served",
            "2026-01-01T00:00:00Z  WARN plasma_node::runtime::perform: peer broke the protocol peer=1",
            "thread 'main' panicked at node/src/lib.rs:1",
        ] {
            assert!(is_alarm(line), "{line}");
        }
        assert!(!is_alarm(
            "2026-01-01T00:00:00Z  INFO plasma_node::runtime::perform: view given up view=7 reason=the leader is silent"
        ));
    }
}
