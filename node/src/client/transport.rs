//! The two ways to an operator, HTTP and libp2p: one question, one deadline, one bounded answer.

use std::{sync::Once, time::Duration};

use plasma_network::Multiaddr;
use serde::de::DeserializeOwned;

use super::error::{ClientError, unreachable};
use crate::{
    api::client_protocol::{Request, split_answer},
    plain,
};

/// A way to one operator. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    way: Way,
    /// How the operator is called in errors: what the user wrote.
    operator: String,
}

#[derive(Clone, Debug)]
enum Way {
    Http { http: reqwest::Client, base: String },
    Libp2p(plasma_network::Client),
}

/// A status as HTTP means it, and the document.
type Answer = (u16, Vec<u8>);

impl Transport {
    pub(super) fn http(base: &str) -> Result<Self, ClientError> {
        install_crypto();
        let refuse = |reason: String| ClientError::Address {
            address: base.to_owned(),
            reason,
        };
        let url = reqwest::Url::parse(base).map_err(|error| refuse(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it begins with http:// or https://".into()));
        }
        // No operator sends its clients elsewhere: what is asked, and what is posted, stays between the two.
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT);
        // A proxy cannot reach what only this machine can.
        let is_local = url
            .host_str()
            .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        let builder = if is_local { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| refuse(error.to_string()))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self {
            operator: base.clone(),
            way: Way::Http { http, base },
        })
    }

    pub(super) async fn libp2p(address: &str, genesis8: &str) -> Result<Self, ClientError> {
        let refuse = |reason: String| ClientError::Address {
            address: address.to_owned(),
            reason,
        };
        let multiaddress: Multiaddr = address.parse().map_err(|error| refuse(format!("{error}")))?;
        let connected = plasma_network::Client::connect(multiaddress, genesis8).await;
        let client = connected.map_err(|error| unreachable(address, &error))?;
        Ok(Self {
            way: Way::Libp2p(client),
            operator: address.to_owned(),
        })
    }

    pub(super) fn operator(&self) -> &str {
        &self.operator
    }

    pub(super) fn carries_batches(&self) -> bool {
        matches!(self.way, Way::Http { .. })
    }

    /// Asks for the document at a path.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, ClientError> {
        let answer = match &self.way {
            Way::Http { http, base } => {
                self.fetch(http.get(format!("{base}{path}")), Duration::ZERO)
                    .await?
            }
            Way::Libp2p(client) => self.frame(client, &Request::Get(path), Duration::ZERO).await?,
        };
        self.read(&answer)
    }

    /// Sends bytes to a path over HTTP, or a request over libp2p; the operator may take so long for it.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
        request: &Request,
        limit: Duration,
    ) -> Result<T, ClientError> {
        let answer = match &self.way {
            Way::Http { http, base } => {
                let request = http
                    .post(format!("{base}{path}"))
                    .header("content-type", "application/octet-stream")
                    .body(body);
                self.fetch(request, limit).await?
            }
            Way::Libp2p(client) => self.frame(client, request, limit).await?,
        };
        self.read(&answer)
    }

    async fn frame(
        &self,
        client: &plasma_network::Client,
        request: &Request,
        limit: Duration,
    ) -> Result<Answer, ClientError> {
        let answer = client.request(request.encode(), limit + ANSWER_TIMEOUT).await;
        let answer = answer.map_err(|error| unreachable(self.operator(), &error))?;
        let (status, body) =
            split_answer(&answer).ok_or_else(|| self.foreign("an answer without a status"))?;
        Ok((status, body.to_vec()))
    }

    async fn fetch(&self, request: reqwest::RequestBuilder, limit: Duration) -> Result<Answer, ClientError> {
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

    fn read<T: DeserializeOwned>(&self, (status, answer): &Answer) -> Result<T, ClientError> {
        let foreign = |error: serde_json::Error| self.foreign(&format!("status {status}, {error}"));
        if (200..300).contains(status) {
            return serde_json::from_slice(answer).map_err(foreign);
        }
        Err(ClientError::Problem(
            serde_json::from_slice(answer).map_err(foreign)?,
        ))
    }

    pub(super) fn foreign(&self, reason: &str) -> ClientError {
        ClientError::Foreign {
            operator: self.operator().to_owned(),
            reason: plain::line(reason),
        }
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
