//! The duty to prove an invalid block: first it must lie under an anchor, then Ethereum is shown what is wrong with it.
//!
//! Whoever signs an invalid block may never anchor it, so this operator does: anchoring is open to anybody with a
//! certificate. When it is covered by an anchor further up, the headers between are collected, because the proof leads
//! through their leaves. No signature says which they are, only the anchor's root over all of them: so they are taken from one
//! member at a time, from the certified one on, and from another when they do not lead to that root. Nobody waits for a turn
//! here, the liars may sit in all the others; what races costs gas alone. The
//! duty is done when Ethereum shows the chain halted below the block, whoever did it.

use std::sync::Arc;

use plasma_core::{Header, Height, Millis, Peer, history::Frontier};

use super::{
    case::Case,
    effect::{Effect, Record},
    report::AnchorSeen,
    sync::Sync,
};

/// The case of this operator, if it has one, and how far it got.
#[derive(Debug, Default)]
pub struct Accuser {
    case: Option<Arc<Case>>,
    /// The lowest anchor at or above the block that we have seen.
    covering: Option<AnchorSeen>,
    /// Who gives the headers above the certified one.
    source: Option<Peer>,
    /// They lead to the covering anchor.
    is_traced: bool,
    asked: Option<Millis>,
    is_settled: bool,
}

impl Accuser {
    /// Takes a case; one about a lower block takes the place of one about a higher.
    pub fn open(&mut self, case: Case, newest: Option<AnchorSeen>) {
        let is_lower = |known: &Arc<Case>| case.height() < known.height();
        if self.case.as_ref().is_none_or(is_lower) {
            *self = Self {
                covering: newest.filter(|anchor| anchor.height >= case.height()),
                case: Some(Arc::new(case)),
                source: None,
                is_traced: false,
                asked: None,
                is_settled: false,
            };
        }
    }

    /// The case.
    #[must_use]
    pub fn case(&self) -> Option<&Arc<Case>> {
        self.case.as_ref()
    }

    /// Whether a valid block may still be decided on top of this height: those below the invalid one may.
    #[must_use]
    pub fn is_above(&self, decided: Height) -> bool {
        let follows = decided.next();
        self.case
            .as_ref()
            .is_some_and(|case| follows < Some(case.height()))
    }

    /// Ethereum shows an anchor.
    pub fn on_anchored(&mut self, anchor: AnchorSeen) {
        let Some(case) = &self.case else { return };
        let is_lower = self.covering.is_none_or(|known| anchor.height <= known.height);
        if anchor.height >= case.height() && is_lower {
            if self.covering != Some(anchor) {
                self.asked = None;
                self.is_traced = false;
            }
            self.covering = Some(anchor);
        }
    }

    /// Ethereum forgot an anchor.
    pub fn on_anchor_lost(&mut self, lost: AnchorSeen, newest: Option<AnchorSeen>) {
        if self.covering == Some(lost) {
            self.covering = None;
            self.asked = None;
            newest.into_iter().for_each(|anchor| self.on_anchored(anchor));
        }
    }

    /// Ethereum halted the chain; says whether that decides the case.
    pub fn on_halted(&mut self, last_valid: Height) -> bool {
        let is_won = self.case.as_ref().is_some_and(|case| last_valid < case.height());
        self.is_settled |= is_won;
        is_won
    }

    /// Headers that a peer sent in a row: what follows the newest known is kept, if it is this peer's turn. Whoever has nothing
    /// more has had it.
    pub fn on_headers<'a>(&mut self, from: Peer, headers: impl Iterator<Item = &'a Header>) {
        let Some(case) = self.case.as_mut().filter(|_| self.source == Some(from)) else {
            return;
        };
        let case = Arc::make_mut(case);
        let known = case.above.len();
        for header in headers {
            case.extend(header);
        }
        if case.above.len() == known {
            self.source = None;
        }
    }

    /// What the case needs now; an answer or an anchor that does not come is asked for again after `rest_ms`. `below` is the
    /// history below the block.
    pub fn due(&mut self, now: Millis, rest_ms: u64, sync: &mut Sync, below: &Frontier) -> Vec<Effect> {
        let Some(case) = self.case.as_mut().filter(|_| !self.is_settled) else {
            return Vec::new();
        };
        if let Some(anchor) = &self.covering {
            if case.top().height >= anchor.height && !self.is_traced {
                self.is_traced = case.leads_to(anchor, below);
                if !self.is_traced {
                    Arc::make_mut(case).forget_uncertified();
                    self.source = None;
                }
            }
            if case.top().height < anchor.height {
                return self.ask_for_headers(now, sync);
            }
        }
        if self.asked.is_some_and(|at| now.since(at) < rest_ms.max(1)) {
            return Vec::new();
        }
        let is_first = self.asked.replace(now).is_none();
        if self.covering.is_none() {
            return vec![Effect::Anchor {
                header: *case.certified(),
                certificate: case.certificate.clone(),
            }];
        }
        let mut effects = Vec::new();
        // The headers above are as hard to get a second time as the block is.
        if is_first && !case.above.is_empty() {
            effects.push(Effect::Persist(Record::Case(Arc::clone(case))));
        }
        effects.push(Effect::ProveFraud(Arc::clone(case)));
        effects
    }

    /// Asks on where headers came from, or somebody else from the certified one on.
    fn ask_for_headers(&mut self, now: Millis, sync: &mut Sync) -> Vec<Effect> {
        let Some(case) = self.case.as_mut() else {
            return Vec::new();
        };
        let last = self.source.map(|peer| (peer, case.top().height));
        let effects = sync.ask_on(now, last, case.certified().height);
        if let [Effect::RequestBlocks { from, .. }] = effects[..]
            && self.source.replace(from) != Some(from)
        {
            Arc::make_mut(case).forget_uncertified();
        }
        effects
    }
}
