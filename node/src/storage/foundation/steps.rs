//! A commit that no single transaction can hold: too large, or over several clusters.
//!
//! First everything that will be written is written down as an **intent** in the main cluster, in parts; with its header the
//! commit is decided. Then each cluster's writes are applied step by step, each step beside a marker that says how far it is.
//! Last, one transaction moves the tip and removes the intent. Whoever opens the storage finishes an intent that it finds.
//! A part, a step or the end that is tried twice changes nothing: each reads its marker, and a transaction that commits late
//! fails on what it read.

use plasma_core::{BlockId, Height};

use super::{
    attempts::{Failed, Outcome, transact},
    cluster::{Cluster, Isolation, Transaction},
    keys::{APPLIED, INTENT, VALUE_MAX, Write},
    rows::Store,
    shares::MAIN,
    writer::Writer,
};
use crate::storage::{
    StorageError,
    query::damaged,
    schema::{self, Table},
};

/// All writes of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) height: Height,
    pub(super) block: BlockId,
    /// What is written where, in order; not yet visible as the tip.
    pub(super) writes: Vec<(usize, Write)>,
    /// What the last transaction writes in the main cluster: tip and state.
    pub(super) last: Vec<Write>,
}

impl<C: Cluster> Writer<C> {
    /// Writes the intent down; with the header, which comes last, the commit is decided.
    pub(super) fn begin(&self, intent: &Intent) -> Result<(), StorageError> {
        let main = self.store(MAIN)?;
        let bytes = intent.encode();
        let parts: Vec<&[u8]> = bytes.chunks(VALUE_MAX).collect();
        let at_once = (self.settings.transaction_bytes / VALUE_MAX).clamp(1, PARTS_MAX);
        for (group, some) in parts.chunks(at_once).enumerate() {
            transact(&main.cluster, "write down a block", |transaction| {
                if !self.is_next(transaction, intent)? {
                    return Ok(Outcome::Done(()));
                }
                for (number, part) in some.iter().enumerate() {
                    transaction.set(&main.keys.intent_part(group * at_once + number), part);
                }
                Ok(Outcome::Commit(()))
            })?;
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let header = [
            &schema::encode_tip(intent.height, intent.block)[..],
            &count.to_be_bytes(),
        ]
        .concat();
        transact(&main.cluster, "decide to write a block", |transaction| {
            if !self.is_next(transaction, intent)? {
                return Ok(Outcome::Done(()));
            }
            transaction.set(&main.keys.own(INTENT), &header);
            Ok(Outcome::Commit(()))
        })
    }

    /// Applies a decided commit from wherever it stands to its end.
    pub(super) fn finish(&self, intent: &Intent) -> Result<(), StorageError> {
        for (place, store) in self.reader.shared.stores.iter().enumerate() {
            let mine = intent.writes.iter().filter(|(at, _)| *at == place);
            let steps = self.steps(mine.map(|(_, write)| write));
            for (number, step) in (1u32..).zip(steps) {
                let mark = [intent.height.0.to_be_bytes(), number.to_be_bytes()].concat();
                self.apply(place, store, &mark, &step)?;
            }
        }
        let main = self.store(MAIN)?;
        transact(&main.cluster, "move the tip", |transaction| {
            if !self.is_next(transaction, intent)? {
                return Ok(Outcome::Done(()));
            }
            intent.last.iter().for_each(|write| write.perform(transaction));
            Write::clear(main.keys.own(INTENT)).perform(transaction);
            let (from, to) = main.keys.intent_parts();
            transaction.clear(&from, &to);
            Ok(Outcome::Commit(()))
        })
    }

    /// The commit that the process before us decided and did not finish.
    pub(super) fn unfinished(&self) -> Result<Option<Intent>, StorageError> {
        let main = self.store(MAIN)?;
        let key = main.keys.own(INTENT);
        let bounds = main.keys.intent_parts();
        let header = transact(&main.cluster, "look for an unfinished block", |transaction| {
            self.lease(MAIN)?.check(transaction)?;
            let found = transaction.values(std::slice::from_ref(&key), Isolation::Serializable)?;
            let found = found.into_iter().flatten().next();
            if found.is_none() {
                // Parts of a commit that was never decided.
                transaction.clear(&bounds.0, &bounds.1);
                return Ok(Outcome::Commit(None));
            }
            Ok(Outcome::Done(found))
        })?;
        let Some(header) = header else { return Ok(None) };
        let parts = header
            .get(36..)
            .and_then(|count| Some(u32::from_be_bytes(count.try_into().ok()?)));
        let parts = parts.ok_or_else(|| damaged(Table::Meta, &key))?;
        let mut bytes = Vec::new();
        for number in 0..parts {
            let part = main
                .keys
                .intent_part(usize::try_from(number).unwrap_or(usize::MAX));
            let found = transact(&main.cluster, "read an unfinished block", |transaction| {
                let found = transaction.values(std::slice::from_ref(&part), Isolation::Snapshot)?;
                Ok(Outcome::Done(found.into_iter().flatten().next()))
            })?;
            bytes.extend(found.ok_or_else(|| damaged(Table::Meta, &part))?);
        }
        let (height, block) = header
            .get(..36)
            .and_then(schema::decode_tip)
            .ok_or_else(|| damaged(Table::Meta, &key))?;
        let intent = Intent::decode(height, block, &bytes).ok_or_else(|| damaged(Table::Meta, &key))?;
        Ok(Some(intent))
    }

    fn apply(
        &self,
        place: usize,
        store: &Store<C>,
        mark: &[u8],
        step: &[&Write],
    ) -> Result<(), StorageError> {
        let key = store.keys.own(APPLIED);
        let lease = self.lease(place)?;
        transact(&store.cluster, "apply a part of a block", |transaction| {
            lease.check(transaction)?;
            let found = transaction.values(std::slice::from_ref(&key), Isolation::Serializable)?;
            if found
                .into_iter()
                .flatten()
                .next()
                .is_some_and(|done| done.as_slice() >= mark)
            {
                return Ok(Outcome::Done(()));
            }
            step.iter().for_each(|write| write.perform(transaction));
            transaction.set(&key, mark);
            Ok(Outcome::Commit(()))
        })
    }

    /// The same writes give the same steps, also to a process that finishes another's.
    pub(super) fn steps<'a>(&self, writes: impl Iterator<Item = &'a Write>) -> Vec<Vec<&'a Write>> {
        let mut steps: Vec<Vec<&Write>> = Vec::new();
        let mut room = 0;
        for write in writes {
            match steps.last_mut() {
                Some(step) if write.size() <= room => {
                    step.push(write);
                    room -= write.size();
                }
                _ => {
                    steps.push(vec![write]);
                    room = STEP_BYTES
                        .min(self.settings.transaction_bytes)
                        .saturating_sub(write.size());
                }
            }
        }
        steps
    }

    /// Whether the block is still to be written.
    fn is_next(&self, transaction: &C::Transaction, intent: &Intent) -> Result<bool, Failed> {
        self.expect_tip(transaction, intent.height, intent.block)
    }
}

