//! Speaks with an operator as a client: over HTTP or libp2p, with the same questions and the same answers.
//!
//! An answer is what one operator says. Whoever does not trust it checks the receipt ([`Client::proof`]) against the
//! committee; nothing here does that silently.

use std::{sync::Once, time::Duration};

use plasma_core::{Address, Height, Position, SignedTransaction, TransactionId};
use plasma_network::Multiaddr;
use serde::de::DeserializeOwned;

use crate::api::{
    Problem, Wait,
    client_protocol::{Request, SUBMIT_WAIT_MAX, split_answer},
    submit::WAIT_MAX,
    text::AddressText,
    view::{
        AddressView, Batch, BlockView, ExitData, NetworkView, OutputView, Page, ProofView, StatsView,
        StatusView, Submitted, TransactionView,
    },
};

/// A connection to one operator. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
}

#[derive(Clone, Debug)]
enum Transport {
    Http { http: reqwest::Client, base: String },
    Libp2p(plasma_network::Client),
}

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The operator refused, and says why.
    #[error(transparent)]
    Problem(Problem),
    /// No operator answered. A submitted transaction may have arrived; sending the same bytes again is harmless.
    #[error("{operator} does not answer: {reason}")]
    Unreachable {
        /// Whom we asked.
        operator: String,
        /// What happened.
        reason: String,
    },
    /// Something answered that is no operator of ours.
    #[error("{operator} answered something else: {reason}")]
    Foreign {
        /// Whom we asked.
        operator: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is none.
    #[error("{address:?} is no address: {reason}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// The operator's own words, when it had some.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

impl Client {
    /// Speaks HTTP with the operator at a base such as `http://127.0.0.1:27401`. Connects with the first question.
    ///
    /// # Errors
    /// [`ClientError::Address`] when the base is no HTTP address.
    pub fn http(base: &str) -> Result<Self, ClientError> {
        install_crypto();
        let refuse = |reason: String| ClientError::Address {
            address: base.to_owned(),
            reason,
        };
        let url = reqwest::Url::parse(base).map_err(|error| refuse(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it begins with http:// or https://".into()));
        }
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT);
        // A proxy cannot reach what only this machine can.
        let is_local = url
            .host_str()
            .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        let builder = if is_local { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| refuse(error.to_string()))?;
        Ok(Self {
            transport: Transport::Http {
                http,
                base: base.trim_end_matches('/').to_owned(),
            },
        })
    }

    /// Speaks libp2p with the operator at a multiaddress that ends in `/p2p/<peer id>`. `genesis8` are the first eight
    /// hex digits of the genesis hash: another chain fails at once.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Unreachable`].
    pub async fn libp2p(address: &str, genesis8: &str) -> Result<Self, ClientError> {
        let refuse = |reason: String| ClientError::Address {
            address: address.to_owned(),
            reason,
        };
        let multiaddress: Multiaddr = address.parse().map_err(|error| refuse(format!("{error}")))?;
        let connected = plasma_network::Client::connect(multiaddress, genesis8).await;
        let client = connected.map_err(|error| unreachable(address, &error))?;
        Ok(Self {
            transport: Transport::Libp2p(client),
        })
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
        let (status, answer) = match &self.transport {
            Transport::Http { http, base } => {
                let limit = limit.min(WAIT_MAX);
                let request = http
                    .post(format!("{base}/v1/transactions?{}", waiting(wait, limit)))
                    .header("content-type", "application/octet-stream")
                    .body(bytes.to_vec());
                self.fetch(request, limit).await?
            }
            Transport::Libp2p(client) => {
                let limit = limit.min(SUBMIT_WAIT_MAX);
                let submit = Request::Submit {
                    wait,
                    timeout_ms: u16::try_from(limit.as_millis()).unwrap_or(u16::MAX),
                    transaction: bytes.to_vec(),
                };
                self.frame(client, &submit, limit).await?
            }
        };
        self.read(status, &answer)
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
        let Transport::Http { http, base } = &self.transport else {
            let reason = "libp2p carries no batches; submit one by one".to_owned();
            return Err(ClientError::Address {
                address: self.operator().to_owned(),
                reason,
            });
        };
        let path = format!("/v1/transactions:batch?{}", waiting(wait, limit.min(WAIT_MAX)));
        let body = transactions
            .iter()
            .flat_map(SignedTransaction::encode)
            .collect::<Vec<u8>>();
        let request = http
            .post(format!("{base}{path}"))
            .header("content-type", "application/octet-stream")
            .body(body);
        let (status, answer) = self.fetch(request, limit).await?;
        self.read(status, &answer)
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
    /// [`ClientError`].
    pub async fn outputs_of(&self, owner: Address) -> Result<Vec<OutputView>, ClientError> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: Page<OutputView> = self
                .ask(format!(
                    "/v1/addresses/{}/outputs?limit={PAGE}{cursor}",
                    AddressText(owner)
                ))
                .await?;
            all.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
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
        let (status, answer) = match &self.transport {
            Transport::Http { http, base } => {
                self.fetch(http.get(format!("{base}{path}")), Duration::ZERO)
                    .await?
            }
            Transport::Libp2p(client) => self.frame(client, &Request::Get(path), Duration::ZERO).await?,
        };
        self.read(status, &answer)
    }

    async fn frame(
        &self,
        client: &plasma_network::Client,
        request: &Request,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        let answer = client.request(request.encode(), limit + ANSWER_TIMEOUT).await;
        let answer = answer.map_err(|error| unreachable(self.operator(), &error))?;
        let (status, body) =
            split_answer(&answer).ok_or_else(|| self.foreign("an answer without a status"))?;
        Ok((status, body.to_vec()))
    }

    async fn fetch(
        &self,
        request: reqwest::RequestBuilder,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        let fail = |error: reqwest::Error| unreachable(self.operator(), &error.without_url());
        let mut response = request
            .timeout(limit + ANSWER_TIMEOUT)
            .send()
            .await
            .map_err(fail)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fail)? {
            if body.len().saturating_add(chunk.len()) > ANSWER_MAX {
                return Err(self.foreign("an answer of more than 16 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status().as_u16(), body))
    }

    fn read<T: DeserializeOwned>(&self, status: u16, answer: &[u8]) -> Result<T, ClientError> {
        let foreign = |error: serde_json::Error| self.foreign(&format!("status {status}, {error}"));
        if (200..300).contains(&status) {
            return serde_json::from_slice(answer).map_err(foreign);
        }
        Err(ClientError::Problem(
            serde_json::from_slice(answer).map_err(foreign)?,
        ))
    }

    fn operator(&self) -> &str {
        match &self.transport {
            Transport::Http { base, .. } => base,
            Transport::Libp2p(_) => "the libp2p operator",
        }
    }

    fn foreign(&self, reason: &str) -> ClientError {
        ClientError::Foreign {
            operator: self.operator().to_owned(),
            reason: reason.to_owned(),
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

fn unreachable(operator: &str, error: &dyn std::error::Error) -> ClientError {
    // The cause says more than the outermost words ("error sending request").
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    ClientError::Unreachable {
        operator: operator.to_owned(),
        reason,
    }
}

/// TLS needs one provider per process; whoever installed one before us decided.
fn install_crypto() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// An operator that does not even accept a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than the operator's own limit for idle connections, so that none is used while it is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// On top of a wait: the operator's own limit for an answer and a slow network.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// No document of an operator is near this.
const ANSWER_MAX: usize = 16 << 20;

/// The largest page an operator gives.
const PAGE: u16 = 500;
