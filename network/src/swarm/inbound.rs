//! Requests of others: each waits for its turn by its asker's rate, then for room in the node's channel, then for the
//! answer, and all that no longer than its protocol's timeout. How many there can be is bounded by what libp2p lets one
//! connection have in flight.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    PeerId,
    request_response::{self, Message, ResponseChannel},
    swarm::ConnectionId,
};
use tokio::sync::{mpsc, oneshot};

use super::Driver;
use crate::{
    config::Rate,
    direct::Bucket,
    handle::{Event, Responder},
    request::{Held, Received},
};

/// A request that was answered, or refused with `None`.
pub(super) struct Answered {
    channel: ResponseChannel<Bytes>,
    bytes: Option<Bytes>,
}

/// What is kept for one connected client.
#[derive(Debug)]
struct Client {
    connections: Vec<ConnectionId>,
    bucket: Bucket,
    asked: Instant,
}

/// Requests under way and the rates of their askers.
#[derive(Default)]
pub(super) struct Askers {
    under_way: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// Buckets of operators, by index; never more than the committee.
    operators: BTreeMap<u16, Bucket>,
    /// Connected strangers; never more than `max_clients`.
    clients: HashMap<PeerId, Client>,
}

/// One request to be handed to the node.
struct Delivery {
    pause: Duration,
    timeout: Duration,
    inbox: mpsc::Sender<Event>,
    channel: ResponseChannel<Bytes>,
}

impl Askers {
    /// The next answer; `None` while nothing is under way.
    pub(super) async fn next(&mut self) -> Option<Answered> {
        self.under_way.next().await
    }

    pub(super) fn on_client(&mut self, peer: PeerId, connection: ConnectionId, now: Instant, rate: Rate) {
        let bucket = || Bucket::full(rate, now);
        let client = self.clients.entry(peer);
        let client = client.or_insert_with(|| Client {
            connections: Vec::new(),
            bucket: bucket(),
            asked: now,
        });
        client.connections.push(connection);
    }

    pub(super) fn on_closed(&mut self, peer: &PeerId, connection: ConnectionId, last: bool) {
        if last {
            self.clients.remove(peer);
        } else if let Some(client) = self.clients.get_mut(peer) {
            client.connections.retain(|id| *id != connection);
        }
    }

    /// Connections of clients that asked nothing for so long.
    pub(super) fn idle(&self, now: Instant, patience: Duration) -> Vec<ConnectionId> {
        let idle = self
            .clients
            .values()
            .filter(|client| now.saturating_duration_since(client.asked) > patience);
        idle.flat_map(|client| client.connections.iter().copied())
            .collect()
    }

    fn deliver(&mut self, delivery: Delivery, event: Event, answer: oneshot::Receiver<Bytes>) {
        let Delivery {
            pause,
            timeout,
            inbox,
            channel,
        } = delivery;
        let answered = async move {
            tokio::time::sleep(pause).await;
            inbox.send(event).await.ok()?;
            answer.await.ok()
        };
        let under_way = tokio::time::timeout(timeout, answered).map(move |bytes| Answered {
            channel,
            bytes: bytes.ok().flatten(),
        });
        self.under_way.push(under_way.boxed());
    }
}

impl Driver {
    pub(super) fn on_operator_asks(
        &mut self,
        peer: &PeerId,
        request: Received,
        channel: ResponseChannel<Bytes>,
    ) {
        let Some(from) = self.lines.of(peer).map(|line| line.index) else {
            return;
        };
        let (limits, now) = (&self.limits, Instant::now());
        let bucket = self
            .askers
            .operators
            .entry(from)
            .or_insert_with(|| Bucket::full(limits.sync_rate, now));
        let delivery = Delivery {
            pause: bucket.take(now, 1),
            timeout: limits.sync_timeout,
            inbox: self.inboxes.requests.clone(),
            channel,
        };
        let (reply, answer) = responder(limits.sync_response_bytes, None);
        self.askers.deliver(
            delivery,
            Event::Request {
                from,
                bytes: request.bytes,
                reply,
            },
            answer,
        );
    }

    pub(super) fn on_client_event(&mut self, event: request_response::Event<Received, Bytes>) {
        match event {
            request_response::Event::Message {
                peer,
                message: Message::Request { request, channel, .. },
                ..
            } => self.on_client_asks(peer, request, channel),
            request_response::Event::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a client's request failed");
            }
            _ => {}
        }
    }

    fn on_client_asks(&mut self, peer: PeerId, request: Received, channel: ResponseChannel<Bytes>) {
        let (limits, now) = (&self.limits, Instant::now());
        let pause = if let Some(client) = self.askers.clients.get_mut(&peer) {
            client.asked = now;
            client.bucket.take(now, 1)
        } else if let Some(line) = self.lines.of(&peer) {
            let operators = &mut self.askers.operators;
            operators
                .entry(line.index)
                .or_insert_with(|| Bucket::full(limits.sync_rate, now))
                .take(now, 1)
        } else {
            // It has gone meanwhile.
            return;
        };
        let Received { bytes, held } = request;
        let timeout = limits.client_timeout;
        let delivery = Delivery {
            pause,
            timeout,
            inbox: self.inboxes.clients.clone(),
            channel,
        };
        let (reply, answer) = responder(limits.client_bytes, held);
        self.askers
            .deliver(delivery, Event::ClientRequest { peer, bytes, reply }, answer);
    }

    pub(super) fn on_answered(&mut self, answered: Answered) {
        let Answered {
            channel,
            bytes: Some(bytes),
        } = answered
        else {
            return;
        };
        // Which of the two behaviours sends does not matter: the channel knows its stream.
        if self
            .swarm
            .behaviour_mut()
            .client
            .send_response(channel, bytes)
            .is_err()
        {
            tracing::debug!("an answer came too late");
        }
    }
}

fn responder(limit: u32, held: Option<Held>) -> (Responder, oneshot::Receiver<Bytes>) {
    let (reply, answer) = oneshot::channel();
    (Responder { reply, limit, held }, answer)
}
