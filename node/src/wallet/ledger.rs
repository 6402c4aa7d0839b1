//! What an account owns in the ledger: as operators list it, and as far as receipts prove it.
//!
//! Every look also gathers what an exit will need ([`super::gather`]).

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{Address, Amount, Position, Receipt, TransactionId};

use super::{Purse, WalletError, book::Call, purse::Person};
use crate::choice::Coin;
use crate::{
    api::view::{HistoryItem, OutputStatus, OutputView, StatusView},
    client::{Client, ClientError, Untrue},
};

/// An output of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// As an operator lists it; that it is unspent is its word.
    pub output: OutputView,
    /// Whether a receipt in the wallet proves that it was made.
    pub is_proven: bool,
    /// Whether the wallet has all that an exit takes.
    pub can_leave: bool,
    /// Whether a payment or exit of this wallet holds it.
    pub is_reserved: bool,
}

/// What an account has of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// What can be spent now.
    pub available: Amount,
    /// In payments and exits of this wallet that are under way.
    pub reserved: Amount,
    /// Locked by an open exit.
    pub exiting: Amount,
    /// In outputs that no receipt proves.
    pub unproven: Amount,
    /// How many outputs.
    pub outputs: usize,
}

impl<P: Person> Purse<P> {
    /// All outputs of an account, the oldest first, with what was gathered of them.
    ///
    /// # Errors
    /// [`WalletError::Client`] when no operator lists them; [`WalletError::Store`].
    pub async fn holdings(&mut self, owner: Address) -> Result<Vec<Holding>, WalletError> {
        let listed = self
            .operators()?
            .ask(async |client| client.outputs_of(owner).await)
            .await?;
        self.let_expire().await?;
        let reserved = self.book().reserved();
        let mut holdings = Vec::with_capacity(listed.len());
        let mut seen = BTreeSet::new();
        let (mut unproven, mut unasked) = (0, 0);
        for output in listed {
            let position = output.output.0;
            // Twice in one payment it would be refused by everybody, and reserved for ever.
            if !seen.insert(position) {
                self.person
                    .tell(&format!("output {position} is listed twice, and is there once"));
                continue;
            }
            // Who lists what is not there must not have everybody asked of it for ever.
            let is_kept = matches!(self.receipts.output(position), Ok(Some(_)));
            if unproven >= UNPROVEN_MAX && !is_kept {
                unasked += 1;
                continue;
            }
            let created_by = match self.proven(&output, owner).await {
                Ok(id) => Some(id),
                Err(error @ (WalletError::Client(_) | WalletError::Refused(_))) => {
                    self.person.tell(&format!(
                        "output {position} is not used, for nothing proves it: {error}"
                    ));
                    unproven += 1;
                    None
                }
                Err(error) => return Err(error),
            };
            let is_claimed = match created_by {
                Some(id) => self.is_claimed(id, position.output, owner).await,
                None => false,
            };
            holdings.push(Holding {
                is_proven: created_by.is_some(),
                can_leave: false,
                is_reserved: reserved.contains(&position) || is_claimed,
                output,
            });
        }
        if unasked > 0 {
            self.person.tell(&format!(
                "{unasked} outputs more are listed and were not looked at, for nothing proves {unproven} of those before; name \
                 another operator first"
            ));
        }
        self.gather(&mut holdings).await?;
        Ok(holdings)
    }

    /// Whether an output of a payment is claimed in an exit in flight that is open: operators know it only when Ethereum
    /// confirms it. In doubt it is, for who spends it would lose the bond.
    pub(super) async fn is_claimed(&self, payment: TransactionId, output: u8, owner: Address) -> bool {
        let Some(exit) = self.flight_of(owner, payment) else {
            return false;
        };
        let Some(ethereum) = &self.ways.ethereum else {
            return true;
        };
        let open = ethereum.contracts.in_flight_exit(&ethereum.rpc, &exit).await;
        match open {
            Ok(Some(open)) => open.claims_output(output) || self.has_fresh_calls(owner, payment),
            // It has ended, or this endpoint has not seen it yet.
            Ok(None) => self.has_fresh_calls(owner, payment),
            Err(_) => true,
        }
    }

    /// Whether calls for a payment in flight were signed that Ethereum may not show yet.
    fn has_fresh_calls(&self, owner: Address, payment: TransactionId) -> bool {
        let mut flights = self.book().flights(owner, payment);
        flights.any(|(_, action)| action.calls.iter().any(Call::stands))
    }

