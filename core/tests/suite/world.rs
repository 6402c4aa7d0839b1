//! A ledger in memory that reads, builds, applies and commits as an operator does.

use std::{collections::BTreeMap, convert::Infallible};

use plasma_core::{
    Address, Amount, AuthenticBlock, AuthenticTransaction, Broken, Delta, DepositFate, DepositNumber, Domain,
    EXPIRY_NEVER, ExitId, Genesis, Hash, Height, Input, Kind, L1Block, L1Event, L1Height, Millis, NewBlock,
    OpenExit, OutputRecord, Params, Payment, Position, Reads, SignedTransaction, SigningKey, State,
    Transaction, TransactionId, TransactionRejected, commitment::LtHash, keccak, ledger,
};

use super::document::{DOMAIN, key};

pub(crate) const ALICE: u8 = 1;
pub(crate) const BOB: u8 = 2;
pub(crate) const FEES: u8 = 9;

/// Everything that storage holds, and the rules.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) params: Params,
    pub(crate) state: State,
    pub(crate) outputs: BTreeMap<Position, OutputRecord>,
    pub(crate) exits: BTreeMap<ExitId, OpenExit>,
    pub(crate) deposits: BTreeMap<DepositNumber, DepositFate>,
    pub(crate) next_deposit: u64,
}

pub(crate) type Built = (AuthenticBlock, Delta, Vec<(TransactionId, TransactionRejected)>);

impl World {
    pub(crate) fn new() -> Self {
        let genesis = genesis();
        Self {
            params: genesis.params(),
            state: genesis.state(),
            outputs: BTreeMap::new(),
            exits: BTreeMap::new(),
            deposits: BTreeMap::new(),
            next_deposit: 0,
        }
    }

    /// A world in which each of these owners holds one output, in block 1.
    pub(crate) fn funded(deposits: &[(u8, u128)]) -> Self {
        let mut world = Self::new();
        let events: Vec<L1Event> = deposits
            .iter()
            .map(|(owner, amount)| world.deposit(*owner, *amount))
            .collect();
        world.advance(&events, Vec::new());
        world
    }

    pub(crate) fn deposit(&mut self, owner: u8, amount: u128) -> L1Event {
        let number = DepositNumber(self.next_deposit);
        self.next_deposit += 1;
        L1Event::Deposited {
            number,
            owner: account(owner),
            asset: Address::ZERO,
            amount: Amount::from(amount),
        }
    }

    /// The height of the next block.
    pub(crate) fn height(&self) -> Height {
        self.state.header.height.next().unwrap()
    }

    pub(crate) fn read(&self, transactions: &[AuthenticTransaction], events: &[L1Event]) -> Reads {
        let wanted = ledger::wanted(transactions.iter().map(AuthenticTransaction::transaction), events);
        let Ok(reads) = ledger::gather(wanted, events, |wanted| {
            Ok::<_, Infallible>(wanted.look_up(
                |position| self.outputs.get(position).copied(),
                |id| self.exits.get(id).cloned(),
                |number| self.deposits.get(number).copied(),
            ))
        });
        reads
    }

    /// What a proposer would choose now: one L1 block further, one second later.
    pub(crate) fn choice(&self, candidates: Vec<AuthenticTransaction>) -> NewBlock {
        let height = L1Height(self.state.header.l1_height.0 + 1);
        let hash = keccak(&[b"l1", &height.0.to_be_bytes()]);
        let timestamp_ms = Millis(self.state.header.timestamp_ms.0 + 1000);
        NewBlock {
            origin: L1Block {
                height,
                hash,
                timestamp_s: 0,
            },
            timestamp_ms,
            candidates,
        }
    }

    pub(crate) fn build(
        &self,
        events: &[L1Event],
        candidates: Vec<AuthenticTransaction>,
    ) -> Result<Built, Broken> {
        let reads = self.read(&candidates, events);
        ledger::build(&self.state, self.choice(candidates), events, &reads, &self.params)
    }

    pub(crate) fn apply(&self, block: &AuthenticBlock, events: &[L1Event]) -> Result<Delta, Broken> {
        let reads = self.read(&block.transactions, events);
        ledger::apply(&self.state, block, events, &reads, &self.params)
    }

    pub(crate) fn commit(&mut self, delta: &Delta) {
        self.outputs.extend(
            delta
                .outputs
                .iter()
                .map(|(position, record)| (*position, *record)),
        );
        for (id, exit) in &delta.exits {
            match exit {
                Some(exit) => self.exits.insert(*id, exit.clone()),
                None => self.exits.remove(id),
            };
        }
        self.deposits
            .extend(delta.deposits.iter().map(|(number, fate)| (*number, *fate)));
        self.state = delta.state.clone();
    }

    /// Builds, checks with `apply` that others agree, and commits.
    pub(crate) fn advance(&mut self, events: &[L1Event], candidates: Vec<AuthenticTransaction>) -> Built {
        let built = self.build(events, candidates).unwrap();
        assert_eq!(self.apply(&built.0, events).as_ref(), Ok(&built.1));
        self.commit(&built.1);
        self.check();
        built
    }

