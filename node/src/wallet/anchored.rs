//! How far a payment got on Ethereum, on Ethereum's own word.

use plasma_core::{L1Height, Receipt};
use tokio::time::Instant;

use super::{
    Purse, WalletError,
    pay::Paid,
    purse::{Ethereum, Person},
};
use crate::bridge::{Anchored, contracts::LOOKBACK};

/// How far a payment must get before its sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// In a block that a quorum has signed.
    Committed,
    /// Covered by an anchor on Ethereum.
    Anchored,
    /// Covered by an anchor at the confirmation depth.
    Finalized,
}

impl Level {
    /// All of them, each further than the one before.
    pub const ALL: [Self; 3] = [Self::Committed, Self::Anchored, Self::Finalized];

    /// Its name in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Anchored => "anchored",
            Self::Finalized => "finalized",
        }
    }
}

impl<P: Person> Purse<P> {
    /// Whether anchors can be seen at all: asked before anything is signed for whoever wants to wait for one.
    ///
    /// # Errors
    /// [`WalletError::Usage`] when no Ethereum endpoint was named.
    pub fn can_see_anchors(&self) -> Result<(), WalletError> {
        self.ethereum().map(drop)
    }

    /// Ethereum's clock.
    ///
    /// # Errors
    /// [`WalletError::Usage`] when no Ethereum endpoint was named; [`WalletError::L1`].
    pub async fn ethereum_now_s(&self) -> Result<u64, WalletError> {
        Ok(self.ethereum()?.rpc.newest().await?.timestamp_s)
    }

    /// Waits until all payments got so far.
    ///
    /// # Errors
    /// [`WalletError::Waiting`] when they do not in time; they stay committed, and the same command waits again.
    pub async fn reached(&self, paid: &Paid, level: Level) -> Result<(), WalletError> {
        let depth = match level {
            Level::Committed => return Ok(()),
            Level::Anchored => 0,
            Level::Finalized => self.genesis.confirmations,
        };
        let ethereum = self.ethereum()?;
        let end = Instant::now() + self.patience.ethereum;
        for payment in &paid.payments {
            let receipt = self.receipts.payment(payment.id)?.ok_or_else(|| {
                WalletError::Missing(format!(
                    "the receipt of payment {} is not in this wallet",
                    payment.id
                ))
            })?;
            loop {
                let anchor = covering(&ethereum, &receipt, self.genesis.deployment.height, depth).await?;
                if let Some(anchor) = anchor {
                    let (id, word) = (payment.id, level.word());
                    self.person
                        .tell(&format!("payment {id} is {word} by anchor {}", anchor.number));
                    break;
                }
                if Instant::now() >= end {
                    return Err(WalletError::Waiting(format!(
                        "payment {} is committed, and not {} after {} s",
                        payment.id,
                        level.word(),
                        self.patience.ethereum.as_secs()
                    )));
                }
                tokio::time::sleep(self.patience.poll).await;
            }
        }
        Ok(())
    }
}

/// The first anchor that covers a receipt's block, when it lies under so many blocks of Ethereum; looked for from the
/// block's L1 origin on.
pub(super) async fn covering(
    ethereum: &Ethereum,
    receipt: &Receipt,
    deployed: L1Height,
    depth: u32,
) -> Result<Option<Anchored>, WalletError> {
    let head = ethereum.rpc.newest().await?.height;
    let head = L1Height(head.0.saturating_sub(depth.into()));
    let mut from = receipt.l1_height.max(deployed);
    for _ in 0..LOOKS_MAX {
        if from > head {
            break;
        }
        let to = L1Height(from.0.saturating_add(LOOKBACK - 1)).min(head);
        let anchors = ethereum.contracts.anchors(&ethereum.rpc, from..=to).await?;
        let covers = |anchor: &Anchored| anchor.previous < receipt.height && receipt.height <= anchor.height;
        if let Some(found) = anchors.into_iter().find(covers) {
            return Ok(Some(found));
        }
        from = L1Height(to.0.saturating_add(1));
    }
    Ok(None)
}

/// Ten million blocks of Ethereum, four years: nobody waits longer with an exit.
const LOOKS_MAX: u32 = 10_000;
