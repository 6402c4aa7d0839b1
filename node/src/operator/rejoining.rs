//! Votes of our own that the log lacks: the operator says nothing until the others have shown how far it may have voted.
//!
//! It is a state of the operator and no mode: without an engine it observes, catches up and serves as anybody without a seat
//! does, and asks the other members of the running epoch for their claims besides. With enough of them it writes the amnesia
//! floor and takes its seat. A floor holds for its own epoch alone, so:
//!
//! - in an epoch below one for which the log holds a floor, or lacks votes, it never votes again, should a power cut or an older
//!   storage lead back there. So a log that forgets an epoch whose end is durable gets a floor in the next one, at view 0;
//! - when the epoch ends before a block that does not seal it is final at or above the floor, the former life may have known
//!   the end already and have voted in the next epoch too, so that one is asked about in the same way. Later it cannot have:
//!   whoever signed that end was in a view below the floor, and what is final there lies below what is final here.
//!
//! Source: `consensus.md` section 9, and [`plasma_consensus::Rejoin`].

use std::collections::{BTreeMap, BTreeSet};

use plasma_consensus::{Certified, Kind, Record as Logged, Rejoin, scheme::OperatorKey};
use plasma_core::{Epoch, Height, Member, Millis, Peer, View};

use super::{
    Operator,
    effect::{Effect, Record},
    report::Silence,
};

/// Between two questions to one member. Whoever does not answer is in another epoch, or cannot be reached.
pub const ASK_PAUSE_MS: u64 = 1_000;
/// A member that did not answer in this time is asked again. The transport's own deadline is shorter.
pub const CLAIM_MS: u64 = 12_000;
/// Without enough claims in this time the rejoin is given up, and people must look: a member that has been away for so long
/// does not come back by itself.
pub const REJOIN_MS: u64 = 600_000;

/// How a rejoin goes on, for the operator's people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A member's claim counts.
    Heard {
        /// The epoch it is about.
        epoch: Epoch,
        /// How many count by now.
        claims: usize,
        /// How many are needed.
        needed: usize,
    },
    /// There are enough: it votes again above this view.
    Done {
        /// The epoch.
        epoch: Epoch,
        /// Nothing at or below it is voted on.
        floor: View,
    },
    /// Too few answered in [`REJOIN_MS`]; the process ends.
    Failed(String),
}

/// The claims of the running epoch.
#[derive(Debug)]
pub(super) struct Rejoining {
    heard: Option<Rejoin>,
    /// Members whose claim counts.
    answered: BTreeSet<Peer>,
    /// When each of the others was asked last; `true` while the answer is open.
    asked: BTreeMap<Peer, (Millis, bool)>,
    since: Millis,
    /// Our tip when it was looked at last.
    height: Height,
}

impl Rejoining {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            heard: None,
            answered: BTreeSet::new(),
            asked: BTreeMap::new(),
            since: now,
            height: Height(0),
        }
    }

    fn is_due(&self, now: Millis, peer: Peer) -> bool {
        let pause = |is_open: bool| if is_open { CLAIM_MS } else { ASK_PAUSE_MS };
        let asked = self.asked.get(&peer);
        !self.answered.contains(&peer) && asked.is_none_or(|(at, is_open)| now.since(*at) >= pause(*is_open))
    }
}

/// Whether records lack votes of their signer in an epoch: one is missing, and no floor covers it.
#[must_use]
pub fn lacks_votes<'a>(records: impl IntoIterator<Item = &'a Logged>, epoch: Epoch) -> bool {
    let (mut missing, mut floor) = (None, View(0));
    for record in records.into_iter().filter(|record| record.epoch() == epoch) {
        match record {
            Logged::Forgotten { view, .. } => missing = missing.max(Some(*view)),
            Logged::Amnesia { floor: known, .. } => floor = floor.max(*known),
            _ => {}
        }
    }
    missing.is_some_and(|view| view > floor)
}

/// Records that tell of lost votes. A floor below every view tells of none (`Operator::mark`).
pub(super) fn is_about_loss(record: &Logged) -> bool {
    match record {
        Logged::Amnesia { floor, .. } => *floor > View(0),
        Logged::Forgotten { .. } => true,
        _ => false,
    }
}

/// What says that a log lacks votes from an epoch's first view on: every floor lies above it.
#[must_use]
pub fn confession(epoch: Epoch) -> Logged {
    Logged::Forgotten {
        epoch,
        view: View(1),
        kind: Kind::Nullify,
    }
}

/// What a log must say before an operator goes on from a storage that others made. Such a storage may be epochs ahead of the
/// log, and skips the moments at which doubt is settled or carried from one epoch into the next: so what is in doubt anywhere
/// below is in doubt now.
#[must_use]
pub fn doubt_at<'a>(records: impl IntoIterator<Item = &'a Logged>, epoch: Epoch) -> Option<Logged> {
    let lost = records.into_iter().filter(|record| is_about_loss(record));
    let newest = lost.map(Logged::epoch).max();
    newest.filter(|newest| *newest < epoch).map(|_| confession(epoch))
}

