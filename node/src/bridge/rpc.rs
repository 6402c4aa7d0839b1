//! JSON-RPC over HTTP: one call, one deadline, one bounded answer.
//!
//! Nothing is retried here except on the next configured endpoint, each once per call: whoever
//! polls will ask again. Answers are parsed only after their size is known to be below
//! [`ANSWER_BYTES_MAX`].

use std::{
    error::Error as _,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use reqwest::{Client, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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

/// What a call is about, for errors.
#[derive(Clone, Copy)]
struct Asked<'a> {
    endpoint: &'a str,
    method: &'static str,
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
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| asked.unreachable(error))? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(asked.oversize());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn answers(
    asked: Asked<'_>,
    body: &[u8],
    first_id: u64,
    count: usize,
) -> Result<Vec<Result<Value, L1Error>>, L1Error> {
    let parsed: Value =
        serde_json::from_slice(body).map_err(|error| asked.malformed(format!("not JSON: {error}")))?;
    let list = match parsed {
        Value::Array(list) if count != 1 => list,
        Value::Object(single) if count != 1 => return Err(asked.refusal_of_all(&single)),
        single => vec![single],
    };
    if list.len() != count {
        return Err(asked.malformed(format!("{} answers to {count} calls", list.len())));
    }
    if let [only] = list.as_slice()
        && let (Some(Value::Null), Some(error)) = (only.get("id"), only.get("error"))
    {
        return Err(asked.refused(error));
    }
    let mut results: Vec<Option<Result<Value, L1Error>>> = vec![None; count];
    for mut answer in list {
        let place = answer
            .get("id")
            .and_then(Value::as_u64)
            .and_then(|id| id.checked_sub(first_id));
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some(slot) = place.and_then(|place| results.get_mut(place)) else {
            return Err(asked.malformed("an answer carries an id that was not asked".to_owned()));
        };
        *slot = Some(match (answer.get("error").cloned(), answer.get_mut("result")) {
            (Some(error), _) if !error.is_null() => Err(asked.refused(&error)),
            (_, Some(result)) => Ok(result.take()),
            _ => Err(asked.malformed("neither result nor error".to_owned())),
        });
    }
    results
        .into_iter()
        .map(|slot| slot.ok_or_else(|| asked.malformed("an answer is missing".to_owned())))
        .collect()
}

impl Asked<'_> {
    fn unreachable(self, error: reqwest::Error) -> L1Error {
        let reason = causes(&error.without_url());
        L1Error::Unreachable {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            reason,
        }
    }

    fn status(self, status: u16) -> L1Error {
        L1Error::Status {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            status,
        }
    }

    fn oversize(self) -> L1Error {
        L1Error::Oversize {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            limit_bytes: ANSWER_BYTES_MAX,
        }
    }

    fn malformed(self, reason: String) -> L1Error {
        L1Error::Malformed {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            reason,
        }
    }

    /// A node that refuses batches answers with one error for all of them.
    fn refusal_of_all(self, answer: &serde_json::Map<String, Value>) -> L1Error {
        answer.get("error").map_or_else(
            || self.malformed("one answer to several calls".to_owned()),
            |error| self.refused(error),
        )
    }

    fn refused(self, error: &Value) -> L1Error {
        let message = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("(no message)");
        L1Error::Refused {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
            message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
            revert: revert_bytes(error.get("data")),
        }
    }
}

/// Nodes put revert bytes into `data`, some one level deeper.
fn revert_bytes(content: Option<&Value>) -> Vec<u8> {
    let text = content.and_then(|value| {
        value
            .as_str()
            .or_else(|| value.get("data").and_then(Value::as_str))
    });
    let bytes = text
        .and_then(|text| text.parse::<ethers_core::types::Bytes>().ok())
        .unwrap_or_default();
    bytes.iter().copied().take(REVERT_BYTES_MAX).collect()
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(cause) = source else { break };
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A full chunk of headers or the logs of a full L1 block stay far below; a hostile endpoint must
/// not fill the memory.
pub const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Three give a majority, more only cost time while all are down.
const ENDPOINTS_MAX: usize = 8;
/// Watcher and sender ask one after the other; a few spare connections serve both.
const IDLE_CONNECTIONS_MAX: usize = 4;
/// A node that does not accept for this long is down; the whole call has its own deadline.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Enough for every message of geth, reth and anvil; logs stay readable.
const MESSAGE_CHARS_MAX: usize = 512;
/// Custom errors carry a few words.
const REVERT_BYTES_MAX: usize = 4096;
/// hyper nests about four causes.
const CAUSES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::{Asked, L1Error, Rpc, answers, mask, request};
    use serde_json::json;
    use std::time::Duration;

    const ASKED: Asked<'static> = Asked {
        endpoint: "http://node",
        method: "eth_x",
    };

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

    #[test]
    fn answers_are_put_back_in_the_order_asked() {
        let body = br#"[{"id":6,"result":"b"},{"id":5,"result":null},{"id":7,"error":{"code":3,"message":"no","data":"0x01"}}]"#;
        let results = answers(ASKED, body, 5, 3).unwrap();
        assert_eq!(results[0], Ok(json!(null)));
        assert_eq!(results[1], Ok(json!("b")));
        assert!(matches!(&results[2], Err(L1Error::Refused { code: 3, revert, .. }) if revert == &[1]));
    }

    #[test]
    fn answers_of_a_wrong_shape_are_malformed() {
        for (body, count) in [
            (&b"<html>"[..], 1),
            (br#"{"id":9,"result":1}"#, 1),
            (br#"{"result":1}"#, 1),
            (br#"[{"id":5,"result":1}]"#, 2),
            (br#"[{"id":5,"result":1},{"id":5,"result":1}]"#, 2),
            (br#"{"jsonrpc":"2.0"}"#, 2),
        ] {
            assert!(
                matches!(answers(ASKED, body, 5, count), Err(L1Error::Malformed { .. })),
                "{body:?}"
            );
        }
        assert!(matches!(
            &answers(ASKED, br#"{"id":5}"#, 5, 1).unwrap()[0],
            Err(L1Error::Malformed { .. })
        ));
    }

    #[test]
    fn a_refused_batch_is_one_refusal() {
        let body = br#"{"id":null,"error":{"code":-32600,"message":"batch too large"}}"#;
        assert!(matches!(
            answers(ASKED, body, 5, 2),
            Err(L1Error::Refused { code: -32600, .. })
        ));
    }
}
