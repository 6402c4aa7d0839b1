//! What a block changes: the only thing that storage ever writes.
//!
//! Outputs are never forgotten, only their fate changes, because an output of any age can be exited on L1
//! and the federation must then name who spent it.

mod record;
mod state;

use std::collections::BTreeMap;

pub use record::{DepositFate, Fate, OpenExit, Output, OutputRecord, Spender};
pub(crate) use record::{in_flight, in_flight_of_nothing};
pub use state::State;

use crate::{BlockId, DepositNumber, ExitId, Hash, Height, Position, TransactionId};

/// The whole effect of one block on the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Height of the block.
    pub height: Height,
    /// Id of the block.
    pub block: BlockId,
    /// Outputs created or changed, each with its full record.
    pub outputs: BTreeMap<Position, OutputRecord>,
    /// Exits opened or changed; `None` for those that ended.
    pub exits: BTreeMap<ExitId, Option<OpenExit>>,
    /// Deposits funded or reclaimed.
    pub deposits: BTreeMap<DepositNumber, DepositFate>,
    /// Ids of the block's transactions with their indices, in order.
    pub transactions: Vec<(TransactionId, u32)>,
    /// History leaf of this height.
    pub leaf: Hash,
    /// What the next block is applied to.
    pub state: State,
}
