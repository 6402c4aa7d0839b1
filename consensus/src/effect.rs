//! Everything an engine can ask of the world.
//!
//! The effects of one step are performed in order. All [`Effect::Persist`] of a step stand first: write them, sync
//! once, and only then go on; a write that fails stops the operator.

use plasma_core::{BlockId, Certificate, Millis, OperatorIndex, View};

use crate::{Evidence, Message, Record, Refusal, Violation, Waits};

/// One thing to do; see [`crate::Engine::step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append to the write-ahead log. Durable before any effect behind it is performed.
    Persist(Record),
    /// Send over the direct connections; to peers that are down it is dropped and healed later.
    Send {
        /// To whom.
        to: Target,
        /// What.
        message: Message,
        /// A fresh proposal: the body of this block travels with it.
        body: Option<BlockId>,
    },
    /// A block on `parent` will most likely be asked for soon, so it can be built ahead. Nothing waits for an answer, and it
    /// may come to nothing; a newer one makes an older one worthless.
    Prepare {
        /// On which block.
        parent: BlockId,
    },
    /// Build a block on `parent`; answer with [`crate::Input::Built`] or [`crate::Input::NotBuilt`].
    Build {
        /// For which view.
        view: View,
        /// On which block.
        parent: BlockId,
    },
    /// Judge a block on top of `parent`; answer with [`crate::Input::Verdict`] as soon as it is known. The body comes
    /// with the proposal, from the operator's own store, or from the peers (a notarized block is durable at f + 1
    /// honest ones). Asked again every status period while the answer is missing or pending.
    Validate {
        /// The view that proposes it.
        view: View,
        /// The block.
        block: BlockId,
        /// The block it must extend.
        parent: BlockId,
    },
    /// Blocks became final.
    Finalized {
        /// Proves the last of the path, and with it all before.
        certificate: Certificate,
        /// New final blocks with the views that first proposed them, oldest first, each once; empty when a re-proposal
        /// gave an already final block its own certificate.
        path: Vec<(View, BlockId)>,
    },
    /// A block became final whose path from the old floor is unknown here. The operator walks parent links through
    /// bodies it holds, or fetches heights from its peers. The floor has moved; nothing waits for an answer. Or the path is
    /// known and holds what was found invalid here: then [`Effect::Broken`] follows, and this is what the signers left.
    Behind {
        /// Proves the new floor.
        certificate: Certificate,
    },
    /// My nullify vote of a view stands, for this reason. Nothing is to be done: it tells people why time is lost.
    GaveUp {
        /// The view.
        view: View,
        /// What was lacking, or what spoke against it.
        reason: Reason,
    },
    /// Wake me then with [`crate::Input::Tick`]; replaces the timer asked for before. A tick that comes too early is
    /// harmless: it asks for the next one again.
    Timer(Millis),
    /// An operator contradicted itself; both signatures are verified.
    Evidence(Evidence),
    /// A peer broke the rules in a way that no honest one does.
    Penalize {
        /// The peer.
        peer: OperatorIndex,
        /// What it did.
        reason: Misbehaviour,
    },
    /// The ledger refused a signature that the rules asked for: a bug to be logged, harmless by itself.
    Refused(Refusal),
    /// An invariant of agreement broke: more than f operators lie. The engine does nothing ever after; the node stops.
    Broken(Violation),
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every other member of the committee.
    All,
    /// One member.
    One(OperatorIndex),
}

/// What a peer can be penalized for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misbehaviour {
    /// It relayed a vote of another operator.
    ForeignVote,
    /// A vote's signature does not verify.
    BadVote,
    /// A certificate does not verify.
    BadCertificate,
    /// It relayed a proposal that the view's leader did not sign.
    WrongLeader,
    /// It proposed a block that is invalid for ever.
    InvalidBlock,
}

/// Why a view was given up here. The vote itself does not say it, so only this operator's own view of things does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No proposal came in time.
    #[error("no proposal came")]
    NoProposal,
    /// The leader proposed two containers.
    #[error("the leader proposed twice")]
    TwoProposals,
    /// A proposal came whose ancestry is not proven here.
    #[error("the proposal's ancestry is not proven here")]
    NoAncestry,
    /// A proposal came and could not be judged in time.
    #[error("the proposal could not be judged: {0}")]
    Unjudged(Waits),
    /// I notarized the proposal, and too few others did in time.
    #[error("too few operators notarized the proposal")]
    NoQuorum,
    /// The proposal is invalid for ever.
    #[error("the proposal is invalid")]
    Invalid,
    /// The leader gave its own view up.
    #[error("the leader gave up")]
    Leader,
    /// The leader's connection is down for too long.
    #[error("the leader is not connected")]
    LeaderDown,
    /// The leader alone says nothing.
    #[error("the leader is silent")]
    LeaderSilent,
    /// I lead, and found no parent to build on.
    #[error("no block to build on is known here")]
    NoParent,
    /// I lead, and the operator cannot build.
    #[error("the operator cannot build")]
    Unable,
}
