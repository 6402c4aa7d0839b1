//! The bridge against a real Ethereum node and the real contracts.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    Address, Amount, DepositNumber, ExitId, Height, Input, Kind, L1Block, L1Event, L1Height, Payment,
    Position, SignedTransaction, Transaction,
};
use plasma_node::bridge::{
    Anchored, L1, L1Error, SpendProof, direct,
    ethereum::Ethereum,
    watcher::{Confirmed, Sighting, WatcherConfig, watch},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    anvil::Anvil,
    deployment::{EXIT_PERIOD_S, parameters},
    stage::{ETHER, Stage, fund},
};

pub(crate) fn watch_from<L: L1>(l1: &Arc<L>, after: L1Block) -> mpsc::Receiver<Sighting> {
    let config = WatcherConfig {
        poll: Duration::from_millis(20),
        confirmations: 1,
        after,
    };
    watch(Arc::clone(l1), config).1
}

pub(crate) async fn next(sightings: &mut mpsc::Receiver<Sighting>) -> Sighting {
    let next = tokio::time::timeout(Duration::from_secs(30), sightings.recv()).await;
    next.expect("the watcher says something")
        .expect("the watcher lives")
}

/// The next confirmed block in which something happened.
pub(crate) async fn next_events(sightings: &mut mpsc::Receiver<Sighting>) -> Confirmed {
    loop {
        if let Sighting::Confirmed(confirmed) = next(sightings).await
            && !confirmed.events.is_empty()
        {
            return confirmed;
        }
    }
}

pub(crate) async fn block(anvil: &Anvil, height: L1Height) -> L1Block {
    anvil.rpc.block_at(height).await.unwrap().unwrap()
}

pub(crate) fn payment(position: Position, owner: Address) -> Transaction {
    let amount = Amount::from(ETHER);
    Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(u32::MAX),
        inputs: vec![Input { position, amount }],
        outputs: vec![Payment { owner, amount }],
    }
}

pub(crate) fn at(block: u32, transaction: u32) -> Position {
    Position {
        block: Height(block),
        transaction,
        output: 0,
    }
}

/// The whole road of two deposits, with what was seen so far.
struct Story {
    stage: Stage,
    ethereum: Arc<Ethereum>,
    sightings: mpsc::Receiver<Sighting>,
    /// Indices of the two fund transactions in block 1.
    alices: u32,
    bobs: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deposits_anchors_exits_and_challenges_run_through_the_real_contracts() {
    let stage = Stage::set("story").await;
    let ethereum = Arc::new(stage.connect().await.unwrap());
    assert_eq!(ethereum.contracts(), stage.contracts());
    let sightings = watch_from(&ethereum, stage.federation.deployment.block);
    let mut story = Story {
        stage,
        ethereum,
        sightings,
        alices: 0,
        bobs: 0,
    };
    let origin = story.deposits_are_seen().await;
    let (spending, anchored) = story.blocks_are_anchored(&origin).await;
    let (alices_exit, bobs_exit) = story.exits_are_started(anchored).await;
    story
        .the_dishonest_exit_is_challenged(alices_exit, bobs_exit, spending)
        .await;
    story.the_honest_exit_is_paid(alices_exit).await;

    // Asked for as a range, the events are the same.
    let head = story.ethereum.head().await.unwrap().height;
    let deployed = story.stage.federation.deployment.block.height;
    assert_eq!(story.ethereum.events(deployed..=head).await.unwrap().len(), 6);
}

impl Story {
    async fn deposits_are_seen(&mut self) -> L1Block {
        self.stage.deposit().await;
        let confirmed = next_events(&mut self.sightings).await;
        let mut owners = Vec::new();
        for (expected, event) in (0u64..).zip(&confirmed.events) {
            let L1Event::Deposited {
                number,
                owner,
                asset,
                amount,
            } = event
            else {
                panic!("{event:?}")
            };
            assert_eq!(
                (number.0, *asset, *amount),
                (expected, Address::ZERO, Amount::from(ETHER))
            );
            owners.push(*owner);
        }
        assert_eq!(
            block(&self.stage.anvil, confirmed.block.height).await,
            confirmed.block
        );
        let record = self
            .stage
            .contracts()
            .deposit(&self.stage.anvil.rpc, DepositNumber(0))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (record.owner, record.l1_height),
            (owners[0], confirmed.block.height)
        );
        (self.alices, self.bobs) = if owners[0] == self.stage.alice.address() {
            (0, 1)
        } else {
            (1, 0)
        };
        assert_eq!(
            owners[usize::try_from(self.bobs).unwrap()],
            self.stage.bob.address()
        );
        confirmed.block
    }

