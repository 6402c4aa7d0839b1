//! What Ethereum told of claims that are open, for whoever answers them: the contracts keep hashes and flags alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use plasma_core::{
    Address, Amount, DepositNumber, ExitId, Height, L1Event, Position, SignedTransaction, planted::planted,
};

use super::flight::Flight;
use crate::{
    bridge::{Notice, decode::Told},
    operator::matters::{self, Matter},
};

/// Most open exits remembered. Each costs its owner a bond; should there ever be more, the newest have no answer of ours.
const EXITS_MAX: usize = 65_536;

/// The claims that are open, as far as their logs were read. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Docket(Arc<Mutex<Claims>>);

#[derive(Debug, Default)]
struct Claims {
    /// Exits that began while we watched.
    begun: BTreeMap<ExitId, Begun>,
    /// What was shown of in-flight exits.
    flights: BTreeMap<ExitId, Flight>,
    /// The bytes of the payments of in-flight exits: only the log has them.
    payments: BTreeMap<ExitId, Vec<u8>>,
    /// What provisional challenges of standard exits tell.
    challenges: BTreeMap<ExitId, Told>,
    /// Deposits whose owners want them back.
    reclaims: BTreeSet<DepositNumber>,
    /// The bond of an exit, once all that Ethereum told before our start was read.
    bond: Option<Amount>,
}

/// What Ethereum says of an open exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When it began, if we watched.
    pub begun_s: Option<u64>,
    /// What its maker loses if it is challenged.
    pub bond: Amount,
    /// Whether a provisional challenge of it stands; of one in flight, whether it is contested.
    pub is_challenged: bool,
}

/// How an exit began.
#[derive(Clone, Copy, Debug)]
struct Begun {
    /// What a standard one is of.
    output: Option<Position>,
    time_s: u64,
}

impl Docket {
    /// Notes when an exit began, by Ethereum's time.
    pub fn on_begun(&self, event: &L1Event, time_s: u64) {
        let mut claims = self.claims();
        let (id, output) = match event {
            L1Event::ExitStarted { id, position, .. } => (id, Some(*position)),
            L1Event::InFlightExitStarted { id, .. } => (id, None),
            _ => return,
        };
        if claims.begun.len() < EXITS_MAX {
            claims.begun.insert(*id, Begun { output, time_s });
        }
    }

    /// The standard exit of an output that is paid first, of those that began while we watched.
    #[must_use]
    pub fn exit_of(&self, output: Position) -> Option<ExitId> {
        let claims = self.claims();
        let mut begun = claims.begun.iter();
        begun
            .find(|(_, begun)| begun.output == Some(output))
            .map(|(id, _)| *id)
    }

    /// All that Ethereum told before our start was noted; an exit there costs this bond.
    pub fn on_whole(&self, bond: Amount) {
        self.claims().bond = Some(bond);
    }

    /// How a standard exit stands that is open; `None` while the past is not read.
    #[must_use]
    pub fn standing(&self, exit: &ExitId) -> Option<Standing> {
        let claims = self.claims();
        Some(Standing {
            begun_s: claims.begun.get(exit).map(|begun| begun.time_s),
            bond: claims.bond?,
            is_challenged: claims.challenges.contains_key(exit),
        })
    }

    /// How an in-flight exit stands that is open, and what would be paid in which asset, if the chain was valid up to here;
    /// `None` while the past is not read.
    #[must_use]
    pub fn flight(&self, exit: &ExitId, last_valid: Option<Height>) -> Option<(Standing, (Amount, Address))> {
        let standing = self.standing(exit)?;
        let claims = self.claims();
        let payment = SignedTransaction::decode(claims.payments.get(exit)?)
            .ok()?
            .transaction;
        let nothing_shown = Flight::default();
        let flight = claims.flights.get(exit).unwrap_or(&nothing_shown);
        let standing = Standing {
            is_challenged: flight.is_contested(last_valid),
            ..standing
        };
        Some((standing, (flight.pays(&payment, last_valid), payment.asset)))
    }

