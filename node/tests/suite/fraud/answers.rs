//! What the pool lets through to the operator: blocks as they were signed, and what a quorum signed that is none.

use bytes::Bytes;
use plasma_consensus::{Container, Proposal};
use plasma_core::{
    Address, Amount, Bitmap, Certificate, DepositNumber, Epoch, Hash, Header, OperatorIndex,
    SignedTransaction, Transaction, View, bls, merkle,
};
use plasma_node::{
    directory::Directory,
    intake::Question,
    operator::{case::body_leaf, event::Segment},
    runtime::{
        finds::finds,
        verify::{Job, Pool, Rules, Verified},
        wire,
    },
};

use crate::suite::cast::{genesis, peer, secret};

fn fund(number: u64) -> SignedTransaction {
    let (owner, amount) = (Address([1; 20]), Amount::from(5u64));
    Transaction::fund(DepositNumber(number), owner, Address::ZERO, amount).unsigned()
}

fn header(below: &Header, body: &[Vec<u8>]) -> Header {
    let leaves: Vec<Hash> = body.iter().map(|entry| body_leaf(entry)).collect();
    Header {
        height: below.height.next().expect("small"),
        transaction_count: u32::try_from(body.len()).expect("small"),
        parent: below.id(),
        transactions_root: merkle::root(&leaves),
        ..*below
    }
}

fn encoded(header: &Header, body: &[Vec<u8>]) -> Bytes {
    [&header.encode()[..], &body.concat()].concat().into()
}

fn certificate(header: &Header) -> Vec<u8> {
    let (epoch, view, block) = (Epoch(0), View(9), header.id());
    let digest = genesis().domain().finalize(epoch, view, block);
    let signatures: Vec<_> = (0..3).map(|index| secret(index).sign(&digest)).collect();
    let signers: Bitmap = (0..3).map(OperatorIndex).collect();
    let signature = bls::aggregate(&signatures).expect("three");
    Certificate {
        epoch,
        view,
        block,
        signers,
        signature,
    }
    .to_bytes()
}

fn verified(job: Job) -> Verified {
    let (found_in, mut found) = finds(1);
    let rules = Rules {
        domain: genesis().domain(),
        directory: Directory::new(&genesis()).expect("a committee"),
        block_bytes_max: 1 << 20,
    };
    let pool = Pool::start(rules, 1, &found_in);
    pool.submit(job).expect("room");
    futures::executor::block_on(found.urgent.recv()).expect("a verdict")
}

fn answer(blocks: &[Bytes], certificate: &[u8]) -> Option<Segment> {
    let bytes = wire::encode_answer(blocks, certificate);
    let question = Question::After(genesis().state().header.height);
    let job = Job::Answer {
        from: peer(1),
        question,
        bytes,
    };
    match verified(job) {
        Verified::Answer { content, .. } => content.map(|segment| *segment),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_block_that_holds_no_transaction_arrives_with_all_that_convicts_its_signers() {
    let good = vec![fund(0).encode()];
    let bad = vec![fund(1).encode(), b"nonsense".to_vec()];
    let first = header(&genesis().state().header, &good);
    let second = header(&first, &bad);
    let third = header(&second, &good);
    let blocks = [
        encoded(&first, &good),
        encoded(&second, &bad),
        encoded(&third, &good),
    ];
    let segment = answer(&blocks, &certificate(&third)).expect("a segment");
    assert_eq!(segment.blocks.len(), 1, "what is below it");
    assert!(
        segment.certificate.is_none(),
        "of what is not whole nothing is certified"
    );
    let rotten = segment.rotten.expect("the block");
    assert_eq!(
        (rotten.header, rotten.index, rotten.above),
        (second, 1, vec![third])
    );
    assert_eq!(rotten.body, bad);
    assert_eq!(rotten.certificate.expect("of the last").block, third.id());
    let whole = answer(&blocks[..1], &certificate(&first)).expect("a segment");
    assert!(whole.rotten.is_none() && whole.certificate.is_some() && whole.blocks.len() == 1);
}

#[test]
fn a_signed_header_with_another_body_is_the_peer_s_nonsense() {
    let (signed, other) = (vec![fund(0).encode()], vec![fund(1).encode()]);
    let header = header(&genesis().state().header, &signed);
    let certificate = certificate(&header);
    assert!(answer(&[encoded(&header, &signed)], &certificate).is_some());
    assert!(
        answer(&[encoded(&header, &other)], &certificate).is_none(),
        "it would be taken for theirs"
    );
    assert!(answer(&[encoded(&header, &[b"nonsense".to_vec()])], &certificate).is_none());
}

#[test]
fn a_proposal_with_another_body_than_its_header_s_is_malformed() {
    let (signed, other) = (vec![fund(0).encode()], vec![fund(1).encode()]);
    let header = header(&genesis().state().header, &signed);
    let container = Container {
        view: View(1),
        parent: View(0),
        block: header.id(),
    };
    let proposal = Box::new(Proposal {
        epoch: Epoch(0),
        container,
        signature: secret(0).sign(&Hash::ZERO),
        parent: None,
        nullifications: Vec::new(),
    });
    let sent = |body: &[Vec<u8>]| {
        let job = Job::Payload {
            from: peer(0),
            proposal: proposal.clone(),
            body: wire::body::encode_whole(&encoded(&header, body)),
        };
        match verified(job) {
            Verified::Payload { carried, .. } => carried.is_some(),
            other => panic!("{other:?}"),
        }
    };
    assert!(sent(&signed));
    assert!(!sent(&other));
}