impl<S: OperatorKey> Operator<S> {
    /// What this operator can show of how far the running epoch has come, for a member that lost its log; see
    /// [`plasma_consensus::Engine::claim`]. The outer `None` is no answer: another epoch runs here, or this operator itself
    /// cannot show as much as it may have said.
    #[must_use]
    pub fn claim(&self, epoch: Epoch) -> Option<Option<Certified>> {
        let engine = self.epochs.engine().filter(|engine| engine.epoch() == epoch)?;
        let is_sound = self.stopped.is_none() && engine.view() >= engine.amnesia_floor();
        is_sound.then(|| engine.claim())
    }

    /// Why nothing is voted on, though there is a seat.
    pub(super) fn silence(&self) -> Option<Silence> {
        self.epochs.me()?;
        match self.epochs.engine() {
            None if self.epochs.is_forgotten() => Some(Silence::Over),
            None => self.epochs.lacks_votes().then_some(Silence::Rejoining),
            Some(engine) => {
                let floor = engine.amnesia_floor();
                (engine.view() <= floor).then_some(Silence::Below(floor))
            }
        }
    }

    /// Asks whom to ask next, and gives up when it takes too long.
    pub(super) fn rejoin(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.epochs.settle_doubt(self.chain.decided_at());
        let is_asking = self.epochs.engine().is_none() && self.epochs.lacks_votes();
        let (epoch, height) = (self.epochs.running(), self.chain.decided().header.height);
        let Some(rejoining) = self.rejoining.as_mut() else {
            return;
        };
        let seat = self.epochs.committee().zip(self.epochs.me());
        let Some((committee, me)) = seat.filter(|_| is_asking) else {
            rejoining.since = now;
            return;
        };
        if rejoining.answered.is_empty() && height > rejoining.height {
            // Members that answer nothing while blocks come are ahead, in a later epoch.
            rejoining.since = now;
        }
        rejoining.height = height;
        let domain = self.rules.domain;
        let heard = rejoining
            .heard
            .get_or_insert_with(|| Rejoin::new((**committee).clone(), domain, me));
        debug_assert!(heard.record().is_none(), "the seat is taken with the last claim");
        if now.since(rejoining.since) >= REJOIN_MS {
            let needed = needed(committee.faults());
            let reason = format!(
                "of the {needed} other members of epoch {} that must say how far they are, {} did so in {} s",
                epoch.0,
                rejoining.answered.len(),
                REJOIN_MS / 1_000
            );
            effects.push(Effect::Rejoin(Progress::Failed(reason)));
            rejoining.since = now;
            return;
        }
        let others = committee.members().filter(|(seat, _)| *seat != me);
        for (_, Member { peer: from, .. }) in others {
            let from = *from;
            if self.sync.is_connected(from) && rejoining.is_due(now, from) {
                rejoining.asked.insert(from, (now, true));
                effects.push(Effect::AskClaim { from, epoch });
            }
        }
    }

    /// A member's answer: its claim, or nothing when it gave none.
    pub(super) fn on_claim(
        &mut self,
        now: Millis,
        from: Peer,
        (epoch, claim): (Epoch, Option<Option<Certified>>),
        effects: &mut Vec<Effect>,
    ) {
        let is_current = epoch == self.epochs.running() && self.epochs.engine().is_none();
        let seat = self.epochs.seat_of(from).zip(self.epochs.verifier(epoch));
        let Some(rejoining) = self.rejoining.as_mut().filter(|_| is_current) else {
            return;
        };
        if let Some((_, is_open)) = rejoining.asked.get_mut(&from) {
            *is_open = false;
        }
        let Some(((claim, (seat, verifier)), heard)) = claim.zip(seat).zip(rejoining.heard.as_mut()) else {
            return;
        };
        if !heard.hear(seat, claim.as_ref(), &verifier) {
            let reason = "its claim proves nothing".to_owned();
            return effects.push(Effect::Penalize { peer: from, reason });
        }
        let record = heard.record();
        rejoining.answered.insert(from);
        let faults = self.epochs.committee().map_or(0, |committee| committee.faults());
        effects.push(Effect::Rejoin(Progress::Heard {
            epoch,
            claims: rejoining.answered.len(),
            needed: needed(faults),
        }));
        let Some(record) = record else {
            return;
        };
        let floor = record.view();
        self.rejoining = None;
        effects.push(Effect::Persist(Record::Consensus(record.clone())));
        effects.push(Effect::Rejoin(Progress::Done { epoch, floor }));
        self.epochs.log(record);
        self.take_seat(now, self.first_floor(), effects);
    }

    /// An epoch has begun while votes of the one before were in doubt: votes of this one are too, and a restart must know it.
    pub(super) fn doubt_next(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.rejoining = Some(Rejoining::new(now));
        if self.epochs.is_answered_for() {
            return;
        }
        let record = confession(self.epochs.running());
        effects.push(Effect::Persist(Record::Consensus(record.clone())));
        self.epochs.log(record);
    }
}

/// How many others must answer.
fn needed(faults: usize) -> usize {
    faults.saturating_mul(2).saturating_add(1)
}
