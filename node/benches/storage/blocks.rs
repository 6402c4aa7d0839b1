//! Blocks of payments that are consistent enough for a storage, made quickly and without a private key.
//!
//! Everything about an output follows from its number, so millions of them take one bit each here. Owners, ids and
//! signatures are noise, because that is what they are to an engine; root and commitment are made up but hold together.

use std::collections::BTreeMap;

use plasma_core::{
    Address, Amount, Delta, DepositNumber, EXPIRY_NEVER, Epoch, Fate, Frontier, Hash, Header, Height, Input,
    Kind, L1Height, Millis, Output, OutputRecord, Payment, Position, SignedTransaction, Spender, State,
    Transaction, TransactionId, Wanted, commitment::LtHash, history,
};
use plasma_node::storage::Decided;

/// The made-up chain: what the next block stands on and which outputs exist.
pub(crate) struct Chain {
    pub(crate) state: State,
    /// First number, height and outputs per transaction of every block.
    blocks: Vec<(u64, u32, u64)>,
    /// A bit per output ever created.
    spent: Vec<u64>,
    created: u64,
    oldest: u64,
    unspent: u64,
    drawn: u64,
}

/// A block with what it changes.
pub(crate) struct Work {
    pub(crate) decided: Decided,
    pub(crate) delta: Delta,
    pub(crate) wanted: Wanted,
}

/// Which outputs a block spends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// None: its transactions fund deposits.
    None,
    /// The oldest.
    Oldest,
    /// Any.
    Any,
}

/// Numbers of the outputs that a block spends and of the first that it creates.
pub(crate) struct Plan {
    spent: Vec<u64>,
    first: u64,
    outputs: u64,
    payments: u32,
}

/// Payments of a block that makes outputs; as large as the largest measured.
const POPULATE_PAYMENTS: u32 = 10_000;
/// Outputs of each of them: as many as a transfer may have.
const POPULATE_OUTPUTS: u64 = 4;

impl Chain {
    pub(crate) fn genesis() -> Self {
        let commitment = LtHash::default();
        let mut history = Frontier::default();
        history.append(history::leaf(Height(0), 0, Hash::ZERO, L1Height(0)));
        let header = Header {
            history_root: history.root(),
            output_commitment: commitment.digest(),
            ..Header::default()
        };
        let state = State {
            header,
            id: header.id(),
            history,
            commitment,
            halted: None,
            epoch: Epoch(0),
            sealed: header.id(),
        };
        Self {
            state,
            blocks: Vec::new(),
            spent: Vec::new(),
            created: 0,
            oldest: 0,
            unspent: 0,
            drawn: 0,
        }
    }

    /// Plans of the blocks that bring a new chain to as many outputs, or a few more.
    pub(crate) fn populate(&mut self, outputs: u64, mut each: impl FnMut(&Self, &Plan)) {
        while self.unspent < outputs {
            let plan = match self.unspent {
                0 => self.plan(POPULATE_PAYMENTS, 1, Choice::None),
                _ => self.plan(POPULATE_PAYMENTS, POPULATE_OUTPUTS, Choice::Oldest),
            };
            each(self, &plan);
        }
    }

    /// The next block's numbers; the chain stands on that block afterwards.
    pub(crate) fn plan(&mut self, payments: u32, outputs: u64, choice: Choice) -> Plan {
        let spent = match choice {
            Choice::None => Vec::new(),
            _ => (0..payments).map(|_| self.spend(choice)).collect(),
        };
        let first = self.created;
        let created = u64::from(payments) * outputs;
        self.created += created;
        self.spent.resize(index(self.created / 64) + 1, 0);
        self.unspent += created;
        self.append(payments);
        self.blocks.push((first, self.state.header.height.0, outputs));
        Plan {
            spent,
            first,
            outputs,
            payments,
        }
    }

    fn append(&mut self, payments: u32) {
        let parent = &self.state.header;
        let height = parent
            .height
            .next()
            .expect("a benchmark ends before the heights do");
        let transactions_root = Hash(noise(ROOT, u64::from(height.0)));
        let leaf = history::leaf(height, payments, transactions_root, L1Height(0));
        let mut history = self.state.history.clone();
        history.append(leaf);
        let header = Header {
            height,
            transaction_count: payments,
            parent: self.state.id,
            transactions_root,
            history_root: history.root(),
            timestamp_ms: Millis(u64::from(height.0)),
            ..*parent
        };
        self.state.header = header;
        self.state.id = header.id();
        self.state.history = history;
    }

