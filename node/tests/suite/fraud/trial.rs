//! A court: real contracts on a real Ethereum node, a real ledger in memory, and a quorum that signs what it is told.

use bytes::Bytes;
use ethers_core::{abi::AbiEncode, types::U256};
use plasma_contracts_abi::federation;
use plasma_core::{
    Address, Amount, AuthenticTransaction, Hash, Header, Height, Input, Kind, L1Height, Millis, Payment,
    Position, SignedTransaction, SigningKey, State, Transaction,
    ledger::{self, NewBlock},
    merkle,
};
use plasma_node::{
    api::AnchorBook,
    bridge::{Anchor, account::Call, direct, methods::At},
    folder::Identity,
    fraud::{self, Brief},
    operator::case::{Case, Fault, body_leaf},
    runtime::l1::seen,
    storage::{Decided, Read as _, Storage as _, memory::MemoryStorage},
};

use crate::suite::{
    deployment::parameters,
    stage::{ETHER, Stage},
};

/// Three of four: a quorum, and one that is innocent.
pub(crate) const LIARS: [u16; 3] = [0, 1, 3];
const EVERYBODY: [u16; 4] = [0, 1, 2, 3];

pub(crate) struct Trial {
    pub(crate) stage: Stage,
    pub(crate) storage: MemoryStorage,
    pub(crate) state: State,
    pub(crate) anchors: AnchorBook,
    pub(crate) alice: SigningKey,
    pub(crate) bob: SigningKey,
}

impl Trial {
    /// Contracts with four bonded seats, and a deposit of one ether each of alice and bob that is funded in block 1.
    pub(crate) async fn set(name: &str) -> Self {
        let stage = Stage::set(name).await;
        let genesis = &stage.federation.genesis;
        let identity = Identity::new(genesis.hash(), &genesis.members[2].key);
        let state = genesis.state();
        let storage = MemoryStorage::new(identity, &state);
        let mut trial = Self {
            stage,
            storage,
            state,
            anchors: AnchorBook::default(),
            alice: SigningKey::from_bytes(&[10; 32]).unwrap(),
            bob: SigningKey::from_bytes(&[11; 32]).unwrap(),
        };
        for index in 0..4 {
            let call = Call {
                label: "Federation.postBond".to_owned(),
                to: Some(trial.stage.contracts().federation),
                value: parameters().operator_bond,
                data: federation::PostBondCall { epoch: 0, index }.encode(),
            };
            trial.transact(&call).await;
        }
        trial.stage.deposit().await;
        trial.seal(Vec::new()).await;
        trial
    }

    pub(crate) async fn transact(&self, call: &Call) {
        direct::transact(&self.stage.anvil.rpc, &self.stage.alice, call)
            .await
            .unwrap();
    }

    /// Where the fund output of alice (0) or bob (1) lies; they came in one L1 block, in any order.
    pub(crate) fn funded(&self, who: &SigningKey) -> Position {
        let held = self.storage.reader().outputs_of(&who.address(), None, 9).unwrap();
        held.first().unwrap().0
    }

    pub(crate) fn pay(&self, from: &SigningKey, spend: Position, to: Address) -> Transaction {
        let amount = Amount::from(ETHER);
        assert!(!from.address().is_zero());
        Transaction {
            kind: Kind::Transfer,
            asset: Address::ZERO,
            expiry: Height(1_000),
            inputs: vec![Input {
                position: spend,
                amount,
            }],
            outputs: vec![Payment { owner: to, amount }],
        }
    }

    pub(crate) fn sign(&self, transaction: Transaction, key: &SigningKey) -> SignedTransaction {
        transaction.sign(&self.stage.federation.genesis.domain(), key)
    }

    /// Decides a valid block of these transactions and all that Ethereum says by now.
    pub(crate) async fn seal(&mut self, candidates: Vec<SignedTransaction>) -> Header {
        let genesis = self.stage.federation.genesis.clone();
        let (rpc, contracts) = (&self.stage.anvil.rpc, *self.stage.contracts());
        let from = L1Height(self.state.header.l1_height.0 + 1);
        if rpc.newest().await.unwrap().height < from {
            self.stage.anvil.mine(1).await;
        }
        let origin = rpc.newest().await.unwrap();
        let observed = contracts.observe(rpc, from..=origin.height).await.unwrap();
        let events: Vec<_> = observed.into_iter().flat_map(|block| block.events).collect();
        let candidates: Vec<_> = candidates
            .into_iter()
            .map(|one| one.authenticate(&genesis.domain()).unwrap())
            .collect();
        let wanted = ledger::wanted(candidates.iter().map(AuthenticTransaction::transaction), &events);
        let reader = self.storage.reader();
        let reads = ledger::gather(wanted, &events, |wanted| reader.reads(wanted)).unwrap();
        let choice = NewBlock {
            origin,
            timestamp_ms: Millis(self.state.header.timestamp_ms.0 + 1),
            candidates,
        };
        let (block, delta, rejected) =
            ledger::build(&self.state, choice, &events, &reads, &genesis.params()).unwrap();
        assert!(rejected.is_empty(), "{rejected:?}");
        let header = block.header;
        let decided = Decided {
            header,
            body: block.to_block().transactions,
            certificate: Some(self.certified(&header, &EVERYBODY).certificate),
        };
        self.storage.commit(&decided, &delta).await.unwrap();
        self.state = delta.state.clone();
        header
    }

