//! The rows, byte by byte. All integers are big-endian and of fixed width, so that the order of keys is
//! the order of what they name.
//!
//! | table | key | value |
//! |---|---|---|
//! | meta | `schema` | version of this table 4 |
//! | meta | `identity` | genesis hash 32 ‖ keccak of the BLS key 32 |
//! | meta | `tip` | height 4 ‖ block id 32 of the newest block |
//! | meta | `state` | `State::encode` after the newest block |
//! | meta | `log_fence` | number 8 of the last record that was on disk in the log at the newest commit; absent before |
//! | meta | `horizon` | lowest height 4 whose body is kept; absent while nothing was pruned |
//! | meta | `unfinished` | empty; there while an import has not ended well |
//! | outputs | position 9 | `OutputRecord::encode`, 141; kept for ever |
//! | owners | owner 20 ‖ position 9 | empty; a row per unspent output, exiting ones included |
//! | totals | asset 20 | sum of its unspent outputs 32; no row for zero |
//! | headers | height 4 | header 184 |
//! | bodies | height 4 | each transaction with its signature, as in the block |
//! | blocks | block id 32 | height 4 |
//! | transactions | transaction id 32 | height 4 ‖ index 4 |
//! | leaves | height 4 | history leaf 32 |
//! | certificates | height 4 | epoch 8 ‖ view 8 ‖ block id 32 ‖ bitmap 13 ‖ aggregate 96, 157 |
//! | exits | exit id 32 | `OpenExit::encode`; a row per open exit |
//! | deposits | deposit number 8 | `DepositFate::encode` |
//! | history | owner 20 ‖ place 8 ‖ turn 1 ‖ position 9 | deposit number 8 of a deposit, else empty; kept for ever |
//! | exit_turns | !height 4 ‖ exit id 32 | turn 1 (1 started, 2 changed, 3 ended) ‖ `OpenExit::encode`, as it was before its end; kept for ever |
//!
//! Position is block 4 ‖ transaction 4 ‖ output 1. A history's place is where something happened, in complement, so that the newest
//! comes first: !height 4 ‖ !(0 for what Ethereum did, else index + 1) 4; turns are 1 received, 2 deposited, 3 sent, 4 exited,
//! 5 reclaimed. A certificate's bitmap has the width of the largest
//! committee, whatever the epoch's. The encodings named here are fixed in `core`; changing any byte
//! of a row needs a new [`VERSION`].

use plasma_core::{
    Address, Amount, BlockId, Certificate, DepositNumber, Hash, Header, Height, OutputRecord, Position,
    SignedTransaction,
};

use crate::wal::Lsn;

/// Version of the rows.
pub(super) const VERSION: u32 = 3;

/// One ordered set of rows.
#[expect(missing_docs, reason = "the table above says what each holds")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Meta,
    Outputs,
    Owners,
    Totals,
    Headers,
    Bodies,
    Blocks,
    Transactions,
    Leaves,
    Certificates,
    Exits,
    Deposits,
    History,
    ExitTurns,
}

impl Table {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 14] = [
        Self::Meta,
        Self::Outputs,
        Self::Owners,
        Self::Totals,
        Self::Headers,
        Self::Bodies,
        Self::Blocks,
        Self::Transactions,
        Self::Leaves,
        Self::Certificates,
        Self::Exits,
        Self::Deposits,
        Self::History,
        Self::ExitTurns,
    ];

    /// Its name in an engine that names tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Outputs => "outputs",
            Self::Owners => "owners",
            Self::Totals => "totals",
            Self::Headers => "headers",
            Self::Bodies => "bodies",
            Self::Blocks => "blocks",
            Self::Transactions => "transactions",
            Self::Leaves => "leaves",
            Self::Certificates => "certificates",
            Self::Exits => "exits",
            Self::Deposits => "deposits",
            Self::History => "history",
            Self::ExitTurns => "exit_turns",
        }
    }
}

/// Key of [`VERSION`] in meta.
pub(super) const SCHEMA: &[u8] = b"schema";
/// Key of the identity in meta.
pub(super) const IDENTITY: &[u8] = b"identity";
/// Key of the newest height and block in meta.
pub(super) const TIP: &[u8] = b"tip";
/// Key of the ledger's state in meta.
pub(super) const STATE: &[u8] = b"state";