    fn spend(&mut self, choice: Choice) -> u64 {
        let found = loop {
            let number = match choice {
                Choice::Any => {
                    self.drawn += 1;
                    mix(self.drawn) % self.created
                }
                Choice::Oldest | Choice::None => {
                    self.oldest += 1;
                    self.oldest - 1
                }
            };
            let word = &mut self.spent[index(number / 64)];
            let bit = 1 << (number % 64);
            if *word & bit == 0 {
                *word |= bit;
                break number;
            }
        };
        self.unspent -= 1;
        found
    }

    fn position(&self, number: u64) -> Position {
        let after = self.blocks.partition_point(|(first, ..)| *first <= number);
        let (first, height, outputs) = self.blocks[after - 1];
        let behind = number - first;
        Position {
            block: Height(height),
            transaction: u32::try_from(behind / outputs).expect("a block has few transactions"),
            output: u8::try_from(behind % outputs).expect("a transaction has few outputs"),
        }
    }

    /// The block of the newest plan with its bodies and rows.
    pub(crate) fn work(&self, plan: &Plan) -> Work {
        let header = self.state.header;
        let mut outputs = BTreeMap::new();
        let mut body = Vec::new();
        let mut transactions = Vec::new();
        let mut wanted = Wanted::default();
        for at in 0..plan.payments {
            let place = (u64::from(header.height.0) << 32) | u64::from(at);
            let spent = plan.spent.get(index(u64::from(at))).copied();
            if let Some(number) = spent {
                let position = self.position(number);
                let mut record = record(number, position);
                record.fate = Fate::Spent(Spender {
                    height: header.height,
                    transaction: at,
                    input: 0,
                });
                outputs.insert(position, record);
                wanted.outputs.insert(position);
            }
            let created = (plan.first + u64::from(at) * plan.outputs..).take(index(plan.outputs));
            let created: Vec<_> = created.map(|number| (number, self.position(number))).collect();
            body.push(self.payment(place, spent, &created));
            outputs.extend(
                created
                    .into_iter()
                    .map(|(number, position)| (position, record(number, position))),
            );
            transactions.push((id(header.height.0, at), at));
        }
        let leaf = history::leaf(
            header.height,
            header.transaction_count,
            header.transactions_root,
            header.l1_height,
        );
        Work {
            decided: Decided {
                header,
                body,
                certificate: None,
            },
            delta: Delta {
                height: header.height,
                block: self.state.id,
                outputs,
                exits: BTreeMap::new(),
                deposits: BTreeMap::new(),
                transactions,
                leaf,
                state: self.state.clone(),
            },
            wanted,
        }
    }

    fn payment(&self, place: u64, spent: Option<u64>, created: &[(u64, Position)]) -> SignedTransaction {
        let Some(number) = spent else {
            let (number, _) = created[0];
            let asset = Address::default();
            return Transaction::fund(DepositNumber(number), owner(number), asset, amount(number)).unsigned();
        };
        let mut signature = [27; 65];
        signature[..32].copy_from_slice(&noise(SIGNATURE, place));
        signature[32..64].copy_from_slice(&noise(SIGNATURE, !place));
        SignedTransaction {
            transaction: Transaction {
                kind: Kind::Transfer,
                asset: Address::default(),
                expiry: EXPIRY_NEVER,
                inputs: vec![Input {
                    position: self.position(number),
                    amount: amount(number),
                }],
                outputs: created
                    .iter()
                    .map(|(number, _)| Payment {
                        owner: owner(*number),
                        amount: amount(*number),
                    })
                    .collect(),
            },
            signature,
        }
    }
}

fn record(number: u64, at: Position) -> OutputRecord {
    OutputRecord {
        output: Output {
            transaction: id(at.block.0, at.transaction),
            owner: owner(number),
            asset: Address::default(),
            amount: amount(number),
            locks: 0,
        },
        fate: Fate::Unspent,
    }
}

fn id(height: u32, index: u32) -> TransactionId {
    TransactionId(Hash(noise(ID, (u64::from(height) << 32) | u64::from(index))))
}

fn owner(number: u64) -> Address {
    let bytes = noise(OWNER, number);
    Address(*bytes.first_chunk().expect("32 bytes have a first 20"))
}

fn amount(number: u64) -> Amount {
    Amount::from(mix(AMOUNT ^ number) >> 4)
}

fn noise(kind: u64, number: u64) -> [u8; 32] {
    let mut word = mix(kind).wrapping_add(number);
    let mut out = [0; 32];
    for eight in out.as_chunks_mut::<8>().0 {
        word = mix(word);
        *eight = word.to_be_bytes();
    }
    out
}

/// SplitMix64.
fn mix(number: u64) -> u64 {
    let mut word = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a number of an output fits")
}

const ROOT: u64 = 1;
const ID: u64 = 2;
const OWNER: u64 = 3;
const AMOUNT: u64 = 4;
const SIGNATURE: u64 = 5;
