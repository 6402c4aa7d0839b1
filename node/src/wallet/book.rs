//! What the journal says: every action that was ever begun, and how far each of them came. Pure.

mod intent;
mod once;

use std::collections::BTreeSet;

use plasma_core::{Address, ExitId, Hash, Position, SignedTransaction, TransactionId};
use serde::{Deserialize, Serialize};

pub use self::intent::{Intent, Row};
use crate::{
    api::text::{AddressText, AmountText, BytesText, HashText, PositionText},
    bridge::account::Fees,
};

/// One line of the journal: written before the step that it names is taken, or when its end was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Record {
    /// An action has its number.
    Begun {
        /// From 0, in order.
        action: usize,
        /// What was asked for.
        intent: Intent,
    },
    /// A payment was signed, and may be sent from now on.
    Signed {
        /// Of which action.
        action: usize,
        /// Which rows it pays.
        rows: Vec<usize>,
        /// The payment with its signature.
        bytes: BytesText,
    },
    /// It is decided, and its receipt is in the wallet.
    Decided {
        /// Of which action.
        action: usize,
        /// The payment.
        id: HashText,
    },
    /// It is proven that it can never be decided.
    Dead {
        /// Of which action.
        action: usize,
        /// The payment.
        id: HashText,
        /// Who spent its input.
        by: HashText,
    },
    /// An Ethereum transaction was signed, and may be sent from now on.
    Sent {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
        /// Everything that was signed.
        attempt: Attempt,
    },
    /// It was mined.
    Mined {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
        /// The attempt.
        hash: HashText,
        /// Whether it had an effect.
        succeeded: bool,
    },
    /// Another transaction of the account has its nonce: none of its attempts can be mined any more.
    Replaced {
        /// Of which action.
        action: usize,
        /// Which of its calls.
        call: String,
    },
    /// A deposit is in the ledger, and its receipt in the wallet.
    Credited {
        /// Of which action.
        action: usize,
        /// The vault's number.
        number: u64,
        /// What it became.
        output: PositionText,
    },
    /// An exit is open on Ethereum.
    Leaving {
        /// Of which action.
        action: usize,
        /// Its id.
        exit: HashText,
    },
    /// Exits of all outputs of an action are open on Ethereum.
    LeavingTogether {
        /// Of which action.
        action: usize,
        /// Their ids, in the order of its outputs.
        exits: Vec<HashText>,
    },
    /// What came of it was told to who asked.
    Ended {
        /// Which action.
        action: usize,
    },
}

/// One signature for one nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whose.
    pub account: AddressText,
    /// The nonce.
    pub nonce: u64,
    /// The gas limit.
    pub gas: u64,
    /// Most that a unit of gas costs, in wei; a text, for JSON numbers are not as wide.
    pub max_wei: AmountText,
    /// The tip in it.
    pub priority_wei: AmountText,
    /// Its hash on Ethereum.
    pub hash: HashText,
    /// Its bytes.
    pub raw: BytesText,
}

impl Attempt {
    /// The price of a unit of gas.
    #[must_use]
    pub fn fees(&self) -> Fees {
        let wei = |amount: AmountText| amount.0.try_into().unwrap_or(u128::MAX);
        Fees {
            max_wei: wei(self.max_wei),
            priority_wei: wei(self.priority_wei),
        }
    }
}

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
    /// It never will be.
    Dead,
}

/// A call of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name in the action.
    pub name: String,
    /// All that was signed for its nonce, cheapest first.
    pub attempts: Vec<Attempt>,
    /// The attempt that was mined, and whether it had an effect.
    pub mined: Option<(Hash, bool)>,
    /// Somebody else used the nonce.
    pub is_replaced: bool,
}

/// All actions.
#[derive(Clone, Debug, Default)]
pub struct Book {
    actions: Vec<Action>,
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
        action
            .ok_or_else(|| format!("action {number} was never begun"))?
            .enter(record)
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

    /// Another payment that this wallet ever signed and that spends an input of this one as well.
    #[must_use]
    pub fn rival(&self, payment: &SignedTransaction) -> Option<TransactionId> {
        let id = payment.id();
        let all = self.actions.iter().flat_map(|action| &action.payments);
        let mut others = all.map(|other| &other.signed).filter(|other| {
            let mut inputs = payment.transaction.inputs.iter();
            other.id() != id && inputs.any(|input| spends(other, input.position))
        });
        others.next().map(SignedTransaction::id)
    }

