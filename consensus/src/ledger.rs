//! My own votes, mirror of the write-ahead log, and the only place that can sign.
//!
//! [`VoteLedger::permits`] is the whole of an operator's honesty: one notarize per view and none after a nullify, no
//! nullify after a finalize, no finalize after a nullify, nothing at or below the floor, and nothing at or below the
//! amnesia floor, where an earlier life may have said what this one does not know. Everything else in this crate may be wrong without making this operator contradict itself. Source: `consensus.md` section 4.

use plasma_core::planted::planted;
use std::collections::BTreeMap;

use plasma_core::{BlockId, Domain, Epoch, OperatorIndex, View};

use crate::{
    Container, Kind, Record, Statement, Vote,
    mutation::Rules,
    scheme::{Scheme, Verifier},
};

/// What I said about one view.
#[derive(Clone, Debug, Default)]
struct Said {
    proposal: Option<Container>,
    notarize: Option<(Container, Vote)>,
    nullify: Option<Vote>,
    finalize: Option<(BlockId, Vote)>,
}

/// Why the ledger does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The view is final, or of another epoch's end.
    #[error("view {0} is at or below the floor")]
    BelowFloor(View),
    /// An earlier life of this operator may have voted in the view.
    #[error("view {0} is at or below the amnesia floor")]
    Amnesia(View),
    /// This statement, or another of its kind, was already made about the view.
    #[error("already voted {kind:?} in view {view}")]
    Repeated {
        /// The view.
        view: View,
        /// The kind of vote.
        kind: Kind,
    },
    /// A vote already cast excludes this one.
    #[error("view {view}: {wanted:?} is excluded by my {cast:?}")]
    Excluded {
        /// The view.
        view: View,
        /// What was to be signed.
        wanted: Kind,
        /// What stands against it.
        cast: Kind,
    },
    /// My proposal of this view is another container.
    #[error("view {0}: my proposal is another container")]
    OtherProposal(View),
}

/// The votes of one operator in one epoch, with the key that made them.
#[derive(Debug)]
pub(crate) struct VoteLedger<S> {
    me: OperatorIndex,
    epoch: Epoch,
    domain: Domain,
    scheme: S,
    floor: View,
    amnesia: View,
    said: BTreeMap<View, Said>,
    rules: Rules,
}

impl<S: Scheme> VoteLedger<S> {
    pub(crate) fn new(me: OperatorIndex, epoch: Epoch, domain: Domain, scheme: S) -> Self {
        Self {
            me,
            epoch,
            domain,
            scheme,
            floor: View(0),
            amnesia: View(0),
            said: BTreeMap::new(),
            rules: Rules::default(),
        }
    }

    /// The scheme without its key.
    pub(crate) fn verifier(&self) -> &impl Verifier {
        &self.scheme
    }

    pub(crate) fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Takes back one record of my own; others are none of its business.
    pub(crate) fn restore(&mut self, record: &Record) {
        match record {
            Record::Vote(vote)
                if vote.signer == self.me && !planted("consensus: forgets its votes at a restart") =>
            {
                self.note(vote.clone());
            }
            Record::MyProposal { container, .. } => {
                self.said.entry(container.view).or_default().proposal = Some(*container);
            }
            Record::Amnesia { floor, .. } => self.amnesia = self.amnesia.max(*floor),
            _ => {}
        }
    }

    /// Whether I may say this.
    pub(crate) fn permits(&self, statement: &Statement) -> Result<(), Refusal> {
        let view = statement.view();
        if view <= self.floor {
            return Err(Refusal::BelowFloor(view));
        }
        if view <= self.amnesia {
            return Err(Refusal::Amnesia(view));
        }
        let Some(said) = self.said.get(&view) else {
            return Ok(());
        };
        let wanted = statement.kind();
        let excluded = |cast| Refusal::Excluded { view, wanted, cast };
        let repeated = Refusal::Repeated { view, kind: wanted };
        match statement {
            Statement::Notarize(container) => {
                let other = said.proposal.is_some_and(|mine| mine != *container);
                let again = said
                    .notarize
                    .as_ref()
                    .is_some_and(|(cast, _)| cast == container || !self.rules.notarizes_twice());
                refuse_if(said.nullify.is_some(), excluded(Kind::Nullify))?;
                refuse_if(
                    other && !self.rules.notarizes_twice(),
                    Refusal::OtherProposal(view),
                )?;
                refuse_if(again, repeated)
            }
            Statement::Nullify { .. } => {
                let finalized = said.finalize.is_some()
                    && !self.rules.nullify_ignores_finalize()
                    && !planted("consensus: nullifies what it finalized");
                refuse_if(finalized, excluded(Kind::Finalize))?;
                refuse_if(said.nullify.is_some(), repeated)
            }
            Statement::Finalize { .. } => {
                let nullified = said.nullify.is_some()
                    && !self.rules.finalize_ignores_nullify()
                    && !planted("consensus: finalizes what it nullified");
                refuse_if(nullified, excluded(Kind::Nullify))?;
                refuse_if(said.finalize.is_some(), repeated)
            }
        }
    }

