//! The bodies of requests, as they arrive. Those that are large share a room, and no client can fill it alone.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{header, request::Parts},
};
use futures::StreamExt as _;
use tokio::time::timeout;

use super::{
    Code, Problem,
    meter::{Asker, Who},
};

/// The room that large bodies share.
#[derive(Debug)]
pub(super) struct BodyRoom {
    held: Mutex<Held>,
    patience: Duration,
}

/// Bytes that are held now.
#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Those of each client that is counted; none that has none.
    by_client: BTreeMap<Who, usize>,
}

/// A body that was read, and the room it takes until it is dropped.
pub(super) struct Content<'a> {
    pub(super) bytes: Vec<u8>,
    _place: Place<'a>,
}

/// What one body holds of the room.
struct Place<'a> {
    room: &'a BodyRoom,
    client: Option<Who>,
    bytes: usize,
}

impl BodyRoom {
    pub(super) fn new() -> Self {
        Self {
            held: Mutex::default(),
            patience: BODY_TIMEOUT,
        }
    }

    /// The whole body, at most `bytes_max` long; a longer one is refused by its stated length, before it is read. It takes room
    /// as it arrives: who states much and sends little holds little.
    ///
    /// # Errors
    /// [`Code::PayloadTooLarge`], [`Code::RequestTimeout`] when it does not arrive in time, [`Code::Overloaded`] when too
    /// many large ones arrive at once, [`Code::MalformedRequest`] when the connection breaks.
    pub(super) async fn read(
        &self,
        parts: &Parts,
        body: Body,
        bytes_max: usize,
    ) -> Result<Content<'_>, Problem> {
        let stated = parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        let length = stated.and_then(|text| text.parse::<usize>().ok());
        if length.is_some_and(|length| length > bytes_max) {
            return Err(too_large(bytes_max));
        }
        let place = Place {
            room: self,
            client: parts.extensions.get::<Asker>().map(Asker::client),
            bytes: 0,
        };
        timeout(self.patience, take(place, body, bytes_max))
            .await
            .unwrap_or_else(|_| {
                Err(Code::RequestTimeout
                    .because("the body did not arrive in time")
                    .with("limit_s", self.patience.as_secs())
                    .hint("send it faster, or in smaller requests"))
            })
    }

    /// The sums are whole between any two statements: a panic elsewhere leaves nothing half counted.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(mut place: Place<'_>, body: Body, bytes_max: usize) -> Result<Content<'_>, Problem> {
    let (mut stream, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| {
            let problem = Code::MalformedRequest.because(format!("the body broke off: {error}"));
            problem.hint("send it again; resending a transaction is harmless")
        })?;
        let length = bytes.len().saturating_add(piece.len());
        if length > bytes_max {
            return Err(too_large(bytes_max));
        }
        place.grow(length)?;
        bytes.extend_from_slice(&piece);
    }
    Ok(Content { bytes, _place: place })
}

impl Place<'_> {
    /// Holds so many bytes. A small body needs no room: the number of connections bounds them all.
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        if bytes <= SMALL_BODY {
            return Ok(());
        }
        let more = bytes.saturating_sub(self.bytes);
        let mut held = self.room.held();
        let own = self.client.and_then(|client| held.by_client.get(&client));
        let own = own.copied().unwrap_or(0).saturating_add(more);
        if self.client.is_some() && own > SHARE {
            return Err(Code::Overloaded
                .because("this client sends too many large bodies at once")
                .hint("send them one after the other"));
        }
        let all = held.all.saturating_add(more);
        if all > ROOM {
            return Err(Code::Overloaded
                .because("too many large bodies arrive at once")
                .hint(format!(
                    "ask again in a second, or send at most {SMALL_BODY} bytes at once"
                )));
        }
        held.all = all;
        if let Some(client) = self.client {
            held.by_client.insert(client, own);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut held = self.room.held();
        held.all = held.all.saturating_sub(self.bytes);
        if let Some(client) = self.client
            && let Some(own) = held.by_client.get_mut(&client)
        {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.by_client.remove(&client);
            }
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Code::PayloadTooLarge
        .because(format!("the body has more than {bytes_max} bytes"))
        .hint("send fewer transactions per request")
        .with("limit", bytes_max)
}

/// A megabyte at 70 kB/s; slower senders hold a connection for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Four of the longest transactions in hex and JSON; four thousand connections of these are 16 MB.
const SMALL_BODY: usize = 4 * 1024;

/// What all larger bodies hold together: sixteen of the longest batches. They may take twice as much memory while they grow.
const ROOM: usize = 64 * 1024 * 1024;

/// What those of one client hold: four of the longest batches, some thirty usual ones.
const SHARE: usize = ROOM / 4;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::{body::Bytes, http::Request};
    use futures::stream;

    use super::*;
    use crate::config::{HttpKeys, tokens::Tokens};

    fn from(host: u8) -> Parts {
        let meter = super::super::meter::Meter::new(&HttpKeys::default(), &Tokens::default());
        let (mut parts, ()) = Request::new(()).into_parts();
        let host = IpAddr::V4(Ipv4Addr::new(9, 9, 9, host));
        parts
            .extensions
            .insert(Asker::of(&meter, host, &parts.headers).unwrap());
        parts
    }

    async fn take(room: &BodyRoom, host: u8, bytes: usize) -> Result<Content<'_>, Problem> {
        room.read(&from(host), Body::from(vec![7; bytes]), ROOM).await
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for_longer_than_said() {
        let room = BodyRoom {
            patience: Duration::ZERO,
            ..BodyRoom::new()
        };
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let read = room.read(&from(1), silent, SMALL_BODY).await;
        let refused = read.map(|content| content.bytes).unwrap_err();
        assert!(refused.is(Code::RequestTimeout) && refused.retryable, "{refused}");
        assert_eq!(refused.members["limit_s"], 0);
    }

    #[tokio::test]
    async fn one_client_fills_its_share_and_the_others_have_room() {
        let room = BodyRoom::new();
        let first = take(&room, 1, SHARE - 1).await.unwrap();
        let refused = take(&room, 1, SMALL_BODY + 1).await.map(drop).unwrap_err();
        assert!(refused.is(Code::Overloaded) && refused.retryable, "{refused}");
        take(&room, 1, SMALL_BODY).await.unwrap();
        let mut others = Vec::new();
        for host in 2..5 {
            others.push(take(&room, host, SHARE).await.unwrap());
        }
        let refused = take(&room, 5, SMALL_BODY + 1).await.map(drop).unwrap_err();
        assert_eq!(refused.detail, "too many large bodies arrive at once");
        drop(first);
        let again = take(&room, 1, SHARE).await.unwrap();
        assert_eq!(again.bytes.len(), SHARE);
        drop((again, others));
        let held = room.held();
        assert!(held.all == 0 && held.by_client.is_empty(), "{held:?}");
    }

    #[tokio::test]
    async fn who_sends_little_of_much_holds_little() {
        let room = BodyRoom::new();
        let (mut parts, started) = (
            from(1),
            Body::from_stream(
                stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"[\"0"))]).chain(stream::pending()),
            ),
        );
        parts
            .headers
            .insert(header::CONTENT_LENGTH, SHARE.to_string().parse().unwrap());
        let slow = room.read(&parts, started, ROOM);
        futures::pin_mut!(slow);
        assert!(futures::poll!(&mut slow).is_pending());
        assert_eq!(room.held().all, 0);
        take(&room, 1, SHARE).await.unwrap();
    }
}
