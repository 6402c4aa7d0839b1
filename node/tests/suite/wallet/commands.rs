//! `plasma wallet` as scripts run it: no terminal, one document, and the exit codes that `plasma --help` tells.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use plasma_core::{EXPIRY_NEVER, Height, Input, Kind, Payment, Position, Transaction};
use plasma_node::{api::Code, wallet::papers::Paper};
use serde_json::Value;

use crate::suite::{
    chain::user,
    settings::{Folder, home, plasma},
    skip, strace,
};

/// A folder with a federation, a password, and the key of user 1 in a file.
fn desk(name: &str) -> (Folder, plasma_core::Genesis) {
    let (folder, genesis) = home(name);
    private(&folder.0.join("password"), "a password\n");
    let key: String = user(1)
        .to_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    private(&folder.0.join("key"), &key);
    (folder, genesis)
}

fn private(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn wallet(folder: &Folder, words: &[&str]) -> Output {
    let settings = [
        "--wallet-dir",
        "wallet",
        "--federation",
        "federation.toml",
        "--password-file",
        "password",
    ];
    plasma(&[&["wallet"], words, &settings].concat(), &folder.0)
}

fn document(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// A payment of user 1 that is not signed.
fn unsigned(folder: &Folder, genesis: &plasma_core::Genesis) {
    let transaction = Transaction {
        kind: Kind::Transfer,
        asset: plasma_core::Address::ZERO,
        expiry: EXPIRY_NEVER,
        inputs: vec![Input {
            position: Position {
                block: Height(1),
                transaction: 0,
                output: 0,
            },
            amount: plasma_core::Amount::from(5),
        }],
        outputs: vec![Payment {
            owner: user(2).address(),
            amount: plasma_core::Amount::from(5),
        }],
    };
    let paper = Paper::new(&transaction, user(1).address(), genesis);
    fs::write(folder.0.join("paper"), serde_json::to_string(&paper).unwrap()).unwrap();
}

#[test]
fn nothing_is_signed_where_nobody_agrees_and_a_script_reads_one_document() {
    let (folder, genesis) = desk("wallet-agree");
    let imported = wallet(&folder, &["import", "alice", "--key-file", "key", "--json"]);
    assert_eq!(imported.status.code(), Some(0), "{imported:?}");
    unsigned(&folder, &genesis);
    let journal = plasma_node::wallet::purse::folder_of(&folder.0.join("wallet"), &genesis).join("journal");
    let refused = wallet(&folder, &["sign", "paper", "--json"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let problem = document(&refused);
    assert_eq!(problem["code"], "usage", "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("nobody is there to agree")
    );
    assert_eq!(fs::read(&journal).unwrap(), b"", "nothing was begun");
    let quiet = wallet(&folder, &["sign", "paper", "--quiet"]);
    let shown = String::from_utf8_lossy(&quiet.stderr);
    assert!(shown.contains("input   1:0:0"), "what is asked is shown: {shown}");
    let signed = wallet(&folder, &["sign", "paper", "--json", "--yes"]);
    assert_eq!(signed.status.code(), Some(0), "{signed:?}");
    let paper = document(&signed);
    fs::write(folder.0.join("signed"), paper.to_string()).unwrap();
    let told = String::from_utf8_lossy(&signed.stderr);
    assert!(
        told.contains("to      0x") && told.contains("input   1:0:0"),
        "{told}"
    );

    // Some wallets write the recovery byte as 0 or 1; the 65 bytes are taken all the same.
    let text = paper["signature"].as_str().unwrap();
    let low = match &text[text.len() - 2..] {
        "1b" => "00",
        "1c" => "01",
        other => panic!("{other}"),
    };
    let mut other = paper.clone();
    other["signature"] = format!("{}{low}", &text[..text.len() - 2]).into();
    let read: Paper = serde_json::from_value(other).unwrap();
    let file = folder.0.join("signed");
    let (_, transaction) = Paper::read(&file, &genesis).unwrap();
    let signed = read.signed(transaction.clone(), &genesis).unwrap();
    let first: Paper = serde_json::from_value(paper).unwrap();
    assert_eq!(signed, first.signed(transaction, &genesis).unwrap());
}

#[test]
fn a_password_that_others_can_read_and_a_missing_endpoint_have_their_codes() {
    let (folder, _) = desk("wallet-codes");
    let password = folder.0.join("password");
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = wallet(&folder, &["import", "alice", "--key-file", "key", "--json"]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    assert_eq!(document(&refused)["code"], "key");
    let address = user(1).address().to_string();
    for words in [
        &["exits", "--address", &address, "--json"][..],
        &["exit", "finalize", "1:0:0", "--address", &address, "--json"],
    ] {
        let output = wallet(&folder, words);
        let told = document(&output);
        let is_listed = output.status.code() == Some(0) && told["exits"] == serde_json::json!([]);
        assert!(is_listed || told["code"] == "usage", "{told}");
    }
    let decimal = "1".repeat(70);
    let named = wallet(
        &folder,
        &["exit", "finalize", &decimal, "--address", &address, "--json"],
    );
    let told = document(&named);
    assert!(
        told["detail"].as_str().unwrap().contains("--l1"),
        "an exit by its number: {told}"
    );
    let nowhere = wallet(&folder, &["reclaim", "0", "--address", &address, "--json"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(document(&nowhere)["detail"].as_str().unwrap().contains("--l1"));
    for words in [
        &["reclaim"][..],
        &["reclaim", "x"],
        &["exit"],
        &["exit", "payment"],
    ] {
        assert_eq!(wallet(&folder, words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_changed_password_opens_the_same_key_and_a_wrong_one_changes_nothing() {
    let (folder, _) = desk("wallet-passwd");
    let imported = wallet(&folder, &["import", "alice", "--key-file", "key", "--json"]);
    let address = document(&imported)["address"].clone();
    private(&folder.0.join("other"), "another one\n");
    let file = folder.0.join("wallet/keystores/alice.json");
    let before = fs::read(&file).unwrap();
    let change = |old: &str| {
        let words = ["wallet", "passwd", "alice", "--json", "--wallet-dir", "wallet"];
        let passwords = ["--password-file", old, "--new-password-file", "other"];
        plasma(&[&words[..], &passwords].concat(), &folder.0)
    };
    let refused = change("other");
    assert_eq!(document(&refused)["code"], "key", "{refused:?}");
    assert_eq!(fs::read(&file).unwrap(), before, "nothing was changed");
    let changed = change("password");
    assert_eq!(document(&changed)["address"], address, "{changed:?}");
    let refused = change("password");
    assert_eq!(
        document(&refused)["code"],
        "key",
        "the old one is over: {refused:?}"
    );
    assert_eq!(document(&change("other"))["address"], address);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let unasked = wallet(&folder, &["passwd", "nobody", "--json"]);
    assert_ne!(unasked.status.code(), Some(0));
    assert!(
        document(&unasked)["detail"]
            .as_str()
            .unwrap()
            .contains("there is no account nobody")
    );
}

#[test]
fn what_is_believed_at_the_start_is_on_the_disk() {
    if let Some(reason) = strace::absence() {
        return skip("what_is_believed_at_the_start_is_on_the_disk", &reason);
    }
    let (folder, genesis) = desk("wallet-synced");
    let address = user(1).address().to_string();
    wallet(&folder, &["exits", "--address", &address]);
    // Everything is there: what follows writes nothing.
    let traced = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fsync", "-o", "trace"])
        .arg(env!("CARGO_BIN_EXE_plasma"))
        .args(["wallet", "exits", "--address", &address, "--wallet-dir", "wallet"])
        .args(["--federation", "federation.toml"])
        .current_dir(&folder.0)
        .output()
        .unwrap();
    assert_eq!(traced.status.code(), Some(0), "{traced:?}");
    let trace = fs::read_to_string(folder.0.join("trace")).unwrap();
    let own = plasma_node::wallet::purse::folder_of(Path::new("wallet"), &genesis);
    for name in ["", "/journal", "/outputs", "/headers", "/payments"] {
        let synced = format!("{}{name}>) ", own.display());
        let is_synced = trace
            .lines()
            .any(|line| line.contains("fsync(") && line.contains(&synced));
        assert!(is_synced, "{synced} in {trace}");
    }
}

#[test]
fn what_an_operator_says_steers_no_terminal() {
    let evil = "gone\u{1b}[2J\rSign this?\u{202e}";
    let problem = Code::NotFound.because(format!("{evil}\n")).hint(evil);
    let said = problem.to_string();
    assert!(
        !said.contains(char::is_control) && !said.contains('\u{202e}'),
        "{said:?}"
    );
    assert!(
        said.contains(r"gone\u{1b}[2J\u{d}Sign this?\u{202e}\u{a} ("),
        "{said}"
    );
    // Whatever else is told passes the same way out.
    let (folder, _) = desk("wallet-words");
    let refused = wallet(
        &folder,
        &["exit", "x\u{1b}[2Jy", "--address", "0x\u{1b}[2J\u{202e}"],
    );
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{told:?}");
}
