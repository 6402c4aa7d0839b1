//! The HTTP door of one operator as a test client uses it: typed documents where all goes well, the raw answer where
//! the answer itself is what we look at.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use plasma_core::{Address, SignedTransaction};
use plasma_node::api::view::{AddressView, BlockView, OutputView, Page, StatsView, StatusView, Submitted};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A client of one operator. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON document, null when there was none.
    pub body: Value,
}

impl Answer {
    /// The stable name of the problem that it reports.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.body.get("code").and_then(Value::as_str)
    }

    /// What the problem says about this very case.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.body
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn document<T: DeserializeOwned>(self, asked: &str) -> Result<T> {
        if self.status >= FIRST_ERROR {
            bail!("{asked} answered {}: {}", self.status, self.detail());
        }
        serde_json::from_value(self.body).with_context(|| format!("{asked} answered another document"))
    }
}

impl Api {
    /// A client of the operator at `base`, for example `http://127.0.0.1:27401`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_PATIENCE)
            .build()
            .context("an HTTP client")?;
        Ok(Self {
            http,
            base: base.to_owned(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks a path.
    ///
    /// # Errors
    /// When no HTTP answer comes; a problem is an answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        let asked = self.http.get(format!("{}{path}", self.base)).send().await;
        read(asked.with_context(|| format!("GET {}{path}", self.base))?).await
    }

    /// Posts bytes.
    ///
    /// # Errors
    /// When no HTTP answer comes; a problem is an answer.
    pub async fn post(&self, path: &str, bytes: Vec<u8>) -> Result<Answer> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/octet-stream");
        read(
            request
                .body(bytes)
                .send()
                .await
                .with_context(|| format!("POST {}{path}", self.base))?,
        )
        .await
    }

    /// Posts bytes and returns the answer unread, for whoever counts its milliseconds.
    ///
    /// # Errors
    /// When no HTTP answer comes.
    pub async fn bytes(&self, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/octet-stream");
        let answer = request
            .body(bytes)
            .send()
            .await
            .with_context(|| format!("POST {}{path}", self.base))?;
        Ok(answer.bytes().await.context("reading an answer")?.to_vec())
    }

    /// Asks a path for a document.
    ///
    /// # Errors
    /// When the answer is a problem or another document.
    pub async fn document<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.get(path).await?.document(path)
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// See [`Api::document`].
    pub async fn status(&self) -> Result<StatusView> {
        self.document("/v1/status").await
    }

    /// `GET /v1/stats`.
    ///
    /// # Errors
    /// See [`Api::document`].
    pub async fn stats(&self) -> Result<StatsView> {
        self.document("/v1/stats").await
    }

    /// `GET /v1/blocks/{height}`.
    ///
    /// # Errors
    /// See [`Api::document`].
    pub async fn block(&self, height: u32) -> Result<BlockView> {
        self.document(&format!("/v1/blocks/{height}")).await
    }

    /// `GET /v1/addresses/{owner}`.
    ///
    /// # Errors
    /// See [`Api::document`].
    pub async fn balance(&self, owner: Address) -> Result<AddressView> {
        self.document(&format!("/v1/addresses/{owner}")).await
    }

    /// The first page of what an owner can spend.
    ///
    /// # Errors
    /// See [`Api::document`].
    pub async fn outputs(&self, owner: Address) -> Result<Vec<OutputView>> {
        let page: Page<OutputView> = self
            .document(&format!("/v1/addresses/{owner}/outputs?limit=500"))
            .await?;
        Ok(page.items)
    }

    /// Submits a transaction and waits until it is committed.
    ///
    /// # Errors
    /// When it is refused, or not committed in time.
    pub async fn pay(&self, transaction: &SignedTransaction) -> Result<Submitted> {
        let asked = self.post(
            "/v1/transactions?wait=committed&timeout=20s",
            transaction.encode(),
        );
        let answer = tokio::time::timeout(PAY_PATIENCE, asked)
            .await
            .context("no answer though the wait is over")??;
        let submitted: Submitted = answer.document("POST /v1/transactions")?;
        if submitted.block.is_none() {
            bail!("{} was accepted and not committed within 20 s", submitted.id);
        }
        Ok(submitted)
    }
}

async fn read(response: reqwest::Response) -> Result<Answer> {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.context("reading an answer")?;
    Ok(Answer {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    })
}

/// From here on a status says that something went wrong.
const FIRST_ERROR: u16 = 400;
/// A little more than the wait that a payment asks for.
const PAY_PATIENCE: Duration = Duration::from_secs(25);
/// Above the longest wait that we ask for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(65);
