//! The listening end of HTTP: few, short-lived and watched connections.
//!
//! A client that is slow to say what it wants, or to read what it asked for, loses its connection; no number of such
//! clients stops the others, because a connection costs one task and a bounded buffer, and their number is bounded.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Serves until `shutdown` ends, then lets running requests finish.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    shutdown: impl Future<Output = ()> + Send,
) {
    // `max_connections` of the configuration is at least one; a semaphore holds at most this many.
    let size = connections_max.clamp(1, Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(size));
    let (stop, stopped) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                tokio::spawn(connection(stream, router.clone(), stopped.clone(), place));
            }
            Err(error) => {
                // Out of file descriptors, or a peer that left before we looked: neither is a reason to stop.
                warn!(%error, "http accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drop(stop);
    let all = u32::try_from(size).unwrap_or(u32::MAX);
    if timeout(DRAIN, places.acquire_many(all)).await.is_err() {
        debug!("http connections cut at shutdown");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    // The place first: a connection we cannot serve waits in the kernel's bounded queue.
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn connection(
    stream: TcpStream,
    router: Router,
    mut stopped: watch::Receiver<()>,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "http nodelay");
    }
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served);
    tokio::select! {
        result = served.as_mut() => return closed(result),
        _ = stopped.changed() => {}
        () = sleep(LIFE) => {}
    }
    served.as_mut().graceful_shutdown();
    match timeout(DRAIN_CONNECTION, served).await {
        Ok(result) => closed(result),
        Err(_) => debug!("http connection cut"),
    }
    drop(place);
}

fn closed(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        debug!(%error, "http connection");
    }
}

/// A head is one packet; an idle keep-alive connection is dropped after the same time. Above it, phones on bad networks
/// have long retried.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

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
