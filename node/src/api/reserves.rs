//! What the vault on Ethereum holds, as it was read last.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use plasma_core::{Address, Amount, L1Height};

use super::{text::AmountText, view::AssetStats};

/// The last reading; the runtime writes, the doors read. No question of a client costs one of Ethereum.
#[derive(Clone, Debug, Default)]
pub struct Reserves(Arc<RwLock<Option<Arc<Reading>>>>);

/// What the vault held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The L1 origin of the blocks that this is compared with.
    pub origin: L1Height,
    /// After this L1 block: the origin, or a later one up to which Ethereum did nothing that the ledger follows.
    pub l1_height: L1Height,
    /// Per asset.
    pub held: BTreeMap<Address, Amount>,
}

impl Reserves {
    /// Notes a reading.
    pub fn note(&self, reading: Reading) {
        let mut last = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::new(reading));
    }

    /// The reading for blocks of this origin.
    #[must_use]
    pub fn of(&self, origin: L1Height) -> Option<Arc<Reading>> {
        let last = self.0.read().unwrap_or_else(PoisonError::into_inner);
        last.clone().filter(|reading| reading.origin == origin)
    }
}

impl Reading {
    /// What is held of an asset.
    pub(super) fn of(&self, asset: &Address) -> Amount {
        self.held.get(asset).copied().unwrap_or(Amount::ZERO)
    }

    /// Writes both sides of an asset.
    pub(super) fn compare(&self, stats: &mut AssetStats) {
        let (held, owed) = (self.of(&stats.asset.0), stats.unspent_total.0);
        stats.locked_on_l1 = Some(AmountText(held));
        stats.difference = Some(match held.checked_sub(owed) {
            Some(more) => more.to_string(),
            None => format!("-{}", owed.saturating_sub(held)),
        });
    }
}