    /// A payment that this wallet signed or was given, and what became of it.
    #[must_use]
    pub fn payment(&self, id: TransactionId) -> Option<&Payment> {
        let all = self.actions.iter().flat_map(|action| &action.payments);
        // The same payment may be signed in one action and sent in another.
        let own = all.filter(|payment| payment.signed.id() == id);
        own.max_by_key(|payment| payment.fate != Fate::Open)
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

    /// The nonce behind every one that this wallet signed with an account and that may still be mined.
    #[must_use]
    pub fn next_nonce(&self, account: Address) -> u64 {
        let calls = self.actions.iter().flat_map(|action| &action.calls);
        let open = calls.filter(|call| !call.is_replaced && call.mined.is_none());
        let attempts = open.flat_map(|call| &call.attempts);
        let own = attempts.filter(|attempt| attempt.account.0 == account);
        own.map(|attempt| attempt.nonce.saturating_add(1))
            .max()
            .unwrap_or(0)
    }

    fn payments(&self) -> impl Iterator<Item = &Payment> {
        let all = self.actions.iter().flat_map(|action| &action.payments);
        all.filter(|payment| payment.fate != Fate::Dead)
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
        let alive = self.payments.iter().filter(|payment| payment.fate != Fate::Dead);
        let taken: BTreeSet<usize> = alive.flat_map(|payment| payment.rows.iter().copied()).collect();
        (0..rows.len()).filter(|row| !taken.contains(row)).collect()
    }

    /// The call of this name, unless its nonce is lost.
    #[must_use]
    pub fn call(&self, name: &str) -> Option<&Call> {
        self.calls
            .iter()
            .rev()
            .find(|call| call.name == name && !call.is_replaced)
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
            Record::Decided { id, .. } => self.payment(id)?.fate = Fate::Decided,
            Record::Dead { id, .. } => self.payment(id)?.fate = Fate::Dead,
            Record::Sent { call, attempt, .. } => self.attempted(call, attempt),
            Record::Mined {
                call,
                hash,
                succeeded,
                ..
            } => self.known_call(call)?.mined = Some((hash.0, *succeeded)),
            Record::Replaced { call, .. } => self.known_call(call)?.is_replaced = true,
            Record::Credited { number, output, .. } => self.credited = Some((*number, output.0)),
            Record::Leaving { exit, .. } => self.leaving = vec![ExitId(exit.0)],
            Record::LeavingTogether { exits, .. } if exits.len() == self.intent.exiting().len() => {
                self.leaving = exits.iter().map(|exit| ExitId(exit.0)).collect();
            }
            Record::LeavingTogether { exits, .. } => {
                return Err(format!("{} exits of other outputs", exits.len()));
            }
            Record::Ended { .. } => self.is_ended = true,
        }
        Ok(())
    }

    fn attempted(&mut self, name: &str, attempt: &Attempt) {
        let known = self
            .calls
            .iter_mut()
            .find(|call| call.name == name && !call.is_replaced);
        match known {
            Some(call) => call.attempts.push(attempt.clone()),
            None => self.calls.push(Call {
                name: name.to_owned(),
                attempts: vec![attempt.clone()],
                mined: None,
                is_replaced: false,
            }),
        }
    }

    fn payment(&mut self, id: &HashText) -> Result<&mut Payment, String> {
        let mut found = self.payments.iter_mut();
        found
            .find(|payment| payment.signed.id().0 == id.0)
            .ok_or_else(|| format!("payment {id} was never signed"))
    }

    fn known_call(&mut self, name: &str) -> Result<&mut Call, String> {
        let mut found = self.calls.iter_mut();
        found
            .find(|call| call.name == name && !call.is_replaced)
            .ok_or_else(|| format!("the call {name} was never signed"))
    }
}

fn spends(payment: &SignedTransaction, output: Position) -> bool {
    let mut inputs = payment.transaction.inputs.iter();
    inputs.any(|input| input.position == output)
}

impl Record {
    fn action(&self) -> usize {
        match self {
            Self::Begun { action, .. }
            | Self::Signed { action, .. }
            | Self::Decided { action, .. }
            | Self::Dead { action, .. }
            | Self::Sent { action, .. }
            | Self::Mined { action, .. }
            | Self::Replaced { action, .. }
            | Self::Credited { action, .. }
            | Self::Leaving { action, .. }
            | Self::LeavingTogether { action, .. }
            | Self::Ended { action } => *action,
        }
    }
}

#[cfg(test)]
mod tests;
