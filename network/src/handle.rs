//! The two ends that the node holds: a [`Handle`] to speak and the [`Events`] to listen.
//!
//! Speaking never waits: frames go into bounded outboxes, commands into a bounded channel. Listening is in the order of
//! urgency: ups and downs, control, payload, requests of operators, of clients, gossip. What is not taken fills its own
//! channel and holds back only the peers that fill it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, gossipsub::MessageId};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    error::{GossipError, RequestError},
    frame::{Frame, To},
    line::{Lines, PeerStatus},
    request::Held,
};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// We can be reached here.
    Listening(Multiaddr),
    /// The operator is connected and a stream with it is usable. Its frames come after this.
    PeerUp(u16),
    /// The last connection to the operator closed. Frames received before may still follow.
    PeerDown(u16),
    /// A control frame, in the order of the sender's stream.
    Control {
        /// The authenticated sender.
        from: u16,
        /// The frame.
        bytes: Bytes,
    },
    /// A payload frame, in the order of the sender's stream.
    Payload {
        /// The authenticated sender.
        from: u16,
        /// The frame.
        bytes: Bytes,
    },
    /// A gossip message; it goes no further until [`Handle::report`] accepts it.
    Gossip {
        /// The operator that wrote it, authenticated by its signature. It may have come through another.
        from: Option<u16>,
        /// What to report on.
        id: GossipId,
        /// The message.
        bytes: Bytes,
    },
    /// A request of another operator.
    Request {
        /// The authenticated asker.
        from: u16,
        /// The request.
        bytes: Bytes,
        /// Where the answer goes.
        reply: Responder,
    },
    /// A request of anybody.
    ClientRequest {
        /// The asker's identity; clients make them up.
        peer: PeerId,
        /// The request.
        bytes: Bytes,
        /// Where the answer goes.
        reply: Responder,
    },
}

/// Names one received gossip message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GossipId {
    pub(crate) message: MessageId,
    /// The neighbour it came from, whom a rejection costs.
    pub(crate) source: PeerId,
}

/// What the layer above found in a gossip message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass it on.
    Accept,
    /// Do not pass it on; nobody is to blame (an honest race).
    Ignore,
    /// Malformed or wrongly signed: an honest operator cannot have passed it on.
    Reject,
}

/// Answers one request. Dropping it refuses the request.
#[derive(Debug)]
pub struct Responder {
    pub(crate) reply: oneshot::Sender<Bytes>,
    pub(crate) limit: u32,
    /// The request's share of the memory for unanswered requests.
    pub(crate) held: Option<Held>,
}

impl Responder {
    /// Sends the answer.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`] over the protocol's limit; the request is then refused.
    pub fn send(self, bytes: impl Into<Bytes>) -> Result<(), RequestError> {
        let bytes = bytes.into();
        drop(self.held);
        if u32::try_from(bytes.len()).is_ok_and(|len| len <= self.limit) {
            // An asker that went away is its own affair.
            let _ = self.reply.send(bytes);
            Ok(())
        } else {
            Err(RequestError::TooLarge {
                bytes: bytes.len(),
                limit: self.limit,
            })
        }
    }

    /// Whether the asker still waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.reply.is_closed()
    }
}

/// What a handle asks of the swarm task.
#[derive(Debug)]
pub(crate) enum Command {
    Gossip(Bytes),
    Report(GossipId, Verdict),
    Request(Ask),
    Penalize(u16),
    Stop,
}

/// One request on its way out.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) to: u16,
    pub(crate) bytes: Bytes,
    pub(crate) reply: oneshot::Sender<Result<Bytes, RequestError>>,
    /// Held until the answer or its failure, so that the peer never sees more in flight than it allows.
    pub(crate) slot: tokio::sync::OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lines: Arc<Lines>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) task: Mutex<Option<JoinHandle<()>>>,
    /// Free slots for requests, by peer.
    pub(crate) slots: Vec<(u16, Arc<Semaphore>)>,
    pub(crate) request_bytes: u32,
    pub(crate) gossip_bytes: usize,
}

