//! The vectors that Rust and Solidity share, made from fixed keys and numbers.
//!
//! Flat on purpose: hex strings, small numbers, decimal strings above 2^53, and parallel arrays, which
//! forge's `parseJson…Array` reads. A proof is the concatenation of its hashes.

use plasma_core::{
    Address, Amount, Domain, EXPIRY_NEVER, Hash, Header, Height, Input, Kind, L1Height, Millis, Payment,
    Position, SignedTransaction, SigningKey, Transaction, history, keccak, legacy, merkle, typed_data,
};
use serde_json::{Value, json};

#[path = "document_bls.rs"]
pub(crate) mod document_bls;
#[path = "document_malformed.rs"]
mod document_malformed;

pub(crate) const DOMAIN: Domain = Domain {
    chain_id: 31337,
    contract: Address([0xfe; 20]),
};

/// The whole file.
pub(crate) fn document() -> Value {
    json!({
        "bls": document_bls::bls(),
        "domain": {
            "chain_id": DOMAIN.chain_id,
            "contract": DOMAIN.contract.to_string(),
            "separator": typed_data::domain_separator(&DOMAIN).to_string(),
        },
        "headers": headers(),
        "history": history(),
        "malformed": document_malformed::malformed(),
        "merkle": merkle(),
        "pad": merkle::PAD.to_string(),
        "positions": positions(),
        "transactions": transactions(),
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}"))
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&keccak(&[b"plasma/test/owner/", &[number]]).0).expect("a hash below the order")
}

fn position(block: u32, transaction: u32, output: u8) -> Position {
    Position {
        block: Height(block),
        transaction,
        output,
    }
}

fn positions() -> Value {
    let all = [
        position(0, 0, 0),
        position(1, 0, 0),
        position(1042, 17, 1),
        position(7, u32::MAX, 3),
        position(u32::MAX, 0, u8::MAX),
        position(u32::MAX, u32::MAX, u8::MAX),
    ];
    json!({
        "block": all.map(|position| position.block.0),
        "transaction": all.map(|position| position.transaction),
        "output": all.map(|position| position.output),
        "packed": all.map(|position| position.pack().to_string()),
    })
}

pub(crate) fn token() -> Address {
    Address([0x70; 20])
}

fn input(position: Position, amount: u128) -> Input {
    Input {
        position,
        amount: Amount::from(amount),
    }
}

fn payment(owner: u8, amount: u128) -> Payment {
    Payment {
        owner: key(owner).address(),
        amount: Amount::from(amount),
    }
}

fn ether(kind: Kind, inputs: Vec<Input>, outputs: Vec<Payment>) -> Transaction {
    Transaction {
        kind,
        asset: Address::ZERO,
        expiry: EXPIRY_NEVER,
        inputs,
        outputs,
    }
}

