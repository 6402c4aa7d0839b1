//! The paths: which asks what, and what every answer carries.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};

use super::{Code, Door, Problem, explorer, meter::Asker, openapi};
use crate::{hex, storage::Read};

mod handlers;
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

/// Every path of the HTTP door: documents, what never ends, and the explorer's files if they are wanted.
pub(super) fn router<R: Read + Clone + Send + Sync + 'static>(door: Door<R>, has_explorer: bool) -> Router {
    let streams = Router::new().route("/v1/events", get(handlers::events));
    let others = if has_explorer {
        streams.merge(explorer::files())
    } else {
        streams
    };
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
        .hint("paths begin with /v1/: status, network, federation, stats, mempool, fees, search, transactions, addresses, outputs, blocks, exits, deposits")
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
    let mut response = next.run(request).await;
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

/// Bytes of the genesis hash that tell chains apart in a header.
const CHAIN_BYTES: usize = 8;

/// A path is repeated in a problem up to here.
const PATH_CHARS: usize = 200;
