//! Proof that one operator contradicted itself, fit to be shown to anyone (`consensus.md` section 10).

use plasma_core::{Domain, OperatorIndex, View};

use crate::{
    DecodeError, Kind, Vote,
    codec::Reader,
    message::{read_vote, write_vote},
    scheme::Verifier,
};

/// Two votes that one honest operator never both signs. The constructor verifies both signatures singly, because a vote
/// that verified only inside an aggregate accuses nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    first: Vote,
    second: Vote,
}

impl Evidence {
    /// The evidence, if both votes are genuine and contradict each other.
    pub fn new(first: Vote, second: Vote, verifier: &impl Verifier, domain: &Domain) -> Option<Self> {
        let genuine = |vote: &Vote| {
            verifier.verify_one(
                vote.signer,
                &vote.statement.digest(domain, vote.epoch),
                &vote.signature,
            )
        };
        let same = first.signer == second.signer && first.epoch == second.epoch;
        let conflict = same && first.statement.contradicts(&second.statement);
        (conflict && genuine(&first) && genuine(&second)).then_some(Self { first, second })
    }

    /// Who contradicted itself.
    #[must_use]
    pub fn offender(&self) -> OperatorIndex {
        self.first.signer
    }

    /// In which view.
    #[must_use]
    pub fn view(&self) -> View {
        self.first.statement.view()
    }

    /// What it said twice; a nullify and a finalize vote differ.
    #[must_use]
    pub fn kinds(&self) -> (Kind, Kind) {
        (self.first.statement.kind(), self.second.statement.kind())
    }

    /// Both votes, in the order they were seen.
    #[must_use]
    pub fn votes(&self) -> (&Vote, &Vote) {
        (&self.first, &self.second)
    }

    /// Its votes one behind the other, as a log keeps them.
    #[must_use]
    pub fn encode(votes: &[Vote; 2]) -> Vec<u8> {
        let mut out = Vec::new();
        votes.iter().for_each(|vote| write_vote(&mut out, vote));
        out
    }

    /// The votes back, for a committee of `n`. [`Evidence::new`] makes evidence of them again.
    ///
    /// # Errors
    /// [`DecodeError`] names the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<[Vote; 2], DecodeError> {
        let mut reader = Reader::new(bytes);
        let votes = [read_vote(&mut reader)?, read_vote(&mut reader)?];
        reader.end()?;
        Ok(votes)
    }
}

/// What can only happen when more than f operators lie, validation is not deterministic, or this operator's own log is
/// not the one it spoke by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Two containers are notarized in one view.
    #[error("view {0} has two notarizations")]
    TwoNotarizations(View),
    /// Two blocks are finalized in one view.
    #[error("view {0} has two finalizations")]
    TwoFinalizations(View),
    /// A view is finalized and nullified.
    #[error("view {0} is finalized and nullified")]
    FinalizedAndNullified(View),
    /// A view is finalized with another block than the notarized one.
    #[error("view {0} finalizes another block than it notarized")]
    FinalizedOther(View),
    /// A final block does not descend from an earlier final block.
    #[error("the block finalized in view {0} does not extend the floor")]
    Fork(View),
    /// A quorum finalized what this operator found invalid.
    #[error("the quorum of view {0} finalized a block that is invalid here")]
    NonDeterminism(View),
    /// A genuine certificate counts a vote of this operator that its log does not know: the log is an old copy, or
    /// another instance votes with this key.
    #[error("a certificate of view {view} holds a {kind:?} vote of mine that my log does not know")]
    Forgotten {
        /// The view.
        view: View,
        /// The kind of the vote.
        kind: Kind,
    },
}
