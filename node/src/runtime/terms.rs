//! What storage says and no header commits to, but Ethereum knows: it is compared before anything rests on it, because the rows
//! may have come from others.

use std::{collections::BTreeMap, ops::RangeInclusive};

use plasma_core::{Epoch, Height, L1Height, State};

use crate::{
    bridge::{L1Error, ethereum::Ethereum},
    storage::{Read, StorageError},
};

/// When epochs ended on Ethereum, and how far the chain counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The highest height that counts.
    pub last_valid: Height,
    /// The L1 blocks that activated the successors of these epochs.
    pub ended: BTreeMap<Epoch, L1Height>,
}

/// Why a state is not of this chain.
#[derive(Debug, thiserror::Error)]
pub enum Untrue {
    /// What it says, and what Ethereum says.
    #[error("it says {0}")]
    Says(String),
    /// The headers cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Terms {
    /// Asks how these epochs ended.
    ///
    /// # Errors
    /// [`L1Error`] of the endpoint.
    pub async fn ask(ethereum: &Ethereum, epochs: RangeInclusive<u64>) -> Result<Self, L1Error> {
        let (contracts, rpc) = (ethereum.contracts(), ethereum.rpc());
        let mut ended = BTreeMap::new();
        for epoch in epochs.map(Epoch) {
            let sealed_at = contracts.sealed_at(rpc, epoch).await?;
            ended.extend(sealed_at.map(|at| (epoch, at)));
        }
        let last_valid = contracts.latest(rpc).await?.last_valid;
        Ok(Self { last_valid, ended })
    }

    /// Whether a state can be what the ledger says after its block. The ends of its epoch and of the one before were asked for.
    ///
    /// # Errors
    /// [`Untrue`].
    pub fn check<R: Read>(&self, state: &State, reader: &R) -> Result<(), Untrue> {
        let origin = state.header.l1_height;
        let epoch = state.epoch.0;
        let began = epoch
            .checked_sub(1)
            .and_then(|before| self.ended.get(&Epoch(before)));
        let says = |words: String| Err(Untrue::Says(words));
        if let Some(halted) = state.halted.filter(|halted| *halted < self.last_valid) {
            return says(format!(
                "that the chain was halted above height {halted}, and Ethereum knows of no such halt"
            ));
        }
        if epoch > 0 && began.is_none_or(|began| *began > origin) {
            return says(format!(
                "that epoch {epoch} runs at the L1 block {origin}, and Ethereum began it later or never"
            ));
        }
        if let Some(ended) = self.ended.get(&state.epoch).filter(|ended| **ended <= origin) {
            return says(format!(
                "that epoch {epoch} runs at the L1 block {origin}, and Ethereum ended it at {ended}"
            ));
        }
        let sealing = match began {
            None => Height(0),
            Some(began) => first_from(reader, *began, state.header.height)?,
        };
        let found = reader.header(sealing)?.map(|header| header.id());
        if found != Some(state.sealed) {
            return says(format!(
                "that block {} sealed the epoch before {epoch}, and by Ethereum it was the block at height {sealing}",
                state.sealed
            ));
        }
        Ok(())
    }
}

/// The lowest height whose L1 origin is this block or a later one; origins never go back.
fn first_from<R: Read>(reader: &R, origin: L1Height, tip: Height) -> Result<Height, StorageError> {
    let (mut low, mut high) = (0, tip.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let header = reader.header(Height(middle))?;
        if header.is_some_and(|header| header.l1_height >= origin) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Height(low))
}
