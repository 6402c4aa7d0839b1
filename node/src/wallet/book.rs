//! What the journal says: every action that was ever begun, and how far each of them came. Pure.

mod calls;
mod intent;
mod once;
mod record;

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{Address, EXPIRY_NEVER, ExitId, Position, SignedTransaction, TransactionId};

pub use self::{
    calls::Call,
    intent::{Intent, Row},
    record::{Attempt, Block, Record},
};
use crate::api::text::HashText;

/// An action and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What was asked for.
    pub intent: Intent,
    /// Payments that were signed for it.
    pub payments: Vec<Payment>,
    /// Ethereum transactions that were signed for it, by the name of the call.
    pub calls: Vec<Call>,
    /// The deposit and its output.
    pub credited: Option<(u64, Position)>,
    /// Its exits, in the order of its outputs.
    pub leaving: Vec<ExitId>,
    /// Whether it was told.
    pub is_ended: bool,
}

/// A payment of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Which rows it pays.
    pub rows: Vec<usize>,
    /// With its signature.
    pub signed: SignedTransaction,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may be decided at any time.
    Open,
    /// It is in a block.
    Decided,
    /// It never will be: this payment spent an input of it.
    Dead(TransactionId),
    /// It never will be: no block may hold it any more, and none does.
    Expired,
}

impl Payment {
    /// Whether it may count, or does.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.fate, Fate::Dead(_) | Fate::Expired)
    }
}

/// All actions.
#[derive(Clone, Debug, Default)]
pub struct Book {
    actions: Vec<Action>,
    /// The actions in which a payment was signed: one may sign what another sends.
    signed: BTreeMap<TransactionId, Vec<usize>>,
    /// Outputs that payments of another machine spent, and that is known.
    elsewhere: BTreeSet<Position>,
}

impl Book {
    /// Reads one more line.
    ///
    /// # Errors
    /// Words, when the line does not follow from those before.
    pub fn enter(&mut self, record: &Record) -> Result<(), String> {
        if let Record::Begun { action, intent } = record {
            if *action != self.actions.len() {
                return Err(format!("action {action} follows {} others", self.actions.len()));
            }
            self.actions.push(Action::new(intent.clone()));
            return Ok(());
        }
        let number = record.action();
        let action = self.actions.get_mut(number);
        let action = action.ok_or_else(|| format!("action {number} was never begun"))?;
        action.enter(record)?;
        match record {
            Record::Signed { .. } => {
                let id = action.payments.last().map(|payment| payment.signed.id());
                self.signed
                    .entry(id.unwrap_or_default())
                    .or_default()
                    .push(number);
            }
            Record::Decided { id, .. } => self.is_known(TransactionId(id.0), Fate::Decided),
            Record::Expired { id, .. } => self.is_known(TransactionId(id.0), Fate::Expired),
            Record::Elsewhere { output, .. } => drop(self.elsewhere.insert(output.0)),
            Record::Dead { id, by, .. } => {
                self.is_known(TransactionId(id.0), Fate::Dead(TransactionId(by.0)));
            }
            _ => {}
        }
        Ok(())
    }

    /// What became of a payment became of it in every action.
    fn is_known(&mut self, id: TransactionId, fate: Fate) {
        for number in self.signed.get(&id).into_iter().flatten() {
            let action = self.actions.get_mut(*number);
            let payments = action.into_iter().flat_map(|action| &mut action.payments);
            payments
                .filter(|payment| payment.signed.id() == id)
                .for_each(|payment| payment.fate = fate);
        }
    }

    /// The number that the next action gets.
    #[must_use]
    pub fn next(&self) -> usize {
        self.actions.len()
    }

    /// An action.
    #[must_use]
    pub fn action(&self, number: usize) -> Option<&Action> {
        self.actions.get(number)
    }

    /// All actions with their numbers.
    pub fn actions(&self) -> impl Iterator<Item = (usize, &Action)> {
        self.actions.iter().enumerate()
    }