/// Key of the log's fence in meta.
pub(super) const LOG_FENCE: &[u8] = b"log_fence";
/// Key of the lowest height whose body is kept, in meta.
pub(super) const HORIZON: &[u8] = b"horizon";
/// Key of the mark of an import that has not ended well, in meta.
pub(super) const UNFINISHED: &[u8] = b"unfinished";

/// Whether a meta row is about the operator and not about the chain: such a row goes with no archive.
pub(super) fn is_own(key: &[u8]) -> bool {
    key == IDENTITY || key == LOG_FENCE
}

/// owner 20 ‖ position 9.
pub(super) fn owner_key(owner: &Address, position: &Position) -> Vec<u8> {
    [&owner.0[..], &position.to_bytes()].concat()
}

/// The position in an owner's key.
pub(super) fn position_of_owner_key(key: &[u8]) -> Option<Position> {
    position(key.get(20..)?)
}

/// position 9.
pub(super) fn position(bytes: &[u8]) -> Option<Position> {
    Some(Position::from_bytes(bytes.try_into().ok()?))
}

/// height 4.
pub(super) fn height_key(height: Height) -> [u8; 4] {
    height.0.to_be_bytes()
}

/// A height back.
pub(super) fn height(bytes: &[u8]) -> Option<Height> {
    Some(Height(u32::from_be_bytes(bytes.try_into().ok()?)))
}

/// number 8.
pub(super) fn deposit_key(number: DepositNumber) -> [u8; 8] {
    number.0.to_be_bytes()
}

/// A deposit's number back.
pub(super) fn deposit(bytes: &[u8]) -> Option<DepositNumber> {
    Some(DepositNumber(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// height 4 ‖ block id 32.
pub(super) fn encode_tip(height: Height, block: BlockId) -> Vec<u8> {
    [&height.0.to_be_bytes()[..], &block.0.0].concat()
}

/// A tip back.
pub(super) fn decode_tip(bytes: &[u8]) -> Option<(Height, BlockId)> {
    let (number, block) = bytes.split_at_checked(4)?;
    Some((height(number)?, BlockId(hash(block)?)))
}

/// height 4 ‖ index 4.
pub(super) fn encode_place(height: Height, index: u32) -> Vec<u8> {
    [height.0.to_be_bytes(), index.to_be_bytes()].concat()
}

/// A transaction's place back.
pub(super) fn decode_place(bytes: &[u8]) -> Option<(Height, u32)> {
    let (number, index) = bytes.split_at_checked(4)?;
    Some((height(number)?, u32::from_be_bytes(index.try_into().ok()?)))
}

/// Each transaction with its signature, in order.
pub(super) fn encode_body(body: &[SignedTransaction]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.iter().map(SignedTransaction::encoded_len).sum());
    for transaction in body {
        bytes.extend_from_slice(&transaction.encode());
    }
    bytes
}

/// Exactly as many transactions as the header announces.
pub(super) fn decode_body(header: &Header, mut bytes: &[u8]) -> Option<Vec<SignedTransaction>> {
    let mut body = Vec::new();
    for _ in 0..header.transaction_count {
        let (transaction, rest) = SignedTransaction::decode_prefix(bytes).ok()?;
        body.push(transaction);
        bytes = rest;
    }
    bytes.is_empty().then_some(body)
}

/// A certificate.
pub(super) fn encode_certificate(certificate: &Certificate) -> Vec<u8> {
    certificate.to_bytes()
}

/// A certificate back.
pub(super) fn decode_certificate(bytes: &[u8]) -> Option<Certificate> {
    Certificate::from_bytes(bytes)
}

/// An amount of 32 bytes.
pub(super) fn amount(bytes: &[u8]) -> Option<Amount> {
    Some(Amount::from_be_bytes::<32>(bytes.try_into().ok()?))
}

/// A number of the log's of 8 bytes.
pub(super) fn lsn(bytes: &[u8]) -> Option<Lsn> {
    Some(Lsn(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// A hash of 32 bytes.
pub(super) fn hash(bytes: &[u8]) -> Option<Hash> {
    Some(Hash(bytes.try_into().ok()?))
}

/// An address of 20 bytes.
pub(super) fn address(bytes: &[u8]) -> Option<Address> {
    Some(Address(bytes.try_into().ok()?))
}

/// A record of 141 bytes.
pub(super) fn output(bytes: &[u8]) -> Option<OutputRecord> {
    OutputRecord::decode(bytes)
}
