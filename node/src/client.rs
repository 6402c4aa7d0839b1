//! Speaks with operators as a client: over HTTP or libp2p, with the same questions and the same answers.
//!
//! An answer of a [`Client`] is what one operator says. [`Operators`] asks several in turn, each only after it has shown
//! that it is of the right federation; a [`Witness`] checks receipts and headers against the committee, and what does not
//! convince is an error that names the operator. Nothing is believed silently.

mod error;
mod operators;
mod transport;
mod witness;

use std::time::Duration;

use plasma_core::{Address, DepositNumber, Height, Position, SignedTransaction, TransactionId};
use serde::de::DeserializeOwned;

use self::transport::Transport;
use crate::api::{
    Wait,
    client_protocol::{Request, SUBMIT_WAIT_MAX},
    submit::WAIT_MAX,
    text::AddressText,
    view::{
        AddressView, Batch, BlockView, DepositView, ExitData, ExitView, HistoryItem, NetworkView, OutputView,
        Page, ProofView, StatsView, StatusView, Submitted, TransactionView,
    },
};

pub use error::ClientError;
pub use operators::Operators;
pub use witness::{Untrue, Witness};

/// A connection to one operator. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// Speaks HTTP with the operator at a base such as `http://127.0.0.1:27401`. Connects with the first question.
    ///
    /// # Errors
    /// [`ClientError::Address`] when the base is no HTTP address.
    pub fn http(base: &str) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::http(base)?,
        })
    }

    /// Speaks libp2p with the operator at a multiaddress that ends in `/p2p/<peer id>`. `genesis8` are the first eight
    /// hex digits of the genesis hash: another chain fails at once.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Unreachable`].
    pub async fn libp2p(address: &str, genesis8: &str) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::libp2p(address, genesis8).await?,
        })
    }

    /// Whom this asks, as it was named.
    #[must_use]
    pub fn operator(&self) -> &str {
        self.transport.operator()
    }

    /// Sends a transaction and waits until it got as far as `wait`, at most `limit` long.
    ///
    /// # Errors
    /// [`ClientError`]; resending the same transaction is always harmless.
    pub async fn submit(
        &self,
        transaction: &SignedTransaction,
        wait: Wait,
        limit: Duration,
    ) -> Result<Submitted, ClientError> {
        self.submit_bytes(&transaction.encode(), wait, limit).await
    }

    /// As [`Client::submit`], with bytes that nobody has looked at.
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn submit_bytes(
        &self,
        bytes: &[u8],
        wait: Wait,
        limit: Duration,
    ) -> Result<Submitted, ClientError> {
        let over_libp2p = limit.min(SUBMIT_WAIT_MAX);
        let request = Request::Submit {
            wait,
            timeout_ms: u16::try_from(over_libp2p.as_millis()).unwrap_or(u16::MAX),
            transaction: bytes.to_vec(),
        };
        let limit = limit.min(WAIT_MAX);
        let path = format!("/v1/transactions?{}", waiting(wait, limit));
        self.transport.send(&path, bytes.to_vec(), &request, limit).await
    }

    /// Sends many transactions at once; every one has its own answer, in order. Only HTTP carries batches.
    ///
    /// # Errors
    /// [`ClientError`] about the whole batch.
    pub async fn submit_batch(
        &self,
        transactions: &[SignedTransaction],
        wait: Wait,
        limit: Duration,
    ) -> Result<Batch, ClientError> {
        if !self.transport.carries_batches() {
            let reason = "libp2p carries no batches; submit one by one".to_owned();
            return Err(ClientError::Address {
                address: self.operator().to_owned(),
                reason,
            });
        }
        let path = format!("/v1/transactions:batch?{}", waiting(wait, limit.min(WAIT_MAX)));
        let body = transactions
            .iter()
            .flat_map(SignedTransaction::encode)
            .collect::<Vec<u8>>();
        let unused = Request::Get(path.clone());
        self.transport.send(&path, body, &unused, limit).await
    }

    /// A transaction as the operator knows it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn transaction(&self, id: TransactionId) -> Result<TransactionView, ClientError> {
        self.ask(format!("/v1/transactions/{id}")).await
    }

    /// The receipt of a decided transaction.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn proof(&self, id: TransactionId) -> Result<ProofView, ClientError> {
        self.ask(format!("/v1/transactions/{id}/proof")).await
    }

    /// All unspent outputs of an owner, exiting ones included; page after page.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Foreign`] when there is no end.
    pub async fn outputs_of(&self, owner: Address) -> Result<Vec<OutputView>, ClientError> {
        self.pages(
            &format!("/v1/addresses/{}/outputs", AddressText(owner)),
            ITEMS_MAX,
        )
        .await
    }

    /// What happened to the outputs of an owner, the newest first, at most so many items.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn history_of(&self, owner: Address, most: usize) -> Result<Vec<HistoryItem>, ClientError> {
        let path = format!("/v1/addresses/{}/transactions", AddressText(owner));
        let mut found = self.pages_until(&path, most).await?;
        found.truncate(most);
        Ok(found)
    }

    /// All exits that are open.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Foreign`] when there is no end.
    pub async fn exits(&self) -> Result<Vec<ExitView>, ClientError> {
        self.pages("/v1/exits", ITEMS_MAX).await
    }

    /// What became of a deposit.
    ///
    /// # Errors
    /// [`ClientError`]; not found while no decided block knows of it.
    pub async fn deposit(&self, number: DepositNumber) -> Result<DepositView, ClientError> {
        self.ask(format!("/v1/deposits/{number}")).await
    }

    /// What an owner has, per asset.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn balance(&self, owner: Address) -> Result<AddressView, ClientError> {
        self.ask(format!("/v1/addresses/{}", AddressText(owner))).await
    }

    /// One output, whatever became of it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn output(&self, position: Position) -> Result<OutputView, ClientError> {
        self.ask(format!("/v1/outputs/{position}")).await
    }

    /// What an exit of an output on Ethereum needs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn exit_data(&self, position: Position) -> Result<ExitData, ClientError> {
        self.ask(format!("/v1/outputs/{position}/exit-data")).await
    }

    /// A block, or the newest.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn block(&self, height: Option<Height>) -> Result<BlockView, ClientError> {
        let name = height.map_or_else(|| "latest".to_owned(), |height| height.to_string());
        self.ask(format!("/v1/blocks/{name}")).await
    }

    /// How the operator sees itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<StatusView, ClientError> {
        self.ask("/v1/status".to_owned()).await
    }

    /// The facts of the chain.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn network(&self) -> Result<NetworkView, ClientError> {
        self.ask("/v1/network".to_owned()).await
    }

    /// The sums in the ledger.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stats(&self) -> Result<StatsView, ClientError> {
        self.ask("/v1/stats".to_owned()).await
    }

    async fn ask<T: DeserializeOwned>(&self, path: String) -> Result<T, ClientError> {
        self.transport.get(path).await
    }

    /// A whole list, or an error when it is longer than any that we take.
    async fn pages<T: DeserializeOwned>(&self, path: &str, most: usize) -> Result<Vec<T>, ClientError> {
        let found = self.pages_until(path, most.saturating_add(1)).await?;
        if found.len() > most {
            return Err(self
                .transport
                .foreign(&format!("a list of more than {most} items")));
        }
        Ok(found)
    }

    /// Pages of a list, until it ends or `enough` items are there.
    async fn pages_until<T: DeserializeOwned>(
        &self,
        path: &str,
        enough: usize,
    ) -> Result<Vec<T>, ClientError> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let after = cursor
                .as_ref()
                .map(|next| format!("&cursor={next}"))
                .unwrap_or_default();
            let page: Page<T> = self.ask(format!("{path}?limit={PAGE}{after}")).await?;
            all.extend(page.items);
            // A page that leads nowhere new would be asked for ever.
            let is_stuck = page.next_cursor.is_some() && page.next_cursor == cursor;
            if is_stuck {
                return Err(self.transport.foreign("a page that leads to itself"));
            }
            if page.next_cursor.is_none() || all.len() >= enough {
                return Ok(all);
            }
            cursor = page.next_cursor;
        }
    }
}

fn waiting(wait: Wait, limit: Duration) -> String {
    let wait = match wait {
        Wait::None => "none",
        Wait::Accepted => "accepted",
        Wait::Committed => "committed",
        Wait::Anchored => "anchored",
        Wait::Finalized => "finalized",
    };
    format!("wait={wait}&timeout={}ms", limit.as_millis())
}

/// The largest page an operator gives.
const PAGE: u16 = 500;

/// Items of one list that are held: no owner has so many outputs without consolidating, and an operator that lies about a
/// list must not fill the memory (some 40 MiB).
const ITEMS_MAX: usize = 100_000;
