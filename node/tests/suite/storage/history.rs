//! Random histories of blocks, and plain maps that know what must have become of everything.

use std::{cmp::Reverse, collections::BTreeMap};

use plasma_core::{
    Address, Amount, BlockId, Certificate, Delta, DepositFate, DepositNumber, Epoch, ExitId, Fate, Hash,
    Header, Height, L1Height, Millis, OpenExit, OperatorIndex, Output, OutputRecord, Position,
    SignedTransaction, Spender, State, Transaction, TransactionId, View,
    bls::Signature,
    certificate::Bitmap,
    commitment::LtHash,
    history::{self, Frontier},
    merkle,
};
use plasma_node::storage::{Decided, Event, ExitStep, ExitTurn, Turn};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Every so many blocks one is large.
const LARGE_BLOCK: u32 = 5;

/// Deposits in a large block: its body is longer than any page of an engine or a disk.
const LARGE_BLOCK_DEPOSITS: u32 = 90;

pub(crate) fn genesis() -> State {
    let mut frontier = Frontier::default();
    frontier.append(history::leaf(Height(0), 0, merkle::PAD, L1Height(50)));
    let header = Header {
        height: Height(0),
        transaction_count: 0,
        parent: BlockId(Hash([9; 32])),
        transactions_root: merkle::PAD,
        history_root: frontier.root(),
        output_commitment: LtHash::default().digest(),
        l1_height: L1Height(50),
        l1_hash: Hash([5; 32]),
        timestamp_ms: Millis(1000),
    };
    let commitment = LtHash::default();
    State {
        header,
        id: header.id(),
        history: frontier,
        commitment,
        halted: None,
        epoch: Epoch(0),
        sealed: header.id(),
    }
}

/// What must be found: every fact in the plainest form.
pub(crate) struct Model {
    pub(crate) blocks: Vec<(Decided, Delta)>,
    pub(crate) outputs: BTreeMap<Position, OutputRecord>,
    pub(crate) exits: BTreeMap<ExitId, OpenExit>,
    pub(crate) deposits: BTreeMap<DepositNumber, DepositFate>,
    pub(crate) transactions: BTreeMap<TransactionId, (Height, u32)>,
    pub(crate) leaves: Vec<Hash>,
    /// In the order in which it happened.
    happened: Vec<(Address, Event)>,
    /// The same of exits.
    turns: Vec<ExitTurn>,
    pub(crate) state: State,
    random: StdRng,
    has_large_blocks: bool,
}

impl Model {
    pub(crate) fn new(seed: u64) -> Self {
        let state = genesis();
        let header = state.header;
        let leaf = history::leaf(
            header.height,
            header.transaction_count,
            header.transactions_root,
            header.l1_height,
        );
        Self {
            blocks: Vec::new(),
            outputs: BTreeMap::new(),
            exits: BTreeMap::new(),
            deposits: BTreeMap::new(),
            transactions: BTreeMap::new(),
            leaves: vec![leaf],
            happened: Vec::new(),
            turns: Vec::new(),
            state,
            random: StdRng::seed_from_u64(seed),
            has_large_blocks: false,
        }
    }

    /// A history in which some bodies are many pages long.
    pub(crate) fn with_large_blocks(seed: u64) -> Self {
        Self {
            has_large_blocks: true,
            ..Self::new(seed)
        }
    }

    /// Decides one more block and takes its effect over.
    pub(crate) fn next(&mut self) -> (Decided, Delta) {
        let mut change = self.open();
        if self.has_large_blocks && change.height.0.is_multiple_of(LARGE_BLOCK) {
            (0..LARGE_BLOCK_DEPOSITS).for_each(|_| self.deposit(&mut change));
        }
        for _ in 0..self.random.random_range(0..12) {
            match self.random.random_range(0..10) {
                0..3 => self.deposit(&mut change),
                3..7 => self.pay(&mut change),
                7 => self.start_exit(&mut change),
                8 => self.end_exit(&mut change),
                _ => self.reclaim(&mut change),
            }
        }
        self.decide(change)
    }

    pub(super) fn open(&self) -> Change {
        Change {
            height: self.state.header.height.next().unwrap(),
            ..Change::default()
        }
    }

    pub(super) fn decide(&mut self, change: Change) -> (Decided, Delta) {
        let (decided, delta) = self.seal(change);
        self.happen(&delta);
        self.outputs.extend(delta.outputs.clone());
        self.deposits.extend(delta.deposits.clone());
        for (id, exit) in &delta.exits {
            match exit {
                Some(exit) => self.exits.insert(*id, exit.clone()),
                None => self.exits.remove(id),
            };
        }
        for (id, index) in &delta.transactions {
            self.transactions.insert(*id, (delta.height, *index));
        }
        self.leaves.push(delta.leaf);
        self.state = delta.state.clone();
        self.blocks.push((decided.clone(), delta.clone()));
        (decided, delta)
    }

