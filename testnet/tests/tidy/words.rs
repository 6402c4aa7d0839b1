//! Words that must not stand in the code of a pure room, and names that nothing in the house may have.

use super::tree::{Source, has_word, sources};

/// A room and what its product code must not name.
const ROOMS: [(&[&str], &[&str]); 6] = [
    (
        &["node/src/intake.rs", "node/src/intake/"],
        &["async", "tokio", "thread", "Mutex", "Instant::now", "std::fs"],
    ),
    (
        &["node/src/operator.rs", "node/src/operator/"],
        &[
            "async",
            "tokio",
            "Instant::now",
            "SystemTime",
            "std::fs",
            "std::env",
            "ethers",
            "ethers_core",
            "libp2p",
        ],
    ),
    (
        &["core/src/"],
        &[
            "Instant",
            "SystemTime",
            "std::fs",
            "std::env",
            "std::net",
            "HashMap",
            "HashSet",
            "async",
            "unsafe",
        ],
    ),
    (
        &["consensus/src/"],
        &[
            "Instant",
            "SystemTime",
            "std::fs",
            "std::env",
            "std::net",
            "HashMap",
            "HashSet",
            "async",
            "unsafe",
            "SignedTransaction",
            "AuthenticTransaction",
            "AuthenticBlock",
            "L1Event",
            "ledger::apply",
        ],
    ),
    (
        &["network/src/"],
        &[
            "SignedTransaction",
            "AuthenticTransaction",
            "AuthenticBlock",
            "Header",
            "Certificate",
            "L1Event",
            "plasma_consensus",
        ],
    ),
    (
        &["node/src/api/", "node/src/api.rs"],
        &["bridge", "operator::Operator"],
    ),
];

#[test]
fn pure_rooms_do_not_name_the_world() {
    let sources = sources(&[".rs"]);
    let mut broken = Vec::new();
    for (places, words) in ROOMS {
        for source in sources
            .iter()
            .filter(|source| places.iter().any(|place| source.path.starts_with(place)))
        {
            let code = source.product_code();
            broken.extend(
                words
                    .iter()
                    .filter(|word| has_word(&code, word))
                    .map(|word| format!("{}: {word}", source.path)),
            );
        }
    }
    assert!(broken.is_empty(), "forbidden words:\n{}", broken.join("\n"));
}

#[test]
fn no_work_is_left_as_a_note_in_the_code() {
    let notes = ["TODO", "FIXME", "XXX", "todo!", "unimplemented!"];
    let own = |source: &Source| source.path.ends_with("tidy/words.rs");
    let noted = |source: &Source| notes.iter().any(|note| has_word(&source.text, note));
    let found: Vec<String> = sources(&[".rs", ".sol"])
        .into_iter()
        .filter(|one| !own(one) && noted(one))
        .map(|one| one.path)
        .collect();
    assert!(found.is_empty(), "unfinished: {found:?}");
}
