//! Paths, queries and bodies of requests, read strictly: what is wrong is said with its name and what would be right.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

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

/// A wrong parameter is repeated up to here, no further: it may be a megabyte.
const SHOWN_CHARS: usize = 80;
