//! Which of the contract's proofs answers which rule of the ledger: the table of `docs/contracts.md`, as code.

use bytes::Bytes;
use plasma_core::{Broken, Height, Kind, Position, SignedTransaction, Spender, TransactionRejected};

/// What could be shown of one transaction of an invalid block. The other side is found by [`super::prove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// Its bytes break a rule that they decide alone.
    Malformed {
        /// Its index.
        index: u32,
    },
    /// Another input had spent the same output.
    DoubleSpend {
        /// Its index.
        index: u32,
        /// Which input.
        input: u8,
        /// The other input.
        by: Spender,
    },
    /// An input states what the output is not.
    BadInput {
        /// Its index.
        index: u32,
        /// Which input.
        input: u8,
    },
    /// An input names no earlier block.
    FutureReference {
        /// Its index.
        index: u32,
        /// Which input.
        input: u8,
    },
    /// An input names nothing in an earlier block.
    Absent {
        /// Its index.
        index: u32,
        /// Which input.
        input: u8,
    },
    /// A fund transaction without its deposit.
    BadFund {
        /// Its index.
        index: u32,
    },
    /// A fund transaction of a deposit that had to be funded before.
    LateFund {
        /// Its index.
        index: u32,
    },
    /// A fund transaction of a deposit that is funded elsewhere too.
    DoubleFund {
        /// Its index.
        index: u32,
    },
    /// An input whose output an exit had paid, or will have when it ends.
    SpentAfterExit {
        /// Its index.
        index: u32,
        /// Which input.
        input: u8,
    },
    /// An input whose deposit had been taken back.
    SpentAfterReclaim {
        /// Its index.
        index: u32,
        /// Which input.
        input: u8,
    },
}

/// What a broken rule gives to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// One of these, best first.
    Charges(Vec<Charge>),
    /// Nothing, for this reason; every watcher sees it all the same.
    Unprovable(&'static str),
    /// It is about our own reading or storage, and says nothing about the block.
    Ours,
}

/// The grounds that a verdict gives.
#[must_use]
pub fn grounds(broken: &Broken, body: &[Bytes]) -> Grounds {
    match broken {
        Broken::NotRead { .. }
        | Broken::ExitNotRead { .. }
        | Broken::DepositNotRead { .. }
        | Broken::Locks { .. } => Grounds::Ours,
        Broken::HeightExhausted(_)
        | Broken::Height { .. }
        | Broken::Parent { .. }
        | Broken::Timestamp { .. }
        | Broken::OriginBackwards { .. }
        | Broken::OriginChanged { .. }
        | Broken::TransactionCount { .. }
        | Broken::TransactionsRoot { .. }
        | Broken::HistoryRoot { .. }
        | Broken::OutputCommitment { .. } => {
            Grounds::Unprovable("a header's own fields are compared with nothing on Ethereum")
        }
        Broken::TooManyTransactions { .. } | Broken::TooManyBytes { .. } => {
            Grounds::Unprovable("Ethereum does not know how much a block may hold")
        }
        Broken::Derived { index, .. } => of_derived(*index, body),
        Broken::Transaction { index, reason } => of_transaction(*index, reason),
    }
}

/// A fund transaction stands where Ethereum demands another, or none at all stands there.
fn of_derived(index: u32, body: &[Bytes]) -> Grounds {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    if body.get(place).is_some_and(|bytes| is_fund(bytes)) {
        Grounds::Charges(of_fund(index))
    } else {
        Grounds::Unprovable("what Ethereum demands and a block leaves out has no place to show")
    }
}

/// What could be wrong with a fund transaction.
fn of_fund(index: u32) -> Vec<Charge> {
    vec![
        Charge::BadFund { index },
        Charge::DoubleFund { index },
        Charge::LateFund { index },
    ]
}

/// Whether bytes are a fund transaction.
fn is_fund(bytes: &[u8]) -> bool {
    SignedTransaction::decode(bytes).is_ok_and(|signed| signed.transaction.kind == Kind::Fund)
}

fn of_transaction(index: u32, reason: &TransactionRejected) -> Grounds {
    let charges = match *reason {
        TransactionRejected::NotRead { .. } => return Grounds::Ours,
        TransactionRejected::Halted { .. } => {
            return Grounds::Unprovable("after a halt nothing is anchored");
        }
        TransactionRejected::InputTouched { .. } => {
            return Grounds::Unprovable(
                "that an event of the same block touched an input takes nobody's money",
            );
        }
        TransactionRejected::Fee { .. } => return Grounds::Unprovable("Ethereum does not know the fees"),
        TransactionRejected::Fund => of_fund(index),
        TransactionRejected::Legacy { .. } | TransactionRejected::Expired { .. } => {
            vec![Charge::Malformed { index }]
        }
        TransactionRejected::InputNotEarlier { input, .. } => {
            let input = byte(input);
            vec![Charge::FutureReference { index, input }]
        }
        TransactionRejected::InputMissing { input, position } => of_missing(index, byte(input), position),
        TransactionRejected::InputSpent { input, by, .. } => {
            let input = byte(input);
            vec![Charge::DoubleSpend { index, input, by }]
        }
        TransactionRejected::InputGone { input, .. } => {
            let input = byte(input);
            vec![
                Charge::SpentAfterExit { index, input },
                Charge::SpentAfterReclaim { index, input },
            ]
        }
        // While the exit is open this very transaction challenges it; the proof waits for the payout.
        TransactionRejected::InputExiting { input, .. } => {
            let input = byte(input);
            vec![Charge::SpentAfterExit { index, input }]
        }
        TransactionRejected::InputForeign { input, .. }
        | TransactionRejected::InputAsset { input, .. }
        | TransactionRejected::InputAmount { input, .. } => {
            let input = byte(input);
            vec![Charge::BadInput { index, input }]
        }
    };
    Grounds::Charges(charges)
}

/// What shows that an input names nothing.
pub(super) fn of_missing(index: u32, input: u8, position: Position) -> Vec<Charge> {
    if position.block == Height(0) {
        return vec![Charge::FutureReference { index, input }];
    }
    let mut charges = vec![Charge::Absent { index, input }];
    if position.output > LEGACY_OUTPUT_MAX {
        // The seed's encoding has no such output number, so in a legacy transaction it is malformed besides.
        charges.push(Charge::Malformed { index });
    }
    charges
}

/// The highest output number of which the seed's encoding is one byte.
const LEGACY_OUTPUT_MAX: u8 = 127;

/// Inputs are numbered in one byte; a transaction has four.
fn byte(input: usize) -> u8 {
    u8::try_from(input).unwrap_or(u8::MAX)
}