    /// The only use of the key: signs what the rules permit and notes it. The caller persists the vote before it sends.
    pub(crate) fn sign(&mut self, statement: Statement) -> Result<Vote, Refusal> {
        self.permits(&statement)?;
        let signature = self.scheme.sign(&statement.digest(&self.domain, self.epoch));
        let vote = Vote {
            epoch: self.epoch,
            signer: self.me,
            statement,
            signature,
        };
        self.note(vote.clone());
        Ok(vote)
    }

    /// Notes what I am about to propose in my view; never another container afterwards.
    pub(crate) fn propose(&mut self, container: Container) -> Result<(), Refusal> {
        self.permits(&Statement::Notarize(container))?;
        self.said.entry(container.view).or_default().proposal = Some(container);
        Ok(())
    }

    /// The container I proposed in this view, before or after a restart.
    pub(crate) fn proposal(&self, view: View) -> Option<Container> {
        self.said.get(&view)?.proposal
    }

    /// My vote of this kind in this view.
    pub(crate) fn vote(&self, view: View, kind: Kind) -> Option<&Vote> {
        let said = self.said.get(&view)?;
        match kind {
            Kind::Notarize => said.notarize.as_ref().map(|(_, vote)| vote),
            Kind::Nullify => said.nullify.as_ref(),
            Kind::Finalize => said.finalize.as_ref().map(|(_, vote)| vote),
        }
    }

    /// Whether a signature of mine on this statement, if it is genuine, is one that I do not remember giving. A vote is
    /// durable before it is sent, so a crash never makes this true: what it lost nobody ever saw.
    pub(crate) fn has_forgotten(&self, statement: &Statement) -> bool {
        let view = statement.view();
        let is_mine = |vote: &Vote| vote.statement == *statement;
        view > self.floor.max(self.amnesia)
            && !self.rules.forgets_silently()
            && !self.vote(view, statement.kind()).is_some_and(is_mine)
    }

    /// All my votes above the floor, oldest view first.
    pub(crate) fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.said.values().flat_map(|said| {
            let notarize = said.notarize.as_ref().map(|(_, vote)| vote);
            let finalize = said.finalize.as_ref().map(|(_, vote)| vote);
            notarize.into_iter().chain(&said.nullify).chain(finalize)
        })
    }

    /// What I voted to notarize last, above the floor.
    pub(crate) fn notarized_last(&self) -> Option<Container> {
        let mut said = self.said.values().rev();
        said.find_map(|said| said.notarize.as_ref().map(|(container, _)| *container))
    }

    /// The highest view I spoke about.
    pub(crate) fn highest(&self) -> Option<View> {
        self.said.keys().next_back().copied()
    }

    /// Forgets what is at or below a final view, and never votes there again.
    pub(crate) fn raise_floor(&mut self, floor: View) {
        self.floor = self.floor.max(floor);
        self.said = self.said.split_off(&View(self.floor.0.saturating_add(1)));
    }

    /// Up to where nothing is said, because an earlier life may have said something else; view 0 when there was none.
    pub(crate) fn amnesia(&self) -> View {
        self.amnesia
    }

    /// Which rules a test broke; none in production.
    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn break_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    fn note(&mut self, vote: Vote) {
        let said = self.said.entry(vote.statement.view()).or_default();
        match vote.statement {
            Statement::Notarize(container) => said.notarize = Some((container, vote)),
            Statement::Nullify { .. } => said.nullify = Some(vote),
            Statement::Finalize { block, .. } => said.finalize = Some((block, vote)),
        }
    }
}

fn refuse_if(condition: bool, refusal: Refusal) -> Result<(), Refusal> {
    if condition { Err(refusal) } else { Ok(()) }
}
