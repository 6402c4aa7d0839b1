//! `abi/*.json` is what the pinned compiler writes from `contracts/*.sol`, byte for byte.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const INSTALL: &str = "node contracts-abi/build.mjs --install";

#[test]
fn committed_files_equal_what_the_compiler_writes() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contracts");
    let output = Command::new(forge(home))
        .current_dir(home)
        .args(["build", "contracts", "--out"])
        .arg(written.join("out"))
        .arg("--cache-path")
        .arg(written.join("cache"))
        .output()
        .unwrap_or_else(|error| panic!("forge does not start ({error}); install it: {INSTALL}"));
    assert!(
        output.status.success(),
        "forge build failed; if the compiler is missing: {INSTALL}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    for contract in ["Federation", "ExitGame", "InFlightExits", "Vault", "FraudProofs"] {
        let committed = read(&home.join(format!("abi/{contract}.json")));
        let fresh = read(&written.join(format!("out/{contract}.sol/{contract}.json")));
        let message = format!("abi/{contract}.json is stale; write it again: node contracts-abi/build.mjs");
        assert_eq!(committed["abi"], fresh["abi"], "{message}");
        assert_eq!(committed["bytecode"], fresh["bytecode"]["object"], "{message}");
        assert_eq!(committed["runtimeHash"], runtime_hash(&fresh), "{message}");
    }
}

/// `npm install` leaves out platforms whose package its registry does not offer, and `npm ci` then refuses the lock
/// file everywhere. Such entries are written by hand, without the integrity that could not be looked up.
#[test]
fn the_lock_file_names_every_platform_and_no_registry() {
    let lock = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("package-lock.json"));
    let packages = lock["packages"].as_object().unwrap();
    for (place, package) in packages {
        assert_eq!(package["resolved"], Value::Null, "{place}");
        for (name, version) in package["optionalDependencies"].as_object().into_iter().flatten() {
            let found = &packages
                .get(&format!("node_modules/{name}"))
                .unwrap_or(&Value::Null)["version"];
            assert_eq!(found, version, "{name} is missing in package-lock.json");
        }
    }
}

fn forge(home: &Path) -> PathBuf {
    let local = home.join("node_modules/.bin/forge");
    if local.exists() {
        return local;
    }
    env::var_os("PATH")
        .and_then(|path| {
            env::split_paths(&path)
                .map(|folder| folder.join("forge"))
                .find(|file| file.exists())
        })
        .unwrap_or_else(|| {
            panic!("forge is neither in contracts-abi/node_modules nor in PATH; install it: {INSTALL}")
        })
}

fn read(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn runtime_hash(fresh: &Value) -> Value {
    let code = fresh["deployedBytecode"]["object"]
        .as_str()
        .expect("an artifact holds its code");
    let code = ethers_core::utils::hex::decode(code).expect("code is hexadecimal");
    Value::String(format!(
        "0x{}",
        ethers_core::utils::hex::encode(ethers_core::utils::keccak256(code))
    ))
}
