//! Durable sending: what an operator owes Ethereum is mined in the end, or it is said why not.
//!
//! One task owns the account's nonces. A transaction is estimated, signed and journaled before it is
//! sent; until it is mined below the confirmation depth it is sent again, with the same bytes or with
//! at least 13 % higher fees, and a reorganisation that drops it only starts that again. Asking twice
//! for the same call joins the first. Where nonces below what waits stay unused, it is given up and told so, for no
//! transaction behind a gap is ever mined; whoever needs it asks again. The task ends when every [`Sender`] is dropped; what is in the
//! journal then goes on after the next start.

mod desk;
mod gap;

use std::{path::PathBuf, sync::Arc, time::Duration};

use plasma_core::{Address, Hash, L1Height};
use tokio::sync::{mpsc, oneshot};

use self::desk::Desk;
use super::{
    account::{Account, Call},
    error::L1Error,
    rpc::Rpc,
};

/// A transaction of ours that had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mined {
    /// Its hash.
    pub transaction: Hash,
    /// Where; it may still be reorganised, then it is sent again.
    pub block: L1Height,
    /// What it used.
    pub gas_used: u64,
}

/// How a sender works.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// The nonce journal; in a folder that this process holds alone.
    pub journal: PathBuf,
    /// A mined transaction is final below this many blocks.
    pub confirmations: u32,
    /// How often Ethereum is asked about what is pending.
    pub poll: Duration,
    /// A transaction that waits longer is sent again with higher fees.
    pub bump_after: Duration,
    /// How long a caller waits for its transaction to be mined.
    pub wait: Duration,
    /// Most that one unit of gas may cost.
    pub fee_wei_max: u128,
}

/// The way to one account's sending task.
#[derive(Clone, Debug)]
pub struct Sender {
    queue: mpsc::Sender<Request>,
    account: Address,
    wait: Duration,
}

#[derive(Debug)]
struct Request {
    call: Call,
    reply: oneshot::Sender<Result<Mined, L1Error>>,
}

impl Sender {
    /// Opens the journal and starts the task; entries of an earlier run are sent again.
    ///
    /// # Errors
    /// [`L1Error::Journal`] when it cannot be read or belongs to another account.
    pub fn start(rpc: Arc<Rpc>, account: Account, config: SenderConfig) -> Result<Self, L1Error> {
        let (queue, requests) = mpsc::channel(REQUESTS_MAX);
        let sender = Self {
            queue,
            account: account.address(),
            wait: config.wait,
        };
        tokio::spawn(Desk::open(rpc, account, config)?.run(requests));
        Ok(sender)
    }

    /// Who pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.account
    }

    /// Sends a transaction and waits until it is mined. A caller who stops waiting changes nothing: what
    /// is in the journal stays there.
    ///
    /// # Errors
    /// [`L1Error::Reverted`] when it cannot succeed now and nothing was sent; [`L1Error::MinedReverted`];
    /// [`L1Error::StillPending`] when the wait is over; [`L1Error::QueueFull`]; [`L1Error`] of the endpoint.
    pub async fn send(&self, call: Call) -> Result<Mined, L1Error> {
        let label = call.label.clone();
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Request { call, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => L1Error::QueueFull {
                    waiting: REQUESTS_MAX,
                    account: self.account,
                },
                mpsc::error::TrySendError::Closed(_) => L1Error::Stopped,
            })?;
        match tokio::time::timeout(self.wait, answer).await {
            Ok(answer) => answer.unwrap_or(Err(L1Error::Stopped)),
            Err(_) => {
                let waited_ms = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
                Err(L1Error::StillPending {
                    call: label,
                    waited_ms,
                })
            }
        }
    }
}

/// The estimate and a quarter more, because the state moves until it is mined.
pub(crate) fn limit_gas(call: &Call, estimate: u64) -> Result<u64, L1Error> {
    if estimate > GAS_MAX {
        return Err(L1Error::GasLimit {
            call: call.label.clone(),
            gas: estimate,
            limit: GAS_MAX,
        });
    }
    Ok(estimate
        .saturating_add(estimate / 4)
        .saturating_add(GAS_MARGIN)
        .min(GAS_MAX))
}

/// EIP-7825 caps one transaction at 2^24 gas.
const GAS_MAX: u64 = 16_000_000;
/// Small calls vary by more than a quarter: one cold storage slot.
const GAS_MARGIN: u64 = 10_000;
/// Requests waiting while the task talks to Ethereum.
const REQUESTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Call, GAS_MAX, limit_gas};
    use plasma_core::Amount;

    #[test]
    fn gas_limits_have_a_margin_and_a_cap() {
        let call = Call {
            label: "x".to_owned(),
            to: None,
            value: Amount::ZERO,
            data: Vec::new(),
        };
        assert_eq!(limit_gas(&call, 100_000), Ok(135_000));
        assert_eq!(limit_gas(&call, GAS_MAX - 1), Ok(GAS_MAX));
        assert!(limit_gas(&call, GAS_MAX + 1).is_err());
    }
}
