//! A small chain with a door before it: real ledger, storage in memory, a certificate by all four operators per block, and
//! a stand-in for the operator's loop that takes transactions and seals blocks when the test says so.

use std::sync::{Arc, Mutex, PoisonError};

use plasma_core::{
    Address, Amount, AuthenticTransaction, Bitmap, Certificate, Delta, DepositNumber, EXPIRY_NEVER, Epoch,
    Genesis, GenesisMember, Hash, Height, Input, Kind, L1Block, L1Event, L1Height, Millis, OperatorIndex,
    Payment, Position, Receipt, SecretKey, SignedTransaction, SigningKey, State, Transaction, TransactionId,
    View, bls,
    ledger::{self, NewBlock},
};
use plasma_node::{
    api::{AnchorBook, Books, Calls, Covering, Door},
    directory::Directory,
    folder::Identity,
    runtime::{
        handle::{Accepted, AnchorSeen, Command, Handle, Known, Question, Rejected, Status},
        l1,
    },
    storage::{
        Decided, Read as _, Storage as _,
        memory::{MemoryReader, MemoryStorage},
    },
};
use tokio::sync::{mpsc, watch};

/// What waits, shared between the stand-in loop and the test.
type Mempool = Arc<Mutex<Vec<AuthenticTransaction>>>;

pub(crate) struct Chain {
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) handle: Handle,
    pub(crate) door: Door<MemoryReader>,
    pub(crate) books: Books,
    /// Those of the books.
    pub(crate) anchors: AnchorBook,
    pub(crate) status: watch::Sender<Arc<Status>>,
    pub(crate) storage: MemoryStorage,
    /// Every block after genesis with what it changed, for storages that shall hold the same.
    pub(crate) blocks: Vec<(Decided, Delta)>,
    state: State,
    mempool: Mempool,
    origin: L1Block,
    deposits: u64,
    /// Who signs the blocks.
    committee: (Epoch, Vec<SecretKey>),
}

pub(crate) fn user(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32]).unwrap()
}

pub(crate) fn secret(index: u8) -> SecretKey {
    SecretKey::from_seed(&[index + 1; 32])
}

pub(crate) fn genesis() -> Genesis {
    let domain = plasma_core::Domain {
        chain_id: 31_337,
        contract: Address([0xfe; 20]),
    };
    let member = |index: u8| {
        let (key, operator) = (secret(index), Address([index + 1; 20]));
        GenesisMember {
            operator,
            key: key.public(),
            possession: key.sign(&domain.possession(&operator, &key.public())),
            peer_id: vec![index + 1; 38],
            addresses: vec![format!("/ip4/10.0.0.{index}/tcp/27400")],
        }
    };
    Genesis {
        version: Genesis::VERSION,
        chain_id: domain.chain_id,
        contract: domain.contract,
        deployment: l1_block(0),
        name: "test".into(),
        confirmations: 1,
        origin_lag: 64,
        max_block_transactions: 1_000,
        max_block_bytes: 1 << 20,
        max_l1_events: 100,
        anchor_blocks: 10,
        anchor_seconds: 2,
        takeover_seconds: 1,
        fee_owner: None,
        fees: Vec::new(),
        legacy_transactions: false,
        members: (0..4).map(member).collect(),
    }
}

fn l1_block(height: u64) -> L1Block {
    let mut hash = [0xe1; 32];
    hash[..8].copy_from_slice(&height.to_be_bytes());
    L1Block {
        height: L1Height(height),
        hash: Hash(hash),
        timestamp_s: 1_800_000_000 + height,
    }
}

impl Chain {
    /// A chain at genesis; must be called inside a tokio runtime.
    pub(crate) fn new(genesis: Genesis) -> Self {
        let origin = genesis.deployment;
        let genesis = Arc::new(genesis);
        let state = genesis.state();
        let identity = Identity::new(genesis.hash(), &genesis.members[0].key);
        let storage = MemoryStorage::new(identity, &state);
        let (commands, arriving) = mpsc::channel(64);
        let (status, watched) = watch::channel(Arc::new(status_of(&state)));
        let mempool = Mempool::default();
        let operator = StandIn {
            genesis: Arc::clone(&genesis),
            reader: storage.reader(),
            mempool: Arc::clone(&mempool),
        };
        tokio::spawn(operator.run(arriving));
        let books = Books::default();
        let anchors = books.anchors.clone();
        let handle = Handle::new(commands, watched);
        let door = Door::new(
            handle.clone(),
            storage.reader(),
            books.clone(),
            (
                Arc::clone(&genesis),
                Directory::new(&genesis).expect("a committee"),
            ),
            "tester",
            Some(Calls {
                exit: exit_call,
                challenge: l1::challenge_call,
            }),
        );
        Self {
            genesis,
            handle,
            door,
            books,
            anchors,
            status,
            storage,
            blocks: Vec::new(),
            state,
            mempool,
            origin,
            deposits: 0,
            committee: (Epoch(0), (0..4).map(secret).collect()),
        }
    }

