//! What costs signatures, and what is told without any.

use std::cell::Cell;

use bytes::Bytes;
use plasma_core::{
    Address, Amount, AuthenticTransaction, AuthenticateError, Bitmap, BlockId, Certificate, Domain, Epoch,
    Hash, Header, Height, Input, Kind, Payment, Position, SigningKey, Transaction, View, bls, merkle,
};

use super::{Proof, Question, SignedTransaction, answer, body, transactions};
use crate::{
    operator::{
        case::body_leaf,
        payload::{Carried, Entry},
    },
    runtime::wire::{
        self,
        body::{decode_body, encode_leaves, encode_whole},
    },
};

/// Counts the signatures that are looked at.
#[derive(Default)]
struct Counting(Cell<usize>);

impl Proof for Counting {
    fn block_bytes_max(&self) -> usize {
        1 << 20
    }

    fn certifies(&self, _: &Certificate) -> bool {
        true
    }

    fn authenticate(
        &self,
        transaction: SignedTransaction,
    ) -> Result<AuthenticTransaction, AuthenticateError> {
        self.0.set(self.0.get() + 1);
        transaction.authenticate(&Domain::default())
    }
}

fn payment(number: u32) -> Bytes {
    let key = SigningKey::from_bytes(&[7; 32]).unwrap();
    let position = Position {
        block: Height(1),
        transaction: number,
        output: 0,
    };
    let amount = Amount::from(5u64);
    let owner = key.address();
    let transfer = Transaction {
        kind: Kind::Transfer,
        asset: Address::ZERO,
        expiry: Height(9),
        inputs: vec![Input { position, amount }],
        outputs: vec![Payment { owner, amount }],
    };
    transfer.sign(&Domain::default(), &key).encode().into()
}

/// A transaction that decodes, with a signature that is nobody's.
fn forged(number: u32) -> Bytes {
    let mut bytes = payment(number).to_vec();
    let end = bytes.len();
    bytes[end - 65..end - 33].fill(0);
    let signed = SignedTransaction::decode(&bytes).expect("well formed");
    assert!(signed.authenticate(&Domain::default()).is_err());
    bytes.into()
}

fn leaves(entries: &[Bytes]) -> Vec<Hash> {
    entries.iter().map(|entry| body_leaf(entry)).collect()
}

fn header(height: u32, entries: &[Bytes]) -> Header {
    Header {
        height: Height(height),
        transaction_count: u32::try_from(entries.len()).unwrap(),
        transactions_root: merkle::root(&leaves(entries)),
        ..Header::default()
    }
}

fn encoded(header: &Header, entries: &[Bytes]) -> Bytes {
    [&header.encode(), &entries.concat()[..]].concat().into()
}

/// What is found in a body, and how many signatures that took.
fn carried(bytes: &[u8]) -> (Option<Carried>, usize) {
    let proof = Counting::default();
    let decoded = decode_body(bytes, 1 << 20).expect("well formed");
    (body::carried(decoded, &proof), proof.0.get())
}

fn answered(blocks: &[Bytes], certificate: &[u8], question: Question) -> (bool, usize) {
    let proof = Counting::default();
    let found = answer(&wire::encode_answer(blocks, certificate), question, &proof);
    (found.is_some(), proof.0.get())
}

fn given(entries: &[Bytes], asked: &[Hash]) -> (Option<Vec<Entry>>, usize) {
    let proof = Counting::default();
    let lengthened = entries.iter().flat_map(|entry| {
        let length = u32::try_from(entry.len()).unwrap().to_be_bytes();
        [&length[..], &entry[..]].concat()
    });
    let found = transactions(&lengthened.collect(), asked, &proof);
    (found, proof.0.get())
}

#[test]
fn a_body_under_another_root_costs_no_signature() {
    let (signed, other) = ([payment(0), payment(1)], [payment(2), payment(3)]);
    let (found, count) = carried(&encode_whole(&encoded(&header(1, &signed), &other)));
    assert!(found.is_none());
    assert_eq!(count, 0);
    let (found, count) = carried(&encode_whole(&encoded(&header(1, &signed), &signed)));
    assert!(matches!(found, Some(Carried::Whole(_))));
    assert_eq!(count, 2);
}

