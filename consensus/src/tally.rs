//! Votes of one kind in one view, and the certificate that a quorum of them makes (rule R3).
//!
//! Votes come unverified from their signers' own connections. Only when a quorum agrees is anything verified: the
//! aggregate at once, and halves of it, and halves of these, if that fails. Votes of members that are doubted, because
//! they sent a bad one lately, wait outside: a quorum of honest members does not need them, and so they cost nothing.
//! Memory: one vote per member, whatever they send.

use plasma_core::{Bitmap, BlockId, Domain, Epoch, Hash, OperatorIndex, Signature};

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
    /// Checked, alone or in a sum with others. Two that lie in opposite directions may pass together; such votes are
    /// never used apart: nothing that was verified leaves the tally, and evidence is checked singly.
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

    /// Whose votes name this block.
    pub(crate) fn signers(&self, block: BlockId) -> impl Iterator<Item = OperatorIndex> {
        let votes = self.votes.iter().map(|entry| &entry.vote);
        votes
            .filter(move |vote| vote.statement.block() == Some(block))
            .map(|vote| vote.signer)
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

    /// One vote for each statement that is here.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &Vote> {
        let is_first = |place: usize, vote: &Vote| {
            let earlier = self.votes.iter().take(place);
            !earlier
                .into_iter()
                .any(|entry| entry.vote.statement == vote.statement)
        };
        self.votes
            .iter()
            .enumerate()
            .filter(move |(place, entry)| is_first(*place, &entry.vote))
            .map(|(_, entry)| &entry.vote)
    }

    /// Makes the certificate of this statement if at least `quorum` genuine votes agree, without those of `doubted` that
    /// nobody has verified.
    pub(crate) fn certify(
        &mut self,
        statement: &Statement,
        quorum: usize,
        (epoch, domain): (Epoch, &Domain),
        doubted: &Bitmap,
        verifier: &impl Verifier,
    ) -> Count {
        let mut count = Count::default();
        if self.agreeing(statement, doubted).count() < quorum {
            return count;
        }
        let digest = statement.digest(domain, epoch);
        let open = self.agreeing(statement, doubted).filter(|entry| !entry.verified);
        let open: Vec<_> = open
            .map(|entry| (entry.vote.signer, entry.vote.signature))
            .collect();
        count.bad = blame(&open, &digest, verifier);
        count.bad.iter().for_each(|signer| self.bar(*signer));
        for entry in &mut self.votes {
            entry.verified |= entry.vote.statement == *statement && !doubted.contains(entry.vote.signer);
        }
        if self.agreeing(statement, doubted).count() >= quorum {
            count.certified = self.sum(statement, epoch, doubted, verifier);
        }
        count
    }

    fn agreeing<'a>(
        &'a self,
        statement: &'a Statement,
        doubted: &'a Bitmap,
    ) -> impl Iterator<Item = &'a Entry> {
        self.votes.iter().filter(move |entry| {
            entry.vote.statement == *statement && (entry.verified || !doubted.contains(entry.vote.signer))
        })
    }

    fn sum(
        &self,
        statement: &Statement,
        epoch: Epoch,
        doubted: &Bitmap,
        verifier: &impl Verifier,
    ) -> Option<Certified> {
        let agreeing = || self.agreeing(statement, doubted);
        let signers = agreeing().map(|entry| entry.vote.signer).collect();
        let signatures: Vec<_> = agreeing().map(|entry| entry.vote.signature).collect();
        let signature = verifier.aggregate(&signatures)?;
        Some(Certified {
            epoch,
            statement: *statement,
            signers,
            signature,
        })
    }
}

/// The signers whose votes do not verify: none of a sum that holds, the one of a sum of one that does not, else those of
/// its halves. When the first half of a bad sum holds, the second is bad without a look.
///
/// One bad vote among m costs at most 1 + 2·⌈log₂ m⌉ verifications, b of them at most b times as many, and never more
/// than 2·m − 1.
fn blame(open: &[(OperatorIndex, Signature)], digest: &Hash, verifier: &impl Verifier) -> Vec<OperatorIndex> {
    let mut bad = Vec::new();
    let mut groups = vec![(open, false)];
    while let Some((group, is_known_bad)) = groups.pop() {
        if group.is_empty() || (!is_known_bad && holds(group, digest, verifier)) {
            continue;
        }
        if let [(signer, _)] = group {
            bad.push(*signer);
            continue;
        }
        let (first, second) = group.split_at(group.len() / 2);
        if holds(first, digest, verifier) {
            groups.push((second, true));
        } else {
            groups.push((second, false));
            groups.push((first, true));
        }
    }
    bad
}

/// Whether the sum of these signatures verifies.
fn holds(group: &[(OperatorIndex, Signature)], digest: &Hash, verifier: &impl Verifier) -> bool {
    if let [(signer, signature)] = group {
        return verifier.verify_one(*signer, digest, signature);
    }
    let signers = group.iter().map(|(signer, _)| *signer).collect();
    let signatures: Vec<Signature> = group.iter().map(|(_, signature)| *signature).collect();
    verifier
        .aggregate(&signatures)
        .is_some_and(|sum| verifier.verify_aggregate(&signers, digest, &sum))
}
