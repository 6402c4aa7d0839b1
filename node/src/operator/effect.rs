//! Everything an operator can do to the world. Effects are performed in order.

use std::{ops::RangeInclusive, sync::Arc};

use bytes::Bytes;
use plasma_consensus::Message;
use plasma_core::{
    BlockId, Certificate, Delta, DepositNumber, Epoch, ExitId, Header, Height, L1Block, L1Height, Millis,
    OpenExit, Peer, Spender, View, Wanted,
};

use crate::storage::Decided;

use super::{
    case::Case,
    matters::Matter,
    rejoining::Progress,
    report::{Accepted, Rejected},
};

/// One thing to do.
#[derive(Debug)]
pub enum Effect {
    /// Write to the log. A barrier: nothing after it happens before it is on disk.
    Persist(Record),
    /// Write a decided block, in one atomic commit.
    Commit(Box<Commit>),
    /// Read these from storage and come back with [`super::event::Event::Read`].
    Read {
        /// What it is read for; comes back with the answer.
        purpose: Purpose,
        /// What to read.
        wanted: Wanted,
    },
    /// A consensus message for other operators.
    Send {
        /// For whom.
        to: To,
        /// What.
        message: Message,
        /// What a fresh proposal carries, encoded: the block whole, or its leaves.
        block: Option<Bytes>,
    },
    /// Tell the other operators of a transaction that waits.
    Gossip(Bytes),
    /// Tell a client what became of its transaction.
    Reply {
        /// The ticket that came with it.
        ticket: u64,
        /// The verdict.
        result: Result<Accepted, Rejected>,
    },
    /// Ask a member for the decided blocks after a height.
    RequestBlocks {
        /// Whom.
        from: Peer,
        /// Our last decided height.
        after: Height,
        /// How much may come at once.
        bytes: u32,
    },
    /// Ask a member for one block that is not decided here.
    RequestBlock {
        /// Whom.
        from: Peer,
        /// Which.
        block: BlockId,
    },
    /// Ask a member for transactions of a proposed block; comes back with [`super::event::Event::Fetched`].
    RequestTransactions {
        /// Whom.
        from: Peer,
        /// Of which block.
        block: BlockId,
        /// Which, as a map (`docs/protocol.md`, section 16).
        map: Bytes,
    },
    /// Verify a finalization of an epoch whose committee is known; comes back with [`super::event::Event::Proven`].
    Prove {
        /// Who sent it.
        from: Peer,
        /// The finalization.
        certificate: Box<Certificate>,
    },
    /// Ask a member how far an epoch has come there, because our own log lacks votes.
    AskClaim {
        /// Whom.
        from: Peer,
        /// Which epoch.
        epoch: Epoch,
    },
    /// How the rejoin goes on; a failed one ends the process.
    Rejoin(Progress),
    /// Read these confirmed blocks of Ethereum once more and come back with [`super::event::Event::L1Reread`].
    RereadL1(RangeInclusive<L1Height>),
    /// Have Ethereum followed again from this block on: what was seen above it does not stand.
    FollowL1(L1Block),
    /// Submit an anchor: it is our duty now.
    Anchor {
        /// The header.
        header: Header,
        /// Its finalize certificate.
        certificate: Certificate,
    },
    /// Challenge an exit of a spent output: it is our duty now.
    Challenge {
        /// The exit.
        exit: ExitId,
        /// The input that spent the output first.
        spender: Spender,
    },
    /// Look at what somebody claims on Ethereum and show what the ledger knows better: it is our duty now.
    Answer(Matter),
    /// Convict an operator that contradicted itself: it is our duty now.
    Convict(Box<plasma_consensus::Evidence>),
    /// Prove on Ethereum that a quorum signed an invalid block.
    ProveFraud(Arc<Case>),
    /// Wake the operator with a tick at this moment, at the latest; replaces the engine's timer before.
    Timer(Millis),
    /// Wake the operator with a tick at this moment too.
    Wake(Millis),
    /// A peer broke the protocol.
    Penalize {
        /// Who.
        peer: Peer,
        /// How.
        reason: String,
    },
    /// An operator contradicted itself; both its signatures are verified.
    Accuse(plasma_consensus::Evidence),
    /// The vote ledger refused a signature that the rules asked for: a bug, harmless by itself.
    Refused(plasma_consensus::Refusal),
    /// Our own vote gave a view up.
    GaveUp {
        /// Which.
        view: View,
        /// Why.
        reason: plasma_consensus::Reason,
    },
    /// A proposed block breaks a rule of the ledger.
    Invalid {
        /// Which.
        block: BlockId,
        /// The first rule.
        broken: plasma_core::Broken,
    },
    /// Views of this epoch below this one are over, and all epochs before: queued frames of them are worthless.
    CancelBelow(Epoch, View),
    /// Something that must not happen and harms nothing; the operator's people should hear of it.
    Odd(String),
    /// Stop signing and keep serving proofs: an assumption of the whole system broke.
    Stop(String),
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// All operators that are connected.
    All,
    /// One of them.
    One(Peer),
}

/// What a read is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// Checking offered transactions; their places in the operator's waiting list.
    Admit(u64),
    /// Building the block of a view on a parent.
    Build(Box<Build>),
    /// Applying a block on its parent.
    Apply(BlockId),
    /// Judging an exit that opened.
    Judge(ExitId),
    /// Judging the reclaim of a deposit.
    Reclaim(DepositNumber),
    /// Judging an exit that Ethereum shows and no decided block will.
    JudgeSeen(ExitId, Box<OpenExit>),
}

/// What a block is built from, fixed when the read is asked for.
#[derive(Clone, Debug)]
pub struct Build {
    /// The view it is for; none while it is only built ahead.
    pub view: Option<View>,
    /// The block below it.
    pub parent: BlockId,
    /// The L1 origin it will name.
    pub origin: L1Block,
    /// The transactions to choose from, best first.
    pub candidates: Vec<plasma_core::AuthenticTransaction>,
}

/// A decided block and all that storage writes of it.
#[derive(Debug)]
pub struct Commit {
    /// The block with its certificate, if it has one of its own.
    pub decided: Decided,
    /// What it changes.
    pub delta: Delta,
}

/// A record of the write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Something the engine must remember.
    Consensus(plasma_consensus::Record),
    /// The encoded block behind a vote.
    Body(Bytes),
    /// An invalid block that a quorum finalized.
    Case(Arc<Case>),
    /// Two votes in which an operator contradicted itself.
    Contradiction(Box<[plasma_consensus::Vote; 2]>),
}