    /// What happened to the outputs of an account, the newest first, as one operator tells it.
    ///
    /// # Errors
    /// [`WalletError::Client`].
    pub async fn history(&self, owner: Address, most: usize) -> Result<Vec<HistoryItem>, WalletError> {
        let asked = async |client: &Client| client.history_of(owner, most).await;
        Ok(self.operators()?.ask(asked).await?)
    }

    /// How the first operator that answers sees itself.
    ///
    /// # Errors
    /// [`WalletError::Client`].
    pub async fn status(&self) -> Result<StatusView, WalletError> {
        Ok(self
            .operators()?
            .ask(async |client| client.status().await)
            .await?)
    }

    /// The verified receipt of a transaction.
    ///
    /// # Errors
    /// [`WalletError::Client`]; an answer that does not convince is an error like none.
    pub(super) async fn receipt(&self, id: TransactionId) -> Result<Receipt, WalletError> {
        let asked = async |client: &Client| self.receipt_from(client, id).await;
        Ok(self.operators()?.ask(asked).await?)
    }

    /// The same of one operator.
    pub(super) async fn receipt_from(
        &self,
        client: &Client,
        id: TransactionId,
    ) -> Result<Receipt, ClientError> {
        let shown = client.proof(id).await?;
        judged(client, self.ways.witness.proof(&shown, id).await)
    }

    /// Keeps the receipt under every output of the transaction that an owner has.
    pub(super) fn keep(&self, receipt: &Receipt, owner: Address) -> Result<Vec<Position>, WalletError> {
        let mut kept = Vec::new();
        for (output, payment) in (0u8..).zip(&receipt.transaction.transaction.outputs) {
            if payment.owner == owner {
                let position = Position {
                    block: receipt.height,
                    transaction: receipt.index,
                    output,
                };
                self.receipts.keep_output(position, receipt)?;
                kept.push(position);
            }
        }
        Ok(kept)
    }

    /// Makes sure that a receipt proves an output, and that it is what the operator says; the transaction that made it.
    async fn proven(&self, output: &OutputView, owner: Address) -> Result<TransactionId, WalletError> {
        let position = output.output.0;
        // A damaged file is as none: what is asked for again takes its place.
        let receipt = match self.receipts.output(position) {
            Ok(Some(receipt)) => receipt,
            _ => {
                let receipt = self.receipt(TransactionId(output.created_by.0)).await?;
                self.keep(&receipt, owner)?;
                receipt
            }
        };
        if describes(&receipt, output, owner) {
            // What the operator says of that may be anything.
            Ok(receipt.transaction.id())
        } else {
            Err(WalletError::Refused(format!(
                "its receipt says otherwise than the operator that lists {} of it",
                output.amount
            )))
        }
    }
}

/// A judgement as the answer of the operator that was judged.
pub(super) fn judged<T>(client: &Client, judgement: Result<T, Untrue>) -> Result<T, ClientError> {
    judgement.map_err(|untrue| untrue.told_by(client))
}

/// So many outputs of one list are asked for in vain; each costs a question to every operator.
const UNPROVEN_MAX: usize = 64;

/// Whether a receipt is about this output, with this owner, asset and amount.
fn describes(receipt: &Receipt, output: &OutputView, owner: Address) -> bool {
    let position = output.output.0;
    let transaction = &receipt.transaction.transaction;
    let payment = transaction.outputs.get(usize::from(position.output));
    (receipt.height, receipt.index) == (position.block, position.transaction)
        && transaction.asset == output.asset.0
        && payment.is_some_and(|payment| (payment.owner, payment.amount) == (owner, output.amount.0))
}

/// What can be spent of an asset now.
#[must_use]
pub fn coins(holdings: &[Holding], asset: Address) -> Vec<Coin> {
    let free = holdings
        .iter()
        .filter(|holding| holding.output.asset.0 == asset && holding.is_free());
    free.map(|holding| Coin {
        position: holding.output.output.0,
        amount: holding.output.amount.0,
    })
    .collect()
}

/// What an account has, per asset.
#[must_use]
pub fn sums(holdings: &[Holding]) -> BTreeMap<Address, Sum> {
    let mut sums: BTreeMap<Address, Sum> = BTreeMap::new();
    for holding in holdings {
        let sum = sums.entry(holding.output.asset.0).or_default();
        sum.outputs += 1;
        let part = if holding.output.status != OutputStatus::Unspent {
            &mut sum.exiting
        } else if holding.is_reserved {
            &mut sum.reserved
        } else if holding.is_proven {
            &mut sum.available
        } else {
            &mut sum.unproven
        };
        *part = part.saturating_add(holding.output.amount.0);
    }
    sums
}

impl Holding {
    /// Whether a payment may spend it now.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.is_proven && !self.is_reserved && self.output.status == OutputStatus::Unspent
    }
}
