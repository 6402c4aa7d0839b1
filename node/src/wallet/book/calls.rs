//! Ethereum transactions of actions: what was signed for each, and what became of it.

use plasma_core::{Address, Hash, L1Height};

use super::{Action, Attempt, Book, Record};

/// A call of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name in the action.
    pub name: String,
    /// All that was signed for its nonce, cheapest first.
    pub attempts: Vec<Attempt>,
    /// The attempt that was mined, and whether it had an effect.
    pub mined: Option<(Hash, bool)>,
    /// The block in which it was seen.
    pub block: Option<(L1Height, Hash)>,
    /// Somebody else used the nonce.
    pub is_replaced: bool,
    /// It had an end, and Ethereum took it back.
    pub is_gone: bool,
    /// What became of it stays so.
    pub is_settled: bool,
}

impl Call {
    fn new(name: &str, attempt: &Attempt) -> Self {
        Self {
            name: name.to_owned(),
            attempts: vec![attempt.clone()],
            mined: None,
            block: None,
            is_replaced: false,
            is_gone: false,
            is_settled: false,
        }
    }

    /// Whether Ethereum must be asked again what became of it.
    #[must_use]
    pub fn stands(&self) -> bool {
        !self.is_settled && (self.block.is_some() || self.mined.is_none())
    }

    fn is_done(&self) -> bool {
        self.mined.is_some_and(|(_, succeeded)| succeeded)
    }

    fn has(&self, attempt: Hash) -> bool {
        self.attempts.iter().any(|known| known.hash.0 == attempt)
    }

    /// One more line about it.
    pub(super) fn enter(&mut self, record: &Record) {
        match record {
            Record::Mined {
                hash,
                succeeded,
                block,
                ..
            } => {
                self.mined = Some((hash.0, *succeeded));
                self.block = block.map(|block| (L1Height(block.height), block.hash.0));
                (self.is_replaced, self.is_gone) = (false, false);
            }
            Record::Settled { .. } => self.is_settled = true,
            Record::Gone { .. } => {
                (self.mined, self.block) = (None, None);
                (self.is_replaced, self.is_gone, self.is_settled) = (false, true, false);
            }
            Record::Replaced { .. } => self.is_replaced = true,
            _ => {}
        }
    }
}

impl Book {
    /// Calls whose end is not known for good, each with its action, in the order in which they were signed.
    #[must_use]
    pub fn standing(&self) -> Vec<(usize, Call)> {
        // What a deposit brought is in the ledger, which waited for it longer than anybody.
        let open = self.actions().filter(|(_, action)| action.credited.is_none());
        let calls = open.flat_map(|(number, action)| action.calls.iter().map(move |call| (number, call)));
        calls
            .filter(|(_, call)| call.stands())
            .map(|(number, call)| (number, call.clone()))
            .collect()
    }

    /// The nonce behind every one that this wallet signed with an account: an endpoint that lags behind would give it again.
    #[must_use]
    pub fn next_nonce(&self, account: Address) -> u64 {
        let calls = self.actions.iter().flat_map(|action| &action.calls);
        let attempts = calls.flat_map(|call| &call.attempts);
        let own = attempts.filter(|attempt| attempt.account.0 == account);
        own.map(|attempt| attempt.nonce.saturating_add(1))
            .max()
            .unwrap_or(0)
    }
}

impl Action {
    /// The call of this name that did what it was for; else the last one, unless its nonce is lost.
    #[must_use]
    pub fn call(&self, name: &str) -> Option<&Call> {
        let named = || self.calls.iter().rev().filter(|call| call.name == name);
        let done = named().find(|call| call.is_done());
        done.or_else(|| named().find(|call| !call.is_replaced))
    }

    /// Calls of this name that were given up.
    pub fn given_up(&self, name: &str) -> impl Iterator<Item = &Call> {
        self.calls
            .iter()
            .filter(move |call| call.name == name && call.is_replaced)
    }

    /// Another signature for the nonce of a call, or a call.
    pub(super) fn attempted(&mut self, name: &str, attempt: &Attempt) {
        let waits = |call: &&mut Call| {
            let nonce = call.attempts.last().map(|last| last.nonce);
            call.name == name && !call.is_replaced && nonce == Some(attempt.nonce)
        };
        match self.calls.iter_mut().rev().find(waits) {
            Some(call) => call.attempts.push(attempt.clone()),
            None => self.calls.push(Call::new(name, attempt)),
        }
    }

    /// The call with this attempt.
    pub(super) fn call_of(&mut self, name: &str, attempt: Hash) -> Result<&mut Call, String> {
        let mut named = self.calls.iter_mut().rev().filter(|call| call.name == name);
        let found = named.find(|call| call.has(attempt));
        found.ok_or_else(|| format!("no attempt {attempt} of the call {name} was signed"))
    }

    /// The call of this name that waits.
    pub(super) fn waiting(&mut self, name: &str) -> Result<&mut Call, String> {
        let mut calls = self.calls.iter_mut().rev();
        calls
            .find(|call| call.name == name && !call.is_replaced)
            .ok_or_else(|| format!("the call {name} was never signed"))
    }
}
