//! What an operator knows of one view: its leader's proposal, its votes and its certificates.

use plasma_core::{Bitmap, Millis, OperatorIndex};

use crate::{Certified, Container, Kind, Statement, Vote, tally::Tally};

/// The leader's proposal, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Nothing came yet.
    #[default]
    Empty,
    /// This container came first.
    Seen(Container),
    /// The leader proposed two containers; none of them is notarized here any more.
    Conflict,
}

/// One view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    pub(crate) slot: Slot,
    /// When the first proposal came; the pace is counted from here.
    pub(crate) proposed_at: Option<Millis>,
    pub(crate) notarization: Option<Certified>,
    pub(crate) nullification: Option<Certified>,
    pub(crate) notarize: Tally,
    pub(crate) nullify: Tally,
    pub(crate) finalize: Tally,
    /// Signers already accused of contradicting themselves in this view: once is enough.
    pub(crate) accused: Bitmap,
    /// Peers known to have the notarization, and the nullification.
    pub(crate) notarization_known: Bitmap,
    pub(crate) nullification_known: Bitmap,
}

impl Round {
    pub(crate) fn tally(&mut self, kind: Kind) -> &mut Tally {
        match kind {
            Kind::Notarize => &mut self.notarize,
            Kind::Nullify => &mut self.nullify,
            Kind::Finalize => &mut self.finalize,
        }
    }

    pub(crate) fn votes(&self, kind: Kind) -> &Tally {
        match kind {
            Kind::Notarize => &self.notarize,
            Kind::Nullify => &self.nullify,
            Kind::Finalize => &self.finalize,
        }
    }

    /// Whether a certificate ended the view.
    pub(crate) fn is_over(&self) -> bool {
        self.notarization.is_some() || self.nullification.is_some()
    }

    /// The certificate of this kind; finalizations live in the floor.
    pub(crate) fn certificate(&self, kind: Kind) -> Option<&Certified> {
        match kind {
            Kind::Notarize => self.notarization.as_ref(),
            Kind::Nullify => self.nullification.as_ref(),
            Kind::Finalize => None,
        }
    }

    /// The one container notarized in this view.
    pub(crate) fn notarized(&self) -> Option<Container> {
        match self.notarization.as_ref()?.statement {
            Statement::Notarize(container) => Some(container),
            _ => None,
        }
    }

    /// The container of the slot, if there is exactly one.
    pub(crate) fn seen(&self) -> Option<Container> {
        match self.slot {
            Slot::Seen(container) => Some(container),
            _ => None,
        }
    }

    /// An earlier vote of this signer of another kind that the new one contradicts.
    pub(crate) fn contradiction(&self, vote: &Vote) -> Option<&Vote> {
        let other = match vote.statement.kind() {
            Kind::Notarize => return None,
            Kind::Nullify => &self.finalize,
            Kind::Finalize => &self.nullify,
        };
        other.vote(vote.signer)
    }

    /// Notes that a peer has a certificate of this view.
    pub(crate) fn know(&mut self, kind: Kind, peer: OperatorIndex) {
        match kind {
            Kind::Notarize => self.notarization_known.insert(peer),
            Kind::Nullify => self.nullification_known.insert(peer),
            Kind::Finalize => false,
        };
    }

    /// Whether a peer is known to have the certificate of this kind.
    pub(crate) fn knows(&self, kind: Kind, peer: OperatorIndex) -> bool {
        match kind {
            Kind::Notarize => self.notarization_known.contains(peer),
            Kind::Nullify => self.nullification_known.contains(peer),
            Kind::Finalize => false,
        }
    }

    pub(crate) fn vote_count(&self) -> usize {
        [&self.notarize, &self.nullify, &self.finalize]
            .into_iter()
            .map(Tally::len)
            .sum()
    }

    /// Frees the votes of a view so old that only its certificates matter.
    pub(crate) fn forget_votes(&mut self) {
        self.notarize.clear();
        self.nullify.clear();
        self.finalize.clear();
    }
}