    /// The action of this very intent that is not ended.
    #[must_use]
    pub fn open(&self, intent: &Intent) -> Option<usize> {
        let found = self
            .actions()
            .find(|(_, action)| !action.is_ended && action.intent == *intent);
        found.map(|(number, _)| number)
    }

    /// Outputs that no new payment may spend: in a payment that was signed and may count, or leaving for Ethereum.
    #[must_use]
    pub fn reserved(&self) -> BTreeSet<Position> {
        let spent = self
            .payments()
            .flat_map(|payment| &payment.signed.transaction.inputs);
        let leaving = self.actions.iter().flat_map(Action::leaving_outputs);
        spent.map(|input| input.position).chain(leaving).collect()
    }

    /// Outputs that are spent for ever: by payments of this wallet that are decided.
    #[must_use]
    pub fn spent(&self) -> BTreeSet<Position> {
        let decided = self.payments().filter(|payment| payment.fate == Fate::Decided);
        let inputs = decided.flat_map(|payment| &payment.signed.transaction.inputs);
        inputs.map(|input| input.position).collect()
    }

    /// Whether it is known that a payment of another machine spent an output.
    #[must_use]
    pub fn is_elsewhere(&self, output: Position) -> bool {
        self.elsewhere.contains(&output)
    }

    /// The payment that spends an output: one of this wallet, or one that it leaves with.
    #[must_use]
    pub fn spender(&self, output: Position) -> Option<TransactionId> {
        let own = self.payments().map(|payment| &payment.signed);
        let own = own
            .filter(|signed| spends(signed, output))
            .map(SignedTransaction::id);
        let flown = self.actions.iter().filter_map(|action| action.intent.flown());
        let flown = flown.filter(|signed| spends(signed, output));
        own.chain(flown.map(|signed| signed.id())).next()
    }

    /// Payments that may still be decided and that expire, each with an action in which it was signed.
    #[must_use]
    pub fn mortal(&self) -> BTreeMap<TransactionId, (usize, &SignedTransaction)> {
        let all = self.actions().flat_map(|(number, action)| {
            let payments = action.payments.iter();
            payments.map(move |payment| (number, payment))
        });
        let open = all.filter(|(_, payment)| {
            payment.fate == Fate::Open && payment.signed.transaction.expiry != EXPIRY_NEVER
        });
        open.map(|(number, payment)| (payment.signed.id(), (number, &payment.signed)))
            .collect()
    }

    /// Another payment that this wallet ever signed, that did not expire, and that spends an input of this one as well.
    #[must_use]
    pub fn rival(&self, payment: &SignedTransaction) -> Option<TransactionId> {
        let id = payment.id();
        let all = self.actions.iter().flat_map(|action| &action.payments);
        let all = all.filter(|other| other.fate != Fate::Expired);
        let mut others = all.map(|other| &other.signed).filter(|other| {
            let mut inputs = payment.transaction.inputs.iter();
            other.id() != id && inputs.any(|input| spends(other, input.position))
        });
        others.next().map(SignedTransaction::id)
    }

    /// A payment that this wallet signed or was given, and what became of it.
    #[must_use]
    pub fn payment(&self, id: TransactionId) -> Option<&Payment> {
        let actions = self.signed.get(&id)?.iter();
        let all = actions.filter_map(|number| self.actions.get(*number));
        let mut same = all.flat_map(|action| &action.payments);
        same.find(|payment| payment.signed.id() == id)
    }

    /// The exit with which an output leaves, and the action that started it.
    #[must_use]
    pub fn exit_of(&self, output: Position) -> Option<(usize, ExitId)> {
        self.actions().find_map(|(number, action)| {
            let mut exits = action.exits();
            exits.find_map(|(position, exit)| (position == output).then_some((number, exit)))
        })
    }

    /// The actions with which an account leaves with a payment, the newest first.
    pub fn flights(&self, owner: Address, payment: TransactionId) -> impl Iterator<Item = (usize, &Action)> {
        self.actions.iter().enumerate().rev().filter(move |(_, action)| {
            let is_own = matches!(&action.intent, Intent::Flight { from, .. } if from.0 == owner);
            is_own && action.intent.flown().is_some_and(|flown| flown.id() == payment)
        })
    }

