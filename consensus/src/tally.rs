//! Votes of one kind in one view, and the certificate that a quorum of them makes (rule R3).
//!
//! Votes come unverified from their signers' own connections. Only when a quorum agrees is anything verified: the
//! aggregate at once, and one by one if that fails. Memory: one vote per member, whatever they send.

use plasma_core::{Bitmap, Domain, Epoch, OperatorIndex};

use crate::{Certified, Statement, Vote, scheme::Verifier};

/// The first vote of each signer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// In the order they came; a committee is small enough to look through.
    votes: Vec<Entry>,
    /// Signers of a vote that did not verify; nothing more of this kind and view is heard from them.
    barred: Bitmap,
}

#[derive(Clone, Debug)]
struct Entry {
    vote: Vote,
    verified: bool,
}

/// Room for the votes of a small committee at once; bigger ones grow into theirs.
const SMALL_COMMITTEE: usize = 8;

/// What became of a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    /// It is counted.
    New,
    /// It says nothing new, or its signer is not heard any more.
    Ignored,
    /// Its signer said something else before; the earlier vote stands.
    Conflict(Vote),
}

/// What came of checking a quorum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    /// The certificate, if the quorum held.
    pub(crate) certified: Option<Certified>,
    /// Signers whose votes did not verify.
    pub(crate) bad: Vec<OperatorIndex>,
}

impl Tally {
    /// Files a vote whose signature nobody has checked.
    pub(crate) fn cast(&mut self, vote: &Vote) -> Cast {
        self.file(vote, false)
    }

    /// Files a vote whose signature is known to be good: my own, or one checked singly.
    pub(crate) fn cast_verified(&mut self, vote: &Vote) -> Cast {
        self.file(vote, true)
    }

    fn file(&mut self, vote: &Vote, verified: bool) -> Cast {
        if self.barred.contains(vote.signer) {
            return Cast::Ignored;
        }
        match self.entry(vote.signer) {
            None => {
                if self.votes.is_empty() {
                    self.votes.reserve(SMALL_COMMITTEE);
                }
                let vote = vote.clone();
                self.votes.push(Entry { vote, verified });
                Cast::New
            }
            Some(entry) if entry.vote.statement == vote.statement => Cast::Ignored,
            Some(entry) => Cast::Conflict(entry.vote.clone()),
        }
    }

    /// Strikes a vote that did not verify and bars its signer.
    pub(crate) fn bar(&mut self, signer: OperatorIndex) {
        self.votes.retain(|entry| entry.vote.signer != signer);
        self.barred.insert(signer);
    }

    pub(crate) fn vote(&self, signer: OperatorIndex) -> Option<&Vote> {
        self.entry(signer).map(|entry| &entry.vote)
    }

    fn entry(&self, signer: OperatorIndex) -> Option<&Entry> {
        self.votes.iter().find(|entry| entry.vote.signer == signer)
    }

    /// Whose vote need not be sent here again.
    pub(crate) fn held(&self) -> Bitmap {
        self.votes
            .iter()
            .map(|entry| entry.vote.signer)
            .chain(self.barred.iter())
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.votes.len()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Makes the certificate of this statement if at least `quorum` genuine votes agree.
    pub(crate) fn certify(
        &mut self,
        statement: &Statement,
        quorum: usize,
        (epoch, domain): (Epoch, &Domain),
        verifier: &impl Verifier,
    ) -> Count {
        let mut count = Count::default();
        if self.agreeing(statement).count() < quorum {
            return count;
        }
        let digest = statement.digest(domain, epoch);
        let certificate = self.sum(statement, epoch, verifier);
        let genuine = |c: &Certified| {
            self.agreeing(statement).all(|entry| entry.verified)
                || verifier.verify_aggregate(&c.signers, &digest, &c.signature)
        };
        count.certified = certificate.filter(genuine);
        if count.certified.is_none() {
            for entry in &mut self.votes {
                if entry.vote.statement == *statement && !entry.verified {
                    entry.verified = verifier.verify_one(entry.vote.signer, &digest, &entry.vote.signature);
                    if !entry.verified {
                        count.bad.push(entry.vote.signer);
                    }
                }
            }
            count.bad.iter().for_each(|signer| self.bar(*signer));
            if self.agreeing(statement).count() >= quorum {
                count.certified = self.sum(statement, epoch, verifier);
            }
        }
        count
    }

    fn agreeing<'a>(&'a self, statement: &'a Statement) -> impl Iterator<Item = &'a Entry> {
        self.votes
            .iter()
            .filter(move |entry| entry.vote.statement == *statement)
    }

    fn sum(&self, statement: &Statement, epoch: Epoch, verifier: &impl Verifier) -> Option<Certified> {
        let signers = self.agreeing(statement).map(|entry| entry.vote.signer).collect();
        let signatures: Vec<_> = self
            .agreeing(statement)
            .map(|entry| entry.vote.signature)
            .collect();
        let signature = verifier.aggregate(&signatures)?;
        Some(Certified {
            epoch,
            statement: *statement,
            signers,
            signature,
        })
    }
}
