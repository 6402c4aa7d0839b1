//! What a snapshot says of deposits, held against the vault's own records. They never change but when a deposit goes back, so what
//! Ethereum says today tells how they stood at the snapshot's origin.

use std::time::Duration;

use plasma_core::{DepositNumber, L1Height};
use tracing::debug;

use crate::{
    bridge::{L1Error, contracts::DepositRecord, ethereum::Ethereum},
    storage::check::Heard,
};

use super::Refused;

/// Between two attempts to reach Ethereum.
const PAUSE: Duration = Duration::from_secs(2);
/// Attempts for one question: with their pauses a minute at most, and a snapshot that was fetched is worth it.
const ATTEMPTS: u32 = 30;

/// Who keeps the records of deposits.
pub trait Vault: Sync {
    /// The record of one, `None` when there is none.
    fn deposit(
        &self,
        number: DepositNumber,
    ) -> impl Future<Output = Result<Option<DepositRecord>, L1Error>> + Send;
}

impl Vault for Ethereum {
    async fn deposit(&self, number: DepositNumber) -> Result<Option<DepositRecord>, L1Error> {
        self.contracts().deposit(self.rpc(), number).await
    }
}

/// Whether the ledger can have heard of exactly these deposits at an origin. One too many would never be credited, one too few
/// would be credited twice, and one that went back would be another's.
pub(super) async fn check(vault: &impl Vault, heard: &Heard, origin: L1Height) -> Result<(), Refused> {
    let untrue = |number: u64, says| Refused::Deposit { number, says };
    if let Some(last) = heard.count.checked_sub(1) {
        let record = patiently(vault, last).await?;
        if record.is_none_or(|record| record.l1_height > origin) {
            return Err(untrue(last, "was made later or never"));
        }
    }
    let next = patiently(vault, heard.count).await?;
    if next.is_some_and(|record| record.l1_height <= origin) {
        return Err(untrue(heard.count, "was made before"));
    }
    for number in &heard.reclaimed {
        let record = patiently(vault, number.0).await?;
        let went_back = record.and_then(|record| record.reclaimed_at);
        if went_back.is_none_or(|at| at > origin) {
            return Err(untrue(number.0, "went back later or never"));
        }
    }
    Ok(())
}

/// An endpoint that is away for a moment is no reason to fetch anew.
async fn patiently(vault: &impl Vault, number: u64) -> Result<Option<DepositRecord>, L1Error> {
    let mut attempt = 1;
    loop {
        match vault.deposit(DepositNumber(number)).await {
            Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                debug!(%error, number, "the vault is asked again");
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}
