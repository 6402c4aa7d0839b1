//! What a door answers, before it is HTTP or a client frame: a status and a document.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use plasma_core::Hash;
use serde::Serialize;
use serde_json::Value;

use super::{Code, Problem};
use crate::hex;

/// A document with its status. Both transports send exactly these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// As HTTP means it.
    pub status: u16,
    /// JSON, unless it `is_raw`.
    pub body: Vec<u8>,
    /// Whether the body is bytes of the chain.
    pub is_raw: bool,
    /// Whether a submitted transaction was known before.
    pub duplicate: bool,
    /// Path of the thing that was created.
    pub location: Option<String>,
    /// What names the body, if the same question has the same answer for ever.
    pub tag: Option<Hash>,
}

/// What every question ends in.
pub type Answer = Result<Reply, Problem>;

impl Reply {
    /// A document.
    ///
    /// # Errors
    /// [`Code::Internal`] when it has no JSON form, which no document of ours lacks.
    pub fn ok(document: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(document)
            .map_err(|error| Code::Internal.because(format!("the answer has no JSON form: {error}")))?;
        Ok(Self {
            status: 200,
            body,
            is_raw: false,
            duplicate: false,
            location: None,
            tag: None,
        })
    }

    /// Bytes of the chain.
    #[must_use]
    pub fn bytes(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            body,
            is_raw: true,
            duplicate: false,
            location: None,
            tag: None,
        }
    }

    /// The same document with another status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same for ever, under this name: whoever has it need not ask again.
    #[must_use]
    pub fn for_ever(self, tag: Hash) -> Self {
        Self {
            tag: Some(tag),
            ..self
        }
    }

    /// Either side of an answer as status and JSON bytes.
    #[must_use]
    pub fn of(answer: Answer) -> Self {
        answer.unwrap_or_else(|problem| {
            let body = serde_json::to_vec(&problem).unwrap_or_default();
            Self {
                status: problem.status,
                body,
                is_raw: false,
                duplicate: false,
                location: None,
                tag: None,
            }
        })
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let kind = if self.is_raw {
            "application/octet-stream"
        } else {
            "application/json"
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let tag = self.tag.map(|tag| format!("\"{}\"", hex::encode(&tag.0)));
        let tag = tag.and_then(|tag| HeaderValue::from_str(&tag).ok());
        let caching = if tag.is_some() { FOR_EVER } else { "no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        if self.duplicate {
            headers.insert(
                HeaderName::from_static("plasma-duplicate"),
                HeaderValue::from_static("true"),
            );
        }
        if let Some(location) = self.location.and_then(|path| HeaderValue::from_str(&path).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

impl IntoResponse for Problem {
    /// The body is written by [`super::finish`], which knows the path; until then the problem travels beside it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.is(Code::UnknownToken) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.status, 429 | 503) && self.retryable {
            let seconds = self.members.get("retry_after_s").and_then(Value::as_u64);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.unwrap_or(1)));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A year is as long as anybody keeps it.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
