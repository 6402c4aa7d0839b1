//! The shape of every source file: its place, its length, its first line.

use super::tree::{Source, root, sources};

/// A file tells one thing; one that needs more lines of code tells two.
const CODE_LINES_MAX: usize = 400;

/// Everything that may stand at the root, besides the seven that make the project and dot files.
const SUPPORT: [&str; 9] = [
    "Cargo.lock",
    "LICENSE",
    "clippy.toml",
    "deny.toml",
    "docs",
    "law",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
];
const SEVEN: [&str; 7] = [
    "Cargo.toml",
    "README.md",
    "consensus",
    "contracts-abi",
    "core",
    "network",
    "node",
];

#[test]
fn the_top_level_holds_the_seven_and_support_files_only() {
    let entries = std::fs::read_dir(root()).expect("the root");
    let names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into())
        .collect();
    for name in SEVEN.iter().chain(&["testnet"]) {
        assert!(names.iter().any(|one| one == name), "{name} is missing");
    }
    let known = |name: &str| {
        name.starts_with('.') || name == "testnet" || SEVEN.contains(&name) || SUPPORT.contains(&name)
    };
    let strange: Vec<&String> = names.iter().filter(|name| !known(name)).collect();
    assert!(strange.is_empty(), "no place at the root for {strange:?}");
}

#[test]
fn every_rust_file_opens_with_its_story() {
    let silent: Vec<String> = sources(&[".rs"])
        .into_iter()
        .filter(|one| !one.text.starts_with("//!"))
        .map(|one| one.path)
        .collect();
    assert!(silent.is_empty(), "these do not open with `//!`: {silent:?}");
}

#[test]
fn every_contract_names_its_licence() {
    let contracts = sources(&[".sol"]);
    let silent: Vec<&str> = contracts
        .iter()
        .filter(|one| !one.text.starts_with("// SPDX-License-Identifier: Apache-2.0"))
        .map(|one| one.path.as_str())
        .collect();
    assert!(
        silent.is_empty(),
        "these do not open with their licence: {silent:?}"
    );
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = sources(&[".rs", ".sol"])
        .iter()
        .map(|source| (source, source.code_lines()))
        .filter(|(_, lines)| *lines > CODE_LINES_MAX)
        .map(|(source, lines)| format!("{} has {lines} lines of code", source.path))
        .collect();
    assert!(
        long.is_empty(),
        "longer than {CODE_LINES_MAX}:\n{}",
        long.join("\n")
    );
}

#[test]
fn modules_are_files_named_by_their_noun() {
    let empty: [&str; 5] = ["/mod.rs", "/util.rs", "/utils.rs", "/helpers.rs", "/common.rs"];
    let found: Vec<String> = sources(&[".rs"])
        .into_iter()
        .map(|source| source.path)
        .filter(|path| empty.iter().any(|name| path.ends_with(name)))
        .collect();
    assert!(found.is_empty(), "these name nothing: {found:?}");
}

#[test]
fn the_product_is_what_lies_in_src_and_contracts() {
    let is_product = |path: &str| {
        Source {
            path: path.into(),
            text: String::new(),
        }
        .is_product()
    };
    assert!(is_product("core/src/ledger.rs") && !is_product("core/tests/suite.rs"));
}
