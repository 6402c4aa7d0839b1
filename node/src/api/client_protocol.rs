//! The libp2p client door: what strangers ask on streams, answered with the very documents of the HTTP door.
//!
//! Bytes of a request (`protocol.md` section 15); integers big-endian:
//!
//! ```text
//! 0x01 submit   wait 1 (0 none, 1 accepted, 2 committed, 3 anchored, 4 finalized) ‖ timeout_ms 2 ‖ transaction, rest
//! 0x02 get      path and query of the HTTP door, rest
//! ```
//!
//! An answer is the HTTP status, 2 bytes, and the body. So there is one list of questions, and none that only one
//! transport knows; what never ends (`/v1/events`) only HTTP carries.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request as HttpRequest,
};
use tower::ServiceExt as _;

use super::{
    Answer, Code, Door, Problem, Reply, routes,
    submit::{self, Wait},
};
use crate::storage::Read;

/// Longest request: the longest transaction with its head, and room for growth.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;

/// The network gives a request up after ten seconds, so an answer comes before.
pub const SUBMIT_WAIT_MAX: Duration = Duration::from_secs(8);

/// A decoded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Take a transaction.
    Submit {
        /// How far it must get before the answer.
        wait: Wait,
        /// How long to wait.
        timeout_ms: u16,
        /// Its bytes, ours or the seed's.
        transaction: Vec<u8>,
    },
    /// Ask what HTTP answers under this path.
    Get(String),
}

