//! How far a member that lost its log may have voted, by what the others can prove.
//!
//! It asks every other member for its [`crate::Engine::claim`], after its former life has certainly ended, and waits for
//! 2f + 1 of them. If it voted in a view v, a quorum had voted in the view before; of these at least n − 2f − 1 are honest
//! and others, and each of them can show a certificate that led it to v − 1 or later. Of any 2f + 1 among the n − 1
//! others at least one is such a member. So nothing was said above the highest proven view plus one. What nobody proves
//! does not count, so liars cannot move the floor out of reach. Source: `consensus.md` section 9.

use std::collections::BTreeMap;

use plasma_core::{Committee, Domain, OperatorIndex, View, planted::planted};

use crate::{Certified, Record, chain::next, scheme::Verifier};

/// The claims heard so far.
#[derive(Clone, Debug)]
pub struct Rejoin {
    committee: Committee,
    domain: Domain,
    me: OperatorIndex,
    /// The view that each of the others is proven to have reached; at most one entry per member.
    reached: BTreeMap<OperatorIndex, View>,
}

impl Rejoin {
    /// Begins to listen.
    #[must_use]
    pub fn new(committee: Committee, domain: Domain, me: OperatorIndex) -> Self {
        Self {
            committee,
            domain,
            me,
            reached: BTreeMap::new(),
        }
    }

    /// A member's claim, over its own connection; none says that it is in the epoch's first view. `false` when it proves
    /// nothing and does not count.
    pub fn hear(&mut self, from: OperatorIndex, claim: Option<&Certified>, verifier: &impl Verifier) -> bool {
        let is_genuine =
            |certified: &Certified| certified.is_genuine(&self.committee, &self.domain, verifier);
        let is_other = from != self.me && self.committee.member(from).is_some();
        if !is_other || !claim.is_none_or(is_genuine) {
            return false;
        }
        let view = next(claim.map_or(View(0), |certified| certified.statement.view()));
        let reached = self.reached.entry(from).or_default();
        *reached = view.max(*reached);
        true
    }

    /// What to write into the new log before an engine starts from it; none until enough members have answered. At n = 4
    /// these are all three.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        let enough = if planted("consensus: one claim is enough") {
            1
        } else {
            self.committee.faults().saturating_mul(2).saturating_add(1)
        };
        let highest = self
            .reached
            .values()
            .max()
            .filter(|_| self.reached.len() >= enough)?;
        Some(Record::Amnesia {
            epoch: self.committee.epoch(),
            floor: if planted("consensus: the floor after a loss is low") {
                *highest
            } else {
                next(*highest)
            },
        })
    }
}