    /// Notes what an event of the ledger says.
    pub fn on_event(&self, event: &L1Event) {
        let mut claims = self.claims();
        match event {
            L1Event::InFlightExitStarted { id, transaction }
                if claims.payments.len() < EXITS_MAX && !planted("bridge: keeps no payment in flight") =>
            {
                claims.payments.insert(*id, transaction.clone());
            }
            L1Event::ExitEnded { id, .. } | L1Event::InFlightExitEnded { id, .. } => {
                claims.begun.remove(id);
                claims.flights.remove(id);
                claims.payments.remove(id);
                claims.challenges.remove(id);
            }
            L1Event::DepositReclaimed { number } => {
                claims.reclaims.remove(number);
            }
            _ => {}
        }
    }

    /// Notes what else was said.
    pub fn on_notice(&self, notice: &Notice) {
        let mut claims = self.claims();
        match notice {
            Notice::ChallengeClaimed(exit, told) if claims.challenges.len() < EXITS_MAX => {
                claims.challenges.insert(*exit, *told);
            }
            Notice::ChallengeRebutted(exit) => {
                claims.challenges.remove(exit);
            }
            Notice::ReclaimStarted(number) if claims.reclaims.len() < EXITS_MAX => {
                claims.reclaims.insert(*number);
            }
            Notice::ReclaimChallenged(number) => {
                claims.reclaims.remove(number);
            }
            _ => {}
        }
    }

    /// Notes what was said that can no longer be reorganised away.
    pub fn on_confirmed(&self, notice: &Notice) {
        let mut claims = self.claims();
        if let Notice::InFlightStirred(exit, shown) = notice
            && (claims.flights.contains_key(exit) || claims.flights.len() < EXITS_MAX)
        {
            claims.flights.entry(*exit).or_default().on_shown(*shown);
        }
    }

    /// The bytes of the payment of an in-flight exit.
    #[must_use]
    pub fn payment(&self, exit: &ExitId) -> Option<Vec<u8>> {
        self.claims().payments.get(exit).cloned()
    }

    /// What the provisional challenge of a standard exit tells.
    #[must_use]
    pub fn challenge(&self, exit: &ExitId) -> Option<Told> {
        self.claims().challenges.get(exit).copied()
    }

    /// All that is open, as the operator hears of it.
    #[must_use]
    pub fn open(&self) -> Vec<matters::Notice> {
        let claims = self.claims();
        let reclaims = claims
            .reclaims
            .iter()
            .copied()
            .map(matters::Notice::ReclaimStarted);
        let challenges = claims.challenges.keys().copied().map(Matter::Challenge);
        let payments = claims.payments.keys().copied().map(Matter::InFlight);
        let stirred = challenges.chain(payments).map(matters::Notice::Stirred);
        reclaims.chain(stirred).collect()
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a log means for the operator.
#[must_use]
pub(super) fn told(notice: &Notice, is_confirmed: bool) -> Vec<matters::Notice> {
    let ended = |matter| {
        if is_confirmed {
            matters::Notice::Over(matter)
        } else {
            matters::Notice::Settled(matter)
        }
    };
    match notice {
        Notice::ReclaimStarted(number) => vec![matters::Notice::ReclaimStarted(*number)],
        Notice::ReclaimChallenged(number) => vec![ended(Matter::Reclaim(*number))],
        Notice::InFlightStirred(exit, _) => vec![matters::Notice::Stirred(Matter::InFlight(*exit))],
        Notice::ChallengeClaimed(exit, _) => vec![matters::Notice::Stirred(Matter::Challenge(*exit))],
        Notice::ChallengeRebutted(exit) => vec![ended(Matter::Challenge(*exit))],
        Notice::Slashed { epoch, convicted } if is_confirmed => {
            vec![matters::Notice::Convicted(*epoch, convicted.clone())]
        }
        Notice::Slashed { .. } => Vec::new(),
    }
}