    pub(crate) fn totals(&self) -> BTreeMap<Address, Amount> {
        let mut totals: BTreeMap<Address, Amount> = BTreeMap::new();
        for record in self.outputs.values().filter(|record| record.is_unspent()) {
            *totals.entry(record.output.asset).or_default() += record.output.amount;
        }
        totals
    }

    pub(crate) fn outputs_of(&self, owner: &Address) -> Vec<(Position, OutputRecord)> {
        let own = self
            .outputs
            .iter()
            .filter(|(_, record)| record.is_unspent() && record.output.owner == *owner);
        own.map(|(position, record)| (*position, *record)).collect()
    }

    /// What happened to an owner's outputs, the newest first; of one transaction what came before what went.
    pub(crate) fn history_of(&self, owner: &Address) -> Vec<Event> {
        let own = self.happened.iter().filter(|(whose, _)| whose == owner);
        let mut events: Vec<Event> = own.map(|(_, event)| *event).collect();
        events.sort_by_key(|event| {
            let goes = matches!(event.turn, Turn::Sent | Turn::Exited | Turn::Reclaimed);
            (
                Reverse((event.height, event.index)),
                goes,
                event.turn,
                event.position,
            )
        });
        events
    }

    /// What became of exits, the newest block first, its exits in order of id.
    pub(crate) fn exit_turns(&self) -> Vec<ExitTurn> {
        let mut turns = self.turns.clone();
        turns.sort_by_key(|turn| (Reverse(turn.height), turn.exit));
        turns
    }

    fn happen(&mut self, delta: &Delta) {
        for (exit, after) in &delta.exits {
            let before = self.exits.get(exit);
            let step = match (before, after) {
                (None, None) => continue,
                (None, Some(_)) => ExitStep::Started,
                (Some(_), Some(_)) => ExitStep::Changed,
                (Some(_), None) => ExitStep::Ended,
            };
            self.turns.push(ExitTurn {
                height: delta.height,
                exit: *exit,
                step,
                open: after.as_ref().or(before).unwrap().clone(),
            });
        }
        for (position, record) in &delta.outputs {
            let before = self.outputs.get(position);
            let mut tell = |index, turn| {
                let event = Event {
                    height: delta.height,
                    index,
                    turn,
                    position: *position,
                };
                self.happened.push((record.output.owner, event));
            };
            if before.is_none() {
                let funded = |(number, fate): (&DepositNumber, &DepositFate)| {
                    (*fate == DepositFate::Funded(*position)).then_some(*number)
                };
                let deposit = delta.deposits.iter().find_map(funded);
                tell(
                    Some(position.transaction),
                    deposit.map_or(Turn::Received, Turn::Deposited),
                );
            }
            if before.is_none_or(OutputRecord::is_unspent) {
                match record.fate {
                    Fate::Unspent => {}
                    Fate::Spent(by) => tell(Some(by.transaction), Turn::Sent),
                    Fate::Exited(_) => tell(None, Turn::Exited),
                    Fate::Reclaimed => tell(None, Turn::Reclaimed),
                }
            }
        }
    }

    fn deposit(&mut self, change: &mut Change) {
        let number = DepositNumber(u64::try_from(self.deposits.len() + change.deposits.len()).unwrap());
        let (owner, asset) = (owner(self.random.random_range(0..5)), self.asset());
        let amount = Amount::from(self.random.random_range(1u64..1_000_000));
        let position = change.include(Transaction::fund(number, owner, asset, amount));
        change.deposits.insert(number, DepositFate::Funded(position));
    }

    pub(super) fn pay(&mut self, change: &mut Change) {
        let Some((position, mut record)) = self.unspent(change) else {
            return;
        };
        let Output { asset, amount, .. } = record.output;
        let mut payment = Transaction::fund(
            DepositNumber(0),
            owner(self.random.random_range(0..5)),
            asset,
            amount,
        );
        payment.kind = plasma_core::Kind::Transfer;
        payment.inputs[0].position = position;
        let spender = change.include(payment);
        record.fate = Fate::Spent(Spender {
            height: spender.block,
            transaction: spender.transaction,
            input: 0,
        });
        change.outputs.insert(position, record);
    }

    fn start_exit(&mut self, change: &mut Change) {
        let Some((position, mut record)) = self.unspent(change) else {
            return;
        };
        record.output.locks += 1;
        change.outputs.insert(position, record);
        let exit = OpenExit::Standard {
            position,
            owner: record.output.owner,
            locked: true,
        };
        change
            .exits
            .insert(ExitId(Hash(self.random.random())), Some(exit));
    }

