//! A road to an Ethereum endpoint that breaks after a number of requests, like a process that dies there.

use std::{
    future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router, body::Bytes, extract::State, http::header::CONTENT_TYPE, response::IntoResponse, routing::post,
};
use tokio::sync::Notify;

/// Whether the last request still reaches the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It does not.
    BeforeForwarding,
    /// It does, and its answer is lost.
    AfterForwarding,
}

struct Road {
    target: String,
    left: AtomicUsize,
    death: Death,
    broken: Notify,
}

/// A running proxy; its port closes when it is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    road: Arc<Road>,
    server: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Forwards this many requests and then nothing, for ever.
    pub(crate) async fn start(target: &str, requests: usize, death: Death) -> Self {
        let road = Arc::new(Road {
            target: target.to_owned(),
            left: AtomicUsize::new(requests),
            death,
            broken: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(forward))
            .with_state(Arc::clone(&road));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, road, server }
    }

    /// Waits until the request came that nobody answers.
    pub(crate) async fn reached(&self) {
        self.road.broken.notified().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(road): State<Arc<Road>>, body: Bytes) -> impl IntoResponse {
    let one_less = |left: usize| left.checked_sub(1);
    let is_open = road
        .left
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
        .is_ok();
    let mut answer = Bytes::new();
    if is_open || road.death == Death::AfterForwarding {
        let request = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        let request = request
            .post(&road.target)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        answer = request.send().await.unwrap().bytes().await.unwrap();
    }
    if !is_open {
        road.broken.notify_one();
        future::pending::<()>().await;
    }
    ([(CONTENT_TYPE, "application/json")], answer)
}
