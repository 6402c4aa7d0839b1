//! What the write-ahead log holds of an operator: the engine's records, encoded blocks, and what it found out about others.

use plasma_consensus::Evidence;
use plasma_core::Epoch;

use crate::{
    operator::{case::Case, effect::Record},
    wal,
};

/// Kind of a log record that the engine wrote.
pub const LOG_CONSENSUS: u8 = 1;
/// Kind of a log record that holds an encoded block.
pub const LOG_BODY: u8 = 2;
/// Kind of a log record that holds an invalid block that a quorum finalized.
pub const LOG_CASE: u8 = 3;
/// Kind of a log record that holds two votes in which an operator contradicted itself.
pub const LOG_CONTRADICTION: u8 = 4;

/// The log's form of a record.
#[must_use]
pub fn write_record(record: &Record, operators: usize) -> wal::Record {
    match record {
        Record::Consensus(record) => wal::Record {
            epoch: record.epoch(),
            kind: LOG_CONSENSUS,
            content: record.encode(operators),
        },
        Record::Body(bytes) => wal::Record {
            epoch: Epoch(0),
            kind: LOG_BODY,
            content: bytes.to_vec(),
        },
        Record::Case(case) => wal::Record {
            epoch: Epoch(0),
            kind: LOG_CASE,
            content: case.encode(operators),
        },
        Record::Contradiction(votes) => wal::Record {
            epoch: votes[0].epoch,
            kind: LOG_CONTRADICTION,
            content: Evidence::encode(votes),
        },
    }
}

/// A record back from the log; `None` when this program does not know it.
#[must_use]
pub fn read_record(record: &wal::Record, operators: usize) -> Option<Record> {
    match record.kind {
        LOG_CONSENSUS => plasma_consensus::Record::decode(&record.content, operators)
            .ok()
            .map(Record::Consensus),
        LOG_BODY => Some(Record::Body(record.content.clone().into())),
        LOG_CASE => Case::decode(&record.content, operators).map(|case| Record::Case(case.into())),
        LOG_CONTRADICTION => Evidence::decode(&record.content, operators)
            .ok()
            .map(|votes| Record::Contradiction(votes.into())),
        _ => None,
    }
}
