//! Crates depend downward only, and `core` and `consensus` know nothing beyond their list.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tree::{CRATES, cargo, normal_dependencies};

/// What each crate may use of ours.
const OURS: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("consensus", &["core"]),
    ("network", &["core"]),
    ("contracts-abi", &[]),
    ("node", &["core", "consensus", "network", "contracts-abi"]),
    // `law` only under the feature `sim`, for the EVM of simulated federations.
    ("testnet", &["core", "consensus", "contracts-abi", "node", "law"]),
    ("law", &["core", "contracts-abi", "node"]),
];

/// All that `core` and `consensus` may use of others.
const KNOWN: [(&str, &[&str]); 2] = [
    (
        "core",
        &[
            "k256",
            "tiny-keccak",
            "bls-signatures",
            "blstrs",
            "group",
            "blake3",
            "ruint",
            "serde",
            "thiserror",
            "zeroize",
        ],
    ),
    ("consensus", &["thiserror"]),
];

/// What must not be anywhere below a crate, however deep.
const NEVER: [(&str, &[&str]); 4] = [
    ("core", PURE),
    ("consensus", PURE),
    (
        "network",
        &["axum", "reqwest", "fjall", "ethers-core", "ethers-contract"],
    ),
    (
        "contracts-abi",
        &["tokio", "libp2p", "reqwest", "ethers-providers"],
    ),
];

const PURE: &[&str] = &[
    "tokio",
    "libp2p",
    "serde_json",
    "reqwest",
    "hyper",
    "ethers-core",
    "ethers-providers",
    "chrono",
];

#[test]
fn our_own_arrows_are_those_of_the_table() {
    let actual = normal_dependencies();
    let known: BTreeSet<&str> = actual.keys().map(String::as_str).collect();
    assert_eq!(known, CRATES.into(), "a crate that the table does not name");
    for (name, allowed) in OURS {
        let ours = actual[name].iter().filter(|one| CRATES.contains(&one.as_str()));
        let wrong: Vec<&String> = ours.filter(|one| !allowed.contains(&one.as_str())).collect();
        assert!(wrong.is_empty(), "{name} must not use {wrong:?}");
    }
}

#[test]
fn core_and_consensus_know_only_their_list() {
    let actual = normal_dependencies();
    for (name, known) in KNOWN {
        let foreign = actual[name].iter().filter(|one| !CRATES.contains(&one.as_str()));
        let unknown: Vec<&String> = foreign.filter(|one| !known.contains(&one.as_str())).collect();
        assert!(unknown.is_empty(), "{name} must not know {unknown:?}");
    }
}

#[test]
fn what_must_never_be_known_is_nowhere_below() {
    for (name, never) in NEVER {
        let package = format!("plasma-{name}");
        let tree = cargo(&[
            "tree",
            "--offline",
            "--package",
            &package,
            "--edges",
            "normal",
            "--prefix",
            "none",
        ]);
        let below: BTreeSet<&str> = tree
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let found: Vec<&&str> = never.iter().filter(|one| below.contains(*one)).collect();
        assert!(found.is_empty(), "{name} must never know {found:?}");
    }
}

/// `plasma` is built from `node` as it stands; only the testnet may ask for operators that lie.
#[test]
fn nothing_but_the_testnet_asks_for_the_lie() {
    let allowed = ["plasma-testnet/default", "plasma-testnet/forging"];
    assert_eq!(asking("forging"), allowed, "only the testnet may ask for it");
}

/// A disk that loses what was written is nothing to run on.
#[test]
fn nothing_but_tests_and_the_simulator_asks_for_the_disk_that_loses() {
    let allowed = ["plasma-node of \"plasma-node\"", "plasma-testnet/sim"];
    assert_eq!(
        asking("simulation"),
        allowed,
        "only tests and simulators may ask for it"
    );
}

/// Who asks for a feature of `node`: features as `package/feature`, dependencies as `package of dependency`.
fn asking(lie: &str) -> Vec<String> {
    let names_lie = |features: &Value| names_feature(features, lie);
    let metadata = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let mut asking = Vec::new();
    let mut has_lie = false;
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let features = package["features"].as_object().expect("features");
        has_lie |= name == "plasma-node" && features.contains_key(lie);
        let named = features.iter().filter(|(_, asked)| names_lie(asked));
        asking.extend(named.map(|(feature, _)| format!("{name}/{feature}")));
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        asking.extend(
            dependencies
                .iter()
                .filter(|one| names_lie(&one["features"]))
                .map(|one| format!("{name} of {}", one["name"])),
        );
    }
    assert!(has_lie, "{lie} has another name; look for that one");
    asking.sort();
    asking
}

/// Bugs that are there by name are for the simulator alone, and it for nobody who is not asked for it.
#[test]
fn nothing_but_the_simulator_asks_for_planted_bugs() {
    let metadata = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let mut asking = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        for (feature, asked) in package["features"].as_object().expect("features") {
            for wanted in asked.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if ["planted", "sim"].contains(&wanted.rsplit(['/', ':']).next().unwrap_or_default()) {
                    asking.push(format!("{name}/{feature} of {wanted}"));
                }
            }
        }
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            for wanted in dependency["features"].as_array().into_iter().flatten() {
                if wanted == "planted" || wanted == "sim" {
                    asking.push(format!("{name} of {}", dependency["name"]));
                }
            }
        }
    }
    asking.sort();
    let allowed = [
        "plasma-testnet/planted of plasma-core/planted",
        "plasma-testnet/planted of sim",
    ];
    assert_eq!(asking, allowed);
}

fn names_feature(features: &Value, wanted: &str) -> bool {
    let named = features
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    named
        .into_iter()
        .any(|one| one.rsplit(['/', ':']).next() == Some(wanted))
}
