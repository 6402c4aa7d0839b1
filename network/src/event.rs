//! What the network tells the node, and what the node answers to it.

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, gossipsub::MessageId};
use tokio::sync::oneshot;

use crate::{error::RequestError, request::Held};

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
    /// A gossip message; it goes no further until [`crate::Handle::report`] accepts it.
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