    /// Block 1 credits both; in block 2 bob spends what he got.
    async fn blocks_are_anchored(&mut self, origin: &L1Block) -> (SignedTransaction, Anchored) {
        let (alice, bob) = (self.stage.alice.address(), self.stage.bob.address());
        let owners = if self.alices == 0 {
            [alice, bob]
        } else {
            [bob, alice]
        };
        self.stage.federation.seal(
            (0..)
                .zip(owners)
                .map(|(number, owner)| fund(number, owner))
                .collect(),
            origin,
        );
        let domain = self.stage.federation.genesis.domain();
        let spending = payment(at(1, self.bobs), alice).sign(&domain, &self.stage.bob_key);
        let header = self.stage.federation.seal(vec![spending.clone()], origin);
        let anchor = self.stage.federation.certify(&header, &[0, 1, 3]);
        let too_few = self.stage.federation.certify(&header, &[0, 1]);

        let (contracts, rpc) = (*self.stage.contracts(), Arc::clone(&self.stage.anvil.rpc));
        assert!(
            contracts
                .verify(&rpc, &header, &anchor.certificate)
                .await
                .unwrap()
        );
        assert!(
            !contracts
                .verify(&rpc, &header, &too_few.certificate)
                .await
                .unwrap(),
            "two of four are no quorum"
        );
        assert!(self.ethereum.last_anchor().await.unwrap().is_none());
        let refused = self.ethereum.anchor(&too_few).await.unwrap_err();
        let L1Error::Reverted { call, reason } = &refused else {
            panic!("{refused}")
        };
        assert!(
            call == "Federation.anchor" && reason.contains("CertificateRefused"),
            "{refused}"
        );

        self.ethereum.anchor(&anchor).await.unwrap();
        let anchored = self.ethereum.last_anchor().await.unwrap().unwrap();
        assert_eq!(
            (anchored.number, anchored.previous, anchored.height),
            (1, Height(0), Height(2))
        );
        assert_eq!(anchored.history_root, header.history_root);
        self.ethereum
            .anchor(&anchor)
            .await
            .expect("anchored already is success");
        let latest = contracts.latest(&rpc).await.unwrap();
        assert_eq!((latest.number, latest.height), (1, Height(2)));
        loop {
            if let Sighting::Anchored(seen) = next(&mut self.sightings).await {
                assert_eq!(seen, anchored);
                return (spending, anchored);
            }
        }
    }

