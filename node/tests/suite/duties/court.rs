//! A ledger of which every block is anchored on a real test chain, and the desk of one operator that performs duties there.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    Address, Amount, ExitId, Height, Input, Kind, L1Event, L1Height, Payment, Position, SignedTransaction,
    SigningKey, Spender, State, Transaction,
    ledger::{self, NewBlock},
};
use plasma_node::{
    answers::{self, Answer},
    api::{AnchorBook, Books, Door},
    bridge::{
        Contracts, L1, L1Error, SpendProof,
        account::{Account, Call},
        convert::Inclusion,
        direct,
        ethereum::Ethereum,
        evidence::{Evidence, Pending, output_key},
        games::{Claim, InFlightExit},
        methods::Receipt,
        rpc::Rpc,
        watcher::WatcherConfig,
    },
    directory::Directory,
    folder::Identity,
    operator::{
        effect::Effect,
        event::Event,
        matters::{Matter, Notice},
    },
    runtime::{self, handle::Handle},
    storage::{
        Decided, Read as _, Storage as _,
        memory::{MemoryReader, MemoryStorage},
    },
};

use tokio::sync::{mpsc, watch};

use crate::suite::{
    bridge_anvil::block,
    chain::status_of,
    deployment::parameters,
    stage::{ETHER, Stage},
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Court {
    pub(crate) stage: Stage,
    pub(crate) alice_key: SigningKey,
    pub(crate) ethereum: Arc<Ethereum>,
    pub(crate) books: Books,
    /// Those of the books.
    pub(crate) anchors: AnchorBook,
    storage: MemoryStorage,
    state: State,
    desk: runtime::Ethereum,
}

impl Court {
    pub(crate) async fn set(name: &str) -> Self {
        let stage = Stage::set(name).await;
        let ethereum = Arc::new(stage.connect().await.unwrap());
        let state = stage.federation.genesis.state();
        let identity = Identity::new(
            stage.federation.genesis.hash(),
            &stage.federation.genesis.members[0].key,
        );
        let storage = MemoryStorage::new(identity, &state);
        let books = Books::default();
        let deployed = stage.federation.deployment.block;
        let desk = open(&stage, &ethereum, deployed.height, (&books, storage.reader())).await;
        Self {
            stage,
            alice_key: SigningKey::from_bytes(&[10; 32]).unwrap(),
            ethereum,
            anchors: books.anchors.clone(),
            books,
            storage,
            state,
            desk,
        }
    }

    /// The operator crashed and is back: what its memory held is gone, and the watcher starts at the decided origin.
    pub(crate) async fn restart(&mut self) {
        self.stage.anvil.mine(2).await;
        self.books = Books::default();
        self.anchors = self.books.anchors.clone();
        let from = self.rpc().newest().await.unwrap().height;
        let after = L1Height(from.0 - 1);
        let books = (&self.books, self.storage.reader());
        self.desk = open(&self.stage, &self.ethereum, after, books).await;
    }

    pub(crate) fn contracts(&self) -> Contracts {
        *self.stage.contracts()
    }

    pub(crate) fn rpc(&self) -> Arc<Rpc> {
        Arc::clone(&self.stage.anvil.rpc)
    }

    pub(crate) fn reader(&self) -> MemoryReader {
        self.storage.reader()
    }

    /// What a client asks who asks this operator.
    pub(crate) fn door(&self) -> Door<MemoryReader> {
        let genesis = Arc::new(self.stage.federation.genesis.clone());
        let directory = Directory::new(&genesis).unwrap();
        let (_, status) = watch::channel(Arc::new(status_of(&self.state)));
        let handle = Handle::new(mpsc::channel(1).0, status);
        let books = self.books.clone();
        Door::new(handle, self.reader(), books, (genesis, directory), "court", None)
    }

    pub(crate) fn bond(&self) -> Amount {
        parameters().exit_bond
    }

    pub(crate) async fn send(&self, account: &Account, call: &Call) -> Result<Receipt, L1Error> {
        direct::transact(&self.stage.anvil.rpc, account, call).await
    }

    /// Bob deposits one ether, and block 1 credits it.
    pub(crate) async fn fund_bob(&mut self) -> Position {
        let deposit = self.contracts().deposit_call(Amount::from(ETHER));
        self.send(&self.stage.bob, &deposit).await.unwrap();
        self.seal(Vec::new()).await;
        Position {
            block: self.state.header.height,
            transaction: 0,
            output: 0,
        }
    }

    /// Decides and anchors a block with these transactions and all that Ethereum did before.
    pub(crate) async fn seal(&mut self, transactions: Vec<SignedTransaction>) {
        self.decide(transactions).await;
        self.anchor().await;
    }

    pub(crate) async fn decide(&mut self, transactions: Vec<SignedTransaction>) {
        self.stage.anvil.mine(1).await;
        let head = self.rpc().newest().await.unwrap().height;
        let origin = block(&self.stage.anvil, head).await;
        // An origin lies below the block in which it is anchored.
        self.stage.anvil.mine(1).await;
        let above = self.state.header.l1_height.next().unwrap();
        let events: Vec<L1Event> = self.ethereum.events(above..=origin.height).await.unwrap();
        let genesis = &self.stage.federation.genesis;
        let candidates: Vec<_> = transactions
            .into_iter()
            .map(|signed| signed.authenticate(&genesis.domain()).unwrap())
            .collect();
        let wanted = ledger::wanted(candidates.iter().map(|one| one.transaction()), &events);
        let reader = self.storage.reader();
        let reads = ledger::gather(wanted, &events, |wanted| reader.reads(wanted)).unwrap();
        let choice = NewBlock {
            origin,
            timestamp_ms: self.state.header.timestamp_ms.plus(1),
            candidates,
        };
        let (block, delta, rejected) =
            ledger::build(&self.state, choice, &events, &reads, &genesis.params()).unwrap();
        assert!(rejected.is_empty(), "{rejected:?}");
        let block = block.to_block();
        let certified = self.stage.federation.certify(&block.header, &[0, 1, 2]);
        let decided = Decided {
            header: block.header,
            body: block.transactions,
            certificate: Some(certified.certificate),
        };
        self.storage.commit(&decided, &delta).await.unwrap();
        self.state = delta.state.clone();
    }

    /// Anchors the newest block and waits until the book knows it.
    pub(crate) async fn anchor(&self) {
        let header = self.state.header;
        let anchor = self.stage.federation.certify(&header, &[0, 1, 3]);
        self.ethereum.anchor(&anchor).await.unwrap();
        let known = async || {
            let newest = self.anchors.newest();
            newest.is_some_and(|newest| newest.height == header.height)
        };
        eventually("the anchor is in the book", known).await;
    }

    /// What answers are made of, if the chain were valid up to this height.
    pub(crate) fn spend(&self, exit: ExitId, by: Position, last_valid: Height) -> SpendProof {
        let archive = answers::Archive {
            reader: &self.storage.reader(),
            anchors: &self.anchors,
            anchored: self.state.header.height,
            last_valid,
        };
        let spender = Spender {
            height: by.block,
            transaction: by.transaction,
            input: 0,
        };
        archive.spend(exit, spender).unwrap().expect("it can be shown")
    }

    /// What is shown of an in-flight exit if the chain were valid up to this height.
    pub(crate) fn shown(
        &self,
        payment: &SignedTransaction,
        open: &InFlightExit,
        claims: &[Claim],
        last_valid: Height,
    ) -> Vec<Answer> {
        let archive = answers::Archive {
            reader: &self.storage.reader(),
            anchors: &self.anchors,
            anchored: self.state.header.height,
            last_valid,
        };
        let domain = self.stage.federation.genesis.domain();
        let payment = payment.clone().authenticate(&domain).unwrap();
        archive.in_flight(&payment, open, claims, true).unwrap()
    }

    /// Nothing is anchored any more, and somebody says so until the chain is halted.
    pub(crate) async fn fall_silent(&self) {
        let (contracts, rules) = (self.contracts(), parameters());
        self.stage
            .anvil
            .advance(rules.silence_s + 2 * rules.grace_s + 1)
            .await;
        let announce = contracts.announce_silence_call();
        self.send(&self.stage.alice, &announce).await.unwrap();
        self.stage.anvil.advance(rules.grace_s + 1).await;
        let halt = contracts.halt_if_silent_call();
        self.send(&self.stage.alice, &halt).await.unwrap();
    }

    /// The history below a height.
    pub(crate) fn leaves_below(&self, height: Height) -> Vec<plasma_core::Hash> {
        self.storage.reader().leaves(Height(0)..height).unwrap()
    }

    pub(crate) fn newest_header(&self) -> plasma_core::Header {
        self.state.header
    }

    /// Where a decided transaction lies under its anchor.
    pub(crate) fn inclusion(&self, position: Position) -> Inclusion {
        let reader = self.storage.reader();
        let found = answers::inclusion(&reader, &self.anchors, position.block, position.transaction);
        found.unwrap().expect("anchored")
    }

    pub(crate) fn place(&self, transaction: &SignedTransaction) -> Position {
        let found = self.storage.reader().transaction(&transaction.id()).unwrap();
        let (block, transaction) = found.expect("decided");
        Position {
            block,
            transaction,
            output: 0,
        }
    }

    /// A payment of one ether, spending an output of `from`, that says so by its expiry.
    pub(crate) fn pay(
        &self,
        from: &SigningKey,
        position: Position,
        to: &Account,
        expiry: u32,
    ) -> SignedTransaction {
        let amount = Amount::from(ETHER);
        let payment = Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(expiry),
            inputs: vec![Input { position, amount }],
            outputs: vec![Payment {
                owner: to.address(),
                amount,
            }],
        };
        payment.sign(&self.stage.federation.genesis.domain(), from)
    }

    /// What every call about the exit of a payment brings back.
    pub(crate) fn pending(&self, payment: &SignedTransaction) -> Pending {
        let position = payment.transaction.inputs[0].position;
        let made = self.storage.reader().output(position).unwrap().unwrap().output;
        Pending {
            transaction: payment.clone(),
            owner: made.owner,
            inputs: vec![output_key(made.transaction, position.output)],
        }
    }

    /// Somebody exits a payment that he shows in no block.
    pub(crate) async fn start_in_flight(&self, account: &Account, payment: &SignedTransaction) -> ExitId {
        let input = self.inclusion(payment.transaction.inputs[0].position);
        let evidence = Evidence::Bare(payment.clone());
        let start = self
            .contracts()
            .start_in_flight_call(&evidence, &[input], self.bond())
            .unwrap();
        let mined = self.send(account, &start).await.unwrap();
        let events = self.ethereum.events(mined.block..=mined.block).await.unwrap();
        let [L1Event::InFlightExitStarted { id, .. }] = *events.as_slice() else {
            panic!("{events:?}")
        };
        id
    }

    /// The operator hears of something that waits for an answer.
    pub(crate) async fn hears(&mut self, expected: &Notice) {
        let heard = async {
            loop {
                match self.desk.events.recv().await {
                    Some(Event::Noticed(notice)) if notice == *expected => return,
                    Some(_) => {}
                    None => panic!("the desk is closed"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard)
            .await
            .unwrap_or_else(|_| panic!("nobody says {expected:?}"));
    }

    /// It is the operator's turn, again and again, until Ethereum shows what is expected.
    pub(crate) async fn answers(&self, matter: Matter, what: &str, holds: impl AsyncFn() -> bool) {
        let asked = async || {
            if holds().await {
                return true;
            }
            self.does(Effect::Answer(matter)).await;
            false
        };
        eventually(what, asked).await;
    }

    pub(crate) async fn does(&self, duty: Effect) {
        self.desk.duties.send(duty).await.unwrap();
    }

    pub(crate) async fn in_flight(&self, exit: &ExitId) -> InFlightExit {
        let found = self.contracts().in_flight_exit(&self.rpc(), exit).await;
        found.unwrap().expect("open")
    }

    /// Pays all that is due after the longest exit; gives what left the vault.
    pub(crate) async fn process(&self) -> Amount {
        let (contracts, rpc) = (self.contracts(), self.rpc());
        let before = rpc.balance(contracts.vault).await.unwrap();
        self.stage.anvil.advance(2 * parameters().exit_period_s + 1).await;
        let call = contracts.process_call(Address::ZERO, 10);
        self.send(&self.stage.bob, &call).await.unwrap();
        before - rpc.balance(contracts.vault).await.unwrap()
    }
}

async fn open(
    stage: &Stage,
    ethereum: &Arc<Ethereum>,
    after: L1Height,
    (books, reader): (&Books, MemoryReader),
) -> runtime::Ethereum {
    let watcher = WatcherConfig {
        poll: Duration::from_millis(20),
        confirmations: 1,
        after: block(&stage.anvil, after).await,
    };
    let genesis = &stage.federation.genesis;
    let deployment = genesis.deployment.height;
    runtime::l1::start(ethereum, watcher, deployment, books, reader, genesis.params())
}

/// Asks again until it holds.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let held = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, held)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}
