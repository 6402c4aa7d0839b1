//! What a block needs to know of the ledger, and what was read of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Delta, DepositFate, DepositNumber, ExitId, Fate, L1Event, OpenExit, OutputRecord, Position,
    SignedTransaction, Transaction, transaction::Kind,
};

/// Keys that must be read before a block can be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Outputs.
    pub outputs: BTreeSet<Position>,
    /// Exits.
    pub exits: BTreeSet<ExitId>,
    /// Deposits.
    pub deposits: BTreeSet<DepositNumber>,
}

impl Wanted {
    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.exits.is_empty() && self.deposits.is_empty()
    }

    /// Reads each key where such entries are kept.
    pub fn look_up(
        &self,
        output: impl Fn(&Position) -> Option<OutputRecord>,
        exit: impl Fn(&ExitId) -> Option<OpenExit>,
        deposit: impl Fn(&DepositNumber) -> Option<DepositFate>,
    ) -> Reads {
        Reads {
            outputs: self.outputs.iter().map(|key| (*key, output(key))).collect(),
            exits: self.exits.iter().map(|key| (*key, exit(key))).collect(),
            deposits: self.deposits.iter().map(|key| (*key, deposit(key))).collect(),
        }
    }
}

/// What was read: a key that is present was looked up, and `None` means that the ledger has no such entry.
///
/// To fill it: read what [`wanted`] names, lay the deltas of undecided ancestors over it, oldest first, then read what
/// [`Reads::missing`] names in the same way until it names nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Outputs.
    pub outputs: BTreeMap<Position, Option<OutputRecord>>,
    /// Exits.
    pub exits: BTreeMap<ExitId, Option<OpenExit>>,
    /// Deposits.
    pub deposits: BTreeMap<DepositNumber, Option<DepositFate>>,
}

impl Reads {
    /// Replaces what a later block changed; keys that were not read stay unread.
    pub fn overlay(&mut self, delta: &Delta) {
        for (position, record) in &mut self.outputs {
            if let Some(newer) = delta.outputs.get(position) {
                *record = Some(*newer);
            }
        }
        for (id, exit) in &mut self.exits {
            if let Some(newer) = delta.exits.get(id) {
                exit.clone_from(newer);
            }
        }
        for (number, fate) in &mut self.deposits {
            if let Some(newer) = delta.deposits.get(number) {
                *fate = Some(*newer);
            }
        }
    }

    /// Takes over what another reading found.
    pub fn extend(&mut self, other: Self) {
        self.outputs.extend(other.outputs);
        self.exits.extend(other.exits);
        self.deposits.extend(other.deposits);
    }

    /// Outputs that the entries read so far lead to and that are not read yet: those an exit is about, a
    /// deposit's own, and those that the spender of an in-flight transaction's input created.
    #[must_use]
    pub fn missing(&self, events: &[L1Event]) -> BTreeSet<Position> {
        let of_exits = self.exits.values().flatten().flat_map(OpenExit::positions);
        let of_deposits = self.deposits.values().filter_map(|fate| match fate {
            Some(DepositFate::Funded(position)) => Some(*position),
            _ => None,
        });
        let of_events = events.iter().flat_map(|event| match event {
            L1Event::InFlightExitStarted { transaction, .. } => self.created_by_spenders(transaction),
            _ => Vec::new(),
        });
        of_exits
            .chain(of_deposits)
            .chain(of_events)
            .filter(|position| !self.outputs.contains_key(position))
            .collect()
    }

    fn created_by_spenders(&self, bytes: &[u8]) -> Vec<Position> {
        let Ok(SignedTransaction { transaction, .. }) = SignedTransaction::decode(bytes) else {
            return Vec::new();
        };
        let outputs = u8::try_from(transaction.outputs.len()).unwrap_or(u8::MAX);
        let spenders = transaction.inputs.iter().filter_map(|input| {
            let record = self.outputs.get(&input.position)?.as_ref()?;
            if let Fate::Spent(spender) = record.fate {
                Some(spender)
            } else {
                None
            }
        });
        spenders
            .flat_map(|spender| {
                (0..outputs).map(move |output| Position {
                    block: spender.height,
                    transaction: spender.transaction,
                    output,
                })
            })
            .collect()
    }
}

/// Everything that a block with these events is judged by: what it names by itself, then all that leads to.
///
/// # Errors
/// The first one of `look`, which reads what it is asked for.
pub fn gather<E>(
    mut wanted: Wanted,
    events: &[L1Event],
    mut look: impl FnMut(&Wanted) -> Result<Reads, E>,
) -> Result<Reads, E> {
    let mut reads = look(&wanted)?;
    loop {
        let outputs = reads.missing(events);
        if outputs.is_empty() {
            return Ok(reads);
        }
        wanted = Wanted {
            outputs,
            ..Wanted::default()
        };
        reads.extend(look(&wanted)?);
    }
}

/// The keys that transactions and events name by themselves.
#[must_use]
pub fn wanted<'a>(transactions: impl Iterator<Item = &'a Transaction>, events: &[L1Event]) -> Wanted {
    let mut wanted = Wanted::default();
    for transaction in transactions.filter(|transaction| transaction.kind != Kind::Fund) {
        wanted
            .outputs
            .extend(transaction.inputs.iter().map(|input| input.position));
    }
    for event in events {
        match event {
            L1Event::Deposited { number, .. } | L1Event::DepositReclaimed { number } => {
                wanted.deposits.insert(*number);
            }
            L1Event::ExitStarted { id, position, .. } | L1Event::ExitEnded { id, position, .. } => {
                wanted.exits.insert(*id);
                wanted.outputs.insert(*position);
            }
            L1Event::InFlightExitStarted { id, transaction } => {
                wanted.exits.insert(*id);
                if let Ok(signed) = SignedTransaction::decode(transaction) {
                    wanted
                        .outputs
                        .extend(signed.transaction.inputs.iter().map(|input| input.position));
                }
            }
            L1Event::InFlightPiggybacked { id, .. } | L1Event::InFlightExitEnded { id, .. } => {
                wanted.exits.insert(*id);
            }
            L1Event::Halted { .. } | L1Event::CommitteeActivated { .. } => {}
        }
    }
    wanted
}
