//! Whether others have heard an operator vote: its name stands under a certificate that they hold.

use anyhow::Result;

use crate::api::Api;

/// Looks for votes of one operator in the certificates of another one.
#[derive(Debug)]
pub(super) struct Ballot {
    voter: u16,
    /// Votes of this view and before may have been given in an earlier life.
    old_view: u64,
    next: u32,
}

impl Ballot {
    /// Opened after the voter died: what it said before is in views up to the one that runs, or on its way to the next.
    pub(super) async fn open(witness: &Api, voter: usize) -> Result<Self> {
        let status = witness.status().await?;
        Ok(Self {
            voter: u16::try_from(voter)?,
            old_view: status.consensus.view.saturating_add(1),
            next: status.height.saturating_add(1),
        })
    }

    /// Whether a vote of the new life is under a certificate that is new since the last look.
    pub(super) async fn look(&mut self, witness: &Api) -> Result<bool> {
        let height = witness.status().await?.height;
        while self.next <= height {
            let block = witness.block(self.next).await?;
            // A block decided by a later one's certificate is there a moment before that certificate.
            let Some(certificate) = block.certificate else {
                return Ok(false);
            };
            if certificate.view > self.old_view && certificate.signers.contains(&self.voter) {
                return Ok(true);
            }
            self.next += 1;
        }
        Ok(false)
    }
}
