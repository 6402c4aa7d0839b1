//! Looks once a second at what the operator's people must hear of.

use std::time::Duration;

use tokio::time::sleep;

use super::handle::Handle;
use crate::api::Books;

/// Looks until the operator stops.
pub async fn follow(handle: Handle, books: Books) {
    let watch = handle.watch();
    while watch.has_changed().is_ok() {
        let head = books.arrivals.head().map(|head| head.height);
        books.alerts.look(handle.now(), &handle.status(), head);
        sleep(LOOK).await;
    }
}

/// People come in minutes, and nothing that is told here is over in less.
const LOOK: Duration = Duration::from_secs(1);
