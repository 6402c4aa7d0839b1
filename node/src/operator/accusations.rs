//! Operators that contradicted themselves: both votes are shown to Ethereum, until it says that they are convicted.
//!
//! Nobody sends the same two votes again, so they are in the log before anything else is done about them, and leave it
//! after the conviction. Memory and log hold one accusation for each seat, because a seat has one bond to lose.

use std::collections::BTreeMap;

use plasma_consensus::{Evidence, Vote, scheme::Verifier};
use plasma_core::{Bitmap, Domain, Epoch, Millis, OperatorIndex};

use super::{effect::Effect, guardian::Duties, matters::Turn};

/// Who is accused, and who was convicted.
#[derive(Debug, Default)]
pub struct Accusations {
    open: BTreeMap<(Epoch, OperatorIndex), (Box<Evidence>, Turn)>,
    /// The convicted seats of each committee. Committees follow each other in weeks, so they are few.
    convicted: BTreeMap<Epoch, Bitmap>,
    /// Out of the log, of epochs whose committees are not known: no more than the log held.
    unproven: Vec<[Vote; 2]>,
}

impl Accusations {
    /// An operator contradicted itself; says whether that is news about a seat that can still lose something.
    pub fn accuse(&mut self, now: Millis, evidence: &Evidence) -> bool {
        let (epoch, offender) = seat(evidence.votes().0);
        let is_convicted = |seats: &Bitmap| seats.contains(offender);
        let is_news = !self.open.contains_key(&(epoch, offender))
            && !self.convicted.get(&epoch).is_some_and(is_convicted);
        if is_news {
            let accusation = (Box::new(evidence.clone()), Turn::new(now));
            self.open.insert((epoch, offender), accusation);
        }
        is_news
    }

    /// Two votes out of the log. Votes that do not accuse their signer under the keys of its committee accuse nobody; while that
    /// is not known, nobody can tell.
    pub fn recall<V: Verifier>(
        &mut self,
        now: Millis,
        votes: [Vote; 2],
        verifier: impl Fn(Epoch) -> Option<V>,
        domain: &Domain,
    ) {
        let Some(verifier) = verifier(votes[0].epoch) else {
            return self.unproven.push(votes);
        };
        let [first, second] = votes;
        if let Some(evidence) = Evidence::new(first, second, &verifier, domain) {
            self.accuse(now, &evidence);
        }
    }

    /// Another committee is known.
    pub fn recall_all<V: Verifier>(
        &mut self,
        now: Millis,
        verifier: impl Fn(Epoch) -> Option<V>,
        domain: &Domain,
    ) {
        for votes in std::mem::take(&mut self.unproven) {
            self.recall(now, votes, &verifier, domain);
        }
    }

    /// Ethereum convicted operators, whoever accused them, and of whatever.
    pub fn on_convicted(&mut self, epoch: Epoch, seats: &Bitmap) {
        let known = self.convicted.entry(epoch).or_default();
        for operator in seats.iter() {
            known.insert(operator);
            self.open.remove(&(epoch, operator));
            self.unproven
                .retain(|[first, _]| seat(first) != (epoch, operator));
        }
    }

    /// Whether these votes are the evidence of an accusation that is not settled, or may be.
    #[must_use]
    pub fn rests_on(&self, votes: &[Vote; 2]) -> bool {
        let [first, second] = votes;
        let open = self.open.get(&seat(first));
        open.is_some_and(|(evidence, _)| evidence.votes() == (first, second)) || self.unproven.contains(votes)
    }

    /// Who is accused and not convicted.
    pub fn open(&self) -> impl Iterator<Item = (Epoch, OperatorIndex)> + '_ {
        self.open.keys().copied()
    }

    /// What is ours to do at this moment.
    pub fn due(&mut self, now: Millis, duties: &Duties) -> Vec<Effect> {
        let accusations = self.open.iter_mut();
        let due = accusations.filter_map(|((_, offender), (evidence, turn))| {
            // Nobody accuses himself: the rota begins behind the offender.
            let rank = duties.rank(u64::from(offender.0) + 1);
            turn.comes(now, rank, duties)
                .then(|| Effect::Convict(evidence.clone()))
        });
        due.collect()
    }
}

/// The seat that a vote was made from.
fn seat(vote: &Vote) -> (Epoch, OperatorIndex) {
    (vote.epoch, vote.signer)
}
