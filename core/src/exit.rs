//! Is an exit honest? What the federation must answer before it challenges.
//!
//! Source: *More Viable Plasma*, ethresear.ch/t/2160; mirrors `ExitGame.challengeExit`.

use crate::{Address, ExitId, Fate, OutputRecord, Spender};

/// The ledger's opinion of a standard exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The output exists, belongs to who exits, and may be paid.
    Honest,
    /// A decided transaction spent it: the federation challenges with that transaction.
    Spent(Spender),
    /// Another exit already took it out.
    Exited(ExitId),
    /// Its deposit was taken back from the vault.
    Reclaimed,
    /// It belongs to somebody else; the contract should have refused.
    Foreign {
        /// Whose it is.
        owner: Address,
    },
    /// The ledger knows no such output: blocks were withheld or forged.
    Unknown,
}

/// Judges the exit of an output by `owner`, given the output's record.
#[must_use]
pub fn judge(exit: &ExitId, owner: &Address, record: Option<&OutputRecord>) -> Judgement {
    let Some(record) = record else {
        return Judgement::Unknown;
    };
    if record.output.owner != *owner {
        return Judgement::Foreign {
            owner: record.output.owner,
        };
    }
    match record.fate {
        Fate::Unspent => Judgement::Honest,
        Fate::Exited(own) if own == *exit => Judgement::Honest,
        Fate::Spent(spender) => Judgement::Spent(spender),
        Fate::Exited(other) => Judgement::Exited(other),
        Fate::Reclaimed => Judgement::Reclaimed,
    }
}
