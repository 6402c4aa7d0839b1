//! What operators say to each other: votes, certificates, proposals and status reports.
//!
//! A [`Statement`] is what is signed. One signature over it is a [`Vote`]; a quorum's sum is a [`Certified`].
//! Votes travel only over their signer's own connection; certificates speak for themselves.
//! Source: `consensus.md` section 3; bytes: `docs/protocol.md` section 13.

use plasma_core::{
    Bitmap, BlockId, Certificate, Committee, Domain, Epoch, Hash, OperatorIndex, View, bls::Signature,
};

use crate::scheme::Verifier;

mod codec;

pub use codec::MESSAGE_BYTES_MAX;
pub(crate) use codec::{read_certified, read_vote, write_certified, write_vote};

/// What is voted on: a block in a view, on top of the container of an earlier view.
///
/// It is *fresh* when the block's header names the parent container's block as its parent, and a
/// *re-proposal* when it repeats that very block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Container {
    /// The view it is proposed in.
    pub view: View,
    /// The earlier view whose container it extends; 0 is the epoch's floor.
    pub parent: View,
    /// The block.
    pub block: BlockId,
}

/// The three things an operator can say about a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// This container may stand in its view.
    Notarize,
    /// The view ends without a block, as far as I am concerned.
    Nullify,
    /// I saw the view notarized and did not nullify it.
    Finalize,
}

/// The content of a vote, without signer and signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statement {
    /// See [`Kind::Notarize`].
    Notarize(Container),
    /// See [`Kind::Nullify`].
    Nullify {
        /// The view given up.
        view: View,
    },
    /// See [`Kind::Finalize`].
    Finalize {
        /// The view of the notarization.
        view: View,
        /// The notarized block.
        block: BlockId,
    },
}

/// One operator's signed statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The epoch it belongs to.
    pub epoch: Epoch,
    /// Who says it.
    pub signer: OperatorIndex,
    /// What is said.
    pub statement: Statement,
    /// Over the statement's digest.
    pub signature: Signature,
}

/// A statement with a quorum behind it: a notarization, nullification or finalization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The epoch whose committee signed.
    pub epoch: Epoch,
    /// What they said.
    pub statement: Statement,
    /// Who said it.
    pub signers: Bitmap,
    /// The sum of their signatures.
    pub signature: Signature,
}

/// A leader's container with the proof that its parent may be built upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The epoch it belongs to.
    pub epoch: Epoch,
    /// What is proposed.
    pub container: Container,
    /// The leader's notarize vote for it.
    pub signature: Signature,
    /// The parent's notarization or finalization; none when the parent is the epoch's floor.
    pub parent: Option<Certified>,
    /// Nullifications of skipped views, ascending; at most [`NULLIFICATIONS_MAX`], the newest.
    pub nullifications: Vec<Certified>,
}

/// Which votes about one view the sender of a status holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The view.
    pub view: View,
    /// Signers of the notarize votes it has.
    pub notarize: Bitmap,
    /// Signers of the nullify votes it has.
    pub nullify: Bitmap,
    /// Signers of the finalize votes it has.
    pub finalize: Bitmap,
}

/// Where an operator stands and what it has, so that its peers send what it lacks (rule R10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The epoch it is in.
    pub epoch: Epoch,
    /// View of the highest finalization it knows.
    pub floor: View,
    /// The block finalized there.
    pub block: BlockId,
    /// The view it is in.
    pub view: View,
    /// The view that bit 0 of the two bitmaps stands for.
    pub from: View,
    /// Bit i: it has the notarization of view `from + i`.
    pub notarized: u64,
    /// Bit i: it has the nullification of view `from + i`.
    pub nullified: u64,
    /// Votes it has in the views that matter most; ascending, at most [`HELD_MAX`].
    pub held: Vec<Held>,
}

