//! However a testnet ends, no process of it is left, and nothing lies outside its data folder.

use std::sync::{Mutex, PoisonError};

use super::running::Running;

/// Two testnets at once would fight for two processors.
static TURN: Mutex<()> = Mutex::new(());

/// Four operators, anvil and its guard.
const DESCENDANTS: usize = 6;

#[test]
fn ctrl_c_leaves_no_process_and_no_folder() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
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
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running = Running::start("terminate");
    running.signal("TERM");
    assert_eq!(running.ended(), Some(0));
    running.assert_nobody_is_left();
    assert!(!running.run_folder().exists(), "its run folder is still there");
}

#[test]
fn sigkill_of_the_parent_leaves_no_process() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
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
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
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