    pub(crate) fn certified(&self, header: &Header, signers: &[u16]) -> Anchor {
        self.stage.federation.certify(header, signers)
    }

    /// Anchors a header that some signed.
    pub(crate) async fn anchor(&self, header: &Header, signers: &[u16]) {
        let anchor = self.certified(header, signers);
        let call = self.stage.contracts().anchor_call(&anchor).unwrap();
        self.transact(&call).await;
        let found = self.stage.contracts().last_anchor(&self.stage.anvil.rpc).await;
        self.anchors.record(seen(&found.unwrap().unwrap()));
    }

    /// A block on the tip that holds whatever the quorum likes.
    pub(crate) async fn forge(&self, body: &[Vec<u8>]) -> Case {
        let origin = self.stage.anvil.rpc.newest().await.unwrap();
        let body: Vec<Bytes> = body.iter().map(|entry| entry.clone().into()).collect();
        let leaves: Vec<Hash> = body.iter().map(|entry| body_leaf(entry)).collect();
        let parent = &self.state.header;
        let mut header = Header {
            height: parent.height.next().unwrap(),
            transaction_count: u32::try_from(body.len()).unwrap(),
            parent: parent.id(),
            transactions_root: merkle::root(&leaves),
            history_root: Hash::ZERO,
            output_commitment: Hash::ZERO,
            l1_height: origin.height,
            l1_hash: origin.hash,
            timestamp_ms: Millis(parent.timestamp_ms.0 + 1),
        };
        let mut history = self.state.history.clone();
        history.append(header.leaf());
        header.history_root = history.root();
        Case {
            header,
            body,
            fault: Fault::Remembered,
            above: Vec::new(),
            certificate: self.certified(&header, &LIARS).certificate,
        }
    }

    /// A block that the quorum builds on an invalid one.
    pub(crate) fn build_on(&self, case: &mut Case) {
        let top = *case.top();
        let mut header = Header {
            height: top.height.next().unwrap(),
            transaction_count: 0,
            parent: top.id(),
            transactions_root: merkle::root(&[]),
            ..top
        };
        let mut history = self.state.history.clone();
        for leaf in case.leaves().chain([header.leaf()]).collect::<Vec<_>>() {
            history.append(leaf);
        }
        header.history_root = history.root();
        assert!(case.extend(&header));
    }

    pub(crate) fn brief(&self, case: &Case) -> Brief {
        let params = self.stage.federation.genesis.params();
        fraud::brief(case, &self.storage.reader(), &self.anchors, &params).unwrap()
    }

    /// Ethereum's verdict on each thing that could be shown: the call's name, and why it is refused.
    pub(crate) async fn verdicts(&self, brief: &Brief) -> Vec<(String, Result<(), String>)> {
        let mut found = Vec::new();
        for proof in &brief.proofs {
            let call = self
                .stage
                .contracts()
                .fraud_call(proof, brief.accused.as_ref())
                .unwrap();
            let from = Some(self.stage.alice.address());
            let answer = self.stage.anvil.rpc.eth_call(from, &call, At::Latest).await;
            let name = call.label.replace("FraudProofs.", "");
            found.push((name, answer.map(drop).map_err(|error| error.to_string())));
        }
        found
    }

    /// Shows a case, and checks that it halts right below the block and takes the bonds of exactly its signers. Gives the
    /// call that Ethereum accepted.
    pub(crate) async fn convict(&self, case: &Case) -> String {
        let brief = self.brief(case);
        let verdicts = self.verdicts(&brief).await;
        let accepted = verdicts.iter().position(|(_, verdict)| verdict.is_ok());
        let place = accepted.unwrap_or_else(|| panic!("nothing is accepted: {verdicts:#?}"));
        assert_eq!(self.slashed().await, U256::zero());
        let call = self
            .stage
            .contracts()
            .fraud_call(&brief.proofs[place], brief.accused.as_ref())
            .unwrap();
        self.transact(&call).await;
        let latest = self
            .stage
            .contracts()
            .latest(&self.stage.anvil.rpc)
            .await
            .unwrap();
        assert_eq!(Some(latest.last_valid), case.height().previous());
        let liars: u64 = LIARS.iter().map(|index| 1 << index).sum();
        assert_eq!(
            self.slashed().await,
            U256::from(liars),
            "the signers, and nobody else"
        );
        verdicts[place].0.clone()
    }

    /// The seats that lost their bonds, as a bitmap.
    pub(crate) async fn slashed(&self) -> U256 {
        let call = Call {
            label: "Federation.bonds".to_owned(),
            to: Some(self.stage.contracts().federation),
            value: Amount::ZERO,
            data: federation::BondsCall { epoch: 0 }.encode(),
        };
        let answer = self
            .stage
            .anvil
            .rpc
            .eth_call(None, &call, At::Latest)
            .await
            .unwrap();
        U256::from_big_endian(&answer[32..64])
    }
}