    /// A block with these transactions whatever the rules say, as a Byzantine proposer would send it.
    pub(crate) fn forge(&self, transactions: Vec<AuthenticTransaction>) -> AuthenticBlock {
        let (mut block, _, _) = self.build(&[], Vec::new()).unwrap();
        block.header.transaction_count = u32::try_from(transactions.len()).unwrap();
        block.transactions = transactions;
        block
    }

    /// Invariants that hold after every block.
    pub(crate) fn check(&self) {
        let mut sum = LtHash::default();
        for (position, record) in self.outputs.iter().filter(|(_, record)| record.is_unspent()) {
            sum.add(&record.output.element(position));
        }
        for (id, exit) in &self.exits {
            sum.add(&exit.element(id));
        }
        assert_eq!(
            sum, self.state.commitment,
            "the commitment is the sum over what exists"
        );
        assert_eq!(sum.digest(), self.state.header.output_commitment);
        let mut locks: BTreeMap<Position, u32> = BTreeMap::new();
        for position in self.exits.values().flat_map(locked_by) {
            *locks.entry(position).or_default() += 1;
        }
        for (position, record) in &self.outputs {
            assert_eq!(
                record.output.locks,
                locks.get(position).copied().unwrap_or(0),
                "{position}"
            );
        }
    }
}

fn locked_by(exit: &OpenExit) -> Vec<Position> {
    match exit {
        OpenExit::Standard { position, locked, .. } => locked.then_some(*position).into_iter().collect(),
        OpenExit::InFlight {
            inputs,
            locked_inputs,
            locked_outputs,
            ..
        } => {
            let inputs = inputs
                .iter()
                .enumerate()
                .filter(|(i, _)| locked_inputs >> i & 1 == 1)
                .map(|(_, p)| *p);
            let outputs = (0..4)
                .filter(|i| locked_outputs >> i & 1 == 1)
                .map(|i| exit.created_at(i).unwrap());
            inputs.chain(outputs).collect()
        }
    }
}

pub(crate) fn genesis() -> Genesis {
    let operators = super::document::document_bls::committee(4);
    let members = operators.members().map(|(index, member)| {
        let secret = super::document::document_bls::secret(u8::try_from(index.0).unwrap());
        plasma_core::GenesisMember {
            operator: member.operator,
            key: member.key,
            possession: secret.sign(&DOMAIN.possession(&member.operator, &member.key)),
            peer_id: vec![u8::try_from(index.0).unwrap(); 38],
            addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", 27400 + index.0)],
        }
    });
    Genesis {
        version: Genesis::VERSION,
        chain_id: DOMAIN.chain_id,
        contract: DOMAIN.contract,
        deployment: L1Block {
            height: L1Height(10),
            hash: Hash([0x10; 32]),
            timestamp_s: 1_700_000_000,
        },
        name: "test".into(),
        confirmations: 1,
        origin_lag: 20,
        max_block_transactions: 8,
        max_block_bytes: 4096,
        max_l1_events: 100,
        anchor_blocks: 10,
        anchor_seconds: 60,
        takeover_seconds: 30,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: true,
        members: members.collect(),
    }
}

pub(crate) fn account(number: u8) -> Address {
    key(number).address()
}

pub(crate) fn at(block: u32, transaction: u32, output: u8) -> Position {
    Position {
        block: Height(block),
        transaction,
        output,
    }
}

pub(crate) fn input(position: Position, amount: u128) -> Input {
    Input {
        position,
        amount: Amount::from(amount),
    }
}

pub(crate) fn to(owner: u8, amount: u128) -> Payment {
    Payment {
        owner: account(owner),
        amount: Amount::from(amount),
    }
}

pub(crate) fn transfer(inputs: &[(Position, u128)], outputs: &[(u8, u128)]) -> Transaction {
    Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: EXPIRY_NEVER,
        inputs: inputs
            .iter()
            .map(|(position, amount)| input(*position, *amount))
            .collect(),
        outputs: outputs
            .iter()
            .map(|(owner, amount)| to(*owner, *amount))
            .collect(),
    }
}

pub(crate) fn sign(transaction: Transaction, owner: u8) -> AuthenticTransaction {
    sign_as(transaction, &key(owner), &DOMAIN)
        .authenticate(&DOMAIN)
        .unwrap()
}

pub(crate) fn sign_as(transaction: Transaction, key: &SigningKey, domain: &Domain) -> SignedTransaction {
    transaction.sign(domain, key)
}

/// Alice's or Bob's payment in one line.
pub(crate) fn pay(owner: u8, inputs: &[(Position, u128)], outputs: &[(u8, u128)]) -> AuthenticTransaction {
    sign(transfer(inputs, outputs), owner)
}

pub(crate) fn exit_id(number: u8) -> ExitId {
    ExitId(Hash([number; 32]))
}