/// Named transactions of every kind and shape.
#[expect(clippy::too_many_lines, reason = "one paragraph per vector")]
pub(crate) fn signed_transactions() -> Vec<(&'static str, SignedTransaction)> {
    let one = 1_000_000_000_000_000_000;
    let huge = Payment {
        owner: key(2).address(),
        amount: Amount::MAX,
    };
    let small = ether(
        Kind::Transfer,
        vec![input(position(1, 0, 0), one)],
        vec![payment(2, one)],
    );
    let large = Transaction {
        asset: token(),
        expiry: Height(1_000),
        inputs: (0..4)
            .map(|i| input(position(42, 7, i), 250 + u128::from(i)))
            .collect(),
        outputs: (1..5)
            .map(|owner| payment(owner, 249 + u128::from(owner)))
            .collect(),
        ..small.clone()
    };
    let all = Transaction {
        inputs: vec![Input {
            position: position(u32::MAX, u32::MAX, u8::MAX),
            amount: Amount::MAX,
        }],
        outputs: vec![huge],
        ..small.clone()
    };
    let split = |outputs| ether(Kind::Split, vec![input(position(3, 2, 1), 60)], outputs);
    let merge = ether(
        Kind::Merge,
        vec![input(position(3, 2, 0), 5), input(position(4, 0, 2), 6)],
        vec![payment(1, 11)],
    );
    let fund = Transaction::fund(
        plasma_core::DepositNumber(7),
        key(1).address(),
        Address::ZERO,
        Amount::from(one),
    );
    let token_fund = Transaction::fund(
        plasma_core::DepositNumber(u64::MAX),
        key(3).address(),
        token(),
        Amount::from(12_345),
    );
    vec![
        (
            "transfer, one to one, ETH, never expires",
            small.sign(&DOMAIN, &key(1)),
        ),
        (
            "transfer, four to four, token, expires",
            large.sign(&DOMAIN, &key(1)),
        ),
        (
            "transfer, all fields at their largest",
            all.sign(&DOMAIN, &key(9)),
        ),
        (
            "split, one to one",
            split(vec![payment(2, 60)]).sign(&DOMAIN, &key(1)),
        ),
        (
            "split, one to two",
            split(vec![payment(2, 59), payment(1, 1)]).sign(&DOMAIN, &key(1)),
        ),
        (
            "split, one to three",
            split((1..4).map(|i| payment(i, 20)).collect()).sign(&DOMAIN, &key(4)),
        ),
        ("merge, two to one", merge.sign(&DOMAIN, &key(1))),
        ("fund, ETH", fund.unsigned()),
        ("fund, token, last deposit number", token_fund.unsigned()),
    ]
}

fn transactions() -> Value {
    let all = signed_transactions();
    let owner = |signed: &SignedTransaction| {
        signed
            .clone()
            .authenticate(&DOMAIN)
            .expect("the vectors are well-formed")
            .owner()
            .to_string()
    };
    let digest = |signed: &SignedTransaction| match signed.transaction.kind {
        Kind::Fund => Hash::ZERO,
        _ => signed.transaction.signing_digest(&DOMAIN),
    };
    let rlp = |signed: &SignedTransaction| match signed.transaction.kind {
        Kind::Split | Kind::Merge => hex(&legacy::encode_signed(signed)),
        Kind::Fund | Kind::Transfer => "0x".into(),
    };
    let column = |cell: &dyn Fn(&SignedTransaction) -> String| -> Vec<String> {
        all.iter().map(|(_, signed)| cell(signed)).collect()
    };
    json!({
        "name": all.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "kind": all.iter().map(|(_, signed)| signed.transaction.kind.byte()).collect::<Vec<_>>(),
        "asset": column(&|signed| signed.transaction.asset.to_string()),
        "expiry": all.iter().map(|(_, signed)| signed.transaction.expiry.0).collect::<Vec<_>>(),
        "bytes": column(&|signed| hex(&signed.encode())),
        "content": column(&|signed| hex(&signed.transaction.encode())),
        "id": column(&|signed| signed.id().to_string()),
        "leaf": column(&|signed| signed.leaf().to_string()),
        "digest": column(&|signed| digest(signed).to_string()),
        "owner": column(&owner),
        "legacy_rlp": column(&rlp),
    })
}

/// Leaf number i is keccak("plasma/test/leaf/" ‖ i as four bytes).
pub(crate) fn leaf(index: u32) -> Hash {
    keccak(&[b"plasma/test/leaf/", &index.to_be_bytes()])
}

struct Proof {
    count: u32,
    index: u32,
    leaf: Hash,
    root: Hash,
    proof: Vec<Hash>,
}

fn proofs(counts: &[u32], leaf: impl Fn(u32) -> Hash) -> Vec<Proof> {
    let mut all = Vec::new();
    for count in counts {
        let leaves: Vec<Hash> = (0..*count).map(&leaf).collect();
        let chosen = (0..*count).filter(|index| *count < 10 || [0, 1, 500, count - 1].contains(index));
        for index in chosen {
            let at = usize::try_from(index).expect("a small index");
            let proof = merkle::proof(&leaves, at);
            all.push(Proof {
                count: *count,
                index,
                leaf: leaves[at],
                root: merkle::root(&leaves),
                proof,
            });
        }
    }
    all
}

