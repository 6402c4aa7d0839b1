//! Where outputs lie under the first anchor that covers them, as Ethereum is shown it: out of what the wallet keeps, with
//! the help of operators or without any.

use plasma_core::{Address, Height, Position, Receipt, TransactionId};

use super::{
    Purse, WalletError, anchored,
    exit::Help,
    inclusion,
    purse::{Ethereum, Person},
};
use crate::{
    api::text::AddressText,
    bridge::{Anchored, convert::Inclusion},
    client::{Client, ClientError},
};

impl<P: Person> Purse<P> {
    /// Where an output lies that an account owns.
    ///
    /// # Errors
    /// [`WalletError::Refused`] when it is another's; [`WalletError::Missing`] names what is not there.
    pub(super) async fn place(
        &self,
        ethereum: &Ethereum,
        owner: Address,
        output: Position,
        help: Help,
    ) -> Result<Inclusion, WalletError> {
        let receipt = self.receipts.output(output)?.ok_or_else(|| {
            WalletError::Missing(format!(
                "no receipt of output {output} is in this wallet; while an operator lives, plasma wallet balance gathers it"
            ))
        })?;
        let payments = &receipt.transaction.transaction.outputs;
        let payment = payments.get(usize::from(output.output));
        if payment.is_none_or(|payment| payment.owner != owner) {
            return Err(WalletError::Refused(format!(
                "output {output} is not owned by {}",
                AddressText(owner)
            )));
        }
        if help == Help::Operators {
            self.gather_exit(ethereum, output).await?;
        }
        if let Some(data) = self.receipts.exit(output)? {
            let kept = inclusion::from_operator(&data, &receipt).map_err(WalletError::Missing)?;
            let held = self.anchor_over(ethereum, &receipt).await;
            let Ok(Some(held)) = held else {
                return Ok(kept);
            };
            // Since it was gathered Ethereum may have taken the anchor back, and mined it elsewhere, at another time.
            if let Some(found) = inclusion::under(&receipt, kept.receipt.history_proof, held) {
                return Ok(found);
            }
        }
        self.own_place(ethereum, &receipt).await
    }

    /// Asks for the receipt of the transaction that made an output, whoever owns it, where none is kept.
    ///
    /// # Errors
    /// [`WalletError::Client`] when no operator shows one.
    pub(super) async fn fetch_receipt(&self, output: Position) -> Result<(), WalletError> {
        if self.receipts.output(output)?.is_some() {
            return Ok(());
        }
        let asked = async |client: &Client| {
            let id = TransactionId(client.output(output).await?.created_by.0);
            let receipt = self.receipt_from(client, id).await?;
            if (receipt.height, receipt.index) == (output.block, output.transaction) {
                return Ok(receipt);
            }
            Err(ClientError::Untrue {
                operator: client.operator().to_owned(),
                reason: format!("it says that {id} made output {output}, and its receipt says otherwise"),
            })
        };
        let receipt = self.operators()?.ask(asked).await?;
        self.receipts.keep_output(output, &receipt)
    }

    /// The first anchor over a receipt's block that Ethereum holds.
    async fn anchor_over(
        &self,
        ethereum: &Ethereum,
        receipt: &Receipt,
    ) -> Result<Option<Anchored>, WalletError> {
        anchored::covering(ethereum, receipt, self.genesis.deployment.height, 0).await
    }

    /// The same without anybody's help: the anchor from Ethereum, the way to it from what the wallet keeps.
    async fn own_place(&self, ethereum: &Ethereum, receipt: &Receipt) -> Result<Inclusion, WalletError> {
        let anchor = self
            .anchor_over(ethereum, receipt)
            .await?
            .ok_or_else(|| {
                WalletError::Missing(format!(
                    "no anchor on Ethereum covers block {} yet; an exit needs one. When the federation anchors no more, its \
                     silence can be announced and its payments shown in flight (plasma wallet exit payment)",
                    receipt.height
                ))
            })?;
        let header = |height: Height| self.receipts.header(height).ok().flatten();
        inclusion::from_headers(receipt, anchor, header).map_err(|height| {
            WalletError::Missing(if height == Height(0) {
                format!(
                    "what this wallet keeps of block {} does not lead to anchor {}",
                    receipt.height, anchor.number
                )
            } else {
                format!(
                    "the header of block {height} is not in this wallet: anchor {} is over block {}, and the way from block \
                     {} leads through all headers between. Any operator, or anybody who kept the blocks, can give it",
                    anchor.number, anchor.height, receipt.height
                )
            })
        })
    }
}