    /// From the next block on another committee signs.
    pub(crate) fn hand_over(&mut self, epoch: Epoch, keys: &[SecretKey]) {
        self.committee = (epoch, keys.to_vec());
    }

    /// Decides a block of all that waits, with these L1 events, and its certificate.
    pub(crate) async fn seal(&mut self, events: &[L1Event]) -> Height {
        self.decide(events, true).await
    }

    pub(crate) async fn decide(&mut self, events: &[L1Event], certified: bool) -> Height {
        let waiting: Vec<_> = self.mempool.lock().unwrap().drain(..).collect();
        if !events.is_empty() {
            self.origin = l1_block(self.origin.height.0 + 1);
        }
        let wanted = ledger::wanted(waiting.iter().map(AuthenticTransaction::transaction), events);
        let reads = self.storage.reader().reads(&wanted).unwrap();
        let timestamp_ms = self.state.header.timestamp_ms.plus(100);
        let choice = NewBlock {
            origin: self.origin,
            timestamp_ms,
            candidates: waiting,
        };
        let (block, delta, rejected) =
            ledger::build(&self.state, choice, events, &reads, &self.genesis.params()).unwrap();
        assert!(rejected.is_empty(), "{rejected:?}");
        let block = block.to_block();
        let header = block.header;
        let certificate = certified.then(|| self.certificate(&header));
        let decided = Decided {
            header,
            body: block.transactions,
            certificate,
        };
        self.storage.commit(&decided, &delta).await.unwrap();
        self.state = delta.state.clone();
        self.blocks.push((decided, delta));
        self.status.send_replace(Arc::new(status_of(&self.state)));
        header.height
    }

    /// Puts a transaction into the next block, past every door.
    pub(crate) fn include(&self, signed: SignedTransaction) {
        let authentic = signed.authenticate(&self.genesis.domain()).unwrap();
        self.mempool.lock().unwrap().push(authentic);
    }

    /// Forgets what waits, as an operator that was started anew.
    pub(crate) fn forget_waiting(&self) {
        self.mempool.lock().unwrap().clear();
    }

    /// Gives an owner a deposit in a block of its own.
    pub(crate) async fn deposit(&mut self, owner: &SigningKey, amount: u64) -> Position {
        let number = DepositNumber(self.deposits);
        self.deposits += 1;
        let (owner, amount) = (owner.address(), Amount::from(amount));
        let event = L1Event::Deposited {
            number,
            owner,
            asset: Address::ZERO,
            amount,
        };
        let block = self.seal(&[event]).await;
        Position {
            block,
            transaction: 0,
            output: 0,
        }
    }

    /// A signed payment of one input, with the change back to the sender.
    pub(crate) fn payment(
        &self,
        from: &SigningKey,
        spend: (Position, u64),
        to: &SigningKey,
        amount: u64,
    ) -> SignedTransaction {
        let (position, held) = spend;
        let mut outputs = vec![Payment {
            owner: to.address(),
            amount: Amount::from(amount),
        }];
        if held > amount {
            outputs.push(Payment {
                owner: from.address(),
                amount: Amount::from(held - amount),
            });
        }
        self.transfer(
            vec![Input {
                position,
                amount: Amount::from(held),
            }],
            outputs,
        )
        .sign(&self.genesis.domain(), from)
    }

    pub(crate) fn transfer(&self, inputs: Vec<Input>, outputs: Vec<Payment>) -> Transaction {
        Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: EXPIRY_NEVER,
            inputs,
            outputs,
        }
    }

    /// Notes an anchor over the newest block, as if Ethereum had mined it.
    pub(crate) fn anchor(&self, number: u64) {
        self.anchors.record(AnchorSeen {
            number,
            height: self.state.header.height,
            history_root: self.state.header.history_root,
            l1_height: self.state.header.l1_height,
            time_s: 1_800_000_100,
        });
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Changes what the operator says of itself.
    pub(crate) fn say(&self, change: impl FnOnce(&mut Status)) {
        let mut status = Status::clone(&self.status.borrow());
        change(&mut status);
        self.status.send_replace(Arc::new(status));
    }

    fn certificate(&self, header: &plasma_core::Header) -> Certificate {
        let (epoch, keys) = &self.committee;
        let (epoch, view, block) = (*epoch, View(u64::from(header.height.0) + 1), header.id());
        let digest = self.genesis.domain().finalize(epoch, view, block);
        let signatures: Vec<_> = keys.iter().take(3).map(|key| key.sign(&digest)).collect();
        let signers: Bitmap = (0..3).map(OperatorIndex).collect();
        Certificate {
            epoch,
            view,
            block,
            signers,
            signature: bls::aggregate(&signatures).unwrap(),
        }
    }
}

