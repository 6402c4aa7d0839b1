//! Operators that die, hang and are cut off while users pay, as whole processes: the trials, in their short forms, and what
//! they say when something is wrong.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::running::{binary, data_folder, turn};

/// Runs a trial with a run folder of its own; anvil lies in the folder that all tests share.
fn trial(arguments: &[&str]) -> Output {
    let mut command = binary();
    command
        .arg("trial")
        .args(arguments)
        .arg("--data-dir")
        .arg(data_folder());
    command.output().expect("plasma-testnet starts")
}

fn words(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Whether the sweep can be run here; a machine of root's own must be able to.
fn is_traceless(output: &Output) -> bool {
    const DEPENDENCY_MISSING: i32 = 12;
    let is_missing = output.status.code() == Some(DEPENDENCY_MISSING) && words(output).contains("strace");
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|found| {
        use std::os::unix::fs::MetadataExt as _;
        found.uid() == 0
    });
    assert!(!(is_missing && is_root), "{}", words(output));
    is_missing
}

/// The logs of a run that was made to fail are of no interest.
fn forget_logs(said: &str) {
    let folder = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("the operators' logs stay in "));
    if let Some(folder) = folder.filter(|folder| Path::new(folder).starts_with(data_folder())) {
        std::fs::remove_dir_all(folder).expect("the folder of a run that failed");
    }
}

#[test]
fn operator_killed_at_any_write_votes_again_and_has_forgotten_nothing() {
    let _turn = turn();
    let output = trial(&["killing", "--blocks", "40", "--every", "13"]);
    if is_traceless(&output) {
        return;
    }
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for line in [
        "none lost; no contradiction, no alarm",
        "at vote log pwrite64",
        "at vote log fdatasync",
    ] {
        assert!(said.contains(line), "{line:?} in {said}");
    }
}

#[test]
fn wallet_killed_at_any_call_does_nothing_twice_and_leaves_without_operators() {
    let _turn = turn();
    let output = trial(&["wallet", "--every", "29", "--calls", "fdatasync,sendto"]);
    if is_traceless(&output) {
        return;
    }
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for words in [
        "were each made once",
        "were paid on Ethereum with all operators dead",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn sweep_finds_a_log_that_is_gone() {
    let _turn = turn();
    let output = trial(&["killing", "--blocks", "5", "--planted", "lost-log"]);
    if is_traceless(&output) {
        return;
    }
    let said = words(&output);
    assert_eq!(output.status.code(), Some(CHECK_FAILED), "{said}");
    assert!(said.contains("came back and ended with exit status: 6"), "{said}");
    forget_logs(&said);
}

#[test]
fn sweep_finds_an_old_log_beside_a_newer_storage() {
    let _turn = turn();
    let output = trial(&["killing", "--blocks", "5", "--planted", "old-log"]);
    if is_traceless(&output) {
        return;
    }
    let said = words(&output);
    assert_eq!(output.status.code(), Some(CHECK_FAILED), "{said}");
    assert!(said.contains("came back and ended with exit status: 6"), "{said}");
    forget_logs(&said);
}

#[test]
fn killed_operator_is_back_by_itself_and_its_return_is_measured() {
    let _turn = turn();
    let output = trial(&["restarting", "--times", "4", "--json"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let returns: Vec<Value> = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(returns.len(), 4);
    for one in returns {
        let at = |name: &str| one[name].as_u64().filter(|ms| *ms > 0);
        assert!(
            at("answers_ms") <= at("votes_ms") && at("votes_ms").is_some(),
            "{one}"
        );
    }
}

#[test]
fn leader_killed_between_submit_and_commit_costs_a_wait_and_no_money() {
    let _turn = turn();
    let output = trial(&["leading", "--times", "4"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("every payment was made once"), "{said}");
}

/// The log of that operator knows more final blocks than it keeps in memory.
#[test]
fn operator_without_its_storage_catches_up_block_by_block() {
    let _turn = turn();
    let output = trial(&["joining", "--blocks", "300"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("blocks one by one in"), "{said}");
}

#[test]
fn operator_without_its_storage_takes_a_snapshot_where_old_blocks_are_gone() {
    let _turn = turn();
    let output = trial(&["joining", "--pruned", "--blocks", "1150"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("blocks by a snapshot in"), "{said}");
}

#[test]
fn operator_without_its_log_is_refused_rejoins_and_votes_again() {
    let _turn = turn();
    let output = trial(&["rejoining"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let back = "refused with exit status: 6; votes again";
    assert_eq!(
        said.matches(back).count(),
        2,
        "without its log, and without all but keys: {said}"
    );
    let needless = "refused with exit status: 3; votes without the flag";
    assert!(said.contains(needless), "{said}");
}

#[test]
fn federation_stands_and_says_why_and_goes_on_whoever_was_away() {
    let _turn = turn();
    let output = trial(&["outages"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("no-quorum said after").count(), 2, "{said}");
    assert!(said.contains("payments, none lost"), "{said}");
}

#[test]
fn flood_of_payments_and_rubbish_loses_no_payment_and_no_vote_and_is_measured() {
    let _turn = turn();
    let output = trial(&["flooding", "--for", "3s", "--payments", "1500", "--json"]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("payments of the flood, none lost"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(report["flooded"]["votes_crowded_out"], 0);
    let flood = &report["flood"];
    assert!(flood["payments_accepted"].as_u64() > Some(0), "{flood}");
    assert!(
        flood["http_rubbish"].as_u64() > Some(0) && flood["libp2p_rubbish"].as_u64() > Some(0),
        "{flood}"
    );
    for time in ["calm", "flooded"] {
        let seen = &report[time];
        for measured in [
            &seen["commit_ms"]["p99"],
            &seen["block_ms"]["p99"],
            &seen["payment_copies"],
        ] {
            assert!(measured.as_f64() > Some(0.0), "{time}: {seen}");
        }
        let resident = seen["resident_mib"].as_array().expect("one for each process");
        assert!(
            resident.len() == 4 && resident.iter().all(|held| held.as_f64() > Some(1.0)),
            "{seen}"
        );
    }
    assert!(report["returned"]["peak_mib"].as_f64() > Some(1.0), "{report}");
}

/// Something was not as it must be.
const CHECK_FAILED: i32 = 11;
