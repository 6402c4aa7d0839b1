//! What is missing or wrong is said once, with the ways out, and by its own exit code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::running::binary;

/// No anvil was ever fetched into this folder.
fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("empty-{name}"));
    let _absent = std::fs::remove_dir_all(&folder);
    folder
}

fn outcome(mut command: Command, arguments: &[&str], folder: &Path) -> Output {
    command.args(arguments).arg("--data-dir").arg(folder);
    command.env_remove("PLASMA_ANVIL").env("PATH", "");
    command.output().expect("plasma-testnet starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_anvil_and_npm_one_message_names_the_ways_out() {
    let output = outcome(binary(), &["up"], &empty_folder("up"));
    assert_eq!(output.status.code(), Some(12));
    let words = words(&output);
    assert_eq!(words.matches("error:").count(), 1, "{words}");
    for way in ["PATH", "PLASMA_ANVIL", "Node.js"] {
        assert!(words.contains(way), "{way} is not named in:\n{words}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn a_named_anvil_that_is_none_is_an_error_of_its_own() {
    let mut command = binary();
    command
        .args(["up", "--data-dir"])
        .arg(empty_folder("named"))
        .env("PLASMA_ANVIL", "/nowhere/anvil");
    let output = command.output().expect("plasma-testnet starts");
    assert_eq!(output.status.code(), Some(12));
    assert!(words(&output).contains("/nowhere/anvil"), "{}", words(&output));
}

#[test]
fn a_story_that_cannot_begin_is_still_one_document() {
    let output = outcome(binary(), &["demo", "--json"], &empty_folder("demo"));
    assert_eq!(output.status.code(), Some(12));
    let document: Value = serde_json::from_slice(&output.stdout).expect("exactly one JSON document");
    assert_eq!(document["ok"], Value::Bool(false));
    assert_eq!(document["operators"], Value::from(4));
    let step = &document["steps"][0];
    assert_eq!(
        (step["ok"].as_bool(), step["name"].as_str()),
        (Some(false), Some("committee-registered"))
    );
    assert!(
        step["evidence"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("anvil"))
    );
}

#[test]
fn wrong_arguments_exit_with_two_and_say_which() {
    for (arguments, named) in [
        (&["up", "-n", "3"][..], "3"),
        (&["up", "--deposit", "much"], "much"),
        (&["up", "--deposit", "0"], "more than nothing"),
        (&["up", "--deposit", "10000eth"], "10000 ETH"),
        (&["load", "--for", "20"], "20"),
        (&["dance"], "dance"),
    ] {
        let output = binary().args(arguments).output().expect("plasma-testnet starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            words(&output).contains(named),
            "{arguments:?}: {}",
            words(&output)
        );
    }
}
