//! Valid transactions that wait for a block, in order of arrival.
//!
//! Invariant: no two waiting transactions name one input, so whatever is chosen conflicts with nothing else here.
//! Whether an input still exists is the ledger's question, asked again when a block is built.

use plasma_core::planted::planted;
use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{
    AuthenticTransaction, Delta, Fate, Hash, Height, Millis, Position, Transaction, TransactionId,
};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct MempoolLimits {
    /// Most transactions that wait at once.
    pub transactions_max: usize,
    /// Most bytes that wait at once.
    pub bytes_max: usize,
    /// How long one waits before it is forgotten; its owner may submit it again.
    pub ttl_ms: u64,
}

/// What became of an offered transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It waits now.
    Added,
    /// It waited already.
    Known,
    /// Another waiting transaction spends this input.
    Conflict {
        /// Index of the input.
        input: usize,
        /// The transaction that came first.
        by: TransactionId,
    },
    /// A limit is reached.
    Full,
}

/// The waiting transactions of one operator.
#[derive(Debug)]
pub struct Mempool {
    limits: MempoolLimits,
    /// Arrival number of the next one; moves up only.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    by_id: BTreeMap<TransactionId, u64>,
    by_leaf: BTreeMap<Hash, u64>,
    by_input: BTreeMap<Position, u64>,
    by_expiry: BTreeSet<(Height, u64)>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    transaction: AuthenticTransaction,
    since: Millis,
    bytes: usize,
    /// A client of this operator brought it.
    is_ours: bool,
}

impl Mempool {
    /// An empty one.
    #[must_use]
    pub fn new(limits: MempoolLimits) -> Self {
        Self {
            limits,
            next: 0,
            waiting: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_leaf: BTreeMap::new(),
            by_input: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The waiting transaction of this id.
    #[must_use]
    pub fn find(&self, id: &TransactionId) -> Option<&AuthenticTransaction> {
        self.by_id
            .get(id)
            .and_then(|number| self.waiting.get(number))
            .map(|waiting| &waiting.transaction)
    }

    /// The waiting transaction of this leaf.
    #[must_use]
    pub fn find_leaf(&self, leaf: &Hash) -> Option<&AuthenticTransaction> {
        self.at_leaf(leaf).map(|waiting| &waiting.transaction)
    }

    /// How long the transaction of this leaf waits.
    #[must_use]
    pub fn age(&self, now: Millis, leaf: &Hash) -> Option<u64> {
        self.at_leaf(leaf).map(|waiting| now.since(waiting.since))
    }

    fn at_leaf(&self, leaf: &Hash) -> Option<&Waiting> {
        self.by_leaf.get(leaf).and_then(|number| self.waiting.get(number))
    }

    /// Takes a transaction whose rules were checked; never replaces one that waits.
    pub fn offer(&mut self, now: Millis, transaction: AuthenticTransaction, is_ours: bool) -> Admission {
        if self.by_id.contains_key(&transaction.id()) {
            return Admission::Known;
        }
        let bytes = transaction.signed().encoded_len();
        if self.waiting.len() >= self.limits.transactions_max
            || self.bytes.saturating_add(bytes) > self.limits.bytes_max
        {
            return Admission::Full;
        }
        if let Some((input, by)) = self.rival(transaction.transaction()) {
            return Admission::Conflict { input, by };
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(transaction.id(), number);
        self.by_leaf.insert(transaction.leaf(), number);
        for input in &transaction.transaction().inputs {
            self.by_input.insert(input.position, number);
        }
        self.by_expiry.insert((transaction.transaction().expiry, number));
        self.bytes += bytes;
        self.waiting.insert(
            number,
            Waiting {
                transaction,
                since: now,
                bytes,
                is_ours,
            },
        );
        Admission::Added
    }

    /// The oldest waiting transactions that are not in `excluded`, at most `count` of them.
    #[must_use]
    pub fn oldest(&self, count: usize, excluded: &BTreeSet<TransactionId>) -> Vec<AuthenticTransaction> {
        self.waiting
            .values()
            .map(|waiting| &waiting.transaction)
            .filter(|transaction| !excluded.contains(&transaction.id()))
            .take(count)
            .cloned()
            .collect()
    }

    /// The bytes of those that wait for `age_ms`, the oldest first, about `bytes_max` of them; only those that clients of
    /// this operator brought where `are_ours` says so.
    #[must_use]
    pub fn waiting(&self, now: Millis, age_ms: u64, bytes_max: usize, are_ours: bool) -> Vec<Vec<u8>> {
        let mut bytes = 0;
        self.waiting
            .values()
            .take_while(|waiting| now.since(waiting.since) >= age_ms)
            .filter(|waiting| waiting.is_ours || !are_ours)
            .take_while(|waiting| {
                bytes += waiting.bytes;
                bytes <= bytes_max
            })
            .map(|waiting| waiting.transaction.signed().encode())
            .collect()
    }

    /// Whether a transaction outside `excluded` waits.
    #[must_use]
    pub fn has_other_than(&self, excluded: &BTreeSet<TransactionId>) -> bool {
        self.by_id.keys().any(|id| !excluded.contains(id))
    }

    /// Forgets what a decided block included, made impossible or let expire.
    pub fn on_decided(&mut self, delta: &Delta) {
        if planted("operator: what is decided waits on") {
            return;
        }
        for (position, record) in &delta.outputs {
            let is_spendable = record.fate == Fate::Unspent && record.output.locks == 0;
            if let Some(number) = self.by_input.get(position).copied().filter(|_| !is_spendable) {
                self.remove(number);
            }
        }
        self.expire_below(delta.height);
    }

    /// Forgets one transaction, when its rule check fails for good.
    pub fn forget(&mut self, id: &TransactionId) {
        if let Some(number) = self.by_id.get(id).copied() {
            self.remove(number);
        }
    }

    /// Forgets what waited longer than the limit; arrival order is age order, so this stops at the first young one.
    pub fn forget_old(&mut self, now: Millis) {
        while let Some((number, waiting)) = self.waiting.first_key_value() {
            if now.since(waiting.since) <= self.limits.ttl_ms {
                return;
            }
            let number = *number;
            self.remove(number);
        }
    }

    /// The first input that a waiting transaction spends, and which one that is.
    #[must_use]
    pub fn rival(&self, transaction: &Transaction) -> Option<(usize, TransactionId)> {
        transaction.inputs.iter().enumerate().find_map(|(input, named)| {
            let number = self
                .by_input
                .get(&named.position)
                .filter(|_| !planted("operator: conflicts wait side by side"))?;
            Some((input, self.waiting.get(number)?.transaction.id()))
        })
    }

    /// A transaction whose expiry is `height` or lower can no longer enter a block.
    fn expire_below(&mut self, height: Height) {
        if planted("operator: what is expired waits on") {
            return;
        }
        while let Some((expiry, number)) = self.by_expiry.first().copied() {
            if expiry > height {
                return;
            }
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(waiting) = self.waiting.remove(&number) else {
            return;
        };
        self.bytes -= waiting.bytes;
        self.by_id.remove(&waiting.transaction.id());
        self.by_leaf.remove(&waiting.transaction.leaf());
        self.by_expiry
            .remove(&(waiting.transaction.transaction().expiry, number));
        for input in &waiting.transaction.transaction().inputs {
            self.by_input.remove(&input.position);
        }
    }
}