#[test]
fn nothing_is_authenticated_behind_the_first_bad_signature() {
    let entries = [payment(0), forged(1), payment(2), payment(3)];
    let header = header(1, &entries);
    let (found, count) = carried(&encode_whole(&encoded(&header, &entries)));
    assert!(found.is_none());
    assert_eq!(count, 2);

    let prefilled: Vec<Vec<u8>> = entries.iter().map(|entry| entry.to_vec()).collect();
    let (found, count) = carried(&encode_leaves(&header, &leaves(&entries), &prefilled));
    let Some(Carried::Leaves(compact)) = found else {
        panic!("the leader signed the root over it: {found:?}")
    };
    assert!(matches!(
        compact.prefilled[..],
        [Entry::Authentic(_), Entry::Unsound(_)]
    ));
    assert_eq!(count, 2);

    let (found, count) = given(&entries, &leaves(&entries));
    assert!(matches!(
        found.as_deref(),
        Some([Entry::Authentic(_), Entry::Unsound(_)])
    ));
    assert_eq!(count, 2);
}

#[test]
fn transactions_that_were_not_asked_for_cost_no_signature() {
    let entries = [payment(0), payment(1), payment(2)];
    let asked = leaves(&entries);
    let strays = [
        ("another one", vec![payment(0), payment(9)], &asked[..]),
        ("another order", vec![payment(1), payment(0)], &asked),
        ("one not asked for", vec![payment(1), payment(2)], &asked[..2]),
        ("more than asked for", entries.to_vec(), &asked[..2]),
        ("anything", entries.to_vec(), &[]),
    ];
    for (what, entries, asked) in strays {
        let (found, count) = given(&entries, asked);
        assert!(
            matches!(found.as_deref(), Some([Entry::Stray])),
            "{what}: {found:?}"
        );
        assert_eq!(count, 0, "{what}");
    }
    let (found, count) = given(&entries[..2], &asked);
    assert_eq!(
        (found.map(|found| found.len()), count),
        (Some(2), 2),
        "as many as fit"
    );
    let (found, count) = given(&[], &asked);
    assert_eq!(
        (found.map(|found| found.len()), count),
        (Some(0), 0),
        "the block is not there"
    );
}

#[test]
fn blocks_that_were_not_asked_for_cost_no_signature() {
    let entries = [payment(0), payment(1)];
    let first = header(6, &entries);
    let second = Header {
        parent: first.id(),
        ..header(7, &entries)
    };
    let blocks = [encoded(&first, &entries), encoded(&second, &entries)];
    let (one, none) = (Question::Block(first.id()), (false, 0));
    assert_eq!(answered(&blocks[..1], &[], one), (true, 2));
    assert_eq!(answered(&blocks[1..], &[], one), none, "another block");
    assert_eq!(answered(&blocks, &[], one), none, "more than one block");
    assert_eq!(answered(&[], &[], one), (true, 0), "the block is not there");

    let certificate = certificate(second.id()).to_bytes();
    let after = |height| Question::After(Height(height));
    assert_eq!(answered(&blocks, &certificate, after(5)), (true, 4));
    assert_eq!(answered(&blocks, &certificate, after(4)), none, "a gap");
    assert_eq!(
        answered(&blocks, &certificate, after(6)),
        none,
        "blocks that are here"
    );
    assert_eq!(answered(&blocks, &[], after(5)), none, "nobody certified them");
    assert_eq!(answered(&[], &[], after(5)), (true, 0), "there are none");
}

fn certificate(block: BlockId) -> Certificate {
    let key = bls::SecretKey::from_seed(&[3; 32]);
    Certificate {
        epoch: Epoch(0),
        view: View(9),
        block,
        signers: Bitmap::default(),
        signature: key.sign(&Hash::ZERO),
    }
}
