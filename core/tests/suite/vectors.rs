//! Shared vectors: the generated file is fresh, an independent EIP-712 signer agrees, and so does the seed.

use plasma_core::{
    Address, Amount, BlockId, Domain, Hash, Header, Height, Kind, Position, SignedTransaction, SigningKey,
    TransactionError, keccak, legacy, signature, typed_data,
};
use serde_json::Value;

use super::document;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("0x").unwrap();
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    unhex(text(value)).try_into().unwrap()
}

#[test]
fn the_shared_file_is_what_the_code_prints() {
    let file = parse(include_str!("../vectors/protocol.json"));
    assert_eq!(
        file,
        document::document(),
        "run: cargo run -q -p plasma-core --example vectors > core/tests/vectors/protocol.json"
    );
}

#[test]
fn an_independent_signer_agrees_on_every_transfer() {
    let file = parse(include_str!("../vectors/eip712.json"));
    let domain = Domain {
        chain_id: file["chain_id"].as_u64().unwrap(),
        contract: Address(bytes(&file["contract"])),
    };
    assert_eq!(
        typed_data::domain_separator(&domain),
        Hash(bytes(&file["separator"]))
    );
    let rows = &file["transfers"];
    let count = rows["name"].as_array().unwrap().len();
    assert_eq!(count, 5);
    for row in 0..count {
        let encoded = unhex(text(&rows["bytes"][row]));
        let signed = SignedTransaction::decode(&encoded).unwrap();
        assert_eq!(signed.encode(), encoded);
        assert_eq!(signed.transaction.kind, Kind::Transfer);
        assert_eq!(signed.transaction.encode(), unhex(text(&rows["content"][row])));
        assert_eq!(signed.id().0, Hash(bytes(&rows["id"][row])));
        assert_eq!(signed.leaf(), Hash(bytes(&rows["leaf"][row])));
        assert_eq!(
            signed.transaction.signing_digest(&domain),
            Hash(bytes(&rows["digest"][row]))
        );
        let key = SigningKey::from_bytes(&bytes(&rows["key"][row])).unwrap();
        assert_eq!(
            signed.transaction.clone().sign(&domain, &key),
            signed,
            "both sign by RFC 6979"
        );
        let owner = Address(bytes(&rows["owner"][row]));
        assert_eq!(key.address(), owner);
        assert_eq!(signed.authenticate(&domain).unwrap().owner(), owner);
    }
}

#[test]
fn the_seeds_transactions_convert_and_keep_their_signer() {
    let file = parse(include_str!("../vectors/seed.json"));
    let mut converted = 0;
    for vector in file["transactions"].as_array().unwrap() {
        let rlp = unhex(text(&vector["signedRLP"]));
        let (name, kind) = (text(&vector["name"]), vector["type"].as_u64().unwrap());
        if kind == 4 || name.starts_with("split max indexes") {
            assert!(legacy::decode_signed(&rlp).is_err(), "{name}");
            continue;
        }
        let signed = legacy::decode_signed(&rlp).unwrap();
        assert_eq!(u64::from(signed.transaction.kind.byte()), kind, "{name}");
        assert_eq!(legacy::encode_signed(&signed), rlp, "{name}");
        let unsigned = legacy::signing_rlp(&signed.transaction);
        assert_eq!(unsigned, unhex(text(&vector["unsignedRLP"])), "{name}");
        assert_eq!(
            signed.transaction.signing_digest(&document::DOMAIN),
            Hash(bytes(&vector["unsignedPersonalHash"])),
            "{name}"
        );
        for (input, named) in signed
            .transaction
            .inputs
            .iter()
            .zip(vector["inputs"].as_array().unwrap())
        {
            assert_eq!(input.position.pack().to_string(), text(&named["utxoNumber"]));
            assert_eq!(input.amount.to_string(), text(&named["amount"]));
        }
        for (payment, named) in signed
            .transaction
            .outputs
            .iter()
            .zip(vector["outputs"].as_array().unwrap())
        {
            assert_eq!(payment.owner, Address(bytes(&named["to"])));
            assert_eq!(payment.amount.to_string(), text(&named["amount"]));
        }
        let key = SigningKey::from_bytes(&bytes(&vector["privateKey"])).unwrap();
        assert_eq!(
            signed.transaction.clone().sign(&document::DOMAIN, &key),
            signed,
            "{name}"
        );
        let own = SignedTransaction::decode(&signed.encode()).unwrap();
        let authentic = own.authenticate(&document::DOMAIN).unwrap();
        assert_eq!(authentic.owner(), Address(bytes(&vector["signer"])), "{name}");
        converted += 1;
    }
    assert_eq!(converted, 5);
}

