//! The paths: which asks what, and what every answer carries.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};

use super::{Code, Door, Problem, explorer, meter::Asker, openapi};
use crate::{config::HttpKeys, hex, storage::Read};

mod handlers;
mod legacy;
mod questions;

/// Every path that answers with one document.
pub(super) fn documents<R: Read + Clone + Send + Sync + 'static>(door: Door<R>) -> Router {
    let (paths, document) = openapi::told(questions::questions::<R>());
    let document = Bytes::from(document);
    let openapi = move || std::future::ready(openapi_document(document.clone()));
    paths
        .route("/openapi.json", get(openapi))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn(metered))
        .layer(middleware::from_fn_with_state(door.clone(), finish))
        .with_state(door)
}

/// The document does not change while the operator runs.
fn openapi_document(document: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Every path of the HTTP door: documents, what never ends, and what is wanted of the explorer's files and the old paths.
pub(super) fn router<R: Read + Clone + Send + Sync + 'static>(door: Door<R>, keys: &HttpKeys) -> Router {
    let mut others = Router::new().route("/v1/events", get(handlers::events));
    if keys.explorer {
        others = others.merge(explorer::files());
    }
    if keys.legacy_go_plasma {
        others = others.merge(legacy::paths());
    }
    let others = others
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn(metered))
        .layer(middleware::from_fn_with_state(door.clone(), finish))
        .with_state(door.clone());
    documents(door).merge(others)
}

async fn unknown_path() -> Problem {
    Code::NotFound
        .because("there is no such path")
        .hint("paths begin with /v1/: status, network, federation, stats, mempool, fees, search, alerts, transactions, addresses, outputs, blocks, exits, deposits")
}

async fn unknown_method(method: Method) -> Problem {
    Code::MethodNotAllowed
        .because(format!("{method} is not allowed here"))
        .hint("the header Allow names what is")
}

/// Counts a request before anything is read of it.
async fn metered(request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(asker) = request.extensions().get::<Asker>() {
        asker.take_one()?;
    }
    Ok(next.run(request).await)
}

/// Writes problems, and puts on every answer where the operator stands and on which chain.
async fn finish<R: Read + Clone + Send + Sync + 'static>(
    State(door): State<Door<R>>,
    request: Request,
    next: Next,
) -> Response {
    let path: String = request.uri().path().chars().take(PATH_CHARS).collect();
    let held = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    if held.is_some_and(|held| is_held(&held, &response)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let written = axum::response::IntoResponse::into_response(Json(problem.at(&path)));
        *response.body_mut() = written.into_body();
        // A length that a fallback set for its own body.
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let height = HeaderValue::from(door.handle.status().height.0);
    let chain = hex::encode(door.facts.hash.0.get(..CHAIN_BYTES).unwrap_or_default());
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("plasma-height"), height);
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(HeaderName::from_static("plasma-chain"), chain);
    }
    response
}

/// Whether who asks holds this very answer: one of the tags that it names is the answer's.
fn is_held(held: &HeaderValue, response: &Response) -> bool {
    let tag = response
        .headers()
        .get(header::ETAG)
        .filter(|_| response.status() == StatusCode::OK);
    let Some((tag, held)) = tag.and_then(|tag| tag.to_str().ok()).zip(held.to_str().ok()) else {
        return false;
    };
    let mut held = held.split(',').map(|one| one.trim().trim_start_matches("W/"));
    held.any(|one| one == tag || one == "*")
}

/// Bytes of the genesis hash that tell chains apart in a header.
const CHAIN_BYTES: usize = 8;

/// A path is repeated in a problem up to here.
const PATH_CHARS: usize = 200;
