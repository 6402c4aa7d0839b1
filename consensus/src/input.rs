//! Everything that can happen to an engine.

use plasma_core::{BlockId, Certificate, OperatorIndex, View};

use crate::Message;

/// One event; see [`crate::Engine::step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time passed; due at the latest when the last [`crate::Effect::Timer`] says.
    Tick,
    /// A message arrived over the authenticated connection of `from`.
    Message {
        /// Whose connection.
        from: OperatorIndex,
        /// What it said.
        message: Message,
    },
    /// The block asked for by [`crate::Effect::Build`] stands, is valid, and its body is durable.
    Built {
        /// The view it was asked for.
        view: View,
        /// Its id.
        block: BlockId,
        /// Whether it seals the epoch; see [`Verdict::Valid`].
        seals: bool,
    },
    /// No block was built for this view.
    NotBuilt {
        /// The view it was asked for.
        view: View,
        /// Why not.
        reason: NotBuilt,
    },
    /// What the operator thinks of a block asked about by [`crate::Effect::Validate`]. May come at any time and again:
    /// a later verdict replaces a pending one.
    Verdict {
        /// The block.
        block: BlockId,
        /// The parent it was asked about.
        parent: BlockId,
        /// The judgement.
        verdict: Verdict,
    },
    /// The operator holds this undecided block no more. It is asked again, at the pace of the reports, when the block matters
    /// once more; that it seals its epoch stays known.
    Dropped(BlockId),
    /// Whether there is anything to decide: a payment waits, an L1 event is due, an anchor is due. A level, not
    /// an edge; false after a recovery. While it stays true without progress, hand the payments on again: the view's
    /// leader may not have them.
    Work(bool),
    /// The connection to a peer stands.
    PeerUp(OperatorIndex),
    /// The connection to a peer is gone.
    PeerDown(OperatorIndex),
    /// A finalize certificate that came another way than by a consensus message, normally by catching up.
    Synced(Certificate),
    /// The operator decided this block: it is final, and its own ledger holds what it changes.
    Decided(BlockId),
    /// The operator decided this block, and it seals the epoch. For a floor that this engine never judged: after a
    /// restart, or after a gap. Must come before the answer to a question to build on it.
    Sealed(BlockId),
}

/// An operator's judgement of a block on top of a given parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every rule holds, and the body is durable here.
    Valid {
        /// It is the last block of the epoch: whatever stands on it is the work of the next committee.
        seals: bool,
    },
    /// A rule is broken that time cannot mend.
    Invalid,
    /// Cannot be judged yet.
    Pending(Waits),
}

/// What a judgement waits for; the last word of it is the reason when the view is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Waits {
    /// The operator has not answered yet.
    #[error("no answer yet")]
    Answer,
    /// The block's body is not here.
    #[error("its body is missing")]
    Body,
    /// The state after the parent is not here, or what the block touches is still being read.
    #[error("the state below it is missing")]
    State,
    /// The operator's view of Ethereum has not reached the block's origin, or the block's origin lags too far behind.
    #[error("its origin on Ethereum is not near ours")]
    L1,
    /// The block's time lies ahead of the operator's clock.
    #[error("its time lies ahead")]
    Clock,
}

/// Why a leader's operator built nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBuilt {
    /// There is nothing to put into a block on this parent. The leader asks again while there is work.
    Empty,
    /// The operator cannot build here (it is catching up, or its disk is full): the view is given up at once.
    Unable,
}