impl Request {
    /// The bytes of a request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Submit {
                wait,
                timeout_ms,
                transaction,
            } => {
                let [high, low] = timeout_ms.to_be_bytes();
                [&[SUBMIT, wait_byte(*wait), high, low], transaction.as_slice()].concat()
            }
            Self::Get(path) => [&[GET][..], path.as_bytes()].concat(),
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`], [`Code::PayloadTooLarge`], with what the kind wants.
    pub fn decode(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > REQUEST_BYTES_MAX {
            let detail = format!("a request of {} bytes", bytes.len());
            let problem = Code::PayloadTooLarge
                .because(detail)
                .with("limit", REQUEST_BYTES_MAX);
            return Err(problem.hint("batches go over HTTP"));
        }
        let Some((kind, body)) = bytes.split_first() else {
            return Err(Code::MalformedRequest
                .because("the request is empty")
                .hint("it begins with a kind, 1 byte"));
        };
        let (parsed, shape) = match *kind {
            SUBMIT => (
                Self::parse_submit(body),
                "wait 1 (0 to 4) ‖ timeout_ms 2 ‖ transaction",
            ),
            GET => (
                Self::parse_get(body),
                "the path of a question, such as /v1/status",
            ),
            _ => (None, "kinds are 0x01 submit and 0x02 get"),
        };
        parsed.ok_or_else(|| {
            Code::MalformedRequest
                .because(format!(
                    "request kind {kind:#04x} with {} bytes behind it",
                    body.len()
                ))
                .hint(shape)
        })
    }

    fn parse_submit(body: &[u8]) -> Option<Self> {
        let (wait, rest) = body.split_first()?;
        let (timeout_ms, transaction) = rest.split_first_chunk()?;
        Some(Self::Submit {
            wait: wait_of(*wait)?,
            timeout_ms: u16::from_be_bytes(*timeout_ms),
            transaction: transaction.to_vec(),
        })
    }

    fn parse_get(body: &[u8]) -> Option<Self> {
        let path = std::str::from_utf8(body).ok()?;
        path.starts_with('/').then(|| Self::Get(path.to_owned()))
    }
}

/// Answers the frames of clients, whoever carries them.
#[derive(Clone, Debug)]
pub struct Counter<R> {
    door: Door<R>,
    paths: Router,
}

impl<R: Read + Clone + Send + Sync + 'static> Counter<R> {
    /// Before this door.
    #[must_use]
    pub fn new(door: Door<R>) -> Self {
        let paths = routes::documents(door.clone());
        Self { door, paths }
    }

    /// Answers one request frame. Never fails: what is wrong is said in the answer.
    pub async fn answer(&self, request: &[u8]) -> Vec<u8> {
        match Request::decode(request) {
            Ok(Request::Get(path)) => self.get(&path).await,
            Ok(Request::Submit {
                wait,
                timeout_ms,
                transaction,
            }) => frame(self.submit(wait, timeout_ms, &transaction).await),
            Err(problem) => frame(Err(problem)),
        }
    }

    async fn submit(&self, wait: Wait, timeout_ms: u16, transaction: &[u8]) -> Answer {
        let signed = submit::parse(transaction, self.door.facts.genesis.legacy_transactions)?;
        let limit = Duration::from_millis(timeout_ms.into()).min(SUBMIT_WAIT_MAX);
        self.door.submit(signed, wait, limit).await
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let Ok(request) = HttpRequest::get(path).body(Body::empty()) else {
            return frame(Err(Code::MalformedRequest
                .because("the path is none")
                .hint("plain ASCII, percent-encoded")));
        };
        let response = match self.paths.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        match to_bytes(response.into_body(), ANSWER_MAX).await {
            Ok(body) => [&status.to_be_bytes()[..], &body].concat(),
            Err(_) => frame(Err(Code::PayloadTooLarge
                .because(format!("the answer has more than {ANSWER_MAX} bytes"))
                .with("limit", ANSWER_MAX)
                .hint("ask for a smaller page, or over HTTP"))),
        }
    }
}

/// status 2 ‖ JSON.
fn frame(answer: Answer) -> Vec<u8> {
    let reply = Reply::of(answer);
    [&reply.status.to_be_bytes()[..], &reply.body].concat()
}

/// Status and body of an answer frame; `None` when it is too short to be one.
#[must_use]
pub fn split_answer(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (status, body) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*status), body))
}

fn wait_byte(wait: Wait) -> u8 {
    match wait {
        Wait::None => 0,
        Wait::Accepted => 1,
        Wait::Committed => 2,
        Wait::Anchored => 3,
        Wait::Finalized => 4,
    }
}

fn wait_of(byte: u8) -> Option<Wait> {
    let all = [
        Wait::None,
        Wait::Accepted,
        Wait::Committed,
        Wait::Anchored,
        Wait::Finalized,
    ];
    all.into_iter().find(|wait| wait_byte(*wait) == byte)
}

const SUBMIT: u8 = 0x01;
const GET: u8 = 0x02;

/// The network carries answers up to a megabyte; the largest page of transactions has three quarters of one.
const ANSWER_MAX: usize = (1 << 20) - 2;

#[cfg(test)]
mod tests {
    use super::{Request, split_answer};
    use crate::api::{Code, Wait};

    #[test]
    fn requests_survive_their_bytes() {
        let waits = [
            Wait::None,
            Wait::Accepted,
            Wait::Committed,
            Wait::Anchored,
            Wait::Finalized,
        ];
        let submits = waits.map(|wait| Request::Submit {
            wait,
            timeout_ms: 5_000,
            transaction: vec![5, 1, 1],
        });
        for request in submits.into_iter().chain([Request::Get("/v1/status".to_owned())]) {
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
    }

    #[test]
    fn wrong_lengths_kinds_and_waits_are_refused() {
        let cases: [&[u8]; 8] = [
            &[],
            &[0],
            &[3],
            &[1],
            &[1, 5, 0, 0],
            &[2],
            b"\x02v1/status",
            &[2, b'/', 0xff],
        ];
        for bytes in cases {
            let problem = Request::decode(bytes).unwrap_err();
            assert!(
                problem.is(Code::MalformedRequest) && problem.hint.is_some(),
                "{bytes:?} {problem}"
            );
        }
        assert!(Request::decode(&[1; 5000]).unwrap_err().is(Code::PayloadTooLarge));
    }

    #[test]
    fn answers_without_a_status_are_none() {
        assert_eq!(split_answer(&[0]), None);
        assert_eq!(split_answer(&[0, 200, b'{', b'}']), Some((200, &b"{}"[..])));
    }
}