fn proof_columns(all: &[Proof]) -> Value {
    let joined = |proof: &Proof| hex(&proof.proof.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
    json!({
        "count": all.iter().map(|proof| proof.count).collect::<Vec<_>>(),
        "index": all.iter().map(|proof| proof.index).collect::<Vec<_>>(),
        "leaf": all.iter().map(|proof| proof.leaf.to_string()).collect::<Vec<_>>(),
        "root": all.iter().map(|proof| proof.root.to_string()).collect::<Vec<_>>(),
        "proof": all.iter().map(joined).collect::<Vec<_>>(),
    })
}

fn merkle() -> Value {
    proof_columns(&proofs(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 1000], leaf))
}

/// Block h has h transactions under the root `leaf(h)` and L1 origin 100 + h; block 0 is the constant leaf.
pub(crate) fn history_leaf(height: u32) -> Hash {
    let root = if height == 0 { merkle::PAD } else { leaf(height) };
    history::leaf(Height(height), height, root, L1Height(100 + u64::from(height)))
}

fn history() -> Value {
    let heights: Vec<u32> = (0..9).collect();
    let roots = heights
        .iter()
        .map(|height| if *height == 0 { merkle::PAD } else { leaf(*height) });
    json!({
        "leaves": {
            "height": heights,
            "transaction_count": heights,
            "transactions_root": roots.map(|root| root.to_string()).collect::<Vec<_>>(),
            "l1_height": heights.iter().map(|height| 100 + height).collect::<Vec<_>>(),
            "leaf": heights.iter().map(|height| history_leaf(*height).to_string()).collect::<Vec<_>>(),
        },
        "proofs": proof_columns(&proofs(&[1, 2, 3, 4, 5, 6, 7, 8, 9], history_leaf)),
    })
}

pub(crate) fn header(height: u32) -> Header {
    let leaves: Vec<Hash> = (0..=height).map(history_leaf).collect();
    Header {
        height: Height(height),
        transaction_count: height,
        parent: plasma_core::BlockId(keccak(&[b"plasma/test/parent"])),
        transactions_root: if height == 0 { merkle::PAD } else { leaf(height) },
        history_root: merkle::root(&leaves),
        output_commitment: keccak(&[b"plasma/test/outputs"]),
        l1_height: L1Height(100 + u64::from(height)),
        l1_hash: keccak(&[b"plasma/test/l1"]),
        timestamp_ms: Millis(1_700_000_000_000),
    }
}

fn headers() -> Value {
    let all: Vec<Header> = [0, 1, 8].map(header).to_vec();
    json!({
        "bytes": all.iter().map(|header| hex(&header.encode())).collect::<Vec<_>>(),
        "height": all.iter().map(|header| header.height.0).collect::<Vec<_>>(),
        "history_root": all.iter().map(|header| header.history_root.to_string()).collect::<Vec<_>>(),
        "id": all.iter().map(|header| header.id().to_string()).collect::<Vec<_>>(),
        "l1_hash": all.iter().map(|header| header.l1_hash.to_string()).collect::<Vec<_>>(),
        "l1_height": all.iter().map(|header| header.l1_height.0).collect::<Vec<_>>(),
        "output_commitment": all.iter().map(|header| header.output_commitment.to_string()).collect::<Vec<_>>(),
        "parent": all.iter().map(|header| header.parent.to_string()).collect::<Vec<_>>(),
        "timestamp_ms": all.iter().map(|header| header.timestamp_ms.0).collect::<Vec<_>>(),
        "transaction_count": all.iter().map(|header| header.transaction_count).collect::<Vec<_>>(),
        "transactions_root": all.iter().map(|header| header.transactions_root.to_string()).collect::<Vec<_>>(),
    })
}