impl Intent {
    /// Each write: place 1 (0xff for the last ones) ‖ kind 1 ‖ length 4 ‖ key ‖ length 4 ‖ value or second key.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let placed = self.writes.iter().map(|(place, write)| {
            (
                u8::try_from(*place).expect("Shares has at most 256 clusters, and no place 255 with them"),
                write,
            )
        });
        for (place, write) in placed.chain(self.last.iter().map(|write| (LAST, write))) {
            let (kind, first, second) = match write {
                Write::Set(key, value) => (SET, key, value),
                Write::Clear(from, to) => (CLEAR, from, to),
            };
            out.extend([place, kind]);
            for bytes in [first, second] {
                out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
                out.extend(bytes);
            }
        }
        out
    }

    fn decode(height: Height, block: BlockId, mut bytes: &[u8]) -> Option<Self> {
        let mut intent = Self {
            height,
            block,
            writes: Vec::new(),
            last: Vec::new(),
        };
        while let Some(([place, kind], rest)) = bytes.split_first_chunk::<2>() {
            let (first, rest) = take(rest)?;
            let (second, rest) = take(rest)?;
            bytes = rest;
            let write = match *kind {
                SET => Write::Set(first, second),
                CLEAR => Write::Clear(first, second),
                _ => return None,
            };
            match *place {
                LAST => intent.last.push(write),
                place => intent.writes.push((usize::from(place), write)),
            }
        }
        bytes.is_empty().then_some(intent)
    }
}

fn take(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (taken, rest) = rest.split_at_checked(length)?;
    Some((taken.to_vec(), rest))
}

/// Place of the writes that end a commit.
const LAST: u8 = 0xff;
const SET: u8 = 1;
const CLEAR: u8 = 2;

/// Bytes of one step: the cluster serves transactions below a megabyte best.
const STEP_BYTES: usize = 900_000;

/// Parts of an intent in one transaction, for the same reason.
const PARTS_MAX: usize = 10;
