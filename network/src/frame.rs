//! What the layer above hands over: bytes with just enough said about them to order and to cancel them.

use bytes::Bytes;

/// Which of the two streams to a peer carries a frame. They never wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Votes, certificates, status, proposals without bodies: small and urgent.
    Control,
    /// Bodies: large, written in chunks.
    Payload,
}

impl Class {
    /// Both streams, in the order in which a connection serves them.
    pub(crate) const ALL: [Self; 2] = [Self::Control, Self::Payload];

    /// Its name in logs and errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Payload => "payload",
        }
    }
}

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Every other operator.
    All,
    /// The operator in this slot.
    One(u16),
}

/// Bytes to send, and what the queue must know to prefer and to cancel them.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The stream.
    pub class: Class,
    /// How late the work is that the bytes serve, as the layer above counts it: when a queue is full the lowest rank
    /// goes first, and [`crate::Handle::cancel_below`] forgets it.
    pub rank: u64,
    /// A queued frame with the same key to the same peer is superseded by this one: a newer status replaces the older.
    pub replaces: Option<u64>,
    /// The bytes; this crate does not look into them.
    pub bytes: Bytes,
}

impl Frame {
    /// A control frame that replaces nothing.
    pub fn control(rank: u64, bytes: impl Into<Bytes>) -> Self {
        Self {
            class: Class::Control,
            rank,
            replaces: None,
            bytes: bytes.into(),
        }
    }

    /// A payload frame that replaces nothing.
    pub fn payload(rank: u64, bytes: impl Into<Bytes>) -> Self {
        Self {
            class: Class::Payload,
            rank,
            replaces: None,
            bytes: bytes.into(),
        }
    }

    /// Supersedes a queued frame with the same key.
    #[must_use]
    pub fn replacing(mut self, key: u64) -> Self {
        self.replaces = Some(key);
        self
    }
}
