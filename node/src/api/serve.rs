//! The listening end of HTTP: few, short-lived and watched connections.
//!
//! A client that is slow to say what it wants, or to read what it asked for, loses its connection; no number of such
//! clients stops the others, because a connection costs one task and a bounded buffer, their number is bounded, and
//! [`Places`] says whose turn it is to go.

use std::{convert::Infallible, future::Future, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    time::{sleep, timeout},
};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{
    meter::{Asker, Meter},
    places::{Place, Places},
};
use crate::config::{HttpKeys, tokens::Tokens};

/// What every connection is served with.
#[derive(Clone)]
struct Service {
    router: Router,
    meter: Arc<Meter>,
    patience: Patience,
}

/// How long a connection may wait for a head.
#[derive(Clone, Copy)]
struct Patience {
    first: Duration,
    further: Duration,
}

/// Serves until `shutdown` ends, then lets running requests finish.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    (keys, tokens): (HttpKeys, Tokens),
    shutdown: impl Future<Output = ()> + Send,
) {
    let places = Places::new(&keys);
    let service = Service {
        router,
        meter: Meter::new(&keys, &tokens),
        patience: PATIENCE,
    };
    let (stop, stopped) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a peer that left before we looked: neither is a reason to stop.
                warn!(%error, "http accept");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match places.enter(from.ip()) {
            Ok(place) => {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "http nodelay");
                }
                let connection = connection(stream, from.ip(), service.clone(), stopped.clone(), place);
                tokio::spawn(connection);
            }
            Err(refused) => debug!(%from, %refused, "http connection refused"),
        }
    }
    drop((listener, stopped));
    stop.send_replace(());
    if timeout(DRAIN, stop.closed()).await.is_err() {
        debug!("http connections cut at shutdown");
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    from: IpAddr,
    service: Service,
    mut stopped: watch::Receiver<()>,
    place: Place,
) {
    let place = Arc::new(place);
    let answer = service_fn(|mut request: Request<Incoming>| {
        if let Some(asker) = Asker::of(&service.meter, from, request.headers()) {
            request.extensions_mut().insert(asker);
        }
        answer(service.router.clone(), request, Arc::clone(&place))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(service.patience.further)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    let mut served = pin!(served);
    tokio::select! {
        result = served.as_mut() => return closed(result),
        () = place.is_lost() => return debug!(%from, "http connection gave way to another"),
        () = stays_silent(&place, service.patience.first) => return debug!(%from, "http connection without a request"),
        _ = stopped.changed() => {}
        () = sleep(LIFE) => {}
    }
    served.as_mut().graceful_shutdown();
    match timeout(DRAIN_CONNECTION, served).await {
        Ok(result) => closed(result),
        Err(_) => debug!("http connection cut"),
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    place: Arc<Place>,
) -> Result<Response<Body>, Infallible> {
    place.asks();
    let answered = router.oneshot(request).await;
    place.is_answered();
    answered
}

/// Ends when no request came in time, and never when one did.
async fn stays_silent(place: &Place, patience: Duration) {
    sleep(patience).await;
    if !place.is_silent() {
        std::future::pending::<()>().await;
    }
}

fn closed(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        debug!(%error, "http connection");
    }
}

/// Whoever connects has something to say: a head is one packet, and phones on bad networks have long retried after the
/// first time. An idle connection that was of use before may wait for longer, as long as nobody needs its place.
const PATIENCE: Patience = Patience {
    first: Duration::from_secs(5),
    further: Duration::from_secs(30),
};

/// Whoever reads an answer slower than this in all is served again on a new connection, so nobody holds one for ever.
const LIFE: Duration = Duration::from_secs(300);

/// After [`LIFE`], or at shutdown. Longer waits for a commit are cut, or a stop would last a minute; clients resend, and
/// ids make that harmless.
const DRAIN_CONNECTION: Duration = Duration::from_secs(2);

/// [`DRAIN_CONNECTION`] and a moment.
const DRAIN: Duration = Duration::from_secs(3);

/// Accept errors come in bursts; this keeps them from spinning.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Enough for a head and the first part of a body; the rest of a body streams.
const BUFFER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// All that a connection answers to these bytes before it is closed.
    async fn answers(asked: &[u8], patience: Patience) -> String {
        let keys = HttpKeys {
            max_connections: 1,
            ..HttpKeys::default()
        };
        let places = Places::new(&keys);
        let from = "9.9.9.9".parse().unwrap();
        let service = Service {
            router: Router::new().route("/", get(async || "here")),
            meter: Meter::new(&keys, &Tokens::default()),
            patience,
        };
        let (_stop, stopped) = watch::channel(());
        let (mut ours, theirs) = tokio::io::duplex(1 << 16);
        ours.write_all(asked).await.unwrap();
        let place = places.enter(from).unwrap();
        let served = tokio::spawn(connection(theirs, from, service, stopped, place));
        let mut text = String::new();
        let read = ours.read_to_string(&mut text);
        // Shorter than the patience with an idle connection.
        timeout(Duration::from_secs(20), read)
            .await
            .expect("it is not waited for")
            .unwrap();
        served.await.unwrap();
        assert!(places.enter(from).is_ok(), "its place is free again");
        text
    }

    #[tokio::test]
    async fn who_says_nothing_goes_after_the_first_patience_and_who_asked_after_the_other() {
        let hurried = Patience {
            first: Duration::ZERO,
            ..PATIENCE
        };
        for asked in ["", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
            assert_eq!(answers(asked.as_bytes(), hurried).await, "");
        }
        let patient = Patience {
            further: Duration::from_millis(1),
            ..PATIENCE
        };
        let text = answers(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", patient).await;
        assert!(
            text.starts_with("HTTP/1.1 200") && text.ends_with("here"),
            "{text}"
        );
    }
}
