//! The contracts that only this harness deploys, as forge left them in `contracts-abi/out`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What the harness needs beside the contracts of a federation.
const SOURCES: [&str; 2] = ["test/support/Law.sol", "test/support/Tokens.sol"];

/// Brings the artifacts up to date; forge compiles only what changed.
pub(crate) fn build() {
    let forge = house().join("forge");
    let done = Command::new(&forge)
        .arg("build")
        .args(SOURCES)
        .current_dir(house())
        .output();
    let output = done.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; node contracts-abi/build.mjs --install",
            forge.display()
        )
    });
    assert!(
        output.status.success(),
        "forge build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Creation code of a contract of a file: from `out`, if that has it, or from where [`build`] wrote it.
pub(crate) fn code(out: Option<&Path>, file: &str, contract: &str) -> Vec<u8> {
    replacement(out, file, contract).unwrap_or_else(|| read(&path(&house().join("out"), file, contract)))
}

/// The same from `out` alone.
pub(crate) fn replacement(out: Option<&Path>, file: &str, contract: &str) -> Option<Vec<u8>> {
    let path = path(out?, file, contract);
    path.exists().then(|| read(&path))
}

fn path(out: &Path, file: &str, contract: &str) -> PathBuf {
    out.join(file).join(format!("{contract}.json"))
}

fn read(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let artifact: Value = serde_json::from_str(&text).expect("JSON of forge");
    let code = artifact["bytecode"]["object"].as_str().expect("creation code");
    revm::primitives::hex::decode(code).expect("linked code")
}

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts-abi")
}