/// Stands for the contract's ABI: enough to see which transaction and output were asked for.
fn exit_call(receipt: &Receipt, _: &Covering, output: u8) -> Vec<u8> {
    [&receipt.transaction.id().0.0[..], &[output]].concat()
}

/// The part of an operator that a door speaks with.
struct StandIn {
    genesis: Arc<Genesis>,
    reader: MemoryReader,
    mempool: Mempool,
}

impl StandIn {
    async fn run(self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            match command {
                Command::Submit { transaction, reply } => drop(reply.send(self.submit(*transaction))),
                Command::Ask(Question::Pending { id, reply }) => {
                    let waiting = self.mempool.lock().unwrap_or_else(PoisonError::into_inner);
                    drop(reply.send(waiting.iter().find(|known| known.id() == id).cloned()));
                }
                Command::Ask(Question::Rival { transaction, reply }) => {
                    let _ = reply.send(self.rival(&transaction));
                }
                Command::Enter { reply, .. } => drop(reply.send(())),
            }
        }
    }

    fn rival(&self, transaction: &Transaction) -> Option<(usize, TransactionId)> {
        rival(&self.mempool.lock().unwrap(), transaction)
    }

    fn submit(&self, signed: SignedTransaction) -> Result<Accepted, Rejected> {
        if let Some(last_valid) = self.reader.state().unwrap().halted {
            return Err(Rejected::Halted(last_valid));
        }
        let params = self.genesis.params();
        let offered = signed
            .authenticate(&params.domain)
            .map_err(|error| Rejected::Signature(error.to_string()))?;
        let id = offered.id();
        let mut waiting = self.mempool.lock().unwrap();
        if waiting.iter().any(|known| known.id() == id) {
            return Ok(Accepted {
                id,
                known: Known::Pending,
            });
        }
        let wanted = ledger::wanted([offered.transaction()].into_iter(), &[]);
        let reads = self.reader.reads(&wanted).unwrap();
        let height = self.reader.tip().unwrap().0.next().unwrap();
        ledger::check_transaction(&offered, height, &reads, &params)?;
        if let Some((input, by)) = rival(&waiting, offered.transaction()) {
            return Err(Rejected::Conflict { input, by });
        }
        if waiting.len() == MEMPOOL_MAX {
            return Err(Rejected::Full(MEMPOOL_MAX));
        }
        waiting.push(offered);
        Ok(Accepted {
            id,
            known: Known::New,
        })
    }
}

/// The first input that a waiting transaction spends.
fn rival(waiting: &[AuthenticTransaction], transaction: &Transaction) -> Option<(usize, TransactionId)> {
    transaction.inputs.iter().enumerate().find_map(|(input, spend)| {
        let mut others = waiting.iter().filter(|known| {
            let inputs = &known.transaction().inputs;
            inputs.iter().any(|other| other.position == spend.position)
        });
        others.next().map(|other| (input, other.id()))
    })
}

/// Small, so that a test can fill it.
pub(crate) const MEMPOOL_MAX: usize = 8;

/// What an operator says of itself that is well and at this state.
pub(crate) fn status_of(state: &State) -> Status {
    Status {
        operator: Some(OperatorIndex(0)),
        committee: Some(Arc::new(genesis().committee().expect("a committee"))),
        height: state.header.height,
        block: state.id,
        output_commitment: state.header.output_commitment,
        timestamp: Millis(state.header.timestamp_ms.0),
        epoch: Epoch(0),
        view: View(u64::from(state.header.height.0) + 1),
        leader: Some(OperatorIndex(1)),
        final_view: View(u64::from(state.header.height.0)),
        working: false,
        behind: false,
        silence: None,
        starved: false,
        peers: vec![OperatorIndex(1), OperatorIndex(2), OperatorIndex(3)],
        mempool: 0,
        l1_origin: state.header.l1_height,
        l1_confirmed: state.header.l1_height,
        anchor: None,
        halted: state.halted,
        stopped: None,
        stalled_since: None,
        given_up: None,
        gossiped: plasma_node::operator::report::Gossiped::default(),
        concerns: Vec::new(),
    }
}
