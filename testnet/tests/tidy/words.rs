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

/// Where a node's voting key may be named: made and read for people, handed to consensus, and what signs beside votes.
const KEY_ROOMS: [&str; 5] = [
    "node/src/cli/keys.rs",
    "node/src/cli/committee.rs",
    "node/src/runtime/start.rs",
    "node/src/change.rs",
    PLEDGE,
];
/// The one file of the node in which the voting key signs; votes are signed by consensus, after the log.
const PLEDGE: &str = "node/src/pledge.rs";

#[test]
fn the_voting_key_signs_nothing_but_votes_and_pledges() {
    let node: Vec<Source> = sources(&[".rs"])
        .into_iter()
        .filter(|source| source.path.starts_with("node/src/") && !source.path.ends_with("/tests.rs"))
        .collect();
    let is_of_the_key = |source: &Source| has_word(&source.product_code(), "SecretKey");
    let named: Vec<&str> = node
        .iter()
        .filter(|source| is_of_the_key(source) && !KEY_ROOMS.contains(&source.path.as_str()))
        .map(|source| source.path.as_str())
        .collect();
    assert!(named.is_empty(), "the voting key is named in {named:?}");
    let signing: Vec<String> = node
        .iter()
        .filter(|source| source.path != PLEDGE)
        .flat_map(|source| signatures(&source.path, &source.product_code()))
        .collect();
    assert!(
        signing.is_empty(),
        "signed outside of {PLEDGE}:\n{}",
        signing.join("\n")
    );
    let pledge = node.iter().find(|source| source.path == PLEDGE);
    let pledges = pledge.map(|source| signatures(PLEDGE, &source.product_code()).len());
    assert_eq!(pledges, Some(3), "possession, change and readiness");
}

/// The lines of some code in which a key signs; an Ethereum account signs its transactions.
fn signatures(path: &str, code: &str) -> Vec<String> {
    let signs = |line: &&str| {
        let line = line.replace("account.sign(", "");
        // A call that is broken before its dot counts too: whose it is stands elsewhere.
        line.contains(".sign(") || line.contains("::sign(")
    };
    code.lines()
        .filter(signs)
        .map(|line| format!("{path}: {}", line.trim()))
        .collect()
}

#[test]
fn a_signature_is_found_however_it_is_written() {
    for line in [
        "key.sign(&digest)",
        "    .sign(&digest)",
        "SecretKey::sign(&key, &digest)",
    ] {
        assert_eq!(signatures("x.rs", line).len(), 1, "{line}");
    }
    let others = "self.account.sign(call, &terms)?;\nsigned(x)\n";
    assert!(signatures("x.rs", others).is_empty());
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
