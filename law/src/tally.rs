//! What was seen, counted by property and class, and what must not stay unseen.

use std::collections::BTreeMap;

use crate::{blocks, digests, game, octets};

/// Counts by heading and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, String), u64>,
}

/// Headings, in the order in which they are printed.
pub(crate) const CASES: &str = "cases";
pub(crate) const BLOCKS: &str = "blocks by class";
pub(crate) const PROOFS: &str = "proofs that succeeded";
pub(crate) const REASONS: &str = "reasons of the ledger";
pub(crate) const BYTES: &str = "byte strings by flaw";
pub(crate) const DIGESTS: &str = "things by kind";
pub(crate) const STEPS: &str = "steps done";
pub(crate) const REFUSED: &str = "steps refused";
pub(crate) const TRIED: &str = "proofs tried";

/// Every fraud proof that the contract has.
const PROOFS_ALL: [&str; 11] = [
    "proveMalformed",
    "proveDoubleSpend",
    "proveBadInput",
    "proveFutureReference",
    "proveAbsentTransaction",
    "proveAbsentOutput",
    "proveBadFund",
    "proveLateFund",
    "proveDoubleFund",
    "proveSpentAfterExit",
    "proveSpentAfterReclaim",
];

/// Rules of the ledger that no proof on L1 can show, each with a case. `HeightExhausted` needs 2³² blocks and is a unit
/// test of core.
const FREE: [&str; 17] = [
    "Height",
    "Parent",
    "Timestamp",
    "OriginBackwards",
    "OriginChanged",
    "TransactionCount",
    "TransactionsRoot",
    "HistoryRoot",
    "OutputCommitment",
    "Derived",
    "TooManyTransactions",
    "TooManyBytes",
    "Fee",
    "InputExiting",
    "InputTouched",
    "Halted",
    "InputGone, reclaimed since the anchor before",
];

/// Rules that some proof must show, each with a case.
const OWNS: [&str; 28] = [
    "Kind",
    "Counts",
    "Length",
    "Asset",
    "Expiry",
    "Deposit",
    "OutputAmountZero",
    "OutputOwnerZero",
    "InputRepeated",
    "SumOverflow",
    "SumsDiffer",
    "RecoveryByte",
    "Range",
    "HighS",
    "FundSigned",
    "Fund",
    "Legacy",
    "Expired",
    "InputNotEarlier",
    "InputMissing",
    "InputSpent",
    "InputForeign",
    "InputAsset",
    "InputAmount",
    "InputGone, exited",
    "InputGone, reclaimed",
    "InputExiting, paid since",
    "Derived, a fund that is not due",
];

impl Tally {
    /// Counts one more.
    pub(crate) fn add(&mut self, heading: &'static str, name: &str) {
        self.add_many(heading, name, 1);
    }

    /// Counts some more.
    pub(crate) fn add_many(&mut self, heading: &'static str, name: &str, more: u64) {
        *self.counts.entry((heading, name.to_owned())).or_default() += more;
    }

    /// Takes over what another counted.
    pub(crate) fn merge(&mut self, other: Self) {
        for ((heading, name), more) in other.counts {
            *self.counts.entry((heading, name)).or_default() += more;
        }
    }

    /// How often something was counted.
    pub(crate) fn count(&self, heading: &'static str, name: &str) -> u64 {
        self.counts.get(&(heading, name.to_owned())).copied().unwrap_or(0)
    }

    /// All cases.
    pub(crate) fn cases(&self) -> u64 {
        self.of(CASES).map(|(_, count)| count).sum()
    }

    /// What must be seen and was not.
    pub(crate) fn unseen(&self) -> Vec<String> {
        let named = |heading, names: Vec<&str>| {
            names
                .into_iter()
                .map(move |name| (heading, name.to_owned()))
                .collect()
        };
        let prefixed = |prefix: &str, names: &[&str]| -> Vec<(&'static str, String)> {
            names
                .iter()
                .map(|name| (REASONS, format!("{prefix} {name}")))
                .collect()
        };
        let expected: Vec<Vec<(&'static str, String)>> = vec![
            named(BLOCKS, blocks::kinds()),
            named(PROOFS, PROOFS_ALL.to_vec()),
            prefixed("own", &OWNS),
            prefixed("free", &FREE),
            named(BYTES, octets::FLAWS.to_vec()),
            named(DIGESTS, digests::THINGS.iter().map(|(name, _)| *name).collect()),
            named(STEPS, game::STEPS.iter().map(|step| step.name).collect()),
        ];
        let missing = expected
            .into_iter()
            .flatten()
            .filter(|(heading, name)| self.count(heading, name) == 0);
        missing
            .map(|(heading, name)| format!("{heading}: {name}"))
            .collect()
    }

    /// One line per count.
    pub(crate) fn lines(&self) -> Vec<String> {
        let headings = [
            CASES, BLOCKS, REASONS, TRIED, PROOFS, BYTES, DIGESTS, STEPS, REFUSED,
        ];
        let mut lines = Vec::new();
        for heading in headings {
            lines.push(format!("{heading}:"));
            lines.extend(
                self.of(heading)
                    .map(|(name, count)| format!("  {count:>10}  {name}")),
            );
        }
        lines
    }

    fn of(&self, heading: &'static str) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.counts.iter().filter(move |((own, _), _)| *own == heading);
        counts.map(|((_, name), count)| (name.as_str(), *count))
    }
}