/// One consensus message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A vote, from its signer.
    Vote(Vote),
    /// A certificate, from anyone.
    Certified(Certified),
    /// A proposal, normally from its leader. Boxed: it is by far the longest.
    Proposal(Box<Proposal>),
    /// A report, about its sender.
    Status(Status),
}

/// Nullifications that travel inside a proposal; views skipped beyond these are healed by status reports.
pub const NULLIFICATIONS_MAX: usize = 16;

/// Views whose votes a status describes: the current one, the oldest and the newest notarized but unfinalized.
pub const HELD_MAX: usize = 3;

/// Views that the two bitmaps of a status cover.
pub const STATUS_VIEWS: u64 = 64;

impl Statement {
    /// The view it is about.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Notarize(container) => container.view,
            Self::Nullify { view } | Self::Finalize { view, .. } => *view,
        }
    }

    /// Which of the three it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Notarize(_) => Kind::Notarize,
            Self::Nullify { .. } => Kind::Nullify,
            Self::Finalize { .. } => Kind::Finalize,
        }
    }

    /// The block it names; a nullify vote names none.
    #[must_use]
    pub fn block(&self) -> Option<BlockId> {
        match self {
            Self::Notarize(container) => Some(container.block),
            Self::Nullify { .. } => None,
            Self::Finalize { block, .. } => Some(*block),
        }
    }

    /// What is signed (`protocol.md` section 7).
    #[must_use]
    pub fn digest(&self, domain: &Domain, epoch: Epoch) -> Hash {
        match self {
            Self::Notarize(c) => domain.notarize(epoch, c.view, c.parent, c.block),
            Self::Nullify { view } => domain.nullify(epoch, *view),
            Self::Finalize { view, block } => domain.finalize(epoch, *view, *block),
        }
    }

    /// Whether one honest operator can never say both (`consensus.md` section 10).
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        self.view() == other.view()
            && match (self, other) {
                (Self::Notarize(a), Self::Notarize(b)) => a != b,
                (Self::Finalize { block: a, .. }, Self::Finalize { block: b, .. }) => a != b,
                (Self::Nullify { .. }, Self::Finalize { .. })
                | (Self::Finalize { .. }, Self::Nullify { .. }) => true,
                _ => false,
            }
    }
}

impl Certified {
    /// Whether a quorum of this committee signed it.
    pub fn is_genuine(&self, committee: &Committee, domain: &Domain, verifier: &impl Verifier) -> bool {
        let is_member = |signer| committee.member(signer).is_some();
        let digest = self.statement.digest(domain, self.epoch);
        self.epoch == committee.epoch()
            && self.signers.iter().all(is_member)
            && self.signers.count() >= committee.quorum()
            && verifier.verify_aggregate(&self.signers, &digest, &self.signature)
    }

    /// The finalize certificate of the rest of the system, if this is a finalization.
    #[must_use]
    pub fn finalization(&self) -> Option<Certificate> {
        match self.statement {
            Statement::Finalize { view, block } => Some(Certificate {
                epoch: self.epoch,
                view,
                block,
                signers: self.signers.clone(),
                signature: self.signature,
            }),
            _ => None,
        }
    }
}

impl From<Certificate> for Certified {
    fn from(certificate: Certificate) -> Self {
        Self {
            epoch: certificate.epoch,
            statement: Statement::Finalize {
                view: certificate.view,
                block: certificate.block,
            },
            signers: certificate.signers,
            signature: certificate.signature,
        }
    }
}

impl Proposal {
    /// The leader's notarize vote that the proposal carries.
    #[must_use]
    pub fn vote(&self, leader: OperatorIndex) -> Vote {
        Vote {
            epoch: self.epoch,
            signer: leader,
            statement: Statement::Notarize(self.container),
            signature: self.signature,
        }
    }
}

impl Message {
    /// The epoch it belongs to.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Vote(vote) => vote.epoch,
            Self::Certified(certified) => certified.epoch,
            Self::Proposal(proposal) => proposal.epoch,
            Self::Status(status) => status.epoch,
        }
    }
}