/// Speaks to the network. Clones are the same network; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// Queues a frame for one or all other operators. Never waits: a full queue drops its lowest views.
    pub fn send(&self, to: To, frame: Frame) {
        self.shared.lines.send(to, frame);
    }

    /// Forgets queued frames of lower views.
    pub fn cancel_below(&self, view: u64) {
        self.shared.lines.cancel_below(view);
    }

    /// Publishes a batch of bytes to all operators, best effort.
    ///
    /// # Errors
    /// [`GossipError`] when it is too large or too much is waiting.
    pub fn gossip(&self, bytes: impl Into<Bytes>) -> Result<(), GossipError> {
        let bytes = bytes.into();
        if bytes.len() > self.shared.gossip_bytes {
            return Err(GossipError::TooLarge {
                bytes: bytes.len(),
                limit: self.shared.gossip_bytes,
            });
        }
        self.shared
            .commands
            .try_send(Command::Gossip(bytes))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => GossipError::Busy,
                mpsc::error::TrySendError::Closed(_) => GossipError::Stopped,
            })
    }

    /// Tells what was found in a gossip message, within two seconds of its arrival.
    pub fn report(&self, id: GossipId, verdict: Verdict) {
        if self
            .shared
            .commands
            .try_send(Command::Report(id, verdict))
            .is_err()
        {
            tracing::debug!("gossip verdict dropped, the command queue is full");
        }
    }

    /// Asks one operator and waits for its answer.
    ///
    /// # Errors
    /// [`RequestError`]; the request may or may not have been handled, except when it was not sent.
    pub async fn request(
        &self,
        to: u16,
        bytes: impl Into<Bytes>,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        let (shared, bytes) = (&self.shared, bytes.into());
        let slots = shared
            .slots
            .iter()
            .find(|(index, _)| *index == to)
            .map(|(_, slots)| Arc::clone(slots));
        let slots = slots.ok_or(RequestError::UnknownPeer(to))?;
        if !u32::try_from(bytes.len()).is_ok_and(|len| len <= shared.request_bytes) {
            return Err(RequestError::TooLarge {
                bytes: bytes.len(),
                limit: shared.request_bytes,
            });
        }
        let ask = async {
            let slot = slots.acquire_owned().await.map_err(|_| RequestError::Stopped)?;
            let (reply, answer) = oneshot::channel();
            let command = Command::Request(Ask {
                to,
                bytes,
                reply,
                slot,
            });
            shared
                .commands
                .send(command)
                .await
                .map_err(|_| RequestError::Stopped)?;
            answer.await.map_err(|_| RequestError::Stopped)?
        };
        tokio::time::timeout(timeout, ask)
            .await
            .unwrap_or(Err(RequestError::Timeout(timeout)))
    }

    /// Disconnects an operator that the layer above caught lying and refuses it for seconds, at most minutes.
    pub fn penalize(&self, peer: u16) {
        if self.shared.commands.try_send(Command::Penalize(peer)).is_err() {
            tracing::debug!(peer, "penalty dropped, the command queue is full");
        }
    }

    /// How each committee peer stands.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.shared.lines.status()
    }

    /// Closes every connection and listener and waits until that is done.
    pub async fn stop(&self) {
        let task = self
            .shared
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A closed channel means that the task has ended already.
        let _ = self.shared.commands.send(Command::Stop).await;
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

/// Where the parts of the network put what they received.
#[derive(Clone, Debug)]
pub(crate) struct Inboxes {
    pub(crate) listening: mpsc::Sender<Multiaddr>,
    pub(crate) control: mpsc::Sender<(u16, Bytes)>,
    pub(crate) payload: mpsc::Sender<(u16, Bytes)>,
    pub(crate) requests: mpsc::Sender<Event>,
    pub(crate) clients: mpsc::Sender<Event>,
    pub(crate) gossip: mpsc::Sender<Event>,
}

/// Listens to the network.
#[derive(Debug)]
pub struct Events {
    lines: Arc<Lines>,
    /// The generation last told, by line.
    told: Vec<(u16, u64)>,
    listening: mpsc::Receiver<Multiaddr>,
    control: mpsc::Receiver<(u16, Bytes)>,
    payload: mpsc::Receiver<(u16, Bytes)>,
    requests: mpsc::Receiver<Event>,
    clients: mpsc::Receiver<Event>,
    gossip: mpsc::Receiver<Event>,
    /// Its sender lives as long as the swarm task.
    alive: watch::Receiver<()>,
}

/// The channels between the swarm task and the node. `alive` is dropped by the task at its end.
pub(crate) fn inboxes(lines: &Arc<Lines>) -> (Inboxes, Events, watch::Sender<()>) {
    let (listening, listening_out) = mpsc::channel(LISTENING_QUEUE);
    let (control, control_out) = mpsc::channel(CONTROL_QUEUE);
    let (payload, payload_out) = mpsc::channel(PAYLOAD_QUEUE);
    let (requests, requests_out) = mpsc::channel(REQUEST_QUEUE);
    let (clients, clients_out) = mpsc::channel(CLIENT_QUEUE);
    let (gossip, gossip_out) = mpsc::channel(GOSSIP_QUEUE);
    let (alive_in, alive) = watch::channel(());
    let events = Events {
        told: lines.iter().map(|line| (line.index, 0)).collect(),
        lines: Arc::clone(lines),
        listening: listening_out,
        control: control_out,
        payload: payload_out,
        requests: requests_out,
        clients: clients_out,
        gossip: gossip_out,
        alive,
    };
    (
        Inboxes {
            listening,
            control,
            payload,
            requests,
            clients,
            gossip,
        },
        events,
        alive_in,
    )
}

impl Events {
    /// The next event, the most urgent kind first; `None` when the network has stopped. Cancelling it loses nothing.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.next_turn() {
                return Some(event);
            }
            tokio::select! {
                biased;
                () = self.lines.changed.notified() => {}
                Some(address) = self.listening.recv() => return Some(Event::Listening(address)),
                Some((from, bytes)) = self.control.recv() => return Some(Event::Control { from, bytes }),
                Some((from, bytes)) = self.payload.recv() => return Some(Event::Payload { from, bytes }),
                Some(event) = self.requests.recv() => return Some(event),
                Some(event) = self.clients.recv() => return Some(event),
                Some(event) = self.gossip.recv() => return Some(event),
                _ = self.alive.changed() => return None,
            }
        }
    }

    /// One up or down that was not told yet.
    fn next_turn(&mut self) -> Option<Event> {
        for (index, told) in &mut self.told {
            let now = self.lines.get(*index)?.generation();
            let (was_up, is_up) = (!told.is_multiple_of(2), !now.is_multiple_of(2));
            if *told == now {
                continue;
            }
            if was_up {
                // The way to an even number first, also when it is up again since.
                *told = if is_up { now.saturating_sub(1) } else { now };
                return Some(Event::PeerDown(*index));
            }
            *told = now;
            if is_up {
                return Some(Event::PeerUp(*index));
            }
        }
        None
    }
}

