//! Paths, queries and bodies of requests, read strictly: what is wrong is said with its name and what would be right.

use std::{str::FromStr, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts, Query, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{Code, Problem, text::TextError};

/// The one parameter of a path.
#[derive(Debug)]
pub(super) struct Name<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr<Err = TextError>> FromRequestParts<S> for Name<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = |detail: String| {
            Code::MalformedRequest
                .because(detail)
                .hint("paths are plain ASCII")
        };
        let parameters = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| malformed(format!("the path is not UTF-8: {error}")))?;
        let (name, text) = parameters
            .iter()
            .next()
            .ok_or_else(|| malformed("the path has no parameter".into()))?;
        match text.parse() {
            Ok(value) => Ok(Self(value)),
            Err(error) => {
                let shown: String = text.chars().take(SHOWN_CHARS).collect();
                Err(malformed(format!("{name} in the path is {shown:?}"))
                    .hint(error.to_string())
                    .with("field", name))
            }
        }
    }
}

/// The query, with every key known.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| {
                let problem = Code::MalformedRequest.because(format!("the query: {}", error.body_text()));
                problem.hint("leave out what this path does not know; durations are texts such as 10s")
            })
    }
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/octet-stream`.
    Bytes,
    /// `application/json`.
    Json,
    /// `text/plain`.
    Text,
}

impl Format {
    /// # Errors
    /// [`Code::UnsupportedMediaType`] for any other or none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let stated = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match stated
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "application/octet-stream" => Ok(Self::Bytes),
            "application/json" => Ok(Self::Json),
            "text/plain" => Ok(Self::Text),
            other => Err(Code::UnsupportedMediaType
                .because(format!("the header Content-Type is {other:?}"))
                .hint("application/octet-stream, application/json {\"tx\":\"0x…\"} or text/plain hex")
                .with("field", "Content-Type")),
        }
    }
}

/// The room that large bodies share.
#[derive(Debug)]
pub(super) struct BodyRoom {
    room: Semaphore,
    patience: Duration,
}

/// A body that was read, and the room it takes until it is dropped.
pub(super) struct Content<'a> {
    pub(super) bytes: Vec<u8>,
    _room: Option<SemaphorePermit<'a>>,
}

impl BodyRoom {
    pub(super) fn new() -> Self {
        Self {
            room: Semaphore::new(ROOM_KIB),
            patience: BODY_TIMEOUT,
        }
    }

    /// The whole body, at most `bytes_max` long; a longer one is refused by its stated length, before it is read.
    ///
    /// # Errors
    /// [`Code::PayloadTooLarge`], [`Code::RequestTimeout`] when it does not arrive in time, [`Code::Overloaded`] when too
    /// many large ones arrive at once, [`Code::MalformedRequest`] when the connection breaks.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<Content<'_>, Problem> {
        let stated = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        let length = stated.and_then(|text| text.parse::<usize>().ok());
        if length.is_some_and(|length| length > bytes_max) {
            return Err(too_large(bytes_max));
        }
        let _room = self.take(length.unwrap_or(bytes_max)).await?;
        let read = axum::body::to_bytes(body, bytes_max);
        match timeout(self.patience, read).await {
            Err(_) => Err(Code::RequestTimeout
                .because("the body did not arrive in time")
                .with("limit_s", self.patience.as_secs())
                .hint("send it faster, or in smaller requests")),
            Ok(Ok(bytes)) => Ok(Content {
                bytes: bytes.into(),
                _room,
            }),
            Ok(Err(error)) if is_length_limit(&error) => Err(too_large(bytes_max)),
            Ok(Err(error)) => {
                let problem = Code::MalformedRequest.because(format!("the body broke off: {error}"));
                Err(problem.hint("send it again; resending a transaction is harmless"))
            }
        }
    }

    /// Room for a large body. A small one needs none: the number of connections bounds them all.
    async fn take(&self, length: usize) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        if length <= SMALL_BODY {
            return Ok(None);
        }
        let kib = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX);
        match timeout(self.patience, self.room.acquire_many(kib)).await {
            Ok(Ok(room)) => Ok(Some(room)),
            _ => Err(Code::Overloaded
                .because("too many large bodies arrive at once")
                .hint(format!(
                    "state a Content-Length, or send at most {SMALL_BODY} bytes at once"
                ))),
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Code::PayloadTooLarge
        .because(format!("the body has more than {bytes_max} bytes"))
        .hint("send fewer transactions per request")
        .with("limit", bytes_max)
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.to_string().contains("length limit") {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// A megabyte at 70 kB/s; slower senders hold a connection for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Four of the longest transactions in hex and JSON; four thousand connections of these are 16 MB.
const SMALL_BODY: usize = 4 * 1024;

/// Memory that all larger bodies take together, in KiB: sixteen full batches.
const ROOM_KIB: usize = 64 * 1024;

/// A wrong parameter is repeated up to here, no further: it may be a megabyte.
const SHOWN_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for_longer_than_said() {
        let room = BodyRoom {
            patience: Duration::ZERO,
            ..BodyRoom::new()
        };
        let silent = Body::from_stream(futures::stream::pending::<
            Result<axum::body::Bytes, std::io::Error>,
        >());
        let read = room.read(&HeaderMap::new(), silent, SMALL_BODY).await;
        let refused = read.map(|content| content.bytes).unwrap_err();
        assert!(refused.is(Code::RequestTimeout) && refused.retryable, "{refused}");
        assert_eq!(refused.members["limit_s"], 0);
    }
}
