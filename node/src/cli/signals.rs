//! When to stop: ctrl-C, SIGTERM, or a parent that went away. The second signal stops at once.

use std::{io, process};

use tokio::{
    io::AsyncReadExt as _,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tracing::{info, warn};

/// A watch that turns true when the operator shall stop.
pub(super) fn watch_for_stop(with_stdin: bool) -> io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    for (kind, code) in [(SignalKind::interrupt(), 130), (SignalKind::terminate(), 143)] {
        tokio::spawn(on_signal(signal(kind)?, code, stop.clone()));
    }
    if with_stdin {
        tokio::spawn(on_stdin_close(stop));
    }
    Ok(stopped)
}

async fn on_signal(mut signals: Signal, code: i32, stop: watch::Sender<bool>) {
    while signals.recv().await.is_some() {
        if stop.send_replace(true) {
            warn!("second signal, stopping at once");
            process::exit(code);
        }
        info!("stopping; once more to stop at once");
    }
}

async fn on_stdin_close(stop: watch::Sender<bool>) {
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 256];
    while matches!(stdin.read(&mut ignored).await, Ok(1..)) {}
    if !stop.send_replace(true) {
        info!("standard input closed, stopping");
    }
}
