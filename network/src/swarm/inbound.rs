//! Requests of others: each waits for its turn by its asker's rate, then for room in the node's channel, then for the
//! answer, and all that no longer than its protocol's timeout. How many there can be is bounded by what libp2p lets one
//! connection have in flight.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    PeerId,
    request_response::{self, InboundRequestId, Message, ResponseChannel},
    swarm::ConnectionId,
};
use tokio::sync::{mpsc, oneshot};

use super::Driver;
use crate::{
    config::{Limits, Rate},
    direct::{Bucket, Budget, Charge},
    event::{Event, Responder},
    request::{FREE_BYTES, Held, Received},
    table::Table,
};

/// By which protocol a request came, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Sync(InboundRequestId),
    Client(InboundRequestId),
}

/// A request that was answered, or refused with `None`.
pub(super) struct Answered {
    asked: Asked,
    channel: ResponseChannel<Bytes>,
    /// What large answers are charged to while they are written.
    budget: Arc<Budget>,
    bytes: Option<Bytes>,
}

/// What is kept for one operator that asked.
#[derive(Debug)]
struct Operator {
    bucket: Bucket,
    answers: Arc<Budget>,
}

/// What is kept for one connected client.
#[derive(Debug)]
struct Client {
    connections: Vec<ConnectionId>,
    bucket: Bucket,
    asked: Instant,
}

/// Requests under way and the rates of their askers.
pub(super) struct Askers {
    under_way: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// Operators by slot; never more than there are peers.
    operators: BTreeMap<u16, Operator>,
    /// Connected strangers; never more than `max_clients`.
    clients: HashMap<PeerId, Client>,
    client_answers: Arc<Budget>,
    /// Large answers that are being written; a peer that does not read them keeps its own share and no more.
    writing: HashMap<Asked, Arc<Charge>>,
}

/// One request to be handed to the node.
struct Delivery {
    asked: Asked,
    budget: Arc<Budget>,
    pause: Duration,
    timeout: Duration,
    inbox: mpsc::Sender<Event>,
    channel: ResponseChannel<Bytes>,
}

impl Askers {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            under_way: FuturesUnordered::new(),
            operators: BTreeMap::new(),
            clients: HashMap::new(),
            client_answers: Budget::new(limits.client_bytes_in_flight),
            writing: HashMap::new(),
        }
    }

    /// An answer was written, or never will be.
    pub(super) fn on_written(&mut self, asked: Asked) {
        self.writing.remove(&asked);
    }

    fn operator(&mut self, slot: u16, limits: &Limits, now: Instant) -> &mut Operator {
        self.operators.entry(slot).or_insert_with(|| Operator {
            bucket: Bucket::full(limits.sync_rate, now),
            answers: Budget::new(limits.sync_answer_bytes),
        })
    }

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

    pub(super) fn on_closed(&mut self, peer: &PeerId, connection: ConnectionId) {
        if let Some(client) = self.clients.get_mut(peer) {
            client.connections.retain(|id| *id != connection);
            if client.connections.is_empty() {
                self.clients.remove(peer);
            }
        }
    }

    /// Forgets operators that left.
    pub(super) fn follow(&mut self, table: &Table) {
        self.operators.retain(|slot, _| table.get(*slot).is_some());
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
            asked,
            budget,
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
            asked,
            channel,
            budget,
            bytes: bytes.ok().flatten(),
        });
        self.under_way.push(under_way.boxed());
    }
}

impl Driver {
    pub(super) fn on_operator_asks(&mut self, peer: &PeerId, id: InboundRequestId, request: Asking) {
        let Some(from) = self.lines.of(peer).map(|line| line.slot) else {
            return;
        };
        let limits = &self.limits;
        let operator = self.askers.operator(from, limits, Instant::now());
        let delivery = Delivery {
            asked: Asked::Sync(id),
            budget: Arc::clone(&operator.answers),
            pause: operator.bucket.take(Instant::now(), 1),
            timeout: limits.sync_timeout,
            inbox: self.inboxes.requests.clone(),
            channel: request.channel,
        };
        let (reply, answer) = responder(limits.sync_response_bytes, None);
        self.askers.deliver(
            delivery,
            Event::Request {
                from,
                bytes: request.received.bytes,
                reply,
            },
            answer,
        );
    }

    pub(super) fn on_client_event(&mut self, event: request_response::Event<Received, Bytes>) {
        match event {
            request_response::Event::Message {
                peer,
                message:
                    Message::Request {
                        request_id,
                        request,
                        channel,
                    },
                ..
            } => self.on_client_asks(
                peer,
                request_id,
                Asking {
                    received: request,
                    channel,
                },
            ),
            request_response::Event::InboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "a client's request failed");
                self.askers.on_written(Asked::Client(request_id));
            }
            request_response::Event::ResponseSent { request_id, .. } => {
                self.askers.on_written(Asked::Client(request_id));
            }
            _ => {}
        }
    }

    fn on_client_asks(&mut self, peer: PeerId, id: InboundRequestId, request: Asking) {
        let (limits, now) = (&self.limits, Instant::now());
        let pause = if let Some(client) = self.askers.clients.get_mut(&peer) {
            client.asked = now;
            client.bucket.take(now, 1)
        } else if let Some(line) = self.lines.of(&peer) {
            self.askers.operator(line.slot, limits, now).bucket.take(now, 1)
        } else {
            // It has gone meanwhile.
            return;
        };
        let Received { bytes, held } = request.received;
        let delivery = Delivery {
            asked: Asked::Client(id),
            budget: Arc::clone(&self.askers.client_answers),
            pause,
            timeout: limits.client_timeout,
            inbox: self.inboxes.clients.clone(),
            channel: request.channel,
        };
        let (reply, answer) = responder(limits.client_bytes, held);
        self.askers
            .deliver(delivery, Event::ClientRequest { peer, bytes, reply }, answer);
    }

    pub(super) fn on_answered(&mut self, answered: Answered) {
        let Answered {
            asked,
            channel,
            budget,
            bytes: Some(bytes),
        } = answered
        else {
            return;
        };
        let charge = if bytes.len() > FREE_BYTES {
            let Some(charge) = budget.charge(bytes.len()) else {
                tracing::debug!(?asked, "answer refused, too much is being written already");
                return;
            };
            Some(charge)
        } else {
            None
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
        } else if let Some(charge) = charge {
            self.askers.writing.insert(asked, charge);
        }
    }
}

/// A received request and where its answer goes.
pub(super) struct Asking {
    pub(super) received: Received,
    pub(super) channel: ResponseChannel<Bytes>,
}

fn responder(limit: u32, held: Option<Held>) -> (Responder, oneshot::Receiver<Bytes>) {
    let (reply, answer) = oneshot::channel();
    (Responder { reply, limit, held }, answer)
}
