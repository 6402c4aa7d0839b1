//! One transaction at once, for tools: deployments, deposits and exits of test accounts.
//!
//! Nothing is journaled: when the process dies the transaction may or may not be mined. An operator's
//! duties go through [`super::sender`] instead.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    account::{Account, Call, Terms},
    error::L1Error,
    methods::{At, Receipt},
    rpc::Rpc,
    sender::limit_gas,
};

/// Sends a call and waits until it is mined.
///
/// # Errors
/// [`L1Error::Reverted`] when it cannot succeed; [`L1Error::MinedReverted`]; [`L1Error::StillPending`] when it is not
/// mined in time; [`L1Error`] of the endpoint.
pub async fn transact(rpc: &Rpc, account: &Account, call: &Call) -> Result<Receipt, L1Error> {
    let hash = submit(rpc, account, call).await?;
    let receipt = mined(rpc, &call.label, hash).await?;
    if !receipt.succeeded {
        return Err(L1Error::MinedReverted {
            call: call.label.clone(),
            transaction: hash,
        });
    }
    Ok(receipt)
}

/// Sends a call and returns its hash without waiting: several can then be mined in one block.
///
/// # Errors
/// As [`transact`], but for what happens after sending.
pub async fn submit(rpc: &Rpc, account: &Account, call: &Call) -> Result<plasma_core::Hash, L1Error> {
    let from = account.address();
    let gas = limit_gas(call, rpc.gas(from, call).await?)?;
    let terms = Terms {
        nonce: rpc.nonce(from, At::Pending).await?,
        gas,
        fees: rpc.fees().await?,
    };
    let signed = account.sign(call, &terms)?;
    rpc.send_raw(&signed.raw).await?;
    Ok(signed.hash)
}

/// Waits for a receipt.
///
/// # Errors
/// [`L1Error::StillPending`] when it is not mined in time; [`L1Error`] of the endpoint.
pub async fn mined(rpc: &Rpc, label: &str, hash: plasma_core::Hash) -> Result<Receipt, L1Error> {
    let start = Instant::now();
    while start.elapsed() < WAIT_MAX {
        if let [Some(receipt)] = rpc.receipts(&[hash]).await?.as_slice() {
            return Ok(*receipt);
        }
        tokio::time::sleep(POLL).await;
    }
    let waited_ms = u64::try_from(WAIT_MAX.as_millis()).unwrap_or(u64::MAX);
    Err(L1Error::StillPending {
        call: label.to_owned(),
        waited_ms,
    })
}

/// Ten blocks of Ethereum: a tool's user is waiting.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// A test chain mines within a second.
const POLL: Duration = Duration::from_millis(50);
