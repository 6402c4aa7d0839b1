//! Keystores of others are read, ours survive, and what a file asks for is bounded.

use std::path::Path;

use super::{Kdf, Secret, Web3Keystore};

/// The test vector of the definition's own page: pbkdf2.
const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
"kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

/// A file of go-ethereum's own tests (`accounts/keystore/testdata/very-light-scrypt.json`), without a password.
const SCRYPT: &str = r#"{"address":"45dea0fb0bba44f4fcf290bba71fd57d7117cbb8","crypto":{"cipher":"aes-128-ctr",
"ciphertext":"b87781948a1befd247bff51ef4063f716cf6c2d3481163e9a8f42e1f9bb74145",
"cipherparams":{"iv":"dc4926b48a105133d2f16b96833abf1e"},"kdf":"scrypt",
"kdfparams":{"dklen":32,"n":2,"p":1,"r":8,"salt":"004244bbdc51cadda545b1cfa43cff9ed2ae88e08c61f1479dbb45410722f8f0"},
"mac":"39990c1684557447940d4c69e06b1b82b2aceacb43f284df65c956daf3046b85"},"id":"ce541d8d-c79b-40f8-9f8c-20f59616faba","version":3}"#;

/// What the first holds, under `testpassword`.
const SECRET: [u8; 32] = [
    0x7a, 0x28, 0xb5, 0xba, 0x57, 0xc5, 0x36, 0x03, 0xb0, 0xb0, 0x7b, 0x56, 0xbb, 0xa7, 0x52, 0xf7, 0x78,
    0x4b, 0xf5, 0x06, 0xfa, 0x95, 0xed, 0xc3, 0x95, 0xf5, 0xcf, 0x6c, 0x75, 0x14, 0xfe, 0x9d,
];

fn read(text: &str) -> Web3Keystore {
    serde_json::from_str(text).unwrap()
}

fn opened(text: &str, password: &str) -> Result<Secret, super::KeyFileError> {
    read(text).open(password, Path::new("key.json"))
}

#[test]
fn keystores_of_others_are_opened() {
    assert_eq!(opened(PBKDF2, "testpassword").unwrap().expose(), &SECRET);
    // Its key is that of the address that it names, or it would not open.
    opened(SCRYPT, "").unwrap();
    for text in [PBKDF2, SCRYPT] {
        let error = opened(text, "testpasswort").unwrap_err().to_string();
        assert!(error.contains("password does not open key.json"), "{error}");
    }
}

#[test]
fn a_sealed_key_is_opened_by_its_password_and_names_its_address() {
    let secret = Secret::new([7; 32]);
    let sealed = Web3Keystore::seal_at(&secret, "quite secret", 4).unwrap();
    let text = serde_json::to_string(&sealed).unwrap();
    assert_eq!(opened(&text, "quite secret").unwrap().expose(), secret.expose());
    let key = plasma_core::SigningKey::from_bytes(secret.expose()).unwrap();
    assert_eq!(read(&text).address(), Some(key.address()));
    assert!(!text.contains(&super::bare(secret.expose())));
}

#[test]
fn ours_cost_as_much_as_geths() {
    let sealed = Web3Keystore::seal(&Secret::new([7; 32]), "x").unwrap();
    let Kdf::Scrypt { n, r, p, dklen, .. } = sealed.crypto.kdf else {
        panic!("{sealed:?}");
    };
    assert_eq!((n, r, p, dklen), (262_144, 8, 1, 32));
}

#[test]
fn what_a_file_asks_for_is_bounded_and_named() {
    for (from, to, field) in [
        ("\"n\":2,", "\"n\":4398046511104,", "n = 4398046511104"),
        ("\"n\":2,", "\"n\":262143,", "n = 262143"),
        ("\"p\":1", "\"p\":4000000000", "p = 4000000000"),
        ("\"dklen\":32", "\"dklen\":64", "dklen = 64"),
        ("dc4926b48a105133d2f16b96833abf1e", "zz", "cipherparams.iv"),
        ("39990c168455", "xyz", "mac"),
    ] {
        let text = SCRYPT.replace(from, to);
        let error = opened(&text, "").unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
    let text = PBKDF2.replace("\"c\":262144", "\"c\":4294967295");
    assert!(
        opened(&text, "testpassword")
            .unwrap_err()
            .to_string()
            .contains("c = 4294967295")
    );
}

#[test]
fn a_keystore_that_names_another_address_is_refused() {
    let sealed = Web3Keystore::seal_at(&Secret::new([7; 32]), "x", 4).unwrap();
    let own = sealed.address.clone().unwrap();
    let text = serde_json::to_string(&sealed)
        .unwrap()
        .replace(&own, &own.replace(['0', '1', '2'], "3"));
    assert!(
        opened(&text, "x")
            .unwrap_err()
            .to_string()
            .contains("address = 0x"),
        "a file must not show one account and sign for another"
    );
}