/// Addresses of one host.
const LISTENING_QUEUE: usize = 64;
/// Received control frames, 64 MB at most: a full storm of a hundred operators.
const CONTROL_QUEUE: usize = 1_024;
/// Received payload frames, 256 MB at most.
const PAYLOAD_QUEUE: usize = 16;
/// Requests of operators; those beyond wait, in flight, at their askers' cost.
const REQUEST_QUEUE: usize = 256;
/// Requests of clients; their bytes are bounded by `client_bytes_in_flight`.
const CLIENT_QUEUE: usize = 256;
/// Gossip messages, 64 MB at most; those beyond are dropped.
const GOSSIP_QUEUE: usize = 256;
/// Commands to the swarm task.
pub(crate) const COMMAND_QUEUE: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Limits, Peer, identity};

    fn lines() -> Arc<Lines> {
        let peer = |index| Peer {
            index,
            peer_id: identity::peer_id(&[u8::try_from(index).expect("small"); 32]),
            addresses: Vec::new(),
        };
        Lines::new(&Config {
            secret: [0; 32],
            me: Some(0),
            genesis8: "00000000".to_owned(),
            listen: Vec::new(),
            peers: (0..2).map(peer).collect(),
            limits: Limits::default(),
        })
    }

    #[tokio::test]
    async fn a_quick_down_and_up_is_told_as_both() {
        let lines = lines();
        let (_inboxes, mut events, _alive) = inboxes(&lines);
        let line = Arc::clone(lines.get(1).expect("line"));
        lines.opened(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        lines.closed(&line);
        lines.opened(&line);
        lines.closed(&line);
        lines.opened(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerDown(1))));
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        lines.closed(&line);
        assert!(matches!(events.recv().await, Some(Event::PeerDown(1))));
        lines.opened(&line);
        lines.closed(&line);
        assert!(
            events.next_turn().is_none(),
            "an up that ended before it was told is not told"
        );
    }

    #[tokio::test]
    async fn urgent_events_come_first_and_the_end_comes_last() {
        let lines = lines();
        let (inboxes, mut events, alive) = inboxes(&lines);
        let bytes = Bytes::from_static(b"x");
        inboxes.payload.try_send((1, bytes.clone())).expect("room");
        inboxes.control.try_send((1, bytes)).expect("room");
        lines.opened(lines.get(1).expect("line"));
        drop(alive);
        assert!(matches!(events.recv().await, Some(Event::PeerUp(1))));
        assert!(matches!(
            events.recv().await,
            Some(Event::Control { from: 1, .. })
        ));
        assert!(matches!(
            events.recv().await,
            Some(Event::Payload { from: 1, .. })
        ));
        assert!(events.recv().await.is_none());
    }
}
