//! However a testnet ends, no process of it is left, and nothing lies outside its data folder.

use super::running::{Running, binary, turn};

/// Four operators, anvil and its guard.
const DESCENDANTS: usize = 6;

#[test]
fn ctrl_c_leaves_no_process_and_no_folder() {
    let _turn = turn();
    let mut running = Running::start("interrupt");
    assert_eq!(
        running.descendants().len(),
        DESCENDANTS,
        "{:#?}",
        running.descendants()
    );
    running.signal("INT");
    assert_eq!(running.ended(), Some(0));
    running.assert_nobody_is_left();
    assert!(!running.run_folder().exists(), "its run folder is still there");
    running.assert_home_is_empty();
}

#[test]
fn sigterm_leaves_no_process_and_no_folder() {
    let _turn = turn();
    let mut running = Running::start("terminate");
    running.signal("TERM");
    assert_eq!(running.ended(), Some(0));
    running.assert_nobody_is_left();
    assert!(!running.run_folder().exists(), "its run folder is still there");
}

#[test]
fn sigkill_of_the_parent_leaves_no_process() {
    let _turn = turn();
    let mut running = Running::start("kill");
    assert_eq!(
        running.descendants().len(),
        DESCENDANTS,
        "{:#?}",
        running.descendants()
    );
    running.signal("KILL");
    assert_eq!(running.ended(), None, "it did not die of the signal");
    running.assert_nobody_is_left();
    running.assert_home_is_empty();
    std::fs::remove_dir_all(running.run_folder()).expect("a killed run leaves its folder in the data folder");
}

#[test]
fn an_operator_that_ends_is_named_and_the_end_of_ethereum_is_the_end() {
    let _turn = turn();
    let mut running = Running::start("deaths");
    running.kill_descendant("operator-2/plasma.toml");
    running.says("operator 2 ended with signal: 9");
    assert_eq!(running.descendants().len(), DESCENDANTS - 1, "the others go on");
    running.kill_descendant("/anvil --port");
    running.says("anvil, the Ethereum node, ended with");
    assert_eq!(running.ended(), Some(1));
    running.assert_nobody_is_left();
    let _kept_for_its_logs = std::fs::remove_dir_all(running.run_folder());
}

#[test]
fn running_operator_is_backed_up_and_a_dead_one_checked_and_restored() {
    let _turn = turn();
    let mut running = Running::start("backup");
    let operator = running.run_folder().join("operator-0");
    let backup = running.run_folder().join("backup.plasma");
    let db = |arguments: &[&str], code: i32, words: &str| {
        let mut command = binary();
        command
            .arg("plasma")
            .arg("--config")
            .arg(operator.join("plasma.toml"));
        let output = command
            .arg("db")
            .args(arguments)
            .output()
            .expect("the command runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{words:?} in {said}");
    };
    let file = backup.to_str().expect("a path in UTF-8");
    db(&["info"], 0, "operator running");
    db(&["export", file], 0, "full archive");
    db(&["verify"], 4, "already used by pid");
    running.signal("KILL");
    assert_eq!(running.ended(), None, "it did not die of the signal");
    running.assert_nobody_is_left();
    db(&["info"], 0, "operator stopped");
    db(&["verify", "--certificates"], 0, "holds together");
    let storage = operator.join("data/db");
    std::fs::rename(&storage, operator.join("data/old")).expect("the storage moves aside");
    db(&["import", file], 0, "holds together");
    std::fs::remove_dir_all(running.run_folder()).expect("a killed run leaves its folder in the data folder");
}
