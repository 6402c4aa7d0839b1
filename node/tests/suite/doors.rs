//! Operators that listen: honest ones, and ones whose answers are changed on the way out.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
    response::Response,
};
use plasma_node::{
    api::{self, Door},
    config::HttpKeys,
    storage::memory::MemoryReader,
};
use serde_json::Value;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::chain::Chain;

/// An HTTP door on a port that the system chose; it closes when dropped.
pub(crate) struct Doors {
    pub(crate) base: String,
    serving: JoinHandle<()>,
}

impl Doors {
    /// The door of a chain.
    pub(crate) async fn open(chain: &Chain) -> Self {
        Self::of(chain.door.clone()).await
    }

    /// Any door.
    pub(crate) async fn of(door: Door<MemoryReader>) -> Self {
        Self::serve(api::router(door, &HttpKeys::default())).await
    }

    /// The same, with every JSON answer changed by someone who sees the path. What is posted comes to them as nothing yet:
    /// where they answer, it goes no further.
    pub(crate) async fn lying(
        chain: &Chain,
        lie: impl Fn(&str, &mut Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::lying_of(chain.door.clone(), lie).await
    }

    /// The same before any door.
    pub(crate) async fn lying_of(
        door: Door<MemoryReader>,
        lie: impl Fn(&str, &mut Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        let honest = api::router(door, &HttpKeys::default());
        let answer = move |request: Request<Body>| {
            let (honest, lie) = (honest.clone(), lie.clone());
            async move {
                let path = request.uri().path().to_owned();
                let mut kept = Value::Null;
                if request.method() == Method::POST {
                    lie(&path, &mut kept);
                }
                if !kept.is_null() {
                    let status = kept["status"].as_u64().unwrap();
                    let mut response = Response::new(Body::from(kept.to_string()));
                    *response.status_mut() = u16::try_from(status).unwrap().try_into().unwrap();
                    return response;
                }
                let response = honest.oneshot(request).await.unwrap();
                let (mut parts, body) = response.into_parts();
                let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
                let mut document: Value = serde_json::from_slice(&bytes).unwrap();
                lie(&path, &mut document);
                parts.headers.remove(header::CONTENT_LENGTH);
                Response::from_parts(parts, Body::from(document.to_string()))
            }
        };
        Self::serve(Router::new().fallback(answer)).await
    }

    async fn serve(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, serving }
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An address where nobody listens.
pub(crate) async fn absent() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
