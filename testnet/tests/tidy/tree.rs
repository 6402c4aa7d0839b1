//! What the other checks look at: the crates as cargo sees them, and the source files as they lie on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates of the house.
pub(crate) const CRATES: [&str; 7] = [
    "core",
    "consensus",
    "network",
    "contracts-abi",
    "node",
    "testnet",
    "law",
];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace")
        .to_path_buf()
}

/// Output of a cargo command that must succeed.
pub(crate) fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

/// Names of the normal (not dev, not build) dependencies of each of our crates, ours without their prefix.
pub(crate) fn normal_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| (short(&package["name"]), normal(package)))
        .collect()
}

fn normal(package: &Value) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    dependencies
        .iter()
        .filter(|one| one["kind"].is_null())
        .map(|one| short(&one["name"]))
        .collect()
}

fn short(name: &Value) -> String {
    let name = name.as_str().expect("a name");
    name.strip_prefix("plasma-").unwrap_or(name).to_owned()
}

/// A source file with its path from the root.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is part of a library or binary, and not of tests, benches, fuzzers or examples.
    pub(crate) fn is_product(&self) -> bool {
        self.path.contains("/src/") || self.path.contains("/contracts/")
    }

    /// The lines that the compiler reads: no blank ones, no comments.
    pub(crate) fn code_lines(&self) -> usize {
        let mut in_block = false;
        self.text
            .lines()
            .filter(|line| is_code(line.trim(), &mut in_block))
            .count()
    }

    /// The text without comments and without the unit tests at its end.
    pub(crate) fn product_code(&self) -> String {
        let product = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut in_block = false;
        product
            .lines()
            .filter(|line| is_code(line.trim(), &mut in_block))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn is_code(line: &str, in_block: &mut bool) -> bool {
    if *in_block {
        *in_block = !line.contains("*/");
        return false;
    }
    if line.starts_with("/*") {
        *in_block = !line.contains("*/");
        return false;
    }
    !line.is_empty() && !line.starts_with("//")
}

/// Every source file of the house with one of these endings.
pub(crate) fn sources(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for name in CRATES {
        walk(&root().join(name), endings, &mut found);
    }
    assert!(!found.is_empty(), "no sources below {}", root().display());
    found
}

fn walk(folder: &Path, endings: &[&str], found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the house") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !FOREIGN.contains(&name) {
            walk(&path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = std::fs::read_to_string(&path).expect("a readable source file");
            let path = path
                .strip_prefix(root())
                .expect("below the root")
                .display()
                .to_string();
            found.push(Source { path, text });
        }
    }
}

/// Folders with what others wrote or what tools made.
const FOREIGN: [&str; 5] = ["node_modules", "out", "cache", "target", "lib"];

/// Whether `word` stands in `text` by itself, not as a part of a longer name.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        ![before, after]
            .iter()
            .flatten()
            .any(|near| near.is_alphanumeric() || *near == '_')
    })
}

#[test]
fn a_word_is_not_found_inside_a_longer_one() {
    assert!(has_word("use tokio::sync;", "tokio"));
    assert!(!has_word("let tokios = 1;", "tokio"));
    assert!(!has_word("fn is_async_safe()", "async"));
}

#[test]
fn comments_and_blank_lines_are_not_code() {
    let text = "//! doc\n\nfn a() {} // tail\n/* block\n still */\n    /// doc\n".to_owned();
    assert_eq!(
        Source {
            path: "x".into(),
            text
        }
        .code_lines(),
        1
    );
}
