//! Requests to a door without a socket, and what comes back.

use axum::{
    Router,
    body::Body,
    http::{Request, Response, header},
};
use plasma_core::SignedTransaction;
use plasma_node::{
    api::{self, Code, Problem},
    config::HttpKeys,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

use super::chain::Chain;

pub(crate) struct Answered {
    pub(crate) status: u16,
    response: Response<()>,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn document<T: DeserializeOwned>(&self) -> T {
        assert!(
            self.status < 300,
            "{} {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem, which must be complete and have this code.
    pub(crate) fn problem(&self, code: Code) -> Problem {
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{} {error} {}", self.status, String::from_utf8_lossy(&self.body));
        });
        assert_eq!(problem.code, code.as_str(), "{problem}");
        assert_eq!((self.status, problem.status), (code.status(), code.status()));
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(
            problem.hint.is_some() && !problem.detail.is_empty() && problem.instance.is_some(),
            "{problem:?}"
        );
        if matches!(code, Code::MalformedRequest | Code::UnsupportedMediaType) {
            let field = problem.members.get("field").and_then(Value::as_str);
            assert!(field.is_some_and(|field| !field.is_empty()), "{problem:?}");
        }
        problem
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answered {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap().to_vec();
    Answered {
        status: parts.status.as_u16(),
        response: Response::from_parts(parts, ()),
        body,
    }
}

pub(crate) async fn get(router: &Router, path: &str) -> Answered {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn post(router: &Router, path: &str, kind: &str, body: impl Into<Body>) -> Answered {
    send(
        router,
        Request::post(path)
            .header(header::CONTENT_TYPE, kind)
            .body(body.into())
            .unwrap(),
    )
    .await
}

pub(crate) async fn submit(router: &Router, signed: &SignedTransaction) -> Answered {
    post(router, "/v1/transactions", BYTES, signed.encode()).await
}

pub(crate) fn door(chain: &Chain) -> Router {
    api::router(chain.door.clone(), &HttpKeys::default())
}

pub(crate) const BYTES: &str = "application/octet-stream";
pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain";
