//! Which rule was broken, with everything that shows it.

use crate::{
    Address, Amount, BlockId, Hash, Height, L1Height, Millis, Position, TransactionId, delta::Spender,
    transaction::Kind,
};

/// The first rule of the ledger that an authentic client transaction breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionRejected {
    /// The caller did not read this output: our fault, not the transaction's.
    #[error("output {position} was not read")]
    NotRead {
        /// Which output.
        position: Position,
    },
    /// The chain is halted: no client transactions any more.
    #[error("the chain is halted, the last valid height is {last_valid}")]
    Halted {
        /// Last height that counts.
        last_valid: Height,
    },
    /// A deposit's transaction is derived from L1 and never taken from a client.
    #[error("fund transactions come from L1 only")]
    Fund,
    /// This federation does not accept signatures that name no chain.
    #[error("a {kind:?} is not accepted here: its signature names no chain")]
    Legacy {
        /// What it is.
        kind: Kind,
    },
    /// The block is above the transaction's last height.
    #[error("expired at height {expiry}, the block is {height}")]
    Expired {
        /// The transaction's last height.
        expiry: Height,
        /// The block's.
        height: Height,
    },
    /// An input names this block or a later one.
    #[error("input {input} names {position}, not an earlier block than {height}")]
    InputNotEarlier {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
        /// The block's height.
        height: Height,
    },
    /// An input names an output that never existed.
    #[error("input {input} names {position}, which does not exist")]
    InputMissing {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
    },
    /// An input is spent already.
    #[error("input {input}, {position}, was spent by input {} of transaction {} of block {}", by.input, by.transaction, by.height)]
    InputSpent {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
        /// Who spent it.
        by: Spender,
    },
    /// An input left through Ethereum, or its deposit was taken back.
    #[error("input {input}, {position}, has left through Ethereum")]
    InputGone {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
    },
    /// An open exit locks an input.
    #[error("input {input}, {position}, is exiting ({locks} open)")]
    InputExiting {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
        /// How many exits lock it.
        locks: u32,
    },
    /// An L1 event of this very block touched the input; a later block may spend it.
    #[error("input {input}, {position}, is touched by an L1 event of this block")]
    InputTouched {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
    },
    /// An input belongs to somebody else than the signer.
    #[error("input {input}, {position}, belongs to {owner}, signed by {signer}")]
    InputForeign {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
        /// Whose it is.
        owner: Address,
        /// Who signed.
        signer: Address,
    },
    /// An input holds another asset than the transaction moves.
    #[error("input {input}, {position}, holds asset {held}, the transaction moves {stated}")]
    InputAsset {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
        /// What the output holds.
        held: Address,
        /// What the transaction moves.
        stated: Address,
    },
    /// An input states another amount than the output holds.
    #[error("input {input}, {position}, holds {held}, the transaction states {stated}")]
    InputAmount {
        /// Index of the input.
        input: usize,
        /// What it names.
        position: Position,
        /// What the output holds.
        held: Amount,
        /// What the input states.
        stated: Amount,
    },
    /// No output pays the fee owner its minimum.
    #[error("no output of at least {minimum} to the fee owner {owner}")]
    Fee {
        /// Who receives fees.
        owner: Address,
        /// The least amount of this asset.
        minimum: Amount,
    },
}

/// The first rule that a block breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The caller did not read this output: our fault, not the block's.
    #[error("output {position} was not read")]
    NotRead {
        /// Which output.
        position: Position,
    },
    /// The caller did not read this exit.
    #[error("exit {id} was not read", id = id.0)]
    ExitNotRead {
        /// Which exit.
        id: crate::ExitId,
    },
    /// The caller did not read this deposit.
    #[error("deposit {number} was not read")]
    DepositNotRead {
        /// Which deposit.
        number: crate::DepositNumber,
    },
    /// An exit holds a lock that the output does not count: storage or this crate is wrong.
    #[error("the locks of {position} do not add up")]
    Locks {
        /// Which output.
        position: Position,
    },
    /// Heights are four bytes, and this chain has used them up.
    #[error("no height follows {0}")]
    HeightExhausted(Height),
    /// The height is not the parent's plus one.
    #[error("height {found} where {expected} follows")]
    Height {
        /// The next height.
        expected: Height,
        /// The header's.
        found: Height,
    },
    /// The parent is another block.
    #[error("parent {found} where the head is {expected}")]
    Parent {
        /// The head.
        expected: BlockId,
        /// The header's.
        found: BlockId,
    },
    /// The clock did not advance.
    #[error("timestamp {found} is not after the parent's {parent}")]
    Timestamp {
        /// The parent's.
        parent: Millis,
        /// The header's.
        found: Millis,
    },
    /// The L1 origin moved backwards.
    #[error("L1 origin {found} is below the parent's {parent}")]
    OriginBackwards {
        /// The parent's.
        parent: L1Height,
        /// The header's.
        found: L1Height,
    },
    /// The L1 origin stayed, but its hash changed or events are said to lie between.
    #[error("L1 origin {height} stayed but is another block or brings events")]
    OriginChanged {
        /// The origin's height.
        height: L1Height,
    },
    /// The header announces another number of transactions than the body has.
    #[error("{found} transactions announced, {expected} in the body")]
    TransactionCount {
        /// The body's.
        expected: u32,
        /// The header's.
        found: u32,
    },
    /// A transaction that L1 demands is missing, wrong or in the wrong place.
    #[error("transaction {index} is not the one that L1 demands there, {expected}")]
    Derived {
        /// Where it belongs.
        index: u32,
        /// What belongs there.
        expected: TransactionId,
    },
    /// More client transactions than the genesis allows.
    #[error("{found} client transactions, at most {max}")]
    TooManyTransactions {
        /// The genesis' limit.
        max: u32,
        /// The body's.
        found: usize,
    },
    /// More bytes of client transactions than the genesis allows.
    #[error("{found} bytes of client transactions, at most {max}")]
    TooManyBytes {
        /// The genesis' limit.
        max: u32,
        /// The body's.
        found: usize,
    },
    /// A client transaction breaks a rule.
    #[error("transaction {index}: {reason}")]
    Transaction {
        /// Which one.
        index: u32,
        /// Why.
        reason: TransactionRejected,
    },
    /// The root over the transactions differs.
    #[error("transactions root {found} where the body gives {expected}")]
    TransactionsRoot {
        /// Computed.
        expected: Hash,
        /// The header's.
        found: Hash,
    },
    /// The root over the history differs.
    #[error("history root {found} where the chain gives {expected}")]
    HistoryRoot {
        /// Computed.
        expected: Hash,
        /// The header's.
        found: Hash,
    },
    /// The commitment to the outputs differs.
    #[error("output commitment {found} where the ledger gives {expected}")]
    OutputCommitment {
        /// Computed.
        expected: Hash,
        /// The header's.
        found: Hash,
    },
}
