//! The end of the network that speaks. It never waits: frames go into bounded outboxes, commands into a bounded channel.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    config::Peer,
    error::{Error, Fault, GossipError, RequestError},
    event::{GossipId, Verdict},
    frame::{Frame, To},
    line::{Line, PeerStatus},
    lines::Lines,
    meter::{Gauge, Meter},
};

/// What a handle asks of the swarm task.
#[derive(Debug)]
pub(crate) enum Command {
    Gossip(Bytes),
    Report(GossipId, Verdict),
    Request(Ask),
    Disconnect(Arc<Line>),
    Stop,
}

/// One request on its way out.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) to: Arc<Line>,
    pub(crate) bytes: Bytes,
    pub(crate) reply: oneshot::Sender<Result<Bytes, RequestError>>,
    /// Held until the answer or its failure, so that the peer never sees more in flight than it allows.
    pub(crate) slot: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lines: Arc<Lines>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) task: Mutex<Option<JoinHandle<()>>>,
    pub(crate) request_bytes: u32,
    pub(crate) gossip_bytes: usize,
    pub(crate) meter: Arc<Meter>,
}

/// Speaks to the network. Clones are the same network; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// Makes these the peers, ourselves among them or not. Who is new is dialled and let in; who stays keeps connections
    /// and queues, and is dialled at its new addresses next time; who left is refused and disconnected, its queues are
    /// dropped, requests to it fail, and its [`crate::Event::PeerDown`] is told.
    ///
    /// # Errors
    /// [`Error`] when they are too many or contradict each other, or a slot or peer id had another partner before;
    /// nothing changes then.
    pub fn set_peers(&self, peers: Vec<Peer>) -> Result<(), Error> {
        self.shared.lines.replace(peers)
    }

    /// Queues a frame for one or all other operators. Never waits: a full queue drops its lowest ranks.
    pub fn send(&self, to: To, frame: Frame) {
        self.shared.lines.send(to, frame);
    }

    /// Forgets queued frames of lower ranks.
    pub fn cancel_below(&self, rank: u64) {
        self.shared.lines.cancel_below(rank);
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
        let unknown = || RequestError::UnknownPeer(to);
        let line = shared.lines.get(to).ok_or_else(unknown)?;
        if !u32::try_from(bytes.len()).is_ok_and(|len| len <= shared.request_bytes) {
            return Err(RequestError::TooLarge {
                bytes: bytes.len(),
                limit: shared.request_bytes,
            });
        }
        let ask = async {
            let asks = Arc::clone(&line.asks);
            let slot = asks.acquire_owned().await.map_err(|_| unknown())?;
            let (reply, answer) = oneshot::channel();
            let command = Command::Request(Ask {
                to: line,
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

    /// Disconnects an operator that the layer above caught lying and refuses it for seconds, at most minutes. From now on
    /// nothing is told of it, not even what has arrived.
    pub fn penalize(&self, peer: u16) {
        let Some(line) = self.shared.lines.get(peer) else {
            return;
        };
        line.refuse(Fault::Penalized);
        if self.shared.commands.try_send(Command::Disconnect(line)).is_err() {
            tracing::debug!(peer, "not disconnected, the command queue is full");
        }
    }

    /// How each peer stands.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.shared.lines.status()
    }

    /// What is counted since the start; it outlives the network, which does not go on for it.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge {
            meter: Arc::clone(&self.shared.meter),
            lines: Arc::clone(&self.shared.lines),
        }
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

/// Commands to the swarm task.
pub(crate) const COMMAND_QUEUE: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{Config, Limits, identity};

    #[test]
    fn who_is_penalized_is_punished_before_the_swarm_task_hears_of_it() {
        let config = Config {
            secret: [0; 32],
            genesis8: "00000000".to_owned(),
            listen: Vec::new(),
            peers: vec![Peer {
                slot: 1,
                peer_id: identity::peer_id(&[1; 32]),
                addresses: Vec::new(),
            }],
            limits: Limits::default(),
        };
        let lines = Lines::new(&config).expect("consistent");
        let (commands, mut orders) = mpsc::channel(1);
        let shared = Shared {
            lines: Arc::clone(&lines),
            commands,
            task: Mutex::default(),
            request_bytes: 0,
            gossip_bytes: 0,
            meter: Arc::default(),
        };
        let handle = Handle {
            shared: Arc::new(shared),
        };
        handle.penalize(1);
        handle.penalize(7);
        let line = lines.get(1).expect("line");
        assert!(line.is_punished(Instant::now()));
        assert!(matches!(orders.try_recv(), Ok(Command::Disconnect(known)) if known.slot == 1));
    }
}
