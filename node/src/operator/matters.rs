//! What somebody claims on Ethereum and the ledger may know better: claims of in-flight exits, reclaims of funded deposits,
//! provisional challenges, an announced end.
//!
//! Here is decided that something must be looked at, and by whom: each matter has its rota. What is shown then depends on
//! what Ethereum holds at that moment, and whoever performs the duty asks. A matter rests for a round after it was our
//! turn, and ends when Ethereum shows it ended, whoever did it.

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::planted::planted;
use plasma_core::{Bitmap, DepositFate, DepositNumber, Epoch, ExitId, Fate, Millis, OpenExit, Reads};

use super::{effect::Effect, guardian::Duties};

/// One thing to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// The owner of a deposit wants it back though it was funded.
    Reclaim(DepositNumber),
    /// An in-flight exit: who claims what in it, and what the ledger knows of its payment.
    InFlight(ExitId),
    /// A challenge of a standard exit with a block that is only certified.
    Challenge(ExitId),
    /// Nothing can be anchored any more, so users need the halt.
    Silence,
}

/// What Ethereum shows of a matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The owner of a deposit wants it back: the ledger must say whether it was funded.
    ReclaimStarted(DepositNumber),
    /// Something new was claimed or shown.
    Stirred(Matter),
    /// It has its answer, which Ethereum may forget again.
    Settled(Matter),
    /// It is over for good.
    Over(Matter),
    /// These operators of a committee were convicted.
    Convicted(Epoch, Bitmap),
}

/// Whose turn a duty is, as time goes by.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    since: Millis,
    asked: Option<Millis>,
}

impl Turn {
    /// A duty that fell due now.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self {
            since: now,
            asked: None,
        }
    }

    /// Whether it is the turn of who has so many operators before him. Then it rests for a round.
    pub fn comes(&mut self, now: Millis, rank: u64, duties: &Duties) -> bool {
        let late = now.since(self.since) / duties.takeover_ms.max(1);
        let comes = late >= rank && duties.rested(self.asked, now);
        if comes {
            self.asked = Some(now);
        }
        comes
    }

    /// Whether everybody had a turn since it fell due.
    #[must_use]
    pub fn is_past_round(&self, now: Millis, duties: &Duties) -> bool {
        now.since(self.since) >= duties.round_ms()
    }

    /// Somebody did it; should Ethereum forget that, it is asked for again after a round.
    pub fn rest(&mut self, now: Millis) {
        self.asked = Some(now);
    }

    /// Something new: the rota begins again. Who has not had his turn keeps it.
    fn stir(&mut self, now: Millis) {
        if self.asked.is_some() {
            *self = Self::new(now);
        }
    }
}

/// All that must be looked at.
#[derive(Debug, Default)]
pub struct Matters {
    open: BTreeMap<Matter, Turn>,
    /// Reclaims of deposits that no decided block has funded.
    unfunded: BTreeSet<DepositNumber>,
}

impl Matters {
    /// Something must be looked at.
    pub fn open(&mut self, now: Millis, matter: Matter) {
        if self.open.len() < OPEN_MAX {
            self.open.entry(matter).or_insert_with(|| Turn::new(now));
        }
    }

    /// Ethereum shows something.
    pub fn on_notice(&mut self, now: Millis, notice: &Notice) {
        match notice {
            Notice::ReclaimStarted(_) | Notice::Convicted(..) => {}
            Notice::Stirred(matter) => {
                self.open(now, *matter);
                if let Some(turn) = self.open.get_mut(matter) {
                    turn.stir(now);
                }
            }
            Notice::Settled(matter) => {
                if let Some(turn) = self.open.get_mut(matter) {
                    turn.rest(now);
                }
            }
            Notice::Over(matter) => self.close(matter),
        }
    }

    /// Nothing is left to do.
    pub fn close(&mut self, matter: &Matter) {
        self.open.remove(matter);
        if let Matter::Reclaim(number) = matter {
            self.unfunded.remove(number);
        }
    }

    /// What the ledger knows of a deposit whose owner wants it back.
    pub fn on_reclaim(&mut self, now: Millis, number: DepositNumber, fate: Option<DepositFate>) {
        match fate {
            Some(DepositFate::Funded(_)) if planted("operator: lets funded deposits go back") => {}
            Some(DepositFate::Funded(_)) => self.open(now, Matter::Reclaim(number)),
            None if self.unfunded.len() < OPEN_MAX => {
                self.unfunded.insert(number);
            }
            None | Some(DepositFate::Reclaimed) => {}
        }
    }

    /// A decided block says what became of a deposit.
    pub fn on_deposit(&mut self, now: Millis, number: DepositNumber, fate: DepositFate) {
        if fate == DepositFate::Reclaimed {
            self.close(&Matter::Reclaim(number));
        } else if self.unfunded.remove(&number) {
            self.open(now, Matter::Reclaim(number));
        }
    }

    /// An exit ended.
    pub fn on_exit_ended(&mut self, exit: ExitId) {
        self.close(&Matter::InFlight(exit));
        self.close(&Matter::Challenge(exit));
    }

    /// Ethereum shows that an exit ended, but may forget it again.
    pub fn on_exit_settled(&mut self, now: Millis, exit: ExitId) {
        for matter in [Matter::InFlight(exit), Matter::Challenge(exit)] {
            self.on_notice(now, &Notice::Settled(matter));
        }
    }

    /// What is ours to do at this moment.
    pub fn due(&mut self, now: Millis, duties: &Duties) -> Vec<Effect> {
        let answers = self.open.iter_mut().filter_map(|(matter, turn)| {
            let rank = duties.rank(number_of(matter));
            turn.comes(now, rank, duties).then_some(Effect::Answer(*matter))
        });
        answers.collect()
    }
}

/// Whether the ledger may know something against an in-flight exit or for it: its payment is included, so that its
/// outputs may be spent and it may be called non-canonical; or an input was spent, and not by it.
#[must_use]
pub fn is_answerable(exit: &OpenExit, reads: &Reads) -> bool {
    let OpenExit::InFlight { included, inputs, .. } = exit else {
        return false;
    };
    let is_spent = |position| {
        let record = reads.outputs.get(position).and_then(Option::as_ref);
        record.is_some_and(|record| matches!(record.fate, Fate::Spent(_)))
    };
    included.is_some() || inputs.iter().any(is_spent)
}

/// Which duty of the rota a matter is.
fn number_of(matter: &Matter) -> u64 {
    match matter {
        Matter::Reclaim(number) => number.0,
        Matter::InFlight(exit) | Matter::Challenge(exit) => number_of_exit(exit),
        Matter::Silence => 0,
    }
}

/// Exits are numbered in the last five bytes of their ids; two of them spread any committee.
#[must_use]
pub fn number_of_exit(exit: &ExitId) -> u64 {
    let [.., high, low] = exit.0.0;
    u64::from(high) << 8 | u64::from(low)
}

/// Each costs its maker a bond, so nobody reaches this; memory stays bounded when somebody does.
const OPEN_MAX: usize = 65_536;