    fn payments(&self) -> impl Iterator<Item = &Payment> {
        let all = self.actions.iter().flat_map(|action| &action.payments);
        all.filter(|payment| payment.is_alive())
    }
}

impl Action {
    fn new(intent: Intent) -> Self {
        Self {
            intent,
            payments: Vec::new(),
            calls: Vec::new(),
            credited: None,
            leaving: Vec::new(),
            is_ended: false,
        }
    }

    /// Places of rows that no payment pays.
    #[must_use]
    pub fn unpaid(&self) -> Vec<usize> {
        let Intent::Pay { rows, .. } = &self.intent else {
            return Vec::new();
        };
        let alive = self.payments.iter().filter(|payment| payment.is_alive());
        let taken: BTreeSet<usize> = alive.flat_map(|payment| payment.rows.iter().copied()).collect();
        (0..rows.len()).filter(|row| !taken.contains(row)).collect()
    }

    /// The outputs that leave, each with its exit.
    pub fn exits(&self) -> impl Iterator<Item = (Position, ExitId)> {
        self.intent
            .exiting()
            .into_iter()
            .zip(self.leaving.iter().copied())
    }

    /// The outputs that are leaving, or about to.
    fn leaving_outputs(&self) -> Vec<Position> {
        if self.is_ended && self.leaving.is_empty() {
            return Vec::new();
        }
        let flown = self.intent.flown().into_iter();
        let inputs = flown.flat_map(|payment| payment.transaction.inputs);
        let inputs = inputs.map(|input| input.position);
        self.intent.exiting().into_iter().chain(inputs).collect()
    }

    fn enter(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::Begun { .. } => {}
            Record::Signed { rows, bytes, .. } => {
                let signed = SignedTransaction::decode(&bytes.0);
                self.payments.push(Payment {
                    rows: rows.clone(),
                    signed: signed.map_err(|error| format!("bytes: {error}"))?,
                    fate: Fate::Open,
                });
            }
            // The book says it of every action in which it was signed.
            Record::Decided { id, .. } | Record::Dead { id, .. } | Record::Expired { id, .. } => {
                self.has_signed(id)?;
            }
            Record::Sent { call, attempt, .. } => self.attempted(call, attempt),
            Record::Mined { call, hash, .. } | Record::Settled { call, hash, .. } => {
                self.call_of(call, hash.0)?.enter(record);
            }
            Record::Gone { call, hash, .. } => {
                self.call_of(call, hash.0)?.enter(record);
                self.leaving.clear();
                self.is_ended = false;
            }
            Record::Replaced { call, .. } => self.waiting(call)?.enter(record),
            Record::Credited { number, output, .. } => self.credited = Some((*number, output.0)),
            Record::Leaving { exit, .. } => self.leaving = vec![ExitId(exit.0)],
            Record::LeavingTogether { exits, .. } if exits.len() == self.intent.exiting().len() => {
                self.leaving = exits.iter().map(|exit| ExitId(exit.0)).collect();
            }
            Record::LeavingTogether { exits, .. } => {
                return Err(format!("{} exits of other outputs", exits.len()));
            }
            Record::Elsewhere { .. } => {}
            Record::Ended { .. } => self.is_ended = true,
        }
        Ok(())
    }

    fn has_signed(&self, id: &HashText) -> Result<(), String> {
        let mut signed = self.payments.iter();
        let is_known = signed.any(|payment| payment.signed.id().0 == id.0);
        is_known
            .then_some(())
            .ok_or_else(|| format!("payment {id} was never signed"))
    }
}

fn spends(payment: &SignedTransaction, output: Position) -> bool {
    let mut inputs = payment.transaction.inputs.iter();
    inputs.any(|input| input.position == output)
}

#[cfg(test)]
mod tests;
