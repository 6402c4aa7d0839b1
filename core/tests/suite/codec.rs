//! Each value has one encoding: what decodes encodes to the same bytes, and changed bytes do not decode to it.

use std::collections::BTreeMap;

use plasma_core::{
    Address, Amount, Broken, DepositFate, ExitId, Fate, Genesis, GenesisError, Hash, Header, Height,
    OpenExit, OperatorIndex, Output, OutputRecord, Position, PublicKey, Receipt, ReceiptError,
    SignedTransaction, Spender, State, TransactionId, bls, merkle,
};
use proptest::{
    prelude::any,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::certificates::certify;
use super::document::{DOMAIN, document_bls::committee, signed_transactions};
use super::world::{ALICE, BOB, World, at, exit_id, genesis, pay};

/// A runner whose random numbers are always the same.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]))
}

#[test]
fn any_bytes_that_decode_as_a_transaction_encode_to_themselves() {
    let seeds: Vec<Vec<u8>> = signed_transactions()
        .into_iter()
        .map(|(_, signed)| signed.encode())
        .collect();
    let strategy = (
        0..seeds.len(),
        any::<proptest::sample::Index>(),
        any::<u8>(),
        -1..2i8,
    );
    let outcome = runner(4000).run(&strategy, |(seed, at, byte, grow)| {
        let mut bytes = seeds[seed].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        match grow {
            -1 => drop(bytes.pop()),
            1 => bytes.push(byte),
            _ => {}
        }
        if let Ok(signed) = SignedTransaction::decode(&bytes) {
            assert_eq!(signed.encode(), bytes);
            let _ = signed.authenticate(&DOMAIN);
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_bytes_never_panic_any_decoder() {
    let outcome = runner(4000).run(&proptest::collection::vec(any::<u8>(), 0..600), |bytes| {
        if let Ok(signed) = SignedTransaction::decode(&bytes) {
            assert_eq!(signed.encode(), bytes);
        }
        if let Some(record) = OutputRecord::decode(&bytes) {
            assert_eq!(record.encode().as_slice(), bytes);
        }
        if let Some(exit) = OpenExit::decode(&bytes) {
            assert_eq!(exit.encode(), bytes);
        }
        assert_eq!(Genesis::decode(&bytes), None);
        assert_eq!(Receipt::decode(&bytes), None);
        assert_eq!(State::decode(&bytes), None);
        assert!(plasma_core::legacy::decode_signed(&bytes).is_err());
        assert_eq!(
            Header::decode(&bytes).map(|header| header.encode().to_vec()),
            (bytes.len() == 184).then_some(bytes)
        );
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn records_have_one_encoding() {
    let output = Output {
        transaction: TransactionId(Hash([1; 32])),
        owner: Address([2; 20]),
        asset: Address([3; 20]),
        amount: Amount::MAX,
        locks: 4,
    };
    let by = Spender {
        height: Height(5),
        transaction: 6,
        input: 7,
    };
    for fate in [
        Fate::Unspent,
        Fate::Spent(by),
        Fate::Exited(exit_id(8)),
        Fate::Reclaimed,
    ] {
        let record = OutputRecord { output, fate };
        let bytes = record.encode();
        assert_eq!(OutputRecord::decode(&bytes), Some(record));
        assert_eq!(OutputRecord::decode(&bytes[..140]), None);
        let mut padded = bytes;
        padded[140] ^= 1;
        assert!(OutputRecord::decode(&padded).is_none_or(|other| other != record));
    }
    for fate in [DepositFate::Funded(at(1, 2, 3)), DepositFate::Reclaimed] {
        assert_eq!(DepositFate::decode(&fate.encode()), Some(fate));
    }
    assert_eq!(DepositFate::decode(&[2, 0]), None);
    let standard = OpenExit::Standard {
        position: at(1, 2, 3),
        owner: Address([2; 20]),
        locked: true,
    };
    let in_flight = OpenExit::InFlight {
        transaction: TransactionId(Hash([1; 32])),
        included: Some((Height(3), 4)),
        inputs: vec![at(1, 0, 0), at(1, 1, 0)],
        outputs: 2,
        locked_inputs: 1,
        locked_outputs: 2,
    };
    for exit in [standard, in_flight] {
        let bytes = exit.encode();
        assert_eq!(OpenExit::decode(&bytes), Some(exit));
        assert_eq!(OpenExit::decode(&[&bytes[..], &[0]].concat()), None);
    }
}

#[test]
fn the_element_of_an_output_is_what_the_page_says() {
    let output = Output {
        transaction: TransactionId(Hash([0x11; 32])),
        owner: Address([0x22; 20]),
        asset: Address([0x33; 20]),
        amount: Amount::from(7),
        locks: 2,
    };
    let position = at(1, 2, 3);
    let mut amount = [0; 32];
    amount[31] = 7;
    let expected = [
        &[1][..],
        &position.to_bytes(),
        &[0x11; 32],
        &[0x22; 20],
        &[0x33; 20],
        &amount,
        &[0, 0, 0, 2],
    ]
    .concat();
    assert_eq!(output.element(&position), expected);
    assert_eq!(expected.len(), 118);
}

#[test]
fn a_state_survives_its_bytes() {
    let mut world = World::funded(&[(ALICE, 100), (BOB, 1)]);
    world.advance(&[], vec![pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)])]);
    world.state.halted = Some(Height(1));
    let bytes = world.state.encode();
    assert_eq!(State::decode(&bytes), Some(world.state.clone()));
    assert_eq!(State::decode(&bytes[1..]), None);
    for at in (0..bytes.len()).filter(|at| !(184..229).contains(at)) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert!(
            State::decode(&damaged).is_none_or(|state| state.id != world.state.id),
            "byte {at}"
        );
    }
}

#[test]
fn a_genesis_document_survives_its_bytes_and_any_change_changes_its_hash() {
    let genesis = genesis();
    assert_eq!(genesis.validate(), Ok(()));
    let bytes = genesis.encode();
    assert_eq!(Genesis::decode(&bytes).as_ref(), Some(&genesis));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Some(other) = Genesis::decode(&changed) {
            assert_eq!(other.encode(), changed);
            assert_ne!(other.hash(), genesis.hash());
        }
        assert_eq!(Genesis::decode(&bytes[..at]), None);
    }
    assert_eq!(Genesis::decode(&[&bytes[..], &[0]].concat()), None);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row per rule")]
fn every_rule_of_a_genesis_document_has_its_own_error() {
    type Change = Box<dyn Fn(&mut Genesis)>;
    let empty = |field| GenesisError::Empty(field);
    let table: Vec<(Change, GenesisError)> = vec![
        (Box::new(|g| g.version = 2), GenesisError::Version(2)),
        (Box::new(|g| g.chain_id = 0), empty("chain_id")),
        (Box::new(|g| g.contract = Address::ZERO), empty("contract")),
        (Box::new(|g| g.name = String::new()), empty("name")),
        (Box::new(|g| g.origin_lag = 0), empty("origin_lag")),
        (
            Box::new(|g| g.max_block_transactions = 0),
            empty("max_block_transactions"),
        ),
        (Box::new(|g| g.max_l1_events = 0), empty("max_l1_events")),
        (Box::new(|g| g.anchor_blocks = 0), empty("anchor_blocks")),
        (Box::new(|g| g.anchor_seconds = 0), empty("anchor_seconds")),
        (Box::new(|g| g.takeover_seconds = 0), empty("takeover_seconds")),
        (
            Box::new(|g| g.fee_owner = Some(Address::ZERO)),
            empty("fee_owner"),
        ),
        (
            Box::new(|g| g.members[1].operator = Address::ZERO),
            empty("operator"),
        ),
        (Box::new(|g| g.members[1].peer_id.clear()), empty("peer_id")),
        (
            Box::new(|g| g.name = "x".repeat(65)),
            GenesisError::TooLarge {
                field: "name",
                found: 65,
                max: 64,
            },
        ),
        (
            Box::new(|g| g.max_block_transactions = 100_001),
            GenesisError::TooLarge {
                field: "max_block_transactions",
                found: 100_001,
                max: 100_000,
            },
        ),
        (
            Box::new(|g| g.max_block_bytes = 463),
            GenesisError::BytesTooFew { found: 463, min: 464 },
        ),
        (
            Box::new(|g| g.max_l1_events = 4_379),
            GenesisError::TooLarge {
                field: "max_l1_events",
                found: 4_379,
                max: 4_378,
            },
        ),
        (
            Box::new(|g| g.fees = vec![(Address::ZERO, Amount::from(1))]),
            GenesisError::FeesWithoutOwner,
        ),
        (
            Box::new(|g| {
                g.fee_owner = Some(Address([1; 20]));
                g.fees = vec![
                    (Address([2; 20]), Amount::from(1)),
                    (Address::ZERO, Amount::from(1)),
                ];
            }),
            GenesisError::Fees(Address::ZERO),
        ),
        (
            Box::new(|g| {
                g.fee_owner = Some(Address([1; 20]));
                g.fees = vec![(Address([2; 20]), Amount::ZERO)];
            }),
            GenesisError::Fees(Address([2; 20])),
        ),
        (
            Box::new(|g| g.members.clear()),
            GenesisError::Committee(plasma_core::CommitteeError::Size(0)),
        ),
        (
            Box::new(|g| g.members[2].peer_id = g.members[1].peer_id.clone()),
            GenesisError::Committee(plasma_core::CommitteeError::Duplicate(
                OperatorIndex(1),
                OperatorIndex(2),
            )),
        ),
        (
            Box::new(|g| g.members[0].key = PublicKey([0; 48])),
            GenesisError::Key {
                index: OperatorIndex(0),
                reason: bls::KeyError::Point,
            },
        ),
        (
            Box::new(|g| g.members[3].possession = g.members[0].possession),
            GenesisError::Possession(OperatorIndex(3)),
        ),
        (
            Box::new(|g| g.chain_id += 1),
            GenesisError::Possession(OperatorIndex(0)),
        ),
    ];
    for (change, error) in table {
        let mut genesis = genesis();
        change(&mut genesis);
        assert_eq!(genesis.validate(), Err(error));
    }
}

#[test]
fn a_receipt_proves_its_transaction_and_nothing_else() {
    let mut world = World::funded(&[(ALICE, 100), (ALICE, 7), (BOB, 50)]);
    let mut leaves = vec![genesis().leaf()];
    let first = world.outputs[&at(1, 0, 0)].output.transaction;
    leaves.push(plasma_core::history::leaf(
        Height(1),
        world.state.header.transaction_count,
        world.state.header.transactions_root,
        world.state.header.l1_height,
    ));
    let payments = vec![
        pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]),
        pay(ALICE, &[(at(1, 1, 0), 7)], &[(BOB, 7)]),
        pay(BOB, &[(at(1, 2, 0), 50)], &[(ALICE, 50)]),
    ];
    let (block, delta, _) = world.advance(&[], payments);
    leaves.push(delta.leaf);
    let (_, delta, _) = world.advance(&[], Vec::new());
    leaves.push(delta.leaf);
    let transaction_leaves: Vec<Hash> = block
        .transactions
        .iter()
        .map(|transaction| transaction.leaf())
        .collect();
    let receipt = Receipt {
        transaction: block.transactions[1].signed().clone(),
        index: 1,
        transaction_proof: merkle::proof(&transaction_leaves, 1),
        height: Height(2),
        transaction_count: 3,
        transactions_root: block.header.transactions_root,
        l1_height: block.header.l1_height,
        history_proof: plasma_core::history::proof(&leaves, 2),
        header: world.state.header,
        certificate: certify(&world.state.header, 4, &[0, 1, 3]),
    };
    let committee = committee(4);
    assert_eq!(receipt.verify(&DOMAIN, &committee), Ok(()));
    let bytes = receipt.encode();
    assert_eq!(Receipt::decode(&bytes).as_ref(), Some(&receipt));
    for length in 0..bytes.len() {
        assert_eq!(Receipt::decode(&bytes[..length]), None);
    }
    assert_eq!(Receipt::decode(&[&bytes[..], &[0]].concat()), None);

    let wrong = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = receipt.clone();
        change(&mut receipt);
        receipt.verify(&DOMAIN, &committee).unwrap_err()
    };
    assert_eq!(wrong(&|r| r.index = 0), ReceiptError::Transaction);
    assert_eq!(
        wrong(&|r| r.transaction.signature[0] ^= 1),
        ReceiptError::Transaction
    );
    assert_eq!(wrong(&|r| r.transaction_count = 2), ReceiptError::Transaction);
    assert_eq!(wrong(&|r| r.height = Height(1)), ReceiptError::History);
    assert_eq!(wrong(&|r| r.height = Height(9)), ReceiptError::History);
    assert_eq!(wrong(&|r| r.l1_height.0 += 1), ReceiptError::History);
    assert_eq!(wrong(&|r| r.header.timestamp_ms.0 += 1), ReceiptError::Block);
    assert!(matches!(
        wrong(&|r| r.certificate.view.0 += 1),
        ReceiptError::Certificate(_)
    ));
    assert_ne!(first.0, Hash::ZERO);
}

#[test]
fn reads_lay_ancestors_over_what_was_stored() {
    let mut world = World::funded(&[(ALICE, 100)]);
    let payment = pay(ALICE, &[(at(1, 0, 0), 100)], &[(BOB, 100)]);
    let (_, delta, _) = world.build(&[], vec![payment.clone()]).unwrap();
    let spend = pay(BOB, &[(at(2, 0, 0), 100)], &[(ALICE, 100)]);
    let both = vec![payment, spend];
    let mut reads = world.read(&both, &[]);
    assert_eq!(reads.outputs[&at(2, 0, 0)], None);
    reads.overlay(&delta);
    assert_eq!(reads.outputs.len(), 2, "keys that were not read stay unread");
    world.commit(&delta);
    assert_eq!(reads, world.read(&both, &[]));
    assert_eq!(
        plasma_core::ledger::check_transaction(&both[1], Height(3), &reads, &world.params),
        Ok(())
    );
    let _: BTreeMap<Position, Option<OutputRecord>> = reads.outputs;
    let _: Option<(ExitId, Broken)> = None;
}
