//! What an operator says of itself and of the transactions it is offered.

use std::sync::Arc;

use plasma_consensus::Reason;
use plasma_core::{
    BlockId, Committee, Epoch, ExitId, Hash, Height, L1Height, Millis, OperatorIndex, Position,
    TransactionId, TransactionRejected, View,
};

/// A valid transaction: it is in the mempool and gossiped, or was before. No promise yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: TransactionId,
    /// Whether this operator knew it already.
    pub known: Known,
}

/// Whether a submitted transaction was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// First seen with this submission.
    New,
    /// Waiting in the mempool already. What is decided is refused: its inputs are spent.
    Pending,
}

/// Why a transaction was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The signature does not recover to an address.
    #[error("the signature is invalid: {0}")]
    Signature(String),
    /// A rule of the ledger is broken.
    #[error(transparent)]
    Rule(#[from] TransactionRejected),
    /// Another waiting transaction spends one of its inputs.
    #[error("input {input} is spent by the waiting transaction {by}")]
    Conflict {
        /// Index of the input.
        input: usize,
        /// The transaction that came first.
        by: TransactionId,
    },
    /// Fund transactions are derived from Ethereum, legacy ones need the federation's consent.
    #[error("this federation takes no transactions of this kind from clients")]
    Kind,
    /// The mempool is at its limit.
    #[error("the mempool is full ({0} transactions)")]
    Full(usize),
    /// The federation halted at this height; nothing above it counts.
    #[error("the chain is halted; nothing above height {0} counts")]
    Halted(Height),
    /// The operator's queue is full.
    #[error("the operator is overloaded")]
    Overloaded,
    /// The operator has stopped.
    #[error("the operator is stopping")]
    Stopped,
}

/// One operator as it sees itself, renewed after every turn that changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Our place in the running committee; none while we only observe.
    pub operator: Option<OperatorIndex>,
    /// The running committee; none when Ethereum activated one that nobody installed here.
    pub committee: Option<Arc<Committee>>,
    /// Last decided height.
    pub height: Height,
    /// Its block id.
    pub block: BlockId,
    /// The output commitment after it.
    pub output_commitment: Hash,
    /// Its time.
    pub timestamp: Millis,
    /// Running epoch.
    pub epoch: Epoch,
    /// Running view.
    pub view: View,
    /// Leader of that view; who observes does not know.
    pub leader: Option<OperatorIndex>,
    /// View of the newest finalization.
    pub final_view: View,
    /// Whether something waits to be decided (the engine's timers run).
    pub working: bool,
    /// Whether a finalized block is known that is not decided here yet: the operator is catching up.
    pub behind: bool,
    /// Whether no connected operator gave the blocks that are missing.
    pub starved: bool,
    /// Why it may not vote, though it has a seat.
    pub silence: Option<Silence>,
    /// Committee members connected, without ourselves.
    pub peers: Vec<OperatorIndex>,
    /// Transactions waiting.
    pub mempool: usize,
    /// L1 origin of the last decided block.
    pub l1_origin: L1Height,
    /// Highest L1 block at the confirmation depth that we have seen.
    pub l1_confirmed: L1Height,
    /// Newest anchor seen on Ethereum.
    pub anchor: Option<AnchorSeen>,
    /// Set when Ethereum halted the chain: nothing above this height counts.
    pub halted: Option<Height>,
    /// Set when the operator stopped signing, with the reason.
    pub stopped: Option<String>,
    /// Set when there is work and nothing was decided for ten view timeouts: since when.
    pub stalled_since: Option<Millis>,
    /// The view that this operator gave up last, in this life.
    pub given_up: Option<GivenUp>,
    /// Payments of others' clients that gossip brought, in this life.
    pub gossiped: Gossiped,
    /// What somebody else did that the operator's people should hear of, at most [`CONCERNS_MAX`].
    pub concerns: Vec<Concern>,
}

/// Something that somebody else did, and that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// A quorum finalized a block that breaks a rule of the ledger.
    InvalidBlock {
        /// Its height.
        height: Height,
    },
    /// An output that was spent is exiting.
    DishonestExit {
        /// The exit.
        exit: ExitId,
        /// The output.
        output: Position,
        /// Whether every operator had its turn, and Ethereum shows no challenge.
        is_late: bool,
    },
    /// An operator contradicted itself and is not convicted yet.
    Contradiction {
        /// Of which committee.
        epoch: Epoch,
        /// Who.
        offender: OperatorIndex,
    },
}

/// Whoever sees so many has more to do than to read on; the status is copied with each change.
pub const CONCERNS_MAX: usize = 64;

/// Why an operator with a seat may not vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Its log lacks votes, and too few others have said how far they are.
    Rejoining,
    /// Its storage is of an epoch of which its log says that it is over.
    Over,
    /// It lacked votes: it votes in later views than this one.
    Below(View),
}

/// How many payments gossip brought, and how many of them were news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gossiped {
    /// All that came, whatever became of them.
    pub heard: u64,
    /// Those that were taken and had not come before by any way.
    pub new: u64,
}

/// A view that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Which.
    pub view: View,
    /// Why, as this operator saw it.
    pub reason: Reason,
}

/// An anchor as Ethereum recorded it: the five values behind the stored word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorSeen {
    /// Its number, the first is 1.
    pub number: u64,
    /// Height of the anchored header.
    pub height: Height,
    /// History root of that header.
    pub history_root: Hash,
    /// L1 origin of that header.
    pub l1_height: L1Height,
    /// L1 time it was mined, in seconds.
    pub time_s: u64,
}
