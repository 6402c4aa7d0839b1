//! What a reader of events asks for: topics, and the place from which it goes on.

use std::str::FromStr;

use plasma_core::{Address, Height, TransactionId};

use super::super::text::{AddressText, HashText, TextError};

/// What one reader follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topics {
    pub(super) blocks: bool,
    pub(super) l1: bool,
    pub(super) consensus: bool,
    pub(super) alerts: bool,
    pub(super) transactions: Vec<TransactionId>,
    pub(super) addresses: Vec<Address>,
}

impl FromStr for Topics {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let mut topics = Self::default();
        for (number, topic) in text.split(',').enumerate() {
            if number >= TOPICS_MAX {
                return Err(TextError("at most 32 topics"));
            }
            match topic.split_once(':') {
                None => match topic {
                    "blocks" => topics.blocks = true,
                    "l1" => topics.l1 = true,
                    "consensus" => topics.consensus = true,
                    "alerts" => topics.alerts = true,
                    _ => return Err(TextError(TOPICS)),
                },
                Some(("tx", id)) => topics.transactions.push(TransactionId(id.parse::<HashText>()?.0)),
                Some(("address", address)) => topics.addresses.push(address.parse::<AddressText>()?.0),
                Some(_) => return Err(TextError(TOPICS)),
            }
        }
        Ok(topics)
    }
}

/// How far a reader was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The block whose events come next.
    pub(super) height: Height,
    /// So many of them were told.
    pub(super) told: u32,
    /// Anchors up to this number were told as mined.
    pub(super) anchored: u64,
    /// And up to this one as final.
    pub(super) settled: u64,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            height,
            told,
            anchored,
            settled,
        } = self;
        write!(f, "{height}.{told}.{anchored}.{settled}")
    }
}

impl FromStr for Mark {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let parse = || {
            let mut parts = text.split('.');
            let mark = Self {
                height: Height(parts.next()?.parse().ok()?),
                told: parts.next()?.parse().ok()?,
                anchored: parts.next()?.parse().ok()?,
                settled: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(mark)
        };
        parse().ok_or(TextError("the id of an event that was told before"))
    }
}

/// For hints.
pub(super) const TOPICS: &str =
    "topics are blocks, l1, alerts, consensus, tx:0x… and address:0x…, with commas between";

/// For hints.
pub(super) const MARKS: &str =
    "take the id of an event of this stream, or leave it out to hear what comes from now on";

/// Topics of one reader: an exchange follows more addresses by blocks.
const TOPICS_MAX: usize = 32;