    fn end_exit(&mut self, change: &mut Change) {
        let open: Vec<_> = self
            .exits
            .iter()
            .filter(|(id, _)| !change.exits.contains_key(id))
            .collect();
        let Some((id, exit)) = open.choose(&mut self.random).copied() else {
            return;
        };
        let [position] = exit.positions()[..] else { return };
        let mut record = change
            .outputs
            .get(&position)
            .copied()
            .unwrap_or(self.outputs[&position]);
        record.output.locks -= 1;
        if record.is_unspent() && self.random.random() {
            record.fate = Fate::Exited(*id);
        }
        change.exits.insert(*id, None);
        change.outputs.insert(position, record);
    }

    fn reclaim(&mut self, change: &mut Change) {
        let number = DepositNumber(u64::try_from(self.deposits.len() + change.deposits.len()).unwrap());
        change.deposits.insert(number, DepositFate::Reclaimed);
        if let Some((position, mut record)) = self.unspent(change) {
            record.fate = Fate::Reclaimed;
            change.outputs.insert(position, record);
        }
    }

    /// An output that this block has not touched yet.
    fn unspent(&mut self, change: &Change) -> Option<(Position, OutputRecord)> {
        let free = self
            .outputs
            .iter()
            .filter(|(position, record)| record.is_unspent() && !change.outputs.contains_key(position));
        let free: Vec<_> = free.map(|(position, record)| (*position, *record)).collect();
        free.choose(&mut self.random).copied()
    }

    fn asset(&mut self) -> Address {
        Address([self.random.random_range(0..3); 20])
    }

    fn seal(&mut self, change: Change) -> (Decided, Delta) {
        let height = change.height;
        let leaves: Vec<Hash> = change.body.iter().map(SignedTransaction::leaf).collect();
        let count = u32::try_from(leaves.len()).unwrap();
        let mut header = Header {
            height,
            transaction_count: count,
            parent: self.state.id,
            transactions_root: merkle::root(&leaves),
            timestamp_ms: Millis(1000 + u64::from(height.0)),
            l1_height: L1Height(50 + u64::from(height.0)),
            ..self.state.header
        };
        let leaf = history::leaf(height, count, header.transactions_root, header.l1_height);
        let mut frontier = self.state.history.clone();
        frontier.append(leaf);
        let mut commitment = self.state.commitment.clone();
        commitment.add(&leaf.0);
        (header.history_root, header.output_commitment) = (frontier.root(), commitment.digest());
        let block = header.id();
        let state = State {
            header,
            id: block,
            history: frontier,
            commitment,
            halted: None,
            epoch: Epoch(0),
            sealed: self.state.sealed,
        };
        let transactions = change.body.iter().map(SignedTransaction::id).zip(0..).collect();
        let Change {
            outputs,
            exits,
            deposits,
            body,
            ..
        } = change;
        let delta = Delta {
            height,
            block,
            outputs,
            exits,
            deposits,
            transactions,
            leaf,
            state,
        };
        let certificate = self
            .random
            .random_ratio(1, 3)
            .then(|| certificate(block, u64::from(height.0) * 2));
        (
            Decided {
                header,
                body,
                certificate,
            },
            delta,
        )
    }
}

pub(crate) fn certificate(block: BlockId, view: u64) -> Certificate {
    let signers: Bitmap = [0, 1, 3, 99].map(OperatorIndex).into_iter().collect();
    Certificate {
        epoch: Epoch(0),
        view: View(view),
        block,
        signers,
        signature: Signature([0xab; 96]),
    }
}

pub(crate) fn owner(number: u8) -> Address {
    // Neighbours at the end of a byte's range, where a careless range of keys goes wrong.
    Address([number.wrapping_sub(2); 20])
}

#[derive(Default)]
pub(super) struct Change {
    height: Height,
    body: Vec<SignedTransaction>,
    outputs: BTreeMap<Position, OutputRecord>,
    exits: BTreeMap<ExitId, Option<OpenExit>>,
    pub(super) deposits: BTreeMap<DepositNumber, DepositFate>,
}

impl Change {
    /// Puts a transaction of one output into the block; where that output is.
    pub(super) fn include(&mut self, transaction: Transaction) -> Position {
        let index = u32::try_from(self.body.len()).unwrap();
        let position = Position {
            block: self.height,
            transaction: index,
            output: 0,
        };
        let output = Output {
            transaction: transaction.id(),
            owner: transaction.outputs[0].owner,
            asset: transaction.asset,
            amount: transaction.outputs[0].amount,
            locks: 0,
        };
        self.outputs.insert(
            position,
            OutputRecord {
                output,
                fate: Fate::Unspent,
            },
        );
        self.body.push(SignedTransaction {
            transaction,
            signature: [self.body.len().to_le_bytes()[0]; 65],
        });
        position
    }
}
