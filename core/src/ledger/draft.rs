//! A block in the making: the one place where outputs are created, spent, locked and removed.

use crate::planted::planted;
use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Params, Reads, TransactionRejected, payment};
use crate::{
    AuthenticTransaction, Delta, DepositFate, DepositNumber, Epoch, ExitId, Fate, Hash, Header, Height,
    L1Height, Millis, OpenExit, Output, OutputRecord, Position, Spender, State, TransactionId, history,
    merkle, transaction::Kind,
};

/// The parent's state, what was read of it, and what the block changed so far.
pub(super) struct Draft<'a> {
    pub(super) parent: &'a State,
    pub(super) reads: &'a Reads,
    pub(super) params: &'a Params,
    pub(super) height: Height,
    pub(super) exits: BTreeMap<ExitId, Option<OpenExit>>,
    pub(super) deposits: BTreeMap<DepositNumber, DepositFate>,
    pub(super) halted: Option<Height>,
    pub(super) epoch: Epoch,
    outputs: BTreeMap<Position, OutputRecord>,
    /// What the L1 effects wrote: client transactions of this block keep off it.
    touched: BTreeSet<Position>,
    transactions: Vec<(TransactionId, u32)>,
    leaves: Vec<Hash>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(parent: &'a State, reads: &'a Reads, params: &'a Params) -> Result<Self, Broken> {
        let last = parent.header.height;
        // The history tree counts heights in four bytes, so the very last one has no place in it.
        let height = last
            .next()
            .filter(|next| next.next().is_some())
            .ok_or(Broken::HeightExhausted(last))?;
        Ok(Self {
            parent,
            reads,
            params,
            height,
            exits: BTreeMap::new(),
            deposits: BTreeMap::new(),
            halted: parent.halted,
            epoch: parent.epoch,
            outputs: BTreeMap::new(),
            touched: BTreeSet::new(),
            transactions: Vec::new(),
            leaves: Vec::new(),
        })
    }

    /// The index that the next transaction will have.
    pub(super) fn next_index(&self) -> u32 {
        u32::try_from(self.leaves.len()).unwrap_or(u32::MAX)
    }

    /// An output as it is now: changed by this block, or as read; nothing else of this height exists.
    pub(super) fn output(&self, position: &Position) -> Result<Option<&OutputRecord>, TransactionRejected> {
        match self.outputs.get(position) {
            Some(record) => Ok(Some(record)),
            None if position.block >= self.height => Ok(None),
            None => payment::read(self.reads, position),
        }
    }

    /// The same where only an L1 effect can ask.
    pub(super) fn fact(&self, position: &Position) -> Result<Option<OutputRecord>, Broken> {
        self.output(position)
            .map(Option::<&OutputRecord>::copied)
            .map_err(|_| Broken::NotRead { position: *position })
    }

    /// Writes an effect of L1.
    pub(super) fn touch(&mut self, position: Position, record: OutputRecord) {
        self.outputs.insert(position, record);
        if !planted("ledger: what an exit touched can be spent at once") {
            self.touched.insert(position);
        }
    }

    /// Checks and includes a transaction of a client.
    pub(super) fn pay(&mut self, transaction: &AuthenticTransaction) -> Result<(), TransactionRejected> {
        if let Some(last_valid) = self.halted.filter(|_| !planted("ledger: pays on after a halt")) {
            return Err(TransactionRejected::Halted { last_valid });
        }
        payment::check(transaction, self.height, self.params, |position| {
            self.output(position)
        })?;
        let named = transaction.transaction().inputs.iter().enumerate();
        if let Some((input, named)) = named
            .into_iter()
            .find(|(_, named)| self.touched.contains(&named.position))
        {
            return Err(TransactionRejected::InputTouched {
                input,
                position: named.position,
            });
        }
        payment::check_fee(transaction.transaction(), self.params)?;
        self.include(transaction)?;
        Ok(())
    }

    /// Appends a transaction that was checked, spends its inputs and creates its outputs.
    pub(super) fn include(&mut self, transaction: &AuthenticTransaction) -> Result<(), TransactionRejected> {
        let (index, content) = (self.next_index(), transaction.transaction());
        if content.kind != Kind::Fund {
            for (input, named) in (0u8..).zip(&content.inputs) {
                let at = usize::from(input);
                let missing = TransactionRejected::InputMissing {
                    input: at,
                    position: named.position,
                };
                let record = self.output(&named.position)?.ok_or(missing)?;
                let by = Spender {
                    height: self.height,
                    transaction: index,
                    input,
                };
                let spent = OutputRecord {
                    fate: Fate::Spent(by),
                    ..*record
                };
                self.outputs.insert(named.position, spent);
            }
        }
        for (output, payment) in (0u8..).zip(&content.outputs) {
            let position = Position {
                block: self.height,
                transaction: index,
                output,
            };
            let output = Output {
                transaction: transaction.id(),
                owner: payment.owner,
                asset: content.asset,
                amount: payment.amount,
                locks: 0,
            };
            self.outputs.insert(
                position,
                OutputRecord {
                    output,
                    fate: Fate::Unspent,
                },
            );
        }
        self.transactions.push((transaction.id(), index));
        self.leaves.push(transaction.leaf());
        Ok(())
    }

    /// The header that follows from everything included, and the delta.
    pub(super) fn seal(
        self,
        (l1_height, l1_hash): (L1Height, Hash),
        timestamp_ms: Millis,
    ) -> Result<(Header, Delta), Broken> {
        let (height, transaction_count) = (self.height, self.next_index());
        let transactions_root = merkle::root(&self.leaves);
        let count =
            transaction_count.saturating_add(u32::from(planted("ledger: history tells another count")));
        let leaf = history::leaf(height, count, transactions_root, l1_height);
        let mut history = self.parent.history.clone();
        if !history.append(leaf) {
            return Err(Broken::HeightExhausted(self.parent.header.height));
        }
        let commitment = self.commitment()?;
        let header = Header {
            height,
            transaction_count,
            parent: self.parent.id,
            transactions_root,
            history_root: history.root(),
            output_commitment: commitment.digest(),
            l1_height,
            l1_hash,
            timestamp_ms,
        };
        let id = header.id();
        let state = State {
            header,
            id,
            history,
            commitment,
            halted: self.halted,
            epoch: self.epoch,
            sealed: if self.epoch > self.parent.epoch {
                let is_early = planted("ledger: epochs end a block too early");
                if is_early { self.parent.id } else { id }
            } else {
                self.parent.sealed
            },
        };
        let delta = Delta {
            height,
            block: id,
            outputs: self.outputs,
            exits: self.exits,
            deposits: self.deposits,
            transactions: self.transactions,
            leaf,
            state,
        };
        Ok((header, delta))
    }

    /// The parent's sum, less what no longer is, plus what is new; independent of any order.
    fn commitment(&self) -> Result<crate::commitment::LtHash, Broken> {
        let mut sum = self.parent.commitment.clone();
        for (position, after) in &self.outputs {
            let before = if position.block >= self.height {
                None
            } else {
                payment::read(self.reads, position).map_err(|_| Broken::NotRead { position: *position })?
            };
            if before == Some(after) {
                continue;
            }
            if let Some(before) = before.filter(|record| record.is_unspent()) {
                sum.remove(&before.output.element(position));
            }
            if after.is_unspent() {
                sum.add(&after.output.element(position));
            }
        }
        for (id, after) in &self.exits {
            let before = self.reads.exits.get(id).ok_or(Broken::ExitNotRead { id: *id })?;
            if let Some(before) = before {
                sum.remove(&before.element(id));
            }
            if let Some(after) = after {
                sum.add(&after.element(id));
            }
        }
        Ok(sum)
    }
}
