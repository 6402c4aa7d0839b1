//! Everything that can happen to an operator. The world enters here and nowhere else.

use std::sync::Arc;

use plasma_consensus::{Certified, Message};
use plasma_core::{
    AuthenticBlock, AuthenticTransaction, BlockId, Certificate, Committee, Epoch, ExitId, Hash, L1Block,
    L1Event, L1Height, Peer, Reads,
};

use super::{
    case::Rotten,
    effect::Purpose,
    matters::Notice,
    payload::{Carried, Entry},
    report::AnchorSeen,
};

/// One thing that happened.
#[derive(Debug)]
pub enum Event {
    /// Time passed; the runtime sends it when the last asked-for moment has come, and several times a second.
    Tick,
    /// An operator's streams are usable.
    PeerUp(Peer),
    /// Its last connection closed.
    PeerDown(Peer),
    /// A consensus message of an operator, on its own connection.
    Consensus {
        /// Who sent it.
        from: Peer,
        /// What it says.
        message: Box<Message>,
        /// What a fresh proposal carries, signatures of its transactions checked.
        block: Option<Box<Carried>>,
    },
    /// Authentic transactions, from a client or by gossip.
    Transactions(Vec<Offered>),
    /// The answer to [`super::effect::Effect::Read`], read after every commit that was asked for before.
    Read {
        /// What it was read for.
        purpose: Purpose,
        /// What storage holds.
        reads: Reads,
    },
    /// A block of Ethereum that comes next activates the committee with this hash, whatever was announced before.
    Activated {
        /// Its epoch.
        epoch: Epoch,
        /// What Ethereum knows it by.
        hash: Hash,
    },
    /// Ethereum blocks reached the confirmation depth, in order and without a gap.
    L1Confirmed(Vec<ConfirmedBlock>),
    /// The answer to [`super::effect::Effect::RereadL1`].
    L1Reread(Vec<ConfirmedBlock>),
    /// Ethereum shows an anchor; it may still be reorganised.
    Anchored(AnchorSeen),
    /// A reorganisation of Ethereum took an anchor away.
    AnchorLost {
        /// The one that is gone.
        lost: AnchorSeen,
        /// The newest that stands; `None` also while the older ones are not read yet.
        newest: Option<AnchorSeen>,
    },
    /// Ethereum shows that an exit was challenged or ended by somebody.
    ExitSettled(ExitId),
    /// Ethereum shows something that a duty follows and the ledger does not.
    Noticed(Notice),
    /// A peer answered a request for decided blocks.
    Blocks {
        /// Who answered.
        from: Peer,
        /// What it sent; `None` when it failed, timed out or sent nonsense.
        segment: Option<Box<Segment>>,
    },
    /// A peer answered a request for transactions of a block.
    Fetched {
        /// Who answered.
        from: Peer,
        /// Of which block.
        block: BlockId,
        /// What it sent, empty when it lacks the block; `None` when it failed, timed out or sent nonsense.
        entries: Option<Vec<Entry>>,
    },
    /// A member answered [`super::effect::Effect::AskClaim`].
    Claim {
        /// Who answered.
        from: Peer,
        /// The epoch that was asked about.
        epoch: Epoch,
        /// The certificate that led it to its view, none at the epoch's start; and nothing at all when it gave no answer, or
        /// one that cannot be read.
        claim: Option<Option<Box<Certified>>>,
    },
    /// What came of [`super::effect::Effect::Prove`].
    Proven(Proven),
    /// A committee that Ethereum announced, with its members' names on the network, checked against what stands there.
    Committee(Arc<Committee>),
    /// Ethereum has shown another block than the confirmed one for long, so that nothing more comes of it by itself.
    L1Contradiction {
        /// Where.
        height: L1Height,
        /// In words.
        reason: String,
    },
}

/// A finalization with what was found of its signatures.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Who sent it.
    pub from: Peer,
    /// The finalization.
    pub certificate: Box<Certificate>,
    /// What was found.
    pub finding: Finding,
}

/// What was found of a finalization's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A quorum signed it.
    Genuine,
    /// No quorum did.
    False,
    /// It was not looked at, for want of time.
    Unknown,
}

/// An authentic transaction and who waits for the verdict.
#[derive(Debug)]
pub struct Offered {
    /// The transaction.
    pub transaction: AuthenticTransaction,
    /// Who offered it.
    pub source: Source,
}

/// Who offered a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A client of ours; the ticket names the reply that waits.
    Client(u64),
    /// Another operator, by gossip; nobody waits.
    Gossip,
}

/// A confirmed Ethereum block and what our contracts said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedBlock {
    /// The block.
    pub block: L1Block,
    /// Events of our contracts in log order.
    pub events: Vec<L1Event>,
}

/// Consecutive blocks; the runtime has checked their links, their signatures and the certificate.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Oldest first, signatures checked.
    pub blocks: Vec<AuthenticBlock>,
    /// Finalize certificate of the last one; none when a single undecided block was asked for.
    pub certificate: Option<Certificate>,
    /// What stopped the check of signatures: the blocks are those below it then, and the certificate came for one above.
    pub rotten: Option<Rotten>,
}
