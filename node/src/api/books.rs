//! What is written down beside the ledger while the operator runs: the runtime writes, the doors and duties read.

use super::{Alerts, AnchorBook, Arrivals, reserves::Reserves};
use crate::runtime::l1::Docket;

/// All of it. Clones share it; after a restart it is read of Ethereum, and found out, again.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// The anchors.
    pub anchors: AnchorBook,
    /// Claims that are open.
    pub docket: Docket,
    /// Deposits on their way.
    pub arrivals: Arrivals,
    /// What the vault holds.
    pub reserves: Reserves,
    /// What the operator's people must look at.
    pub alerts: Alerts,
}