#[test]
fn every_changed_byte_of_the_seeds_template_is_refused_or_changes_a_field() {
    let file = parse(include_str!("../vectors/seed.json"));
    for vector in file["transactions"].as_array().unwrap() {
        let rlp = unhex(text(&vector["signedRLP"]));
        let Ok(original) = legacy::decode_signed(&rlp) else {
            continue;
        };
        for at in 0..rlp.len() {
            for flip in [0x01, 0x80] {
                let mut changed = rlp.clone();
                changed[at] ^= flip;
                if let Ok(signed) = legacy::decode_signed(&changed) {
                    assert_ne!(signed, original, "byte {at} is not covered");
                    assert_eq!(legacy::encode_signed(&signed), changed);
                }
            }
        }
        for wrong in [&rlp[1..], &rlp[..rlp.len() - 1], &[&rlp[..], &[0]].concat(), &[]] {
            assert!(legacy::decode_signed(wrong).is_err());
        }
    }
}

#[test]
fn the_seeds_merge_of_one_output_twice_is_refused_here() {
    let key = document::key(1);
    let (_, merge) = document::signed_transactions()
        .into_iter()
        .find(|(name, _)| name.starts_with("merge"))
        .unwrap();
    let mut transaction = merge.transaction;
    transaction.inputs[1] = transaction.inputs[0];
    transaction.outputs[0].amount = Amount::from(10);
    let rlp = legacy::encode_signed(&transaction.sign(&document::DOMAIN, &key));
    let signed = legacy::decode_signed(&rlp).unwrap();
    assert!(matches!(
        signed.transaction.check(),
        Err(TransactionError::InputRepeated {
            first: 0,
            second: 1,
            ..
        })
    ));
}

#[test]
fn the_seeds_hashes_numbers_and_header_prefix_are_ours() {
    let file = parse(include_str!("../vectors/seed.json"));
    for vector in file["personalHashes"].as_array().unwrap() {
        let message = unhex(text(&vector["message"]));
        assert_eq!(legacy::personal_digest(&message), Hash(bytes(&vector["hash"])));
    }
    for vector in file["utxoNumbers"].as_array().unwrap() {
        let number = |name: &str| u32::try_from(vector[name].as_u64().unwrap()).unwrap();
        let position = Position {
            block: Height(number("blockNumber")),
            transaction: number("txNumber"),
            output: u8::try_from(number("outputNumber")).unwrap(),
        };
        assert_eq!(position.pack().to_string(), text(&vector["utxoNumber"]));
        assert_eq!(Position::unpack(position.pack()), Some(position));
    }
    for vector in file["headers"].as_array().unwrap() {
        let number = |name: &str| u32::try_from(vector[name].as_u64().unwrap()).unwrap();
        let header = Header {
            height: Height(number("blockNumber")),
            transaction_count: number("numberOfTransactions"),
            parent: BlockId(Hash(bytes(&vector["parentHash"]))),
            transactions_root: Hash(bytes(&vector["merkleRoot"])),
            ..Header::default()
        };
        assert_eq!(header.encode()[..72], unhex(text(&vector["unsignedHeader"])));
    }
}

#[test]
fn signatures_have_one_form() {
    let (key, digest) = (document::key(1), keccak(&[b"message"]));
    let good = key.sign_digest(&digest);
    assert_eq!(signature::recover(&digest, &good), Ok(key.address()));
    let mut other_v = good;
    other_v[64] ^= 27 ^ 28;
    assert_ne!(signature::recover(&digest, &other_v), Ok(key.address()));
    for v in (0..=u8::MAX).filter(|v| ![27, 28].contains(v)) {
        let mut wrong = good;
        wrong[64] = v;
        assert_eq!(
            signature::recover(&digest, &wrong),
            Err(signature::SignatureError::RecoveryByte(v))
        );
    }
    let mut too_large = good;
    too_large[..32].fill(0xff);
    assert_eq!(
        signature::recover(&digest, &too_large),
        Err(signature::SignatureError::Range)
    );
}

#[test]
fn secrets_do_not_show_themselves() {
    let key = document::key(1);
    let secret = document::hex(&key.to_bytes());
    assert!(!format!("{key:?}").contains(&secret[2..]));
    let bls = plasma_core::SecretKey::from_seed(&[7; 32]);
    let secret = document::hex(&bls.to_bytes());
    assert!(!format!("{bls:?}").contains(&secret[2..]));
}
