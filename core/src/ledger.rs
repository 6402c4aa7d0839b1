//! The ledger: a parent's state, a block, the L1 events of its origin and the outputs it reads give a
//! [`Delta`](crate::Delta), or the first rule that is broken.
//!
//! Pure, deterministic and total. [`apply`] judges a block and [`build`] makes one, through the same
//! [`draft`](self), so they cannot disagree. Events of L1 are facts: none of them makes a block invalid, and
//! one that contradicts the ledger (a second start of an exit, a deposit number seen before) changes nothing.
//! Source: `docs/protocol.md` sections 2, 4, 5 and 6.

mod apply;
mod broken;
mod draft;
mod facts;
mod payment;
mod reads;

use std::collections::BTreeMap;

pub use apply::{Built, NewBlock, apply, build};
pub use broken::{Broken, TransactionRejected};
pub use payment::check_transaction;
pub use reads::{Reads, Wanted, gather, wanted};

use crate::{Address, Amount, Domain};

/// The rules that a genesis document sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Which deployment signatures are about.
    pub domain: Domain,
    /// Most client transactions in a block.
    pub transactions_max: u32,
    /// Most bytes of client transactions in a block.
    pub bytes_max: u32,
    /// Who receives fees; nobody asks for them when absent.
    pub fee_owner: Option<Address>,
    /// The least fee per asset; an asset that is not named pays none.
    pub fees: BTreeMap<Address, Amount>,
    /// Whether split and merge are accepted: their signatures name no chain.
    pub legacy_transactions: bool,
}
