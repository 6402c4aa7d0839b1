//! The BLS part of the vectors: two committees, digests of every tag, and certificates good and bad.

use plasma_core::{
    Address, Bitmap, BlockId, Certificate, Committee, Epoch, Hash, Member, OperatorIndex, SecretKey,
    Signature, View, bls, keccak, quorum,
};
use serde_json::{Value, json};

use super::{DOMAIN, header, hex, key, token};

const VIEW: View = View(77);

/// Operator number i: its BLS seed is keccak("plasma/test/operator/" ‖ i).
pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&seed(number))
}

fn seed(number: u8) -> [u8; 32] {
    keccak(&[b"plasma/test/operator/", &[number]]).0
}

fn operator(number: u8) -> Address {
    key(100 + number).address()
}

/// The committee of the first `size` operators in epoch 0.
pub(crate) fn committee(size: u8) -> Committee {
    let members = (0..size).map(|number| Member {
        operator: operator(number),
        key: secret(number).public(),
        peer: plasma_core::Peer(keccak(&[b"plasma/test/peer/", &[number]])),
    });
    Committee::new(Epoch(0), members.collect()).expect("distinct members")
}

pub(crate) fn bls() -> Value {
    json!({
        "certificates": certificates(),
        "committee_4": committee_columns(4),
        "committee_16": committee_columns(16),
        "digests": digests(),
        "generator": generator(),
    })
}

fn committee_columns(size: u8) -> Value {
    let numbers: Vec<u8> = (0..size).collect();
    let committee = committee(size);
    let column =
        |cell: &dyn Fn(u8) -> String| -> Vec<String> { numbers.iter().map(|number| cell(*number)).collect() };
    let digest = |number: u8| DOMAIN.possession(&operator(number), &secret(number).public());
    let possession = |number: u8| secret(number).sign(&digest(number));
    let keys: Vec<_> = numbers.iter().map(|number| secret(*number).public()).collect();
    let sum = bls::aggregate_keys(&keys).expect("independent keys");
    json!({
        "size": size,
        "quorum": quorum(size.into()),
        "hash": committee.hash().to_string(),
        "operator": column(&|number| operator(number).to_string()),
        "operator_secret": column(&|number| hex(&key(100 + number).to_bytes())),
        "peer": committee.members().map(|(_, member)| member.peer.0.to_string()).collect::<Vec<_>>(),
        "seed": column(&|number| hex(&seed(number))),
        "secret": column(&|number| hex(&secret(number).to_bytes())),
        "key": column(&|number| secret(number).public().to_string()),
        "key_uncompressed": column(&|number| uncompressed_key(&secret(number).public())),
        "possession_digest": column(&|number| digest(number).to_string()),
        "possession": column(&|number| possession(number).to_string()),
        "possession_uncompressed": column(&|number| uncompressed(&possession(number))),
        "sum": sum.to_string(),
        "sum_uncompressed": uncompressed_key(&sum),
    })
}

fn uncompressed_key(key: &bls::PublicKey) -> String {
    hex(&key.to_uncompressed().expect("a key"))
}

fn uncompressed(signature: &Signature) -> String {
    hex(&signature.to_uncompressed().expect("a signature"))
}

/// The negated generator of G1, which a pairing check compares with.
fn generator() -> Value {
    let one = SecretKey::from_bytes(&small(1)).expect("one").public();
    json!({ "key": one.to_string(), "key_uncompressed": uncompressed_key(&one) })
}

fn small(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = number;
    bytes
}

fn digests() -> Value {
    let (epoch, block) = (Epoch(3), header(8).id());
    let content = committee(4).hash();
    json!({
        "epoch": epoch.0,
        "view": VIEW.0,
        "parent_view": 76,
        "block": block.to_string(),
        "content": content.to_string(),
        "token": token().to_string(),
        "notarize": DOMAIN.notarize(epoch, VIEW, View(76), block).to_string(),
        "nullify": DOMAIN.nullify(epoch, VIEW).to_string(),
        "finalize": DOMAIN.finalize(epoch, VIEW, block).to_string(),
        "committee_change": DOMAIN.committee_change(epoch, VIEW.0, content).to_string(),
        "status": DOMAIN.status(epoch, content).to_string(),
        "token_admission": DOMAIN.token_admission(epoch, VIEW.0, &token()).to_string(),
    })
}

struct Named {
    name: &'static str,
    size: u8,
    certificate: Certificate,
}

/// A certificate on header 8 with the signatures of `signers` and a bitmap that claims `claimed`.
fn certificate(signers: &[u8], claimed: &[u8]) -> Certificate {
    let block = header(8).id();
    let digest = DOMAIN.finalize(Epoch(0), VIEW, block);
    let signatures: Vec<Signature> = signers
        .iter()
        .map(|number| secret(*number).sign(&digest))
        .collect();
    Certificate {
        epoch: Epoch(0),
        view: VIEW,
        block,
        signers: claimed
            .iter()
            .map(|number| OperatorIndex((*number).into()))
            .collect::<Bitmap>(),
        signature: bls::aggregate(&signatures).expect("signatures"),
    }
}

fn named_certificates() -> Vec<Named> {
    let mut all = Vec::new();
    for size in [4u8, 16] {
        let everyone: Vec<u8> = (0..size).collect();
        let q = quorum(size.into());
        let (some, few) = (&everyone[everyone.len() - q..], &everyone[..q - 1]);
        let first: Vec<u8> = everyone[..q].to_vec();
        let another = BlockId(Hash([0xbb; 32]));
        let mut push = |name, certificate| {
            all.push(Named {
                name,
                size,
                certificate,
            })
        };
        push("all signed", certificate(&everyone, &everyone));
        push("a quorum signed, the last operators", certificate(some, some));
        push("one less than a quorum", certificate(few, few));
        push("claims an operator that did not sign", certificate(few, &first));
        push("hides an operator that signed", certificate(&everyone, &first));
        push(
            "about another block",
            Certificate {
                block: another,
                ..certificate(&everyone, &everyone)
            },
        );
        push(
            "about another view",
            Certificate {
                view: View(78),
                ..certificate(&everyone, &everyone)
            },
        );
        push("no bits", certificate(&everyone, &[]));
    }
    all
}

fn certificates() -> Value {
    let all = named_certificates();
    let error = |named: &Named| match named.certificate.verify(&DOMAIN, &committee(named.size)) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    };
    let column = |cell: &dyn Fn(&Named) -> String| -> Vec<String> { all.iter().map(cell).collect() };
    json!({
        "name": column(&|named| named.name.into()),
        "committee_size": all.iter().map(|named| named.size).collect::<Vec<_>>(),
        "header": column(&|_| hex(&header(8).encode())),
        "epoch": all.iter().map(|named| named.certificate.epoch.0).collect::<Vec<_>>(),
        "view": all.iter().map(|named| named.certificate.view.0).collect::<Vec<_>>(),
        "block": column(&|named| named.certificate.block.to_string()),
        "digest": column(&|named| named.certificate.digest(&DOMAIN).to_string()),
        "bitmap": column(&|named| named.certificate.signers.to_u128().to_string()),
        "signature": column(&|named| named.certificate.signature.to_string()),
        "signature_uncompressed": column(&|named| uncompressed(&named.certificate.signature)),
        "bytes": column(&|named| hex(&named.certificate.to_bytes())),
        "valid": all.iter().map(|named| error(named).is_empty()).collect::<Vec<_>>(),
        "error": column(&error),
    })
}
