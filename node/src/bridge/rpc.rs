//! JSON-RPC over HTTP: one call, one deadline, one bounded answer.
//!
//! Nothing is retried here except on the next configured endpoint, each once per call: whoever
//! polls will ask again. Answers are parsed only after their size is known to be below
//! [`ANSWER_BYTES_MAX`].

mod answer;

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use reqwest::{Client, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::answer::{Asked, answers, causes};
use super::error::L1Error;

/// The Ethereum node or nodes of one operator.
#[derive(Debug)]
pub struct Rpc {
    endpoints: Vec<Endpoint>,
    current: AtomicUsize,
    next_id: AtomicU64,
    deadline: Duration,
}

#[derive(Debug)]
struct Endpoint {
    client: Client,
    url: Url,
    label: String,
}

impl Rpc {
    /// Prepares connections; nothing is sent yet.
    ///
    /// # Errors
    /// [`L1Error::Endpoint`] when the list is empty or too long, or an entry is not an http(s) URL.
    pub fn new(urls: &[String], deadline: Duration) -> Result<Self, L1Error> {
        if urls.is_empty() || urls.len() > ENDPOINTS_MAX {
            let reason = format!(
                "{} endpoints given, 1 to {ENDPOINTS_MAX} are possible",
                urls.len()
            );
            return Err(L1Error::Endpoint {
                endpoint: "list".to_owned(),
                reason,
            });
        }
        // A second installation fails when the first one stands; both are the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let endpoints = urls
            .iter()
            .map(|url| Endpoint::new(url))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            endpoints,
            current: AtomicUsize::new(0),
            next_id: AtomicU64::new(1),
            deadline,
        })
    }

    /// Asks for one result; `null` is a value like any other.
    ///
    /// # Errors
    /// [`L1Error`], of the last endpoint tried.
    pub async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, L1Error> {
        let mut results = self.batch(method, vec![params]).await?;
        let result = results.pop().unwrap_or(Err(L1Error::Stopped))?;
        self.parse(method, result)
    }

    /// Asks the same method for several parameter lists at once; answers in the order asked, each
    /// with its own refusal.
    ///
    /// # Errors
    /// [`L1Error`], of the last endpoint tried, when there is no answer as a whole.
    pub async fn batch(
        &self,
        method: &'static str,
        params: Vec<Value>,
    ) -> Result<Vec<Result<Value, L1Error>>, L1Error> {
        if params.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.current.load(Ordering::Relaxed);
        let mut last = L1Error::Stopped;
        for turn in 0..self.endpoints.len() {
            let index = first.wrapping_add(turn) % self.endpoints.len();
            let Some(endpoint) = self.endpoints.get(index) else {
                continue;
            };
            match self.ask(endpoint, method, &params).await {
                Ok(results) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(results);
                }
                Err(error) if error.is_transient() => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Reads a result as the type that the method promises.
    ///
    /// # Errors
    /// [`L1Error::Malformed`] when it has another shape.
    pub fn parse<T: DeserializeOwned>(&self, method: &'static str, result: Value) -> Result<T, L1Error> {
        serde_json::from_value(result).map_err(|error| self.malformed(method, error.to_string()))
    }

    /// An error about the shape of the current endpoint's answer.
    #[must_use]
    pub fn malformed(&self, method: &'static str, reason: String) -> L1Error {
        L1Error::Malformed {
            endpoint: self.label().to_owned(),
            method,
            reason,
        }
    }

    /// Asks the next endpoint first from now on: what the one in use said cannot be believed.
    pub fn turn_away(&self) {
        let next = self.current.load(Ordering::Relaxed).wrapping_add(1) % self.endpoints.len();
        self.current.store(next, Ordering::Relaxed);
    }

    /// The masked name of the endpoint in use.
    #[must_use]
    pub fn label(&self) -> &str {
        let index = self.current.load(Ordering::Relaxed);
        self.endpoints.get(index).map_or("", |endpoint| &endpoint.label)
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: &[Value],
    ) -> Result<Vec<Result<Value, L1Error>>, L1Error> {
        let asked = Asked {
            endpoint: &endpoint.label,
            method,
        };
        let count = u64::try_from(params.len()).unwrap_or(u64::MAX);
        let first_id = self.next_id.fetch_add(count, Ordering::Relaxed);
        let request = request(method, params, first_id);
        let exchange = exchange(endpoint, asked, &request);
        let body = tokio::time::timeout(self.deadline, exchange)
            .await
            .unwrap_or_else(|_| {
                let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
                Err(L1Error::Timeout {
                    endpoint: endpoint.label.clone(),
                    method,
                    deadline_ms,
                })
            })?;
        answers(asked, &body, first_id, params.len())
    }
}

impl Endpoint {
    fn new(text: &str) -> Result<Self, L1Error> {
        let unusable = |reason: String| L1Error::Endpoint {
            endpoint: mask(text),
            reason,
        };
        let url = Url::parse(text).map_err(|error| unusable(error.to_string()))?;
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_DEADLINE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
        match url.scheme() {
            // Without TLS no certificate is ever read, and a machine without any must still start.
            "http" => builder = builder.tls_certs_only([]),
            "https" => {}
            other => return Err(unusable(format!("the scheme {other} is neither http nor https"))),
        }
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| unusable(causes(&error.without_url())))?;
        Ok(Self {
            client,
            label: mask(text),
            url,
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Scheme, host and port; everything that may hold a credential becomes an ellipsis.
fn mask(text: &str) -> String {
    let Ok(url) = Url::parse(text) else {
        return "(unreadable URL)".to_owned();
    };
    let host = url.host_str().unwrap_or("(no host)");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.path().trim_matches('/').is_empty();
    let rest = if is_bare { "" } else { "/…" };
    format!("{}://{host}{port}{rest}", url.scheme())
}

fn request(method: &'static str, params: &[Value], first_id: u64) -> Value {
    let mut calls: Vec<Value> = (first_id..)
        .zip(params)
        .map(|(id, params)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        .collect();
    // Not every node speaks batches, so one call goes alone.
    if calls.len() == 1 {
        calls.pop().unwrap_or_default()
    } else {
        Value::Array(calls)
    }
}

async fn exchange(endpoint: &Endpoint, asked: Asked<'_>, request: &Value) -> Result<Vec<u8>, L1Error> {
    let sent = endpoint
        .client
        .post(endpoint.url.clone())
        .json(request)
        .send()
        .await;
    let mut response = sent.map_err(|error| asked.unreachable(error))?;
    if !response.status().is_success() {
        return Err(asked.status(response.status().as_u16()));
    }
    // What announces too much is not read at all; what announces less or nothing is counted.
    let announced = usize::try_from(response.content_length().unwrap_or(0));
    if announced.map_or(true, |bytes| bytes > ANSWER_BYTES_MAX) {
        return Err(asked.oversize());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| asked.unreachable(error))? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(asked.oversize());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Sixty million gas buy 160 000 empty logs, and each takes 350 bytes of JSON; a hostile endpoint must not fill the memory.
pub const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Three give a majority, more only cost time while all are down.
const ENDPOINTS_MAX: usize = 8;
/// Watcher and sender ask one after the other; a few spare connections serve both.
const IDLE_CONNECTIONS_MAX: usize = 4;
/// A node that does not accept for this long is down; the whole call has its own deadline.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::{Rpc, mask, request};
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn credentials_never_reach_the_label() {
        for (url, label) in [
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
            ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
            ("https://user:secret@node.example/", "https://node.example/…"),
            ("https://node.example/v3/secret", "https://node.example/…"),
            ("https://node.example/?key=secret", "https://node.example/…"),
            ("secret", "(unreadable URL)"),
        ] {
            assert_eq!(mask(url), label);
        }
    }

    #[test]
    fn unusable_endpoints_are_refused_by_name() {
        let refused = |urls: &[&str]| {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            Rpc::new(&urls, Duration::from_secs(1))
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&[]).contains("0 endpoints"));
        assert!(refused(&["ws://127.0.0.1:1"]).contains("scheme ws"));
        assert!(refused(&["not a url"]).contains("unreadable"));
        assert!(refused(&["http://a"; 9]).contains("9 endpoints"));
    }

    #[test]
    fn one_call_goes_alone_and_several_as_a_batch() {
        assert!(request("eth_x", &[json!([])], 1).is_object());
        assert_eq!(request("eth_x", &[json!([]), json!([])], 7)[1]["id"], 8);
    }
}