    /// Alice exits what she has, bob what he has spent.
    async fn exits_are_started(&mut self, anchored: Anchored) -> (ExitId, ExitId) {
        let (contracts, rpc) = (*self.stage.contracts(), Arc::clone(&self.stage.anvil.rpc));
        let bond = contracts.parameters(&rpc).await.unwrap().exit_bond;
        assert_eq!(bond, parameters().exit_bond);
        let exit = |index| {
            contracts.start_exit_call(
                &self.stage.federation.inclusion(Height(1), index, anchored),
                0,
                bond,
            )
        };
        let (honest, dishonest) = (exit(self.alices), exit(self.bobs));
        direct::transact(&rpc, &self.stage.alice, &honest).await.unwrap();
        let refused = direct::transact(&rpc, &self.stage.bob, &honest)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("NotOwner"), "{refused}");
        direct::transact(&rpc, &self.stage.bob, &dishonest).await.unwrap();
        self.stage.anvil.mine(1).await;
        two_exits(&mut self.sightings, self.alices, self.bobs).await
    }

    async fn the_dishonest_exit_is_challenged(
        &mut self,
        honest: ExitId,
        exit: ExitId,
        spender: SignedTransaction,
    ) {
        let proof = SpendProof {
            exit,
            spender,
            input: 0,
            inclusion: None,
            inputs: Vec::new(),
        };
        let refused = self
            .ethereum
            .challenge(&SpendProof {
                exit: honest,
                ..proof.clone()
            })
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, L1Error::Reverted { reason, .. } if reason.contains("InputDiffers")),
            "{refused}"
        );
        self.ethereum.challenge(&proof).await.unwrap();
        assert!(
            self.stage
                .contracts()
                .exit(&self.stage.anvil.rpc, &exit)
                .await
                .unwrap()
                .is_none()
        );
        self.ethereum
            .challenge(&proof)
            .await
            .expect("challenged already is success");
        loop {
            if let Sighting::ExitSettled(settled) = next(&mut self.sightings).await {
                assert_eq!(settled, exit);
                break;
            }
        }
        self.stage.anvil.mine(1).await;
        let ended = next_events(&mut self.sightings).await.events;
        assert_eq!(
            ended,
            [L1Event::ExitEnded {
                id: exit,
                position: at(1, self.bobs),
                paid: false
            }]
        );
    }

    async fn the_honest_exit_is_paid(&mut self, exit: ExitId) {
        let (contracts, rpc) = (*self.stage.contracts(), Arc::clone(&self.stage.anvil.rpc));
        let open = contracts.exit(&rpc, &exit).await.unwrap().unwrap();
        assert_eq!(
            (open.owner, open.amount),
            (self.stage.alice.address(), Amount::from(ETHER))
        );
        let before = rpc.balance(contracts.vault).await.unwrap();
        self.stage.anvil.advance(2 * EXIT_PERIOD_S + 1).await;
        let call = contracts.process_call(Address::ZERO, 10);
        direct::transact(&rpc, &self.stage.bob, &call).await.unwrap();
        self.stage.anvil.mine(1).await;
        let ended = next_events(&mut self.sightings).await.events;
        assert_eq!(
            ended,
            [L1Event::ExitEnded {
                id: exit,
                position: at(1, self.alices),
                paid: true
            }]
        );
        let after = rpc.balance(contracts.vault).await.unwrap();
        assert_eq!((before, after), (Amount::from(2 * ETHER), Amount::from(ETHER)));
    }
}

async fn two_exits(sightings: &mut mpsc::Receiver<Sighting>, alices: u32, bobs: u32) -> (ExitId, ExitId) {
    let mut found = [None, None];
    while found.contains(&None) {
        for event in next_events(sightings).await.events {
            let L1Event::ExitStarted { id, position, .. } = event else {
                panic!("{event:?}")
            };
            assert!([at(1, alices), at(1, bobs)].contains(&position));
            found[usize::from(position == at(1, bobs))] = Some(id);
        }
    }
    (found[0].unwrap(), found[1].unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receipts_of_a_crowded_block_make_up_the_root_of_its_header() {
    let anvil = Anvil::start();
    anvil.automine(false).await;
    let sender = anvil.ask("eth_accounts", json!([])).await[0].clone();
    // Creation code that emits one empty log, among more receipts than have a key of one byte.
    let creation = json!([{"from": sender, "data": "0x60006000a0", "gas": "0x186a0"}]);
    let transfer = json!([{"from": sender, "to": sender, "gas": "0x5208"}]);
    let mut created = json!(null);
    for place in 0..200 {
        let sent = if place == 150 { &creation } else { &transfer };
        let hash = anvil.ask("eth_sendTransaction", sent.clone()).await;
        if place == 150 {
            created = hash;
        }
    }
    anvil.mine(1).await;
    let receipt = anvil.ask("eth_getTransactionReceipt", json!([created])).await;
    let emitter: ethers_core::types::H160 =
        serde_json::from_value(receipt["contractAddress"].clone()).unwrap();
    let emitter = Address(emitter.0);
    let newest = anvil.rpc.newest().await.unwrap().height;
    let blocks = anvil.rpc.sealed(newest..=newest).await.unwrap();
    assert!(!blocks[0].may_name(&[Address([9; 20])]));
    let logs = anvil.rpc.complete_logs(&blocks, &[emitter]).await.unwrap();
    assert_eq!((logs.len(), logs[0].len(), logs[0][0].address), (1, 1, emitter));
}
