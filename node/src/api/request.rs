//! Paths, queries and bodies of requests, read strictly: what is wrong is said with its name and what would be right.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, MatchedPath, Query, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{Code, Problem, query, text::TextError};

/// The one parameter of a path.
#[derive(Debug)]
pub(super) struct Name<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr<Err = TextError>> FromRequestParts<S> for Name<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = parts.extensions.get::<MatchedPath>();
        let name = path.map_or("", |path| parameter(path.as_str())).to_owned();
        let malformed = |detail: String, hint: String| {
            let problem = Code::MalformedRequest.because(format!("{name} in the path is {detail}"));
            problem.hint(hint).with("field", name.as_str())
        };
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let parameters =
            parameters.map_err(|_| malformed("not UTF-8".to_owned(), "paths are plain ASCII".to_owned()))?;
        let text = parameters.iter().next().map_or("", |(_, text)| text);
        text.parse()
            .map(Self)
            .map_err(|error: TextError| malformed(format!("{:?}", shown(text)), error.to_string()))
    }
}

/// What stands between the braces of a path.
fn parameter(path: &str) -> &str {
    let inside = path
        .split_once('{')
        .and_then(|(_, behind)| behind.split_once('}'));
    inside.map_or("", |(name, _)| name)
}

/// As much of a client's text as is repeated to it: it may be a megabyte.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// The query, with every key known.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Pairs of texts are in any query; what is no UTF-8 in it shows as `\u{fffd}`.
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Code::MalformedRequest.because(format!("the query: {}", error.body_text())))?;
        query::read(&pairs).map(Self)
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
                .because(format!("the header Content-Type is {:?}", shown(other)))
                .hint("application/octet-stream, application/json {\"tx\":\"0x…\"} or text/plain hex")
                .with("field", "Content-Type")),
        }
    }
}

/// Enough to know it again.
const SHOWN_CHARS: usize = 80;
